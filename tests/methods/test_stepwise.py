"""Structure that changes while training: what is kept, what is undone, what is told, and when nothing is begun."""

from __future__ import annotations

import json
import random
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from autogpt import registry
from autogpt.autopilot.run import run
from autogpt.autopilot.trial import Bench, Candidate, exhaust, make_job, refit, run_trial
from autogpt.config import RunConfig, Search
from autogpt.core import Step
from autogpt.errors import ConfigError, Interrupted
from autogpt.events import Event
from autogpt.methods import stepwise
from autogpt.methods.stepwise import LEVEL, Verdict
from autogpt.testing import contracts, tiny

OPTIONS = {"epochs": 6.0, "learning_rate": 2e-3, "batch_rows": 8}


@pytest.fixture(scope="module")
def tiny_bert(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tiny.bert_folder(tmp_path_factory.mktemp("bert") / "bert", layers=3)


@pytest.fixture
def script(monkeypatch: pytest.MonkeyPatch) -> Any:
    """Verdicts that are given in this order, whatever the losses say; after them nothing is kept."""

    def set_to(*kept: bool) -> None:
        left = list(kept)
        monkeypatch.setattr(Verdict, "of", lambda before, after: Verdict(1.0, 0.5, 0.1, 12, bool(left and left.pop(0))))

    return set_to


def weights(scorer: Any) -> dict[str, np.ndarray]:
    return {name: value.numpy().copy() for name, value in scorer.net.state_dict().items()}


def trial(
    bench: Bench, folder: Path, *, remaining: float = 1e6, wrap: Any = lambda loop: loop, **own: Any
) -> tuple[Any, Any, list[Event]]:
    """The fitted scorer, the job and the decisions that were told."""
    told: list[Event] = []
    candidate = Candidate("stepwise", {**OPTIONS, **own})
    job = make_job(replace(bench, listen=told.append), candidate, folder=folder, remaining=lambda: remaining)
    job = replace(job, loop=wrap(job.loop))
    scorer = exhaust(registry.get("methods", "stepwise").fit(job), "stepwise", told.append)
    return scorer, job, [event for event in told if event.kind == "decision"]


@pytest.mark.parametrize("actions", ["", "layers:0", "lora", "all,top:2", "LORA:4"])
def test_actions_that_nobody_knows_are_refused_with_those_that_are_allowed(actions: str) -> None:
    with pytest.raises(ConfigError, match="must be layers:N, lora:RANK or all, as in layers:2,all"):
        stepwise.Options(actions=actions)


def test_a_period_without_periods_is_refused() -> None:
    with pytest.raises(ConfigError, match="periods is 0; it must be 1 or more"):
        stepwise.Options(periods=0)


def test_a_period_that_changed_nothing_is_kept_as_often_as_the_level_says() -> None:
    rng = np.random.default_rng(0)
    kept = 0
    for _ in range(4000):
        before = rng.exponential(size=12)
        kept += Verdict.of(before, before + rng.normal(scale=0.3, size=12)).kept
    assert kept / 4000 == pytest.approx(LEVEL, abs=0.02)


def test_a_fall_beyond_noise_is_kept_and_one_within_it_or_on_one_row_is_not() -> None:
    before = np.array([0.9, 0.2, 1.4, 0.6])
    assert Verdict.of(before, before - 0.1).kept
    assert not Verdict.of(before, before).kept
    assert not Verdict.of(before, before + np.tile([0.3, -0.4], 2)).kept, "0.05 less on average, with an error of 0.2"
    alone = Verdict.of(before[:1], before[:1] - 0.5)
    assert (alone.kept, alone.numbers["error"]) == (False, None)


def test_what_is_undone_leaves_the_weights_as_if_it_had_not_been(tiny_bert: Path, tmp_path: Path, script: Any) -> None:
    bench = contracts.bench("classes", tiny_bert)
    plain = bench.open()
    _, head = run_trial(bench, Candidate("head"), folder=tmp_path / "head", remaining=lambda: 60.0)
    script()  # nothing is kept
    scorer, job, told = trial(bench, tmp_path / "steps", actions="layers:1,lora:2,all")
    assert [event.data["action"] for event in told] == ["layers:1", "lora:2", "all"]
    assert not any(event.data["kept"] for event in told)
    expected = {**weights(plain), **{name: one for name, one in weights(head).items() if name.startswith("head.")}}
    for name, found in weights(scorer).items():
        np.testing.assert_array_equal(found, expected[name], err_msg=name)
    assert job.chosen["structure"] == []
    assert job.notes == ["periods of training undone: layers:1, lora:2, all"]


def test_each_period_begins_with_the_function_that_was_kept(tiny_bert: Path, tmp_path: Path, script: Any) -> None:
    """Also where top layers follow adapters, and a higher rank a lower one: B is 0, and what was learned is merged."""
    ends: list[Any] = []

    def wrap(loop: Any) -> Any:
        def watched(trainable: Any, settings: Any, validate: Any) -> Iterator[Step]:
            begins = np.array(trainable.score())
            if ends:
                np.testing.assert_allclose(begins, ends[-1], atol=1e-4)
            yield from loop(trainable, settings, validate)
            moved = np.array(trainable.score())
            assert np.abs(moved - begins).max() > 1e-3, "it trains"
            if settings["part"] != 1:  # the second period is undone
                ends.append(moved)
            else:
                ends.append(begins)

        return watched

    script(True, False, True, True, True)
    bench = contracts.bench("classes", tiny_bert)
    scorer, job, _ = trial(bench, tmp_path, wrap=wrap, actions="lora:2,lora:4,all", epochs=10.0, periods=5)
    assert job.chosen["structure"] == ["lora:2", "lora:4", "lora:4", "lora:4"]
    np.testing.assert_allclose(scorer.score([row.inputs for row in bench.train]), ends[-1], atol=1e-4)
    found = {name for name in weights(scorer) if "lora" in name}
    assert not found, "adapters are merged"


def test_only_what_an_action_names_trains(tiny_bert: Path, tmp_path: Path, script: Any) -> None:
    script(True, False, True)
    bench = contracts.bench("classes", tiny_bert)
    before = weights(bench.open())
    seen: list[set[str]] = []

    def wrap(loop: Any) -> Any:
        def watched(trainable: Any, settings: Any, validate: Any) -> Iterator[Step]:
            seen.append({name for name, one in trainable.module.named_parameters() if one.requires_grad})
            yield from loop(trainable, settings, validate)

        return watched

    scorer, _, _ = trial(bench, tmp_path, wrap=wrap, actions="layers:1,all", epochs=4.0)
    top, again, whole = seen[:3]
    assert top == again
    assert {name.split("layer.")[1][0] for name in top if "layer." in name} == {"2"}
    assert {name.split("layer.")[1][0] for name in whole if "layer." in name} == {"0", "1", "2"}
    assert not any("word_embeddings" in name for name in whole)
    moved = {name for name, value in weights(scorer).items() if not np.array_equal(value, before[name])}
    assert any("layer.0." in name for name in moved)


def test_every_change_is_told_with_its_reason_and_stands_in_the_trials_folder(tiny_bert: Path, tmp_path: Path) -> None:
    _, job, told = trial(contracts.bench("classes", tiny_bert), tmp_path, actions="layers:1,all")
    record = json.loads((tmp_path / stepwise.RECORD).read_text("utf-8"))
    judged = [event for event in told if event.data.get("begun", True)]
    assert len(record) == len(judged) >= 2
    for one, event in zip(record, judged, strict=True):
        assert event.data == {"trial": "stepwise", **one}
        fell = one["before"] - one["after"] > 0
        assert fell or not one["kept"]
        what = "kept" if one["kept"] else "undone"
        assert event.message.startswith(f"stepwise: {one['action']} is {what}")
        assert f"{one['before']:.4f} -> {one['after']:.4f}" in event.message
    assert job.chosen["structure"] == [one["action"] for one in record if one["kept"]]


def test_shuffled_labels_of_the_rows_that_judge_let_nothing_be_kept(tiny_bert: Path, tmp_path: Path) -> None:
    """The control: what makes the right labels likelier makes shuffled ones less likely."""
    bench = contracts.bench("classes", tiny_bert)
    labels = [row.target for row in bench.validation]
    random.Random(1).shuffle(labels)
    held = [replace(row, target=label) for row, label in zip(bench.validation, labels, strict=True)]
    _, _, told = trial(replace(bench, validation=held), tmp_path, actions="layers:1,lora:4,all", c=1.0)
    assert [event.data["kept"] for event in told] == [False] * 3
    _, _, told = trial(bench, tmp_path / "right", actions="layers:1,lora:4,all", c=1.0)
    assert any(event.data.get("kept") for event in told), "the right labels let something be kept"


def test_nothing_is_begun_that_could_not_be_judged_in_time(tiny_bert: Path, tmp_path: Path) -> None:
    bench = contracts.bench("classes", tiny_bert)

    class Slow:
        """Features that say that reading is slow."""

        rows_per_second = 0.01

        def __getattr__(self, name: str) -> Any:
            return getattr(bench.features, name)

    slow: Any = Slow()
    scorer, job, told = trial(replace(bench, features=slow), tmp_path, remaining=1000.0)
    (one,) = told
    assert one.data == {"trial": "stepwise", "action": "layers:2", "begun": False}
    assert "s are needed, 1000 s are left" in one.message
    assert not list(tmp_path.glob("loop/*"))
    assert job.notes[-1] == "no period of training was begun"
    contracts.same(job.validated[-1], scorer.score([row.inputs for row in bench.validation]), tolerance=1e-4)


def test_passes_are_counted_by_the_layers_that_train(tiny_bert: Path, tmp_path: Path, script: Any) -> None:
    """Of three layers a pass through the top one is a third: two passes have twelve such halves."""
    script(*[True] * 50)
    bench = contracts.bench("classes", tiny_bert)
    _, job, told = trial(bench, tmp_path, epochs=2.0, periods=4, actions="layers:1")
    assert len(job.chosen["structure"]) == 12
    assert told[-1].message == "stepwise: layers:1 is not begun: the 2 passes are used up"


def test_a_refit_repeats_what_was_kept_and_judges_nothing(tiny_bert: Path, tmp_path: Path, script: Any) -> None:
    script(False, True, False)
    bench = contracts.bench("classes", tiny_bert)
    options = {**OPTIONS, "actions": "layers:1,lora:2,all"}
    result, _ = run_trial(bench, Candidate("stepwise", options), folder=tmp_path, remaining=lambda: 120.0)
    assert result.chosen["structure"] == ["lora:2"]
    told: list[Event] = []
    refit(replace(bench, listen=told.append), result, folder=tmp_path / "refit", remaining=lambda: 120.0)
    assert not [event for event in told if event.kind == "decision"]
    assert [path.name for path in (tmp_path / "refit" / "loop").iterdir()] == ["0"]


def test_without_rows_to_judge_by_the_last_action_has_all_passes(tiny_bert: Path, tmp_path: Path) -> None:
    bench = replace(contracts.bench("classes", tiny_bert), validation=())
    steps: list[int] = []

    def wrap(loop: Any) -> Any:
        def watched(trainable: Any, settings: Any, validate: Any) -> Iterator[Step]:
            assert validate is None
            for step in loop(trainable, settings, validate):
                steps.append(step.total)
                yield step

        return watched

    _, job, told = trial(bench, tmp_path, wrap=wrap, epochs=3.0)
    assert not told
    assert steps == [15] * 15, "36 rows in five batches, three times"
    assert not job.validated


@pytest.mark.parametrize("actions", ["layers:1,all", "lora:2,lora:4,all"])
def test_a_stopped_training_goes_on_bit_for_bit(tiny_bert: Path, tmp_path: Path, script: Any, actions: str) -> None:
    """Wherever it was stopped: within a period that is kept, within one that is undone, and between two actions."""
    options, verdicts = {**OPTIONS, "actions": actions}, (True, False, False, True)
    script(*verdicts)
    bench = contracts.bench("classes", tiny_bert)
    straight = run_trial(bench, Candidate("stepwise", options), folder=tmp_path / "straight", remaining=lambda: 1e6)[1]
    script(*verdicts)
    for stop in (1, 9, 5):
        done: list[Event] = []
        stopped = replace(
            contracts.bench("classes", tiny_bert),
            listen=done.append,
            stop=lambda: sum(event.kind == "step" for event in done) >= stop,  # noqa: B023
        )
        with pytest.raises(Interrupted):
            run_trial(stopped, Candidate("stepwise", options), folder=tmp_path / "resumed", remaining=lambda: 1e6)
    bench = contracts.bench("classes", tiny_bert)
    resumed = run_trial(bench, Candidate("stepwise", options), folder=tmp_path / "resumed", remaining=lambda: 1e6)[1]
    records = [json.loads((tmp_path / place / stepwise.RECORD).read_text("utf-8")) for place in ("straight", "resumed")]
    assert records[0] == records[1]
    for (name, one), other in zip(weights(straight).items(), weights(resumed).values(), strict=True):
        np.testing.assert_array_equal(one, other, err_msg=name)


def test_a_run_has_every_change_in_its_journal_and_in_its_report(tiny_bert: Path, tmp_path: Path) -> None:
    search = Search(methods="stepwise", backbone=str(tiny_bert))
    found = run(RunConfig(output=str(tmp_path), search=search), data=tiny.notes(120))
    journal = [json.loads(line) for line in (found.folder / "journal.jsonl").read_text("utf-8").splitlines()]
    told = [one for one in journal if one["kind"] == "decision" and one["data"].get("action")]
    judged = [one for one in told if "kept" in one["data"]]
    assert judged
    assert all({"before", "after", "error", "rows"} <= set(one["data"]) for one in judged)
    assert {one["message"] for one in told} <= {choice.answer for choice in found.report.choices}
