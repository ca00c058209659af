"""When several models answer in place of one: what is selected, what is believed of it, what survives a kill."""

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

from autogpt import AutoGPT, load
from autogpt.autopilot import ensembling
from autogpt.autopilot import run as autopilot
from autogpt.autopilot.trial import Bench
from autogpt.config import Search
from autogpt.core import Example
from autogpt.data.split import parts
from autogpt.events import Event
from autogpt.runtime import available_cores
from autogpt.testing import contracts, tiny

ROWS = 400
METHODS = "majority,full"


@pytest.fixture(scope="module")
def tiny_bert(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tiny.bert_folder(tmp_path_factory.mktemp("bert") / "bert")


@pytest.fixture
def bench(tiny_bert: Path) -> Bench:
    """Validation rows of two labels; nothing is loaded."""
    told = contracts.bench("classes", tiny_bert)
    labels = told.space.labels
    rows = [Example(place, {"text": "x"}, labels[place % len(labels)]) for place in range(ROWS)]
    return replace(told, validation=rows)


def opinion(bench: Bench, *, seed: int, right: float = 1.0, noise: float = 1.0) -> Any:
    """Scores of a model that knows `right` of the truth, with errors of its own."""
    gold = bench.output.encode([row.target for row in bench.validation], bench.space)
    truth = right * np.eye(len(bench.space.labels))[gold]
    return truth + noise * np.random.default_rng(seed).normal(size=truth.shape)


def test_models_with_errors_of_their_own_are_joined_and_win_on_rows_not_selected_by(bench: Bench) -> None:
    found = ensembling.select(bench, [opinion(bench, seed=seed) for seed in range(3)])
    assert all(share > 0.1 for share in found.shares)
    assert sum(found.shares) == pytest.approx(1.0)
    assert found.gain > 2 * found.noise


def test_copies_and_guesses_are_no_gain_beyond_noise(bench: Bench) -> None:
    first = opinion(bench, seed=0)
    found = ensembling.select(bench, [first, first + 1e-6, opinion(bench, seed=1, right=0.0)])
    assert found.gain <= ensembling.BEYOND * found.noise
    assert found.shares[2] == 0.0


def test_the_more_is_selected_by_few_rows_the_more_of_it_was_luck(bench: Bench) -> None:
    curses = []
    for count in (20, ROWS):
        few = replace(bench, validation=bench.validation[:count])
        curses.append(ensembling.select(few, [opinion(few, seed=seed, noise=4.0) for seed in range(6)]).curse)
    assert curses[0] > 0.02
    assert curses[0] > 2 * curses[1]


def test_selection_is_the_same_for_the_same_seed(bench: Bench) -> None:
    tables = [opinion(bench, seed=seed) for seed in range(3)]
    assert ensembling.select(bench, tables) == ensembling.select(bench, tables)


def test_parts_share_no_row_and_hold_every_label() -> None:
    rows = [Example(place, {"text": f"text number {place} {place * 7919}"}, "ab"[place % 2]) for place in range(40)]
    found = parts(rows, count=4, rows=8, output="classes", seed=0)
    assert [len(part) for part in found] == [8, 8, 8, 8]
    assert len({place for part in found for place in part}) == 32
    assert all({rows[place].target for place in part} == {"a", "b"} for part in found)


def test_parts_keep_groups_and_copies_on_one_side() -> None:
    rows = [
        Example(place, {"text": f"text {place // 2} {place // 2 * 7919}"}, "ab"[place // 2 % 2]) for place in range(40)
    ]
    groups = [place // 4 for place in range(40)]
    for part in parts(rows, count=3, rows=8, output="classes", seed=1, groups=groups):
        assert len(part) % 4 == 0
        assert all(place // 4 * 4 + more in part for place in part for more in range(4))


@pytest.mark.parametrize(
    ("gain", "noise", "usual", "kept"),
    [
        (-0.04, 0.08, 0.009, True),  # few rows do not overrule what is usual
        (-0.01, 0.004, 0.009, False),  # and many do
        (0.04, 0.08, 0.0, False),  # what nothing is known of has to be shown by rows
        (0.02, 0.004, 0.0, True),
    ],
)
def test_what_rows_say_counts_as_far_as_it_is_sure(
    bench: Bench, gain: float, noise: float, usual: float, kept: bool
) -> None:
    found = ensembling.Selected([0.5, 0.5], gain, noise, 0.0)
    assert (ensembling.expected_gain(bench, found, usual=usual) >= ensembling.LEAST_GAIN) is kept


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
def joined(tiny_bert: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[autopilot.Run, list[Event]]:
    return trained(tmp_path_factory.mktemp("runs"), tiny_bert)


def test_few_rows_are_learned_by_several_models_that_answer_as_one(joined: tuple[autopilot.Run, list[Event]]) -> None:
    run, heard = joined
    decisions = [event.message for event in heard if event.kind == "decision"]
    assert any("full is fitted on fold 3" in one for one in decisions)
    assert any("3 models answer together: 3 of full" in one for one in decisions)
    assert run.model.info["family"] == "ensemble"
    texts = [row["note"] for row in noisy(12)]
    assert load(run.folder / "model").predict(texts) == run.model.predict(texts)
    described = json.loads((run.folder / "model" / "ensemble.json").read_text("utf-8"))
    assert [one["weight"] for one in described["members"]] == pytest.approx([1 / 3] * 3)


def test_the_report_shows_the_ensemble_and_the_trial_alone(joined: tuple[autopilot.Run, list[Event]]) -> None:
    report = joined[0].report
    assert [trial.name for trial in report.trials] == ["majority", "full", "ensemble of full"]
    assert "is to be expected" in report.trials[-1].reason
    assert [system.name for system in report.systems][:2] == ["ensemble of full", "full alone"]


def test_no_weights_are_left_but_those_of_the_model(joined: tuple[autopilot.Run, list[Event]]) -> None:
    folder = joined[0].folder
    kept = [path.relative_to(folder) for path in folder.rglob("model.safetensors")]
    assert {path.parts[:2] for path in kept} == {("model", f"member-{number}") for number in range(3)}


def test_one_model_where_the_user_wants_one(tiny_bert: Path, tmp_path: Path) -> None:
    run, _ = trained(tmp_path, tiny_bert, ensemble=False)
    assert run.model.info["method"] == "full"
    assert run.model.info["family"] == "encoder"


SCRIPT = """
import json, sys
from autogpt import AutoGPT
from autogpt.config import Search
search = Search(methods=sys.argv[4], backbone=sys.argv[3])
AutoGPT(output=sys.argv[2], search=search).train(json.loads(sys.argv[1]), time_limit=None)
"""


@pytest.mark.parametrize("how", [signal.SIGKILL, signal.SIGINT])
def test_a_run_stopped_among_its_folds_resumes_to_the_same_ensemble(
    how: signal.Signals, joined: tuple[autopilot.Run, list[Event]], tiny_bert: Path, tmp_path: Path
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
    found, wanted = resumed.model.predict(texts), joined[0].model.predict(texts)
    assert [one.value for one in found] == [one.value for one in wanted]
    if not torch.cuda.is_available():  # a GPU adds up in an order of its own
        assert found == wanted
