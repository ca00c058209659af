"""The relation benchmark gives both systems the same rows, and only one of them the spans."""

from __future__ import annotations

import gzip
import json
import sys
from pathlib import Path

import pytest

BENCHMARKS = Path(__file__).parents[2] / "benchmarks"
sys.path.insert(0, str(BENCHMARKS))

import relation  # noqa: E402


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Rows whose relation only the words between the spans tell; a decoy stands outside of them."""
    for name, count in (("train", 120), ("test", 40)):
        with gzip.open(tmp_path / f"{name}.jsonl.gz", "wt") as stream:
            for i in range(count):
                said, decoy = ("caused", "made") if i % 2 else ("made", "caused")
                text = f"he {decoy} it: the <e1>fire{i}</e1> {said} the <e2>smoke</e2>"
                stream.write(json.dumps({"text": text, "label": f"{said}(e1,e2)"}) + "\n")
    monkeypatch.setattr(relation, "DATA", tmp_path)
    return tmp_path


def test_validation_is_a_tenth_and_never_learned_from(folder: Path) -> None:
    rows = relation.examples("train", ("text", "marks"))
    told = relation.bench(rows, seed=0, most=50)
    assert (len(told.train), len(told.validation)) == (50, 12)
    assert {row.id for row in told.train} & {row.id for row in told.validation} == set()
    other = relation.bench(relation.examples("train", ("text",)), seed=0, most=50)
    assert [row.id for row in told.train] == [row.id for row in other.train]
    assert [set(row.inputs) for row in (told.train[0], other.train[0])] == [{"text", "marks"}, {"text"}]


@pytest.mark.parametrize("judge", ["validation", "test"])
def test_both_systems_and_their_difference_are_printed(
    folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], judge: str
) -> None:
    monkeypatch.setattr(sys, "argv", ["relation.py", "--methods", "tfidf", "--judge", judge])
    relation.main()
    marks, plain, difference = map(json.loads, capsys.readouterr().out.splitlines())
    assert (marks["system"], plain["system"]) == ("marks", "plain text")
    assert marks[judge] == plain[judge] == (12 if judge == "validation" else 40)
    assert marks["relation-f1"] == 1.0
    assert difference["difference"] == pytest.approx(marks["relation-f1"] - plain["relation-f1"], abs=1e-3)
