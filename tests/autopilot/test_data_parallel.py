"""Runs whose batches are computed by several processes: the same run; who is lost costs its trial and no other."""

from pathlib import Path

import psutil
import pytest

from autogpt.autopilot import run as autopilot
from autogpt.autopilot.run import Run
from autogpt.config import Adaptive, Compute, Experiments, RunConfig, Search
from autogpt.errors import ConfigError
from autogpt.events import Event, Listener
from autogpt.testing import tiny
from autogpt.testing.tiny import notes as table

pytestmark = pytest.mark.timeout(900)  # each replica loads torch, which takes long beside other jobs


@pytest.fixture(scope="module")
def backbone(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tiny.bert_folder(tmp_path_factory.mktemp("bert"))


def run(backbone: Path, output: Path, compute: Compute, *, methods: str, listen: Listener) -> Run:
    search = Search(methods=methods, backbone=str(backbone), ensemble=False)
    config = RunConfig(
        output=str(output),
        time_limit=3000,  # of which a fifth is waited for replicas at most
        search=search,
        compute=compute,
        experiments=Experiments("off"),
        adaptive=Adaptive("off"),
    )
    return autopilot.run(config, data=table(), listen=listen)


def replicas() -> list[psutil.Process]:
    children = psutil.Process().children(recursive=True)
    return [one for one in children if "autogpt.training.replicas:load" in one.cmdline()]


def test_a_run_spreads_what_can_be_spread_and_tells_what_cannot(backbone: Path, tmp_path: Path) -> None:
    events: list[Event] = []
    seen: set[int] = set()

    def listen(event: Event) -> None:
        events.append(event)
        seen.update(one.pid for one in replicas())

    methods = "tfidf,contrastive,full"
    found = run(backbone, tmp_path, Compute(data_parallel=2), methods=methods, listen=listen)
    notes = [event.data["note"] for event in events if event.kind == "step" and event.data["trial"].startswith("full")]
    assert notes[0] == "each batch is computed by 2 processes"
    journal = (found.folder / "journal.jsonl").read_text("utf-8")
    assert "each batch of a training: 2 processes" in journal
    assert "each batch is computed by one process: its loss compares all rows of a batch" in journal
    assert "failed" not in journal
    assert len(seen) == 1, "one replica for all trainings of the run"
    assert not replicas()
    assert found.report.systems[0].scores[0].value > 0.9


def test_a_trial_elsewhere_has_replicas_there_and_one_that_is_lost_costs_that_trial(
    backbone: Path, tmp_path: Path
) -> None:
    killed: list[int] = []

    def listen(event: Event) -> None:
        if event.kind == "step" and event.data["trial"].startswith("full") and not killed:
            for one in replicas():
                killed.append(one.pid)
                one.kill()

    found = run(backbone, tmp_path, Compute("local", data_parallel=2), methods="tfidf,full", listen=listen)
    assert len(killed) == 1
    journal = (found.folder / "journal.jsonl").read_text("utf-8")
    assert "full failed: one of 2 processes that train together is lost" in journal
    assert not replicas()
    assert found.report.systems[0].scores[0].value > 0.9


def test_one_training_stays_on_this_machine() -> None:
    for compute in ({"executor": "ray"}, {"address": "auto"}):
        with pytest.raises(ConfigError, match="data_parallel 2 must be 1 with Ray"):
            Compute(**compute, data_parallel=2)
    with pytest.raises(ConfigError, match="between 1 and 64"):
        Compute(data_parallel=0)
    assert Compute(data_parallel=2).chosen is None
