"""Generated code can neither leave anything behind nor look at anything, and always ends."""

import time
from pathlib import Path

import pytest

from autogpt.errors import ConfigError
from autogpt.sandbox import pass_at_k, run_python


def test_a_program_runs_and_what_it_prints_comes_back() -> None:
    found = run_python("import math, collections\nprint(math.sqrt(9), '好')")
    assert (found.status, found.output) == ("ok", "3.0 好\n")


def test_an_exception_is_told_in_its_last_line() -> None:
    found = run_python("print(1)\nprint(1 / 0)")
    assert (found.status, found.output, found.error) == ("error", "1\n", "ZeroDivisionError: division by zero")
    assert run_python("def f(:").error.startswith("SyntaxError")


@pytest.mark.parametrize(
    "code",
    [
        "open('x', 'w')",
        "open('/etc/passwd').read()",
        "import os; open(os.path.dirname(os.__file__) + '/../../../../../../etc/passwd').read()",
        "open(0).read()",
        "import os; os.open('/tmp/made', os.O_CREAT | os.O_WRONLY)",
        "import pathlib; pathlib.Path('/tmp/made').touch()",
        "import os; os.remove('/tmp/x')",
        "import os; os.listdir('/')",
        "import os; os.system('touch /tmp/made')",
        "import subprocess; subprocess.run(['touch', '/tmp/made'])",
        "import os; os.fork()",
        "import os; os.kill(1, 0)",
        "import socket; socket.socket()",
        "import urllib.request; urllib.request.urlopen('http://127.0.0.1')",
        "import ctypes",
        "import multiprocessing; multiprocessing.Process(target=print).start()",
        "import shutil; shutil.rmtree('/tmp/x')",
    ],
)
def test_files_network_and_processes_are_refused(code: str) -> None:
    made = Path("/tmp/made")
    made.unlink(missing_ok=True)
    found = run_python(f"{code}\nprint('done')")
    assert found.status == "error", found
    assert "sandbox" in found.error, found.error
    assert "done" not in found.output
    assert not made.exists()


@pytest.mark.parametrize(
    ("code", "statuses"),
    [
        ("while True: pass", {"timeout"}),
        ("import time; time.sleep(60)", {"timeout"}),
        ("x = 'a' * (1 << 33)", {"error", "killed"}),
        ("while True: print('x' * 1000)", {"error", "killed"}),
    ],
)
def test_what_would_not_end_is_ended(code: str, statuses: set[str]) -> None:
    began = time.monotonic()
    found = run_python(code, seconds=1.0)
    assert found.status in statuses, found
    assert time.monotonic() - began < 6.0
    assert len(found.output) <= 100_000


def test_the_environment_is_empty(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SECRET", "value")
    assert "value" not in run_python("import os; print(dict(os.environ))").output


def test_pass_at_k_is_the_share_of_choices_of_k_that_hold_a_right_one() -> None:
    from itertools import combinations

    for written, right in ((5, 0), (5, 2), (6, 5), (4, 4)):
        programs = [place < right for place in range(written)]
        for k in range(1, written + 1):
            choices = list(combinations(programs, k))
            assert pass_at_k(written, right, k) == pytest.approx(sum(map(any, choices)) / len(choices))
    for told in ((3, 4, 1), (3, 1, 4), (3, 1, 0)):
        with pytest.raises(ConfigError, match="is not defined"):
            pass_at_k(*told)
