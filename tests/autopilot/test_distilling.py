"""A model that costs more than the user allows teaches one that does not, if that brings more than the labels do."""

from __future__ import annotations

import json
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from autogpt import AutoGPT, load
from autogpt.autopilot import distilling, ensembling, serving
from autogpt.autopilot.distilling import Teacher
from autogpt.autopilot.serving import Cost
from autogpt.autopilot.session import Session
from autogpt.config import Experiments, RunConfig, Search, Serving
from autogpt.core import Decision
from autogpt.data.read import read
from autogpt.errors import ConfigError
from autogpt.events import Event
from autogpt.testing import tiny

COLOURS = [f"c{place}" for place in range(60)]
ANIMALS = [f"a{place}" for place in range(60)]
FEW = 40
NO_SEARCH = Experiments(search="off")


def table(labelled: int = 240, free: int = 400) -> list[dict[str, Any]]:
    """Rows with a word of two large groups. Labelled train rows have few of these words; the others have them all."""
    rng, rows = np.random.default_rng(0), []
    for place in range(labelled + free):
        kind = "colour" if place % 2 else "animal"
        words = COLOURS if place % 2 else ANIMALS
        side = "train" if place < FEW or place >= labelled else "validation" if place % 4 < 2 else "test"
        known = words[: 10 if place < FEW else 60]
        text = " ".join([*rng.choice(["card", "money", "lost", "paris"], 3), str(rng.choice(known)), f"n{place}"])
        rows.append({"note": text, "kind": kind if place < labelled else None, "split": side})
    return rows


class Oracle:
    """A teacher that is right in the part of the rows that it is meant to be."""

    family = "oracle"

    def __init__(self, space: Any, *, wrong: float = 0.0) -> None:
        self.space, self.wrong = space, wrong

    def score(self, inputs: Any, *, batch_rows: int = 64) -> Any:
        rng, sure = np.random.default_rng(1), np.zeros((len(inputs), 2))
        for place, row in enumerate(inputs):
            kind = "colour" if any(word in COLOURS for word in row["text"].split()) else "animal"
            sure[place, self.space.labels.index(kind) ^ int(rng.random() < self.wrong)] = 4.0
        return sure


class Climbed:
    """A run that has tried TF-IDF and guessing, and has not ended."""

    def __init__(self, folder: Path, rows: list[dict[str, Any]], **limits: Any) -> None:
        self.heard: list[Event] = []
        config = RunConfig(
            output=str(folder),
            time_limit=600.0,
            search=Search(methods="majority,tfidf"),
            experiments=NO_SEARCH,
            serving=Serving(**limits),
        )
        started = time.monotonic()
        self.session = Session(config, folder=folder / "run", listen=self.heard.append, ask=None, started=started)
        self.session.place.mkdir()
        self.prepared = self.session.prepare(read(rows))
        self.bench = self.session.bench(self.prepared)
        self.session.climb(self.bench, self.prepared)
        self.best = next(one for one in self.session.results if one.method == "tfidf")

    def student(self, wrong: float) -> Any:
        teacher = Teacher("oracle", 1.0 - wrong, Oracle(self.bench.space, wrong=wrong), Decision())
        return distilling._student(self.session, self.bench, self.prepared, teacher, self.best, self.session.results)

    def said(self) -> str:
        return "\n".join(event.message for event in self.heard)


def test_a_student_learns_from_rows_without_a_label_what_the_labels_could_not_teach(tmp_path: Path) -> None:
    run = Climbed(tmp_path, table(), max_size="1GB")
    found = run.student(wrong=0.0)
    assert found is not None
    assert (found.name, found.distilled) == ("distilled tfidf", True)
    assert found.scores["accuracy"] > run.best.scores["accuracy"] + 0.1
    own = run.session.own(run.bench, found)
    assert len(own.train) == len(run.bench.train) + 400, "its refit has the lessons too"
    assert run.session.own(run.bench, run.best).train == run.bench.train
    assert "of which" in run.said()
    assert "it is kept" in run.said()


def test_a_teacher_that_guesses_gives_no_student(tmp_path: Path) -> None:
    """The control: as many rows, as sure answers, nothing in them."""
    run = Climbed(tmp_path, table(), max_size="1GB")
    assert run.student(wrong=0.5) is None
    assert "it is left, as a tie or worse" in run.said()


def test_a_student_that_has_outgrown_the_limit_is_left(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    run = Climbed(tmp_path, table(), max_size="1MB")
    monkeypatch.setattr(serving, "of_trial", lambda session, bench, one: Cost(1.0, 10**9 if one.distilled else 1))
    assert run.student(wrong=0.0) is None
    assert "distilled tfidf takes 1 ms an answer and 1.0 GB on disk, more than --max-size 1MB allows" in run.said()


def test_without_rows_to_ask_about_nothing_is_distilled(tmp_path: Path) -> None:
    run = Climbed(tmp_path, table(free=50), max_size="1GB")
    assert run.student(wrong=0.0) is None
    assert "50 rows have no label, and a teacher is asked about 200 or more" in run.said()


def face(folder: Path, search: Search, serving: Serving) -> AutoGPT:
    return AutoGPT(output=str(folder), search=search, serving=serving, experiments=NO_SEARCH)


def test_limits_are_kept_to_and_what_was_given_up_is_told(tmp_path: Path) -> None:
    """TF-IDF holds a weight per word; guessing is smaller than any limit, and answers where nothing else may."""
    small = face(tmp_path, Search(methods="majority,tfidf"), Serving(max_size="2kB"))
    assert small.train(table(free=0)).info["method"] == "majority"
    assert small.run is not None
    report = small.run.report
    assert [one.name for one in report.systems if one.name.endswith("given up")] == ["tfidf, given up"]
    told = " ".join(choice.answer for choice in report.choices)
    assert "more than --max-size 2kB allows" in told
    assert "majority answers in place of tfidf" in told
    assert [row.reason for row in report.trials if row.chosen] == ["best within --max-size 2kB"]


def test_where_no_trial_is_within_the_limits_the_nearest_answers_with_a_warning(tmp_path: Path) -> None:
    heard: list[Event] = []
    tight = face(tmp_path, Search(methods="majority,tfidf"), Serving(max_size="1B"))
    assert tight.train(table(free=0), listen=heard.append).info["method"] == "majority"
    warnings = "\n".join(event.message for event in heard if event.kind == "warning")
    assert "no trial is within --max-size 1B; majority is nearest" in warnings
    assert "the model that is saved takes" in warnings


def test_limits_that_nothing_breaks_change_nothing(tmp_path: Path) -> None:
    wide = face(tmp_path, Search(methods="majority,tfidf"), Serving(max_size="1GB", max_latency=1e6))
    assert wide.train(table(free=0)).info["method"] == "tfidf"
    assert wide.run is not None
    assert "which --max-latency 1e+06 --max-size 1GB allows" in " ".join(one.answer for one in wide.run.report.choices)


def test_a_run_ends_with_a_student_that_was_fitted_tested_and_saved(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The whole way; only what models cost is made up, and that the student is good enough."""
    dear = lambda session, bench, one: Cost(100.0 if one.method == "tfidf" else 1.0, 1_000)  # noqa: E731
    monkeypatch.setattr(serving, "of_trial", dear)
    monkeypatch.setattr(ensembling, "LEAST_GAIN", -1.0)
    search = Search(methods="tfidf,head", backbone=str(tiny.bert_folder(tmp_path / "bert")), ensemble=False)
    small = face(tmp_path, search, Serving(max_latency=10.0))
    model = small.train(table())
    assert model.info["method"] == "distilled head"
    assert small.run is not None
    names = [one.name for one in small.run.report.systems]
    assert names[0] == "distilled head"
    assert "tfidf, given up" in names
    again = load(small.run.folder)
    assert [one.value for one in again.predict(["card a1"])] == [one.value for one in model.predict(["card a1"])]
    assert not (small.run.folder / "distilled").exists()
    journal = [json.loads(line) for line in (small.run.folder / "journal.jsonl").read_text("utf-8").splitlines()]
    assert any("distilled head answers in place of tfidf" in line.get("message", "") for line in journal)


def test_costs_add_up_and_the_limit_that_is_broken_most_counts() -> None:
    both = Cost(2.0, 3_000) + Cost(1.0, 1_000)
    assert both == Cost(3.0, 4_000)
    assert str(both) == "3 ms an answer and 4.0 kB on disk"
    assert both.excess(Serving()) == 0
    assert both.excess(Serving(max_latency=6.0, max_size="1kB")) == 4
    assert both.is_within(Serving(max_latency=3.0, max_size="4kB"))


def test_measuring_asks_about_rows_one_by_one(tmp_path: Path) -> None:
    asked: list[int] = []

    class Slow:
        def score(self, inputs: Any) -> None:
            asked.append(len(inputs))
            time.sleep(0.01)

    (tmp_path / "weights").write_bytes(b"12345")
    found = serving.measured(Slow(), tmp_path, [{"text": str(place)} for place in range(40)])
    assert set(asked) == {1}
    assert found.milliseconds >= 10
    assert found.size == 5


@pytest.mark.parametrize(("name", "value"), [("max_latency", 0.0), ("max_size", "small")])
def test_limits_that_are_none_are_refused(name: str, value: Any) -> None:
    with pytest.raises(ConfigError, match=name):
        replace(Serving(), **{name: value})
