"""The face for notebooks: `AutoGPT().train(...)` is `autogpt run` with data in memory."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from autogpt.config import (
    Alignment,
    Columns,
    Compute,
    Distilling,
    Experiments,
    FewLabels,
    Guide,
    MultiTask,
    RunConfig,
    Scratch,
    Search,
    Serving,
    Source,
    seconds,
)
from autogpt.errors import AmbiguityError, ConfigError
from autogpt.events import Listener

if TYPE_CHECKING:
    from autogpt.autopilot.run import Run
    from autogpt.model import Model
    from autogpt.multi_model import MultiModel
    from autogpt.regimes.alignment import Aligned
    from autogpt.regimes.distilling import Distilled
    from autogpt.regimes.few_labels import FewRun


class AutoGPT:
    """An autonomous fine-tuner. What is not said is inferred from the data or measured, and written down with reasons.

    `output` is the folder for runs; `columns` and `search` override single inferences and choices, `experiments` what
    follows once each method was tried, `compute` who works on trials, and `serving` what the model may cost where it
    is used. `family` and the numbers after it are the shape of a language model that is made from nothing, where an
    answer is written and no backbone named. `planner` is a chat model (of LangChain, or anything with its `invoke`)
    that proposes candidates beside the ladder: it is told statistics and label names, never rows. `guide` names an
    endpoint for it instead, and `Guide(remember=True)` has the run remember what it came to.
    """

    def __init__(
        self,
        *,
        output: str = "runs",
        seed: int = 0,
        offline: bool = False,
        columns: Columns | None = None,
        search: Search | None = None,
        experiments: Experiments | None = None,
        compute: Compute | None = None,
        serving: Serving | None = None,
        family: str | None = None,
        num_layers: int | None = None,
        hidden_size: int | None = None,
        num_heads: int | None = None,
        planner: Any = None,
        guide: Guide | None = None,
    ) -> None:
        shape: dict[str, Any] = {"family": family, "num_layers": num_layers}
        shape |= {"hidden_size": hidden_size, "num_heads": num_heads}
        self.config = RunConfig(
            output=output,
            seed=seed,
            source=Source(offline=offline),
            columns=columns or Columns(),
            search=search or Search(),
            experiments=experiments or Experiments(),
            compute=compute or Compute(),
            serving=serving or Serving(),
            scratch=Scratch(**{name: value for name, value in shape.items() if value is not None}),
            guide=guide or Guide(),
        )
        if planner is not None and not callable(getattr(planner, "invoke", None)):
            raise ConfigError("planner must be a chat model (with `invoke`); an endpoint is named in guide=Guide(...)")
        self.planner = planner
        self.run: Run | None = None

    def train(
        self,
        train: Any,
        test: Any = None,
        *,
        goal: str = "",
        time_limit: str | float | None = "10m",
        ask: Callable[[AmbiguityError], str] | None = None,
        listen: Listener | None = None,
    ) -> Model:
        """Train on anything with rows (file, folder, DataFrame, list of dicts, data set, Hub name) and test once.

        Without `test` a part of the rows is sealed as test. The run, with its journal, is `self.run` afterwards.
        AmbiguityError (with the candidates) when the data can be read in several ways and `ask` is not given.
        """
        from autogpt.autopilot import run as autopilot

        config = replace(self.config, goal=goal, time_limit=seconds(time_limit))
        if isinstance(train, (str, Path)):
            config = replace(config, data=str(train))
            self.run = autopilot.run(config, test=test, ask=ask, listen=listen, planner=self.planner)
        else:
            self.run = autopilot.run(config, data=train, test=test, ask=ask, listen=listen, planner=self.planner)
        return self.run.model

    def train_many(
        self,
        data: Mapping[str, Any],
        *,
        goals: Mapping[str, str] | None = None,
        columns: Mapping[str, Columns] | None = None,
        time_limit: str | float | None = "10m",
        options: MultiTask | None = None,
        ask: Callable[[AmbiguityError], str] | None = None,
        listen: Listener | None = None,
    ) -> MultiModel:
        """Learn several data sets with one backbone: task name -> anything with rows, or a (train, test) pair of such.

        `goals` and `columns` overrule by task what is found in the data. How every task fares beside a model of its own
        is `model.report`; `model.predict(rows, task=name)` answers.
        """
        from autogpt.regimes.multi_task import Source, train_many

        sources = {}
        for name, one in data.items():
            train, test = one if isinstance(one, tuple) and len(one) == 2 else (one, None)
            sources[name] = Source(train, test, (goals or {}).get(name), (columns or {}).get(name))
        config = replace(self.config, time_limit=seconds(time_limit))
        return train_many(sources, config, options or MultiTask(), ask=ask, listen=listen).model

    def train_from_names(
        self,
        data: Any,
        labels: Mapping[str, str | Sequence[str]] | Sequence[str],
        test: Any = None,
        *,
        goal: str = "",
        time_limit: str | float | None = "10m",
        votes: FewLabels | None = None,
        ask: Callable[[AmbiguityError], str] | None = None,
        listen: Listener | None = None,
    ) -> FewRun:
        """Learn from rows without labels, or with few, by the labels' names or descriptions (and further `votes`).

        The model is `.model`, and what can be told without labels `.findings`; there is a score only where rows have
        labels that a person gave.
        """
        from autogpt.regimes.few_labels import learn

        named = labels if isinstance(labels, Mapping) else dict.fromkeys(labels, "")
        config = replace(self.config, goal=goal, time_limit=seconds(time_limit))
        on_disk = isinstance(data, (str, Path))
        config = replace(config, data=str(data)) if on_disk else config
        rows = None if on_disk else data
        options = votes or FewLabels()
        return learn(config, options, data=rows, test=test, descriptions=named, ask=ask, listen=listen)

    def align(
        self,
        data: Any,
        *,
        backbone: str | Path | None = None,
        time_limit: str | float | None = "10m",
        options: Alignment | None = None,
        listen: Listener | None = None,
    ) -> Aligned:
        """Tune a model that writes (a folder, run or Hub name; None: one from nothing) by preferences or by a check.

        `data` is anything with rows: pairs of answers, marked answers, or prompts and what a reward checks. What sealed
        rows say before and after is in `.facts`; `.model` is a folder that every other command takes as backbone.
        """
        from autogpt.regimes.alignment import align

        search = self.config.search if backbone is None else replace(self.config.search, backbone=str(backbone))
        config = replace(self.config, search=search, time_limit=seconds(time_limit))
        on_disk = isinstance(data, (str, Path))
        config = replace(config, data=str(data)) if on_disk else config
        return align(config, options or Alignment(), data=None if on_disk else data, listen=listen)

    def distil(
        self,
        teacher: str | Path | Model,
        data: Any,
        *,
        into: str,
        time_limit: str | float | None = "10m",
        options: Distilling | None = None,
        listen: Listener | None = None,
    ) -> Distilled:
        """Teach a smaller model, `into` a method or METHOD/BACKBONE, what a saved one (or a run's) answers.

        `data` is anything with rows, which need no labels. What held-out rows say of both is in `.facts`; `.model` is
        the student.
        """
        from autogpt.regimes.distilling import distil

        told = load(teacher) if isinstance(teacher, (str, Path)) else teacher
        on_disk = isinstance(data, (str, Path))
        config = replace(self.config, data=str(data) if on_disk else "", time_limit=seconds(time_limit))
        options = replace(options or Distilling(), into=into)
        return distil(told, config, options, data=None if on_disk else data, listen=listen)

    @staticmethod
    def load(folder: str | Path, *, task: str | None = None) -> Model:
        """A saved model; its files are verified first."""
        return load(folder, task=task)


def fine_tune(
    model: str | Path | None,
    data: Any,
    test: Any = None,
    *,
    method: str | None = None,
    goal: str = "",
    time_limit: str | float | None = "10m",
    output: str = "runs",
    seed: int = 0,
    offline: bool = False,
    listen: Listener | None = None,
) -> Model:
    """Fine-tune one model on one data set: a folder, a Hub name, or None for the embedded encoder.

    `method` names one of `autogpt models`, or several with commas between; "auto" has one chosen by
    a rule and a short pilot; without it the run chooses by measurement.
    `data` and `test` are anything with rows, as in `AutoGPT.train`; a column of train/val/test values is honoured.
    """
    search = Search(backbone=None if model is None else str(model), methods=method)
    tuner = AutoGPT(output=output, seed=seed, offline=offline, search=search)
    return tuner.train(data, test, goal=goal, time_limit=time_limit, listen=listen)


def load(folder: str | Path, *, task: str | None = None) -> Model:
    """A saved model, or the model of a run; its files are verified first. Of a model of several tasks one is named."""
    from autogpt.multi_model import load_task

    return load_task(_place(folder), task)


def load_many(folder: str | Path) -> MultiModel:
    """A saved model of several tasks, or that of a run, with one body in memory; its files are verified first."""
    from autogpt.multi_model import MultiModel

    return MultiModel.load(_place(folder))


def _place(folder: str | Path) -> Path:
    from autogpt.model import MANIFEST

    place = Path(folder)
    inner = place / "model"
    return inner if (inner / MANIFEST).is_file() and not (place / MANIFEST).is_file() else place
