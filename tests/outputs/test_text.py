"""A written text as a table of numbers."""

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from autogpt import registry, written
from autogpt.core import Decision, LabelSpace

TEXT = registry.get("outputs", "text")


@given(st.text(max_size=60), st.floats(-20, 0))
def test_any_text_comes_back_byte_for_byte(text: str, likely: float) -> None:
    assert written.text_of(written.table(text, likely)) == text


def test_confidence_is_the_geometric_mean_of_what_tokens_were_likely() -> None:
    rows = [written.table("好的。", np.log(0.25)), written.table("", -3.0)]
    first, second = TEXT.decode(rows, LabelSpace(), Decision(abstain_below=0.3), [{"source": "ok"}, {"source": "?"}])
    assert (first.value, first.abstained) == ("好的。", True)
    assert first.confidence == pytest.approx(0.25)
    assert (second.value, second.confidence, second.abstained) == ("", None, True), "nothing was written"
    assert not TEXT.decode(rows, LabelSpace(), Decision(), [{}, {}])[0].abstained


def test_bytes_that_are_no_text_do_not_break_an_answer() -> None:
    row = written.of_bytes([0xE5, 0xA5], 0.0)
    assert TEXT.decode([row], LabelSpace(), Decision(), [{"source": "x"}])[0].value == "\ufffd"


def test_the_constant_answer_is_the_most_frequent_text_and_of_these_the_shortest() -> None:
    encoded = TEXT.encode(["bb", "a", "bb", "a", "c"], LabelSpace())
    row = TEXT.prior(encoded, LabelSpace()).reshape(-1, 2)
    assert written.text_of(row) == "a"
    assert row[0, 1] == pytest.approx(np.log(2 / 5))


def test_each_token_counts_the_same_in_the_loss_and_ignored_ones_do_not() -> None:
    logits = torch.zeros(2, 3, 4)
    target = torch.tensor([[1, 2, 3], [1, -100, -100]])
    losses = TEXT.loss(logits, target, None)
    assert losses.tolist() == pytest.approx([3 * np.log(4) / 20, np.log(4) / 20])
