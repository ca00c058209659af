"""The scorecard: every metric with value, interval and rows."""

from __future__ import annotations

import numpy as np
import pytest

from autogpt import registry
from autogpt.core import LabelSpace, Prediction
from autogpt.errors import InputError
from autogpt.evaluation.score import evaluate, point_scores

SPACE = LabelSpace(labels=("a", "b"))


def test_every_metric_with_value_interval_and_rows() -> None:
    gold = ["a"] * 60 + ["b"] * 40
    predictions = [Prediction("a", 0.7, "b")] * 80 + [Prediction("b", 0.7, "a", abstained=True)] * 20
    p = np.array([[0.7, 0.3]] * 80 + [[0.3, 0.7]] * 20)
    metrics = [registry.get("metrics", name) for name in ("accuracy", "macro-f1", "ece")]
    card = evaluate(gold, predictions, p, metrics=metrics, space=SPACE, seed=1)
    assert [s.metric for s in card.scores] == ["accuracy", "macro-f1", "ece"]
    assert card.values()["accuracy"] == 0.8, "abstained answers count like all others"
    assert point_scores(gold, predictions, p, metrics=metrics, space=SPACE) == card.values()
    accuracy = card["accuracy"]
    assert accuracy.low < 0.8 < accuracy.high
    assert accuracy.n == 100
    assert str(accuracy).startswith("0.800 [0.7")
    assert "mcc" not in card
    assert not card["ece"].higher_is_better


def test_what_cannot_be_scored_is_said() -> None:
    metric = registry.get("metrics", "accuracy")
    with pytest.raises(InputError, match="no rows"):
        evaluate([], [], None, metrics=[metric], space=SPACE)
    with pytest.raises(InputError, match="1 predictions for 2 rows"):
        evaluate(["a", "b"], [Prediction("a")], None, metrics=[metric], space=SPACE)
