"""What the ladder does with the time that is left: how `full` is tried, and how far texts are read for a head."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from autogpt import registry
from autogpt.autopilot.ladder import LEAST_PASSED_ROWS, Facts, rungs
from autogpt.autopilot.trial import Candidate, Result, make_job
from autogpt.core import Example
from autogpt.methods._linear import ENOUGH_PER_LABEL, ENOUGH_ROWS, _reading_seconds
from autogpt.testing import contracts, tiny

RATE = 100.0
PASSED = 2.625 / RATE
"""Seconds that a row takes in a pass of all layers: 3.5 times reading it, less a quarter that pruning saves."""


def facts(rows: int, seconds: float) -> Facts:
    return Facts(
        train=[Example(place, {"text": str(place)}, "ab"[place % 2]) for place in range(rows)],
        validation=100,
        output=registry.get("outputs", "classes"),
        layers=lambda: 6,
        rows_per_second=lambda: RATE,
        remaining=lambda: seconds / 0.85,
        device=lambda: "cpu",
        allowed=["full"],
        has_backbone=True,
    )


def full(rows: int, seconds: float) -> Any:
    return next(iter(rungs(facts(rows, seconds), [])))


@pytest.mark.parametrize(
    ("rows", "seconds", "epochs", "reason"),
    [
        (1000, 1e4, 10.0, "all layers, time allows it"),
        (10_000, 1e4, 3.0, "all layers, time allows it"),
        (10_000, 1.2 * 10_000 * PASSED, 1.2, "all layers, time allows it"),
        (10_000, 3_000 * PASSED, 0.3, "all layers, over 3,000 of 10,000 rows: a pass would need 262 s"),
    ],
)
def test_all_layers_train_over_as_many_rows_as_time_allows(rows, seconds, epochs, reason) -> None:
    rung = full(rows, seconds)
    assert rung.options["epochs"] == pytest.approx(epochs, abs=0.01)
    assert "layers" not in rung.options
    assert rung.reason == reason


def test_with_few_passes_the_top_layers_train_and_with_less_none() -> None:
    few = (LEAST_PASSED_ROWS - 50) * PASSED
    assert full(800, few).options["layers"] == 2
    assert "full is left out: about 21 s are needed" in full(10_000, few)


@pytest.mark.parametrize(("seconds", "loads"), [(17.0, 1), (5.0, 0)])
def test_no_encoder_is_loaded_to_learn_that_there_is_no_time_for_it(seconds: float, loads: int) -> None:
    loaded: list[int] = []
    unknown = replace(facts(10_000, seconds), rows_per_second=lambda: None, measure=lambda: loaded.append(1))
    assert "full is left out" in str(next(iter(rungs(unknown, []))))
    assert len(loaded) == loads


@pytest.mark.parametrize(
    ("rows", "seconds", "anchors"),
    [(16, 1e4, 400), (100, 1e4, 2400), (128, 1e4, 3000), (100, 2 + 1600 * 0.07, 800), (100, 2 + 350 * 0.07, 343)],
)
def test_contrastive_tuning_has_more_anchors_with_more_rows_and_leaves_half_of_the_time(rows, seconds, anchors) -> None:
    told = replace(facts(rows, seconds), allowed=["contrastive"])
    assert next(iter(rungs(told, []))).options["anchors"] == pytest.approx(anchors, abs=25)


def test_with_very_few_rows_the_fit_on_all_of_them_keeps_its_time() -> None:
    told = replace(facts(40, 0.4 + 800 * 0.07), validation=10, allowed=["contrastive", "full"])
    ladder = rungs(told, results := [])
    assert next(ladder).options["anchors"] == pytest.approx(800 / (1 + 1.3 * 1.25), abs=5)
    results.append(Result("contrastive", "contrastive", {}, {}, {}, 20.0, "encoder", 20.0))
    left = told.remaining() - 1.3 * 1.25 * 20.0
    assert next(ladder).options["epochs"] == pytest.approx(min(10.0, 0.85 * left / (40 * PASSED)), abs=0.1)
    results[:] = [replace(results[0], refit_seconds=told.remaining() / (1.3 * 1.25))]
    assert "full is left out" in list(rungs(told, results))[1]


def test_contrastive_tuning_that_is_too_short_is_left_out() -> None:
    told = replace(facts(100, 2 + 250 * 0.07), allowed=["contrastive"])
    assert next(iter(rungs(told, []))).startswith("contrastive is left out: about 22 s are needed")


def test_of_many_labels_more_rows_must_fit() -> None:
    many = [Example(place, {"text": str(place)}, str(place % 50)) for place in range(10_000)]
    told = facts(10_000, 1_500 * PASSED)
    assert next(iter(rungs(told, []))).options["epochs"] == pytest.approx(0.15)
    assert "full is left out: about 42 s are needed" in next(iter(rungs(replace(told, train=many), [])))


@pytest.mark.parametrize(
    ("known", "least", "most", "share"),
    [(0, 0.3, 0.8, 0.8), (500, 0.3, 0.8, 0.5), (1000, 0.3, 0.8, 0.3), (1000, 0.0, 0.4, 0.0), (0, 0.0, 0.4, 0.4)],
)
def test_texts_are_read_for_a_head_until_there_are_enough(tmp_path: Path, known, least, most, share) -> None:
    backbone = tiny.bert_folder(tmp_path / "bert")

    class Read:
        rows_per_second = ENOUGH_ROWS / 100  # 50 s for half of them

        def get(self, inputs: Any, *, seconds: float | None = None) -> Any:
            assert seconds == 0.0
            return list(range(known)), None

    bench = contracts.bench("classes", backbone)
    assert ENOUGH_PER_LABEL * len(bench.space.labels) < ENOUGH_ROWS
    job = make_job(bench, Candidate("head"), folder=tmp_path / "trial", remaining=lambda: 100.0)
    job = replace(job, features=Read())  # type: ignore[arg-type]
    assert _reading_seconds(job, least=least, most=most) == pytest.approx(100 * share)


def writing(rows: int, seconds: float, *, scratch: bool) -> Any:
    told = replace(facts(rows, seconds), output=registry.get("outputs", "text"), scratch=scratch)
    source = "twenty letters here."
    return next(iter(rungs(replace(told, train=[Example(i, {"source": source}, source) for i in range(rows)]), [])))


def test_what_is_written_is_read_as_well_and_a_model_from_nothing_may_pass_often() -> None:
    tuned, made = writing(1000, 1e4, scratch=False), writing(1000, 1e4, scratch=True)
    assert (tuned.options["epochs"], made.options["epochs"]) == (10.0, 40.0)
    assert made.options["learning_rate"] > tuned.options["learning_rate"]
    assert "layers" not in made.options
    assert tuned.seconds == pytest.approx(10 * 1000 * 2 * 3.5 / RATE)
    assert "made from nothing" in made.reason


def test_without_time_for_a_few_hundred_texts_nothing_is_written() -> None:
    assert writing(5000, 20.0, scratch=True).startswith("full is left out: about 350 s an epoch are needed")


def test_no_encoder_is_loaded_when_the_time_is_over() -> None:
    def load() -> int:
        raise AssertionError("to load an encoder and to try it takes seconds that are not there")

    late = replace(facts(1000, -5.0), rows_per_second=lambda: None, measure=load, layers=load)
    assert list(rungs(late, [])) == ["full is left out: about 7 s are needed to load the encoder, 0 s are left"]


def test_no_device_is_looked_at_when_the_time_is_over() -> None:
    def device() -> str:
        raise AssertionError("torch is loaded, and number formats are measured, to learn that nothing can be tried")

    over = replace(facts(1000, 0.0), allowed=["lora"], device=device)
    assert list(rungs(over, [])) == ["lora is left out: about 7 s are needed to load the encoder, 0 s are left"]
