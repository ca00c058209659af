"""The search's study: spaces from option fields, proposals within them, a journal that a killed run goes on with."""

import sqlite3
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from autogpt import registry
from autogpt.autopilot.study import Study, entry_name, lost, of_run
from autogpt.config import Experiments
from autogpt.errors import ConfigError
from autogpt.methods._options import option, passes, peak_rate
from autogpt.setting import Domain, domains


@dataclass(frozen=True)
class Options:
    epochs: float = passes(3.0, (1.0, 4.0))
    rate: float = peak_rate(1e-3, (1e-5, 1e-2))
    rows: int = option(16, "rows", (8, 64))
    layers: int | None = option(None, "layers", [None, 2])
    fixed: str = option("a", "not searched")


SPACE = domains(Options)


def test_a_field_says_its_range_and_the_space_is_derived() -> None:
    expected = {
        "epochs": Domain(1.0, 4.0, longer=True),
        "rate": Domain(1e-5, 1e-2, log=True),
        "rows": Domain(8, 64, log=True, whole=True),
        "layers": Domain(choices=(None, 2)),
    }
    assert expected == SPACE


@pytest.mark.parametrize("name", registry.names("methods"))
def test_every_methods_space_holds_options_that_it_takes(name: str) -> None:
    options = registry.get("methods", name).options
    for field, domain in domains(options).items():
        for value in domain.choices or (domain.low, domain.high):
            assert getattr(options(**{field: value}), field) == value


def study(path: Path | None = None, *, sampler: str = "tpe", seed: int = 0) -> Study:
    spaces = {"one": SPACE, "other": {"c": Domain(0.1, 10.0, log=True)}}
    found = Study(path, spaces, sampler=sampler, seed=seed, higher_is_better=True)
    found.first("one", {"epochs": 10.0, "rate": 1e-3, "rows": 16, "layers": None}, 0.7)
    found.first("other", {"c": 1.0}, 0.2)
    return found


def worth(method: str, options: dict[str, Any]) -> float:
    return 0.9 - abs(options["rate"] - 2e-3) * 50 if method == "one" else 0.2


@pytest.mark.parametrize("sampler", ["tpe", "random"])
def test_proposals_are_within_the_space_of_their_method(sampler: str) -> None:
    told = study(sampler=sampler)
    for _ in range(12):
        asked = told.ask()
        space = told.spaces[asked.method]
        assert set(asked.options) == set(space)
        for name, value in asked.options.items():
            domain = space[name]
            assert value in domain.choices if domain.choices else domain.low <= value <= domain.high
            assert not domain.whole or isinstance(value, int)
        told.tell(asked.number, worth(asked.method, dict(asked.options)))
    assert len(list(told.scored())) == 12


def test_the_model_keeps_to_the_method_that_scores_well() -> None:
    methods = {}
    for sampler in ("tpe", "random"):
        told, asked = study(sampler=sampler), []
        for _ in range(30):
            asked.append(told.ask())
            told.tell(asked[-1].number, worth(asked[-1].method, dict(asked[-1].options)))
        methods[sampler] = [one.method for one in asked[-15:]].count("one")
    assert methods["tpe"] >= 12
    assert methods["random"] <= 11


def test_given_values_are_tried_as_they_are_and_remembered() -> None:
    told = study()
    name = entry_name("one", {"rate": 5e-4})
    asked = told.ask("one", {"epochs": 2.0, "rate": 5e-4, "rows": 32, "layers": 2}, entry=name)
    assert (asked.method, dict(asked.options)) == ("one", {"epochs": 2.0, "rate": 5e-4, "rows": 32, "layers": 2})
    assert told.entries() == {name}


def test_a_study_that_was_taken_up_again_proposes_what_it_would_have(tmp_path: Path) -> None:
    whole = study(tmp_path / "whole.log")
    for _ in range(9):
        asked = whole.ask()
        whole.tell(asked.number, worth(asked.method, dict(asked.options)))
    expected = whole.ask()
    for _ in range(9):
        told = study(tmp_path / "parts.log")  # as after a kill
        asked = told.ask()
        told.tell(asked.number, worth(asked.method, dict(asked.options)))
    assert study(tmp_path / "parts.log").ask() == expected


def test_what_a_kill_cut_short_is_known_and_can_be_told(tmp_path: Path) -> None:
    number = study(tmp_path / "log").ask().number
    told = study(tmp_path / "log")
    assert told.running() == [number]
    told.tell(number, 0.8)
    assert told.running() == []
    assert [score for _, score in told.scored()] == [0.8]


def test_a_stopped_trial_may_be_told_its_score_later_and_a_failed_one_counts_for_nothing() -> None:
    told = study()
    stopped, failed = told.ask(), told.ask()
    told.tell(stopped.number, None, share=0.5, reached=0.4)
    told.tell(failed.number, None)
    told.tell(failed.number, None)
    assert list(told.scored()) == []
    told.tell(stopped.number, 0.75)
    assert list(told.scored()) == [(stopped.method, 0.75)]


def test_runs_share_a_database_and_each_goes_on_with_its_own_study(tmp_path: Path) -> None:
    url, told = f"sqlite:///{tmp_path / 'shared.db'}", list[str]()

    def opened(run: str) -> Study:
        (tmp_path / run).mkdir(exist_ok=True)
        spaces = {"other": {"c": Domain(0.1, 10.0, log=True)}}
        return of_run(tmp_path / run, url, spaces, sampler="tpe", seed=0, higher_is_better=True, say=told.append)

    for run, count in (("a", 9), ("b", 7)):
        here = opened(run)
        here.first("other", {"c": 1.0}, 0.2)
        for _ in range(count):
            asked = here.ask()
            here.tell(asked.number, asked.options["c"] / 10)
    assert (len(opened("a").trials), len(opened("b").trials)) == (10, 8)
    in_file = Study(tmp_path / "file.log", here.spaces, sampler="tpe", seed=0, higher_is_better=True)
    in_file.first("other", {"c": 1.0}, 0.2)
    for _ in range(7):
        asked = in_file.ask()
        in_file.tell(asked.number, asked.options["c"] / 10)
    assert [one.params for one in in_file.trials] == [one.params for one in opened("b").trials], (
        "where it is kept is no matter"
    )
    assert not told
    assert not (tmp_path / "a" / "search.log").exists()


def test_a_database_that_cannot_be_reached_is_told_and_the_search_goes_on(tmp_path: Path) -> None:
    told = list[str]()
    spaces = {"other": {"c": Domain(0.1, 10.0, log=True)}}
    for url in (f"sqlite:///{tmp_path}/nowhere/x.db", "postgresql+psycopg://nobody@localhost:1/x", "no+such://x"):
        found = of_run(tmp_path, url, spaces, sampler="random", seed=0, higher_is_better=True, say=told.append)
        found.tell(found.ask().number, 0.5)
    assert len(told) == 3
    assert all("the search is kept in the run's folder" in one for one in told)
    assert (tmp_path / "search.log").is_file()


@pytest.mark.parametrize(
    ("url", "told"), [("shared.db", "such as sqlite"), ("postgresql://me:secret@db/x", "PGPASSWORD")]
)
def test_a_storage_that_would_be_a_file_name_or_hold_a_password_is_refused(url: str, told: str) -> None:
    with pytest.raises(ConfigError, match=told):
        Experiments(storage=url)


def test_a_database_that_goes_away_in_the_middle_is_told_apart_from_faults(tmp_path: Path) -> None:
    spaces = {"other": {"c": Domain(0.1, 10.0, log=True)}}
    url = f"sqlite:///{tmp_path / 'shared.db'}"
    found = of_run(tmp_path, url, spaces, sampler="random", seed=0, higher_is_better=True, say=str)
    with sqlite3.connect(tmp_path / "shared.db") as database:
        database.execute("drop table trials")
    with pytest.raises(lost()):
        found.ask()
