"""Processes that take orders: what they tell, how they end, and that nothing they do ends the run."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import chores
import psutil
import pytest
from chores import heard, order

from autogpt.errors import ConfigError, InputError, Interrupted, ResourceError
from autogpt.executors.local import LocalCrew, plugin
from autogpt.orders import FAILED, LOST, REFUSED, STOPPED


@pytest.fixture
def crew(monkeypatch: pytest.MonkeyPatch) -> Iterator[LocalCrew]:
    monkeypatch.setenv("PYTHONPATH", chores.HERE)
    found = plugin.open(workers=1, address=None, warm=chores.warm)
    yield found
    found.close()


def test_work_is_done_in_another_process_which_goes_on_to_the_next(crew: LocalCrew, tmp_path: Path) -> None:
    processes = []
    for number in (4, 21):
        crew.begin(order(chores.double, number, tmp_path))
        told, ending = heard(crew)
        assert told == [f"doubling {number}"]
        assert ending.how == ""
        assert (tmp_path / "double" / "result.json").read_text() == str(2 * number)
        processes.append(ending.told["process"])
    assert os.getpid() not in processes
    assert processes[0] == processes[1]


@pytest.mark.parametrize(
    ("given", "how", "error"),
    [("resource", FAILED, ResourceError), ("input", REFUSED, InputError), ("fault", FAILED, ResourceError),
     ("stopped", STOPPED, Interrupted)],
)  # fmt: skip
def test_what_is_wrong_with_work_is_raised_where_it_was_ordered(
    given: str, how: str, error: type[Exception], crew: LocalCrew, tmp_path: Path
) -> None:
    crew.begin(order(chores.fail, given, tmp_path))
    ending = heard(crew)[1]
    assert ending.how == how
    with pytest.raises(error):
        ending.check()
    assert (tmp_path / "fail" / "error.txt").is_file() == (given == "fault"), "a fault keeps its traceback"
    crew.begin(order(chores.double, 1, tmp_path))
    assert heard(crew)[1].how == "", "the next order is not troubled"


def test_who_hangs_is_ended(crew: LocalCrew, tmp_path: Path) -> None:
    began = time.monotonic()
    crew.begin(order(chores.hang, None, tmp_path, seconds=1.0))
    told, ending = heard(crew)
    assert ending.how == LOST
    assert "was not done after" in ending.problem
    assert time.monotonic() - began < 15
    assert not psutil.pid_exists(int(told[0].split()[1]))
    crew.begin(order(chores.double, 1, tmp_path))
    assert heard(crew)[1].how == ""


def test_who_takes_too_much_memory_is_ended(crew: LocalCrew, tmp_path: Path) -> None:
    crew.begin(order(chores.swell, None, tmp_path, memory=200_000_000))
    ending = heard(crew)[1]
    assert ending.how == LOST
    assert "of memory" in ending.problem


def test_who_dies_is_told_with_the_signal(crew: LocalCrew, tmp_path: Path) -> None:
    crew.begin(order(chores.die, 1, tmp_path))
    ending = heard(crew)[1]
    assert ending.how == LOST
    assert "signal 9" in ending.problem
    crew.begin(order(chores.die, 1, tmp_path))
    assert heard(crew)[1].told == {"tries": 2}


def test_who_is_stopped_saves_first(crew: LocalCrew, tmp_path: Path) -> None:
    crew.begin(order(chores.save_when_stopped, None, tmp_path))
    while (news := crew.news(1.0)) is None or news.event is None:
        pass
    crew.stop()
    assert (tmp_path / "save_when_stopped" / "saved").read_text() == "all of it"


def test_two_work_at_the_same_time(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("PYTHONPATH", chores.HERE)
    crew = plugin.open(workers=2, address=None, warm=chores.warm)
    try:
        crew.begin(order(chores.hang, None, tmp_path))
        crew.begin(order(chores.double, 3, tmp_path))
        assert heard(crew)[1].told["process"] != os.getpid()
    finally:
        crew.close()


ORDERING = """
import sys, time
from pathlib import Path
import chores
from autogpt.executors.local import plugin
from autogpt.orders import Order
crew = plugin.open(workers=1, address=None, warm=chores.warm)
crew.begin(Order("hang", chores.hang, None, Path(sys.argv[1]) / "hang", Path(sys.argv[1])))
while (news := crew.news(1.0)) is None:
    pass
print(news.event.message, flush=True)
time.sleep(100)
"""


def test_nobody_works_for_a_run_that_was_killed(tmp_path: Path) -> None:
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join([chores.HERE, *sys.path])}
    with subprocess.Popen(
        [sys.executable, "-c", ORDERING, str(tmp_path)], stdout=subprocess.PIPE, text=True, env=environment
    ) as run:
        assert run.stdout is not None
        worker = int(run.stdout.readline().split()[1])
        assert psutil.pid_exists(worker)
        run.send_signal(signal.SIGKILL)
        deadline = time.monotonic() + 20
        while psutil.pid_exists(worker) and time.monotonic() < deadline:
            time.sleep(0.1)
        assert not psutil.pid_exists(worker) or psutil.Process(worker).status() == psutil.STATUS_ZOMBIE


def test_an_address_is_not_for_processes_of_this_machine() -> None:
    with pytest.raises(ConfigError, match="--executor ray"):
        plugin.open(workers=None, address="10.0.0.1:6379", warm=chores.warm)
