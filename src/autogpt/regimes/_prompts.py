"""The search for prompts: every generator's prompts are read, judged without labels, and the best few answer together.

    generators -> prompts -> heads (centred) -> separation -> the best few of each generator -> stability -> one winner

*Separation* is the share of the pool's variance that lies between the classes a prompt makes: over the rules' prompts it
ranks as accuracy does (EXPERIMENTS.md). It cannot compare label words that were read off the pool with those that were
not, because words of the pool separate it by themselves; *stability* can: how far the classes stay what they are when
each is described by its own surest texts instead. Labelled rows, where there are some, count by how likely a prompt
makes them.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import TYPE_CHECKING, Any

import numpy as np

from autogpt import registry
from autogpt.experts import log_likelihood
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
EVIDENCE = 2.0
"""Nats by which labelled rows must be likelier before they overrule what is seen without labels."""


SHARPNESS = (0.125, 0.25, 0.5, 1.0)
"""What scores are multiplied with before labelled rows judge them."""


@dataclass(frozen=True, slots=True)
class Tried:
    """A prompt with what was seen of it. `likelihood` is the log probability of the labelled rows, None without."""

    prompt: Prompt
    separation: float
    likelihood: float | None = None


@dataclass(frozen=True, slots=True)
class Chosen:
    """The prompts that answer together, all that were tried, and what was decided, in words with numbers."""

    prompts: tuple[Prompt, ...]
    tried: tuple[Tried, ...]
    said: tuple[str, ...]

    def phrases(self) -> dict[str, tuple[str, ...]]:
        """What the chosen prompts say of each label."""
        told = [prompt.descriptions() for prompt in self.prompts]
        return {label: tuple(dict.fromkeys(text for one in told for text in one[label])) for label in told[0]}

    def plain(self, *, all_tried: bool = False) -> tuple[dict[str, Any], ...]:
        """The chosen prompts as data, or all that were tried, each with what was seen of it."""
        return tuple(
            one.prompt.to_dict() | {"separation": round(one.separation, 5), "likelihood": one.likelihood}
            for one in self.tried
            if all_tried or one.prompt in self.prompts
        )


@dataclass(frozen=True, slots=True)
class _Team:
    """The best few prompts of one generator."""

    generator: str
    members: tuple[Prompt, ...]
    stability: float
    likelihood: float  # of all labelled rows together; 0 without any


def choose(
    facts: Facts,
    shots: tuple[Array, Array] | None = None,
    *,
    generators: Sequence[str] = GENERATORS,
    has_time: Callable[[], bool] = lambda: True,
) -> Chosen:
    """The prompts that describe the labels best. `shots` are vectors [n, D] and label numbers [n] of labelled rows."""
    teams: list[_Team] = []
    tried: list[Tried] = []
    for name in generators:
        if teams and not has_time():
            break
        own = _tried(facts, name, shots, has_time)
        tried += own
        if own:
            teams.append(_team(facts, name, own, shots))
    if not teams:
        raise ValueError(f"none of the generators {', '.join(generators)} wrote a prompt")
    winner, said = teams[0], [_told(teams[0])]
    for team in teams[1:]:
        wins = team.stability > winner.stability + MARGIN
        evidence = team.likelihood - winner.likelihood
        if abs(evidence) > EVIDENCE:
            wins = evidence > 0
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
    return float(sum(len(own) * ((own.mean(axis=0) - mean) ** 2).sum() for own in groups if len(own))) / max(
        whole, 1e-9
    )


def stability(vectors: Array, scores: Array) -> float:
    """Adjusted Rand index of the classes with those that their own surest texts make."""
    found = np.asarray(_clustering.prototypes(vectors, _clustering.balanced(scores))(vectors))
    return rand_index(scores.argmax(axis=1), _clustering.balanced(found).argmax(axis=1), scores.shape[1])


def _tried(facts: Facts, name: str, shots: tuple[Array, Array] | None, has_time: Callable[[], bool]) -> list[Tried]:
    """A generator's prompts, each with what is seen of it; as many as may be read."""
    most = max(1, MOST_READ // len(facts.names))
    found: list[Tried] = []
    for prompt in islice(registry.get("prompts", name).write(facts), most):
        if found and not has_time():
            break
        answerer = head(facts, [prompt])
        answers = np.asarray(answerer(facts.vectors)).argmax(axis=1)
        apart = separation(unit(facts.vectors), answers, len(facts.names))
        likely = None if shots is None else _likely(np.asarray(answerer(shots[0])), shots[1])
        found.append(Tried(prompt, apart, likely))
    return found


def _team(facts: Facts, name: str, tried: Sequence[Tried], shots: tuple[Array, Array] | None) -> _Team:
    apart = np.array([one.separation for one in tried])
    worth = (apart - apart.mean()) / max(float(apart.std()), 1e-9)
    if shots is not None:
        worth = worth + np.array([one.likelihood for one in tried])
    best = tuple(tried[place].prompt for place in np.argsort(-worth, kind="stable")[:TOGETHER])
    together = head(facts, best)
    likely = 0.0 if shots is None else _likely(np.asarray(together(shots[0])), shots[1])
    return _Team(name, best, stability(facts.vectors, np.asarray(together(facts.vectors))), likely)


def _likely(scores: Array, targets: Array) -> float:
    """Log probability of all labelled rows together, at the sharpness that suits them: cosines as they are too sure."""
    return max(float(log_likelihood(factor * scores, targets).sum()) for factor in SHARPNESS)


def _told(team: _Team) -> str:
    shown = "; ".join(repr(prompt.template) for prompt in team.members)
    return f"prompts of {team.generator} ({shown}): stability {team.stability:.2f}"
