"""A saved model, given as its own folder or as the folder of the run that made it."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from autogpt.errors import ModelError, ResourceError

if TYPE_CHECKING:
    from autogpt.memory import Guard
    from autogpt.model import Model
    from autogpt.runtime import Runtime

MANIFEST = "autogpt.json"
LIGHT = frozenset({"bag-of-words", "bm25", "constant", "nearby-words"})
"""Families that load no libraries of neural networks."""


def locate(path: str) -> Path:
    """The model's folder."""
    for folder in (Path(path), Path(path) / "model"):
        if (folder / MANIFEST).is_file():
            return folder
    if (Path(path) / "run.json").is_file():
        raise ModelError(f"run {path} has saved no model yet; finish it with: autogpt resume {path}")
    raise ModelError(f"{path} holds no model ({MANIFEST} is missing); `autogpt runs` lists what was trained here")


def load(path: str, *, task: str | None = None, guard: Guard | None = None) -> Model:
    """The model in a folder or of a run; `task` names the one that is meant where it has several.

    With a `guard` it reads within that memory. ResourceError when there is not even room to load it.
    """
    folder = locate(path)
    from autogpt.multi_model import load_task

    return load_task(folder, task, runtime=None if guard is None else _within(guard, folder))


def _within(guard: Guard, folder: Path) -> Runtime | None:
    """What a model of this folder computes on within `guard`; None where it needs no libraries that would fill it."""
    from autogpt.autopilot.forecast import LIBRARIES, LOADING
    from autogpt.memory import size
    from autogpt.model import read_manifest
    from autogpt.runtime import detect

    light = read_manifest(folder).get("family") in LIGHT
    weights = sum(file.stat().st_size for file in folder.rglob("*.safetensors"))
    needed, room = int(LOADING * weights) + (0 if light else LIBRARIES), guard.room()
    if needed > room.bytes:
        raise ResourceError(
            f"{folder}: the model and its libraries take {size(needed)} of memory, and {size(room.bytes)} may be used "
            f"({room.bound}); use a higher --memory-limit"
        )
    return None if light else replace(detect(), memory=guard)
