"""Texts learned beside labels: what trains, which texts, and that a run says so and saves an ordinary model."""

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch

from autogpt import registry
from autogpt.autopilot import run as autopilot
from autogpt.config import Adaptive, Columns, RunConfig, Search
from autogpt.errors import ConfigError
from autogpt.model import Model
from autogpt.regimes import _anchored, _beside
from autogpt.regimes._beside import Beside
from autogpt.runtime import Runtime
from autogpt.testing import tiny
from autogpt.training.auxiliary import Auxiliary


@pytest.fixture(autouse=True)
def _few_steps(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_anchored, "HEAD_STEPS", 4)


@pytest.fixture(scope="module")
def backbone(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tiny.bert_folder(tmp_path_factory.mktemp("backbones") / "bert", head=False)


ROWS = tiny.examples("classes", 40)
NOTES = [{"note": row.inputs["text"], "kind": row.target} for row in tiny.examples("classes", 120)]


def config(backbone: Path, objective: str = "masked", joint: float = 0.5, **more: Any) -> RunConfig:
    chosen = Adaptive(adapt="off", adapt_objective=objective, adapt_joint=joint)
    return RunConfig(adaptive=chosen, search=Search(backbone=str(backbone), **more))


def made(backbone: Path, objective: str, folder: Path, **shape: Any) -> tuple[Any, Any]:
    """What the loop would train of an encoder, and what it trains with texts beside."""
    output = registry.get("outputs", "classes")
    space = output.space([row.target for row in ROWS])
    encoder = registry.get("backbones", "encoder").open(
        str(backbone), output="classes", size=output.size(space), like=ROWS[0].inputs, runtime=Runtime(), offline=True
    )
    plain = encoder.training(ROWS, output=output, space=space, **shape)
    beside = Beside(config(backbone, objective), lambda: [row.inputs for row in ROWS], Runtime, lambda: False, 0)
    return plain, beside(plain, folder, lambda: 600.0)


@pytest.mark.parametrize("objective", ["masked", "salient", "simcse", "tsdae"])
def test_the_body_learns_both_and_what_the_method_froze_stays_frozen(
    backbone: Path, objective: str, tmp_path: Path
) -> None:
    plain, model = made(backbone, objective, tmp_path, layers=1, embeddings=False)
    assert isinstance(model, Auxiliary)
    frozen = [p for p in plain.net.body.parameters() if not p.requires_grad]
    assert frozen, "the lower layer and the word embeddings"
    trained = {id(p) for group in model.groups() for p in group["params"]}
    assert not trained & set(map(id, frozen))
    assert {id(p) for group in plain.groups() for p in group["params"]} <= trained
    model.module.train()
    body = [p for p in plain.net.body.parameters() if p.requires_grad]
    sizes = []
    for weight in (0.0, 0.5):
        model.weight = weight
        model.module.zero_grad()
        batch = model.batch([0, 1, 2, 3])
        torch.manual_seed(0)
        model.loss(model.forward(batch), batch).mean().backward()
        sizes.append(sum(float(p.grad.abs().sum()) for p in body if p.grad is not None))
    assert sizes[0] == 0.0, "under a head of zeros labels alone move no body"
    assert sizes[1] > 0.0


def test_what_the_method_keeps_out_of_training_mode_stays_so(backbone: Path, tmp_path: Path) -> None:
    plain, model = made(backbone, "masked", tmp_path, dropout=False)
    model.module.train()
    assert not any(part.training for part in plain.net.body.modules())


def test_an_objective_of_another_family_and_a_weight_below_nothing_are_refused(backbone: Path, tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="objective 'causal' is for decoder models, and this is of encoder; name"):
        made(backbone, "causal", tmp_path)
    with pytest.raises(ConfigError, match="adapt_joint -1"):
        Adaptive(adapt_joint=-1.0)


def test_what_has_no_body_of_its_own_is_left_as_it_is(backbone: Path, tmp_path: Path) -> None:
    pairs: Any = object()
    beside = Beside(config(backbone), tuple, Runtime, lambda: False, 0)
    assert beside(pairs, tmp_path, lambda: 1.0) is pairs


@pytest.mark.parametrize("method", ["full", "lora"])
def test_a_run_learns_its_texts_beside_and_its_model_is_an_ordinary_one(
    backbone: Path, method: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    read: list[str] = []
    plain = _beside.texts_of
    monkeypatch.setattr(_beside, "texts_of", lambda rows, objective: (
        read.extend(found := plain(rows, objective)), found)[1])  # fmt: skip
    told = config(backbone, methods=method, ensemble=False)
    told = replace(told, output=str(tmp_path), time_limit=120.0, columns=Columns(target="kind"))
    run = autopilot.run(told, data=NOTES)
    lines = [json.loads(line)["message"] for line in (run.folder / "journal.jsonl").read_text("utf-8").splitlines()]
    assert any("learns the texts beside labels (masked), weight 0.5 falling to 0" in line for line in lines)
    assert read
    texts = {row["note"] for row in NOTES}
    assert set(read) < texts, "none of validation or test rows"
    answers = Model.load(run.folder / "model").predict(["alice found the red card", "bob lost the blue money"])
    assert [one.value for one in answers] == [
        one.value for one in run.model.predict(["alice found the red card", "bob lost the blue money"])
    ]
