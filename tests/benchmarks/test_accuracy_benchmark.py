"""The accuracy benchmark measures what it says: fair splits, right scores, honest verdicts, limits that hold."""

from __future__ import annotations

import gzip
import json
import random
import sys
import time
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

BENCHMARKS = Path(__file__).parents[2] / "benchmarks"
sys.path.insert(0, str(BENCHMARKS))

import accuracy  # noqa: E402
import cell  # noqa: E402
import scoring  # noqa: E402
import sets  # noqa: E402
import summary  # noqa: E402
from clock import Clock, TimeUpError, alarm  # noqa: E402


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A set without an official split, with a twin of every tenth row that differs in case and spacing only."""
    rows = [{"text": f"row number {i}", "label": "ab"[i % 2]} for i in range(200)]
    rows += [{"text": f"Row  NUMBER {i}", "label": "ab"[i % 2]} for i in range(0, 200, 10)]
    (tmp_path / "cr").mkdir()
    with gzip.open(tmp_path / "cr" / "all.jsonl.gz", "wt") as stream:
        stream.writelines(json.dumps(row) + "\n" for row in rows)
    return tmp_path


def test_no_text_stands_on_both_sides(folder: Path) -> None:
    data = sets.load("cr", "full", 0, folder=folder)
    seen = [{" ".join(row["text"].casefold().split()) for row in rows} for rows in (data.train, data.test)]
    assert seen[0] & seen[1] == set()
    assert data.removed > 0
    assert len(data.train) + len(data.test) + data.removed == 220


def test_test_rows_are_the_same_for_every_size_and_seed(folder: Path) -> None:
    tests = [sets.load("cr", size, seed, test_rows=20, folder=folder).test for size in ("8", "full") for seed in (0, 1)]
    assert len(tests[0]) == 20
    assert all(test == tests[0] for test in tests)


def test_few_shot_has_n_rows_of_each_class_and_follows_the_seed(folder: Path) -> None:
    first, again, other = (sets.load("cr", "8", seed, folder=folder).train for seed in (0, 0, 1))
    assert sorted(row["label"] for row in first) == ["a"] * 8 + ["b"] * 8
    assert first == again
    assert first != other


def test_few_shot_of_entities_has_n_rows_of_each_type() -> None:
    tags = [["B-x", "I-x"], ["O", "B-y"], ["O", "O"]]
    rows = [{"tokens": ["a", "b"], "tags": tags[i % 3]} for i in range(60)]
    chosen = sets.few(rows, sets.SOURCES["wnut17"], 5, random.Random(0))
    assert [sum(row["tags"] == t for row in chosen) for t in tags] == [5, 5, 5]


def test_a_system_never_sees_the_answers_of_test_rows(folder: Path) -> None:
    questions = sets.load("cr", "full", 0, folder=folder).questions()
    assert {column for row in questions for column in row} == {"text"}


def test_entity_score_is_seqevals() -> None:
    from seqeval.metrics import f1_score

    rng = random.Random(0)
    tags = ["O", "B-x", "I-x", "B-y", "I-y"]
    gold, answer = ([[rng.choice(tags) for _ in range(9)] for _ in range(50)] for _ in range(2))
    assert scoring.mean_score("tokens", [scoring.counts("tokens", gold, answer)]) == pytest.approx(
        f1_score(gold, answer), abs=1e-12
    )


def test_label_score_is_scikit_learns_micro_f1() -> None:
    from sklearn.metrics import f1_score
    from sklearn.preprocessing import MultiLabelBinarizer

    rng = random.Random(0)
    gold, answer = ([rng.sample("abcd", rng.randint(0, 3)) for _ in range(60)] for _ in range(2))
    columns = MultiLabelBinarizer(classes=list("abcd")).fit([list("abcd")])
    expected = f1_score(columns.transform(gold), columns.transform(answer), average="micro")
    assert scoring.mean_score("labels", [scoring.counts("labels", gold, answer)]) == pytest.approx(expected)


def test_rank_score_is_scipys_spearman_with_ties() -> None:
    from scipy.stats import spearmanr

    rng = np.random.default_rng(0)
    gold, answer = rng.integers(6, size=80).astype(float), rng.normal(size=80).round(1)
    table = scoring.counts("value", list(gold), list(answer))
    assert scoring.statistic("value")(table) == pytest.approx(spearmanr(gold, answer).statistic)
    assert scoring.statistic("value")(scoring.counts("value", list(gold), [1.0] * 80)) == 0.0


def test_interval_covers_what_theory_says() -> None:
    table = np.array([[1.0]] * 80 + [[0.0]] * 20)
    low, high = scoring.interval(scoring.draws("classes", [table]))
    deviation = (0.8 * 0.2 / 100) ** 0.5
    assert low == pytest.approx(0.8 - 1.96 * deviation, abs=0.015)
    assert high == pytest.approx(0.8 + 1.96 * deviation, abs=0.015)


def test_the_same_small_difference_counts_only_when_it_is_paired() -> None:
    """Ours is right wherever the peer is, and on 8 rows more: the intervals overlap, the paired difference is clear."""
    peer = np.array([[1.0]] * 70 + [[0.0]] * 30)
    ours = np.array([[1.0]] * 78 + [[0.0]] * 22)
    theirs, mine = scoring.draws("classes", [peer]), scoring.draws("classes", [ours])
    assert scoring.interval(theirs)[1] > scoring.interval(mine)[0]
    assert scoring.verdict(mine, theirs) == "win"
    assert scoring.verdict(theirs, mine) == "loss"
    assert scoring.verdict(mine, mine) == "tie"


def entry(system: str, predictions: list[str], **facts: Any) -> tuple[tuple[Any, ...], dict[str, Any]]:
    result = {"predictions": predictions, "status": "finished", "seconds": 1.0, "note": "", **facts}
    return ("cr", "8", 30.0, system, 0, 1000), result


def test_the_verdict_is_against_the_best_peer(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sets.load, "__kwdefaults__", {**sets.load.__kwdefaults__, "folder": folder})
    gold = [row["label"] for row in sets.load("cr", "full", 0).test]
    wrong = ["b" if label == "a" else "a" for label in gold]
    weak = wrong[: len(gold) // 2] + gold[len(gold) // 2 :]
    results = dict([entry("ours", gold), entry("tfidf", weak), entry("majority", wrong)])
    (only,) = summary.cells(results)
    assert (only["best_peer"], only["verdict"]) == ("tfidf", "win")
    (total,) = summary.totals([only])
    assert (total["win"], total["loss"], total["win_or_tie"]) == (1, 0, 1.0)
    assert total["peers"]["majority"] == {"cells": 1, "theirs": 0.0, "ours": 1.0}
    document = {"totals": [total], "cells": [only], "machines": []}
    assert "| cr | 8 | accuracy | 1.000 [1.000, 1.000] | 0.000 [0.000, 0.000] |" in summary.markdown(document)


def test_the_plot_is_drawn(tmp_path: Path) -> None:
    pytest.importorskip("matplotlib")
    entries = [
        {"set": "cr", "size": "8", "limit": limit, "systems": {"ours": {"score": 0.9}}} for limit in (30.0, 120.0)
    ]
    summary.plot(entries, tmp_path / "accuracy.png")
    assert (tmp_path / "accuracy.png").stat().st_size > 10_000


def test_a_finished_peer_is_reused_under_a_longer_limit_and_ours_never() -> None:
    short = accuracy.Cell("cr", "8", 30.0, "tfidf", 0, 1000)
    longer = accuracy.replace(short, limit=120.0)
    assert accuracy.reusable(longer, {short: {"status": "finished"}})
    assert accuracy.reusable(longer, {short: {"status": "cut"}}) is None
    assert accuracy.reusable(short, {longer: {"status": "finished"}}) is None
    ours = [accuracy.replace(c, system="ours") for c in (short, longer)]
    assert accuracy.reusable(ours[1], {ours[0]: {"status": "finished"}}) is None


def test_the_alarm_ends_what_does_not_stop() -> None:
    begin = time.perf_counter()
    with pytest.raises(TimeUpError), alarm(0.2):
        next(i for i in iter(int, 1) if i)  # for ever
    assert time.perf_counter() - begin < 1.0


@pytest.mark.parametrize(
    ("yields", "status", "answer"), [(0, "cut", "majority"), (2, "cut", "second"), (None, "failed", "majority")]
)
def test_what_a_peer_had_at_the_limit_is_scored(
    monkeypatch: pytest.MonkeyPatch, yields: int | None, status: str, answer: str
) -> None:
    def fit(data: Any, clock: Any, seed: int) -> Any:
        if yields is None:
            raise ValueError("broken")
        for word in ("first", "second")[:yields]:
            yield lambda rows, word=word: [word] * len(rows)
        while True:
            time.sleep(0.01)

    monkeypatch.setitem(sys.modules, "peers.slow", SimpleNamespace(fit=fit))
    data = sets.Data("cr", "classes", ("text",), "label", [{"text": "x", "label": "majority"}], [{"text": "y"}], 0)
    predict, outcome = cell.fit("slow", data, Clock(0.3), 0)
    assert outcome["status"] == status
    assert predict([{"text": "y"}]) == [answer]
