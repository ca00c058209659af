"""The search for a cloze: every generator's prompts, judged on training rows that had no part in writing them.

    generators -> prompts -> states at the gap -> calibrated log-likelihood -> successive halving -> the best few

*Calibrated*: of each label's score the mean over the rows is taken away, whatever their labels ("Calibrate Before Use",
Zhao et al. 2021, with the rows themselves in place of a text without content), and one temperature suits all. A
generator that learns from labels writes from one half of the rows and is judged on the other, and again the other way
round; what is compared is always the gain over the first prompt on the same rows, less two standard errors of it: the
best of dozens by luck alone is about so much better. Candidates are halved while the rows
are doubled ("Non-stochastic Best Arm Identification", Jamieson & Talwalkar 2016). Prompts that are to answer together
are chosen greedily, each for what it adds to those before ("Ensemble Selection", Caruana et al. 2004): so they differ.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Generator, Sequence
from dataclasses import dataclass, replace
from itertools import islice
from typing import TYPE_CHECKING, Any

import numpy as np

from autogpt import cells, registry
from autogpt.core import Example, Step
from autogpt.errors import ConfigError
from autogpt.probe import softmax
from autogpt.prompting import Facts, Filler, Prompt, gapped, words_of

if TYPE_CHECKING:
    from autogpt.core import Array

ROWS, FIRST_ROWS, LEAST_KEPT = 128, 32, 4
"""Training rows that judge, at most and in the first round; candidates that are never halved."""
MOST_WRITTEN = 40
"""Prompts of a generator that are tried, at most."""
CAUTION = 2.0
"""Standard errors that are taken off a gain."""
TEMPERATURES = (0.25, 0.5, 1.0, 2.0, 4.0, 8.0)
FINALISTS = 8


@dataclass(frozen=True, slots=True)
class Tried:
    """A prompt as it was judged last: mean log-likelihood of the rows' labels, its gain over the first prompt on the
    same rows with its standard error, accuracy, the number of rows, and the temperature that suits it."""

    prompt: Prompt
    likelihood: float
    gain: float
    error: float
    accuracy: float
    rows: int
    temperature: float

    @property
    def cautious(self) -> float:
        """The gain that it has at least, but for luck."""
        return self.gain - CAUTION * self.error

    def told(self) -> str:
        """One line."""
        words = "; ".join(f"{label}: {', '.join(own)}" for label, own in self.prompt.words.items())
        return (
            f"prompt {self.prompt.template!r} ({words[:200]}) of {self.prompt.origin}: log-likelihood "
            f"{self.likelihood:.3f}, accuracy {self.accuracy:.3f} on {self.rows} training rows"
        )

    def plain(self) -> dict[str, Any]:
        """Plain values."""
        return self.prompt.to_dict() | {
            "likelihood": round(self.likelihood, 5),
            "gain": round(self.gain, 5),
            "error": round(self.error, 5),
            "accuracy": round(self.accuracy, 5),
            "rows": self.rows,
            "temperature": self.temperature,
        }


@dataclass(frozen=True, slots=True)
class _Candidate:
    """A prompt, and which rows may judge it."""

    prompt: Prompt
    judges: Array


def names_of(labels: Sequence[str]) -> dict[str, tuple[str, ...]]:
    """Each label with its name as words; of a path the last step's."""
    return {label: (words_of(label.split(cells.STEP)[-1]) or label,) for label in labels}


def facts_of(examples: Sequence[Example], labels: Sequence[str], *, goal: str, filler: Filler, seed: int) -> Facts:
    """What generators know of training rows, the labels dealt in turn."""
    rows = [(_values(examples[place]), str(examples[place].target)) for place in dealt(examples, seed)]
    texts = [values["text"] for values, _ in rows]
    return Facts(goal, (), names_of(labels), texts, np.zeros((len(texts), 0)), _nothing, rows=rows, filler=filler)


def dealt(examples: Sequence[Example], seed: int) -> list[int]:
    """Places of at most `ROWS` examples, one of each label after the other, drawn at random."""
    order = np.random.default_rng([seed, 61]).permutation(len(examples))
    turns: dict[str, int] = {}
    keyed = []
    for number, place in enumerate(order):
        label = str(examples[place].target)
        turns[label] = turns.get(label, -1) + 1
        keyed.append((turns[label], number, int(place)))
    return [place for _, _, place in sorted(keyed)][:ROWS]


class Search:
    """`tried` has every prompt as it was judged last, the best first, once `run` has ended."""

    def __init__(self, facts: Facts, *, has_time: Callable[[], bool]) -> None:
        if facts.filler is None:
            raise ConfigError("a cloze is searched with a model that fills gaps")
        self.facts, self.filler, self.has_time = facts, facts.filler, has_time
        labels = list(facts.names)
        self.target = np.array([labels.index(label) for _, label in facts.rows])
        self.values = [values for values, _ in facts.rows]
        turn = [int((self.target[:place] == own).sum()) for place, own in enumerate(self.target)]
        self.half = np.array(turn) % 2 == 0
        self.tried: list[Tried] = []
        self._states: dict[str, Array] = {}
        self._logits: dict[int, Array] = {}

    def run(self, generators: Sequence[str], given: Sequence[Prompt] = ()) -> Generator[Step, None, None]:
        """Judge what the generators write, or the prompts that are given; a Step for each judgement, with what it came
        to as its note."""
        every = np.ones(len(self.target), dtype=bool)
        waiting = [_Candidate(one, every) for one in given] or list(self._written(generators))
        if not waiting:
            raise ConfigError(f"none of the generators {', '.join(generators)} wrote a prompt; name others")
        base, count = waiting[0], min(FIRST_ROWS, len(self.target))
        done: dict[int, Tried] = {}
        began, step, total = time.monotonic(), 0, 2 * len(waiting)
        while True:
            judged: list[tuple[_Candidate, Tried]] = []
            for one in waiting:
                if step and not self.has_time():
                    break
                found = self._judged(one, base, count)
                done[id(one)] = found
                judged.append((one, found))
                step += 1
                yield Step(step, max(step, total), -found.likelihood, found.rows, 0, time.monotonic() - began,
                           {"accuracy": found.accuracy}, note=found.told())  # fmt: skip
            if count >= len(self.target) or not self.has_time():
                break
            judged.sort(key=lambda pair: -pair[1].gain)
            waiting = [one for one, _ in judged[: max(LEAST_KEPT, len(judged) // 2)]]
            count = min(2 * count, len(self.target))
        # What was judged on more rows was better before: it stands above whatever was left behind.
        self.tried = sorted(done.values(), key=lambda one: (-one.rows, -one.gain))
        most = max(one.rows for one in self.tried)
        final = [one for one in self.tried if 2 * one.rows >= most]  # those that learned have half of the rows
        self.tried = sorted(final, key=lambda one: -one.cautious) + [one for one in self.tried if one not in final]

    def chosen(self, together: int) -> list[Tried]:
        """The best prompt, and others that add most to it, up to so many together."""
        found, pool = self.tried[:1], self.tried[1:FINALISTS]
        mean = self._probabilities(found[0])
        rows = np.arange(len(self.target))
        while pool and len(found) < together:
            scored = []
            for one in pool:
                joined = (len(found) * mean + self._probabilities(one)) / (len(found) + 1)
                scored.append((float(np.log(joined[rows, self.target] + 1e-9).mean()), one, joined))
            best, one, joined = max(scored, key=lambda each: each[0])
            if best <= float(np.log(mean[rows, self.target] + 1e-9).mean()):
                break
            found, mean = [*found, one], joined
            pool = [other for other in pool if other is not one]
        return found

    def _written(self, generators: Sequence[str]) -> Generator[_Candidate, None, None]:
        every = np.ones(len(self.target), dtype=bool)
        known: set[str] = set()
        for name in generators:
            plugin = registry.get("prompts", name)
            if plugin.form != "cloze":
                raise ConfigError(f"generator {name!r} writes {plugin.form}s, and a gap wants a cloze")
            parts = [(self.facts, every)]
            if plugin.learns:
                parts = [
                    (
                        replace(self.facts, rows=[row for row, own in zip(self.facts.rows, half, strict=True) if own]),
                        ~half,
                    )
                    for half in (self.half, ~self.half)
                ]
            for facts, judges in parts:
                if known and not self.has_time():
                    return
                for prompt in islice(plugin.write(facts), MOST_WRITTEN):
                    key = json.dumps([prompt.template, {k: list(v) for k, v in prompt.words.items()}], sort_keys=True)
                    if key not in known and judges.any():
                        known.add(key)
                        yield _Candidate(prompt, judges)

    def _judged(self, one: _Candidate, base: _Candidate, count: int) -> Tried:
        rows = np.flatnonzero(one.judges[:count])
        likely, accuracy, temperature = self._score(one.prompt, rows, count)
        more = likely - self._score(base.prompt, rows, count)[0]
        error = float(more.std() / max(1, len(more) - 1) ** 0.5)
        return Tried(one.prompt, float(likely.mean()), float(more.mean()), error, accuracy, len(rows), temperature)

    def _score(self, prompt: Prompt, rows: Array, count: int) -> tuple[Array, float, float]:
        """Log-likelihood of each row at the temperature that suits, accuracy, and that temperature."""
        logits = self.logits(prompt, count)[rows]
        logits, target = logits - logits.mean(axis=0), self.target[rows]
        likely = {t: np.log(softmax(logits / t)[np.arange(len(rows)), target] + 1e-9) for t in TEMPERATURES}
        best = max(TEMPERATURES, key=lambda t: float(likely[t].mean()))
        return likely[best], float((logits.argmax(axis=1) == target).mean()), best

    def _probabilities(self, one: Tried) -> Array:
        logits = self.logits(one.prompt, len(self.target))
        return softmax((logits - logits.mean(axis=0)) / one.temperature)

    def logits(self, prompt: Prompt, count: int) -> Array:
        """Scores [count, C] of the first rows, not calibrated; states of a template are read once."""
        gap = gapped(prompt.template)
        known = self._states.get(gap)
        have = 0 if known is None else len(known)
        if have < count:
            new = self.filler.states(gap, self.values[have:count])
            self._states[gap] = known = new if known is None else np.concatenate([known, new])
        weight, bias = self.filler.rows_of(gap, {label: prompt.words[label] for label in self.facts.names})
        return np.asarray(np.asarray(known)[:count] @ weight.T + bias)


def _values(example: Example) -> dict[str, str]:
    return {key: str(example.inputs[key]) for key in ("text", "text_pair") if key in example.inputs}


def _nothing(texts: Sequence[str]) -> Array:
    return np.zeros((len(texts), 0))
