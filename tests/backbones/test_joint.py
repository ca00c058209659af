"""Pairs that are read together: what is read, and what only such a reading can learn."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from autogpt import registry
from autogpt.autopilot.trial import Bench, Candidate, run_trial
from autogpt.backbones.encoder import Encoder
from autogpt.core import Example
from autogpt.runtime import Runtime
from autogpt.testing import contracts, tiny
from autogpt.training.features import FeatureCache

PAIRS = [{"text": "my dog runs", "text_pair": "a cat"}, {"text": "the red card", "text_pair": "the red card"}]
KIND = registry.get("outputs", "classes")


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tiny.bert_folder(tmp_path_factory.mktemp("bert"))


def opened(folder: Path, like: dict[str, str] = PAIRS[0]) -> Encoder:
    return Encoder.open(str(folder), output="classes", size=2, like=like, runtime=Runtime(), offline=True)


def test_two_texts_become_one_sequence_of_two_segments(folder: Path) -> None:
    encoder = opened(folder)
    assert encoder.read_together()
    piece = encoder.pieces(PAIRS)[0]
    assert encoder.tokenizer.convert_ids_to_tokens(piece.ids.tolist()) == (
        ["[CLS]", "my", "dog", "runs", "[SEP]", "a", "cat", "[SEP]"]
    )
    assert piece.types is not None
    assert piece.types.tolist() == [0, 0, 0, 0, 0, 1, 1, 1]
    assert encoder.width == 3 * 16


def test_rows_of_one_text_are_read_as_before(folder: Path) -> None:
    encoder = opened(folder, {"text": "a cat"})
    assert not encoder.read_together()
    assert encoder.shape.reading == "text"


def test_a_saved_cross_encoder_scores_the_same(folder: Path, tmp_path: Path) -> None:
    encoder = opened(folder)
    encoder.read_together()
    encoder.set_head(np.random.default_rng(0).normal(size=(2, encoder.width)), np.zeros(2))
    contracts.scorer_contract(encoder, PAIRS, tmp_path / "saved")


def test_which_text_comes_first_is_learned_by_reading_together_only(folder: Path, tmp_path: Path) -> None:
    """`one` before `two` is right, the other way round wrong: no symmetric feature of two texts can tell."""
    words = ("one", "two", "three", "four", "five", "red", "green", "blue")
    ordered = [(i, j) for i in range(len(words)) for j in range(len(words)) if i != j]
    rows = [
        Example(place, {"text": f"the {words[i]}", "text_pair": f"the {words[j]}"}, "rising" if i < j else "falling")
        for place, (i, j) in enumerate(ordered)
    ]
    space = KIND.space([row.target for row in rows])

    def learned(method: str) -> float:
        def backbone() -> Encoder:
            return opened(folder, dict(rows[0].inputs))

        bench = Bench(
            train=rows,
            validation=rows,
            output=KIND,
            space=space,
            metrics=(registry.get("metrics", "accuracy"),),
            open=backbone,
            features=FeatureCache(backbone),
            runtime=Runtime,
            seed=0,
            listen=lambda event: None,
            stop=lambda: False,
        )
        options = {"epochs": 25.0, "learning_rate": 3e-3, "batch_rows": 8}
        found, _ = run_trial(bench, Candidate(method, options), folder=tmp_path / method, remaining=lambda: 120.0)
        return found.scores["accuracy"]

    assert learned("full") <= 0.5
    assert learned("cross-encoder") >= 0.9
