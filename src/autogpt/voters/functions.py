"""Labelling functions vote: a Python file of the user's, each public function of it a voter.

A function takes a text and returns a label or None ("Data Programming", Ratner et al. 2016). The file is run as a
program, so it is only ever taken from the command line or from the caller's own argument, never found in data.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from autogpt.ballot import Ballot, Votes
from autogpt.errors import InputError
from autogpt.user_functions import functions_of
from autogpt.voters._votes import of_answers


class Functions:
    """See `ballot.Voter`."""

    name = "functions"
    summary = "labelling functions of a Python file: text -> label or None"

    def vote(self, ballot: Ballot) -> list[Votes]:
        found = []
        for name, function in functions_of(Path(ballot.source)):
            answers = [_asked(function, f"{ballot.source}: {name}", text) for text in ballot.texts]
            found.append(of_answers(f"function {name}", answers, ballot.labels))
        if not found:
            raise InputError(
                f"{ballot.source} has no function; write one that takes a text and returns a label or None"
            )
        return found


def _asked(function: Callable[[str], Any], name: str, text: str) -> str | None:
    try:
        answer = function(text)
    except Exception as problem:
        shown = text[:60]
        raise InputError(f"{name} fails on {shown!r}: {type(problem).__name__}: {problem}; correct it") from problem
    return None if answer is None else str(answer)


plugin = Functions()
