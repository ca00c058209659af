"""The search's memory and model: an Optuna study over the options of several methods, as a journal in the run's folder,
or in a database that several runs and people share (a study of its own for each run).

The space is conditional: first the method, then its own options (`method.option`). Options stay within the domains that
their fields declare; a value outside, as the ladder may give one, is seen as the nearest within. Each proposal draws
from a seed of its own, which its number decides, so that a study that was taken up again proposes what it would have.
"""

from __future__ import annotations

import json
import math
import warnings
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any
from uuid import uuid4

import numpy as np

from autogpt import files
from autogpt.errors import ResourceError
from autogpt.setting import Domain

if TYPE_CHECKING:
    from optuna.distributions import BaseDistribution
    from optuna.samplers import BaseSampler
    from optuna.storages import BaseStorage
    from optuna.trial import FrozenTrial, Trial

NAME, JOURNAL, NAMED = "search", "search.log", "study.json"
STARTUP = 6
"""Trials, the first ones of methods counted, before the model of scores proposes anything."""
Space = Mapping[str, Domain]


@dataclass(frozen=True, slots=True)
class Asked:
    """A proposal: its number in the study, the method, and a value for each option of its space."""

    number: int
    method: str
    options: Mapping[str, Any]


class Study:
    """Proposals and what became of them. `spaces`: the options of each method that may be varied."""

    def __init__(
        self,
        storage: Path | str | None,
        spaces: Mapping[str, Space],
        *,
        sampler: str,
        seed: int,
        higher_is_better: bool,
        name: str = NAME,
    ) -> None:
        """`storage` is the file of a journal, or the URL of a database, where the study called `name` is gone on with
        if it is there; None keeps everything in memory. ResourceError where the database cannot be reached."""
        import optuna

        optuna.logging.set_verbosity(optuna.logging.ERROR)
        self.spaces, self.sampler, self.seed = spaces, sampler, seed
        self._study = optuna.create_study(
            storage=_opened(storage),
            study_name=name,
            direction="maximize" if higher_is_better else "minimize",
            load_if_exists=True,
            sampler=optuna.samplers.RandomSampler(seed=seed),
        )

    @property
    def trials(self) -> list[FrozenTrial]:
        """All trials, in the order of their numbers."""
        found: list[FrozenTrial] = self._study.get_trials(deepcopy=False)
        return found

    def first(self, method: str, values: Mapping[str, Any], score: float) -> None:
        """What a method came to before the search, told once."""
        if method not in {one.user_attrs.get("first") for one in self.trials}:
            self._add(method, values, score, {"first": method})

    def ask(self, method: str = "", values: Mapping[str, Any] | None = None, *, entry: str = "") -> Asked:
        """The next proposal; with `values` it is these. `entry` is remembered of it (see `entries`)."""
        if values is not None:
            self._study.enqueue_trial(self._params(method, values), user_attrs={"entry": entry})
        self._study.sampler = self._sampler(len(self.trials))
        trial = self._study.ask()
        method = str(trial.suggest_categorical("method", list(self.spaces)))
        options = {name: _suggested(trial, f"{method}.{name}", one) for name, one in self.spaces[method].items()}
        return Asked(trial.number, method, options)

    def tell(self, number: int, score: float | None, *, share: float = 0.0, reached: float | None = None) -> None:
        """The score of a trial. Without one it failed, or was stopped after a `share` of its steps at `reached`.

        Who told that a trial was stopped may tell its score later, when it was gone on with.
        """
        from optuna.trial import Trial, TrialState

        trial = self.trials[number]
        if score is not None and math.isnan(score):
            score = None
        if trial.state == TrialState.PRUNED and score is not None:
            values = {name.partition(".")[2]: value for name, value in trial.params.items() if "." in name}
            self._add(trial.params["method"], values, score, {"of": number})
        elif trial.state.is_finished():
            return
        elif score is not None:
            self._study.tell(number, score)
        elif reached is not None:
            Trial(self._study, trial._trial_id).report(reached, round(100 * share))
            self._study.tell(number, state=TrialState.PRUNED)
        else:
            self._study.tell(number, state=TrialState.FAIL)

    def running(self) -> list[int]:
        """Numbers of trials of which nothing was told."""
        return [one.number for one in self.trials if not one.state.is_finished()]

    def scored(self) -> Iterator[tuple[str, float]]:
        """Method and score of what was proposed and ended."""
        for one in self.trials:
            if "first" not in one.user_attrs and one.state.name == "COMPLETE":
                yield one.params["method"], float(one.values[0])

    def entries(self) -> set[str]:
        """What was remembered of the proposals that were given their values."""
        return {one.user_attrs["entry"] for one in self.trials if "entry" in one.user_attrs}

    def _sampler(self, number: int) -> BaseSampler:
        from optuna.samplers import RandomSampler, TPESampler

        seed = int(np.random.default_rng([self.seed, 41, number]).integers(1 << 31))
        if self.sampler == "random":
            return RandomSampler(seed=seed)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # that groups, one for each method's options, are experimental
            return TPESampler(seed=seed, multivariate=True, group=True, n_startup_trials=STARTUP)

    def _params(self, method: str, values: Mapping[str, Any]) -> dict[str, Any]:
        space = self.spaces[method]
        return {"method": method, **{f"{method}.{name}": _within(one, values[name]) for name, one in space.items()}}

    def _add(self, method: str, values: Mapping[str, Any], score: float, told: Mapping[str, Any]) -> None:
        from optuna.distributions import CategoricalDistribution
        from optuna.trial import create_trial

        own = {f"{method}.{name}": _distribution(one) for name, one in self.spaces[method].items()}
        distributions = {"method": CategoricalDistribution(list(self.spaces)), **own}
        params = self._params(method, values)
        self._study.add_trial(
            create_trial(params=params, distributions=distributions, value=score, user_attrs=dict(told))
        )


def of_run(
    place: Path,
    url: str | None,
    spaces: Mapping[str, Space],
    *,
    sampler: str,
    seed: int,
    higher_is_better: bool,
    say: Callable[[str], None],
) -> Study:
    """The study of the run in a folder: in a database, by a name of its own that is kept in the folder, or as a journal
    there, as also where the database cannot be reached (`say` is told)."""
    made = partial(Study, spaces=spaces, sampler=sampler, seed=seed, higher_is_better=higher_is_better)
    if url is None:
        return made(place / JOURNAL)
    if not (place / NAMED).is_file():
        files.write_json(place / NAMED, {"study": f"{place.name}-{uuid4().hex[:8]}"})
    try:
        return made(url, name=json.loads((place / NAMED).read_text("utf-8"))["study"])
    except ResourceError as problem:
        say(f"{problem}; the search is kept in the run's folder")
        return made(place / JOURNAL)


def lost() -> type[Exception]:
    """What is raised where a database goes away in the middle."""
    from optuna.exceptions import StorageInternalError

    return StorageInternalError  # type: ignore[no-any-return]


def _opened(storage: Path | str | None) -> BaseStorage | None:
    from optuna.storages import JournalStorage, RDBStorage
    from optuna.storages.journal import JournalFileBackend

    if storage is None:
        return None
    if isinstance(storage, Path):
        return JournalStorage(JournalFileBackend(str(storage)))
    from sqlalchemy.exc import SQLAlchemyError

    try:
        return RDBStorage(storage)
    except ImportError as problem:  # no driver
        raise ResourceError(f"storage {storage}: {problem}; install it (for PostgreSQL: psycopg)") from None
    except SQLAlchemyError as problem:
        told = str(problem).splitlines()[0]
        raise ResourceError(f"storage {storage} cannot be used ({told}); see that it runs and lets you in") from None


def entry_name(method: str, options: Mapping[str, Any]) -> str:
    """A configuration as one line of text."""
    return json.dumps([method, dict(sorted(options.items()))])


def _within(domain: Domain, value: Any) -> Any:
    """The nearest value of the domain."""
    if domain.choices:
        return value if value in domain.choices else domain.choices[0]
    value = min(max(domain.low if value is None else value, domain.low), domain.high)
    return round(value) if domain.whole else float(value)


def _distribution(domain: Domain) -> BaseDistribution:
    from optuna.distributions import CategoricalDistribution, FloatDistribution, IntDistribution

    if domain.choices:
        return CategoricalDistribution(domain.choices)
    if domain.whole:
        return IntDistribution(int(domain.low), int(domain.high), log=domain.log)
    return FloatDistribution(domain.low, domain.high, log=domain.log)


def _suggested(trial: Trial, name: str, domain: Domain) -> Any:
    if domain.choices:
        return trial.suggest_categorical(name, domain.choices)
    if domain.whole:
        return trial.suggest_int(name, int(domain.low), int(domain.high), log=domain.log)
    return float(f"{trial.suggest_float(name, domain.low, domain.high, log=domain.log):.4g}")
