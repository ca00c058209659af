"""What each method changes, and what it leaves alone."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from safetensors.torch import load_file

from autogpt import registry
from autogpt.autopilot.trial import Candidate, make_job, run_trial
from autogpt.backbones._training import EncoderTraining
from autogpt.errors import Interrupted
from autogpt.events import Event
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


@pytest.mark.parametrize(
    ("method", "mark"), [("lora", "lora_"), ("adalora", "lora_"), ("ia3", "ia3_"), ("bitfit", ".bias")]
)
def test_only_what_a_method_adds_or_names_trains(
    tiny_bert: Path, tmp_path: Path, method: str, mark: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    bench, seen = contracts.bench("classes", tiny_bert), list[set[str]]()
    original = EncoderTraining.groups

    def watched(self: EncoderTraining) -> list[dict[str, Any]]:
        seen.append({name for name, p in self.net.named_parameters() if p.requires_grad})
        return original(self)

    monkeypatch.setattr(EncoderTraining, "groups", watched)
    fitted(bench, method, {"epochs": 1.0}, tmp_path)
    (training,) = seen
    assert any(mark in name for name in training)
    assert all(mark in name or name.startswith("head.") for name in training)


def test_lora_plus_trains_b_faster(tiny_bert: Path) -> None:
    bench = contracts.bench("classes", tiny_bert)
    training = bench.open().training(bench.train, output=bench.output, space=bench.space)
    training.rate_of = lambda name: 4.0 if name.endswith("bias") else 1.0
    scales = {name: group["lr_scale"] for group in training.groups() for name in group["names"]}
    assert {scale for name, scale in scales.items() if name.endswith("bias") and "head" not in name} == {4.0}
    assert {scale for name, scale in scales.items() if not name.endswith("bias") or "head" in name} == {1.0}


def test_adalora_switches_the_least_important_directions_off(tiny_bert: Path, tmp_path: Path) -> None:
    bench = contracts.bench("classes", tiny_bert)
    fitted(bench, "adalora", {"epochs": 8.0, "rank": 2, "learning_rate": 2e-2, "batch_rows": 8}, tmp_path)
    adapter = load_file(tmp_path / "adapter" / "adapter_model.safetensors")
    scales = [table for name, table in adapter.items() if "lora_E" in name]
    assert sum(len(table) for table in scales) == 2 * len(scales), "of three directions a layer two are left"
    assert len({len(table) for table in scales}) > 1, "more in some layers, fewer in others"


def test_adalora_leaves_ranks_alone_when_there_are_too_few_steps_to_know(tiny_bert: Path, tmp_path: Path) -> None:
    fitted(contracts.bench("classes", tiny_bert), "adalora", {"epochs": 1.0, "rank": 2}, tmp_path)
    adapter = load_file(tmp_path / "adapter" / "adapter_model.safetensors")
    assert {len(table) for name, table in adapter.items() if "lora_E" in name} == {3}


@pytest.mark.parametrize(
    "method", ["lora", "adalora", "ia3", "bitfit", "gradual", "adapter", "prefix", "prompt", "p-tuning"]
)
def test_a_stopped_training_goes_on_bit_for_bit(tiny_bert: Path, tmp_path: Path, method: str) -> None:
    options = {"epochs": 4.0, "batch_rows": 8}
    straight = fitted(contracts.bench("classes", tiny_bert), method, options, tmp_path / "straight")
    for stop in (1, 7, 5):
        done = list[Event]()
        bench = replace(
            contracts.bench("classes", tiny_bert),
            listen=done.append,
            stop=lambda: sum(event.kind == "step" for event in done) >= stop,  # noqa: B023
        )
        with pytest.raises(Interrupted):
            fitted(bench, method, options, tmp_path / "resumed")
    resumed = fitted(contracts.bench("classes", tiny_bert), method, options, tmp_path / "resumed")
    for (name, a), (_, b) in zip(body_weights(straight).items(), body_weights(resumed).items(), strict=True):
        np.testing.assert_array_equal(a, b, err_msg=name)


@pytest.mark.parametrize(
    ("method", "own"), [*(("lora", {"rank": 2, "kind": kind}) for kind in lora.KINDS), ("adalora", {}), ("ia3", {})]
)
def test_the_adapter_is_kept_for_peft(tiny_bert: Path, tmp_path: Path, method: str, own: dict[str, Any]) -> None:
    from peft import PeftModel
    from transformers import AutoModel

    bench = contracts.bench("classes", tiny_bert)
    merged = fitted(bench, method, {"epochs": 4.0, "learning_rate": 2e-2, "batch_rows": 8, **own}, tmp_path)
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
