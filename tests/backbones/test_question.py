"""How an encoder reads a question and a text: windows, the word each token stands for, what is saved."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from autogpt import cells, registry
from autogpt.backbones import _readings
from autogpt.core import Decision, Example, GoldAnswers, Inputs, LabelSpace, Span
from autogpt.runtime import Runtime
from autogpt.testing import tiny

KIND = registry.get("outputs", "span")
SPACE = LabelSpace(("answer", "no answer"), scale=30.0)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tiny.bert_folder(tmp_path_factory.mktemp("bert"))


def asked(text: str, question: str = "is a dog red") -> Inputs:
    tokens, offsets = cells.words(text)
    return {"question": question, "tokens": tokens, "offsets": offsets, "text": text}


def opened(folder: Path, like: Inputs) -> Any:
    encoder = registry.get("backbones", "encoder").open(
        str(folder), output="span", size=2, labels=SPACE.labels, like=like, runtime=Runtime(), offline=True
    )
    encoder.set_head(np.random.default_rng(0).normal(size=(2, 16)), np.zeros(2))
    return encoder


def test_a_row_with_a_question_is_read_as_one() -> None:
    assert _readings.of(asked("a cat")).name == "question"
    assert _readings.of({"tokens": ("a",)}).name == "tokens"


def test_question_and_text_stand_in_one_window_with_their_segments(folder: Path) -> None:
    row = asked("the cat is red")
    encoder = opened(folder, row)
    (piece,) = encoder.pieces([row])
    decoded = encoder.tokenizer.convert_ids_to_tokens(piece.ids.tolist())
    assert decoded == ["[CLS]", *row["question"].split(), "[SEP]", *row["tokens"], "[SEP]"]
    assert piece.types.tolist() == [0] * 6 + [1] * 5
    assert piece.words.tolist() == [0, 1, 2, 3, 4]  # the last is "no answer", read off the first token
    assert piece.places.tolist() == [6, 7, 8, 9, 0]


def test_scores_are_those_of_transformers_at_the_tokens_of_the_words(folder: Path) -> None:
    row = asked("the cat is red")
    encoder = opened(folder, row)
    (table,) = encoder.score([row])
    with torch.inference_mode():
        given = encoder.tokenizer(row["question"], row["text"], return_tensors="pt")
        found = encoder.net.model(**given)
    logits = torch.stack([found.start_logits[0], found.end_logits[0]], dim=-1)[[6, 7, 8, 9, 0]]
    np.testing.assert_allclose(table, logits.numpy(), atol=1e-5)


def test_a_long_text_is_read_in_windows_and_every_word_in_one_where_it_has_most_context(folder: Path) -> None:
    row = asked(" ".join(["the cat is red and round"] * 15))
    encoder = opened(folder, row)
    pieces = encoder.pieces([row])
    owned = np.concatenate([piece.words[:-1] for piece in pieces])
    assert len(pieces) > 3
    assert sorted(owned) == list(range(90))
    assert all(len(piece.ids) <= encoder.max_length for piece in pieces)
    # Words in the middle of a text have a fourth of the overlap at least on both sides.
    for piece in pieces[1:-1]:
        inside = piece.places[:-1]
        assert inside.min() - 6 >= 3
        assert len(piece.ids) - 2 - inside.max() >= 3


def test_no_answer_has_the_lowest_score_of_all_windows(folder: Path) -> None:
    row = asked(" ".join(["the cat is red and round", "bob lives in rome"] * 6))
    encoder = opened(folder, row)
    pieces = encoder.pieces([row])
    from autogpt.backbones._pieces import tensors

    with torch.inference_mode():
        firsts = [encoder.net(tensors([piece], 0, "cpu"))[0, 0].numpy() for piece in pieces]
    lowest = min(firsts, key=lambda logits: logits.sum())
    np.testing.assert_allclose(encoder.score([row])[0][-1], lowest, atol=1e-5)


def test_long_questions_are_cut_and_counted(folder: Path) -> None:
    row = asked("the cat is red", question="is " * 40)
    encoder = opened(folder, row)
    (piece,) = encoder.pieces([row])
    assert len(piece.ids) == 8 + 3 + 4
    assert encoder.cut == 1


def test_words_that_the_tokenizer_drops_are_no_answer(folder: Path) -> None:
    row = asked("the \u200b cat")  # a mark without width: the package sees it, BERT drops it
    encoder = opened(folder, row)
    assert len(row["tokens"]) == 3
    assert encoder.score([row])[0][1].max() < -1000


def test_chinese_answers_come_back_with_exact_places(folder: Path) -> None:
    row = asked("好卡 丢了，坏 钱！")
    encoder = opened(folder, row)
    scores = encoder.score([row])
    assert len(scores[0]) == len(row["tokens"]) + 1
    (answer,) = KIND.decode(scores, LabelSpace(("answer",), scale=30.0), Decision(), [row])
    (span,) = answer.spans
    assert row["text"][span.char_start : span.char_end] == answer.value
    (piece,) = encoder.pieces([row])
    decoded = encoder.tokenizer.convert_ids_to_tokens(piece.ids[piece.places[:-1]].tolist())
    assert [a for a, b in zip(decoded, row["tokens"], strict=True) if a != b] == ["[UNK]"] * 2  # the marks


class _Pairs:
    """A tokenizer that reads two characters as one token, as multilingual ones read Chinese."""

    @staticmethod
    def of(base: Any) -> Any:
        from tokenizers import Regex, pre_tokenizers

        base.backend_tokenizer.pre_tokenizer = pre_tokenizers.Split(Regex(".{1,2}"), "isolated")
        base.backend_tokenizer.normalizer = None
        return base


def test_two_words_in_one_token_have_its_scores_and_its_targets(folder: Path) -> None:
    row = asked("好坏卡钱丢了")
    encoder = opened(folder, row)
    encoder.tokenizer = _Pairs.of(encoder.tokenizer)
    (piece,) = encoder.pieces([row])
    first = piece.places[0]
    assert piece.places[:-1].tolist() == [first, first, first + 1, first + 1, first + 2, first + 2]
    answer = GoldAnswers((Span("answer", 2, 4, "卡钱", 2, 4),), 6)
    training = encoder.training([Example(0, row, answer)], output=KIND, space=SPACE)
    assert training.batch([0]).target[0, first + 1] == 3  # start and end at once


def test_a_training_window_without_the_answer_has_no_answer(folder: Path) -> None:
    row = asked(" ".join(["the cat is red and round"] * 15))
    encoder = opened(folder, row)
    answer = GoldAnswers((Span("answer", 1, 2, "cat", 4, 7),), 90)
    training = encoder.training([Example(0, row, answer)], output=KIND, space=SPACE)
    targets = training.batch(range(len(training.pieces))).target
    assert [(row & 3).clamp(min=0).where(row >= 0, 0).sum().item() for row in targets] == [3] + [0] * (len(targets) - 1)
    assert (targets[:, 0] == 4).all()


def test_the_saved_folder_is_a_question_answering_model_of_transformers(folder: Path, tmp_path: Path) -> None:
    from transformers import AutoModelForQuestionAnswering, AutoTokenizer

    row = asked("the cat is red")
    encoder = opened(folder, row)
    encoder.save(tmp_path)
    model = AutoModelForQuestionAnswering.from_pretrained(tmp_path)
    with torch.inference_mode():
        found = model(**AutoTokenizer.from_pretrained(tmp_path)(row["question"], row["text"], return_tensors="pt"))
    np.testing.assert_allclose(found.start_logits[0, 6:10], encoder.score([row])[0][:-1, 0], atol=1e-5)
    again = registry.get("backbones", "encoder").load(tmp_path)
    np.testing.assert_allclose(again.score([row])[0], encoder.score([row])[0], atol=1e-5)


@pytest.mark.parametrize("family", [f for f in tiny.FAMILIES if f != "bert"])
def test_every_family_reads_questions(family: str, tmp_path: Path) -> None:
    row = asked("the cat is red")
    encoder = opened(tiny.encoder_folder(tmp_path, family), row)
    assert np.isfinite(encoder.score([row])[0]).all()
