"""Rows without a label in an ordinary run: they are kept apart, read, and used where labels are few."""

import csv
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from autogpt import AutoGPT, registry
from autogpt.autopilot.ladder import FEW_BESIDE_UNLABELLED, Facts, rungs
from autogpt.autopilot.trial import Candidate, run_trial
from autogpt.autopilot.unlabelled import LEAST_POOL, Advice
from autogpt.config import Columns, Search
from autogpt.core import Example
from autogpt.data.read import read
from autogpt.pipeline import prepare
from autogpt.probe import Head
from autogpt.testing import contracts, tiny

WORDS = {"red": "colour", "blue": "colour", "dog": "animal", "cat": "animal"}


@pytest.fixture(scope="module")
def tiny_bert(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tiny.bert_folder(tmp_path_factory.mktemp("bert") / "bert")


def table(labelled: int, free: int, test: int = 0) -> list[dict[str, Any]]:
    """Rows with one telling word each; the last ones have no label."""
    rng, words = np.random.default_rng(0), list(WORDS)
    rows = []
    for place in range(labelled + free + test):
        word, filler = words[place % 4], ["card", "money", "lost", "found", "paris", "rome"]
        text = " ".join([*rng.choice(filler, 3), word, str(place)])
        side = "test" if place >= labelled + free else "train"
        kind = WORDS[word] if place < labelled or (place >= labelled + free and place % 2) else None
        rows.append({"note": text, "kind": kind, "split": side})
    return rows


def test_they_are_prepared_apart_and_none_of_the_given_test_is_among_them() -> None:
    rows = table(40, 30, test=20)
    prepared = prepare(read(rows), goal="sort notes by kind", columns=Columns(), seed=0, ask=None)
    assert len(prepared.train) + len(prepared.validation) == 40
    assert sorted(row.inputs["text"] for row in prepared.unlabelled) == sorted(row["note"] for row in rows[40:70])


def facts(per_label: int, unlabelled: int, **changes: Any) -> Facts:
    usual: dict[str, Any] = {
        "train": [Example(place, {"text": str(place)}, "ab"[place % 2]) for place in range(2 * per_label)],
        "validation": 10,
        "output": registry.get("outputs", "classes"),
        "layers": lambda: 6,
        "rows_per_second": lambda: 100.0,
        "remaining": lambda: 1e3,
        "device": lambda: "cpu",
        "allowed": ["self-training"],
        "has_backbone": True,
        "unlabelled": unlabelled,
    }
    return Facts(**{**usual, **changes})


def test_the_ladder_uses_them_where_labels_are_few_and_time_allows() -> None:
    assert list(rungs(facts(8, 0), [])) == []
    (rung,) = rungs(facts(8, 500), [])
    assert rung.method == "self-training"
    assert rung.reason == "few rows per label (8) beside 500 rows without one"
    (said,) = rungs(facts(FEW_BESIDE_UNLABELLED + 1, 500), [])
    assert "are enough without the others" in said
    (said,) = rungs(facts(8, 500, remaining=lambda: 2.0), [])
    assert "self-training is left out: about 3 s are needed, 2 s are left" in said


def test_a_method_joins_advice_that_wins_on_labelled_rows(tiny_bert: Path, tmp_path: Path) -> None:
    whole = contracts.bench("classes", tiny_bert)
    few = replace(whole, train=whole.train[:6])
    alone, _ = run_trial(few, Candidate("self-training"), folder=tmp_path / "alone", remaining=lambda: 60.0)
    assert alone.notes == ()
    scorer: Any = run_trial(whole, Candidate("head"), folder=tmp_path / "head", remaining=lambda: 60.0)[1]
    good = Head(*(tensor.detach().cpu().numpy() for tensor in (scorer.net.head.weight, scorer.net.head.bias)), 0.0)
    advised = replace(few, advice=lambda: {"good": good})
    found, _ = run_trial(advised, Candidate("self-training"), folder=tmp_path / "advised", remaining=lambda: 60.0)
    (note,) = found.notes
    assert note.startswith("good joins with weight")
    assert found.scores["accuracy"] > alone.scores["accuracy"]


def test_advice_is_learned_once_and_from_enough_rows_only(tiny_bert: Path) -> None:
    bench = contracts.bench("classes", tiny_bert)
    texts = [{"text": f"the red card {place}"} for place in range(LEAST_POOL)]
    said: list[str] = []
    usual: dict[str, Any] = {"goal": "sort notes by kind", "columns": ("note",)}
    usual |= {"say": lambda kind, message, **_: said.append(message), "remaining": lambda: 60.0}
    assert Advice(bench, texts[1:], **usual)() == {}
    advice = Advice(bench, texts, **usual)
    assert "label names" in advice()
    assert advice() is advice()
    assert sum("rows without a label were read" in message for message in said) == 1
    assert any("prompts of rules" in message for message in said), "prompts describe the labels, not bare names"


def test_a_run_reads_them_and_says_what_they_told(tiny_bert: Path, tmp_path: Path) -> None:
    path = tmp_path / "notes.csv"
    with path.open("w", newline="", encoding="utf-8") as stream:
        writer = csv.DictWriter(stream, ["note", "kind", "split"])
        writer.writeheader()
        writer.writerows(table(40, 240, test=40))
    told: list[str] = []
    found = AutoGPT(
        output=str(tmp_path / "runs"), search=Search(backbone=str(tiny_bert), methods="head,self-training")
    ).train(str(path), goal="sort notes by kind", time_limit="60s", listen=lambda event: told.append(event.message))
    assert found.report is not None
    assert any("240 of 240 rows without a label were read" in message for message in told)
    assert any(message.startswith("self-training: accuracy") for message in told)
    assert any("joins with weight" in message or "is left out, it does not win" in message for message in told)
