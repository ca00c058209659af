"""Several data sets, one backbone: from files to a model that answers every task, and a report beside single models."""

from __future__ import annotations

import json
import os
import signal
from pathlib import Path
from typing import Any

import pytest
from safetensors.torch import load_file

from autogpt import AutoGPT, load
from autogpt.autopilot import run as autopilot
from autogpt.cli import main
from autogpt.cli.commands.runs import described
from autogpt.config import MultiTask, RunConfig, Search
from autogpt.errors import ConfigError, InputError, Interrupted
from autogpt.events import Event
from autogpt.multi_model import MultiModel
from autogpt.regimes import multi_task
from autogpt.testing import tiny

COLOURS, NOUNS = ("red", "green", "blue"), ("card", "dog", "cat", "money")


def intents(rows: int = 90) -> list[dict[str, Any]]:
    return [{"text": f"the {NOUNS[i % 4]} is {COLOURS[i % 3]} {i}", "colour": COLOURS[i % 3]} for i in range(rows)]


def entities(rows: int = 60) -> list[dict[str, Any]]:
    found = []
    for i in range(rows):
        more = ["two", "and", "my"][: i % 4]
        tokens = ["the", *more, NOUNS[i % 4], "is", COLOURS[i % 3], "not" if i % 5 else "was"]
        found.append({"tokens": tokens, "tags": ["O", *["O"] * len(more), "B-THING", "O", "B-COLOUR", "O"]})
    return found


def numbers(rows: int = 60) -> list[dict[str, Any]]:
    value = {"red": 1.0, "green": 2.5, "blue": 4.0}
    return [{"text": f"my {NOUNS[i % 4]} was {COLOURS[i % 3]} {i}", "size": value[COLOURS[i % 3]]} for i in range(rows)]


@pytest.fixture(scope="module")
def backbone(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tiny.bert_folder(tmp_path_factory.mktemp("bert") / "bert")


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory, backbone: Path) -> Any:
    trainer = AutoGPT(output=str(tmp_path_factory.mktemp("runs")), search=Search(backbone=str(backbone)))
    data = {"intents": intents(), "entities": entities(), "numbers": numbers()}
    goals = {"numbers": "predict the size as a number"}
    return trainer.train_many(data, goals=goals, time_limit="90s", options=MultiTask(passes=2.0))


def test_every_task_is_answered_by_one_model_and_told_beside_a_model_of_its_own(model: Any) -> None:
    assert model.tasks == ("intents", "entities", "numbers")
    assert model.predict("the dog is green 7", task="intents")[0].value in COLOURS
    assert len(model.predict([["the", "dog", "is", "red"]], task="entities")[0].value) == 4
    assert isinstance(model.predict("my cat was red 3", task="numbers")[0].value, float)
    assert [row.name for row in model.report.tasks] == ["intents", "entities", "numbers"]
    for row in model.report.tasks:
        assert row.together.n == row.alone.n > 0
        assert row.finding in {"equal", "better", "worse"}
        assert (row.finding == "worse") == (row.name in [lost.name for lost in model.report.losing])


def test_the_report_stands_beside_the_model(model: Any, tmp_path: Path) -> None:
    again = MultiModel.load(model.save(tmp_path / "model")).report
    assert again is not None
    assert again.to_dict() == model.report.to_dict()


def test_one_folder_holds_the_body_once_and_says_the_same_when_loaded(model: Any, tmp_path: Path) -> None:
    folder = model.save(tmp_path / "model")
    bodies = [path for path in folder.rglob("*.safetensors") if path.stat().st_size > 10_000]
    assert [path.parent.name for path in bodies] == ["trunk"]
    question = "the dog is green 7"
    one = load(folder, task="intents")
    assert one.predict(question)[0].value == model.predict(question, task="intents")[0].value


def test_a_task_that_is_not_there_is_told_with_those_that_are(model: Any, tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"'topics'.*intents"):
        model.predict("a dog", task="topics")
    folder = model.save(tmp_path / "model")
    with pytest.raises(ConfigError, match="name one of them"):
        load(folder)


def test_the_command_line_trains_and_answers(
    backbone: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for name, rows in (("intents", intents()), ("entities", entities())):
        (tmp_path / f"{name}.jsonl").write_text("\n".join(map(json.dumps, rows)), "utf-8")
    files = [str(tmp_path / "intents.jsonl"), str(tmp_path / "entities.jsonl")]
    shared = ["--backbone", str(backbone), "--output", str(tmp_path / "runs"), "--time-limit", "60s", "--json"]
    document = called(["train", *files, "--multi-task", "--passes", "1", *shared], capsys)
    assert {row["name"] for row in document["report"]["tasks"]} == {"intents", "entities"}
    asked = ["predict", document["model"], "--task", "intents", "the dog is green 7", "--json"]
    assert called(asked, capsys)["predictions"][0]["label"] in COLOURS


def called(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> Any:
    with pytest.raises(SystemExit) as end:
        main(arguments)
    printed = capsys.readouterr()
    assert end.value.code in (0, None), printed.err
    return json.loads(printed.out)


def begun(folder: Path, backbone: Path, listen: Any = None) -> multi_task.MultiRun:
    """A run whose shared body is far behind, so that all of its parts are trained: heads, together, alone, parts."""
    sources = {
        "intents": multi_task.Source(intents()),
        "numbers": multi_task.Source(numbers(), goal="predict the size"),
    }
    config = RunConfig(output=str(folder), time_limit=None, search=Search(backbone=str(backbone)))
    return multi_task.train_many(sources, config, MultiTask(passes=2.0), listen=listen)


def weights(folder: Path) -> dict[str, bytes]:
    """Every tensor that a model keeps, by its file's place."""
    found = {}
    for path in sorted((folder / "model").rglob("*.safetensors")):
        tensors = load_file(path)
        found |= {f"{path.relative_to(folder)}:{name}": tensors[name].numpy().tobytes() for name in tensors}
    return found


@pytest.fixture(scope="module")
def straight(tmp_path_factory: pytest.TempPathFactory, backbone: Path) -> multi_task.MultiRun:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(multi_task, "_behind", lambda task, score, beyond_noise: True)
        return begun(tmp_path_factory.mktemp("straight"), backbone)


@pytest.mark.parametrize("where", ["together", "numbers: full", "numbers parts"])
def test_a_run_that_was_stopped_goes_on_to_the_same_weights(
    where: str, straight: multi_task.MultiRun, backbone: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(multi_task, "_behind", lambda task, score, beyond_noise: True)
    told: list[Event] = []

    def stopping(event: Event) -> None:
        told.append(event)
        if event.kind == "step" and where in (event.data["trial"], event.message) and event.data["step"] == 3:
            os.kill(os.getpid(), signal.SIGINT)

    with pytest.raises(Interrupted) as stopped:
        begun(tmp_path, backbone, stopping)
    (folder,) = tmp_path.iterdir()
    assert stopped.value.resume == f"autogpt resume {folder}"
    assert described(folder / "run.json")["status"] == "paused"

    before = [event.data["trial"] for event in told if event.kind == "step"]
    again: list[Event] = []
    resumed = multi_task.resume_many(folder, listen=again.append)
    steps = [(event.data["trial"], event.data["step"]) for event in again if event.kind == "step"]
    assert "head" not in [trial for trial, _ in steps]  # what had ended is not done again
    assert all(trial == before[-1] or trial not in before for trial, _ in steps)
    assert steps[0] == (before[-1], 4)
    assert weights(folder) == weights(straight.folder)
    strip = lambda report: {**report.to_dict(), "seconds": None}  # noqa: E731
    assert strip(resumed.report) == strip(straight.report)


def test_a_finished_run_is_listed_and_resumed_to_what_it_is(
    straight: multi_task.MultiRun, capsys: pytest.CaptureFixture[str]
) -> None:
    (one,) = called(["runs", str(straight.folder.parent), "--json"], capsys)["runs"]
    assert (one["status"], one["method"], one["metric"]) == ("done", "multi-task", "gain")
    assert {path.name for path in straight.folder.iterdir()} == {"journal.jsonl", "machine.json", "model", "run.json"}
    document = called(["resume", str(straight.folder), "--json"], capsys)
    assert document["report"] == straight.report.to_dict()


def test_a_run_is_resumed_as_what_it_is(straight: multi_task.MultiRun, tmp_path: Path) -> None:
    with pytest.raises(InputError, match="several tasks"):
        autopilot.resume(straight.folder)
    (tmp_path / "run.json").write_text('{"status": "paused", "config": {}}', "utf-8")
    with pytest.raises(InputError, match="one task"):
        multi_task.resume_many(tmp_path)


def test_rows_in_memory_that_were_not_kept_cannot_be_gone_on_with(
    straight: multi_task.MultiRun, tmp_path: Path
) -> None:
    state = json.loads((straight.folder / "run.json").read_text("utf-8"))
    (tmp_path / "run.json").write_text(json.dumps({**state, "status": "running"}), "utf-8")
    with pytest.raises(InputError, match="'intents', given in memory"):
        multi_task.resume_many(tmp_path)


def test_a_wrong_data_set_leaves_nothing_behind(backbone: Path, tmp_path: Path) -> None:
    config = RunConfig(output=str(tmp_path / "runs"), search=Search(backbone=str(backbone)))
    sources = {"intents": multi_task.Source(intents()), "gone": multi_task.Source(str(tmp_path / "gone.csv"))}
    with pytest.raises(InputError, match=r"gone\.csv"):
        multi_task.train_many(sources, config, MultiTask())
    assert not list((tmp_path / "runs").iterdir())


def test_texts_that_are_written_are_learned_by_themselves(backbone: Path, tmp_path: Path) -> None:
    config = RunConfig(output=str(tmp_path / "runs"), search=Search(backbone=str(backbone)))
    written = [{"en": f"the house number {i} is old", "zh": f"第{i}号房子很旧，也很漂亮"} for i in range(40)]
    sources = {
        "intents": multi_task.Source(intents()),
        "words": multi_task.Source(written, goal="translate to Chinese"),
    }
    with pytest.raises(ConfigError, match="translation cannot be learned together with others; train it by itself"):
        multi_task.train_many(sources, config, MultiTask())
