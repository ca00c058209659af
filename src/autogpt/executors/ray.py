"""Trials as tasks of Ray, over the machines of a cluster; without an address Ray is started here.

A task is a generator: it yields what its trial tells, a sign of life every few seconds, and in the end the trial's
folder, packed. So no file system has to be shared; where one is (the task finds the sign of the run in its folder),
the trial works in it, and goes on from its own checkpoint after its machine was lost. A lost trial is ordered again.
Each task has a GPU to itself where the cluster has any; otherwise the cores are divided among the tasks.
"""

from __future__ import annotations

import io
import os
import queue
import socket
import tempfile
import threading
import time
import zipfile
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from autogpt import files
from autogpt.errors import ConfigError
from autogpt.events import Event
from autogpt.orders import LOST, STOPPED, Ending, News, Order, perform

ALIVE_SECONDS, TELL_SECONDS = 5.0, 0.5
"""A task says that it lives so often, and gathers what it tells for so long."""
GRACE_SECONDS = 10.0
"""Who is not done so long after its time, the way through the cluster included, is taken for hung."""
ATTEMPTS = 3
KNOCK_SECONDS = 10.0
SIGN = ".sign"
"""A file of the run's folder with a number that no other run has: who reads it there shares the file system."""

Told = tuple[Sequence[Event], Ending | None, bytes | None]
"""What a task yields: events, how it ended, and the folder of its results where that is not shared."""


@dataclass(slots=True)
class _Task:
    """An order on its way through the cluster, as the generator of what it yields."""

    order: Order
    stream: Any
    began: float
    attempt: int


class RayCrew:
    """See `orders.Crew`."""

    def __init__(self, workers: int | None, address: str | None, warm: Callable[[], None]) -> None:
        self._ray, self._ours = _connected(address)
        gpus = int(self._ray.cluster_resources().get("GPU", 0))
        cores = [int(node["Resources"].get("CPU", 0)) for node in self._ray.nodes() if node["Alive"]]
        self.size = workers or gpus or len(cores)
        self._needs: dict[str, Any] = {"num_cpus": min(max(cores), max(1, sum(cores) // self.size))}
        if gpus:
            self._needs["num_gpus"] = min(1.0, gpus / self.size)
        self._warm, self._work = warm, self._ray.remote(_worked)
        self._tasks: list[_Task] = []
        self._known: deque[News] = deque()

    def begin(self, order: Order) -> None:
        sign = order.base / SIGN
        if not sign.is_file():
            files.write_text(sign, os.urandom(16).hex())
        self._tasks.append(self._sent(order, attempt=1))

    def news(self, wait: float) -> News | None:
        if not self._known and self._tasks:
            by_stream = {id(task.stream): task for task in self._tasks}
            ready, _ = self._ray.wait([task.stream for task in self._tasks], timeout=wait, fetch_local=False)
            for stream in ready:
                self._hear(by_stream[id(stream)])
            for task in list(self._tasks):
                took = time.monotonic() - task.began
                if took > task.order.seconds + GRACE_SECONDS:
                    self._give_up(task, f"it was not done after {took:.0f} s, {task.order.seconds:.0f} s were given")
        return self._known.popleft() if self._known else None

    def halt(self, order: Order) -> None:
        """Ended at once; what its last checkpoint has is kept where the run's folder is shared."""
        for task in [one for one in self._tasks if one.order.folder == order.folder]:
            self._give_up(task, "stopped", how=STOPPED)

    def stop(self) -> None:
        self.close()

    def close(self) -> None:
        for task in list(self._tasks):
            self._give_up(task, "stopped")
        self._known.clear()
        if self._ours:
            self._ray.shutdown()

    def _sent(self, order: Order, *, attempt: int) -> _Task:
        options = {**self._needs, "num_returns": "streaming", "max_retries": 0, "name": order.name}
        sign = (order.base / SIGN).read_text("ascii")
        stream = self._work.options(**options).remote(order, _packed(order.folder), sign, self._warm)
        return _Task(order, stream, time.monotonic(), attempt)

    def _hear(self, task: _Task) -> None:
        """The next thing of a task that is ready; what is lost with its process or machine is ordered again."""
        try:
            events, ending, packed = self._ray.get(next(task.stream))
        except StopIteration:
            self._give_up(task, "its task ended without a result")
            return
        except self._ray.exceptions.RayError as problem:
            self._again(task, _first_line(problem), fault=isinstance(problem, self._ray.exceptions.RayTaskError))
            return
        self._known += [News(task.order, event=event) for event in events]
        if ending is not None:
            if packed is not None:
                _unpack(packed, task.order.folder)
            self._tasks.remove(task)
            self._known.append(News(task.order, ending=ending))

    def _again(self, task: _Task, told: str, *, fault: bool) -> None:
        left = task.order.seconds - (time.monotonic() - task.began)
        if fault or task.attempt >= ATTEMPTS or left <= 0:
            self._give_up(task, told)
            return
        message = f"{task.order.name} was lost ({told}); it is begun again"
        self._known.append(News(task.order, event=Event("decision", message)))
        self._tasks[self._tasks.index(task)] = self._sent(replace(task.order, seconds=left), attempt=task.attempt + 1)

    def _give_up(self, task: _Task, problem: str, how: str = LOST) -> None:
        with suppress(Exception):  # it may have ended at this moment, or its machine is gone
            self._ray.cancel(task.stream, force=True)
        self._tasks.remove(task)
        self._known.append(News(task.order, ending=Ending(how, problem)))


def _connected(address: str | None) -> tuple[Any, bool]:
    """Ray, and whether it was connected (or started) by us. Nothing is reported to anybody: `offline` stays true."""
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
    os.environ.setdefault("RAY_worker_niceness", "0")  # by its default of 15 workers starve beside any other job
    os.environ.setdefault("RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO", "0")
    try:
        import ray
    except ImportError:
        raise ConfigError("executor 'ray' needs Ray; install the extra: pip install 'autogpt[ray]'") from None
    if ray.is_initialized():
        return ray, False
    root = str(Path(__file__).parents[2])
    path = os.pathsep.join([root, *filter(None, [os.environ.get("PYTHONPATH")])])
    told: dict[str, Any] = {"include_dashboard": False} if address is None else {"address": address}
    try:
        if address is not None:
            _knock(address)
        ray.init(**told, log_to_driver=False, logging_level="ERROR", runtime_env={"env_vars": {"PYTHONPATH": path}})
    except (OSError, ValueError, RuntimeError) as problem:  # a ConnectionError is an OSError
        raise ConfigError(
            f"no Ray cluster answers at {address!r} ({_first_line(problem)}); start one with `ray start --head`, "
            "or leave --address out to start Ray here"
        ) from None
    return ray, True


def _knock(address: str) -> None:
    """OSError where nobody listens at `host:port`: Ray itself would try for minutes."""
    host, colon, port = address.removeprefix("ray://").rpartition(":")
    if colon and port.isdigit():
        socket.create_connection((host, int(port)), timeout=KNOCK_SECONDS).close()


def _worked(order: Order, packed: bytes | None, sign: str, warm: Callable[[], None]) -> Iterator[Told]:
    """In a process of the cluster: the order, here or in the shared folder."""
    told: queue.SimpleQueue[Event | Ending] = queue.SimpleQueue()
    here = _placed(order, packed, sign)

    def work() -> None:
        warm()
        told.put(perform(here, lambda event: told.put(Event(event.kind, event.message, dict(event.data)))))

    threading.Thread(target=work, daemon=True).start()
    while True:
        events, ending = _gathered(told)
        if ending is None:
            yield events, None, None
            continue
        yield events, ending, None if here.folder == order.folder else _packed(here.folder)
        return


def _gathered(told: queue.SimpleQueue[Event | Ending]) -> tuple[list[Event], Ending | None]:
    """What is told for a short while from the first word on, or nothing for a longer one."""
    events: list[Event] = []
    until = time.monotonic() + ALIVE_SECONDS
    while (left := until - time.monotonic()) > 0:
        try:
            one = told.get(timeout=left)
        except queue.Empty:
            break
        if isinstance(one, Ending):
            return events, one
        if not events:
            until = time.monotonic() + TELL_SECONDS
        events.append(one)
    return events, None


def _placed(order: Order, packed: bytes | None, sign: str) -> Order:
    """The order in the run's own folder where that is to be seen from here; otherwise in one for this run here."""
    try:
        if (order.base / SIGN).read_text("ascii") == sign:
            return order
    except (OSError, ValueError):
        pass
    base = Path(tempfile.gettempdir()) / f"autogpt-{sign}"
    folder = base / order.folder.relative_to(order.base)
    if packed is not None:
        _unpack(packed, folder)
    return replace(order, folder=folder, base=base)


def _packed(folder: Path) -> bytes | None:
    """All files of a folder as one; None where there is none."""
    if not folder.is_dir():
        return None
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for path in sorted(folder.rglob("*")):
            if path.is_file():
                archive.write(path, path.relative_to(folder).as_posix())
    return buffer.getvalue()


def _unpack(packed: bytes, folder: Path) -> None:
    """The files of `_packed`; `zipfile` itself keeps names from leaving the folder. `result.json` comes last."""
    folder.mkdir(parents=True, exist_ok=True)
    with zipfile.ZipFile(io.BytesIO(packed)) as archive:
        for name in sorted(archive.namelist(), key=lambda one: one == "result.json"):
            archive.extract(name, folder)


def _first_line(problem: BaseException) -> str:
    lines = str(problem).strip().splitlines()
    return f"{type(problem).__name__}: {lines[0]}" if lines else type(problem).__name__


class Ray:
    """See `orders.Executor`."""

    name = "ray"
    summary = "trials over the machines of a Ray cluster, or of a Ray that is started here"

    def open(self, *, workers: int | None, address: str | None, warm: Callable[[], None]) -> RayCrew:
        return RayCrew(workers, address, warm)


plugin = Ray()
