"""The bootstrap: the fast path equals resampling rows, intervals cover, differences are paired, seeds decide."""

from __future__ import annotations

import math
import time
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from autogpt import registry
from autogpt.core import GoldAnswers, LabelSpace, Metric, Span
from autogpt.evaluation.interval import Answers, Resampled, draws, intervals, paired_difference

if TYPE_CHECKING:
    from autogpt.core import Scores

SPACE = LabelSpace(labels=("a", "b", "c"), format="json")
TAGS = ["O", "O", "B-x", "I-x", "B-y", "I-y"]


class Plain:
    """A metric as a stranger would write it: a name and a call, no fast path."""

    def __init__(self, metric: Metric) -> None:
        self.name, self.higher_is_better, self.decimals = metric.name, metric.higher_is_better, metric.decimals
        self._metric = metric

    def __call__(
        self, gold: Sequence[Any], predicted: Sequence[Any], probabilities: Scores | None, space: LabelSpace
    ) -> float:
        return self._metric(gold, predicted, probabilities, space)


def data(kind: str, rows: int = 40) -> tuple[list[Any], Answers]:
    rng = np.random.default_rng(7)
    if kind == "value":
        gold = rng.normal(size=rows).round(1)
        return list(gold), Answers(list((gold + rng.normal(size=rows)).round(1)))
    if kind == "tokens":
        lengths = rng.integers(1, 9, size=rows)
        draw = [[tuple(rng.choice(TAGS, size=n)) for n in lengths] for _ in range(2)]
        return draw[0], Answers([g if rng.random() < 0.5 else p for g, p in zip(*draw, strict=True)])
    if kind == "span":
        draw = [[" ".join(rng.choice(list("abcd"), size=int(rng.integers(0, 4)))) for _ in range(rows)] for _ in "ab"]
        gold = [GoldAnswers((Span("answer", 0, 1, text),) if text else (), 9) for text in draw[0]]
        return gold, Answers([g if rng.random() < 0.4 else p for g, p in zip(*draw, strict=True)])
    if kind == "text":
        words = ("red", "cats", "sleep", "all", "day", "long")
        gold = [" ".join(rng.choice(words, size=int(rng.integers(4, 9)))) for _ in range(rows)]
        return gold, Answers([g if rng.random() < 0.4 else f"{g[:9]} {g[2:]}" for g in gold])
    if kind == "json":
        gold = [f'{{"a": {n}}}' for n in rng.integers(0, 9, size=rows)]
        return gold, Answers([g if rng.random() < 0.6 else g[:-1] for g in gold])
    if kind == "choices":
        gold = [(1.0, *map(float, rng.integers(0, 2, size=int(rng.integers(1, 6))))) for _ in range(rows)]
        return gold, Answers([None] * rows, [rng.dirichlet([0.5] * len(row))[:, None] for row in gold])
    p = rng.dirichlet([0.5] * 3, size=rows)
    if kind == "ranking":  # "z" stands in no space: it is never found
        gold = [("a", "z") if rng.random() < 0.4 else (str(rng.choice(list("abcz"))),) for _ in range(rows)]
        return gold, Answers([None] * rows, p)
    if kind == "labels":
        gold = [tuple(x for x in "abc" if rng.random() < 0.4) for _ in range(rows)]
        return gold, Answers([tuple(x for x, q in zip("abc", row, strict=True) if q > 0.4) for row in p], p)
    if kind == "path":
        draw = [[str(path) for path in rng.choice(["a > x", "a > y > z", "b"], size=rows)] for _ in "ab"]
        return draw[0], Answers(draw[1])
    return [str(rng.choice(list("aaabc"))) for _ in range(rows)], Answers(["abc"[i] for i in p.argmax(axis=1)], p)


KINDS = {
    "classes": ("accuracy", "macro-f1", "micro-f1", "weighted-f1", "mcc", "log-loss", "ece", "brier", "relation-f1"),
    "path": ("hierarchical-f1", "top-accuracy"),
    "labels": ("micro-f1", "macro-f1", "weighted-f1", "subset-accuracy", "accuracy", "log-loss", "ece", "brier"),
    "value": ("spearman", "pearson", "mae", "rmse", "r2"),
    "tokens": ("entity-f1", "entity-f1-strict", "token-f1"),
    "span": ("exact-match", "answer-f1"),
    "text": ("chrf", "bleu", "rouge-1", "rouge-2", "rouge-l", "text-match"),
    "json": ("parse-rate",),
    "ranking": ("ndcg-at-10", "mrr", "recall-at-1", "recall-at-10"),
    "choices": ("choice-accuracy", "list-ndcg", "list-mrr", "list-map", "list-auc"),
}
CASES = [(kind, name) for kind, names in KINDS.items() for name in names]


@pytest.mark.parametrize(("kind", "name"), CASES)
def test_the_fast_path_equals_calling_the_metric_on_resampled_rows(kind: str, name: str) -> None:
    metric = registry.get("metrics", name)
    assert isinstance(metric, Resampled)
    gold, answers = data(kind)
    fast, slow = (
        draws([m], gold, [answers], space=SPACE, seed=3, resamples=25)[name][0] for m in (metric, Plain(metric))
    )
    np.testing.assert_allclose(fast, slow, atol=1e-9)
    assert len(set(slow.round(6))) > 3, "the case must vary, or it proves nothing"


@pytest.mark.parametrize(("kind", "name"), CASES)
def test_the_interval_holds_the_score_and_the_seed_decides_it(kind: str, name: str) -> None:
    metric = registry.get("metrics", name)
    gold, answers = data(kind, rows=120)
    first, again, other = (
        intervals([metric], gold, answers, space=SPACE, seed=seed, resamples=200)[name] for seed in (0, 0, 1)
    )
    assert first == again != other
    value = metric(gold, answers.values, answers.probabilities, SPACE)
    if name != "ece":  # resampling adds noise to every bin, which raises a calibration error
        assert first.low <= value <= first.high


def test_all_metrics_of_the_package_are_tried_here() -> None:
    assert {name for _, name in CASES} == set(registry.names("metrics"))


def test_coverage_is_near_the_nominal_95_percent() -> None:
    """200 worlds of 150 rows, true accuracy 0.8: the interval holds it in 90 to 99 % of them."""
    metric, rng = registry.get("metrics", "accuracy"), np.random.default_rng(0)
    held = 0
    for world in range(200):
        predicted = np.where(rng.random(150) < 0.8, "a", "b").tolist()
        found = intervals([metric], ["a"] * 150, Answers(predicted), space=SPACE, seed=world, resamples=300)
        held += found["accuracy"].low <= 0.8 <= found["accuracy"].high
    assert 0.90 <= held / 200 <= 0.99


def test_a_perfect_score_on_few_rows_is_no_certainty() -> None:
    metric = registry.get("metrics", "accuracy")
    gold = ["a"] * 20
    perfect = intervals([metric], gold, Answers(gold), space=SPACE)["accuracy"]
    assert perfect.low == pytest.approx(0.025 ** (1 / 20))
    assert perfect.high == 1.0


def test_nan_answers_have_no_interval() -> None:
    found = intervals([registry.get("metrics", "mae")], [1.0, 2.0], Answers([1.0, float("nan")]), space=SPACE)["mae"]
    assert math.isnan(found.low)
    assert math.isnan(found.high)


def test_a_paired_difference_sees_what_two_intervals_cannot() -> None:
    """Second system: the first one's answers with 12 of 400 made wrong. The intervals overlap, the pairs do not."""
    metric, rng = registry.get("metrics", "accuracy"), np.random.default_rng(0)
    gold = ["a"] * 400
    better = np.where(rng.random(400) < 0.75, "a", "b").tolist()
    worse = list(better)
    for i in [i for i, answer in enumerate(better) if answer == "a"][:12]:
        worse[i] = "b"
    one, other = (intervals([metric], gold, Answers(x), space=SPACE)["accuracy"] for x in (better, worse))
    assert one.low < other.high, "the intervals overlap"
    found = paired_difference(metric, gold, Answers(better), Answers(worse), space=SPACE)
    assert found.delta == pytest.approx(12 / 400)
    assert found.clear
    assert found.p < 0.01
    back = paired_difference(metric, gold, Answers(worse), Answers(better), space=SPACE)
    assert back.delta == pytest.approx(-found.delta)
    assert back.clear


def test_equal_systems_do_not_differ() -> None:
    metric = registry.get("metrics", "macro-f1")
    gold, answers = data("classes")
    found = paired_difference(metric, gold, answers, answers, space=SPACE)
    assert (found.delta, found.low, found.high, found.p) == (0.0, 0.0, 0.0, 1.0)
    assert not found.clear


def test_a_difference_is_positive_for_the_better_system_also_where_lower_is_better() -> None:
    gold = [float(i) for i in range(30)]
    near, far = Answers([g + 0.1 for g in gold]), Answers([g + 1.0 for g in gold])
    found = paired_difference(registry.get("metrics", "mae"), gold, near, far, space=SPACE)
    assert found.delta == pytest.approx(0.9)


def test_macro_f1_of_77_classes_takes_under_two_seconds() -> None:
    rng = np.random.default_rng(0)
    labels = [f"class {i}" for i in range(77)]
    gold = [labels[i] for i in rng.integers(0, 77, size=3000)]
    predicted = [g if rng.random() < 0.9 else labels[rng.integers(0, 77)] for g in gold]
    start = time.process_time()
    intervals([registry.get("metrics", "macro-f1")], gold, Answers(predicted), space=SPACE)
    assert time.process_time() - start < 2.0
