"""`autogpt label` as somebody types it, with standard input that is no terminal and, for keys, one that is played."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from autogpt.backbones.encoder import Encoder
from autogpt.cli.labeller import Choice, understood
from autogpt.labelling.oracle import QUIT, UNDO, Reply
from autogpt.labelling.records import BAD, LABEL, SKIP

WORDS = {"fruit": "apple pear plum cherry grape", "tool": "hammer saw drill pliers wrench"}


@pytest.fixture
def data(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """40 texts about fruit or tools, in a folder of their own; there is no encoder."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(Encoder, "missing_default", staticmethod(lambda: "there is no encoder here"))
    with (tmp_path / "things.csv").open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["number", "text"])
        for number in range(40):
            words = list(WORDS.values())[number % 2].split()
            writer.writerow([number, f"{words[number % 5]} and {words[number // 5 % 5]}, seen on day {number}"])
    return tmp_path


@pytest.fixture
def typed(autogpt: Callable[..., Any], data: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Any]:
    """`typed("1\\n2\\n", flag, ...)`: label things.csv with these lines on standard input."""

    def run(lines: str, *flags: str) -> Any:
        monkeypatch.setattr("sys.stdin", io.StringIO(lines))
        return autogpt("label", "things.csv", "--text", "text", "--who", "ann", *flags)

    return run


def answers(data: Path) -> list[dict[str, Any]]:
    lines = (data / "things.labels.jsonl").read_text("utf-8").splitlines()
    return [record for record in map(json.loads, lines) if "label" in record]


def test_lines_answer_questions_and_the_end_of_input_quits(typed: Callable[..., Any], data: Path) -> None:
    done = typed("+ fruit\n+ tool\n1\nfr\nto\nb\ns\n", "--check", "0", "--json")
    assert done.code == 0
    document = done.document
    assert (document["answered"], document["labelled"], document["skipped"], document["bad"]) == (7, 5, 1, 1)
    assert document["left"] == 33
    assert document["labels"] == {"fruit": 3, "tool": 2}
    assert [answer["label"] for answer in answers(data)] == ["fruit", "tool", "fruit", "fruit", "tool", None, None]
    assert {answer["who"] for answer in answers(data)} == {"ann"}


def test_the_next_call_goes_on_and_undoes_what_the_last_one_did(typed: Callable[..., Any], data: Path) -> None:
    flags = ("--labels", "fruit,tool", "--json")
    assert typed("1\n2\nq\n", *flags).document["labelled"] == 2
    again = typed("u\nu\n1\n", *flags).document
    assert (again["labelled"], again["labels"]) == (1, {"fruit": 1, "tool": 0})


def test_what_is_shown_is_text_labels_guess_and_where_things_stand(typed: Callable[..., Any]) -> None:
    shown = typed("1\n2\n1\n2\n1\nxyz\n?\n", "--labels", "fruit,tool", "--check", "0").err
    assert "0 labelled, 40 left" in shown
    assert "seen on day" in shown
    assert "1 fruit   2 tool" in shown
    assert "guess (Return):" in shown
    assert "'xyz' is no answer" in shown
    assert "u undo" in shown
    assert "words and letters are compared instead" in shown


def test_rows_that_measure_show_no_guess(typed: Callable[..., Any]) -> None:
    shown = typed("1\n2\n" * 10, "--labels", "fruit,tool", "--check", "0.9").err
    assert "drawn at random" in shown
    for part in shown.split("labelled,")[1:]:
        assert not ("drawn at random, to" in part and "guess (" in part)


def test_chinese_is_spoken(typed: Callable[..., Any]) -> None:
    done = typed("1\n2\n", "--labels", "水果,工具", "--lang", "zh")
    assert "已标注" in done.err
    assert "水果" in done.out


def test_exported_rows_carry_provenance_and_the_command_that_learns_from_them(
    typed: Callable[..., Any], data: Path
) -> None:
    done = typed("1\n2\n" * 12, "--labels", "fruit,tool", "--export", "out.csv")
    assert "autogpt run out.csv --text text --target label --split split --ignore labelled_by" in done.err
    with (data / "out.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert len(rows) == 24
    assert {row["labelled_by"] for row in rows} == {"ann"}
    assert {row["split"] for row in rows} == {"train", "validation", "test"}


def test_labels_of_another_tool_are_taken(typed: Callable[..., Any], data: Path) -> None:
    texts = [row["text"] for row in csv.DictReader((data / "things.csv").open(newline=""))]
    lines = [json.dumps({"text": text, "label": "fruit"}) for text in (*texts[:3], "elsewhere")]
    (data / "tool.jsonl").write_text("\n".join(lines))
    document = typed("", "--import", "tool.jsonl", "--json").document
    assert document["imported"]["tool.jsonl"] == {"taken": 3, "known": 0, "strange": 1, "empty": 0}
    assert {answer["who"] for answer in answers(data)} == {"import:tool.jsonl"}


@pytest.mark.parametrize(
    ("flags", "problem"),
    [
        (("--strategy", "magic"), "no strategy is called 'magic'; there are: auto"),
        (("--text", "words"), "'words', which is no column"),
        (("--labels", ","), "holds no name"),
        (("--batch", "0"), "1 or more"),
    ],
)
def test_what_cannot_be_is_refused(typed: Callable[..., Any], flags: tuple[str, ...], problem: str) -> None:
    done = typed("", *flags)
    assert done.code == 2
    assert problem in done.err


MANY = [f"topic {letter}" for letter in "abcdefghijkl"]


@pytest.mark.parametrize(
    ("said", "choice", "meaning"),
    [
        ("2", Choice(["a", "b"], ["a", "b"], None), Reply(LABEL, "b")),
        ("3", Choice(["a", "b"], ["a", "b"], None), []),
        ("", Choice(["a", "b"], ["a", "b"], "b"), Reply(LABEL, "b")),
        ("", Choice(["a", "b"], ["a", "b"], None), []),
        ("U\n", Choice(["a", "b"], ["a", "b"], None), Reply(UNDO)),
        ("s", Choice(["sport"], ["sport"], None), Reply(SKIP)),
        ("b", Choice(["a"], ["a"], None), Reply(BAD)),
        ("q", Choice(["a"], ["a"], None), Reply(QUIT)),
        ("+ new one", Choice(["a"], ["a"], None), Reply(LABEL, "new one")),
        ("+", Choice(["a"], ["a"], None), []),
        ("1", Choice(["0", "1"], ["0", "1"], None), Reply(LABEL, "1")),
        ("1", Choice(MANY[3:], MANY, None), Reply(LABEL, "topic d")),
        ("topic k", Choice(MANY[:9], MANY, None), Reply(LABEL, "topic k")),
        ("TOPIC L", Choice(MANY[:9], MANY, None), Reply(LABEL, "topic l")),
        ("topic", Choice(MANY[:9], MANY, None), MANY),
        ("xyz", Choice(MANY[:9], MANY, None), []),
    ],
)
def test_what_a_line_means(said: str, choice: Choice, meaning: Any) -> None:
    assert understood(said, choice) == meaning
