"""Entity and token metrics: rules of BIO and BIOES, agreement with the output kind's spans, edges."""

from __future__ import annotations

import math
from collections.abc import Sequence

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from autogpt import registry
from autogpt.core import LabelSpace
from autogpt.errors import ConfigError
from autogpt.metrics._spans import entities
from autogpt.outputs.tokens import spans


def score(name: str, gold: Sequence[str], predicted: Sequence[str]) -> float:
    rows = ([tuple(row.split()) for row in gold], [tuple(row.split()) for row in predicted])
    return float(registry.get("metrics", name)(*rows, None, LabelSpace()))


def test_an_entity_counts_only_with_its_label_and_both_ends() -> None:
    gold = ["B-PER I-PER O B-LOC", "O B-ORG I-ORG"]
    assert score("entity-f1", gold, gold) == 1.0
    # PER cut short, LOC right, ORG called LOC: 1 right of 3 and 3
    assert score("entity-f1", gold, ["B-PER O O B-LOC", "O B-LOC I-LOC"]) == pytest.approx(1 / 3)


def test_the_default_reading_forgives_a_missing_beginning_and_the_strict_one_does_not() -> None:
    gold, loose = ["B-PER I-PER O"], ["I-PER I-PER O"]
    assert score("entity-f1", gold, loose) == 1.0
    assert score("entity-f1-strict", gold, loose) == 0.0
    assert score("entity-f1-strict", gold, gold) == 1.0


def test_bioes_and_bilou_spell_the_same_entities() -> None:
    bioes, bilou = "B-PER I-PER E-PER S-LOC S-LOC O", "B-PER I-PER L-PER U-LOC U-LOC O"
    assert entities(bioes.split()) == entities(bilou.split()) == [("PER", 0, 3), ("LOC", 3, 4), ("LOC", 4, 5)]
    assert score("entity-f1-strict", [bioes], [bilou]) == 1.0
    assert score("entity-f1-strict", [bioes], ["B-PER I-PER I-PER S-LOC S-LOC O"]) == pytest.approx(2 * 2 / 5)


def test_tags_without_prefix_are_entities_of_one_token() -> None:
    assert entities(["PER", "PER", "O"]) == [("PER", 0, 1), ("PER", 1, 2)]


tags = st.lists(st.sampled_from(["O", "B-x", "I-x", "E-x", "S-x", "B-y", "I-y", "E-y", "L-y", "U-x", "z"]), max_size=12)


@settings(deadline=None)
@given(tags)
def test_metric_and_output_kind_read_the_same_entities(row: list[str]) -> None:
    """seqeval here and `outputs.tokens.spans` there: two implementations, one reading."""
    assert entities(row) == [(s.label, s.start, s.end) for s in spans(row, row)]


def test_a_scheme_that_is_none_is_named() -> None:
    with pytest.raises(ConfigError, match="use entity-f1"):
        score("entity-f1-strict", ["S-x E-x L-x I-x"], ["O O O O"])


def test_token_f1_averages_tags_without_o() -> None:
    gold, predicted = ["B-x I-x O O O O"], ["B-x O O O B-x O"]
    # B-x: 1 right of 2 predicted, 1 gold -> 2/3; I-x: 0; O (4 of 4 predicted) plays no part
    assert score("token-f1", gold, predicted) == pytest.approx((2 / 3 + 0) / 2)


@pytest.mark.parametrize("name", ["entity-f1", "entity-f1-strict", "token-f1"])
def test_edges(name: str) -> None:
    assert math.isnan(score(name, [], []))
    assert score(name, ["O O", "O"], ["O O", "O"]) == 0.0, "nothing to find, nothing found: 0, as seqeval"
    assert score(name, ["B-x O"], ["O O"]) == 0.0
    assert score(name, ["B-x O"], ["B-new O"]) == 0.0
    assert score(name, ["", "B-x"], ["", "B-x"]) == 1.0, "a row without tokens counts for nothing"
    with pytest.raises(ConfigError, match="row 1: 2 predicted tags for 1 tokens"):
        score(name, ["O", "O"], ["O", "O O"])
