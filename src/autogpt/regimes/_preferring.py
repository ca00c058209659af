"""DPO and its kin by preferences: watched on pairs that choose, judged on sealed ones, kept only beyond noise.

What a model trained so prefers is told by its implicit reward, how much likelier an answer became ("Direct Preference
Optimization", Rafailov et al. 2023). That both answers of a pair may become less likely, the chosen one too, is known
("Unintentional Unalignment", Razin et al. 2025), so what became of the chosen ones is told beside it.
"""

from __future__ import annotations

import math
import time
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from autogpt.evaluation.interval import LEVEL, RESAMPLES, Interval, mean_interval
from autogpt.regimes._aims import Aim, Parts
from autogpt.regimes._policy import Policy, Watch
from autogpt.regimes._signs import Look, fallen, far

if TYPE_CHECKING:
    from autogpt.backbones._writing import Pair
    from autogpt.core import Array

EPOCHS, BATCH_ROWS, MOST_LOOKED = 6.0, 16, 128
BETA = 0.1


@dataclass(slots=True)
class Taste:
    """Rows with their answers as ids; a mark has one of the two."""

    policy: Policy
    aims: Sequence[Aim]
    paired: bool
    good: list[Pair] = field(init=False)
    bad: list[Pair] = field(init=False)

    def __post_init__(self) -> None:
        good, bad = ([aim for aim in self.aims if one(aim) is not None] for one in (_chosen, _rejected))
        self.good = self.policy.pairs(good, [str(aim.chosen) for aim in good])
        self.bad = self.policy.pairs(bad, [str(aim.rejected) for aim in bad])

    def rewards(self) -> tuple[Array, Array]:
        """Implicit rewards of good and of bad answers: nats by which they became likelier."""
        return self.policy.moved(self.good), self.policy.moved(self.bad)

    def useful(self, good: Array, bad: Array, beta: float) -> float:
        """How well the rewards tell good from bad: the mean log probability of each preference, as DPO has it."""
        told = beta * (good - bad) if self.paired else beta * np.concatenate([good, -bad])
        return float(-np.logaddexp(0.0, -told).mean())


def prefer(policy: Policy, parts: Parts, *, paired: bool) -> dict[str, Any]:
    """Train by the preferences; the policy then holds what is to be kept. What was measured."""
    from autogpt.training import _trl

    policy.begin()
    loss = policy.options.loss or ("dpo" if paired else "kto")
    choose, looks = Taste(policy, parts.choose[:MOST_LOOKED], paired), list[dict[str, Any]]()
    session, best = policy.session, [-math.inf]

    def look(step: int) -> tuple[bool, str | None]:
        good, bad = choose.rewards()
        drawn = policy.drawn(choose.aims[:64], seed=session.config.seed)
        tokens = float(np.mean([len(pair.target) for _, pair in drawn]))
        now = Look(step, good, policy.away(drawn), len({text for text, _ in drawn}), tokens)
        useful = choose.useful(good, bad, course.beta or BETA)
        seen = far(now) or fallen(good, [len(pair.target) for pair in choose.good])
        looks.append({"step": step, "accuracy": _told(good, bad, paired).value, "kl": now.kl, "distinct": now.distinct,
                      "tokens": tokens, "chosen_moved": float(good.mean()) if len(good) else 0.0})  # fmt: skip
        if step:
            session.say(
                "trial", f"step {step}: {looks[-1]['accuracy']:.1%} of what chooses is told, {now.kl:.2f} nats away"
            )
        better = seen is None and useful > best[0]
        best[0] = useful if better else best[0]
        return better, seen

    watch = Watch(policy, loss, look)
    rows = _rows(Taste(policy, parts.learn, paired), parts.learn, loss=loss)
    steps = max(1, math.ceil(EPOCHS * len(rows) / min(BATCH_ROWS, len(rows))))
    course = policy.course("prefer" if paired else "mark", steps=steps, batch_rows=BATCH_ROWS, beta=BETA, watch=watch)
    began = time.monotonic()
    look(0)
    watch.begin(time.monotonic() - began)
    if watch.may_begin():
        _trl.prefer(policy.writer.net.model, policy.writer.tokenizer, rows, course, loss=loss)
        watch.finish()
    policy.restore()
    found = _judged(policy, Taste(policy, parts.held, paired))
    if found["chosen_moved"]["high"] < 0:
        session.say("warning", f"chosen answers became less likely: {found['chosen_moved']['value']:.2f} nats each")
    if not found["kept"]:
        policy.back()
    return {
        "kind": "pairs" if paired else "marks",
        "loss": loss,
        "beta": course.beta,
        **found,
        "sign": watch.sign,
        "ended": watch.ended,
        "steps": watch.steps,
        "looks": looks,
    }


def _rows(taste: Taste, aims: Sequence[Aim], *, loss: str) -> list[Mapping[str, Any]]:
    """What TRL's trainers take."""
    if loss != "kto":
        return [
            {"prompt_ids": one.source.tolist(), "chosen_ids": one.target.tolist(), "rejected_ids": two.target.tolist()}
            for one, two in zip(taste.good, taste.bad, strict=True)
        ]
    marked = [(pair, True) for pair in taste.good] + [(pair, False) for pair in taste.bad]
    order = np.random.default_rng(taste.policy.session.config.seed).permutation(len(marked))
    shuffled = [marked[place] for place in order]
    return [
        {
            "prompt_ids": pair.source.tolist(),
            "completion_ids": pair.target.tolist(),
            "KL_completion_ids": shuffled[place - 1][0].target.tolist(),  # of another row: what KTO measures KL by
            "label": good,
        }
        for place, (pair, good) in enumerate(shuffled)
    ]


def _judged(policy: Policy, held: Taste) -> dict[str, Any]:
    """The sealed rows: what is told apart, before and after, and how far the model moved."""
    good, bad = held.rewards()
    told = _told(good, bad, held.paired)
    found: dict[str, Any] = {
        "accuracy": asdict(told),
        "kept": told.low > 0.5,
        "chosen_moved": asdict(mean_interval(good)) if len(good) else asdict(Interval(0.0, 0.0, 0.0)),
        "rejected_moved": asdict(mean_interval(bad)) if len(bad) else asdict(Interval(0.0, 0.0, 0.0)),
        "moved": policy.away(policy.drawn(held.aims[:64], seed=policy.session.config.seed + 2)),
        "held_out": len(held.aims),
    }
    if held.paired:
        after = policy.writer.likely(held.good) - policy.writer.likely(held.bad)
        before = after - (good - bad)
        found["before"], found["after"] = (asdict(mean_interval(_wins(one))) for one in (before, after))
        found["gain"] = asdict(mean_interval(_wins(after) - _wins(before)))
    return found


def _wins(margin: Array) -> Array:
    """1 where the first is ahead, 1/2 where there is none."""
    found: Array = (np.sign(margin) + 1) / 2
    return found


def _told(good: Array, bad: Array, paired: bool) -> Interval:
    """How often good answers have more of the implicit reward than bad ones: those of the same pair, or of any two
    marks (the area under the ROC curve). An untrained model has 1/2."""
    if paired:
        return mean_interval(_wins(good - bad))
    if not len(good) or not len(bad):
        return Interval(0.5, 0.0, 1.0)
    wins, rng = _wins(good[:, None] - bad[None, :]), np.random.default_rng(0)
    drawn = [
        wins[np.ix_(rng.integers(0, len(good), len(good)), rng.integers(0, len(bad), len(bad)))].mean()
        for _ in range(RESAMPLES)
    ]
    low, high = (float(q) for q in np.quantile(drawn, [(1 - LEVEL) / 2, (1 + LEVEL) / 2]))
    return Interval(float(wins.mean()), low, high)


def _chosen(aim: Aim) -> str | None:
    return aim.chosen


def _rejected(aim: Aim) -> str | None:
    return aim.rejected
