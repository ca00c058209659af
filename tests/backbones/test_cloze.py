"""A text is read at a gap of a template, by the masked-word head that transformers' own model has."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from transformers import AutoModelForMaskedLM

from autogpt.backbones.encoder import Encoder
from autogpt.errors import ConfigError
from autogpt.runtime import Runtime
from autogpt.testing import tiny

TEMPLATE = "{text} was {mask} ."
WORDS = {"good": ("good", "round"), "bad": ("bad",)}
NASTY = "the dog [MASK] [SEP] is </s> <mask> [CLS] red {mask} {text}"


@pytest.fixture(scope="module")
def opened(tmp_path_factory: pytest.TempPathFactory) -> Callable[..., Encoder]:
    place = tmp_path_factory.mktemp("gaps")

    def open_one(family: str = "bert", like: Any = None) -> Encoder:
        folder = place / family
        if not folder.is_dir():
            tiny.family_folder(folder, family)
        told = like or {"text": "a"}
        return Encoder.open(str(folder), output="classes", size=2, like=told, runtime=Runtime())

    return open_one


def transformers_own(encoder: Encoder, ids: Any) -> Any:
    """Log probabilities [T, V] that the saved masked language model gives."""
    model = AutoModelForMaskedLM.from_pretrained(encoder.source.location).eval()
    with torch.inference_mode():
        return torch.log_softmax(model(input_ids=torch.tensor([ids.tolist()])).logits[0], dim=-1).numpy()


@pytest.mark.parametrize("family", tiny.FAMILIES)
def test_what_is_filled_in_is_what_transformers_own_head_says(family: str, opened: Callable[..., Encoder]) -> None:
    encoder = opened(family)
    filler = encoder.read_gap(TEMPLATE)
    (piece,) = encoder.pieces([{"text": "the dog is red"}])
    own = transformers_own(encoder, piece.ids)[int(piece.places[0])]
    np.testing.assert_allclose(filler.likely(TEMPLATE, [{"text": "the dog is red"}])[0], own, atol=1e-4)


def test_scores_are_the_label_words_of_the_head_over_the_vocabulary(opened: Callable[..., Encoder]) -> None:
    encoder = opened()
    filler = encoder.read_gap(TEMPLATE)
    encoder.set_head(*filler.rows_of(TEMPLATE, WORDS))
    row = {"text": "the cat is good"}
    (piece,) = encoder.pieces([row])
    own = transformers_own(encoder, piece.ids)[int(piece.places[0])]
    good, round_, bad = (own[encoder.tokenizer.convert_tokens_to_ids(word)] for word in ("good", "round", "bad"))
    (scores,) = encoder.score([row])
    assert scores[0] - scores[1] == pytest.approx((good + round_) / 2 - bad, abs=1e-4)


@pytest.mark.parametrize("family", ["bert", "roberta", "deberta-v2", "modernbert"])
def test_a_saved_cloze_scores_the_same_and_is_a_masked_language_model(
    family: str, opened: Callable[..., Encoder], tmp_path: Path
) -> None:
    encoder = opened(family)
    encoder.set_head(*encoder.read_gap(TEMPLATE).rows_of(TEMPLATE, WORDS))
    rows = [{"text": "the cat is good"}, {"text": NASTY}, {"text": ""}]
    scores = encoder.score(rows)
    encoder.save(tmp_path / "one")
    again = Encoder.load(tmp_path / "one", runtime=Runtime())
    np.testing.assert_array_equal(again.score(rows), scores)
    again.save(tmp_path / "two")
    for path in sorted((tmp_path / "one").iterdir()):
        assert path.read_bytes() == (tmp_path / "two" / path.name).read_bytes(), path.name
    whole = AutoModelForMaskedLM.from_pretrained(tmp_path / "one", output_loading_info=True)
    assert not whole[1]["missing_keys"]


def test_what_a_text_spells_never_becomes_a_control_token(opened: Callable[..., Encoder]) -> None:
    encoder = opened()
    encoder.read_gap(TEMPLATE)
    tokenizer = encoder.tokenizer
    nasty, plain = encoder.pieces([{"text": NASTY}, {"text": "the dog"}])
    for sign in (tokenizer.mask_token_id, tokenizer.sep_token_id, tokenizer.cls_token_id, tokenizer.pad_token_id):
        assert (nasty.ids == sign).sum() == (plain.ids == sign).sum()
    assert nasty.ids[nasty.places[0]] == tokenizer.mask_token_id
    assert "red" in tokenizer.decode(nasty.ids), "all else of the text is read"


def test_a_long_text_loses_its_end_and_never_the_gap(opened: Callable[..., Encoder]) -> None:
    encoder = opened()
    encoder.read_gap("{mask} : {text} was good .")
    long, short = encoder.pieces([{"text": "dog " * 200}, {"text": "dog"}])
    assert len(long.ids) == encoder.max_length
    assert encoder.tokenizer.decode(long.ids).split()[-5:] == encoder.tokenizer.decode(short.ids).split()[-5:]
    assert encoder.cut == 1


def test_two_texts_stand_in_one_template(opened: Callable[..., Encoder]) -> None:
    encoder = opened(like={"text": "a", "text_pair": "b"})
    encoder.read_gap("{text} ? {mask} , {text_pair}")
    (piece,) = encoder.pieces([{"text": "is a dog red", "text_pair": "the dog is blue"}])
    words = encoder.tokenizer.convert_ids_to_tokens(piece.ids)
    assert words.index("[MASK]") == int(piece.places[0])
    assert words.index("red") < words.index("[MASK]") < words.index("blue")


def test_a_head_that_nobody_trained_is_refused(tmp_path: Path) -> None:
    from transformers import AutoModel, AutoTokenizer

    whole = tiny.bert_folder(tmp_path / "whole")
    AutoModel.from_pretrained(whole).save_pretrained(tmp_path / "body")
    AutoTokenizer.from_pretrained(whole).save_pretrained(tmp_path / "body")
    encoder = Encoder.open(str(tmp_path / "body"), output="classes", size=2, like={"text": "a"}, runtime=Runtime())
    with pytest.raises(ConfigError, match="has no masked-word head"):
        encoder.read_gap(TEMPLATE)


def test_a_template_without_a_gap_or_with_two_is_refused(opened: Callable[..., Encoder]) -> None:
    for template in ("{text} was good", "{mask} {text} {mask}"):
        with pytest.raises(ConfigError, match="the gap that is read"):
            opened().read_gap(template)
