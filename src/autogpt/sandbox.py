"""Code that a model wrote, run where it can do little harm: another process, without files, network or children.

The process has its own session, an empty folder and environment, limits of the system on CPU time, memory and what it
may write, and an audit hook of Python that refuses to open sockets, start processes, write anywhere, or read anything
but Python's own library. That is enough for the accidents of generated code; it is no jail for an attacker, who
should be kept in a container as well.
"""

from __future__ import annotations

import math
import os
import signal
import subprocess
import sys
import tempfile
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from autogpt.errors import ConfigError

SECONDS, MEMORY, OUTPUT = 5.0, 512_000_000, 100_000
"""Limits of one program: by the clock and in CPU time, in bytes, and in bytes that it may print."""
_GUARD = """
import os, resource, runpy, sys
seconds, memory, output = (int(one) for one in sys.argv[2:5])
for name, most in (("CPU", seconds), ("AS", memory), ("FSIZE", output), ("NOFILE", 32), ("CORE", 0)):
    resource.setrlimit(getattr(resource, "RLIMIT_" + name), (most, most + (name == "CPU")))
program, real = os.path.realpath(sys.argv[1]), os.path.realpath
library = real(os.path.dirname(os.__file__)) + os.sep
sys.argv = [program]
FORBIDDEN = tuple('''
    socket. subprocess. ctypes. shutil. pty. signal. fcntl. mmap. tempfile. gc. sys.settrace sys.setprofile
    os.exec os.fork os.posix_spawn os.spawn os.system os.kill os.remove os.rename os.mkdir os.rmdir os.link os.symlink
    os.chmod os.chown os.putenv os.truncate os.utime os.setxattr
'''.split())
MODULES = set("ctypes _ctypes cffi socket _socket ssl multiprocessing _posixsubprocess subprocess".split())
def refuse(event, arguments):
    if event == "open":
        path, mode = real(os.fsdecode(arguments[0]) if not isinstance(arguments[0], int) else "/"), arguments[1] or ""
        writes = any(sign in mode for sign in "wax+") or bool((arguments[2] or 0) & 3)
        if writes or not (path == program or path.startswith(library)):
            raise PermissionError("the sandbox opens no files: " + path)
    elif event in ("os.listdir", "os.scandir") and not (real(str(arguments[0])) + os.sep).startswith(library):
        raise PermissionError("the sandbox shows no folders: " + str(arguments[0]))
    elif event == "import" and arguments[0].split(".")[0] in MODULES:
        raise PermissionError("the sandbox has no module " + arguments[0])
    elif event.startswith(FORBIDDEN):
        raise PermissionError("the sandbox does not allow " + event)
sys.addaudithook(refuse)
runpy.run_path(sys.argv[0], run_name="__main__")
"""


@dataclass(frozen=True, slots=True)
class Outcome:
    """How a program ended: `ok`, `error` (an exception), `timeout` or `killed` (by a limit); what it printed."""

    status: str
    output: str
    error: str = ""

    @property
    def ok(self) -> bool:
        """Whether it came to its end."""
        return self.status == "ok"


def run_python(code: str, *, seconds: float = SECONDS, memory: int = MEMORY) -> Outcome:
    """Run a Python program. ConfigError where the system has no such limits (Windows)."""
    if os.name != "posix":
        raise ConfigError("generated code is run on Linux and macOS only: this system cannot limit a process")
    with tempfile.TemporaryDirectory() as folder:
        program, printed, failed = (Path(folder) / name for name in ("program.py", "out", "err"))
        program.write_text(code, "utf-8", errors="replace")
        with printed.open("wb") as out, failed.open("wb") as err:
            process = subprocess.Popen(
                [sys.executable, "-I", "-S", "-B", "-X", "utf8", "-c", _GUARD, str(program),
                 str(max(1, round(seconds))), str(memory), str(OUTPUT)],
                cwd=folder, env={}, stdin=subprocess.DEVNULL, stdout=out, stderr=err, start_new_session=True,
            )  # fmt: skip
            try:
                ended = process.wait(timeout=seconds + 1.0)
            except subprocess.TimeoutExpired:
                ended = None
            finally:
                _end(process)
        said, why = (path.read_text("utf-8", errors="replace")[:OUTPUT] for path in (printed, failed))
    if ended is None or ended == -signal.SIGXCPU:
        return Outcome("timeout", said)
    if ended < 0:
        return Outcome("killed", said, signal.Signals(-ended).name)
    return Outcome("ok" if ended == 0 else "error", said, (why.strip().splitlines() or [""])[-1])


def pass_at_k(written: int, right: int, k: int) -> float:
    """The chance that one of `k` programs is right, of `written` of which `right` are: 1 - C(n - c, k) / C(n, k).

    "Evaluating Large Language Models Trained on Code" (Chen et al. 2021): unbiased, as 1 - (1 - c / n)^k is not.
    """
    if not 0 <= right <= written or not 1 <= k <= written:
        raise ConfigError(f"pass@{k} of {written} programs, {right} of them right, is not defined; write {k} or more")
    return 1.0 - math.comb(written - right, k) / math.comb(written, k)


def _end(process: subprocess.Popen[bytes]) -> None:
    """Nothing of it may live on."""
    with suppress(ProcessLookupError, PermissionError):
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()
