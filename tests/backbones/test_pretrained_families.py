"""Small models as others published them: a decoder learns English, a Chinese vocabulary reads Chinese."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from autogpt.api import fine_tune
from autogpt.backbones.encoder import Encoder
from autogpt.runtime import Runtime
from autogpt.testing import contracts

Rows = Callable[[str], list[dict[str, Any]]]


@pytest.mark.parametrize(
    ("name", "method"),
    [
        ("stories260K/hf", "head"),
        pytest.param("stories260K/hf", "lora", marks=pytest.mark.nightly),
        pytest.param("tinystories-656k", "full", marks=pytest.mark.nightly),
    ],
)
def test_a_published_decoder_is_fine_tuned_and_beats_majority(
    shared_weights: Path, shared_rows: Rows, tmp_path: Path, name: str, method: str
) -> None:
    table = shared_rows("banking77/train")
    topics = sorted({row["label"] for row in table})[:5]
    rows = [{"text": row["text"], "label": row["label"]} for row in table if row["label"] in topics]
    rows = [rows[place] for place in np.random.default_rng(0).permutation(len(rows))[:260]]
    train, test = rows[:200], rows[200:]
    model = fine_tune(shared_weights / name, train, test, method=method, time_limit=60, output=str(tmp_path))
    labels = [row["label"] for row in test]
    answers = [answer.value for answer in model.predict([row["text"] for row in test])]
    right = sum(answer == label for answer, label in zip(answers, labels, strict=True))
    assert right > 1.3 * max(map(labels.count, labels))


def test_a_chinese_vocabulary_reads_chinese(shared_weights: Path, tmp_path: Path) -> None:
    from transformers import BertConfig, BertModel, BertTokenizer

    vocabulary = shared_weights / "tokenizers" / "bert-base-chinese" / "vocab.txt"
    if not vocabulary.is_file():
        pytest.skip("no vocabulary of bert-base-chinese in shared/weights")
    tokenizer = BertTokenizer(str(vocabulary))
    tokenizer.save_pretrained(tmp_path / "bert")
    sizes = {"hidden_size": 16, "num_hidden_layers": 2, "num_attention_heads": 2, "intermediate_size": 32}
    BertModel(BertConfig(vocab_size=len(tokenizer), **sizes)).save_pretrained(tmp_path / "bert")
    rows: list[Any] = [{"text": "这家银行的服务很好"}, {"text": "卡丢了,怎么办?"}]
    encoder = Encoder.open(str(tmp_path / "bert"), output="classes", size=2, like=rows[0], runtime=Runtime())
    assert encoder.kind == "encoder"
    assert all(tokenizer.unk_token_id not in piece.ids for piece in encoder.pieces(rows))
    assert [len(piece.ids) for piece in encoder.pieces(rows)] == [9 + 2, 8 + 2], "a token for each character"
    encoder.set_head(np.random.default_rng(0).normal(size=(2, 16)), np.zeros(2))
    contracts.scorer_contract(encoder, rows, tmp_path / "saved")
