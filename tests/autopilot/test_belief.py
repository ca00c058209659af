"""With few validation rows what is usual decides, with many what was measured."""

import pytest

from autogpt import registry
from autogpt.autopilot.belief import choose, standard_error
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
