"""Candidates in an encoder: what is read, what is cut, batches of whole rows, cached activations, saved folders."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

from autogpt import probe, registry
from autogpt.autopilot.trial import Candidate, run_trial
from autogpt.backbones import _readings
from autogpt.backbones.encoder import Encoder
from autogpt.runtime import Runtime
from autogpt.testing import contracts, tiny

KIND = registry.get("outputs", "choices")
INPUTS = [
    {"text": "my dog runs", "choices": ("red card", "a cat", "my dog sleeps")},
    {"text": "alice lives in rome", "choices": ("paris", "rome")},
]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tiny.bert_folder(tmp_path_factory.mktemp("bert"), layers=3)


def opened(folder: Path) -> Encoder:
    encoder = Encoder.open(str(folder), output="choices", size=1, like=INPUTS[0], runtime=Runtime())
    encoder.set_head(np.random.default_rng(0).normal(size=(1, encoder.width)), np.zeros(1))
    return encoder


def test_each_candidate_is_read_with_the_text_in_two_segments(folder: Path) -> None:
    encoder = opened(folder)
    pieces = encoder.pieces(INPUTS)
    assert [(piece.row, piece.words.tolist()) for piece in pieces if piece.words is not None] == [
        (0, [0]), (0, [1]), (0, [2]), (1, [0]), (1, [1]),
    ]  # fmt: skip
    read = encoder.tokenizer.convert_ids_to_tokens(pieces[1].ids.tolist())
    assert read == ["[CLS]", "my", "dog", "runs", "[SEP]", "a", "cat", "[SEP]"]
    assert pieces[1].types is not None
    assert pieces[1].types.tolist() == [0, 0, 0, 0, 0, 1, 1, 1]


def test_features_are_the_whole_and_how_its_segments_compare(folder: Path) -> None:
    encoder = opened(folder)
    found = encoder.features(INPUTS)[0][1]
    batch = encoder.tokenizer("my dog runs", "a cat", return_tensors="pt")
    with torch.inference_mode():
        hidden = encoder.net.body(**batch).last_hidden_state[0].numpy()
    first, second = hidden[:5].mean(axis=0), hidden[5:].mean(axis=0)
    np.testing.assert_allclose(
        found, np.concatenate([hidden.mean(axis=0), abs(first - second), first * second]), atol=1e-5
    )


def test_scores_do_not_depend_on_the_batch_and_survive_saving(folder: Path, tmp_path: Path) -> None:
    contracts.scorer_contract(opened(folder), INPUTS, tmp_path / "saved")


@pytest.mark.parametrize("family", tiny.FAMILIES)
def test_every_family_reads_candidates(tmp_path: Path, family: str) -> None:
    scores = opened(tiny.encoder_folder(tmp_path, family)).score(INPUTS)
    assert [len(table) for table in scores] == [3, 2]
    assert all(np.ptp(table) > 0 for table in scores)


def test_the_longer_side_is_cut_and_rows_are_counted_once(folder: Path) -> None:
    encoder = opened(folder)
    long = {"text": "dog " * 100, "choices": ("red card", "cat")}
    (first, _) = encoder.pieces([long])
    read = encoder.tokenizer.convert_ids_to_tokens(first.ids.tolist())
    assert len(read) == encoder.max_length
    assert read[-3:] == ["red", "card", "[SEP]"], "the candidate is whole"
    encoder.pieces([long, *INPUTS])
    assert encoder.cut == 1


def test_a_batch_has_all_candidates_of_its_rows_and_its_loss_is_that_of_the_scores(folder: Path) -> None:
    rows = tiny.examples("choices", 8)
    training = opened(folder).training(rows, output=KIND, space=KIND.space([]))
    assert len(training.lengths()) == 8
    batch = training.batch([3, 5, 1])
    assert batch.index.tolist() == [3, 5, 1]
    assert len(batch.inputs["ids"]) == sum(len(rows[place].inputs["choices"]) for place in (3, 5, 1))
    training.net.eval()
    losses = training.loss(training.forward(batch), batch).detach()
    scores = training.score()
    by_hand = []
    for place in (3, 5, 1):
        table = np.asarray(scores[place])[:, 0]
        by_hand.append(float(np.logaddexp.reduce(table) - table[int(np.argmax(rows[place].target))]))
    np.testing.assert_allclose(losses.numpy(), by_hand, atol=1e-5)
    known = training.losses_of([3, 5, 1], [scores[place] for place in (3, 5, 1)])
    np.testing.assert_allclose([known[place] for place in (3, 5, 1)], by_hand, atol=1e-5)
    assert np.isnan(known[0])


@pytest.mark.parametrize("layers", [1, 2])
def test_cached_activations_give_the_same_losses(folder: Path, layers: int) -> None:
    rows = tiny.examples("choices", 8)
    training = opened(folder).training(rows, output=KIND, space=KIND.space([]), layers=layers)
    assert training.cache is not None
    batch = training.batch(range(8))
    cached = training.loss(training.forward(batch), batch)
    training.cache = None
    plain = training.batch(range(8))
    torch.testing.assert_close(cached, training.loss(training.forward(plain), plain), atol=1e-5, rtol=0)


def test_the_linear_head_of_lists_is_where_its_gradient_ends(folder: Path) -> None:
    """The solved head against the listwise objective's own gradient, by a formula of its own."""
    rows = tiny.examples("choices", 24)
    features = opened(folder).features([row.inputs for row in rows])
    encoded = KIND.encode([row.target for row in rows], KIND.space([]))
    found = probe.Rows.of(features, encoded, [1.0] * 24, KIND)
    assert (len(found.features), len(found.target)) == (sum(len(row.target) for row in rows), 24)
    head = probe.solve(found, KIND, KIND.space([]), c=1.0, judge=None)
    scale = float(np.linalg.norm(found.features, axis=1).mean())
    gradient = head.weight[0] * scale
    for table, target in zip(features, encoded, strict=True):
        table = np.asarray(table) / scale
        logits = table @ head.weight[0] * scale
        share = np.exp(logits - logits.max())
        gradient = gradient + table.T @ (share / share.sum() - target)
    assert np.abs(gradient).max() < 0.02
    part = found.where(np.arange(24) < 5)
    assert (len(part.target), len(part.features)) == (5, sum(len(row.target) for row in rows[:5]))


def test_full_moves_the_body_and_learns(folder: Path, tmp_path: Path) -> None:
    bench = contracts.bench("choices", folder)
    options = {"epochs": 4.0, "learning_rate": 5e-3, "batch_rows": 8}
    result, scorer = run_trial(bench, Candidate("full", options), folder=tmp_path, remaining=lambda: 60.0)
    assert result.scores["choice-accuracy"] >= 0.9
    moved = scorer.net.body.encoder.layer[0].output.dense.weight  # type: ignore[attr-defined]
    assert not torch.equal(moved, bench.open().net.body.encoder.layer[0].output.dense.weight)


def test_the_keys_of_a_row_choose_the_reading() -> None:
    assert _readings.of({"text": "a", "choices": ("b", "c")}).name == "choices"
    assert _readings.of({"text": "a"}).name == "text"
