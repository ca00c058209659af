"""Where an answer begins and ends: loss against BERT's own formula, decoding against every span tried one by one."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from autogpt import registry
from autogpt.core import Decision, GoldAnswers, Inputs, LabelSpace, Span

KIND = registry.get("outputs", "span")
ALWAYS, MAYBE = LabelSpace(("answer",), scale=30.0), LabelSpace(("answer", "no answer"), scale=30.0)


def words(count: int) -> Inputs:
    text = " ".join(f"w{place}" for place in range(count))
    ends = np.cumsum([len(word) + 1 for word in text.split()]) - 1
    offsets = tuple((int(end) - len(word), int(end)) for end, word in zip(ends, text.split(), strict=True))
    return {"question": "?", "tokens": tuple(text.split()), "offsets": offsets, "text": text}


def gold(start: int, end: int, count: int) -> GoldAnswers:
    return GoldAnswers((Span("answer", start, end, "x"),), count)


def test_the_label_space_knows_whether_answers_may_be_missing_and_how_long_they_get() -> None:
    assert KIND.space([gold(0, 2, 9)]) == ALWAYS
    assert KIND.space([gold(0, 40, 90), GoldAnswers((), 9)]) == LabelSpace(("answer", "no answer"), scale=40.0)


def test_the_loss_is_that_of_bert() -> None:
    torch.manual_seed(0)
    logits = torch.randn(2, 6, 2)
    codes = [torch.from_numpy(row) for row in KIND.encode([gold(1, 4, 5), GoldAnswers((), 5)], MAYBE)]
    edges = torch.tensor([[1, 3], [5, 5]])
    expected = torch.nn.functional.cross_entropy(logits, edges, reduction="none").mean(dim=1)
    torch.testing.assert_close(KIND.loss(logits, torch.stack(codes), None), expected)


def test_tokens_that_are_no_words_take_no_part_in_the_loss() -> None:
    torch.manual_seed(0)
    logits = torch.randn(1, 6, 2)
    (code,) = (torch.from_numpy(row) for row in KIND.encode([gold(1, 3, 3)], MAYBE))
    spread = torch.full((1, 6), -100)
    spread[0, [1, 2, 4, 5]] = code
    torch.testing.assert_close(KIND.loss(logits, spread, None), KIND.loss(logits[:, [1, 2, 4, 5]], code[None], None))


def test_a_window_without_the_answer_has_none_and_one_that_cuts_it_learns_one_edge() -> None:
    torch.manual_seed(0)
    logits = torch.randn(1, 3, 2)
    log = logits.log_softmax(dim=1)
    none = torch.tensor([[4, 0, 0]])  # the first token is "no answer" there
    torch.testing.assert_close(KIND.loss(logits, none, None), -log[:, 0].mean(dim=1))
    cut = torch.tensor([[4, 0, 1]])
    torch.testing.assert_close(KIND.loss(logits, cut, None), -log[:, 2, 0])


@pytest.mark.parametrize("space", [ALWAYS, MAYBE])
def test_decoding_finds_the_best_of_all_spans(space: LabelSpace) -> None:
    rng = np.random.default_rng(0)
    short = LabelSpace(space.labels, scale=4.0)
    for count in (1, 2, 9):
        for _ in range(20):
            table, row = rng.normal(size=(count + 1, 2)), words(count)
            (answer,) = KIND.decode([table], short, Decision(), [row])
            options = {(a, b): table[a, 0] + table[b, 1] for a in range(count) for b in range(a, min(count, a + 4))}
            (a, b), most = max(options.items(), key=lambda item: item[1])
            if space is MAYBE and table[-1].sum() > most:
                assert answer.value == ""
                assert answer.spans == ()
                continue
            (span,) = answer.spans
            assert (span.start, span.end) == (a, b + 1)
            assert answer.value == row["text"][span.char_start : span.char_end] == span.text


def test_confidence_and_the_second_best_answer() -> None:
    table = np.log([[0.6, 0.6], [0.1, 0.1], [0.2, 0.2], [0.1, 0.1]])
    (answer,) = KIND.decode([table], MAYBE, Decision(abstain_below=0.6), [words(3)])
    assert (answer.value, answer.runner_up, answer.abstained) == ("w0", "w2", True)
    spans = 0.36 + 0.06 + 0.12 + 0.01 + 0.02 + 0.04  # by their start: two more start at w0, one more at w1
    assert answer.confidence == pytest.approx(0.36 / (spans + 0.01))
    (sure,) = KIND.decode([table], ALWAYS, Decision(abstain_below=0.5), [words(3)])
    assert sure.confidence == pytest.approx(0.36 / spans)
    assert not sure.abstained
    (none,) = KIND.decode([table[::-1]], MAYBE, Decision(), [words(3)])
    assert (none.value, none.runner_up, none.spans) == ("", "w1", ())


@pytest.mark.parametrize("space", [ALWAYS, MAYBE])
@pytest.mark.parametrize("temperature", [0.3, 1.0, 4.0])
def test_probabilities_are_one_softmax_over_spans_and_no_answer(space: LabelSpace, temperature: float) -> None:
    rng, short = np.random.default_rng(1), LabelSpace(space.labels, scale=3.0)
    decision = Decision(temperature=temperature)
    for count in (1, 2, 7):
        table = rng.normal(size=(count + 1, 2)) * 3
        spans = {(a, b): table[a, 0] + table[b, 1] for a in range(count) for b in range(a, min(count, a + 3))}
        if space is MAYBE:
            spans[count, count] = table[-1].sum()
        weights = {place: np.exp(score / temperature) for place, score in spans.items()}
        expected = np.zeros((count + 1, 2))
        for (a, b), weight in weights.items():
            expected[a, 0] += weight / sum(weights.values())
            expected[b, 1] += weight / sum(weights.values())
        (found,) = KIND.probabilities([table], short, decision)
        np.testing.assert_allclose(found, expected, atol=1e-12)
        (answer,) = KIND.decode([table], short, decision, [words(count)])
        assert answer.confidence == pytest.approx(max(weights.values()) / sum(weights.values()))


def test_scores_far_apart_stay_finite() -> None:
    table = np.array([[0.0, 900.0], [900.0, 0.0], [0.0, 0.0]])  # the best end stands before the best start
    for space in (ALWAYS, MAYBE):
        (answer,) = KIND.decode([table], space, Decision(temperature=0.05), [words(2)])
        assert answer.confidence == pytest.approx(1 / 2)  # w0 and w1 alone; both edges of "w0 w1" score 0
        assert np.isfinite(KIND.probabilities([table], space, Decision(temperature=0.05))[0]).all()


def test_words_read_from_one_token_are_answered_together() -> None:
    table = np.array([[0.0, 0.0], [5.0, 5.0], [5.0, 5.0], [0.0, 0.0], [0.0, 0.0]])
    (answer,) = KIND.decode([table], ALWAYS, Decision(), [words(4)])
    assert answer.value == "w1 w2"


def test_the_constant_answer_is_the_commoner_of_some_and_none() -> None:
    some, none = gold(0, 1, 4), GoldAnswers((), 4)
    for targets, value in (([some, some, none], True), ([some, none, none], False)):
        prior = KIND.prior(KIND.encode(targets, MAYBE), MAYBE)
        scorer = registry.get("backbones", "constant")(tuple(prior))
        (answer,) = KIND.decode(scorer.score([words(4)]), MAYBE, Decision(), [words(4)])
        assert bool(answer.value) == value
