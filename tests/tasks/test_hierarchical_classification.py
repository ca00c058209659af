"""Labels that are paths: how they are recognised, decoded and judged."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pytest

from autogpt import registry
from autogpt.config import Columns
from autogpt.core import Decision, Example, LabelSpace, Prediction, Schema, Table
from autogpt.data.columns import describe
from autogpt.data.goal import read
from autogpt.data.schema import infer
from autogpt.data.structures.hierarchical_classification import find_mark, level_columns, readings
from autogpt.evaluation.errors import kinship
from autogpt.evaluation.interval import Answers, intervals

TASK = registry.get("tasks", "hierarchical-classification")
PATH, CLASSES = registry.get("outputs", "path"), registry.get("outputs", "classes")
F1, TOP = registry.get("metrics", "hierarchical-f1"), registry.get("metrics", "top-accuracy")
TREE = ("billing/refund", "billing/invoice", "delivery/late", "delivery/lost")
SPACE = LabelSpace(("a > x", "a > y", "b > x"))


def said(place: int) -> str:
    return f"the {place}th message says a thing or two, {place * 7}"


def table(labels: Sequence[str], *, rows: int = 60, name: str = "label") -> Table:
    made = [
        {"text": f"the {i}th message says a thing or two, {i * 7}", name: labels[i % len(labels)]} for i in range(rows)
    ]
    return Table(made, ("text", name), "made")


def levels(pairs: Sequence[tuple[str, str]], names: tuple[str, str], *, rows: int = 60) -> Table:
    made: list[Mapping[str, Any]] = [
        {
            "text": f"the {i}th message says a thing or two, {i * 7}",
            **dict(zip(names, pairs[i % len(pairs)], strict=True)),
        }
        for i in range(rows)
    ]
    return Table(made, ("text", *names), "made")


@pytest.mark.parametrize(
    ("labels", "mark"),
    [
        (TREE, "/"),
        (
            ("Animals > Dogs > Poodle", "Animals > Cats", "Plants > Trees", "Plants > Ferns"),
            ">",
        ),
        (("电子产品>手机", "电子产品>电脑", "服装>男装", "服装>女装"), ">"),
        (("a::one", "a::two", "b::one", "b::two"), "::"),  # nobody writes this mark in a name
    ],
)
def test_paths_are_recognised_and_say_why(labels: Sequence[str], mark: str) -> None:
    found = infer(table(labels))
    assert (found.schema.task, found.schema.target, found.schema.separator) == (TASK.name, ("label",), mark)
    assert any("paths" in reason for reason in found.reasons)


@pytest.mark.parametrize(
    "labels",
    [
        ("and/or", "n/a", "yes/no", "he/she"),  # nothing is shared
        ("red/blue", "red/green", "blue/green", "green/red"),  # steps stand first and later: a set
        ("low/billing", "low/login", "high/billing", "high/login"),  # each step has two parents: two labels
        ("1/2024", "2/2024", "1/2025", "2/2025"),
        ("good", "bad/awful", "bad/ugly", "fine"),  # most have no mark
        ("tv/radio", "tv/web"),
    ],
)
def test_a_mark_alone_is_no_path(labels: Sequence[str]) -> None:
    assert find_mark(dict.fromkeys(labels, 15)) is None
    assert infer(table(labels), columns=Columns(target="label", text="text")).schema.task != TASK.name


def test_flat_labels_can_be_asked_for() -> None:
    assert infer(table(TREE), columns=Columns(task="text-classification")).schema.task == "text-classification"


def test_any_mark_and_any_columns_can_be_told() -> None:
    dotted = table([label.replace("/", ".") for label in TREE])
    told = Columns(task=TASK.name, target="label", separator=".")
    assert infer(dotted, columns=told).schema.separator == "."
    columns = Columns(task=TASK.name, target="x,y", text="text")
    schema = infer(levels(NESTED, ("x", "y")), columns=columns).schema
    assert (schema.task, schema.target) == (TASK.name, ("x", "y"))


NESTED = [("billing", "refund"), ("billing", "invoice"), ("delivery", "late"), ("delivery", "lost")]


@pytest.mark.parametrize(
    "names", [("level1", "level2"), ("category", "subcategory"), ("大类", "小类"), ("一级类目", "二级类目")]
)
def test_nested_columns_are_levels(names: tuple[str, str]) -> None:
    schema = infer(levels(NESTED, names)).schema
    assert (schema.task, schema.target) == (TASK.name, names)


def test_columns_are_no_levels_if_a_value_has_two_parents_or_one_level_is_asked_for() -> None:
    crossed = [("billing", "late"), ("billing", "lost"), ("delivery", "late"), ("delivery", "lost"), ("other", "none")]
    told = Columns(target="level2", text="text")
    assert infer(levels(crossed, ("level1", "level2")), columns=told).schema.task == "text-classification"
    both = levels(NESTED, ("level1", "level2"))
    for goal, count in (("predict level2", 0), ("predict level1 and level2", 1), ("sort the messages", 1)):
        assert len(readings(both, describe(both), read(goal))) == count
    assert level_columns(["color", "size", "col1", "col2"]) == []
    assert level_columns(["L2", "L1", "cat_l1", "cat_l2", "cat_l3"]) == [("L1", "L2"), ("cat_l1", "cat_l2", "cat_l3")]


@pytest.mark.parametrize(
    ("row", "target", "separator", "expected"),
    [
        ({"l": " a/ b /c"}, ("l",), "/", "a > b > c"),
        ({"l": "电子产品>手机"}, ("l",), ">", "电子产品 > 手机"),
        ({"l": "a > b"}, ("l",), None, "a > b"),
        ({"u": "a", "v": "b", "w": None}, ("u", "v", "w"), None, "a > b"),
    ],
)
def test_targets_are_paths_written_alike(
    row: Mapping[str, Any], target: tuple[str, ...], separator: str | None, expected: str
) -> None:
    assert TASK.target(row, Schema(TASK.name, ("t",), target, separator=separator)) == expected


@pytest.mark.parametrize(
    ("row", "target"), [({"l": "a//b"}, ("l",)), ({"u": "", "v": "b"}, ("u", "v")), ({"u": "", "v": None}, ("u", "v"))]
)
def test_a_path_with_a_hole_is_refused(row: Mapping[str, Any], target: tuple[str, ...]) -> None:
    with pytest.raises(ValueError, match="empty"):
        TASK.target(row, Schema(TASK.name, ("t",), target, separator="/"))


def test_each_step_has_the_probability_of_all_that_lies_below() -> None:
    scores = np.log([[0.5, 0.4, 0.1], [0.3, 0.3, 0.4]])
    first, second = PATH.decode(scores, SPACE, Decision(abstain_below=0.45), [{}, {}])
    assert (first.value, first.runner_up, first.abstained) == ("a > x", "a > y", False)
    assert [name for name, _ in first.best] == ["a", "a > x"]
    assert [sure for _, sure in first.best] == pytest.approx([0.9, 0.5])
    assert second.value == "b > x"
    assert second.abstained
    assert [sure for _, sure in second.best] == pytest.approx([0.4, 0.4])


def test_a_path_may_end_above_others() -> None:
    space = LabelSpace(("a", "a > x", "b"))
    (answer,) = PATH.decode(np.log([[0.6, 0.3, 0.1]]), space, Decision(), [{}])
    assert (answer.value, answer.confidence) == ("a", pytest.approx(0.6))
    assert answer.best == (("a", pytest.approx(0.9)),)


def test_hierarchical_f1_is_that_of_the_paper() -> None:
    # Kiritchenko et al. 2006: |gold ∩ answer| over |answer| and over |gold|, summed over rows.
    gold, answers = ["a > b > c", "a > b", "d"], ["a > b > x", "a", "e > f"]
    precision, recall = (2 + 1 + 0) / (3 + 1 + 2), (2 + 1 + 0) / (3 + 2 + 1)
    expected = 2 * precision * recall / (precision + recall)
    assert F1(gold, answers, None, LabelSpace()) == pytest.approx(expected)
    assert TOP(gold, answers, None, LabelSpace()) == pytest.approx(2 / 3)
    assert F1(["p", "q"], ["p", "r"], None, LabelSpace()) == pytest.approx(0.5)  # without steps: the accuracy


def test_the_bootstrap_resamples_rows_of_both_metrics() -> None:
    rng = np.random.default_rng(0)
    names = np.array(["a > x", "a > y", "b > x", "b"])
    gold, answers = list(map(str, rng.choice(names, 80))), list(map(str, rng.choice(names, 80)))
    for metric in (F1, TOP):
        places = rng.integers(0, 80, 80)
        weights = np.bincount(places, minlength=80)[None].astype(float)
        fast = metric.score(metric.rows(gold, answers, None, SPACE), weights)[0]
        slow = metric([gold[i] for i in places], [answers[i] for i in places], None, SPACE)
        assert fast == pytest.approx(slow)
        found = intervals([metric], gold, Answers(answers, None), space=SPACE, seed=0, resamples=100)[metric.name]
        assert found.low < found.value < found.high


def test_the_report_says_how_far_wrong_paths_are() -> None:
    pairs = [
        ("a > b > c", "a > b > c"),
        ("a > b > c", "a > b > d"),
        ("a > b > c", "a > b"),
        ("a > b", "a > b > c"),
        ("a > b > c", "a > e > c"),
        ("a > b > c", "f > b > c"),
        ("a", "f"),
    ]
    test = [Example(i, {"text": "t"}, gold) for i, (gold, _) in enumerate(pairs)]
    found = kinship(test, [Prediction(answer) for _, answer in pairs])
    assert found == {"line": 2, "sibling": 1, "branch": 1, "other": 2}
