"""Labelling functions vote: a Python file of the user's, each public function of it a voter.

A function takes a text and returns a label or None ("Data Programming", Ratner et al. 2016). The file is run as a
program, so it is only ever taken from the command line or from the caller's own argument, never found in data.
"""

from __future__ import annotations

import importlib.util
import inspect
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from autogpt.ballot import Ballot, Votes
from autogpt.errors import InputError
from autogpt.voters._votes import of_answers


class Functions:
    """See `ballot.Voter`."""

    name = "functions"
    summary = "labelling functions of a Python file: text -> label or None"

    def vote(self, ballot: Ballot) -> list[Votes]:
        found = []
        for name, function in _functions(Path(ballot.source)):
            answers = [_asked(function, f"{ballot.source}: {name}", text) for text in ballot.texts]
            found.append(of_answers(f"function {name}", answers, ballot.labels))
        if not found:
            raise InputError(
                f"{ballot.source} has no function; write one that takes a text and returns a label or None"
            )
        return found


def _functions(path: Path) -> Iterator[tuple[str, Callable[[str], Any]]]:
    """The public functions that a file defines, in the order of its lines."""
    if not path.is_file() or path.suffix != ".py":
        raise InputError(f"{path} is not a Python file; give one with functions that take a text and return a label")
    spec = importlib.util.spec_from_file_location(f"labelling_{path.stem}", path)
    if spec is None or spec.loader is None:
        raise InputError(f"{path} cannot be loaded as Python")
    module = importlib.util.module_from_spec(spec)
    try:
        spec.loader.exec_module(module)
    except Exception as problem:
        raise InputError(f"{path} cannot be run: {type(problem).__name__}: {problem}; correct it") from problem
    for name, value in vars(module).items():
        if inspect.isfunction(value) and value.__module__ == module.__name__ and not name.startswith("_"):
            yield name, value


def _asked(function: Callable[[str], Any], name: str, text: str) -> str | None:
    try:
        answer = function(text)
    except Exception as problem:
        shown = text[:60]
        raise InputError(f"{name} fails on {shown!r}: {type(problem).__name__}: {problem}; correct it") from problem
    return None if answer is None else str(answer)


plugin = Functions()
