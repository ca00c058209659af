"""Ship, or do not ship, and why: the checks a careful colleague would make before trusting a model.

A check that *must* pass decides; one that *should* pass is a warning. The numbers behind a check are in its sentence.
"""

from __future__ import annotations

import math
import statistics
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from autogpt.evaluation.interval import Difference
from autogpt.evaluation.learning_curve import LearningCurve
from autogpt.evaluation.noise import LabelNoise
from autogpt.evaluation.score import Score
from autogpt.evaluation.words import Words

FEW_ROWS, MANY_ROWS = 30, 200
WIDE = 0.10  # width of an interval, of a score between 0 and 1, from which the score is called rough
BADLY_CALIBRATED = 0.10
SUPPORT_THAT_COUNTS = 10
LEAST_RUNS = 3
MOST_LABELS = 5  # times as many rows as the forecast reaches: beyond it an upper end says nothing
# Standard deviations from few runs are too small on average by these factors (c4 of quality control).
_C4 = {3: 0.8862, 4: 0.9213, 5: 0.9400}


@dataclass(frozen=True, slots=True)
class Check:
    """One question, answered. `must` tells a condition from advice."""

    name: str
    passed: bool
    must: bool
    text: str


@dataclass(frozen=True, slots=True)
class Advice:
    """What would make the next model better, or what cannot: `labels` (about `value` more rows, from `low` to `high`),
    or `noise` (accuracy on such labels ends at about `value`). It says nothing against the model that there is."""

    name: str
    text: str
    value: float
    low: float
    high: float


@dataclass(frozen=True, slots=True)
class Verdict:
    """The decision, one sentence for it, all checks, and what would help."""

    ship: bool
    headline: str
    checks: tuple[Check, ...]
    advice: tuple[Advice, ...] = ()

    @property
    def warnings(self) -> tuple[Check, ...]:
        return tuple(check for check in self.checks if not check.passed)


@dataclass(frozen=True, slots=True)
class NoiseFloor:
    """How much the score moves when only the seed changes.

    Two runs closer than `floor` (1.96 * sqrt(2) * sd) are equal; `sd` is corrected for the small number of runs.
    """

    metric: str
    scores: tuple[float, ...]
    sd: float
    floor: float


@dataclass(frozen=True, slots=True)
class Rival:
    """A simpler system on the same rows, and how much better ours is."""

    name: str
    role: str
    difference: Difference


def noise_floor(metric: str, scores: Sequence[float]) -> NoiseFloor | None:
    """From the scores of one recipe under several seeds; None for fewer than three.

    Two tell next to nothing of a spread: for Banking77 it was 0.008 by four runs and 0.025 by two.
    """
    if len(scores) < LEAST_RUNS:
        return None
    sd = statistics.stdev(scores) / _C4.get(len(scores), 1.0)
    return NoiseFloor(metric, tuple(scores), sd, 1.96 * 2**0.5 * sd)


def judge(
    score: Score,
    rivals: Sequence[Rival],
    *,
    words: Words,
    noise: NoiseFloor | None = None,
    ece: float | None = None,
    leaks: int = 0,
    forgotten: Sequence[tuple[str, int]] = (),
    suspicious_share: float = 0.0,
    constant: bool = False,
    least: float | None = None,
    looks: int = 1,
    curve: LearningCurve | None = None,
    label_noise: LabelNoise | None = None,
) -> Verdict:
    """The verdict. `leaks`: rows that stand in test and training alike; `forgotten`: (label, support) never found.

    `constant`: whether all rows get one answer where they have several. `least`: the score that makes an answer worth
    having, where being better than others is not enough. `looks`: how many models of this run were judged on the test,
    this one included.
    """
    checks = [_finite(score, words), *_against(rivals, noise, score, words), *_rows(score, words)]
    if constant:
        checks.insert(1, Check("constant", False, True, words("check.constant")))
    if least is not None:
        usable = score.value >= least
        text = words(
            "check.usable" if usable else "check.unusable", metric=score.metric, value=score.value, least=least
        )
        checks.append(Check("usable", usable, True, text))
    checks.append(Check("leaks", leaks == 0, True, words("check.leaks" if leaks else "check.no_leaks", count=leaks)))
    big = [label for label, support in forgotten if support >= SUPPORT_THAT_COUNTS]
    small = [label for label, support in forgotten if support < SUPPORT_THAT_COUNTS]
    if big:
        checks.append(Check("recall", False, True, words("check.forgotten", labels=_list(big))))
    if small:
        checks.append(Check("recall", False, False, words("check.forgotten_rare", labels=_list(small))))
    if ece is not None:
        good = ece <= BADLY_CALIBRATED
        checks.append(Check("calibration", good, False, words("check.ece" if good else "check.bad_ece", ece=ece)))
    if looks > 1:
        checks.append(Check("looks", False, False, words("check.looks", looks=looks)))
    if suspicious_share > 0.05:
        checks.append(Check("labels", False, False, words("check.suspects", share=100 * suspicious_share)))
    blocking = [check for check in checks if check.must and not check.passed]
    weak = [check for check in checks if not check.must and not check.passed]
    helps = tuple(advise(curve, label_noise, words))
    if blocking:
        return Verdict(False, words("verdict.no", reason=blocking[0].text), tuple(checks), helps)
    if weak:
        return Verdict(True, words("verdict.care", reason=weak[0].text), tuple(checks), helps)
    named = {check.name: check for check in checks}
    best = named.get("beats simple") or named.get("beats majority") or checks[0]
    return Verdict(True, words("verdict.yes", reason=best.text), tuple(checks), helps)


def advise(curve: LearningCurve | None, noise: LabelNoise | None, words: Words) -> Iterator[Advice]:
    """More labels, where they would help and how many; and where wrong labels end all improvement."""
    if curve is not None and curve.more_labels:
        high = curve.labels_high
        key = "advice.labels" if high < MOST_LABELS * curve.rows else "advice.labels_open"
        text = words(key, count=_round(curve.labels), low=_round(curve.labels_low), high=_round(high), gain=curve.gain,
                     rows=curve.rows, metric=curve.metric)  # fmt: skip
        yield Advice("labels", text, curve.labels, curve.labels_low, high)
    if noise is not None:
        low, high = 1 - noise.high, 1 - noise.low
        text = words("advice.noise", cap=noise.cap, low=low, high=high, share=100 * noise.share)
        yield Advice("noise", text, noise.cap, low, high)


def _round(count: float) -> int:
    """Two digits of a number of rows are all that is known of it."""
    if not math.isfinite(count) or count < 10:
        return math.ceil(count) if math.isfinite(count) else 0
    step = int(10 ** (math.floor(math.log10(count)) - 1))
    return round(count / step) * step


def _finite(score: Score, words: Words) -> Check:
    fine = score.value == score.value
    return Check("score", fine, True, words("check.score" if fine else "check.no_score", score=str(score)))


def _against(rivals: Sequence[Rival], noise: NoiseFloor | None, score: Score, words: Words) -> list[Check]:
    """Each rival must be beaten beyond the interval of the paired difference, and beyond the noise of seeds."""
    checks = []
    for rival in rivals:
        d = rival.difference
        floor = noise.floor if noise else 0.0
        beaten, loud = d.low > 0, d.delta > floor
        key = "check.beats" if beaten and loud else "check.noise" if beaten else "check.equal"
        if d.high < 0:
            key = "check.worse"
        text = words(key, name=rival.name, metric=d.metric, delta=d.delta, low=d.low, high=d.high, floor=floor)
        must = rival.role in {"majority", "simple"}
        checks.append(Check(f"beats {rival.role}", beaten and loud, must, text))
    return checks


def _rows(score: Score, words: Words) -> list[Check]:
    width = score.high - score.low
    checks = []
    if score.n < FEW_ROWS:
        checks.append(Check("rows", False, True, words("check.few_rows", n=score.n, least=FEW_ROWS)))
    elif score.n < MANY_ROWS:
        checks.append(Check("rows", False, False, words("check.some_rows", n=score.n, good=MANY_ROWS)))
    else:
        checks.append(Check("rows", True, False, words("check.rows", n=score.n)))
    if score.higher_is_better and width > WIDE:
        checks.append(Check("interval", False, False, words("check.wide", width=width)))
    return checks


def _list(labels: Sequence[str], most: int = 5) -> str:
    more = f" (+{len(labels) - most})" if len(labels) > most else ""
    return ", ".join(labels[:most]) + more
