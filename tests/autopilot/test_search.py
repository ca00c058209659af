"""What follows the ladder: when a run searches, what it tries, what it stops, and what survives a kill."""

import json
import os
import random
import signal
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from test_run import the_run

from autogpt.autopilot import run as autopilot
from autogpt.autopilot import search
from autogpt.autopilot.trial import Bench, Candidate, run_trial
from autogpt.config import Experiments, RunConfig, Search
from autogpt.core import Example
from autogpt.errors import Interrupted
from autogpt.events import Event
from autogpt.runtime import available_cores
from autogpt.testing import contracts, tiny

WORDS = ["card", "account", "payment", "transfer", "refund", "limit", "statement", "address"]


def table(rows: int, *, wrong: float = 0.3, seed: int = 0) -> list[dict[str, Any]]:
    """Notes of two kinds; a share of the labels is drawn at random, so that nothing answers them all."""
    rng = random.Random(seed)
    found = []
    for place in range(rows):
        kind = rng.choice(["lost", "cost"])
        words = [*rng.choices(WORDS, k=5), rng.choice(["gone", "missing"] if kind == "lost" else ["price", "fee"])]
        label = rng.choice(["lost", "cost"]) if rng.random() < wrong else kind
        found.append({"note": f"{' '.join(words)} {place}", "kind": label})
    return found


def run(folder: Path, rows: int) -> tuple[autopilot.Run, list[str]]:
    told: list[Event] = []
    config = RunConfig(output=str(folder), time_limit=60.0, search=Search(methods="majority,tfidf"))
    finished = autopilot.run(config, data=table(rows), listen=told.append)
    return finished, [event.message for event in told if event.kind in ("decision", "trial")]


@pytest.fixture(scope="module")
def searched(tmp_path_factory: pytest.TempPathFactory) -> tuple[autopilot.Run, list[str]]:
    return run(tmp_path_factory.mktemp("runs"), 2500)


def test_with_many_rows_other_options_are_tried_until_more_would_not_help(searched: Any) -> None:
    finished, said = searched
    assert any(message.startswith("search (tpe): other options of tfidf") for message in said)
    assert any(message.startswith("tfidf #") and "on validation" in message for message in said)
    assert any(message.startswith("the search ends") for message in said)
    candidates = sorted((finished.folder / "trials").glob("*/candidate.json"))
    options = [json.loads(path.read_text("utf-8")) for path in candidates]
    tried = [one["options"]["c"] for one in options if one["number"]]
    assert len(tried) == len(set(tried)) >= 2
    assert any(choice.answer.startswith("the search ends") for choice in finished.report.choices)


def test_weights_of_trials_that_lost_are_given_up_and_the_report_still_stands(searched: Any) -> None:
    finished, _ = searched
    assert not list((finished.folder / "trials").glob("*/scorer"))
    assert finished.report.systems[0].scores[0].value > 0.7
    assert finished.model.predict("the card is missing")[0].value == "lost"


def test_with_twenty_six_validation_rows_nothing_is_searched(tmp_path: Path) -> None:
    _, said = run(tmp_path, 170)
    assert any(message.startswith("no search") and "validation rows" in message for message in said)
    assert not any("#" in message for message in said)


@pytest.mark.parametrize(
    ("config", "asked"),
    [
        (RunConfig(), True),
        (RunConfig(search=Search(methods="tfidf,full")), True),
        (RunConfig(search=Search(methods="full")), False),
        (RunConfig(search=Search(methods="auto")), False),
        (RunConfig(experiments=Experiments(search="off")), False),
        (RunConfig(experiments=Experiments(search="random")), True),
    ],
)
def test_who_names_one_method_gets_it_as_it_is(config: RunConfig, asked: bool) -> None:
    told = search.planned(config, [Candidate("full"), Candidate("majority")])
    assert search.is_asked(config) == asked
    assert ("full (epochs, learning_rate" in told) == asked
    assert "majority" not in told


def test_a_plan_says_what_would_be_searched() -> None:
    config = RunConfig(search=Search(methods="majority,tfidf"))
    lines = autopilot.plan(config, data=table(200)).lines()
    assert "then search (tpe) while time is left and more may help: tfidf (c)" in lines


# --- curves


@pytest.fixture(scope="module")
def bench(tmp_path_factory: pytest.TempPathFactory) -> Bench:
    told = contracts.bench("classes", tiny.bert_folder(tmp_path_factory.mktemp("bert") / "bert"))
    return replace(told, validation=told.train[:8])


def trained(bench: Bench, folder: Path) -> Any:
    options = {"epochs": 4.0, "learning_rate": 1e-3, "batch_rows": 4}
    return run_trial(bench, Candidate("full", options), folder=folder, remaining=lambda: 1e5)


def test_a_hopeless_training_is_stopped_and_goes_on_from_where_it_stood(bench: Bench, tmp_path: Path) -> None:
    whole, expected = trained(bench, tmp_path / "whole")
    watch = search._Watch(bench, goal=9.0, noise=0.01)  # nothing reaches that
    with pytest.raises(Interrupted):
        trained(replace(bench, listen=watch, stop=watch.stop), tmp_path / "parts")
    assert 0 < watch.curve.share < 1
    assert "will not reach 9.0" in watch.why
    assert list((tmp_path / "parts" / "loop").glob("checkpoint-*"))
    steps: list[int] = []
    listen = lambda event: steps.append(event.data["step"]) if event.kind == "step" else None  # noqa: E731
    resumed, found = trained(replace(bench, listen=listen), tmp_path / "parts")
    assert min(steps) > 1  # it did not begin anew
    assert resumed.scores == whole.scores
    texts = [row.inputs for row in bench.validation]
    assert np.array_equal(found.score(texts), expected.score(texts))


def test_a_training_that_may_reach_the_best_is_left_alone(bench: Bench, tmp_path: Path) -> None:
    watch = search._Watch(bench, goal=0.0, noise=0.01)
    trained(replace(bench, listen=watch, stop=watch.stop), tmp_path)
    assert watch.why == ""
    assert watch.curve.best is not None


def test_data_sets_are_described_by_numbers_alone(bench: Bench) -> None:
    found = search.described(replace(bench, train=[Example(0, {"text": "abc"}, "x"), Example(1, {"text": "a"}, "y")]))
    assert (found.rows, found.labels, found.length, found.output) == (2, 2, 2.0, "classes")


# --- a kill

SCRIPT = """
import sys
sys.path[:0] = sys.argv[2:3]
from test_search import table
from autogpt.autopilot import run as autopilot
from autogpt.config import RunConfig, Search
autopilot.run(RunConfig(output=sys.argv[1], time_limit=90, search=Search(methods="majority,tfidf")), data=table(2500))
"""


def test_a_killed_search_goes_on_with_its_study(tmp_path: Path) -> None:
    environment = {**os.environ, "OMP_NUM_THREADS": str(available_cores())}
    command = [sys.executable, "-c", SCRIPT, str(tmp_path), str(Path(__file__).parent)]
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, env=environment)
    folder = the_run(tmp_path, until="tfidf #2: accuracy")
    process.send_signal(signal.SIGKILL)
    process.wait()
    before = {path.parent.name: path.read_text("utf-8") for path in (folder / "trials").glob("*/result.json")}
    resumed = autopilot.resume(folder)
    assert resumed.report is not None
    numbers = [json.loads(path.read_text("utf-8"))["number"] for path in (folder / "trials").glob("*/candidate.json")]
    searched = [number for number in numbers if number]
    assert len(searched) == len(set(searched)) >= 2  # none was asked twice
    for name, text in before.items():
        assert (folder / "trials" / name / "result.json").read_text("utf-8") == text
