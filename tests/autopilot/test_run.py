"""A whole run on a small table: what is written, what is sealed, what survives a kill."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pandas
import pytest
import torch

from autogpt import AutoGPT, datasets, fine_tune, load
from autogpt.autopilot import run as autopilot
from autogpt.autopilot.run import Run
from autogpt.config import Columns, RunConfig, Search, Source
from autogpt.errors import AmbiguityError, ConfigError, InputError, Interrupted, ModelError
from autogpt.events import Event
from autogpt.runtime import available_cores
from autogpt.testing import tiny
from autogpt.testing.tiny import MOODS
from autogpt.testing.tiny import notes as table


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory) -> tuple[Run, list[Event]]:
    events: list[Event] = []
    face = AutoGPT(output=str(tmp_path_factory.mktemp("runs")), search=Search(methods="majority,tfidf"))
    face.train(table(), goal="sort notes by kind", time_limit="60s", listen=events.append)
    assert face.run is not None
    return face.run, events


def test_a_run_leaves_a_tested_model_a_report_and_a_journal(finished: tuple[Run, list[Event]]) -> None:
    run, events = finished
    for name in ("autogpt.json", "report.json", "report.md", "report.html", "README.md"):
        assert (run.folder / "model" / name).is_file(), name
    kinds = {json.loads(line)["kind"] for line in (run.folder / "journal.jsonl").read_text("utf-8").splitlines()}
    assert {"plan", "read", "profile", "split", "trial", "decision", "evaluation", "saved"} <= kinds
    assert {event.kind for event in events} >= kinds
    assert json.loads((run.folder / "run.json").read_text())["status"] == "done"


def test_the_model_answers_and_the_report_shows_baselines(finished: tuple[Run, list[Event]]) -> None:
    run, _ = finished
    answer = run.model.predict("I cannot find my card, it is gone")[0]
    assert answer.value == "lost"
    assert answer.confidence is not None
    assert 0 <= answer.confidence <= 1
    names = [system.name for system in run.report.systems]
    assert "majority" in names
    main = run.report.systems[0].scores[0]
    assert main.metric == "accuracy"
    assert main.value > 0.9
    assert main.low <= main.value <= main.high


def test_a_frame_is_answered_row_by_row_and_what_is_no_text_is_named(finished: tuple[Run, list[Event]]) -> None:
    model = finished[0].model
    frame = pandas.DataFrame(table()[:3]).assign(other=[1.5, None, 2.0])
    assert [one.value for one in model.predict(frame)] == [one.value for one in model.predict(list(frame["note"]))]
    for item in (None, 3, float("nan")):
        with pytest.raises(InputError, match=f"item 1: {item} is no text; give text, or a row"):
            model.predict(["a text", item])


def test_a_model_of_nested_rows_answers_nested_rows(tmp_path: Path) -> None:
    rows = [{"ticket": {"body": row["note"]}, "meta": {"kind": row["kind"]}} for row in table()]
    model = AutoGPT(output=str(tmp_path), search=Search(methods="tfidf")).train(rows, time_limit="20s")
    assert model.schema.text == ("ticket.body",)
    assert model.predict(rows[0])[0] == model.predict(rows[0]["ticket"]["body"])[0]


def test_one_call_tunes_one_named_model_with_one_method(tmp_path: Path) -> None:
    backbone = tiny.bert_folder(tmp_path / "bert")
    parts = [*["train"] * 150, *["val"] * 30, *["test"] * 60]
    rows = [{**row, "task": part} for row, part in zip(table(), parts, strict=True)]
    model = fine_tune(backbone, rows, method="full", time_limit="60s", output=str(tmp_path / "runs"))
    assert model.info["method"].startswith("full")
    assert model.info["backbone"]["name"] == str(backbone)
    assert model.report is not None
    assert model.report.data.splits == {"train": 150, "validation": 30, "test": 60}


def test_every_row_is_accounted_for(finished: tuple[Run, list[Event]]) -> None:
    data = finished[0].report.data
    assert data.rows_in == 240 == data.rows_used + data.rejected_count + data.removed


def test_a_loaded_run_is_the_same(finished: tuple[Run, list[Event]]) -> None:
    run, _ = finished
    again = Run.load(run.folder)
    texts = [row["note"] for row in table(20)]
    assert again.model.predict(texts) == run.model.predict(texts) == load(run.folder).predict(texts)
    assert str(again.report) == str(run.report)


def test_a_changed_file_is_refused_by_name(finished: tuple[Run, list[Event]], tmp_path: Path) -> None:
    saved = finished[0].model.save(tmp_path / "copy")
    weights = saved / "model.safetensors"
    content = bytearray(weights.read_bytes())
    content[-1] ^= 1
    weights.write_bytes(bytes(content))
    with pytest.raises(ModelError, match=r"sha256 differs: model\.safetensors"):
        load(saved)
    weights.unlink()
    with pytest.raises(ModelError, match=r"model\.safetensors is missing"):
        load(saved)


def test_a_folder_with_other_things_is_never_overwritten(finished: tuple[Run, list[Event]], tmp_path: Path) -> None:
    (tmp_path / "thesis.txt").write_text("years of work")
    with pytest.raises(InputError, match="holds something else"):
        finished[0].model.save(tmp_path)
    assert (tmp_path / "thesis.txt").read_text() == "years of work"


def test_a_given_test_is_used_as_it_is(tmp_path: Path) -> None:
    face = AutoGPT(output=str(tmp_path), search=Search(methods="tfidf"))
    model = face.train(table(150), table(210)[150:], time_limit="60s")
    assert model.report is not None
    assert model.report.data.splits["test"] == 60
    assert model.report.systems[0].scores[0].n == 60


def test_shuffled_test_labels_show(tmp_path: Path) -> None:
    """The test decides the score: with rotated labels in it, the score must collapse."""
    rotate = dict(zip(MOODS, [*list(MOODS)[1:], next(iter(MOODS))], strict=True))
    wrong = [{**row, "kind": rotate[row["kind"]]} for row in table(210)[150:]]
    model = AutoGPT(output=str(tmp_path), search=Search(methods="tfidf")).train(table(150), wrong, time_limit="60s")
    assert model.report is not None
    assert model.report.systems[0].scores[0].value < 0.2
    assert not model.report.verdict.ship


def test_the_test_rows_are_opened_once_and_after_the_choice(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    from autogpt import pipeline

    order: list[str] = []
    opened = pipeline.SealedTest.open
    monkeypatch.setattr(pipeline.SealedTest, "open", lambda self: order.append("test opened") or opened(self))
    face = AutoGPT(output=str(tmp_path), search=Search(methods="majority,tfidf"))
    face.train(table(), time_limit="60s", listen=lambda event: order.append(event.kind))
    assert order.count("test opened") == 1
    assert "trial" not in order[order.index("test opened") :]


def test_what_cannot_be_decided_is_asked_or_refused(tmp_path: Path) -> None:
    rows = [{"a": f"{row['note']}", "b": f"{row['note']} again {i}", "c": row["kind"]} for i, row in enumerate(table())]
    for row, other in zip(rows, reversed(table()), strict=True):
        row["d"] = other["kind"]
    with pytest.raises(AmbiguityError) as problem:
        AutoGPT(output=str(tmp_path)).train(rows, time_limit="20s")
    assert problem.value.candidates
    assert problem.value.flag.startswith("--")


@pytest.mark.parametrize("rows", [[], [{"a": "one", "b": "x"}], [{"a": f"t {i}", "b": "same"} for i in range(50)]])
def test_too_little_to_learn_from_is_said(rows: list[dict[str, Any]], tmp_path: Path) -> None:
    with pytest.raises(InputError):
        AutoGPT(output=str(tmp_path)).train(rows, time_limit="20s")


def test_what_no_row_can_be_read_as_is_said_with_the_reason(tmp_path: Path) -> None:
    rows = [{"a": f"text number {i}", "b": "much"} for i in range(20)]
    trainer = AutoGPT(output=str(tmp_path), columns=Columns(task="text-regression", target="b"))
    with pytest.raises(InputError, match=r"0 rows can be learned from; .*; line 1: column 'b' has 'much'"):
        trainer.train(rows, time_limit="20s")


def test_one_label_is_named_as_it_is(tmp_path: Path) -> None:
    rows = [{"a": f"text number {i}", "b": "same"} for i in range(50)]
    with pytest.raises(InputError, match="every training row has the label 'same'; at least 2 labels are needed"):
        AutoGPT(output=str(tmp_path), columns=Columns(target="b")).train(rows, time_limit="20s")


@pytest.mark.parametrize("search", [Search(methods="tfidf,bert"), Search(metric="f1")])
def test_a_name_that_is_none_is_refused_before_rows_are_read(search: Search, tmp_path: Path) -> None:
    events: list[Event] = []
    with pytest.raises(ConfigError, match=r"no (method is called 'bert'|metric is called 'f1'); there are: "):
        AutoGPT(output=str(tmp_path), search=search).train(table(), listen=events.append)
    assert "read" not in [event.kind for event in events]


def test_a_file_that_is_not_there_leaves_no_run(tmp_path: Path) -> None:
    with pytest.raises(InputError):
        autopilot.run(RunConfig(data=str(tmp_path / "nowhere.csv"), output=str(tmp_path / "runs")))
    assert not [*(tmp_path / "runs").iterdir()]


def test_a_hub_name_without_network_is_refused(tmp_path: Path) -> None:
    config = RunConfig(data="some-org/some-data", output=str(tmp_path), source=Source(offline=True))
    with pytest.raises(Exception, match="offline"):
        autopilot.run(config)


def test_a_query_and_a_test_file_are_read(tmp_path: Path) -> None:
    import sqlite3

    with sqlite3.connect(tmp_path / "notes.db") as database:
        database.execute("CREATE TABLE notes (note TEXT, kind TEXT, year INTEGER)")
        database.executemany("INSERT INTO notes VALUES (:note, :kind, 2024)", table(150))
        database.execute("INSERT INTO notes VALUES ('an old note', 'forgotten', 1999)")
    test = tmp_path / "test.jsonl"
    test.write_text("\n".join(json.dumps(row) for row in table(210)[150:]), "utf-8")
    source = Source(query="SELECT note, kind FROM notes WHERE year > 2000", test=str(test))
    config = RunConfig(
        data=str(tmp_path / "notes.db"),
        output=str(tmp_path),
        time_limit=60,
        source=source,
        search=Search(methods="tfidf"),
    )
    found = autopilot.run(config)
    splits = found.report.data.splits
    assert (splits["train"] + splits["validation"], splits["test"]) == (150, 60)
    assert "forgotten" not in found.model.space.labels


def test_the_bundled_sample_has_its_splits() -> None:
    train, test = datasets.load("banking77")
    assert (len(train), len(test)) == (10_003, 3_080)


SCRIPT = """
import sys
from autogpt.autopilot import run as autopilot
from autogpt.config import Columns, RunConfig, Search, Source
search = Search(methods=sys.argv[4], backbone=sys.argv[3], ensemble=False)
autopilot.run(RunConfig(data=sys.argv[1], output=sys.argv[2], time_limit=3600, search=search))
"""


def start(data: Path, output: Path, backbone: Path, methods: str) -> subprocess.Popen[bytes]:
    command = [sys.executable, "-c", SCRIPT, str(data), str(output), str(backbone), methods]
    # On a busy machine two processes may find different numbers better; these are what NumPy takes in this process.
    same = {**os.environ, "OMP_NUM_THREADS": str(available_cores())}
    return subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, env=same)


def the_run(output: Path, *, until: str, seconds: float = 60.0) -> Path:
    """The folder of the only run, once the journal holds `until`."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        for journal in output.glob("*/journal.jsonl"):
            if until in journal.read_text("utf-8"):
                return journal.parent
        time.sleep(0.02)
    raise AssertionError(f"no run with {until!r} in its journal")


@pytest.fixture(scope="module")
def csv_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("data") / "notes.csv"
    lines = ["note,kind", *(f"{row['note']},{row['kind']}" for row in table())]
    path.write_text("\n".join(lines), "utf-8")
    return path


@pytest.fixture(scope="module")
def tiny_bert(tmp_path_factory: pytest.TempPathFactory) -> Path:
    from autogpt.testing import tiny

    return tiny.bert_folder(tmp_path_factory.mktemp("bert") / "bert")


def test_a_killed_run_resumes_to_the_same_model(csv_file: Path, tiny_bert: Path, tmp_path: Path) -> None:
    whole = start(csv_file, tmp_path / "whole", tiny_bert, "tfidf,full")
    assert whole.wait(120) == 0
    killed = start(csv_file, tmp_path / "killed", tiny_bert, "tfidf,full")
    folder = the_run(tmp_path / "killed", until='"state": "started"')
    time.sleep(1.0)
    killed.send_signal(signal.SIGKILL)
    killed.wait()
    resumed = autopilot.resume(folder)
    expected = the_run(tmp_path / "whole", until='"saved"')
    assert json.loads((folder / "run.json").read_text())["status"] == "done"
    texts = [row["note"] for row in table(30)]
    found, wanted = resumed.model.predict(texts), load(expected).predict(texts)
    assert [one.value for one in found] == [one.value for one in wanted]
    if not torch.cuda.is_available():  # a GPU adds up in an order of its own
        assert found == wanted


def test_ctrl_c_saves_and_says_how_to_go_on(csv_file: Path, tiny_bert: Path, tmp_path: Path) -> None:
    process = start(csv_file, tmp_path, tiny_bert, "full")
    folder = the_run(tmp_path, until='"state": "started"')
    process.send_signal(signal.SIGINT)
    _, errors = process.communicate(timeout=60)
    assert process.returncode != 0
    assert f"autogpt resume {folder}" in errors.decode()
    assert json.loads((folder / "run.json").read_text())["status"] == "paused"
    assert autopilot.resume(folder).report is not None


def test_a_run_does_not_go_on_with_other_data(csv_file: Path, tiny_bert: Path, tmp_path: Path) -> None:
    data = tmp_path / "notes.csv"
    data.write_bytes(csv_file.read_bytes())
    process = start(data, tmp_path, tiny_bert, "full")
    folder = the_run(tmp_path, until='"state": "started"')
    process.send_signal(signal.SIGKILL)
    process.communicate()
    data.write_text(data.read_text("utf-8").replace("card", "cart"), "utf-8")
    with pytest.raises(InputError, match="not those that the run began with"):
        autopilot.resume(folder)


def test_a_tracker_gets_the_numbers(csv_file: Path, tiny_bert: Path, tmp_path: Path) -> None:
    pytest.importorskip("tensorboard")
    search = Search(methods="full", backbone=str(tiny_bert), report_to="tensorboard")
    found = autopilot.run(RunConfig(data=str(csv_file), output=str(tmp_path), time_limit=60, search=search))
    assert [*found.folder.rglob("events.out.tfevents*")]


def test_no_limit_is_no_limit(tmp_path: Path) -> None:
    search = Search(methods="majority,tfidf")
    face = AutoGPT(output=str(tmp_path), search=search)
    assert face.train(table(), time_limit=None).report is not None


def test_interrupted_has_the_command() -> None:
    assert Interrupted("stopped", resume="autogpt resume x").resume == "autogpt resume x"
    assert os.name


def test_the_report_is_in_the_language_of_the_goal(tmp_path: Path) -> None:
    face = AutoGPT(output=str(tmp_path), search=Search(methods="majority,tfidf"))
    report = face.train(table(), goal="把便条按类别分开", time_limit="60s").report
    assert report is not None
    assert report.language == "zh"
    assert any("\u4e00" <= character <= "\u9fff" for character in report.verdict.headline)
