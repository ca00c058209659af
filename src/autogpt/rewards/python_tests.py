"""The text is a Python program that passes the row's tests ("Evaluating Large Language Models Trained on Code", Chen et
al. 2021), run apart from everything else (`sandbox`).

What is asked for is not that the program ends well, which `sys.exit()` before the tests does too, but that a word is
printed behind the tests which the program cannot know beforehand. A fence of Markdown around the program is left out.
"""

from __future__ import annotations

import re
import secrets
from collections.abc import Sequence

from autogpt.core import Row
from autogpt.errors import InputError
from autogpt.sandbox import run_python

_FENCE = re.compile(r"```(?:python|py)?[ \t]*\n(.*?)```", re.DOTALL)


class PythonTests:
    """See `written.Reward`."""

    name = "python-tests"
    summary = "a Python program that passes the row's tests, run in the sandbox"
    columns: tuple[str, ...] = ("tests", "test", "test_list", "test_code", "unit_tests")

    def score(self, texts: Sequence[str], row: Row, *, column: str | None, source: str) -> list[float]:
        tests = row.get(column) if column else None
        if not tests:
            raise InputError("python-tests needs a column with each row's tests; name it with --target")
        wanted = "\n".join(map(str, tests)) if isinstance(tests, list | tuple) else str(tests)
        known: dict[str, float] = {}
        for text in texts:
            if text not in known:
                known[text] = _passes(_program(text), wanted)
        return [known[text] for text in texts]


def _program(text: str) -> str:
    found = _FENCE.search(text)
    return found[1] if found else text


def _passes(program: str, tests: str) -> float:
    word = secrets.token_hex(8)
    outcome = run_python(f"{program}\n\n{tests}\n\nprint({word!r})\n")
    return float(outcome.ok and outcome.output.rstrip().endswith(word))


plugin = PythonTests()
