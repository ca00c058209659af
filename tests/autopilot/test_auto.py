"""`--method auto`: one method, by a written rule and a pilot, with its reasons in the journal."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from autogpt import registry
from autogpt.api import fine_tune
from autogpt.autopilot import auto
from autogpt.autopilot.run import Run
from autogpt.autopilot.run import run as start
from autogpt.config import RunConfig, Search
from autogpt.testing import tiny


@pytest.fixture(scope="module")
def backbone(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tiny.bert_folder(tmp_path_factory.mktemp("backbones") / "bert")


@pytest.fixture(scope="module")
def notes() -> list[dict[str, Any]]:
    return [{"note": f"{row.inputs['text']} {['one', 'two', 'three', 'four', 'five'][place % 5]}", "kind": row.target}
            for place, row in enumerate(tiny.examples("classes", 150))]  # fmt: skip


def decisions(run: Run) -> list[str]:
    lines = (run.folder / "journal.jsonl").read_text("utf-8").splitlines()
    return [record["message"] for record in map(json.loads, lines) if record["kind"] == "decision"]


@pytest.fixture(scope="module")
def finished(backbone: Path, notes: list[dict[str, Any]], tmp_path_factory: pytest.TempPathFactory) -> Run:
    search = Search(methods="auto", backbone=str(backbone))
    config = RunConfig(output=str(tmp_path_factory.mktemp("runs")), time_limit=120.0, search=search)
    return start(config, data=notes)


def test_one_method_is_fitted_and_it_is_the_best_pilot(finished: Run) -> None:
    told = decisions(finished)
    chosen = [message for message in told if message.startswith("auto chooses ")]
    assert len(chosen) == 1
    name = chosen[0].removeprefix("auto chooses ").split(":")[0]
    assert [trial.name.split("(")[0] for trial in finished.report.trials] == [name]
    pilots = [message for message in told if "on validation, " in message]
    assert 2 <= len(pilots) <= auto.PILOTS
    assert any(message.startswith(f"auto: {name} on ") for message in pilots)


def test_the_reasons_name_family_size_device_and_rows(finished: Run) -> None:
    told = "\n".join(decisions(finished))
    assert "auto: head is considered: frozen features are read once" in told
    assert "auto: contrastive is considered: " in told
    assert "rows per label are few" in told
    assert "auto: full is considered: bert with 0.0 million parameters on " in told
    assert "auto: lora" not in told
    assert not (finished.folder / "pilots").exists()


def test_a_large_encoder_is_tuned_by_adapters(
    backbone: Path, notes: list[dict[str, Any]], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(auto, "LARGE", 100)
    monkeypatch.setattr(auto, "LEAST_SECONDS", 1e9)
    config = RunConfig(output=str(tmp_path), time_limit=90.0, search=Search(methods="auto", backbone=str(backbone)))
    told = "\n".join(decisions(start(config, data=notes)))
    assert "auto: lora is considered" in told
    assert "auto: full" not in told
    assert "are too few for pilots, the rule decides" in told


def test_without_room_for_an_encoder_the_words_decide(
    backbone: Path, notes: list[dict[str, Any]], tmp_path: Path
) -> None:
    search = Search(methods="auto", backbone=str(backbone), memory_limit="1MB")
    run = start(RunConfig(output=str(tmp_path), time_limit=60.0, search=search), data=notes)
    assert [trial.name for trial in run.report.trials] == ["tfidf"]
    assert any(message.startswith("auto: tfidf is considered: no encoder: ") for message in decisions(run))


def test_the_face_takes_it_too(notes: list[dict[str, Any]], backbone: Path, tmp_path: Path) -> None:
    model = fine_tune(str(backbone), notes, method="auto", time_limit="60s", output=str(tmp_path))
    assert model.info["method"] in {name.split("(")[0] for name in registry.names("methods")}
