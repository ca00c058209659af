"""Ship or not: every condition by itself, and its reason in words."""

from __future__ import annotations

import time

import pytest

from autogpt.errors import ConfigError
from autogpt.evaluation.energy import WATTS_PER_CORE, Meter
from autogpt.evaluation.interval import Difference
from autogpt.evaluation.learning_curve import LearningCurve
from autogpt.evaluation.noise import LabelNoise
from autogpt.evaluation.score import Score
from autogpt.evaluation.verdict import NoiseFloor, Rival, Verdict, judge, noise_floor
from autogpt.evaluation.words import LANGUAGES, Words, _catalogue

GOOD = Score("accuracy", 0.9, 0.88, 0.92, 1000)


def rival(low: float, delta: float, high: float, role: str = "simple") -> Rival:
    return Rival("TF-IDF", role, Difference("accuracy", delta, low, high, 0.01))


def verdict(score: Score = GOOD, *rivals: Rival, **facts: object) -> Verdict:
    return judge(score, rivals or (rival(0.02, 0.05, 0.08),), words=Words("en"), **facts)  # type: ignore[arg-type]


def test_a_model_that_passes_everything_ships() -> None:
    found = verdict(ece=0.02)
    assert found.ship
    assert found.warnings == ()
    assert found.headline.startswith("Ready to ship: it beats TF-IDF by 0.050")


@pytest.mark.parametrize(
    ("found", "reason"),
    [
        (verdict(GOOD, rival(-0.01, 0.02, 0.05)), "not clearly better than TF-IDF"),
        (verdict(GOOD, rival(-0.05, -0.03, -0.01)), "worse than TF-IDF"),
        (verdict(GOOD, rival(-0.01, 0.02, 0.05, "majority")), "not clearly better"),
        (verdict(noise=NoiseFloor("accuracy", (0.9, 0.8), 0.07, 0.2)), "seed alone can change"),
        (verdict(Score("accuracy", 0.9, 0.7, 1.0, 20)), "20 test rows are too few"),
        (verdict(leaks=3), "3 test rows have copies"),
        (verdict(constant=True), "it gives every test row the same answer"),
        (verdict(forgotten=[("refund", 40)]), "never found: refund"),
        (verdict(Score("chrf", 0.2, 0.18, 0.22, 1000), least=0.3), "most of what it says is wrong: chrf is 0.200"),
        (verdict(Score("accuracy", float("nan"), float("nan"), float("nan"), 1000)), "not a number"),
    ],
)
def test_what_forbids_shipping(found: Verdict, reason: str) -> None:
    assert not found.ship
    assert reason in found.headline


@pytest.mark.parametrize(
    ("found", "reason"),
    [
        (verdict(Score("accuracy", 0.9, 0.87, 0.93, 120)), "120 test rows judge only roughly"),
        (verdict(Score("accuracy", 0.8, 0.7, 0.9, 500)), "0.20 wide"),
        (verdict(ece=0.3), "cannot be trusted"),
        (verdict(forgotten=[("refund", 4)]), "rare labels"),
        (verdict(suspicious_share=0.08), "8% of the labels"),
        (verdict(GOOD, rival(0.02, 0.05, 0.08), rival(-0.02, 0.0, 0.02, "zero-training")), "not clearly better"),
    ],
)
def test_what_asks_for_care(found: Verdict, reason: str) -> None:
    assert found.ship
    assert any(reason in check.text for check in found.warnings)


def test_the_noise_floor_of_three_seeds() -> None:
    found = noise_floor("accuracy", (0.90, 0.91, 0.92))
    assert found is not None
    assert found.sd == pytest.approx(0.01 / 0.8862)
    assert found.floor == pytest.approx(1.96 * 2**0.5 * found.sd)
    assert noise_floor("accuracy", (0.9, 0.92)) is None


def test_every_sentence_exists_in_both_languages_with_the_same_gaps() -> None:
    import re

    for key, sentences in _catalogue().items():
        assert set(sentences) == set(LANGUAGES), key
        gaps = [sorted(re.findall(r"{(\w+)", text)) for text in sentences.values()]
        assert gaps[0] == gaps[1], key
    with pytest.raises(ConfigError, match="en, zh"):
        Words("de")


def test_costs_are_measured_and_energy_is_their_documented_estimate() -> None:
    meter = Meter()
    wall, cpu = time.perf_counter() + 0.05, time.process_time() + 0.05
    while time.perf_counter() < wall or time.process_time() < cpu:  # neither clock stands for the other
        pass
    costs = meter.read(stages={"train": 0.05}, accelerator_seconds=10, accelerator_watts=300)
    assert costs.seconds >= 0.05
    assert costs.cpu_seconds >= 0.05
    assert costs.peak_bytes > 20 * 2**20
    assert costs.watt_hours == pytest.approx((costs.cpu_seconds * WATTS_PER_CORE + 3000) / 3600)


def curve(*, labels: float = 800.0, high: float = 2000.0, gain_low: float = 0.01) -> LearningCurve:
    return LearningCurve(
        "accuracy", (), rows=2000, score=0.92, gain=0.02, gain_low=gain_low, gain_high=0.03, labels=labels,
        labels_low=500.0, labels_high=high,
    )  # fmt: skip


@pytest.mark.parametrize("language", LANGUAGES)
def test_more_labels_and_wrong_labels_are_advice_that_says_nothing_against_the_model(language: str) -> None:
    noise = LabelNoise(0.2, 0.17, 0.23, 1000)
    found = judge(GOOD, [rival(0.02, 0.05, 0.08)], words=Words(language), ece=0.02, curve=curve(), label_noise=noise)
    assert found.ship
    assert found.warnings == ()
    labels, cap = found.advice
    assert (labels.name, labels.value, labels.low, labels.high) == ("labels", 800.0, 500.0, 2000.0)
    assert "800" in labels.text
    assert "500" in labels.text
    assert (cap.name, cap.value) == ("noise", 0.8)
    assert "0.80" in cap.text


def test_an_open_end_is_not_told_as_a_number() -> None:
    found = verdict(curve=curve(high=float("inf")))
    assert "at least 500" in found.advice[0].text
    assert "inf" not in found.advice[0].text


@pytest.mark.parametrize("none", [curve(gain_low=-0.001), curve(labels=1500.0), curve(labels=float("nan")), None])
def test_labels_that_would_not_help_are_not_asked_for(none: LearningCurve | None) -> None:
    assert verdict(curve=none).advice == ()


def test_a_test_that_was_judged_twice_is_a_warning() -> None:
    found = verdict(looks=2)
    assert found.ship
    assert [check.name for check in found.warnings] == ["looks"]
    assert "judged 2 times" in found.headline
    assert verdict(looks=1).warnings == ()
