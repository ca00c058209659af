"""A saved model, given as its own folder or as the folder of the run that made it."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from autogpt.errors import ModelError

if TYPE_CHECKING:
    from autogpt.model import Model

MANIFEST = "autogpt.json"


def locate(path: str) -> Path:
    """The model's folder."""
    for folder in (Path(path), Path(path) / "model"):
        if (folder / MANIFEST).is_file():
            return folder
    if (Path(path) / "run.json").is_file():
        raise ModelError(f"run {path} has saved no model yet; finish it with: autogpt resume {path}")
    raise ModelError(f"{path} holds no model ({MANIFEST} is missing); `autogpt runs` lists what was trained here")


def load(path: str, *, task: str | None = None) -> Model:
    """The model in a folder or of a run; `task` names the one that is meant where it has several."""
    folder = locate(path)
    from autogpt.multi_model import load_task

    return load_task(folder, task)
