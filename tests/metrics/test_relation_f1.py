"""relation-f1 against the tables of the official scorer of SemEval-2010 Task 8, written out here."""

from __future__ import annotations

import math
import random
from collections.abc import Sequence

import numpy as np
import pytest

from autogpt import registry
from autogpt.core import LabelSpace
from autogpt.errors import ConfigError
from autogpt.evaluation.interval import Answers, draws
from autogpt.metrics.relation_f1 import relation

METRIC = registry.get("metrics", "relation-f1")
LABELS = ("Cause-Effect(e1,e2)", "Cause-Effect(e2,e1)", "Entity-Origin(e1,e2)", "Entity-Origin(e2,e1)", "Other")


def score(gold: Sequence[str], predicted: Sequence[str]) -> float:
    return float(METRIC(gold, predicted, None, LabelSpace()))


def official(gold: Sequence[str], predicted: Sequence[str]) -> float:
    """The scorer's way: a table of undirected relations, wrong directions in a column (xDIRx) of their own."""
    bare = [label.split("(")[0] for label in gold], [label.split("(")[0] for label in predicted]
    names = sorted({*bare[0], *bare[1]} - {"Other"})
    table = {(a, b): 0 for a in [*names, "Other"] for b in [*names, "Other", "xDIRx"]}
    for truth, answer, a, b in zip(gold, predicted, *bare, strict=True):
        table[a, "xDIRx" if a == b and truth != answer else b] += 1
    found = []
    for name in names:
        column = sum(table[other, name] for other in [*names, "Other"]) + table[name, "xDIRx"]
        row = sum(table[name, other] for other in [*names, "Other", "xDIRx"])
        precision = 100 * table[name, name] / column if column else 0.0
        recall = 100 * table[name, name] / row if row else 0.0
        found.append(2 * precision * recall / (precision + recall) if precision + recall else 0.0)
    return sum(found) / len(found) / 100 if found else 0.0


@pytest.mark.parametrize("seed", range(20))
def test_it_is_the_official_score(seed: int) -> None:
    rng = random.Random(seed)
    gold = rng.choices(LABELS, k=60)
    predicted = [label if rng.random() < 0.6 else rng.choice(LABELS) for label in gold]
    assert score(gold, predicted) == pytest.approx(official(gold, predicted), abs=1e-12)


def test_golden_numbers() -> None:
    there, back, origin, _, other = LABELS
    gold = [there, there, there, back, origin, other, other]
    predicted = [there, back, other, back, origin, origin, other]
    # Cause-Effect: 2 right of 3 answered and 4 gold; Entity-Origin: 1 of 2 and 1; Other is left out
    assert score(gold, predicted) == pytest.approx((2 * 2 / (3 + 4) + 2 * 1 / (2 + 1)) / 2)


def test_the_wrong_direction_is_an_error_on_both_sides() -> None:
    assert score([LABELS[0]], [LABELS[1]]) == 0.0
    assert score([LABELS[0]] * 2, [LABELS[0], LABELS[1]]) == pytest.approx(0.5)


@pytest.mark.parametrize(
    ("label", "expected"),
    [
        ("Cause-Effect(e2,e1)", "Cause-Effect"),
        ("cause (E1, E2)", "cause"),
        ("born_in(head,tail)", "born_in"),
        ("part(subj,obj)", "part"),
        ("city(town)", "city(town)"),
        ("per:title", "per:title"),
        ("Other", None),
        ("no_relation", None),
        ("NA", None),
        ("None", None),
        ("无关系", None),
        ("another", "another"),
    ],
)
def test_the_relation_of_a_label(label: str, expected: str | None) -> None:
    assert relation(label) == expected


def test_edges() -> None:
    assert math.isnan(score([], []))
    assert score(["Other"], ["Other"]) == 0.0
    assert score(["a", "b"], ["a", "b"]) == 1.0
    with pytest.raises(ConfigError, match="micro-f1 or macro-f1"):
        METRIC([("a",)], [("a",)], None, LabelSpace())


def test_a_resample_scores_as_its_rows_do() -> None:
    rng = random.Random(1)
    gold, predicted = rng.choices(LABELS, k=40), rng.choices(LABELS, k=40)
    drawn = draws([METRIC], gold, [Answers(predicted)], space=LabelSpace(), seed=3, resamples=20)["relation-f1"][0]
    picks = np.random.default_rng(3).integers(0, 40, size=(20, 40))
    expected = [official([gold[i] for i in row], [predicted[i] for i in row]) for row in picks]
    np.testing.assert_allclose(drawn, expected, atol=1e-12)
