"""The encoder reads the run's texts before it is tuned: when it does, what is kept, and that nothing is lost by it."""

import json
import re
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from autogpt import registry
from autogpt.autopilot import run as autopilot
from autogpt.autopilot.ladder import Facts, rungs
from autogpt.autopilot.trial import Candidate, Result
from autogpt.backbones._language import LanguageModel
from autogpt.config import Adaptive, Pretraining, RunConfig, Search
from autogpt.errors import ConfigError, Interrupted
from autogpt.events import Event
from autogpt.model import Model
from autogpt.regimes import adaptive
from autogpt.regimes._anchored import Anchored, vectors_of
from autogpt.regimes.pretraining import pretrain
from autogpt.testing import tiny


@pytest.fixture(scope="module")
def backbone(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A sentence encoder: a body without a head over its vocabulary, and a list of modules."""
    folder = tiny.bert_folder(tmp_path_factory.mktemp("backbones") / "bert", head=False)
    modules = [{"idx": 0, "name": "0", "path": "", "type": "models.Transformer"},
               {"idx": 1, "name": "1", "path": "1_Pooling", "type": "models.Pooling"},
               {"idx": 2, "name": "2", "path": "2_Normalize", "type": "models.Normalize"}]  # fmt: skip
    (folder / "modules.json").write_text(json.dumps(modules), "utf-8")
    (folder / "1_Pooling").mkdir()
    (folder / "1_Pooling" / "config.json").write_text(json.dumps({"pooling_mode_mean_tokens": True}), "utf-8")
    return folder


@pytest.fixture(scope="module")
def notes() -> list[dict[str, Any]]:
    numbers = ["one", "two", "three", "four", "five"]
    return [{"note": f"{row.inputs['text']} {numbers[place % 5]} {numbers[place // 5 % 5]}", "kind": row.target}
            for place, row in enumerate(tiny.examples("classes", 200))]  # fmt: skip


def config(backbone: Path, output: Path, methods: str = "head,full", **adapt: Any) -> RunConfig:
    chosen = Search(methods=methods, backbone=str(backbone), ensemble=False)
    return RunConfig(output=str(output), time_limit=900.0, search=chosen, adaptive=Adaptive(**adapt))


def records(folder: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in (folder / "journal.jsonl").read_text("utf-8").splitlines()]


def decisions(folder: Path) -> str:
    return "\n".join(one["message"] for one in records(folder) if one["kind"] in ("decision", "trial"))


@pytest.fixture(scope="module")
def language(backbone: Path) -> LanguageModel:
    return LanguageModel.loaded(str(backbone), revision=None, offline=True)


# --- the rules that cost nothing


def test_a_run_of_the_usual_ten_minutes_and_few_texts_is_left_alone(
    backbone: Path, notes: list[dict[str, Any]], tmp_path: Path
) -> None:
    run = autopilot.run(config(backbone, tmp_path, methods="head"), data=notes)
    assert re.search(r"adaptive training is left out: \d+ texts are too few, 300 are needed", decisions(run.folder))
    assert [trial.name for trial in run.report.trials] == ["head"]


@pytest.mark.parametrize(
    ("change", "why"),
    [({"time_limit": 300.0}, "it is tried in runs of 600 s or more, this one has 300 s"), ({}, "too few")],
)
def test_each_rule_says_its_reason_in_the_plan(
    backbone: Path, notes: list[dict[str, Any]], tmp_path: Path, change: dict[str, Any], why: str
) -> None:
    rows = notes * (3 if change else 1)
    rows = [{**row, "note": f"{row['note']} {'cat' if place % 2 else 'dog'} {place}"} for place, row in enumerate(rows)]
    told = RunConfig(output=str(tmp_path), search=Search(methods="head", backbone=str(backbone)), **change)
    plan = autopilot.plan(told, data=rows)
    assert any("adaptive training is left out" in line and why in line for line in plan.left_out), plan.left_out


def test_the_plan_prints_the_share_of_the_time_that_it_may_take(
    backbone: Path, notes: list[dict[str, Any]], tmp_path: Path
) -> None:
    plan = autopilot.plan(config(backbone, tmp_path, adapt="always"), data=notes)
    told = [line for line in plan.lines() if "adapted encoder" in line]
    assert len(told) == 1
    assert told[0].startswith("try head on the adapted encoder: about 90 s")


def facts(**changes: Any) -> Facts:
    rows = tiny.examples("classes", 400)
    known: dict[str, Any] = {
        "train": rows, "validation": 100, "output": registry.get("outputs", "classes"), "layers": lambda: 6,
        "rows_per_second": lambda: 100.0, "remaining": lambda: 3000.0, "device": lambda: "cpu",
        "allowed": ["head", "full"], "has_backbone": True, "adapting": 300.0,
    }  # fmt: skip
    return Facts(**{**known, **changes})


def head(score: float) -> Result:
    return Result("head", "head", {}, {}, {"accuracy": score}, 1.0, "encoder", 1.0)


@pytest.mark.parametrize(
    ("changes", "score", "why"),
    [
        ({}, 0.95, "the linear head comes to 0.95 without it"),
        ({"remaining": lambda: 200.0}, 0.5, "tuning itself can use the time"),
        ({"adapting": 100.0}, 0.5, "170 steps fit into the 100 s that it may take, 400 are needed"),
        ({"adapting": 5.0}, 0.5, "the texts are read in 5 s, and it may take 5 s in all"),
        ({"allowed": ["full"]}, 0.5, "the linear head, which judges it, is not tried"),
    ],
)
def test_the_ladder_leaves_it_out_where_there_is_nothing_to_gain_or_no_time(
    changes: dict[str, Any], score: float, why: str
) -> None:
    found = [one for one in rungs(facts(**changes), [head(score)]) if isinstance(one, str)]
    assert any(why in one for one in found), found
    assert not any(isinstance(one, Candidate) and one.adapted for one in rungs(facts(**changes), [head(score)]))


def test_the_ladder_tries_it_after_the_head_and_before_tuning() -> None:
    found = [one.step for one in rungs(facts(), [head(0.5)]) if isinstance(one, Candidate)]
    assert found == ["head", "adapted-head", "full"]


# --- the anchored training itself


def blocks(language: LanguageModel, notes: list[dict[str, Any]]) -> list[Any]:
    return language.blocks([row["note"] for row in notes], 32)


def test_a_sentence_encoder_is_known_to_have_no_head_over_its_vocabulary(
    language: LanguageModel, tmp_path: Path
) -> None:
    assert language.headless
    language.save(tmp_path / "saved", {})
    again = LanguageModel.loaded(str(tmp_path / "saved"), revision=None, offline=True)
    assert again.headless, "a head that knows nothing is not saved"
    again.learned(registry.get("objectives", "masked"))
    again.save(tmp_path / "trained", {})
    assert not LanguageModel.loaded(str(tmp_path / "trained"), revision=None, offline=True).headless
    assert again.sentence == language.sentence == {"pooling": "mean", "normalize": True, "max_length": 32}


def test_the_head_alone_leaves_the_body_as_it_is(language: LanguageModel, notes: list[dict[str, Any]]) -> None:
    learning = Anchored(
        language, registry.get("objectives", "masked"), blocks(language, notes), seed=0, anchor=0.1, head_only=True
    )
    batch = learning.batch([0, 1, 2])
    learning.loss(learning.forward(batch), batch).sum().backward()
    trained = {name for group in learning.groups() for name in group["names"]}
    assert trained
    assert not any(name.startswith("bert.") for name in trained)
    assert all(p.grad is None for p in language.model.base_model.parameters())
    learning.remove()
    language.model.zero_grad()
    assert all(p.requires_grad for p in language.model.base_model.parameters())


def test_the_anchor_is_the_squared_way_of_a_texts_vector(language: LanguageModel, notes: list[dict[str, Any]]) -> None:
    objective, rows = registry.get("objectives", "masked"), blocks(language, notes)
    free = Anchored(language, objective, rows, seed=0, anchor=0.0)
    held = Anchored(language, objective, rows, seed=0, anchor=2.0)
    language.model.eval()
    batch = held.batch([3, 4])
    with torch.no_grad():
        more = held.forward(batch) - free.forward(batch)
        mask = batch.inputs["attention_mask"]
        read = [torch.tensor(rows[place])[None] for place in (3, 4)]
        states = language.model.base_model(input_ids=batch.inputs["input_ids"], attention_mask=mask).last_hidden_state
        before = [vectors_of(language.model.base_model(input_ids=ids).last_hidden_state, torch.ones_like(ids), "mean")
                  for ids in read]  # fmt: skip
        way = (vectors_of(states, mask, "mean") - torch.cat(before)).square().sum(dim=1)
    torch.testing.assert_close(more, 2.0 * way, atol=1e-5, rtol=1e-4)
    held.remove()


def test_what_it_is_held_to_is_the_body_before_any_training(backbone: Path, notes: list[dict[str, Any]]) -> None:
    language = LanguageModel.loaded(str(backbone), revision=None, offline=True)
    rows = blocks(language, notes)
    Anchored(language, registry.get("objectives", "masked"), rows, seed=0, anchor=0.1)
    with torch.no_grad():
        for parameter in language.model.base_model.parameters():
            parameter.add_(0.1 * torch.randn_like(parameter))
    later = Anchored(language, registry.get("objectives", "masked"), rows, seed=0, anchor=0.1)
    fresh = LanguageModel.loaded(str(backbone), revision=None, offline=True)
    again = Anchored(fresh, registry.get("objectives", "masked"), rows, seed=0, anchor=0.1)
    torch.testing.assert_close(later._anchors([0, 1]), again._anchors([0, 1]))


def test_pretrain_trains_a_new_head_first_and_keeps_a_sentence_encoder(
    backbone: Path, notes: list[dict[str, Any]], tmp_path: Path
) -> None:
    corpus = tmp_path / "corpus.txt"
    corpus.write_text("\n".join(row["note"] for row in notes), "utf-8")
    told: list[Event] = []
    found = pretrain(
        RunConfig(
            data=str(corpus), output=str(tmp_path / "runs"), time_limit=60.0, search=Search(backbone=str(backbone))
        ),
        Pretraining(block=24, batch_rows=4, epochs=2.0),
        listen=told.append,
    )
    assert any("its new head is trained alone first" in event.message for event in told)
    assert found.facts["after"] < found.facts["before"]
    assert (found.model / "modules.json").is_file()
    encoder = registry.get("backbones", "encoder")
    shape = {"output": "classes", "size": 2, "runtime": autopilot.Session(config(backbone, tmp_path), folder=None,
             listen=told.append, ask=None).runtime()}  # fmt: skip
    vectors = [encoder.open(str(place), **shape).features([{"text": "alice found the red card"}])
               for place in (backbone, found.model)]  # fmt: skip
    assert np.linalg.norm(vectors[1]) == pytest.approx(1.0, abs=1e-3), "vectors are normalised as they were"
    assert not np.allclose(vectors[0], vectors[1], atol=1e-4)


def test_pretrain_refuses_an_anchor_where_there_is_none(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="anchor -1"):
        Pretraining(anchor=-1.0)
    with pytest.raises(ConfigError, match="adapt 'often' must be one of auto, off, always"):
        Adaptive(adapt="often")


def test_an_objective_that_does_not_exist_is_an_error_before_anything_is_done(
    backbone: Path, notes: list[dict[str, Any]], tmp_path: Path
) -> None:
    with pytest.raises(ConfigError, match="telepathy"):
        autopilot.plan(config(backbone, tmp_path, adapt_objective="telepathy"), data=notes)


# --- in a run


@pytest.fixture(scope="module")
def always(backbone: Path, notes: list[dict[str, Any]], tmp_path_factory: pytest.TempPathFactory) -> autopilot.Run:
    return autopilot.run(config(backbone, tmp_path_factory.mktemp("runs"), adapt="always"), data=notes)


def test_later_trials_begin_from_the_adapted_encoder_and_the_model_is_whole(always: autopilot.Run) -> None:
    told = decisions(always.folder)
    assert "later trials begin from the adapted encoder, as you asked" in told
    names = [trial.name for trial in always.report.trials]
    assert names[:3] == ["head", "head on the adapted encoder", "full on the adapted encoder"]
    assert not (always.folder / "adapted").exists(), "the model needs it no more"
    model = Model.load(always.folder / "model")
    answers = model.predict(["alice found the red card", "bob lost the blue money"])
    assert [one.value for one in answers] == [
        one.value for one in always.model.predict(["alice found the red card", "bob lost the blue money"])
    ]


def test_it_never_takes_more_than_its_share_of_the_time(
    backbone: Path, notes: list[dict[str, Any]], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(adaptive, "EPOCHS", 1e6)
    times: dict[str, float] = {}

    def listen(event: Event) -> None:
        for name in ("the encoder reads", "head on the adapted encoder: accuracy"):
            if event.message.startswith(name):
                times[name] = time.monotonic()

    share = 18.0 / 900.0
    run = autopilot.run(
        config(backbone, tmp_path, "head", adapt="always", adapt_share=share), data=notes, listen=listen
    )
    assert "head on the adapted encoder" in decisions(run.folder)
    first, last = times.values()
    assert 9.0 < last - first < 1.3 * 18.0, "time ends it, not the number of passes"


def test_no_text_of_validation_or_test_is_read_to_learn(
    backbone: Path, notes: list[dict[str, Any]], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[int] = []
    plain = adaptive.train
    monkeypatch.setattr(adaptive, "train", lambda language, objective, blocks, **more: (
        seen.append(len(blocks)), plain(language, objective, blocks, **more))[1])  # fmt: skip
    run = autopilot.run(config(backbone, tmp_path, "head", adapt="always"), data=notes)
    splits = run.report.data.splits
    assert seen
    assert max(seen) <= splits["train"] < len(notes)


def test_a_pilot_that_does_not_pay_ends_it(
    backbone: Path, notes: list[dict[str, Any]], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(adaptive, "LEAST_TEXTS", 50)
    monkeypatch.setattr("autogpt.autopilot.ladder.ENOUGH", 1.0)
    monkeypatch.setattr(adaptive, "BEYOND", 1e6)
    run = autopilot.run(config(backbone, tmp_path, methods="head"), data=notes)
    assert "head on the adapted encoder is left out: in a pilot a linear head came to" in decisions(run.folder)
    assert [trial.name for trial in run.report.trials] == ["head"]


def test_a_run_that_is_stopped_while_it_reads_goes_on_there(
    backbone: Path, notes: list[dict[str, Any]], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The state of a run that was stopped at a step of the training is taken up; finished trials are not repeated."""
    steps: list[int] = []

    def listen(event: Event) -> None:
        if event.kind == "step" and event.message == "adaptive training":
            steps.append(int(event.data["step"]))
            if len(steps) == 30:
                raise KeyboardInterrupt

    with pytest.raises(Interrupted):
        autopilot.run(config(backbone, tmp_path, "head", adapt="always"), data=notes, listen=listen)
    folder = next(tmp_path.iterdir())
    began = json.loads((folder / "adapted" / "state.json").read_text("utf-8"))["began"]
    assert not (folder / "adapted" / "encoder").exists()
    run = autopilot.resume(folder)
    assert [trial.name for trial in run.report.trials][:2] == ["head", "head on the adapted encoder"]
    started = [one["message"] for one in records(folder) if one["kind"] == "trial" and one.get("state") == "started"]
    assert sum(one.startswith("head:") for one in started) <= 1
    assert began > 0


@pytest.fixture(autouse=True)
def _few_steps(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(adaptive, "EPOCHS", 2.0)
    monkeypatch.setattr("autogpt.regimes._anchored.HEAD_STEPS", 8)
