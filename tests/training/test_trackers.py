"""What a tracker is told can be read back by the tracker's own reader; one that is absent is named with its remedy."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from autogpt.errors import ConfigError
from autogpt.testing.trainable import TinyTrainable
from autogpt.training import trackers


def test_tensorboard_holds_what_was_logged(start: Callable[..., Any], tmp_path: Path) -> None:
    accumulator = pytest.importorskip("tensorboard.backend.event_processing.event_accumulator")
    tracker = trackers.open_tracker("tensorboard", folder=tmp_path / "logs", name="trial", config={"seed": 3})
    steps = list(start(TinyTrainable(), tracker=tracker))
    tracker.finish()
    events = accumulator.EventAccumulator(str(tmp_path / "logs" / "trial"))
    events.Reload()
    losses = events.Scalars("loss")
    assert [event.step for event in losses] == [step.step for step in steps]
    assert [event.value for event in losses] == pytest.approx([step.loss for step in steps])
    assert [event.step for event in events.Scalars("accuracy")] == [5, 10, 15]


def test_a_tracker_that_is_not_installed_says_what_to_install(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(trackers, "find_spec", lambda name: None)
    for name, package in trackers.PACKAGES.items():
        with pytest.raises(ConfigError, match=f"{name} is not installed; install it with: pip install {package}"):
            trackers.open_tracker(name, folder=tmp_path, name="trial", config={})


def test_an_unknown_tracker_lists_the_known_ones(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="there are: tensorboard, wandb, mlflow"):
        trackers.open_tracker("comet", folder=tmp_path, name="trial", config={})


@pytest.mark.nightly
def test_mlflow_holds_what_was_logged(start: Callable[..., Any], tmp_path: Path) -> None:
    mlflow = pytest.importorskip("mlflow")
    tracker = trackers.open_tracker("mlflow", folder=tmp_path / "logs", name="trial", config={"seed": 3})
    steps = list(start(TinyTrainable(), tracker=tracker))
    tracker.finish()
    runs = mlflow.search_runs(experiment_names=["trial"], output_format="list")
    history = mlflow.MlflowClient().get_metric_history(runs[0].info.run_id, "loss")
    assert [point.step for point in history] == [step.step for step in steps]
