"""What each method changes, and what it leaves alone."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from autogpt import registry
from autogpt.autopilot.trial import Candidate, make_job, run_trial
from autogpt.methods import lora
from autogpt.methods.contrastive import Options as ContrastiveOptions
from autogpt.methods.contrastive import Pairs, supervised_contrastive
from autogpt.testing import contracts, tiny


@pytest.fixture(scope="module")
def tiny_bert(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tiny.bert_folder(tmp_path_factory.mktemp("bert") / "bert", layers=3)


def body_weights(scorer: Any) -> dict[str, np.ndarray]:
    return {name: p.detach().numpy().copy() for name, p in scorer.net.body.named_parameters()}


def changed(before: dict[str, np.ndarray], after: dict[str, np.ndarray]) -> set[str]:
    return {name for name in before if not np.array_equal(before[name], after[name])}


def fitted(bench: Any, name: str, options: dict[str, Any], folder: Path) -> Any:
    return run_trial(bench, Candidate(name, options), folder=folder, remaining=lambda: 120.0)[1]


def test_the_head_leaves_the_body_alone(tiny_bert: Path, tmp_path: Path) -> None:
    bench = contracts.bench("classes", tiny_bert)
    before = body_weights(bench.open())
    assert not changed(before, body_weights(fitted(bench, "head", {}, tmp_path)))


@pytest.mark.parametrize("layers", [1, 2])
def test_full_moves_only_the_top_layers_when_told(layers: int, tiny_bert: Path, tmp_path: Path) -> None:
    bench = contracts.bench("classes", tiny_bert)
    before = body_weights(bench.open())
    moved = changed(before, body_weights(fitted(bench, "full", {"layers": layers, "epochs": 1.0}, tmp_path)))
    assert moved
    assert {name.split("layer.")[1][0] for name in moved} == {str(place) for place in range(3 - layers, 3)}


@pytest.mark.parametrize("embeddings", [False, True])
def test_full_moves_word_embeddings_only_when_told(embeddings: bool, tiny_bert: Path, tmp_path: Path) -> None:
    bench = contracts.bench("classes", tiny_bert)
    before = body_weights(bench.open())
    moved = changed(before, body_weights(fitted(bench, "full", {"embeddings": embeddings, "epochs": 1.0}, tmp_path)))
    assert ("embeddings.word_embeddings.weight" in moved) is embeddings
    assert {f"encoder.layer.{place}.output.dense.weight" for place in range(3)} <= moved
    assert not any("pooler" in name for name in moved)


def test_lora_trains_adapters_and_the_head_only(tiny_bert: Path) -> None:
    bench = contracts.bench("classes", tiny_bert)
    encoder = bench.open()
    lora.attach(encoder, rank=2, seed=0)
    encoder.training(bench.train, output=bench.output, space=bench.space)
    training = {name for name, p in encoder.net.named_parameters() if p.requires_grad}
    assert training
    assert all("lora_" in name or name.startswith("head.") for name in training)


def test_the_lora_adapter_is_kept_for_peft(tiny_bert: Path, tmp_path: Path) -> None:
    from peft import PeftModel
    from transformers import AutoModel

    bench = contracts.bench("classes", tiny_bert)
    merged = fitted(bench, "lora", {"epochs": 2.0, "rank": 2, "learning_rate": 2e-2}, tmp_path)
    theirs = PeftModel.from_pretrained(AutoModel.from_pretrained(tiny_bert), tmp_path / "adapter").eval()
    ids = torch.tensor([[2, 10, 11, 12, 3]])
    with torch.inference_mode():
        expected = theirs(input_ids=ids).last_hidden_state
        found = merged.net.body(input_ids=ids).last_hidden_state
    torch.testing.assert_close(found, expected, atol=1e-4, rtol=0)


def test_the_contrastive_loss_follows_its_formula() -> None:
    vectors = torch.tensor([[1.0, 0.0], [0.0, 1.0], [1.0, 1.0]])
    labels = torch.tensor([0, 1, 0])
    unit = vectors / vectors.norm(dim=1, keepdim=True)
    s = (unit @ unit.T / 0.5).exp()
    expected = -torch.log(s[0, 2] / (s[0, 1] + s[0, 2]))
    found = supervised_contrastive(vectors, labels, temperature=0.5)
    assert found[0].item() == pytest.approx(expected.item(), rel=1e-5)
    assert found[1].item() == 0.0, "a row without a positive teaches nothing"


def test_every_anchor_brings_a_partner_of_its_label(tiny_bert: Path) -> None:
    bench = contracts.bench("classes", tiny_bert)
    encoder = bench.open()
    training = encoder.training(bench.train, output=bench.output, space=bench.space)
    pairs = Pairs(training, options=ContrastiveOptions(anchors=100), seed=3)
    labels = np.asarray(training.targets)
    assert len(pairs.lengths()) == 100
    assert (labels[pairs.anchors] == labels[pairs.partners]).all()
    assert (pairs.anchors != pairs.partners).all()


def test_contrastive_tuning_pulls_labels_apart(tiny_bert: Path, tmp_path: Path) -> None:
    bench = contracts.bench("classes", tiny_bert)
    inputs = [row.inputs for row in bench.validation]
    labels = np.array([row.target for row in bench.validation])

    def gap(encoder: Any) -> float:
        unit = np.asarray(encoder.features(inputs))
        unit = unit / np.linalg.norm(unit, axis=1, keepdims=True)
        cosine, same = unit @ unit.T, labels[:, None] == labels[None, :]
        return float(cosine[same].mean() - cosine[~same].mean())

    before = gap(bench.open())
    tuned = fitted(bench, "contrastive", {"anchors": 96, "learning_rate": 5e-3, "batch_rows": 8}, tmp_path)
    assert gap(tuned) > before + 0.1


def test_a_refit_takes_what_was_chosen(tiny_bert: Path, tmp_path: Path) -> None:
    bench = contracts.bench("classes", tiny_bert)
    result, _ = run_trial(bench, Candidate("head"), folder=tmp_path, remaining=lambda: 60.0)
    assert result.chosen["c"] > 0
    options = registry.get("methods", "head").options(**result.chosen)
    job = make_job(bench, Candidate("head", result.chosen), folder=tmp_path, remaining=lambda: 60.0)
    assert job.options == options


def test_shuffled_labels_cannot_be_learned(tiny_bert: Path, tmp_path: Path) -> None:
    """The control of every method: without a relation between text and label, validation stays near chance."""
    from dataclasses import replace

    bench = contracts.bench("classes", tiny_bert)
    order = np.random.default_rng(0).permutation(len(bench.train))
    shuffled = [replace(row, target=bench.train[place].target) for row, place in zip(bench.train, order, strict=True)]
    result, _ = run_trial(replace(bench, train=shuffled), Candidate("tfidf"), folder=tmp_path, remaining=lambda: 60.0)
    assert result.scores["accuracy"] < 0.7
