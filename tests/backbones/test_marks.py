"""Texts with two marked spans: what the encoder and the bag of words read of them, however long they are."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from autogpt import registry
from autogpt.autopilot.evidence import label_names
from autogpt.autopilot.trial import Bench, Candidate, load_scorer, run_trial
from autogpt.backbones._readings import marks, of
from autogpt.backbones.bag_of_words import mark_features
from autogpt.backbones.encoder import Encoder
from autogpt.core import Example
from autogpt.runtime import Runtime
from autogpt.testing import contracts, tiny
from autogpt.training.features import FeatureCache

ROWS: list[dict[str, Any]] = [
    {"text": "the card is red", "marks": ((4, 8), (12, 15))},
    {"text": "the card is red", "marks": ((12, 15), (4, 8))},
    {"text": "my dog runs and runs and runs", "marks": ((3, 6), (24, 28))},
    {"text": "好卡", "marks": ((0, 1), (1, 2))},
]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tiny.bert_folder(tmp_path_factory.mktemp("bert"), layers=3)


def opened(folder: Path, size: int = 3) -> Encoder:
    encoder = Encoder.open(str(folder), output="classes", size=size, like=ROWS[0], runtime=Runtime())
    rng = np.random.default_rng(0)
    encoder.set_head(rng.normal(size=(size, encoder.width)), rng.normal(size=size))
    return encoder


def test_the_keys_of_a_row_say_how_it_is_read() -> None:
    assert [of(row).name for row in (ROWS[0], {"text": "a"}, {"text": "a", "text_pair": "b"})] == [
        "marks", "text", "pair",
    ]  # fmt: skip


def test_signs_stand_around_the_spans_and_places_are_their_first_and_last_tokens(minilm: Path) -> None:
    from transformers import AutoTokenizer

    tokenizer = AutoTokenizer.from_pretrained(minilm)
    pieces, cut = marks.reading.pieces(tokenizer, ROWS[:2], 64)
    words = [tokenizer.convert_ids_to_tokens(piece.ids.tolist()) for piece in pieces]
    assert words[0] == ["[CLS]", "the", "@", "card", "@", "is", "#", "red", "#", "[SEP]"]
    assert words[1] == ["[CLS]", "the", "#", "card", "#", "is", "@", "red", "@", "[SEP]"]
    assert [piece.places.tolist() for piece in pieces if piece.places is not None] == [[2, 4, 6, 8], [6, 8, 2, 4]]
    assert cut == []


@pytest.mark.parametrize("family", tiny.FAMILIES)
def test_every_family_reads_marks_and_survives_saving(family: str, tmp_path: Path) -> None:
    encoder = opened(tiny.encoder_folder(tmp_path / "body", family))
    assert encoder.width == 3 * 16
    contracts.scorer_contract(encoder, ROWS, tmp_path / "saved")


def test_the_head_reads_the_sentence_and_the_mean_over_each_span(folder: Path) -> None:
    encoder = opened(folder)
    (piece,) = encoder.pieces(ROWS[:1])
    ids = torch.from_numpy(piece.ids.astype(np.int64))[None]
    with torch.inference_mode():
        body: Any = encoder.net.body
        states = body(input_ids=ids).last_hidden_state[0].numpy()
    a, b, c, d = piece.places.tolist() if piece.places is not None else ()
    expected = np.concatenate([part.mean(axis=0) for part in (states, states[a : b + 1], states[c : d + 1])])
    np.testing.assert_allclose(np.asarray(encoder.features(ROWS[:1]))[0], expected, atol=1e-5)


def test_vectors_have_one_length_where_the_backbone_normalises(minilm: Path) -> None:
    encoder = Encoder.open(None, output="classes", size=2, like=ROWS[0], runtime=Runtime())
    parts = np.asarray(encoder.features(ROWS)).reshape(len(ROWS), 3, -1)
    np.testing.assert_allclose(np.linalg.norm(parts, axis=2), 1.0, atol=1e-5)


def test_direction_and_place_of_the_spans_count(folder: Path) -> None:
    scores = np.asarray(opened(folder).score(ROWS[:2]))
    assert not np.allclose(scores[0], scores[1], atol=1e-3)


@pytest.mark.parametrize("places", [(0, 99), (50, 51), (99, 0), (98, 99)])
def test_a_cut_keeps_both_spans_and_is_counted_once(folder: Path, places: tuple[int, int]) -> None:
    words = ["card"] * 100
    words[places[0]], words[places[1]] = "alice", "rome"
    text = " ".join(words)
    spans = tuple((text.index(word), text.index(word) + len(word)) for word in ("alice", "rome"))
    row = {"text": text, "marks": spans}
    encoder = opened(folder)
    for _ in range(2):
        (piece,) = encoder.pieces([row])
    assert encoder.cut == 1
    assert len(piece.ids) == encoder.max_length == 32
    read = encoder.tokenizer.convert_ids_to_tokens(piece.ids.tolist())
    assert read[0] == "[CLS]"
    assert read[-1] == "[SEP]"
    assert piece.places is not None
    a, b, c, d = piece.places
    assert (read[a + 1 : b], read[c + 1 : d]) == (["alice"], ["rome"]), "between the signs of each span"


def test_the_beginning_of_a_span_that_is_too_long_is_kept() -> None:
    special = np.array([True, *[False] * 20, True])
    inside = np.zeros((2, 22), dtype=bool)
    inside[0, 2:12], inside[1, 14:20] = True, True
    assert marks.nearest(special, inside, 8).tolist() == [0, 2, 3, 4, 14, 15, 16, 21]
    inside[0, 3:12] = False
    inside[1, 15:20] = False
    assert marks.nearest(special, inside, 6).tolist() == [0, 1, 2, 3, 14, 21]


@pytest.mark.parametrize("layers", [1, 2])
def test_cached_activations_give_the_same_scores(folder: Path, layers: int) -> None:
    kind = registry.get("outputs", "classes")
    rows = [Example(i, row, "ab"[i % 2]) for i, row in enumerate(ROWS)]
    space = kind.space([row.target for row in rows])
    training = opened(folder, 2).training(rows, output=kind, space=space, layers=layers)
    assert training.cache is not None
    batch = training.batch(range(4))
    cached = training.forward(batch)
    training.cache = None
    torch.testing.assert_close(cached, training.forward(batch), atol=1e-5, rtol=0)


def relations(count: int = 60) -> list[Example]:
    """Rows whose label depends on which word is which argument, and on nothing else."""
    found = []
    for place in range(count):
        left, right = ("alice", "paris") if place % 2 else ("paris", "alice")
        text = f"{left} saw {right} and {('one', 'two', 'three')[place % 3]}"
        spans = ((0, 5), (10, 15)) if place % 4 < 2 else ((10, 15), (0, 5))
        first = text[slice(*spans[0])]
        found.append(Example(place, {"text": text, "marks": spans}, "person" if first == "alice" else "place"))
    return found


def bench(backbone: Path) -> Bench:
    told, rows = contracts.bench("classes", backbone), relations()
    space = told.output.space([row.target for row in rows])

    def fresh() -> Any:
        return Encoder.open(str(backbone), output="classes", size=2, like=rows[0].inputs, runtime=Runtime())

    return replace(
        told, train=rows[20:], validation=rows[:20], space=space, open=fresh, features=FeatureCache(fresh)
    )  # fmt: skip


@pytest.mark.parametrize(
    ("method", "options"),
    [
        ("tfidf", {}),
        ("head", {}),
        ("full", {"epochs": 4.0, "learning_rate": 5e-3, "batch_rows": 8}),
        ("full", {"epochs": 4.0, "learning_rate": 5e-3, "batch_rows": 8, "layers": 1}),
        ("lora", {"epochs": 4.0, "learning_rate": 2e-2, "batch_rows": 8, "rank": 4}),
        ("contrastive", {"anchors": 96, "learning_rate": 5e-3, "batch_rows": 8}),
    ],
)
def test_methods_learn_what_only_the_spans_tell(
    folder: Path, tmp_path: Path, method: str, options: dict[str, Any]
) -> None:
    told = bench(folder)
    result, scorer = run_trial(told, Candidate(method, options), folder=tmp_path, remaining=lambda: 120.0)
    assert result.scores["accuracy"] >= 0.9
    inputs = [row.inputs for row in told.validation]
    contracts.same(scorer.score(inputs), load_scorer(tmp_path / "scorer", result.family).score(inputs), tolerance=1e-4)


def test_frozen_features_are_kept_per_text_and_spans(folder: Path, tmp_path: Path) -> None:
    cache = FeatureCache(lambda: opened(folder), folder=tmp_path)
    _, first = cache.get(ROWS)
    again = FeatureCache(lambda: opened(folder), folder=tmp_path)
    places, second = again.get(ROWS, seconds=0.0)
    assert places == [0, 1, 2, 3]
    np.testing.assert_array_equal(first, second)
    assert not np.allclose(first[0], first[1])


def test_names_of_labels_are_not_compared_with_texts_that_are_read_with_their_spans(folder: Path) -> None:
    told = bench(folder)
    told.features.get([row.inputs for row in told.train])
    assert told.features.rows_per_second
    assert label_names(told, told.validation, seconds=60.0) is None


def test_the_bag_of_words_knows_what_stands_where() -> None:
    found = mark_features("The fire was caused by rain today", ((4, 8), (23, 27)))
    assert {"1=fire", "2=rain", "b>=caused", "bb>=caused by", "r>=today", "l>=the", "h=fire|rain", "n>=3"} <= {*found}
    turned = mark_features("The fire was caused by rain today", ((23, 27), (4, 8)))
    assert {"1=rain", "2=fire", "b<=caused", "bb<=caused by"} <= {*turned}
