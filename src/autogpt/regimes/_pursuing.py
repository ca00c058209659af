"""GRPO by a check: watched on prompts that choose, judged on sealed ones, kept only where it is better beyond noise."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from autogpt.evaluation.interval import mean_interval
from autogpt.regimes._aims import Aim, Check, Parts
from autogpt.regimes._policy import Policy, Watch
from autogpt.regimes._signs import Look, Wanted, sign
from autogpt.training.align import GROUP

if TYPE_CHECKING:
    from autogpt.core import Array

MOST_STEPS, BATCH_PROMPTS, MOST_LOOKED = 10_000, 16, 128
TRIED = 32
"""Prompts to which answers are drawn beforehand: where all answers to each earn the same, there is nothing to learn."""


@dataclass(slots=True)
class Pursuit:
    """A training by a check, as it is looked at."""

    policy: Policy
    parts: Parts
    check: Check
    watched: Check | None
    looks: list[Look] = field(default_factory=list)
    best: Look | None = None
    earned: list[float] = field(default_factory=list)
    full: bool = False

    def earn(self, place: int, answers: Sequence[Any]) -> list[float]:
        """Rewards of answers (token ids) to one prompt that is learned."""
        texts = [self.policy.writer.text(ids) for ids in answers]
        found = self.check.one(self.parts.learn[place], texts)
        self.earned += found
        return found

    def look(self, step: int) -> tuple[bool, str | None]:
        """See `_policy.Watch`."""
        aims = self.parts.choose[:MOST_LOOKED]
        learned = float(np.mean(self.earned)) if self.earned else None
        self.earned.clear()
        now = self._seen(step, aims, learned)
        self.looks.append(now)
        if self.best is None:
            self.best = now
            return True, None
        seen = sign(self.looks, _wanted(self.policy, self.check, aims))
        better = seen is None and now.held.mean() > self.best.held.mean()
        self.best = now if better else self.best
        self.policy.session.say(
            "trial", f"step {step}: reward {now.held.mean():.3f} on prompts that choose, {now.kl:.2f} nats away"
        )
        self.full = bool(better and now.held.min() == 1.0)
        return bool(better), seen

    def _seen(self, step: int, aims: Sequence[Aim], learned: float | None) -> Look:
        texts = self.policy.answers(aims)
        drawn = self.policy.drawn(aims, seed=self.policy.session.config.seed)
        return Look(
            step=step,
            held=np.array(self.check.all(aims, texts)),
            kl=self.policy.away(drawn),
            distinct=len({text for text, _ in drawn}),
            tokens=float(np.mean([len(pair.target) for _, pair in drawn])),
            learned=learned,
            watched=None if self.watched is None else np.array(self.watched.all(aims, texts)),
        )

    def differs(self) -> bool:
        """Whether any two answers to one prompt earn differently; what all of them earn is what was learned so far."""
        aims = [self.parts.learn[place % len(self.parts.learn)] for place in range(TRIED) for _ in range(GROUP)]
        texts = [text for text, _ in self.policy.drawn(aims, seed=self.policy.session.config.seed + 1)]
        rewards = np.array(self.check.all(aims, texts)).reshape(TRIED, GROUP)
        self.earned += rewards.ravel().tolist()
        return bool((rewards.max(axis=1) > rewards.min(axis=1)).any())


def pursue(policy: Policy, parts: Parts, check: Check, watched: Check | None) -> dict[str, Any]:
    """Train by the check; the policy then holds what is to be kept. What was measured."""
    from autogpt.training import _trl

    policy.begin()
    before = policy.answered(parts.held)
    held = parts.held[: len(before)]
    rewards = np.array(check.all(held, before))
    pursuit = Pursuit(policy, parts, check, watched)
    session, ended, seen, steps = policy.session, "", None, 0
    session.say("evaluation", f"reward {rewards.mean():.3f} on held-out prompts before", score=float(rewards.mean()))
    differs = pursuit.differs()
    began = time.monotonic()
    pursuit.look(0)
    if not differs:
        ended = "all answers drawn to a prompt earn the same, so GRPO has nothing to compare"
        session.say("decision", f"{ended}; teach it by answers in the rows first (--sft), or take another reward")
    else:
        watch = Watch(policy, "grpo", pursuit.look, lambda: pursuit.full)
        watch.begin(time.monotonic() - began)
        course = policy.course("pursue", steps=MOST_STEPS, batch_rows=BATCH_PROMPTS, beta=0.0, watch=watch)
        if watch.may_begin():
            _trl.pursue(
                policy.writer.net.model, policy.writer.tokenizer, [aim.prompt for aim in parts.learn], course,
                frame=policy.frame, score=pursuit.earn, tokens=policy.tokens,
            )  # fmt: skip
            watch.finish()
        ended, seen, steps = watch.ended, watch.sign, watch.steps
    policy.restore()
    after = policy.answers(held) if policy.kept and pursuit.best and pursuit.best.step else before
    found = _judged(policy, held, check, watched, rewards, before, after)
    if not found["kept"]:
        policy.back()
    return {
        "kind": "reward",
        "reward": check.reward.name,
        **found,
        "sign": seen,
        "ended": ended,
        "steps": steps,
        "best_step": pursuit.best.step if pursuit.best else 0,
        "looks": [_plain(look) for look in pursuit.looks],
    }


def _judged(
    policy: Policy,
    held: Sequence[Aim],
    check: Check,
    watched: Check | None,
    rewards: Array,
    before: Sequence[str],
    after: Sequence[str],
) -> dict[str, Any]:
    """Both models on the sealed prompts, and whether the later one is better beyond noise."""
    later = np.array(check.all(held, after))
    gain = mean_interval(later - rewards)
    found: dict[str, Any] = {
        "before": asdict(mean_interval(rewards)),
        "after": asdict(mean_interval(later)),
        "gain": asdict(gain),
        "kept": gain.low > 0,
        "moved": policy.away(policy.drawn(held[:MOST_LOOKED], seed=policy.session.config.seed + 2)),
        "held_out": len(held),
        "different_answers": [len(set(before)), len(set(after))],
    }
    if watched is not None:
        one, two = (np.array(watched.all(held, texts)) for texts in (before, after))
        found["check"] = {"name": watched.reward.name, "before": float(one.mean()), "after": float(two.mean())}
        found["check"]["gain"] = asdict(mean_interval(two - one))
    return found


def _wanted(policy: Policy, check: Check, aims: Sequence[Aim]) -> Wanted:
    """What the rows say of right answers: how many are different, and how long those are that are shown."""
    known = {str(aim.row.get(check.column)) for aim in aims} if check.column else None
    shown = [aim for aim in aims if aim.chosen]
    tokens = [len(pair.target) for pair in policy.pairs(shown, [str(aim.chosen) for aim in shown])]
    return Wanted(len(known) if known else None, float(np.mean(tokens)) if tokens else None)


def _plain(look: Look) -> dict[str, Any]:
    watched = None if look.watched is None else float(look.watched.mean())
    return {**asdict(look), "held": float(look.held.mean()), "watched": watched}
