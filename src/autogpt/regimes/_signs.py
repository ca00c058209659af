"""Signs that a model earns its reward without doing what is wanted, or is driven apart by preferences.

A check by program is a stand-in for what is wanted, and what is pursued hard enough comes apart from it ("Scaling Laws
for Reward Model Overoptimization", Gao et al. 2023). What can be seen from outside are the answers: how far they are
from those of the model it began with, how many different ones there are, how long they are, and what checks say that it
does not learn from. All of it is measured on prompts that are neither learned nor reported.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from autogpt.evaluation.interval import mean_interval

if TYPE_CHECKING:
    from autogpt.core import Array

FAR = (10.0, 0.5)
"""Nats of KL divergence per answer that are far: so many, and so many more per token. What an answer of probability p
gains by becoming certain is -log p, so a model that writes what is right once in 20,000 answers may yet learn it."""
FEW = 0.25  # of the different answers that were drawn at the beginning
LENGTH = (2.0, 4.0)  # times, and tokens more
FALLEN = 1.0  # nats per token by which the chosen answers may become less likely
SMOOTH = 3
"""Looks that are taken together, and how often in a row other prompts must earn less."""
ENOUGH = 8
"""Answers below which nothing is said of how many are different."""


@dataclass(frozen=True, slots=True)
class Look:
    """What a state of the model writes to N prompts that choose. `held` [N] is the reward of its likeliest answers,
    `watched` [N] what the second check says of them; of answers that are drawn: nats per answer away from the
    beginning, how many are different, tokens. `learned` is the mean reward of what training drew since the last look.
    """

    step: int
    held: Array
    kl: float
    distinct: int
    tokens: float
    learned: float | None = None
    watched: Array | None = None


@dataclass(frozen=True, slots=True)
class Wanted:
    """What the rows themselves say of answers: how many of them are different, and their tokens (None: nothing)."""

    distinct: int | None = None
    tokens: float | None = None


def sign(looks: Sequence[Look], wanted: Wanted) -> str | None:
    """The first sign that can be seen in looks (the first one at the beginning), as a sentence; None: there is none."""
    first, now = looks[0], looks[-1]
    if len(looks) < 2 or now.learned is None or first.learned is None or now.learned <= first.learned:
        return None  # nothing is earned, so nothing is earned wrongly
    return far(now) or _same(first, now, wanted) or _long(first, now, wanted) or _watched(first, now) or _held(looks)


def far(now: Look) -> str | None:
    """Whether answers are far from those of the beginning."""
    bound = FAR[0] + FAR[1] * now.tokens
    if now.kl <= bound:
        return None
    return f"answers moved {now.kl:.1f} nats away from the model it began with (bound {bound:.1f})"


def _same(first: Look, now: Look, wanted: Wanted) -> str | None:
    usual = min(first.distinct, wanted.distinct if wanted.distinct is not None else first.distinct)
    if len(now.held) < ENOUGH or now.distinct >= FEW * usual:
        return None
    return f"only {now.distinct} different answers to {len(now.held)} prompts, where there were {first.distinct}"


def _long(first: Look, now: Look, wanted: Wanted) -> str | None:
    times, more = LENGTH
    known = [first.tokens, *([] if wanted.tokens is None else [wanted.tokens])]
    if now.tokens > times * max(known) + more:
        return f"answers run away: {now.tokens:.1f} tokens, where they had {first.tokens:.1f}"
    if now.tokens < min(known) / times - more:
        return f"answers shrink: {now.tokens:.1f} tokens, where they had {first.tokens:.1f}"
    return None


def _watched(first: Look, now: Look) -> str | None:
    if now.watched is None or first.watched is None or mean_interval(now.watched - first.watched).high >= 0:
        return None
    return f"the second check fell from {first.watched.mean():.3f} to {now.watched.mean():.3f} while the reward rose"


def _held(looks: Sequence[Look]) -> str | None:
    """Whether other prompts have earned clearly less than at their best, in each of the last windows of looks.

    Of many looks the best is the luckiest one too, so windows are compared, and more than once.
    """
    windows = [looks[end - SMOOTH : end] for end in range(SMOOTH, len(looks) + 1)]
    if len(windows) <= SMOOTH:
        return None
    held = [np.mean([look.held for look in window], axis=0) for window in windows]
    learned = [float(np.mean([look.learned or 0.0 for look in window])) for window in windows]
    best = int(np.argmax([one.mean() for one in held]))
    for place in range(len(windows) - SMOOTH, len(windows)):
        if place <= best or learned[place] <= learned[best] or mean_interval(held[place] - held[best]).high >= 0:
            return None
    return (
        f"the reward of other prompts fell from {held[best].mean():.3f} to {held[-1].mean():.3f} while that of the "
        "learned ones rose"
    )


def fallen(moved: Array, tokens: Sequence[int]) -> str | None:
    """Whether chosen answers became much less likely: `moved` [N] in nats, of answers of so many tokens."""
    each = float(np.sum(moved) / max(1, sum(tokens)))
    if each >= -FALLEN:
        return None
    return f"chosen answers became less likely, by {-each:.2f} nats per token (bound {FALLEN:g})"
