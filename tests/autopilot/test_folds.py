"""With few rows: the mean of the weights of several fits, as one model, and what of it survives a kill."""

import json
import os
import signal
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from test_run import table, the_run

from autogpt import AutoGPT, load, registry
from autogpt.autopilot import folds
from autogpt.autopilot import run as autopilot
from autogpt.autopilot.trial import Result
from autogpt.backbones.encoder import Encoder
from autogpt.config import Search
from autogpt.core import Example, Scorer
from autogpt.events import Event
from autogpt.runtime import available_cores, detect
from autogpt.testing import contracts, tiny

METHODS = "majority,full"


@pytest.fixture(scope="module")
def tiny_bert(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tiny.bert_folder(tmp_path_factory.mktemp("bert") / "bert")


def opened(backbone: Path) -> Encoder:
    found: Encoder = registry.get("backbones", "encoder").open(
        str(backbone), output="classes", size=2, runtime=detect(), offline=True
    )
    return found


def test_the_mean_of_weights_is_that_of_every_parameter(tiny_bert: Path) -> None:
    first, second, mean = (opened(tiny_bert) for _ in range(3))
    with torch.no_grad():
        for place, one in enumerate((first, second)):
            for parameter in one.net.parameters():
                parameter.add_(place + 1.0)
    before = [parameter.detach().clone() for parameter in mean.net.parameters()]
    mean.take_mean([first, second])
    for was, now in zip(before, mean.net.parameters(), strict=True):
        assert torch.allclose(now, was + 1.5, atol=1e-6)


def noisy(rows: int = 120) -> list[dict[str, Any]]:
    """Notes of which a fifth has the label of another: errors are left that a mean could remove."""
    found = table(rows)
    odd = [row if place % 5 else {**row, "kind": found[place - 1]["kind"]} for place, row in enumerate(found)]
    return [{**row, "part": "test" if place % 6 == 0 else "train"} for place, row in enumerate(odd)]


def trained(folder: Path, backbone: Path, **search: Any) -> tuple[autopilot.Run, list[Event]]:
    """A run without a limit: how many models are fitted does not hang on how busy the machine is."""
    heard: list[Event] = []
    face = AutoGPT(output=str(folder), search=Search(methods=METHODS, backbone=str(backbone), **search))
    face.train(noisy(), time_limit=None, listen=heard.append)
    assert face.run is not None
    return face.run, heard


@pytest.fixture(scope="module")
def averaged(tiny_bert: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[autopilot.Run, list[Event]]:
    return trained(tmp_path_factory.mktemp("runs"), tiny_bert)


def test_few_rows_are_learned_by_several_fits_whose_mean_is_one_model(
    averaged: tuple[autopilot.Run, list[Event]],
) -> None:
    run, heard = averaged
    decisions = [event.message for event in heard if event.kind == "decision"]
    assert any("full is fitted on fold 3" in one for one in decisions)
    assert any("3 fits of full" in one and "it answers, as one model" in one for one in decisions)
    assert run.model.info["method"] == "full"
    assert run.model.info["family"] == "encoder"
    texts = [row["note"] for row in noisy(12)]
    assert load(run.folder / "model").predict(texts) == run.model.predict(texts)
    assert run.report.systems[0].name == "full"


def test_no_weights_are_left_but_those_of_the_model(averaged: tuple[autopilot.Run, list[Event]]) -> None:
    folder = averaged[0].folder
    kept = {path.relative_to(folder).parts[0] for path in folder.rglob("model.safetensors")}
    assert kept == {"model"}


def test_a_mean_that_loses_more_than_its_parts_is_left(
    tiny_bert: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def spoiled(self: Encoder, others: list[Scorer]) -> None:
        self.set_head(np.array([[-9.0] * self.width, [9.0] * self.width, [0.0] * self.width]), np.zeros(3))

    monkeypatch.setattr(Encoder, "take_mean", spoiled)
    run, heard = trained(tmp_path, tiny_bert)
    messages = [event.message for event in heard]
    assert any("the mean of their weights" in one and "it is left" in one for one in messages)
    assert any("full is fitted again on training and validation rows together" in one for one in messages)
    assert run.report.systems[0].scores[0].value > 0.5


@pytest.mark.parametrize(
    ("method", "rows", "pays"),
    [("full", 40, True), ("full", 10, False), ("full", 200, False), ("head", 40, False)],
)
def test_only_what_was_measured_to_gain_is_fitted_on_folds(tiny_bert: Path, method: str, rows: int, pays: bool) -> None:
    bench = contracts.bench("classes", tiny_bert)
    labels = bench.space.labels
    train = [Example(place, {"text": "x"}, labels[place % len(labels)]) for place in range(rows * len(labels))]
    result = Result(method, method, {}, {}, {}, 8.0, "encoder", 8.0)
    assert (folds.ahead(replace(bench, train=train), result) > 16.0) is pays


SCRIPT = """
import json, sys
from autogpt import AutoGPT
from autogpt.autopilot.trial import Result
from autogpt.config import Search
search = Search(methods=sys.argv[4], backbone=sys.argv[3])
AutoGPT(output=sys.argv[2], search=search).train(json.loads(sys.argv[1]), time_limit=None)
"""


@pytest.mark.parametrize("how", [signal.SIGKILL, signal.SIGINT])
def test_a_run_stopped_among_its_folds_resumes_to_the_same_model(
    how: signal.Signals, averaged: tuple[autopilot.Run, list[Event]], tiny_bert: Path, tmp_path: Path
) -> None:
    command = [sys.executable, "-c", SCRIPT, json.dumps(noisy()), str(tmp_path), str(tiny_bert), METHODS]
    same = {**os.environ, "OMP_NUM_THREADS": str(available_cores())}
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, env=same)
    folder = the_run(tmp_path, until="full is fitted on fold 3", seconds=200)
    process.send_signal(how)
    assert process.wait(60) != 0
    assert len([*folder.glob("trials/*/fold-*/result.json")]) == 1
    if how is signal.SIGINT:
        assert json.loads((folder / "run.json").read_text())["status"] == "paused"
    resumed = autopilot.resume(folder)
    texts = [row["note"] for row in noisy()]
    found, wanted = resumed.model.predict(texts), averaged[0].model.predict(texts)
    assert [one.value for one in found] == [one.value for one in wanted]
    if not torch.cuda.is_available():  # a GPU adds up in an order of its own
        assert found == wanted
