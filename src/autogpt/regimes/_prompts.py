"""The search for prompts: every generator's prompts are read, judged without labels, and the best few answer together.

    generators -> prompts -> heads (centred) -> separation -> the best few of each generator -> stability -> one winner

*Separation* is the share of the pool's variance that lies between the classes a prompt makes: over the rules' prompts
it ranks as accuracy does (EXPERIMENTS.md). It cannot compare label words that were read off the pool with others,
because words of the pool separate it by themselves; *stability* can, though not always rightly: how far the classes
stay what they are when each is described by its own surest texts instead. Labelled rows have no say: choosing by how
likely a prompt makes them changed nothing, and they could not measure the run any more.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import TYPE_CHECKING, Any

import numpy as np

from autogpt import registry
from autogpt.probe import Head, centred
from autogpt.prompting import Facts, Prompt
from autogpt.regimes import _clustering
from autogpt.regimes._gate import rand_index
from autogpt.vectors import unit

if TYPE_CHECKING:
    from autogpt.core import Array

GENERATORS = ("rules", "terms")
"""Who writes, in the order in which they must be beaten."""
TOGETHER = 4
"""Prompts of a generator that answer together."""
MARGIN = 0.1
"""By how much more stable another generator's classes must be than those of the one before it."""
MOST_READ = 2000
"""Descriptions of labels that are read of each generator."""


@dataclass(frozen=True, slots=True)
class Tried:
    """A prompt with what was seen of it."""

    prompt: Prompt
    separation: float


@dataclass(frozen=True, slots=True)
class Chosen:
    """The prompts that answer together, all that were tried, and what was decided, in words with numbers."""

    prompts: tuple[Prompt, ...]
    tried: tuple[Tried, ...]
    said: tuple[str, ...]

    def phrases(self) -> dict[str, tuple[str, ...]]:
        """What the chosen prompts say of each label."""
        told = [prompt.descriptions() for prompt in self.prompts]
        return {label: tuple(text for one in told for text in one[label]) for label in told[0]}

    def plain(self, *, all_tried: bool = False) -> tuple[dict[str, Any], ...]:
        """The chosen prompts as data, or all that were tried, each with what was seen of it."""
        return tuple(
            one.prompt.to_dict() | {"separation": round(one.separation, 5)}
            for one in self.tried
            if all_tried or one.prompt in self.prompts
        )


@dataclass(frozen=True, slots=True)
class _Team:
    """The best few prompts of one generator."""

    generator: str
    members: tuple[Prompt, ...]
    stability: float


def choose(
    facts: Facts, *, generators: Sequence[str] = GENERATORS, has_time: Callable[[], bool] = lambda: True
) -> Chosen:
    """The prompts that describe the labels best, chosen without a label.

    The first generator must write a prompt, and its first one is tried whatever the time is.
    """
    teams: list[_Team] = []
    tried: list[Tried] = []
    for name in generators:
        if teams and not has_time():
            break
        own = _tried(facts, name, has_time)
        tried += own
        if own:
            teams.append(_team(facts, name, own))
    if not teams:
        raise ValueError(f"none of the generators {', '.join(generators)} wrote a prompt")
    winner, said = teams[0], [_told(teams[0])]
    for team in teams[1:]:
        wins = team.stability > winner.stability + MARGIN
        said.append(f"{_told(team)}: {'taken instead' if wins else 'not taken'}")
        winner = team if wins else winner
    return Chosen(winner.members, tuple(tried), tuple(said))


def head(facts: Facts, prompts: Sequence[Prompt]) -> Head:
    """The centred head of prompts that answer together: the mean of their descriptions' vectors."""
    told = [prompt.descriptions() for prompt in prompts]
    texts = {label: [text for one in told for text in one[label]] for label in facts.names}
    read = iter(unit(np.asarray(facts.read([text for own in texts.values() for text in own]))))
    return centred(
        facts.vectors, unit(np.stack([np.mean([next(read) for _ in own], axis=0) for own in texts.values()]))
    )


def separation(vectors: Array, answers: Array, classes: int) -> float:
    """Share of the variance of vectors [N, D] that lies between the classes that answers [N] make."""
    whole, mean = float(((vectors - vectors.mean(axis=0)) ** 2).sum()), vectors.mean(axis=0)
    groups = (vectors[answers == label] for label in range(classes))
    between = sum(len(own) * float(((own.mean(axis=0) - mean) ** 2).sum()) for own in groups if len(own))
    return between / max(whole, 1e-9)


def stability(vectors: Array, scores: Array) -> float:
    """Adjusted Rand index of the classes with those that their own surest texts make."""
    found = np.asarray(_clustering.prototypes(vectors, _clustering.balanced(scores))(vectors))
    return rand_index(scores.argmax(axis=1), _clustering.balanced(found).argmax(axis=1), scores.shape[1])


def _tried(facts: Facts, name: str, has_time: Callable[[], bool]) -> list[Tried]:
    """A generator's prompts, each with what is seen of it; as many as may be read."""
    most = max(1, MOST_READ // len(facts.names))
    vectors, found = unit(facts.vectors), list[Tried]()
    for prompt in islice(registry.get("prompts", name).write(facts), most):
        if found and not has_time():
            break
        answers = np.asarray(head(facts, [prompt])(facts.vectors)).argmax(axis=1)
        found.append(Tried(prompt, separation(vectors, answers, len(facts.names))))
    return found


def _team(facts: Facts, name: str, tried: Sequence[Tried]) -> _Team:
    best = tuple(one.prompt for one in sorted(tried, key=lambda one: -one.separation)[:TOGETHER])
    return _Team(name, best, stability(facts.vectors, np.asarray(head(facts, best)(facts.vectors))))


def _told(team: _Team) -> str:
    shown = "; ".join(repr(prompt.template) for prompt in team.members)
    return f"prompts of {team.generator} ({shown}): stability {team.stability:.2f}"
