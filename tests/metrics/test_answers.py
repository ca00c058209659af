"""Texts of answers are compared as the official scripts of SQuAD 2.0 and CMRC 2018 do."""

from __future__ import annotations

import numpy as np
import pytest

from autogpt import registry
from autogpt.core import GoldAnswers, LabelSpace, Span
from autogpt.errors import ConfigError

EXACT, F1 = (registry.get("metrics", name) for name in ("exact-match", "answer-f1"))


def right(*texts: str) -> GoldAnswers:
    return GoldAnswers(tuple(Span("answer", 0, 1, text) for text in texts), 10)


# Gold answers, the answer, exact match and F1, worked out by hand from the official scripts' rules.
GOLDEN = [
    (["Denver Broncos"], "The Denver Broncos!", 1.0, 1.0),
    (["Denver Broncos", "The Broncos"], "Broncos", 1.0, 1.0),
    (["308 points"], "just 308", 0.0, 0.5),
    (["the the cat"], "cat", 1.0, 1.0),
    (["x y y"], "y y y z", 0.0, 4 / 7),
    (["U.S."], "us", 1.0, 1.0),
    ([], "", 1.0, 1.0),
    ([], "Paris", 0.0, 0.0),
    (["Paris"], "", 0.0, 0.0),
    (["the"], "", 1.0, 1.0),  # nothing is left of this right answer: it counts as none
    (["踢爆"], "踢爆。", 1.0, 1.0),
    (["《泡泡堂》"], "泡泡堂", 1.0, 1.0),
    (["生命数耗完"], "生命耗完", 0.0, 4 / 9),  # the longest run of both is two characters
    (["1998年"], "1998", 0.0, 2 / 3),
    (["Nexon公司"], "nexon", 0.0, 0.5),
]


@pytest.mark.parametrize(("gold", "answer", "exact", "f1"), GOLDEN)
def test_answers_are_compared_by_the_official_rules(gold: list[str], answer: str, exact: float, f1: float) -> None:
    for metric, expected in ((EXACT, exact), (F1, f1)):
        assert metric([right(*gold)], [answer], None, LabelSpace()) == pytest.approx(expected)


def test_squad_scores_agree_with_an_independent_formula() -> None:
    rng = np.random.default_rng(0)
    words = ["red", "green", "blue", "cat", "dog"]
    gold = [[words[i] for i in rng.integers(0, 5, rng.integers(1, 6))] for _ in range(200)]
    told = [[words[i] for i in rng.integers(0, 5, rng.integers(1, 6))] for _ in range(200)]
    expected = []
    for a, b in zip(gold, told, strict=True):
        common = sum(min(a.count(word), b.count(word)) for word in words)
        precision, recall = common / len(b), common / len(a)
        expected.append(2 * precision * recall / (precision + recall) if common else 0.0)
    found = F1([right(" ".join(row)) for row in gold], [" ".join(row) for row in told], None, LabelSpace())
    assert found == pytest.approx(np.mean(expected))


def test_the_bootstrap_draws_rows() -> None:
    gold, told = [right("Rome"), right("Paris"), right()], ["Rome", "Rome", ""]
    rows = F1.rows(gold, told, None, LabelSpace())
    np.testing.assert_allclose(rows, [1, 0, 1])
    np.testing.assert_allclose(F1.score(rows, np.array([[1, 1, 1], [0, 3, 0], [2, 0, 1]])), [2 / 3, 0, 1])


def test_no_rows_have_no_score_and_labels_are_refused() -> None:
    assert np.isnan(EXACT([], [], None, LabelSpace()))
    with pytest.raises(ConfigError, match="exact-match judges answers to questions"):
        EXACT(["spam"], ["spam"], None, LabelSpace())
