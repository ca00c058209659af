"""TensorBoard, W&B (offline) and MLflow through Accelerate's trackers; everything stays in the run's folder."""

from __future__ import annotations

import os
from collections.abc import Mapping
from importlib.util import find_spec
from pathlib import Path
from typing import Any, Protocol

from autogpt.errors import ConfigError

PACKAGES = {"tensorboard": "tensorboard", "wandb": "wandb", "mlflow": "mlflow-skinny"}
"""Tracker -> what pip installs for it."""


class Tracker(Protocol):
    """Where numbers of a training go while it runs."""

    def log(self, values: dict[str, Any], step: int | None = None) -> None: ...
    def finish(self) -> None: ...


def open_tracker(report_to: str, *, folder: Path, name: str, config: Mapping[str, Any]) -> Tracker:
    """Start the tracker called `report_to` for the run `name`, and give it the run's settings."""
    if report_to not in PACKAGES:
        raise ConfigError(f"no tracker is called {report_to!r}; there are: {', '.join(PACKAGES)}")
    if find_spec(report_to) is None:
        raise ConfigError(f"{report_to} is not installed; install it with: pip install {PACKAGES[report_to]}")
    from accelerate import PartialState, tracking

    PartialState()  # Accelerate's trackers ask it which process they are in
    folder.mkdir(parents=True, exist_ok=True)
    if report_to == "tensorboard":
        tracker = tracking.TensorBoardTracker(name, str(folder))
    elif report_to == "wandb":
        tracker = tracking.WandBTracker(name, mode="offline", dir=str(folder))
    else:
        # A folder needs no server and no database driver; MLflow 3 wants to be told that this is meant.
        os.environ.setdefault("MLFLOW_ALLOW_FILE_STORE", "true")
        if "MLFLOW_TRACKING_URI" not in os.environ:
            import mlflow

            mlflow.set_tracking_uri(folder.resolve().as_uri())
        tracker = tracking.MLflowTracker(name)
    tracker.start()
    tracker.store_init_configuration(dict(config))
    return tracker  # type: ignore[no-any-return]
