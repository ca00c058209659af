"""When a further trial is worth its seconds, by what validation rows can tell; when a curve is given up."""

import math
from statistics import NormalDist

import numpy as np
import pytest

from autogpt import registry
from autogpt.autopilot import belief, scheduler
from autogpt.autopilot.scheduler import Curve, Outlook, distance, learned
from autogpt.autopilot.trial import Result

ACCURACY = registry.get("metrics", "accuracy")


def outlook(rows: int, **more: float) -> Outlook:
    return Outlook(scheduler.SHIFT, scheduler.SPREAD, belief.paired_error(0.85, rows), **more)


def test_twenty_six_validation_rows_are_too_few_for_a_search_and_a_thousand_are_not() -> None:
    assert not outlook(26).is_worth(30)
    assert outlook(1000).is_worth(30)


def test_the_gain_is_that_of_choosing_by_what_is_believed() -> None:
    rng, told = np.random.default_rng(0), Outlook(-0.01, 0.02, 0.03)
    true = rng.normal(told.mean, told.spread, 400_000)
    measured = true + rng.normal(0, told.noise, len(true))
    share = told.spread**2 / (told.spread**2 + told.noise**2)
    chosen = told.mean + share * (measured - told.mean) > 0
    assert told.gain == pytest.approx(float(np.where(chosen, true, 0.0).mean()), abs=1e-4)


def test_the_best_of_many_is_below_the_bound_and_little_below_it() -> None:
    rng, told = np.random.default_rng(1), Outlook(0.0, 0.02, 0.0)
    best = np.maximum(rng.normal(0.0, 0.02, (4000, 50)).max(axis=1), 0.0).mean()
    assert best < told.bound(50) < 1.4 * best


def test_more_trials_can_gain_more_but_never_more_than_can_be_measured() -> None:
    told = Outlook(-0.01, 0.02, 0.01)
    assert told.bound(0) == 0.0
    assert told.bound(1) < told.bound(10) < told.bound(100)
    assert Outlook(-0.01, 0.02, 0.01, ceiling=0.001).bound(100) == 0.001


def test_what_brings_as_much_in_half_the_time_is_first() -> None:
    assert Outlook(0.0, 0.02, 0.01, seconds=10).rate == pytest.approx(2 * Outlook(0.0, 0.02, 0.01, seconds=20).rate)


def test_trials_that_all_are_worse_end_a_search_that_had_begun() -> None:
    prior = outlook(1000)
    flat = learned(prior, [-0.02, -0.025, -0.018] * 5)
    assert prior.is_worth(10)
    assert not flat.is_worth(10)
    assert flat.mean < prior.mean


def test_trials_that_differ_much_keep_it_going_and_noise_is_no_difference() -> None:
    prior = Outlook(0.0, 0.01, 0.05)
    rng = np.random.default_rng(2)
    assert learned(prior, rng.normal(0.0, 0.05, 200).tolist()).spread < 0.015
    assert learned(prior, rng.normal(0.0, math.hypot(0.05, 0.08), 400).tolist()).spread > 0.05
    assert learned(prior, []) == prior


def test_a_curve_far_below_the_best_is_given_up_and_one_that_may_reach_it_is_not() -> None:
    curve = Curve()
    curve.add(1, 10, 0.2, higher_is_better=True)
    assert not curve.is_hopeless(0.9, noise=0.01, higher_is_better=True)  # too early to say
    curve.add(5, 10, 0.3, higher_is_better=True)
    assert curve.is_hopeless(0.9, noise=0.01, higher_is_better=True)
    assert not curve.is_hopeless(0.9, noise=0.5, higher_is_better=True)  # few rows: it may be bad luck
    curve.add(6, 10, 0.88, higher_is_better=True)
    curve.add(7, 10, 0.5, higher_is_better=True)  # its best weights are what is kept
    assert not curve.is_hopeless(0.9, noise=0.01, higher_is_better=True)
    curve.add(10, 10, math.nan, higher_is_better=True)
    assert curve.share == 0.7


def test_errors_are_compared_by_their_ratio() -> None:
    assert distance(0.9, 0.8, higher_is_better=True) == pytest.approx(0.1)
    assert distance(50.0, 100.0, higher_is_better=False) == pytest.approx(0.5)
    assert distance(100.0, 50.0, higher_is_better=False) == pytest.approx(-0.5)
    curve = Curve(0.5, 300.0)
    assert curve.is_hopeless(100.0, noise=0.01, higher_is_better=False)
    assert not curve.is_hopeless(290.0, noise=0.01, higher_is_better=False)


def trial(name: str, score: float) -> Result:
    return Result(name, name.split(" ")[0], {}, {}, {"accuracy": score}, 1.0, "encoder", 1.0)


def measured(true: np.ndarray, rows: int, rng: np.random.Generator) -> np.ndarray:
    """Scores on the same rows: whether trials of a method are right is correlated by 0.7, as was recorded."""
    latent = math.sqrt(0.9) * rng.normal(size=(1, rows)) + math.sqrt(0.1) * rng.normal(size=(len(true), rows))
    thresholds = np.array([NormalDist().inv_cdf(score) for score in true])
    return (latent < thresholds[:, None]).mean(axis=1)


def test_little_of_the_luck_of_the_best_of_fifty_is_believed_on_few_rows() -> None:
    led, luck = [], []
    for seed in range(60):
        scores = measured(np.full(51, 0.8), 26, np.random.default_rng(seed))
        results = [trial("full", scores[0]), *(trial(f"full #{place}", one) for place, one in enumerate(scores[1:]))]
        luck.append(max(scores) - scores[0])
        expected = belief.expectations(results, metric=ACCURACY, rows=26)
        led.append(max(expected) - expected[0])
    assert np.mean(luck) > 0.08
    assert np.mean(led) < 0.005


def test_a_variation_that_is_clearly_better_wins_on_many_rows() -> None:
    found = belief.choose([trial("full", 0.80), trial("full #1", 0.85)], metric=ACCURACY, rows=1000)
    assert found.name == "full #1"


def test_choosing_among_many_variations_does_not_hurt() -> None:
    """Twenty configurations on 26 rows, on the mean worse than is usual: the choice is no worse than the first."""
    rng, kept, luckiest = np.random.default_rng(4), [], []
    for _ in range(400):
        true = np.array([0.8, *rng.normal(0.8 + 2 * scheduler.SHIFT, scheduler.SPREAD, 20)])
        scores = measured(true, 26, rng)
        results = [trial("full", scores[0]), *(trial(f"full #{place}", one) for place, one in enumerate(scores[1:]))]
        chosen = belief.choose(results, metric=ACCURACY, rows=26)
        kept.append(true[results.index(chosen)] - 0.8)
        luckiest.append(true[int(scores.argmax())] - 0.8)
    assert np.mean(kept) > -0.003
    assert np.mean(luckiest) < 2.5 * np.mean(kept)
