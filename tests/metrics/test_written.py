"""Scores of written texts are those of the libraries that define them, under weights too."""

import numpy as np
import pytest

from autogpt import registry
from autogpt.core import LabelSpace
from autogpt.errors import ConfigError

GOLD = ["the cat sat on the mat today", "a dog runs home in the rain", "it rains a lot in may"]
SAID = ["the cat sat on a mat today", "dog runs home in rain", "it rains a lot in may"]
NAMES = ("chrf", "bleu", "rouge-1", "rouge-2", "rouge-l", "text-match")


def measure(name: str, gold: list[str], said: list[str]) -> float:
    return float(registry.get("metrics", name)(gold, said, None, LabelSpace()))


@pytest.mark.parametrize("name", NAMES)
def test_perfect_texts_score_one_and_nothing_in_common_nought(name: str) -> None:
    assert measure(name, GOLD, GOLD) == pytest.approx(1.0)
    assert measure(name, GOLD, ["zz", "qq", "kk"]) == pytest.approx(0.0, abs=0.01)


def test_bleu_and_chrf_are_sacrebleus() -> None:
    import sacrebleu

    assert measure("bleu", GOLD, SAID) == pytest.approx(sacrebleu.corpus_bleu(SAID, [GOLD]).score / 100)
    assert measure("chrf", GOLD, SAID) == pytest.approx(sacrebleu.corpus_chrf(SAID, [GOLD]).score / 100)


def test_chinese_is_compared_by_characters() -> None:
    import sacrebleu

    gold, said = ["我今天早上喝了一杯热咖啡。", "他不喜欢下雨天。"], ["我早上喝了一杯咖啡。", "他不喜欢雨天。"]
    assert measure("bleu", gold, said) == pytest.approx(sacrebleu.corpus_bleu(said, [gold], tokenize="zh").score / 100)
    assert measure("rouge-1", ["下雨了"], ["雨下了"]) == pytest.approx(1.0)
    assert measure("rouge-l", ["下雨了"], ["雨下了"]) == pytest.approx(2 / 3)


def test_rouge_by_hand() -> None:
    assert measure("rouge-1", ["the cat sat"], ["the cat ran off"]) == pytest.approx(2 * 2 / 7)
    assert measure("rouge-2", ["the cat sat"], ["the cat ran off"]) == pytest.approx(2 * 1 / 5)
    assert measure("rouge-l", ["the cat sat"], ["sat the cat"]) == pytest.approx(2 / 3)


@pytest.mark.parametrize("name", NAMES)
def test_a_resample_equals_the_metric_of_the_resampled_rows(name: str) -> None:
    metric, drawn = registry.get("metrics", name), [0, 0, 2]
    rows = metric.rows(GOLD, SAID, None, LabelSpace())
    weights = np.bincount(drawn, minlength=3)[None].astype(float)
    again = measure(name, [GOLD[i] for i in drawn], [SAID[i] for i in drawn])
    assert metric.score(rows, weights)[0] == pytest.approx(again)


@pytest.mark.parametrize("name", NAMES)
def test_labels_and_numbers_are_no_texts(name: str) -> None:
    with pytest.raises(ConfigError, match="judges written texts"):
        measure(name, [1.0], [2.0])  # type: ignore[list-item]
