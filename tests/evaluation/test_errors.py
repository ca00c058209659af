"""Confusions, worst answers, slices and tables on rows where they can be counted by hand."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.metrics import classification_report

from autogpt import registry
from autogpt.core import Example, LabelSpace, Prediction
from autogpt.evaluation.errors import confusions, matrix, slices, text_of, worst
from autogpt.evaluation.tables import entity_table, label_table, tag_table

GOLD = list("aaaabbbcc")
SAID = list("abbbbbacc")
TEST = [Example(10 + i, {"text": f"row {i}"}, g) for i, g in enumerate(GOLD)]
ANSWERS = [Prediction(p, 0.5 + i / 20) for i, p in enumerate(SAID)]


def test_confusions_are_counted_with_an_example() -> None:
    first, second = confusions(TEST, ANSWERS)
    assert (first.gold, first.predicted, first.count, first.of, first.example) == ("a", "b", 3, 4, "row 1")
    assert (second.gold, second.predicted, second.count, second.of) == ("b", "a", 1, 3)


def test_the_matrix_shows_all_labels_or_the_most_confused() -> None:
    assert matrix(TEST, ANSWERS).counts == ((1, 3, 0), (1, 2, 0), (0, 0, 2))
    few = matrix(TEST, ANSWERS, most=2)
    assert few.labels == ("a", "b")
    assert few.hidden == 1


def test_the_worst_answer_is_the_surest_wrong_one() -> None:
    found = worst(TEST, ANSWERS, "classes", limit=2)
    assert [(w.row, w.gold, w.predicted, w.confidence) for w in found] == [(16, "b", "a", 0.8), (13, "a", "b", 0.65)]


def test_worst_numbers_tags_and_label_sets() -> None:
    numbers = [Example(0, {"text": "x"}, 1.0), Example(1, {"text": "y", "text_pair": "z"}, 2.0)]
    found = worst(numbers, [Prediction(1.5), Prediction(-1.0)], "value")
    assert [(w.row, w.text, w.error) for w in found] == [(1, "y ‖ z", -3.0), (0, "x", 0.5)]
    tags = [Example(0, {"tokens": ("Ada", "in", "Rome")}, ("B-PER", "O", "B-LOC"))]
    said = [Prediction(("O", "O", "B-PER"), 0.4)]
    only = worst(tags, said, "tokens")[0]
    assert (only.text, only.gold, only.predicted) == ("Ada in Rome", "Ada → PER; Rome → LOC", "Rome → PER")
    sets = [Example(0, {"text": "x"}, ("a", "b")), Example(1, {"text": "y"}, ("a",))]
    wrong = worst(sets, [Prediction(("b", "a"), 0.9), Prediction((), 0.7)], "labels")
    assert [(w.row, w.gold, w.predicted) for w in wrong] == [(1, "a", "∅")], "the order of labels is no error"


def test_text_of_a_row() -> None:
    assert text_of(Example(0, {"tokens": ("我", "在")})) == "我 在"


def test_slices_find_the_group_that_is_served_worse() -> None:
    test = [Example(i, {"text": "x" * (10 if i % 2 else 80)}, "a") for i in range(200)]
    answers = [Prediction("a" if i % 2 or i % 4 else "b") for i in range(200)]
    languages = ["en" if i % 2 else "zh" for i in range(200)]
    found = slices(
        test,
        answers,
        None,
        metric=registry.get("metrics", "accuracy"),
        space=LabelSpace(("a", "b")),
        languages=languages,
    )
    by_name = {(s.group, s.name): s for s in found}
    assert by_name["language", "en"].value == 1.0
    zh = by_name["language", "zh"]
    assert (zh.value, zh.n) == (0.5, 100)
    assert zh.low < 0.5 < zh.high < 0.7
    assert all(s.n >= 20 for s in found)


def test_the_label_table_is_scikit_learns() -> None:
    expected = classification_report(GOLD, SAID, output_dict=True, zero_division=0)
    table = label_table(GOLD, SAID)
    for row in (*table.rows, *table.averages):
        want = expected[row.label]
        assert (row.precision, row.recall, row.f1) == pytest.approx(
            (want["precision"], want["recall"], want["f1-score"])
        )
        assert row.support == want["support"]
    assert table.accuracy == pytest.approx(expected["accuracy"])
    assert [row.label for row in table.averages] == ["macro avg", "weighted avg"]
    assert "accuracy" in str(table)


def test_the_table_of_label_sets_has_a_micro_average() -> None:
    table = label_table([("a", "b"), ("b",)], [("a",), ("b", "c")])
    assert [row.label for row in table.averages] == ["micro avg", "macro avg", "weighted avg"]
    assert table.averages[0].f1 == pytest.approx(2 * 2 / 6)
    assert table.accuracy is None


def test_the_tag_table_is_scikit_learns_on_flat_tags_and_the_entity_table_is_seqevals() -> None:
    from seqeval.metrics import classification_report as seqeval_report

    rng = np.random.default_rng(0)
    gold = [tuple(rng.choice(["O", "B-x", "I-x", "B-y"], size=8).tolist()) for _ in range(40)]
    said = [tuple(t if rng.random() < 0.7 else "O" for t in row) for row in gold]
    flat = classification_report(
        [t for r in gold for t in r], [t for r in said for t in r], output_dict=True, zero_division=0
    )
    table = tag_table(gold, said)
    assert {row.label: row.f1 for row in table.rows} == pytest.approx(
        {t: flat[t]["f1-score"] for t in ("O", "B-x", "I-x", "B-y")}
    )
    assert {row.label: row.support for row in table.rows} == {t: flat[t]["support"] for t in ("O", "B-x", "I-x", "B-y")}
    entities = seqeval_report([list(r) for r in gold], [list(r) for r in said], output_dict=True)
    for row in (*(found := entity_table(gold, said)).rows, *found.averages):
        assert (row.precision, row.recall, row.f1, row.support) == pytest.approx(
            tuple(entities[row.label][k] for k in ("precision", "recall", "f1-score", "support"))
        )


def test_tables_of_nothing_are_empty() -> None:
    assert label_table([], []).rows == ()
    assert entity_table([("O",)], [("O",)]).rows == ()
