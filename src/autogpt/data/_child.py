"""Parsing of files in a process of its own, so that a hostile file can neither crash nor hang the caller.

The child gets a request on its standard input, sets itself a memory limit (where the system has one), and sends what
it reads as lines of JSON on its standard output, rows in batches of about 256 KB. The parent gives it a time limit.
Nothing is pickled; the child imports the one source that it needs, and no torch. The pipe holds the child back when
the reader is slow, so that a file larger than memory can be streamed.
"""

from __future__ import annotations

import json
import logging
import os
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import asdict
from pathlib import Path
from typing import IO, Any, cast

from autogpt.core import Rejection
from autogpt.errors import SourceError
from autogpt.sources import Cut, Item, Left, Limits, Note, Request, Split, drawn

log = logging.getLogger(__name__)

_BATCH = 1 << 18
_HOPELESS = 100_000  # rejected rows after which a file of which most rows are rejected is given up
_encode = json.JSONEncoder(ensure_ascii=True, separators=(",", ":")).encode


def parse(plugin: str, source: str | Path, request: Request, *, streaming: bool = False) -> Iterator[Item]:
    """The items of a file, parsed in a child process.

    `request.limits.timeout` is for the whole file; when `streaming`, for the time between two batches.
    """
    limits = request.limits
    deadline = time.monotonic() + limits.timeout
    size = counted = 0
    with tempfile.TemporaryFile() as errors, _child(errors) as process:
        _send(process, {"plugin": plugin, "source": str(source), "request": asdict(request)})
        while True:
            wait = limits.timeout if streaming else deadline - time.monotonic()
            line, late = _line(process, wait)
            if late:
                raise SourceError(
                    f"{source}: reading took more than {limits.timeout:g} s, the limit; "
                    "give a smaller file or raise limits.timeout"
                )
            size += len(line)
            if size > limits.memory and not streaming:
                raise SourceError(
                    f"{source}: its rows take more than {limits.memory:,} bytes, the limit; "
                    "give a smaller file or raise limits.memory"
                )
            message = _message(line)
            if message is None:
                raise SourceError(_crash(process, errors, source, limits))
            if "error" in message:
                raise SourceError(message["error"])
            if "end" in message:
                if message["end"] != counted:
                    raise SourceError(f"{source}: {message['end']} rows were read and {counted} arrived; read it again")
                return
            for item in _items(message):
                counted += isinstance(item, (tuple, Rejection))
                yield item


def _child(errors: IO[bytes]) -> _Process:
    root = str(Path(__file__).parents[2])
    path = os.pathsep.join([root, *filter(None, [os.environ.get("PYTHONPATH")])])
    one = {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1", "MALLOC_ARENA_MAX": "2", "RUST_BACKTRACE": "0"}
    env = {**os.environ, **one, "PYTHONPATH": path, "ARROW_DEFAULT_MEMORY_POOL": "system"}
    return _Process(
        # -P: a json.py in the user's working folder must not be imported
        [sys.executable, "-P", "-X", "utf8", "-m", "autogpt.data._child"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=errors,
        env=env,
        start_new_session=True,  # Ctrl-C reaches the parent only, which ends the child
    )


class _Process(subprocess.Popen[bytes]):
    """A process that does not outlive its `with` block."""

    @property
    def requests(self) -> IO[bytes]:
        return cast(IO[bytes], self.stdin)

    @property
    def answers(self) -> IO[bytes]:
        return cast(IO[bytes], self.stdout)

    def __exit__(self, *reason: object) -> None:
        self.kill()
        super().__exit__(None, None, None)


def _send(process: _Process, request: dict[str, Any]) -> None:
    with suppress(BrokenPipeError):  # the child is gone already: its exit is reported when its output ends
        process.requests.write(json.dumps(request).encode())
        process.requests.close()


def _line(process: _Process, seconds: float) -> tuple[bytes, bool]:
    """The next line of the child, and whether it had to be ended because it took too long."""
    late = threading.Event()

    def end() -> None:
        late.set()
        process.kill()

    timer = threading.Timer(max(0.0, seconds), end)
    timer.daemon = True
    timer.start()
    try:
        return process.answers.readline(), late.is_set()
    finally:
        timer.cancel()


def _message(line: bytes) -> dict[str, Any] | None:
    if not line.endswith(b"\n"):
        return None
    message = json.loads(line)
    return message if isinstance(message, dict) else None


def _items(message: dict[str, Any]) -> Iterator[Item]:
    columns = message["columns"]
    for entry in message["items"]:
        if isinstance(entry, list):
            yield entry[0], dict(zip(columns, entry[1:], strict=True))
        elif "row" in entry:
            line, row = entry["row"]
            yield line, row
        elif "rejected" in entry:
            yield Rejection(*entry["rejected"])
        elif "note" in entry:
            yield Note(entry["note"])
        elif "left" in entry:
            yield Left(entry["left"])
        elif "cut" in entry:
            yield Cut(*entry["cut"])
        else:
            yield Split(entry["split"])


def _crash(process: _Process, errors: IO[bytes], source: str | Path, limits: Limits) -> str:
    code = process.wait()
    errors.seek(0)
    said = errors.read(4000).decode("utf-8", "replace")
    log.debug("parser of %s ended with %s: %s", source, code, said)
    if "memory" in said.lower() or "MemoryError" in said or code == -9:
        return _too_big(source, limits)
    fix = "open it in the program that wrote it and save it again"
    return f"{source}: the parser ended with code {code}: the file is damaged or hostile; {fix}"


def _too_big(source: str | Path, limits: Limits) -> str:
    fix = "give a smaller file (JSON Lines needs least memory) or raise limits.memory"
    return f"{source}: reading needs more than {limits.memory:,} bytes of memory, the limit; {fix}"


class _Sender:
    """Items as lines of JSON, many to a line; the columns of a line's first row are written only once."""

    def __init__(self, send: Callable[[str], object]) -> None:
        self._send = send
        self._columns: tuple[str, ...] | None = None
        self._entries: list[str] = []
        self._size = 0
        self.count = 0

    def item(self, item: Item) -> None:
        text = self._entry(item)
        self.count += isinstance(item, (tuple, Rejection))
        self._entries.append(text)
        self._size += len(text)
        if self._size > _BATCH:
            self.flush()

    def flush(self) -> None:
        if self._entries:
            self._send(f'{{"columns":{_encode(self._columns)},"items":[{",".join(self._entries)}]}}\n')
        self._columns, self._entries, self._size = None, [], 0

    def _entry(self, item: Item) -> str:
        if isinstance(item, tuple):
            line, row = item
            columns = tuple(row)
            if self._columns is None:
                self._columns = columns
            return _encode([line, *row.values()] if columns == self._columns else {"row": [line, row]})
        if isinstance(item, Rejection):
            return _encode({"rejected": [item.origin, item.line, item.reason]})
        if isinstance(item, Note):
            return _encode({"note": item.text})
        if isinstance(item, Split):
            return _encode({"split": item.name})
        if isinstance(item, Left):
            return _encode({"left": item.count})
        if isinstance(item, Cut):
            return _encode({"cut": [item.block, item.share, item.estimated]})
        raise TypeError(f"a source of files gave {type(item).__name__}")


def _limit_memory(limit: int) -> None:
    try:
        import resource
    except ImportError:  # Windows
        return
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    _, hard = resource.getrlimit(resource.RLIMIT_AS)
    ceiling = limit + (512 << 20)  # the interpreter and its libraries take address space before any row is read
    resource.setrlimit(resource.RLIMIT_AS, (ceiling if hard < 0 else min(ceiling, hard), hard))


def main() -> None:
    """The child: one request in, its items out."""
    out = os.fdopen(os.dup(1), "w", encoding="ascii", buffering=1 << 16)
    os.dup2(2, 1)  # whatever a library prints must not stand between the items
    call = json.loads(sys.stdin.buffer.read())
    limits = Limits(**call["request"].pop("limits"))
    request = Request(**call["request"], limits=limits)
    source = call["source"]
    _limit_memory(limits.memory)
    sender = _Sender(out.write)
    rejected = left = 0
    block, share = 1, request.share
    try:
        from autogpt import registry

        for item in registry.get("sources", call["plugin"]).items(source, request):
            if isinstance(item, Cut):
                block, share = item.block, item.share
            if isinstance(item, tuple) and not drawn(item[0] // block, share):
                left += 1
                continue
            sender.item(item)
            if isinstance(item, Rejection):
                rejected += 1
                if rejected % _HOPELESS == 0 and rejected * 2 > sender.count:
                    what = f"{rejected:,} of its first {sender.count:,} rows cannot be used"
                    raise SourceError(f"{source}: {what}, such as line {item.line}: {item.reason}; repair the file")
            if sender.count > limits.rows:
                raise SourceError(
                    f"{source}: there are more than {limits.rows:,} rows, the limit; "
                    "give a smaller file or raise limits.rows"
                )
        sender.item(Left(left))
        sender.flush()
        last: dict[str, Any] = {"end": sender.count}
    except SourceError as error:
        last = {"error": str(error)}
    except MemoryError:
        last = {"error": _too_big(source, limits)}
    except Exception as error:  # a parser's own error, whatever it is: a message, not a traceback
        log.warning("reading %s", source, exc_info=True)
        what = f"{type(error).__name__}: {error}".splitlines()[0][:120]
        last = {"error": f"{source}: it cannot be read as {call['plugin']} ({what}); check the file and write it again"}
    out.write(_encode(last) + "\n")
    out.flush()
    os._exit(0)  # the threads and caches of a parser have nothing left to do


if __name__ == "__main__":
    main()
