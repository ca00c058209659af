"""What voters share: one-hot votes, and files that name labels."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from autogpt.ballot import Votes
from autogpt.errors import InputError


def of_answers(voter: str, answers: Sequence[str | None], labels: Sequence[str]) -> Votes:
    """Votes of answers in the labels' own words, None where the voter abstains; another word is an error."""
    place = {label: number for number, label in enumerate(labels)}
    shares = np.zeros((len(answers), len(labels)))
    for row, answer in enumerate(answers):
        if answer is None:
            continue
        check(voter, answer, labels)
        shares[row, place[answer]] = 1.0
    return Votes(voter, shares)


def check(voter: str, label: object, labels: Sequence[str]) -> None:
    """InputError unless `label` is one of the labels."""
    if label not in labels:
        shown = ", ".join(map(repr, labels[:8])) + (", ..." if len(labels) > 8 else "")
        raise InputError(f"{voter}: {label!r} is not a label; the labels are {shown}")
