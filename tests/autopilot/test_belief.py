"""With few validation rows what is usual decides, with many what was measured."""

from dataclasses import replace

import numpy as np
import pytest

from autogpt import registry
from autogpt.autopilot.belief import PRIOR, choose, expectations, prior_of, standard_error
from autogpt.autopilot.trial import Result

ACCURACY = registry.get("metrics", "accuracy")


def trial(method: str, score: float, *, loss: float = 1.0) -> Result:
    family = {"tfidf": "bag-of-words", "majority": "constant"}.get(method, "encoder")
    return Result(method, method, {}, {}, {"accuracy": score, "log-loss": loss}, 1.0, family, 1.0)


def test_one_lucky_row_of_four_does_not_decide() -> None:
    results = [trial("majority", 0.5), trial("tfidf", 1.0), trial("head", 0.75)]
    assert choose(results, metric=ACCURACY, rows=4).method == "head"


def test_a_thousand_rows_decide() -> None:
    results = [trial("tfidf", 0.90), trial("head", 0.85), trial("full", 0.84)]
    assert choose(results, metric=ACCURACY, rows=1000).method == "tfidf"


def test_of_few_rows_contrastive_tuning_is_expected_to_win_and_of_more_fine_tuning() -> None:
    results = [trial("contrastive", 0.8), trial("full", 0.8), trial("head", 0.8)]
    told = {rows: choose(results, metric=ACCURACY, rows=20, prior=prior_of(rows)).method for rows in (4, 8, 64)}
    assert told == {4: "contrastive", 8: "contrastive", 64: "full"}
    assert prior_of(65) == prior_of(float("inf")) == PRIOR


def test_between_rows_that_were_measured_the_expectation_moves_by_ratio() -> None:
    least, middle, most = (prior_of(rows)["full"] for rows in (8, 8**0.5 * 64**0.5, 64))
    assert middle == pytest.approx((least + most) / 2)


def test_an_encoder_without_the_language_has_no_credit() -> None:
    results = [trial("tfidf", 0.75), trial("head", 0.75)]
    assert choose(results, metric=ACCURACY, rows=4).method == "head"
    assert (
        choose([trial("tfidf", 0.75), trial("head", 0.74)], metric=ACCURACY, rows=4, knows_language=False).method
        == "tfidf"
    )


def test_equal_scores_go_to_the_lower_loss() -> None:
    results = [trial("full", 0.9, loss=0.5), trial("lora", 0.9, loss=0.3)]
    assert choose(results, metric=ACCURACY, rows=100).method == "lora"


def test_errors_are_compared_as_measured() -> None:
    mae = registry.get("metrics", "mae")
    results = [
        Result("tfidf", "tfidf", {}, {}, {"mae": 0.4}, 1.0, "bag-of-words", 1.0),
        Result("head", "head", {}, {}, {"mae": 0.5}, 1.0, "encoder", 1.0),
    ]
    assert choose(results, metric=mae, rows=4).method == "tfidf"


def test_a_score_that_is_no_number_never_wins() -> None:
    assert choose([trial("full", float("nan")), trial("tfidf", 0.2)], metric=ACCURACY, rows=10).method == "tfidf"


def test_the_standard_error_is_that_of_a_share() -> None:
    assert standard_error(0.5, 10_000) == pytest.approx(0.005, rel=0.01)
    assert standard_error(1.0, 4) > 0.1, "four of four right is not certainty"


def priced(method: str, score: float, *, seconds: float = 1.0, loss: float = 1.0) -> Result:
    one = trial(method, score, loss=loss)
    return replace(one, refit_seconds=seconds)


def test_a_tie_goes_to_who_is_cheaper_to_serve_and_never_to_who_was_cheaper_to_train() -> None:
    served = [priced("full", 0.901, seconds=100, loss=0.1), priced("tfidf", 0.900, seconds=100)]
    assert choose(served, metric=ACCURACY, rows=2000).method == "tfidf"
    trained = [priced("full", 0.902, seconds=100, loss=0.3), priced("head", 0.901, seconds=5)]
    assert choose(trained, metric=ACCURACY, rows=2000).method == "full", "answers of both cost the same"
    alike = [priced("full", 0.902, seconds=100, loss=0.3), priced("lora", 0.902, seconds=110, loss=0.1)]
    assert choose(alike, metric=ACCURACY, rows=2000).method == "lora"


def test_a_lead_beyond_a_tie_is_never_given_away() -> None:
    results = [priced("full", 0.912, seconds=1000), priced("tfidf", 0.900, seconds=0.1)]
    assert choose(results, metric=ACCURACY, rows=2000).method == "full"


def test_with_many_rows_a_small_lead_is_no_tie() -> None:
    results = [priced("full", 0.904, seconds=1000), priced("tfidf", 0.9015)]
    assert choose(results, metric=ACCURACY, rows=2000).method == "tfidf"
    assert choose(results, metric=ACCURACY, rows=100_000).method == "full"


def test_a_loss_that_is_equal_goes_to_the_cheaper_too() -> None:
    mae = registry.get("metrics", "mae")
    near = [
        Result("head", "head", {}, {}, {"mae": 0.4000}, 1.0, "encoder", 50.0),
        Result("tfidf", "tfidf", {}, {}, {"mae": 0.4005}, 1.0, "bag-of-words", 1.0),
    ]
    assert choose(near, metric=mae, rows=1000).method == "tfidf"
    apart = [near[0], replace(near[1], scores={"mae": 0.42})]
    assert choose(apart, metric=mae, rows=1000).method == "head"


def test_what_a_tie_costs_on_average_is_less_than_a_tie() -> None:
    """Trials of known worth, measured on 500 rows: the cheaper choice loses less than it is allowed to."""
    lost = []
    for seed in range(300):
        rng = np.random.default_rng(seed)
        truth = {"tfidf": 0.85 + rng.normal(scale=0.01), "head": 0.86 + rng.normal(scale=0.01),
                 "full": 0.865 + rng.normal(scale=0.01)}  # fmt: skip
        seconds = {"tfidf": 1.0, "head": 5.0, "full": 100.0}
        measured = {name: float(rng.binomial(500, value) / 500) for name, value in truth.items()}
        results = [priced(name, score, seconds=seconds[name]) for name, score in measured.items()]
        cheap = choose(results, metric=ACCURACY, rows=500)
        expected = expectations(results, metric=ACCURACY, rows=500)
        dear = results[int(np.argmax(expected))]
        lost.append(truth[dear.method] - truth[cheap.method])
    assert np.mean(lost) < 0.003
