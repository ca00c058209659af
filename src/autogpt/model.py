"""The artefact: a folder that other libraries load by themselves, plus `autogpt.json`, a report and a model card.

`autogpt.json` is written last and holds the sha256 of every other file, so a model is complete or it is not one.
"""

from __future__ import annotations

import json
import logging
import os
import platform
import shutil
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, replace
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

import numpy as np

from autogpt import controls as controlling
from autogpt import files, registry
from autogpt.core import Decision, Inputs, LabelSpace, Output, Prediction, Rejection, Schema, Scorer, Task
from autogpt.data import objects
from autogpt.errors import ConfigError, InputError, ModelError
from autogpt.runtime import Runtime
from autogpt.sources import Request

if TYPE_CHECKING:
    from autogpt.core import Scores
    from autogpt.evaluation.report import Report

log = logging.getLogger(__name__)

MANIFEST = "autogpt.json"
SCHEMA_VERSION = 1
PARITY_TOLERANCE = 1e-4
_PROBE_TEXTS = ("How do I change my address?", "It did not work at all.", "这个问题怎么解决?")
_LIBRARIES = ("autogpt", "torch", "transformers", "peft", "scikit-learn", "numpy", "safetensors")


class Model:
    """A fitted scorer with everything that turns rows into answers. `info` is the content of `autogpt.json`."""

    def __init__(
        self,
        scorer: Scorer,
        *,
        schema: Schema,
        space: LabelSpace,
        decision: Decision,
        info: Mapping[str, Any] | None = None,
        report: Report | None = None,
    ) -> None:
        self.scorer, self.schema, self.space, self.decision = scorer, schema, space, decision
        self.task: Task = registry.get("tasks", schema.task)
        self.output: Output = registry.get("outputs", self.task.output)
        self.info: dict[str, Any] = dict(info or {})
        self._report = report
        self.folder: Path | None = None

    @property
    def report(self) -> Report | None:
        """The report of the run that made this model; None for a model that was not tested."""
        if self._report is None and self.folder is not None and (self.folder / "report.json").is_file():
            from autogpt.evaluation.report import Report

            self._report = Report.from_dict(json.loads((self.folder / "report.json").read_text("utf-8")))
        return self._report

    def inputs(self, item: Any, *, controls: Mapping[str, Any] | None = None) -> Inputs:
        """What the model reads of a text, a pair of texts, a list of tokens, or a row with the training columns.

        Where it orders candidates, an item has the texts and then a list of candidates. `controls` say what a written
        answer is to be like, where the row's own columns do not. Raises ValueError with the reason when there is
        nothing to read, or a control is not one that was learned.
        """
        told = dict(controls or {})
        if isinstance(item, Mapping):
            opened = objects.opened(item, (*self.schema.text, *self.schema.spans, *self.schema.choices))
            row = {**told, **opened}
            self._follow(row)
            return self.task.inputs(row, self._schema(row))
        self._follow(told)
        count = self.schema.texts
        words = count == 1 and self.output.token_level
        whole = isinstance(item, str) or words or (bool(self.schema.turns) and _is_dialogue(item))
        if not whole and not isinstance(item, Iterable):
            raise ValueError(f"{item!r} is no text")
        parts = (item,) if whole else tuple(item)
        listed = ("choices",) if self.schema.choices else ()
        if len(parts) != count + len(listed):
            more = " and a list of candidates" if listed else ""
            raise ValueError(f"the model reads {count} text(s){more} per row, not {len(parts)}")
        names = tuple(f"text {place + 1}" if place else "text" for place in range(count))
        row = told | dict(zip((*names, *listed), parts, strict=True))
        return self.task.inputs(row, replace(self.schema, text=names, choices=listed, joined=False))

    def _follow(self, row: Mapping[str, Any]) -> None:
        """ValueError: the row's controls are none that were learned."""
        if (problem := controlling.problem(row, self.info.get("controls", {}))) is not None:
            raise ValueError(problem)

    def predict(
        self, items: Any, *, abstain_below: float | None = None, controls: Mapping[str, Any] | None = None
    ) -> list[Prediction]:
        """An answer per item; a single text is a list of one. Items, or a frame's rows, and `controls` are what
        `inputs` takes."""
        controlling.checked(controls or {}, self.schema.controls)
        listed = _items(items)
        read = []
        for place, item in enumerate(listed):
            try:
                read.append(self.inputs(item, controls=controls))
            except ValueError as problem:
                raise InputError(f"item {place}: {problem}; give text, or a row with the training columns") from None
        return self.answers(read, abstain_below=abstain_below)

    def answers(self, inputs: Sequence[Inputs], *, abstain_below: float | None = None) -> list[Prediction]:
        """Answers to inputs that were read with `inputs`."""
        if not inputs:
            return []
        if abstain_below is not None and not 0 <= abstain_below <= 1:
            raise ConfigError(f"abstain_below is {abstain_below}; it must be between 0 and 1")
        decision = self.decision if abstain_below is None else replace(self.decision, abstain_below=abstain_below)
        return self.output.decode(self.scorer.score(inputs), self.space, decision, inputs)

    def probabilities(self, inputs: Sequence[Inputs]) -> Scores:
        """Probabilities [N, C] in the order of `space.labels` (for numbers: the values [N, 1])."""
        return self.output.probabilities(self.scorer.score(inputs), self.space, self.decision)

    def save(self, folder: str | Path, *, saved_scorer: Path | None = None, check: bool = True) -> Path:
        """Write the model to `folder` (replacing a model that stands there), then reload it and compare outputs.

        `saved_scorer` is a folder that this very scorer was saved to before: its files are linked, not written again.
        """
        target = Path(folder)
        if target.exists() and any(target.iterdir()) and not (target / MANIFEST).is_file():
            raise ConfigError(f"folder {str(target)!r} holds something else than a model; give a new name")
        with files.atomic_folder(target) as stage:
            if saved_scorer is None:
                self.scorer.save(stage)
            else:
                _link_files(saved_scorer, stage)
            self._describe(stage, target)
        self.folder = target
        if check:
            self._check_parity(target)
        return target

    @classmethod
    def load(cls, folder: str | Path, *, runtime: Runtime | None = None, verify: bool = True) -> Self:
        """Load a saved model; a file that is missing or changed is refused by name."""
        source, info = opened(folder, several=False, verify=verify)
        model = cls.of(registry.get("backbones", info["family"]).load(source, runtime=runtime), info)
        model.folder = source
        return model

    @classmethod
    def of(cls, scorer: Scorer, info: Mapping[str, Any]) -> Self:
        """The model around a scorer, as a manifest's `info` describes it."""
        schema: dict[str, Any] = {k: tuple(v) if isinstance(v, list) else v for k, v in info["schema"].items()}
        space = {**info["space"], "labels": tuple(info["space"]["labels"])}
        return cls(
            scorer,
            schema=Schema(**schema),
            space=LabelSpace(**space),
            decision=Decision(**info["decision"]),
            info=info,
        )

    def described(self) -> dict[str, Any]:
        """What `of` needs beside the scorer, of plain values."""
        return {
            "family": self.scorer.family,
            "task": self.task.name,
            "output": self.output.name,
            "schema": asdict(self.schema),
            "space": asdict(self.space),
            "decision": asdict(self.decision),
        }

    def _schema(self, row: Mapping[str, Any]) -> Schema:
        """How the row is read: by the columns of training, or by the plain names where it has those instead."""
        choices = self.schema.choices
        if choices and "choices" in row and any(column not in row for column in choices):
            choices = ("choices",)
        return replace(self.schema, text=self._columns(row), choices=choices)

    def _columns(self, row: Mapping[str, Any]) -> tuple[str, ...]:
        """The text columns of a row: those of training, or `text`, `text_pair`, `tokens`, `question`, `context`."""
        if all(column in row for column in self.schema.text):
            return self.schema.text
        if self.schema.joined and (parts := tuple(column for column in self.schema.text if column in row)):
            return parts
        plain: tuple[str, ...] = ("tokens",) if self.output.token_level and "tokens" in row else ("text", "text_pair")
        plain = ("question", "context") if self.output.name == "span" else plain
        plain = ("messages", *self.schema.text[1:]) if self.schema.turns else plain
        names = plain[: self.schema.texts]
        if all(name in row for name in names):
            return names
        missing = ", ".join(repr(column) for column in self.schema.text if column not in row)
        raise ValueError(f"column {missing} is not in the row, which has {', '.join(map(repr, row))}")

    def retell(self, report: Report) -> None:
        """The saved model with another report: its weights are linked, not written again."""
        if self.folder is None:
            raise ConfigError("a model that was not saved has no report on disk; save it first")
        target, self._report = self.folder, report
        with files.atomic_folder(target) as stage:
            _link_files(target, stage)
            (stage / MANIFEST).unlink()
            self._describe(stage, target)

    def _describe(self, stage: Path, target: Path) -> None:
        """Report, card, and last the manifest."""
        if self.report is not None:
            from autogpt.evaluation.card import model_card

            self.report.save(stage)
            files.write_text(
                stage / "README.md", model_card(self.report, name=target.name, has_parts=(stage / "adapter").is_dir())
            )
        self.info = {
            **self.info,
            "schema_version": SCHEMA_VERSION,
            **self.described(),
            "versions": versions(),
            "files": files.hashes(stage),
        }
        files.write_json(stage / MANIFEST, self.info)

    def _check_parity(self, folder: Path) -> None:
        """What was tested is what is served: the saved model gives the scores of the one in memory."""
        self.same_as(registry.get("backbones", self.scorer.family).load(folder), folder)

    def same_as(self, saved: Scorer, folder: Path) -> None:
        """ModelError if the scorer that was saved in `folder` answers some texts with other scores than ours.

        Of one that asks somebody else, with `asked`: if it asks something else.
        """
        probe = [inputs for text in _PROBE_TEXTS for inputs in self.task.samples(text, self.schema)]
        ours, theirs = (getattr(one, "asked", one.score)(probe) for one in (self.scorer, saved))
        pairs = zip(ours, theirs, strict=True)
        difference = max(_difference(np.asarray(a), np.asarray(b)) for a, b in pairs)
        if not difference <= PARITY_TOLERANCE:
            raise ModelError(f"{folder}: the saved model's scores differ by {difference:.2g} from the tested one's")


def _items(items: Any) -> list[Any]:
    """What is to be answered, one by one. A frame is its rows; by itself it would be the names of its columns."""
    if isinstance(items, (str, Mapping)):
        return [items]
    frame = registry.get("sources", "frame")
    if not frame.accepts(items):
        return list(items)
    found = list(frame.items(items, Request()))
    broken = next((one for one in found if isinstance(one, Rejection)), None)
    if broken is not None:
        raise InputError(f"row {broken.line} of the frame: {broken.reason}")
    return [one[1] for one in found if isinstance(one, tuple)]


def _is_dialogue(item: Any) -> bool:
    """Whether an item is a list of turns, and not of texts."""
    return isinstance(item, Sequence) and all(isinstance(turn, Mapping) for turn in item)


def _difference(a: Any, b: Any) -> float:
    """The largest difference of two score tables; infinite where one is longer (other texts were written)."""
    return float(np.abs(a - b).max(initial=0.0)) if a.shape == b.shape else float("inf")


def _link_files(source: Path, target: Path) -> None:
    """The files of one folder in another, as hard links where the file system allows it."""
    for path in sorted(source.rglob("*")):
        place = target / path.relative_to(source)
        if path.is_dir():
            place.mkdir(parents=True, exist_ok=True)
            continue
        place.parent.mkdir(parents=True, exist_ok=True)
        try:
            os.link(path, place)
        except OSError:
            shutil.copy2(path, place)


def opened(folder: str | Path, *, several: bool, verify: bool) -> tuple[Path, dict[str, Any]]:
    """A saved model's folder and manifest, its files verified. ConfigError: it is not of `several` tasks, or of one."""
    source = Path(folder)
    files.settle(source)
    info = read_manifest(source)
    if several and "tasks" not in info:
        raise ConfigError(f"{source} is a model of one task; load it as such")
    if not several and "tasks" in info:
        raise ConfigError(f"{source} has several tasks: {', '.join(info['tasks'])}; name one of them")
    if verify:
        check_hashes(source, info["files"])
    return source, info


def read_manifest(folder: Path) -> dict[str, Any]:
    """The content of `autogpt.json`; ModelError says what is wrong with the folder."""
    path = folder / MANIFEST
    if not path.is_file():
        raise ModelError(f"{str(folder)!r} is not a model: it has no {MANIFEST}; give a folder that `save` wrote")
    try:
        info = json.loads(path.read_text("utf-8"))
        number = info["schema_version"]
    except (ValueError, KeyError, TypeError):
        raise ModelError(f"{path} is damaged; restore the model from a copy or train it again") from None
    if number != SCHEMA_VERSION:
        raise ModelError(f"{path} has schema version {number}, this autogpt reads {SCHEMA_VERSION}; update autogpt")
    found: dict[str, Any] = info
    return found


def check_hashes(folder: Path, expected: Mapping[str, str]) -> None:
    """Compare every file with its recorded hash; the first that differs is named."""
    for name, digest in expected.items():
        path = folder / name
        if folder.resolve() not in path.resolve().parents:
            raise ModelError(f"{folder}: the manifest names {name!r}, which is outside the model")
        if not path.is_file():
            raise ModelError(f"{folder}: {name} is missing; restore the model from a copy")
        if files.sha256(path) != digest:
            raise ModelError(f"{folder}: sha256 differs: {name}; the file was changed after the model was saved")


def versions() -> dict[str, str]:
    """Versions of Python and of the libraries that a model depends on."""
    found = {"python": platform.python_version()}
    for name in _LIBRARIES:
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            continue
    return found
