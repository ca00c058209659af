"""One saved model of several tasks: a body that stands on disk and in memory once, and a `Model` per task on it.

`autogpt.json` is written last and holds the sha256 of every other file, as for a model of one task.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

from autogpt import files, registry
from autogpt.core import Prediction
from autogpt.errors import ConfigError
from autogpt.model import MANIFEST, SCHEMA_VERSION, Model, opened, read_manifest, versions
from autogpt.runtime import Runtime

if TYPE_CHECKING:
    from autogpt.evaluation.multi_task import MultiTaskReport

FAMILY = "trunk"
REPORT = "report.json"


class MultiModel:
    """Models that share a `trunk` (see `backbones/_trunk.py`). `info` is the content of `autogpt.json`."""

    def __init__(
        self,
        trunk: Any,
        models: Mapping[str, Model],
        *,
        info: Mapping[str, Any] | None = None,
        report: MultiTaskReport | None = None,
    ) -> None:
        self.trunk, self._models = trunk, dict(models)
        self.info: dict[str, Any] = dict(info or {})
        self._report = report
        self.folder: Path | None = None

    @property
    def tasks(self) -> tuple[str, ...]:
        """Names of the tasks."""
        return tuple(self._models)

    @property
    def report(self) -> MultiTaskReport | None:
        """How every task fared beside a model of its own; None where that was not saved."""
        if self._report is None and self.folder is not None and (self.folder / REPORT).is_file():
            from autogpt.evaluation.multi_task import MultiTaskReport

            self._report = MultiTaskReport.read(self.folder / REPORT)
        return self._report

    def __getitem__(self, task: str) -> Model:
        """The model of one task; all of them read with the same body, and may be used in turn."""
        if task not in self._models:
            raise ConfigError(f"task {task!r} is not known; the model has: {', '.join(self.tasks)}")
        return self._models[task]

    def predict(self, items: Any, *, task: str, abstain_below: float | None = None) -> list[Prediction]:
        """An answer per item, as `Model.predict` gives them."""
        return self[task].predict(items, abstain_below=abstain_below)

    def save(self, folder: str | Path, *, check: bool = True) -> Path:
        """Write the model to `folder` (replacing a model that stands there), then reload it and compare outputs."""
        target = Path(folder)
        if target.exists() and any(target.iterdir()) and not (target / MANIFEST).is_file():
            raise ConfigError(f"folder {str(target)!r} holds something else than a model; give a new name")
        with files.atomic_folder(target) as stage:
            self.trunk.save(stage)
            if self.report is not None:
                self.report.save(stage)
            tasks = {name: {**model.info, **model.described()} for name, model in self._models.items()}
            shared = {"schema_version": SCHEMA_VERSION, "family": FAMILY, "versions": versions()}
            self.info = {**self.info, **shared, "tasks": tasks, "files": files.hashes(stage)}
            files.write_json(stage / MANIFEST, self.info)
        self.folder = target
        if check:
            again = registry.get("backbones", "encoder").load_trunk(target, self.tasks)
            for name, model in self._models.items():
                model.same_as(again.scorer(name), target)
        return target

    @classmethod
    def load(cls, folder: str | Path, *, runtime: Runtime | None = None, verify: bool = True) -> Self:
        """Load a saved model; a file that is missing or changed is refused by name."""
        source, info = opened(folder, several=True, verify=verify)
        trunk = registry.get("backbones", "encoder").load_trunk(source, [*info["tasks"]], runtime=runtime)
        models = {name: Model.of(trunk.scorer(name), about) for name, about in info["tasks"].items()}
        found = cls(trunk, models, info=info)
        found.folder = source
        return found


def load_task(folder: str | Path, task: str | None, *, runtime: Runtime | None = None) -> Model:
    """The model in `folder`, or that of one of its tasks: `task` names it exactly where there are several."""
    tasks = read_manifest(Path(folder)).get("tasks")
    if tasks is None:
        if task is not None:
            raise ConfigError(f"{folder} is a model of one task; leave task {task!r} out")
        return Model.load(folder, runtime=runtime)
    if task is None:
        raise ConfigError(f"{folder} has several tasks: {', '.join(tasks)}; name one of them")
    return MultiModel.load(folder, runtime=runtime)[task]
