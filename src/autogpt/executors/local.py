"""Trials in processes of their own on this machine: who hangs or takes too much memory is ended, and the run goes on.

A process takes one order after another as long as all goes well, because loading the libraries takes seconds; whoever
failed or was ended gets a successor. Examples and settings are sent by `multiprocessing`'s own connection over an
inherited socket, which nobody else can reach; nothing of that is kept.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from multiprocessing import Pipe
from multiprocessing.connection import Connection, wait
from pathlib import Path

from autogpt.errors import ConfigError
from autogpt.events import Event
from autogpt.memory import size
from autogpt.orders import LOST, REFUSED, STOPPED, Ending, News, Order
from autogpt.runtime import available_cores, prepare_environment

GRACE_SECONDS = 2.0
"""Who is not done so long after its time is taken for hung."""
SAVING_SECONDS = 20.0
"""What a process gets to save what it has when it is stopped."""
ALRIGHT = ("", STOPPED, REFUSED)
"""Endings after which a process may go on."""
LOOK_SECONDS = 0.25
"""Between two looks at the memory of processes."""


@dataclass(slots=True)
class _Worker:
    """A process, the connection to it, and what it is doing."""

    process: subprocess.Popen[bytes]
    line: Connection
    order: Order | None = None
    began: float = 0.0

    def kill(self) -> None:
        """End it at once, and what it started."""
        with suppress(ProcessLookupError, PermissionError):
            os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait()
        self.line.close()


class LocalCrew:
    """See `orders.Crew`."""

    def __init__(self, workers: int, warm: str) -> None:
        self.size, self._warm = workers, warm
        prepare_environment()
        self._workers = [self._start() for _ in range(workers)]

    def begin(self, order: Order) -> None:
        worker = next(one for one in self._workers if one.order is None)
        if worker.process.poll() is not None:  # it ended while nobody looked
            worker = self._replaced(worker)
        worker.order, worker.began = order, time.monotonic()
        with suppress(OSError):  # it ends at this moment; what is heard of it says so
            worker.line.send(order)

    def news(self, wait_seconds: float) -> News | None:
        deadline = time.monotonic() + wait_seconds
        while True:
            left = deadline - time.monotonic()
            busy = [one for one in self._workers if one.order is not None]
            ready = wait([one.line for one in busy], timeout=max(0.0, min(LOOK_SECONDS, left)))
            for one in busy:
                if one.line in ready:
                    return self._heard(one)
            for one in busy:
                problem = _too_much(one)
                if problem:
                    return self._ended(one, problem)
            if left <= 0 or not busy:
                return None

    def halt(self, order: Order) -> None:
        for one in self._workers:
            if one.order is order:
                one.process.terminate()

    def stop(self) -> None:
        busy = [one for one in self._workers if one.order is not None]
        for one in busy:
            one.process.terminate()
        deadline = time.monotonic() + SAVING_SECONDS
        while (busy := [one for one in busy if one.order is not None]) and time.monotonic() < deadline:
            self.news(0.5)
        self.close()

    def close(self) -> None:
        for one in self._workers:
            one.kill()
        self._workers = []

    def _start(self) -> _Worker:
        ours, theirs = Pipe()
        root = str(Path(__file__).parents[2])
        environment = {
            **os.environ,
            "PYTHONPATH": os.pathsep.join([root, *filter(None, [os.environ.get("PYTHONPATH")])]),
        }
        if self.size > 1:
            environment["OMP_NUM_THREADS"] = str(max(1, available_cores() // self.size))
        with theirs:
            # -P: a module in the user's working folder must not stand for one of ours; a session of its own: Ctrl-C is
            # for the run, which tells its processes
            process = subprocess.Popen(
                [sys.executable, "-P", "-m", "autogpt.executors._child", str(theirs.fileno()), self._warm],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                pass_fds=[theirs.fileno()],
                env=environment,
                start_new_session=True,
            )
        return _Worker(process, ours)

    def _replaced(self, worker: _Worker) -> _Worker:
        worker.kill()
        place = self._workers.index(worker)
        self._workers[place] = self._start()
        return self._workers[place]

    def _heard(self, worker: _Worker) -> News:
        """An event, an ending, or that the process is gone."""
        order = worker.order
        if order is None:
            raise ValueError("nothing was ordered of this process")
        try:
            told = worker.line.recv()
        except (EOFError, OSError):
            return self._ended(worker, _died(worker.process))
        if isinstance(told, Event):
            return News(order, event=told)
        worker.order = None
        if told.how not in ALRIGHT:  # what it holds of memory after a failure nobody knows
            self._replaced(worker)
        return News(order, ending=told)

    def _ended(self, worker: _Worker, problem: str) -> News:
        order = worker.order
        if order is None:
            raise ValueError("nothing was ordered of this process")
        self._replaced(worker)
        return News(order, ending=Ending(LOST, problem))


def _too_much(worker: _Worker) -> str:
    """Why a process has to be ended; empty while all is well."""
    import psutil

    order = worker.order
    if order is None:
        return ""
    took = time.monotonic() - worker.began
    if took > order.seconds + GRACE_SECONDS:
        return f"it was not done after {took:.0f} s, {order.seconds:.0f} s were given; its process was ended"
    if order.memory is not None:
        with suppress(psutil.Error):
            resident = psutil.Process(worker.process.pid).memory_info().rss
            if resident > order.memory:
                return f"it took {size(resident)} of memory, {size(order.memory)} were given; its process was ended"
    return ""


def _died(process: subprocess.Popen[bytes]) -> str:
    try:
        code = process.wait(timeout=5)
    except subprocess.TimeoutExpired:
        return "its process does not answer any more"
    if code == -signal.SIGKILL:
        return "its process was killed (signal 9), as the system does where memory runs out"
    return f"its process died ({f'signal {-code}' if code < 0 else f'exit code {code}'})"


class Local:
    """See `orders.Executor`."""

    name = "local"
    summary = "trials in processes of their own on this machine; what hangs or takes too much is ended"

    def open(self, *, workers: int | None, address: str | None, warm: Callable[[], None]) -> LocalCrew:
        if os.name != "posix":
            raise ConfigError("executor 'local' needs a POSIX system (Linux, macOS); leave --executor out")
        if address is not None:
            raise ConfigError("executor 'local' has no address; leave --address out, or take --executor ray")
        return LocalCrew(workers or 1, f"{warm.__module__}:{warm.__name__}")


plugin = Local()
