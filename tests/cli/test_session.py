"""The whole way on a small table with a quick method: run, look at it, use it, judge it, resume it. No network."""

from __future__ import annotations

import contextlib
import csv
import io
import json
import socket
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NoReturn

import pytest

from autogpt.autopilot.forecast import need
from autogpt.autopilot.session import Session
from autogpt.cli.app import execute
from autogpt.config import RunConfig, Search
from autogpt.events import silent
from autogpt.memory import Guard, Room
from autogpt.testing import tiny

GOOD = ("great value", "works well", "love the screen", "很好用", "excellent sound", "fast and quiet")
BAD = ("broke at once", "awful noise", "never again", "太差了", "poor battery", "slow and loud")


def reviews(count: int = 96) -> Iterator[dict[str, str]]:
    """Reviews whose words tell the label."""
    for number in range(count):
        words, label = (GOOD, "good") if number % 2 else (BAD, "bad")
        text = f"item {number}: {words[number % 6]}, {words[(number // 6) % 6]}, {words[(number // 12) % 6]}"
        yield {"review": text, "label": label}


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with reviews in a file."""
    folder = tmp_path_factory.mktemp("session")
    with (folder / "reviews.csv").open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, ["review", "label"])
        writer.writeheader()
        writer.writerows(reviews())
    return folder


@pytest.fixture(scope="module")
def document(place: Path) -> dict[str, Any]:
    """What `autogpt train --json` printed; no socket was connected meanwhile."""

    def refuse(*arguments: object) -> NoReturn:
        raise AssertionError("the network was used")

    out = io.StringIO()
    with pytest.MonkeyPatch.context() as patch, contextlib.redirect_stdout(out):
        patch.setattr(socket.socket, "connect", refuse)
        arguments = ["train", str(place / "reviews.csv"), "--goal", "good or bad?", "--method", "tfidf", "-t", "15s"]
        code = execute([*arguments, "--output", str(place / "runs"), "--offline", "--json"])
    assert code == 0, out.getvalue()
    found: dict[str, Any] = json.loads(out.getvalue())
    return found


@pytest.fixture
def model(document: dict[str, Any]) -> str:
    return str(document["model"])


@pytest.fixture(autouse=True)
def no_network(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*arguments: object) -> NoReturn:
        raise AssertionError("the network was used")

    monkeypatch.setattr(socket.socket, "connect", refuse)


# Training


def test_a_run_prints_folder_model_and_report(document: dict[str, Any], place: Path) -> None:
    assert Path(document["run"]).parent == place / "runs"
    assert (Path(document["model"]) / "autogpt.json").is_file()
    assert document["report"]["task"] == "text-classification"
    assert document["report"]["systems"][0]["scores"][0]["value"] > 0.9


def test_the_run_is_listed_as_done(autogpt: Callable[..., Any], document: dict[str, Any], place: Path) -> None:
    found = autogpt("runs", str(place / "runs"), "--json").document["runs"]
    assert [(one["run"], one["status"], one["method"]) for one in found] == [(document["run"], "done", "tfidf")]


def test_resuming_what_is_done_shows_its_report_again(autogpt: Callable[..., Any], document: dict[str, Any]) -> None:
    assert autogpt("resume", document["run"], "--json").document["report"] == document["report"]


def test_the_report_speaks_the_users_language(autogpt: Callable[..., Any], document: dict[str, Any]) -> None:
    shown = autogpt("resume", document["run"], "--lang", "zh")
    assert "测试" in shown.out
    assert "使用方法" in shown.err


def test_what_follows_a_report_is_in_the_language_of_the_report(autogpt: Callable[..., Any], place: Path) -> None:
    train = ("train", str(place / "reviews.csv"), "--method", "majority", "-t", "15s", "--output", str(place / "runs"))
    found = autogpt(*train, "--goal", "评论是好还是坏？")
    assert "测试" in found.out
    assert "使用方法" in found.err


def test_a_dry_run_prints_the_plan_and_leaves_nothing_behind(autogpt: Callable[..., Any], place: Path) -> None:
    before = sorted(place.rglob("*"))
    arguments = (
        "run",
        str(place / "reviews.csv"),
        "--goal",
        "good or bad?",
        "--output",
        str(place / "runs"),
        "--dry-run",
    )
    found = autogpt(*arguments, "--json").document
    assert found["task"] == "text-classification"
    assert {"majority", "tfidf"} <= {trial["method"] for trial in found["trials"]}
    assert found["memory_bytes"] > 0
    assert "tfidf" not in found["memory"]  # what takes no encoder is not forecast
    shown = autogpt(*arguments).out
    assert "try tfidf: about" in shown
    assert "memory: about" in shown
    assert sorted(place.rglob("*")) == before


def test_a_dry_run_forecasts_memory_as_a_run_does(
    autogpt: Callable[..., Any], place: Path, tmp_path_factory: pytest.TempPathFactory
) -> None:
    backbone = tiny.bert_folder(tmp_path_factory.mktemp("bert") / "bert")
    shared = ("run", str(place / "reviews.csv"), "--goal", "good or bad?", "--backbone", str(backbone), "--dry-run")
    found = autogpt(*shared, "--json").document
    config = RunConfig(data=str(place / "reviews.csv"), goal="good or bad?", search=Search(backbone=str(backbone)))
    session = Session(config, folder=None, listen=silent, ask=None)
    stage = session.stage(session.bench(session.prepare(session.read(None, None))))
    assert found["memory"]["head"] == need("head", stage).most > 0
    assert found["memory_bytes"] > max(found["memory"].values())
    tight = autogpt(*shared, "--memory-limit", "50MB", "--json").document
    assert tight["memory"] == {}
    assert any("--memory-limit" in line for line in tight["left_out"])


def test_answers_are_given_within_a_limit_of_memory(
    autogpt: Callable[..., Any], model: str, place: Path, tmp_path_factory: pytest.TempPathFactory
) -> None:
    assert autogpt("predict", model, "a good film", "--memory-limit", "2GB", "--json").document["predictions"]
    refused = autogpt("predict", model, "a good film", "--memory-limit", "1MB")
    assert refused.code == 5
    assert "--memory-limit" in refused.err
    assert autogpt("predict", model, "a good film", "--memory-limit", "much").code == 2
    backbone = tiny.bert_folder(tmp_path_factory.mktemp("bert") / "bert")
    train = ("train", str(place / "reviews.csv"), "--goal", "good or bad?", "--method", "head", "-t", "30s")
    read = autogpt(*train, "--backbone", str(backbone), "--output", str(place / "runs"), "--json").document["model"]
    seen: list[Guard] = []
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Guard, "room", lambda self, device="cpu": seen.append(self) or Room(1 << 30, "test"))
        assert autogpt("predict", read, "a good film", "--memory-limit", "1GB", "--json").document["predictions"]
    assert {guard.limit for guard in seen} == {1_000_000_000}


@pytest.mark.parametrize(
    ("arguments", "code", "complaint"),
    [
        (["run", "absent.csv"], 2, "absent.csv"),
        (["run", "{place}/reviews.csv", "--target", "lable"], 2, "'label'"),
        (["run", "{place}/reviews.csv", "--task", "text-clasification"], 2, "text-clasification"),
        (["run", "{place}/reviews.csv", "--method", "tfdif"], 2, "tfdif"),
        (["run", "{place}/reviews.csv", "--metric", "acuracy"], 2, "acuracy"),
        (["profile", "{place}/empty.csv"], 2, "empty.csv"),
        (["profile", "{place}"], 2, ""),
        (["resume", "{place}"], 2, "is not a run"),
        (["predict", "{place}", "x"], 4, "holds no model"),
        (["evaluate", "{place}/nowhere", "{place}/reviews.csv"], 4, "holds no model"),
        (["compare", "{place}/nowhere"], 4, "holds no model"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else "",
)
def test_what_cannot_be_used_is_a_sentence_with_its_code(
    autogpt: Callable[..., Any], place: Path, arguments: list[str], code: int, complaint: str
) -> None:
    (place / "empty.csv").write_bytes(b"")
    found = autogpt(*(one.format(place=place) for one in arguments), "--json")
    assert (found.code, complaint in found.document["error"]["message"]) == (code, True), found.out
    assert "Traceback" not in found.err


def test_an_open_question_is_refused_with_its_candidates_where_nobody_can_answer(
    autogpt: Callable[..., Any], tmp_path: Path
) -> None:
    rows = [
        {"text": f"a longer text number {n} about things", "p": "ab"[n % 2], "q": "cd"[n // 2 % 2]} for n in range(80)
    ]
    path = tmp_path / "open.jsonl"
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    error = autogpt("profile", str(path), "--json")
    assert error.code == 3
    assert set(error.document["error"]["candidates"]) == {"p", "q"}
    assert error.document["error"]["flag"] == "--target"
    assert autogpt("profile", str(path), "--target", "p", "--json").document["schema"]["target"] == ["p"]


# Looking


def test_a_profile_says_what_the_data_is(autogpt: Callable[..., Any], place: Path) -> None:
    arguments = ("profile", str(place / "reviews.csv"), "--goal", "good or bad?")
    found = autogpt(*arguments, "--json").document
    assert (found["schema"]["task"], found["schema"]["target"], found["rows"]) == ("text-classification", ["label"], 96)
    shown = autogpt(*arguments).out
    for part in ("text-classification", "96 of 96 used", "good", "50.0%", "Why"):
        assert part in shown


def test_a_profile_tells_how_the_file_was_read(autogpt: Callable[..., Any], tmp_path: Path) -> None:
    path = tmp_path / "prices.csv"
    path.write_text("item;price\n" + "".join(f"a very old thing number {i};{i},50\n" for i in range(40)))
    note = "column 'price' is read as numbers: '0,50' is 0.5"
    assert note in autogpt("profile", str(path), "--json").document["notes"]
    assert note in autogpt("profile", str(path)).out


def test_methods_tasks_and_backbones_are_listed(autogpt: Callable[..., Any]) -> None:
    found = autogpt("models", "--json").document
    assert {"tfidf", "majority"} <= {one["name"] for one in found["methods"]}
    assert "text-classification" in {one["name"] for one in found["tasks"]}
    assert "--memory-limit" in autogpt("models", "--help").out
    only = autogpt("models", "--tasks").out
    assert "token-classification" in only
    assert "tfidf" not in only


def test_a_backbone_is_described_before_anything_is_loaded(autogpt: Callable[..., Any], tmp_path: Path) -> None:
    from autogpt.testing import tiny

    folder = str(tiny.bert_folder(tmp_path / "bert"))
    found = autogpt("models", folder, "--json").document
    assert (found["family"], found["layers"]) == ("bert", 2)
    assert {"full", "lora", "head"} <= {one["name"] for one in found["methods"] if one["fits"] == "whole"}
    shown = autogpt("models", folder, "--memory-limit", "1MB", "--lang", "zh").out
    for part in ("2 层，宽度 16", "不可以", "--memory-limit", "lora"):
        assert part in shown


def test_bundled_data_sets_are_listed_with_licence(autogpt: Callable[..., Any]) -> None:
    found = autogpt("datasets", "--json").document["datasets"]
    assert ("banking77", "CC-BY-4.0") in {(one["name"], one["licence"]) for one in found}
    assert "PolyAI" in autogpt("datasets").out


# Answers


def test_texts_get_answers_for_people_and_machines(autogpt: Callable[..., Any], model: str) -> None:
    found = autogpt("predict", model, "works well, love it", "太差了", "--json").document["predictions"]
    assert [one["label"] for one in found] == ["good", "bad"]
    assert all(0 < one["confidence"] <= 1 and one["runner_up"] in ("good", "bad") for one in found)
    lines = autogpt("predict", model, "works well, love it", "太差了").out.splitlines()
    assert lines[0].split() == ["answer", "confidence", "runner-up", "text"]
    assert [line.split()[0] for line in lines[1:]] == ["good", "bad"]


def test_a_run_is_as_good_as_its_model(autogpt: Callable[..., Any], document: dict[str, Any], model: str) -> None:
    assert autogpt("predict", document["run"], "x", "--json").out == autogpt("predict", model, "x", "--json").out


def test_low_confidence_is_marked_as_unsure(autogpt: Callable[..., Any], model: str) -> None:
    always = autogpt("predict", model, "works well", "--abstain-below", "1", "--json").document["predictions"]
    never = autogpt("predict", model, "works well", "--abstain-below", "0", "--json").document["predictions"]
    assert (always[0]["abstained"], never[0]["abstained"]) == (True, False)
    assert "unsure" in autogpt("predict", model, "works well", "--abstain-below", "1").out


def test_lines_of_standard_input_stay_in_step(
    autogpt: Callable[..., Any], model: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def given() -> None:
        monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO("works well\n\n太差了".encode())))

    given()
    lines = [line.split("\t") for line in autogpt("predict", model).out.splitlines()]
    assert [line[0] for line in lines] == ["good", "", "bad"]
    assert [line[3] for line in lines] == ["false", "true", "false"]
    given()
    found = autogpt("predict", model, "--json").document["predictions"]
    assert [one["label"] for one in found] == ["good", None, "bad"]
    assert "empty" in found[1]["reason"]


def answered(path: Path) -> list[dict[str, Any]]:
    from autogpt.data.read import read

    return [dict(row) for row in read(path).rows]


@pytest.mark.parametrize("suffix", ["csv", "jsonl", "parquet", "xlsx", "csv.gz"])
def test_a_file_comes_back_in_its_format_with_four_columns_more(
    autogpt: Callable[..., Any], model: str, tmp_path: Path, suffix: str
) -> None:
    from autogpt.data.write import writer

    source, target = tmp_path / f"in.{suffix}", tmp_path / f"out.{suffix}"
    with writer(source) as write:
        for number, row in enumerate(reviews(300)):
            write({"id": f"n{number}", "review": row["review"]})
    summary = autogpt("predict", model, "-i", str(source), "-o", str(target), "--json").document
    assert (summary["read"], summary["answered"], summary["unanswered"], summary["unreadable"]) == (300, 300, 0, 0)
    rows = answered(target)
    assert list(rows[0]) == ["id", "review", "label", "confidence", "runner_up", "abstained"]
    assert [row["id"] for row in rows] == [f"n{number}" for number in range(300)]
    assert [row["label"] for row in rows] == [row["label"] for row in reviews(300)]
    assert not (tmp_path / f"out.{suffix}.rejected.jsonl").exists()


def test_every_row_of_a_file_is_accounted_for(autogpt: Callable[..., Any], model: str, tmp_path: Path) -> None:
    source, target = tmp_path / "in.jsonl", tmp_path / "out.jsonl"
    source.write_text('{"review": "works well"}\n{"review": " "}\n{"review": broken\n{"review": "太差了"}\n', "utf-8")
    summary = autogpt("predict", model, "-i", str(source), "-o", str(target), "--json").document
    assert (summary["read"], summary["answered"], summary["unanswered"], summary["unreadable"]) == (4, 2, 1, 1)
    rows = [json.loads(line) for line in target.read_text("utf-8").splitlines()]
    assert [(row["label"], row["abstained"]) for row in rows] == [("good", False), (None, True), ("bad", False)]
    listed = [json.loads(line) for line in Path(summary["rejected"]).read_text("utf-8").splitlines()]
    assert [(one["line"], one["written"]) for one in listed] == [(2, True), (3, False)]
    assert "1 rows have nothing to answer" in autogpt("predict", model, "-i", str(source), "-o", str(target)).out


def test_a_column_that_is_there_already_is_kept_and_the_answer_gets_another_name(
    autogpt: Callable[..., Any], model: str, place: Path, tmp_path: Path
) -> None:
    target = tmp_path / "out.csv"
    autogpt("predict", model, "-i", str(place / "reviews.csv"), "-o", str(target))
    rows = answered(target)
    assert [row["label"] for row in rows] == [row["label"] for row in reviews()]
    assert list(rows[0])[2:] == ["predicted_label", "confidence", "runner_up", "abstained"]


@pytest.mark.parametrize(
    ("content", "output", "complaint"),
    [
        ("title\nworks well\n", "out.csv", "none of the first 1 rows can be answered; line 2: column 'review' is not"),
        ("review\nworks well\n", "in.csv", "is the input itself"),
        ("review\nworks well\n", "nowhere/out.csv", "nowhere"),
    ],
)
def test_a_file_that_cannot_be_answered_leaves_no_output(
    autogpt: Callable[..., Any], model: str, tmp_path: Path, content: str, output: str, complaint: str
) -> None:
    source = tmp_path / "in.csv"
    source.write_text(content)
    found = autogpt("predict", model, "-i", str(source), "-o", str(tmp_path / output))
    assert found.code == 2
    assert complaint in found.err
    assert [path.name for path in tmp_path.iterdir()] == ["in.csv"]
    assert source.read_text() == content


# Judging


def test_a_model_is_scored_on_other_data_with_intervals(autogpt: Callable[..., Any], model: str, place: Path) -> None:
    arguments = ("evaluate", model, str(place / "reviews.csv"))
    found = autogpt(*arguments, "--json").document
    score = found["scores"]["accuracy"]
    assert score["low"] <= score["value"] <= score["high"]
    assert (found["rows"], score["n"], found["split"]) == (96, 96, None)
    shown = autogpt(*arguments).out
    assert shown.splitlines()[1].split()[0] == "accuracy"
    assert found["learned"], "these are the rows of the run itself"
    assert "the score flatters" in shown


def test_only_the_test_rows_are_judged_and_what_is_unknown_or_unusable_is_told(
    autogpt: Callable[..., Any], model: str, tmp_path: Path
) -> None:
    path = tmp_path / "split.jsonl"
    rows = [{**row, "split": "test" if number % 4 == 0 else "train"} for number, row in enumerate(reviews(80))]
    rows += [{"review": "so so", "label": "neutral", "split": "test"}, {"review": "", "label": "good", "split": "test"}]
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    found = autogpt("evaluate", model, str(path), "--json").document
    assert (found["rows"], found["split"], found["unknown_labels"]) == (21, "test", {"neutral": 1})
    assert not found["learned"]
    assert [one["line"] for one in found["rejected"]] == [82]
    shown = autogpt("evaluate", model, str(path)).out
    assert "only the rows of the split test" in shown
    assert "neutral (1)" in shown
    assert "at line 82" in shown


def test_data_without_the_models_columns_is_refused(autogpt: Callable[..., Any], model: str, tmp_path: Path) -> None:
    path = tmp_path / "other.csv"
    path.write_text("title,label\na,good\nb,bad\n")
    found = autogpt("evaluate", model, str(path))
    assert found.code == 2
    assert "column 'review' is not there" in found.err


def test_models_are_compared_by_their_own_tests_or_on_the_same_rows(
    autogpt: Callable[..., Any], document: dict[str, Any], model: str, place: Path
) -> None:
    own = autogpt("compare", model, document["run"], "--json").document["models"]
    expected = document["report"]["systems"][0]["scores"][0]["value"]
    assert [one["score"] for one in own] == [expected, expected]
    paired = autogpt("compare", model, document["run"], "--data", str(place / "reviews.csv"), "--json").document
    assert paired["models"][0]["behind_best"] is None
    assert paired["models"][1]["behind_best"]["delta"] == 0
    shown = autogpt("compare", model, document["run"]).out
    assert "with --data DATA the differences are tested" in shown
