"""The forecast: right where the law is known, silent where nobody can know."""

from __future__ import annotations

import math

import numpy as np
import pytest

from autogpt import registry
from autogpt.evaluation.learning_curve import Point, fit_curve

ACCURACY, MAE = registry.get("metrics", "accuracy"), registry.get("metrics", "mae")
SIZES = (250, 500, 1000, 2000, 4000)


def test_a_power_law_is_continued() -> None:
    points = [Point(n, 1 - 2.0 * n**-0.4, 2000) for n in SIZES]
    found = fit_curve(points, metric=ACCURACY)
    assert found.rows == 8000
    assert found.c == pytest.approx(0.4, abs=1e-6)
    assert found.score == pytest.approx(1 - 2.0 * 8000**-0.4)
    assert found.gain == pytest.approx(2.0 * 4000**-0.4 - 2.0 * 8000**-0.4)
    assert found.low < found.score < found.high
    assert 0 < found.gain_low < found.gain < found.gain_high
    assert found.worth_it


def test_a_loss_falls_and_its_gain_is_positive() -> None:
    found = fit_curve([Point(n, 3.0 * n**-0.25, 2000) for n in SIZES], metric=MAE)
    assert found.score == pytest.approx(3.0 * 8000**-0.25)
    assert found.gain > 0


def test_a_flat_curve_promises_nothing() -> None:
    rng = np.random.default_rng(0)
    found = fit_curve([Point(n, 0.9 + rng.normal(scale=0.006), 1000) for n in SIZES], metric=ACCURACY)
    assert found.known
    assert not found.worth_it


@pytest.mark.parametrize(
    ("points", "why"),
    [
        ([], "few"),
        ([Point(100, 0.5, 100), Point(1000, 0.6, 100), Point(1000, 0.61, 100)], "few"),
        ([Point(100, 0.5, 100), Point(150, 0.6, 100), Point(200, 0.65, 100)], "narrow"),
        ([Point(100, 0.5, 100), Point(200, math.nan, 100), Point(800, 0.7, 100)], "broken"),
    ],
)
def test_too_little_to_go_on_is_said(points: list[Point], why: str) -> None:
    found = fit_curve(points, metric=ACCURACY)
    assert found.why_not == why
    assert not found.known
    assert math.isnan(found.score)


def test_a_perfect_score_is_no_logarithm_of_zero() -> None:
    found = fit_curve(
        [Point(n, s, 200) for n, s in zip((100, 400, 1600), (0.9, 0.99, 1.0), strict=True)], metric=ACCURACY
    )
    assert math.isfinite(found.score)


def test_same_seed_same_forecast() -> None:
    points = [Point(n, 1 - 2.0 * n**-0.4, 300) for n in SIZES]
    assert fit_curve(points, metric=ACCURACY, seed=4) == fit_curve(points, metric=ACCURACY, seed=4)
    assert fit_curve(points, metric=ACCURACY, seed=4) != fit_curve(points, metric=ACCURACY, seed=5)


def test_the_interval_covers_what_twice_the_data_really_brings() -> None:
    """100 noisy worlds with a known law: the gain's interval holds the true gain in at least 85 of them."""
    law = {n: 1 - 1.5 * n**-0.35 for n in (*SIZES, 8000)}
    rng, held = np.random.default_rng(0), 0
    for world in range(100):
        points = [Point(n, rng.binomial(500, law[n]) / 500, 500) for n in SIZES]
        found = fit_curve(points, metric=ACCURACY, seed=world)
        held += found.gain_low <= law[8000] - law[4000] <= found.gain_high
    assert held >= 85


def test_the_labels_that_are_asked_for_take_away_a_tenth_of_the_error() -> None:
    points = [Point(n, 1 - 2.0 * n**-0.4, 2000) for n in SIZES]
    found = fit_curve(points, metric=ACCURACY)
    error = 2.0 * (4000 + found.labels) ** -0.4
    assert error == pytest.approx(0.9 * 2.0 * 4000**-0.4)
    assert found.labels_low < found.labels < found.labels_high
    assert found.more_labels


def test_a_flat_curve_asks_for_no_labels() -> None:
    for seed in range(20):
        rng = np.random.default_rng(seed)
        found = fit_curve([Point(n, 0.9 + rng.normal(scale=0.006), 1000) for n in SIZES], metric=ACCURACY)
        assert not found.more_labels


def test_a_curve_that_ends_at_wrong_labels_asks_for_none() -> None:
    points = [Point(n, 0.8 - 0.8 * n**-0.8, 4000) for n in SIZES]
    assert not fit_curve(points, metric=ACCURACY).more_labels


def test_how_many_labels_is_unknown_where_the_error_may_not_fall() -> None:
    points = [Point(n, 1 - 0.5 * n**-0.12, 150) for n in SIZES]
    found = fit_curve(points, metric=ACCURACY)
    assert math.isinf(found.labels_high)
    assert not found.more_labels
