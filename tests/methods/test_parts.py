"""Parts that cannot be folded into the weights: they are kept beside the plain body and loaded with equal scores."""

import itertools
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from transformers import AutoModel

from autogpt import registry
from autogpt.autopilot.trial import Candidate, load_scorer, make_job, run_trial
from autogpt.backbones._adapters import bottleneck
from autogpt.core import Step
from autogpt.errors import ConfigError
from autogpt.testing import contracts, tiny

KINDS = ("adapter", "prefix", "prompt", "p-tuning")
QUICK = {"epochs": 1.0, "batch_rows": 8, "learning_rate": 1e-2}
ROUNDING = 1e-5 if torch.cuda.is_available() else 0.0
"""A GPU may add up in another order where weights stand at another address."""
NO_PREFIX = {"distilbert", "mpnet", "deberta", "deberta-v2", "modernbert"}


@pytest.fixture(scope="module")
def tiny_bert(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tiny.bert_folder(tmp_path_factory.mktemp("bert") / "bert")


def fitted(backbone: Path, method: str, folder: Path, output: str = "classes", **options: Any) -> Any:
    bench = contracts.bench(output, backbone)
    candidate = Candidate(method, {**QUICK, **options})
    return run_trial(bench, candidate, folder=folder, remaining=lambda: 120.0)[1], bench


@pytest.mark.parametrize("output", ["classes", "tokens"])
@pytest.mark.parametrize("method", KINDS)
def test_a_saved_model_gives_equal_scores_and_holds_the_plain_body(
    tiny_bert: Path, tmp_path: Path, method: str, output: str
) -> None:
    scorer, bench = fitted(tiny_bert, method, tmp_path, output)
    inputs = [row.inputs for row in bench.validation]
    again = load_scorer(tmp_path / "scorer", scorer.family)
    for found, expected in zip(again.score(inputs), scorer.score(inputs), strict=True):
        np.testing.assert_allclose(found, expected, rtol=0, atol=ROUNDING)
    saved, given = (AutoModel.from_pretrained(place).state_dict() for place in (tmp_path / "scorer", tiny_bert))
    own = [name for name in given if "pooler" not in name]
    assert own
    assert all(torch.equal(saved[name], given[name]) for name in own)
    assert not (tmp_path / "scorer" / "3_Dense").exists(), "without its parts the body's logits would be wrong"
    again.save(tmp_path / "twice")
    third = load_scorer(tmp_path / "twice", scorer.family)
    for found, expected in zip(third.score(inputs), scorer.score(inputs), strict=True):
        np.testing.assert_allclose(found, expected, rtol=0, atol=ROUNDING)


@pytest.mark.parametrize("method", KINDS)
def test_scores_do_not_depend_on_the_rows_beside(tiny_bert: Path, tmp_path: Path, method: str) -> None:
    scorer, _ = fitted(tiny_bert, method, tmp_path)
    short, long = {"text": "red"}, {"text": "the card is blue and good " * 3}
    together = scorer.score([short, long])
    np.testing.assert_allclose(together[0], scorer.score([short])[0], atol=1e-5)


@pytest.mark.parametrize("family", tiny.FAMILIES)
@pytest.mark.parametrize("method", KINDS)
def test_a_family_can_do_it_or_the_error_says_what_else_to_use(family: str, method: str, tmp_path: Path) -> None:
    backbone = tiny.encoder_folder(tmp_path / family, family)
    if method == "prefix" and family in NO_PREFIX:
        with pytest.raises(ConfigError, match=r"prefix: .* cannot take virtual tokens .*use adapter or lora"):
            fitted(backbone, method, tmp_path / "trial")
        return
    scorer, bench = fitted(backbone, method, tmp_path / "trial")
    inputs = [row.inputs for row in bench.validation]
    again = load_scorer(tmp_path / "trial" / "scorer", scorer.family)
    np.testing.assert_allclose(again.score(inputs), scorer.score(inputs), rtol=0, atol=ROUNDING)


def test_bottlenecks_begin_as_the_identity_and_follow_their_formula(tiny_bert: Path) -> None:
    bench = contracts.bench("classes", tiny_bert)
    inputs, encoder = [row.inputs for row in bench.validation], bench.open()
    before = np.asarray(encoder.features(inputs))
    encoder.attach("bottleneck", size=4, seed=0)
    np.testing.assert_array_equal(np.asarray(encoder.features(inputs)), before)
    parts = [part for part in encoder.net.body.modules() if isinstance(part, bottleneck.Bottleneck)]
    assert len(parts) == encoder.layer_count, "one per layer"
    torch.nn.init.normal_(parts[0].up.weight)
    given = torch.randn(3, parts[0].inner.in_features)
    inner = given @ parts[0].inner.weight.T + parts[0].inner.bias
    hidden = torch.nn.functional.gelu(inner @ parts[0].down.weight.T)
    torch.testing.assert_close(parts[0](given), inner + hidden @ parts[0].up.weight.T)


def test_qlora_says_what_it_needs(tiny_bert: Path, tmp_path: Path) -> None:
    if torch.cuda.is_available():
        pytest.skip("this machine has a GPU")
    with pytest.raises(ConfigError, match="qlora needs a CUDA GPU and the package bitsandbytes"):
        fitted(tiny_bert, "qlora", tmp_path)


def test_gradual_unfreezing_reaches_lower_layers_later(tmp_path: Path) -> None:
    from autogpt.methods.gradual import _Frozen, _rates

    bench = contracts.bench("classes", tiny.bert_folder(tmp_path / "bert", layers=3))
    encoder = bench.open()
    frozen, layers = _Frozen(encoder.net.body, encoder.layers()), encoder.layers()
    encoder.set_head(np.random.default_rng(0).normal(size=(3, 16)), np.zeros(3))
    training = encoder.training(bench.train, output=bench.output, space=bench.space)
    for progress, lowest in ((0.0, 2), (0.5, 1), (1.0, 0)):
        frozen.set(progress)
        encoder.net.zero_grad(set_to_none=True)
        batch = training.batch(range(8))
        training.loss(training.forward(batch), batch).sum().backward()
        moved = [any(p.grad is not None for p in layer.parameters()) for layer in layers]
        assert moved == [place >= lowest for place in range(3)]
    rate = _rates(encoder.net, layers, 0.5)
    query = "body.encoder.layer.{}.attention.self.query.weight"
    assert [rate(query.format(place)) for place in range(3)] == [0.25, 0.5, 1.0]
    assert rate("body.embeddings.word_embeddings.weight") == 0.125
    assert rate("head.weight") == 1.0
    frozen.remove()
    assert not any("gradual" in name for name in encoder.net.state_dict())


def frozen_layers(
    judge: Callable[[Any], dict[str, float]], backbone: Path, folder: Path
) -> tuple[list[int], list[str]]:
    """Frozen layers after every step of gradual unfreezing judged by `judge`, and the notes."""
    bench = contracts.bench("classes", backbone)
    candidate = Candidate("gradual", {"epochs": 3.0, "share": 0.9, "batch_rows": 8})
    whole = make_job(bench, candidate, folder=folder, remaining=lambda: 120.0)
    seen: list[int] = []

    def loop(trainable: Any, settings: Any, validate: Any) -> Iterator[Step]:
        for step in whole.loop(trainable, settings, validate):
            seen.append(int(trainable.module.body.gradual.frozen))
            yield step

    job = replace(whole, judge=judge, loop=loop)
    for _ in registry.get("methods", "gradual").fit(job):
        pass
    return seen, job.notes


def test_gradual_unfreezing_goes_on_early_when_validation_stalls(tmp_path: Path) -> None:
    backbone = tiny.bert_folder(tmp_path / "bert", layers=3)
    rising = itertools.count()
    planned, told = frozen_layers(lambda scores: {"accuracy": float(next(rising))}, backbone, tmp_path / "rising")
    assert planned == [2] * 6 + [1] * 7 + [0] * 2
    assert not told
    stalled, told = frozen_layers(lambda scores: {"accuracy": 0.5}, backbone, tmp_path / "flat")
    assert stalled == [2] * 6 + [1] * 3 + [0] * 6, "the second of three validations is no better than the first"
    assert told == ["validation stalled: 1 layers were unfrozen before their time"]


@pytest.mark.parametrize(
    ("method", "wrong"), [("adapter", {"size": 0}), ("prompt", {"tokens": 0}), ("gradual", {"decay": 0.0})]
)
def test_wrong_options_are_named(tiny_bert: Path, tmp_path: Path, method: str, wrong: dict[str, Any]) -> None:
    with pytest.raises(ConfigError, match=next(iter(wrong))):
        fitted(tiny_bert, method, tmp_path, **wrong)
