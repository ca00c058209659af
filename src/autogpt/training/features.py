"""Frozen features, computed once per run: in memory, and on disk so that a resumed run need not read again.

Several processes of a run may keep theirs in one folder: each writes shards of its own, and sees those of the others.
"""

from __future__ import annotations

import hashlib
import json
import time
import uuid
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from autogpt import files
from autogpt.core import Example, Features, Inputs
from autogpt.memory import SHARE, Guard, size
from autogpt.runtime import Runtime

if TYPE_CHECKING:
    from autogpt.core import Array, Scores

FIRST_ROWS, MOST_ROWS = 64, 4096
CHUNK_SECONDS = 3.0
PAIRED_SECONDS, PAIRED_ROWS = 0.25, (8, 64)
"""How long rows are read in each number format to tell them apart, and how many these are at least and at most."""
COPIES = 4
"""Features as they are kept, on their way to the disk, stacked, and scaled for the solver."""


class FeatureCache:
    """See `core.Features`. `open_encoder` is called when the first row has to be read."""

    def __init__(
        self, open_encoder: Callable[[], Any], *, folder: Path | None = None, guard: Guard | None = None
    ) -> None:
        self._open, self._encoder, self._folder = open_encoder, None, folder
        self._guard = guard or Guard()
        self._found: dict[str, Array] = {}
        self._seen: set[str] = set()
        self.read_rows, self.read_seconds, self.load_seconds = 0, 0.0, 0.0
        self._see()

    def get(self, inputs: Sequence[Inputs], *, seconds: float | None = None) -> tuple[list[int], Scores]:
        """Places of rows whose features are known or could be read within `seconds`, and these features.

        Rows are read in the order given: shuffle them first if a part must stand for the whole.
        """
        deadline = time.monotonic() + seconds if seconds is not None else float("inf")
        keys = [key(row) for row in inputs]
        if any(k not in self._found for k in keys):
            self._see()
        missing = list({k: place for place, k in enumerate(keys) if k not in self._found}.values())
        fresh: list[str] = []
        if missing and seconds != 0:
            self.encoder()  # loading counts too
        while missing and seconds != 0:
            count = self._chunk_rows()
            expected = count / self.rows_per_second if self.rows_per_second else 0.0
            if time.monotonic() + expected > deadline:
                if fresh:
                    break
                count = FIRST_ROWS  # loading alone may have taken the time: a few rows are always read
            if not self._has_room(min(count, len(missing)), fresh):
                break
            chunk, missing = missing[:count], missing[count:]
            self._read([inputs[place] for place in chunk], [keys[place] for place in chunk])
            fresh += [keys[place] for place in chunk]
        if fresh:
            self._store(fresh)
        places = [place for place, k in enumerate(keys) if k in self._found]
        rows = [self._found[keys[place]] for place in places]
        if not rows:
            return places, np.zeros((0, 0), dtype=np.float32)
        return places, rows if rows[0].ndim > 1 else np.stack(rows)

    @property
    def free(self) -> Array | None:
        """See `core.Features`."""
        found: Array | None = self.encoder().free
        return found

    @property
    def once_seconds(self) -> float:
        """See `core.Features`."""
        return self.load_seconds + self.read_seconds

    @property
    def rows_per_second(self) -> float | None:
        """Measured reading speed; None before anything was read."""
        return self.read_rows / self.read_seconds if self.read_rows else None

    def measured(self) -> dict[str, float]:
        """What `heard` is told in another process."""
        return {"rows": self.read_rows, "seconds": self.read_seconds, "loading": self.load_seconds}

    def heard(self, *, rows: int, seconds: float, loading: float) -> None:
        """Another process read so many rows in so many seconds, and took others to load the encoder."""
        self.read_rows, self.read_seconds = self.read_rows + rows, self.read_seconds + seconds
        self.load_seconds = max(self.load_seconds, loading)

    def encoder(self) -> Any:
        """The encoder that reads; loaded at the first call."""
        if self._encoder is None:
            started = time.monotonic()
            self._encoder = self._open()
            self.load_seconds += time.monotonic() - started
        return self._encoder

    def _has_room(self, count: int, fresh: Sequence[str]) -> bool:
        """Whether so many rows more fit into memory; they are copied when they are stored, stacked and solved on."""
        if not self._found:
            return True
        newest = next(reversed(self._found.values()))
        taken, room = (count + len(fresh)) * newest.nbytes * COPIES, self._guard.room()
        if taken <= SHARE * room.bytes:
            return True
        self._guard.tell(
            f"features of {len(self._found):,} rows are kept, and no more are read: {size(taken)} would be taken next, "
            f"and {size(room.bytes)} may be used ({room.bound})"
        )
        return False

    def _chunk_rows(self) -> int:
        """Rows to read between two looks at the clock: few before the speed is known."""
        if self.rows_per_second is None:
            return FIRST_ROWS
        return int(min(MOST_ROWS, max(FIRST_ROWS, CHUNK_SECONDS * self.rows_per_second)))

    def _read(self, inputs: Sequence[Inputs], keys: Sequence[str]) -> None:
        encoder = self.encoder()
        started = time.monotonic()
        self._found.update(zip(keys, encoder.features(inputs), strict=True))
        self.read_seconds += time.monotonic() - started
        self.read_rows += len(inputs)

    def _store(self, keys: Sequence[str]) -> None:
        """One shard: all rows below each other, and a JSON list of (key, rows) in its metadata file."""
        from safetensors.numpy import save

        if self._folder is None:
            return
        self._folder.mkdir(parents=True, exist_ok=True)
        rows = [np.atleast_2d(self._found[k]) for k in keys]
        flat = self._found[keys[0]].ndim == 1
        listed = {"keys": list(keys), "rows": [len(row) for row in rows], "flat": flat}
        name = f"shard-{len(self._seen):04d}-{uuid.uuid4().hex[:12]}"  # no other process writes one of this name
        files.write_bytes(self._folder / f"{name}.safetensors", save({"features": np.concatenate(rows)}))
        files.write_json(self._folder / f"{name}.json", listed)  # the index last: a shard without it does not exist
        self._seen.add(name)

    def _see(self) -> None:
        """Shards in the folder that were not seen yet."""
        from safetensors.numpy import load_file

        if self._folder is None or not self._folder.is_dir():
            return
        for index in sorted(self._folder.glob("shard-*.json")):
            if index.stem in self._seen:
                continue
            listed = json.loads(index.read_text("utf-8"))
            table = load_file(index.with_suffix(".safetensors"))["features"]
            parts = np.split(table, np.cumsum(listed["rows"])[:-1])
            self._found.update({k: p[0] if listed["flat"] else p for k, p in zip(listed["keys"], parts, strict=True)})
            self._seen.add(index.stem)


def exact_cost(features: Features, rows: Sequence[Example], runtime: Runtime, *, rounds: int = 2) -> float:
    """How many times longer reading takes in float32 than features take, which are read in bf16 where that is faster.

    Measured on rows: matrix products alone were 6 times faster where reading was 1.6 times. Both ways take turns,
    and the best of each counts, so that a passing load does not decide.
    """
    if runtime.dtype == "float32":
        return 1.0
    least, most = PAIRED_ROWS
    count = int(min(most, max(least, PAIRED_SECONDS * (features.rows_per_second or 0.0))))
    encoder, inputs = features.encoder(), [row.inputs for row in rows[:count]]

    def seconds(exact: bool) -> float:
        started = time.monotonic()
        encoder.features(inputs, exact=exact)
        return time.monotonic() - started

    measured = [(seconds(True), seconds(False)) for _ in range(rounds)]
    return min(exact for exact, _ in measured) / max(min(fast for _, fast in measured), 1e-9)


def key(inputs: Inputs) -> str:
    """Digest of what the model reads of a row: of words not the text that they stand in."""
    unread = ("text", "offsets") if "tokens" in inputs else ()
    read = {name: value for name, value in inputs.items() if name not in unread}
    return hashlib.sha256(json.dumps(read, sort_keys=True, ensure_ascii=True).encode()).hexdigest()[:32]
