"""A whole run whose answers are passages: order of trials, sealed test, report, and what the saved model says."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from autogpt import AutoGPT, load, registry
from autogpt.autopilot.ladder import Facts, rungs
from autogpt.autopilot.run import Run
from autogpt.autopilot.trial import Candidate
from autogpt.config import Search
from autogpt.evaluation.card import model_card
from autogpt.events import Event
from autogpt.testing import tiny

NOUNS, COLOURS = ("card", "dog", "cat", "money", "round"), ("red", "green", "blue", "great", "awful", "bad")
STARTS = ("saw the", "found a", "my", "one", "was not", "in rome the", "paris and a", "two good")


def passage(noun: str, colour: str) -> str:
    return f"alice lives in rome and saw the {noun} bob found, it was {colour} and {colour} is what the {noun} is"


def table() -> list[dict[str, Any]]:
    asked = [
        {"question": f"{start} {noun} {colour}", "paragraph": passage(noun, colour)}
        for start in STARTS
        for noun in NOUNS
        for colour in COLOURS
    ]
    return [*asked, {"question": None, "paragraph": "a passage that no row asks for"}]


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory) -> tuple[Run, list[Event]]:
    backbone = tiny.bert_folder(tmp_path_factory.mktemp("bert") / "bert")
    events: list[Event] = []
    face = AutoGPT(output=str(tmp_path_factory.mktemp("runs")), search=Search(backbone=str(backbone)))
    face.train(table(), goal="find the paragraph that answers", time_limit="60s", listen=events.append)
    assert face.run is not None
    return face.run, events


def test_words_come_first_then_the_encoder_as_it_is_then_tuned(finished: tuple[Run, list[Event]]) -> None:
    done = [event.data["method"] for event in finished[1] if event.data.get("state") == "done"]
    assert done == ["majority", "bm25", "bi-encoder", "hybrid", "retriever"]


def test_the_model_finds_passages_and_reloads(finished: tuple[Run, list[Event]]) -> None:
    run, _ = finished
    (answer,) = run.model.predict("saw the dog green")
    assert answer.value == passage("dog", "green") == answer.best[0][0]
    assert len(answer.best) == 10
    assert [sure for _, sure in answer.best] == sorted((sure for _, sure in answer.best), reverse=True)
    assert load(run.folder).predict("saw the dog green") == [answer]
    assert "a passage that no row asks for" in run.model.space.labels


def test_the_report_has_ranking_scores_and_no_table_of_passages(finished: tuple[Run, list[Event]]) -> None:
    report = finished[0].report
    assert [score.metric for score in report.systems[0].scores] == ["ndcg-at-10", "mrr", "recall-at-1", "recall-at-10"]
    assert report.main.value > 0.8
    assert {system.role for system in report.systems} >= {"winner", "majority"}
    assert not report.tables
    assert not report.confusions
    assert report.matrix is None
    assert report.calibration is None
    data = report.data
    assert data.rows_in == 241 == data.rows_used + data.rejected_count + data.removed
    assert data.rejected_count == 1
    text = (finished[0].folder / "model" / "report.md").read_text("utf-8")
    assert len(text) < 20_000
    front = model_card(report, name="m").split("---")[1]
    assert "pipeline_tag: sentence-similarity" in front


def test_the_command_line_shows_three_passages_and_json_has_ten(
    finished: tuple[Run, list[Event]], capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    from autogpt.cli import main

    model = str(finished[0].folder / "model")
    with pytest.raises(SystemExit) as ended:
        main(["predict", model, "my cat blue", "--json"])
    assert not ended.value.code
    (one,) = json.loads(capsys.readouterr().out)["predictions"]
    assert one["label"] == passage("cat", "blue") == one["ranking"][0]["label"]
    assert len(one["ranking"]) == 10
    with pytest.raises(SystemExit):
        main(["predict", model, "my cat blue"])
    assert sum(line.startswith("  0.") or line.startswith("  1.") for line in capsys.readouterr().out.split("\n")) == 3
    source, target = tmp_path / "in.jsonl", tmp_path / "out.jsonl"
    source.write_text(json.dumps({"question": "my cat blue"}) + "\n", "utf-8")
    with pytest.raises(SystemExit):
        main(["predict", model, "--input", str(source), "--output", str(target)])
    assert len(json.loads(target.read_text("utf-8"))["ranking"]) == 10


def told(**changes: Any) -> Facts:
    usual: dict[str, Any] = {
        "train": tiny.examples("ranking"),
        "validation": 10,
        "output": registry.get("outputs", "ranking"),
        "layers": lambda: 6,
        "rows_per_second": lambda: 10.0,
        "remaining": lambda: 1e6,
        "device": lambda: "cpu",
        "allowed": ["bi-encoder", "bm25", "hybrid", "majority", "retriever"],
        "has_backbone": True,
        "corpus": 100,
    }
    return Facts(**{**usual, **changes})


@pytest.mark.parametrize(
    ("seconds", "tried"),
    [
        (1e6, ["majority", "bm25", "bi-encoder", "hybrid", "retriever"]),
        (30.0, ["majority", "bm25", "bi-encoder", "hybrid"]),
        (5.0, ["majority", "bm25"]),
    ],
)
def test_a_rung_is_tried_when_the_corpus_can_be_read_in_time(seconds: float, tried: list[str]) -> None:
    found = list(rungs(told(remaining=lambda: seconds), []))
    assert [rung.method for rung in found if isinstance(rung, Candidate)] == tried
    assert sum("left out" in rung for rung in found if isinstance(rung, str)) == 5 - len(tried)


def test_short_time_means_fewer_epochs() -> None:
    epochs: Callable[[float], float] = lambda seconds: next(  # noqa: E731
        float(rung.options["epochs"])
        for rung in rungs(told(remaining=lambda: seconds), [])
        if isinstance(rung, Candidate) and rung.method == "retriever"
    )
    assert 0.5 <= epochs(90.0) < epochs(1e6) == 3.0
