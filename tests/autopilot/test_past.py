"""What is remembered is numbers, moves a prior a little where like runs agree, and can be deleted."""

from __future__ import annotations

import json
import stat
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from autogpt import AutoGPT, registry
from autogpt.autopilot import belief, past
from autogpt.autopilot.past import Features, Remembered, Trial
from autogpt.autopilot.trial import Result
from autogpt.cli.app import execute
from autogpt.config import Guide, Search

ACCURACY = registry.get("metrics", "accuracy")
NOW = Features("classes", 1000, 300, 5, 200.0, 60, "en", "")
MOODS = {"lost": "is gone and I cannot find my", "cost": "how much do I pay for a", "thanks": "thank you for the"}


@pytest.fixture(autouse=True)
def _home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(past.HOME, str(tmp_path / "state"))


def remembered(place: int = 0, *, full: float = 0.85, head: float = 0.80, **more: Any) -> Remembered:
    features = replace(NOW, rows=1000 + place, **more)
    trials = (Trial("head", head, 1.0), Trial("full", full, 9.0), Trial("tfidf", head - 0.08, 1.0))
    return Remembered("2026-01-01", features, "accuracy", "full", trials)


def table(rows: int = 240) -> list[dict[str, Any]]:
    named = ((place, list(MOODS)[place % 3]) for place in range(rows))
    return [{"note": f"{MOODS[label]} card number {place}", "kind": label} for place, label in named]


def test_like_runs_that_agree_move_a_prior_a_little() -> None:
    prior, moved = past.warm(NOW, [remembered(place) for place in range(12)], metric="accuracy")
    assert 0 < moved["full"] <= past.MOST
    assert prior["full"] == pytest.approx(belief.PRIOR["full"] + moved["full"])
    assert prior["head"] == belief.PRIOR["head"]
    assert "tfidf" not in moved, "it came to what was to be expected"


@pytest.mark.parametrize(
    "runs",
    [
        [],
        [remembered(place) for place in range(past.LEAST_RUNS - 1)],
        [remembered(place, output="labels") for place in range(12)],
        [remembered(place, language="zh") for place in range(12)],
        [remembered(place, encoder="0123") for place in range(12)],
        [replace(remembered(place), metric="macro-f1") for place in range(12)],
        [remembered(0)] * 12,
        [remembered(place, full=0.85 if place % 2 else 0.76) for place in range(12)],
        [
            replace(one, features=replace(one.features, rows=30_000 + place, rows_per_label=9_000.0, characters=900))
            for place, one in enumerate(map(remembered, range(12)))
        ],
    ],
    ids=["none", "few", "output", "language", "encoder", "metric", "the same data", "disagree", "far"],
)
def test_what_is_not_like_or_not_agreed_on_moves_nothing(runs: list[Remembered]) -> None:
    prior, moved = past.warm(NOW, runs, metric="accuracy")
    assert moved == {}
    assert prior == dict(belief.PRIOR)


def regret(prior: Callable[[int], Any], truths: list[dict[str, float]], rows: int) -> float:
    """Mean of the best true score minus that of the chosen method, over data sets with measured scores."""
    lost = []
    for seed, truth in enumerate(truths):
        rng = np.random.default_rng([7, seed])
        results = [
            Result(name, name, {}, {}, {"accuracy": float(rng.binomial(rows, value) / rows)}, 1.0, "encoder", 1.0)
            for name, value in truth.items()
        ]
        found = belief.choose(results, metric=ACCURACY, rows=rows, prior=prior(seed))
        lost.append(max(truth.values()) - truth[found.method])
    return float(np.mean(lost))


def test_a_shuffled_memory_does_not_hurt_and_a_true_one_helps() -> None:
    """Data sets on which full tuning is better than it usually is; a memory of them, and one with methods mixed up."""
    rng = np.random.default_rng(0)
    methods = ("tfidf", "head", "contrastive", "full")

    def drawn() -> dict[str, float]:
        level = rng.uniform(0.7, 0.85)
        usual = {"tfidf": -0.08, "head": 0.0, "contrastive": -0.02, "full": 0.04}
        return {name: float(level + usual[name] + rng.normal(scale=0.01)) for name in methods}

    truths, memory = [drawn() for _ in range(300)], [drawn() for _ in range(30)]

    def as_runs(worlds: list[dict[str, float]]) -> list[Remembered]:
        return [
            replace(
                remembered(place),
                trials=tuple(Trial(name, score, 1.0) for name, score in world.items()),
            )
            for place, world in enumerate(worlds)
        ]

    mixed = [dict(zip(methods, rng.permutation(list(world.values())), strict=True)) for world in memory]
    true_prior, moved = past.warm(NOW, as_runs(memory), metric="accuracy")
    wrong_prior, _ = past.warm(NOW, as_runs(mixed), metric="accuracy")
    assert moved["full"] > 0 > moved["contrastive"]
    for rows in (16, 100, 400):
        nothing = regret(lambda seed: belief.PRIOR, truths, rows)
        assert regret(lambda seed: wrong_prior, truths, rows) <= nothing + 0.002
        assert regret(lambda seed: true_prior, truths, rows) <= nothing + 0.0005
    assert regret(lambda seed: true_prior, truths, 16) < regret(lambda seed: belief.PRIOR, truths, 16)


def run(folder: Path, *, remember: bool) -> list[str]:
    told: list[str] = []
    face = AutoGPT(output=str(folder), search=Search(methods="majority,tfidf"), guide=Guide(remember=remember))
    face.train(table(), goal="Mrs Tremblay's notes", time_limit="60s", listen=lambda event: told.append(event.message))
    return told


def test_nothing_is_kept_unless_it_was_asked_for(tmp_path: Path) -> None:
    run(tmp_path / "runs", remember=False)
    assert not past.place().exists()
    assert past.load() == []


def test_a_run_keeps_numbers_and_method_names_only(tmp_path: Path) -> None:
    run(tmp_path / "runs", remember=True)
    kept = past.place().read_text("utf-8")
    for word in (*MOODS, "note", "kind", "card", "Tremblay", str(tmp_path)):
        assert word not in kept
    (one,) = past.load()
    assert {trial.method for trial in one.trials} == {"majority", "tfidf"}
    assert one.features.labels == 3
    assert stat.S_IMODE(past.place().stat().st_mode) == 0o600
    told = run(tmp_path / "runs", remember=True)
    assert any("1 past runs are remembered" in message for message in told)
    assert past.forget() == 2
    assert not past.place().exists()
    assert past.forget() == 0


def test_damaged_and_strange_lines_are_left_out() -> None:
    path = past.place()
    path.parent.mkdir(parents=True)
    good = json.dumps(remembered().to_dict())
    strange = json.dumps(
        {**remembered().to_dict(), "trials": [{"method": "full", "score": float("nan"), "seconds": 1}]}
    )
    other = json.dumps({**remembered().to_dict(), "version": 99})
    path.write_text(f"{good}\n{good[:30]}\n{strange}\n{other}\n[]\n{{}}\n", "utf-8")
    assert past.load() == [remembered()]


def test_a_folder_that_cannot_be_written_to_is_said_and_no_error(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "file").write_text("here already")
    monkeypatch.setenv(past.HOME, str(tmp_path / "file"))
    assert any("cannot be remembered" in message for message in run(tmp_path / "runs", remember=True))


def test_the_place_follows_the_environment(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.delenv(past.HOME)
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    assert past.place() == tmp_path / "autogpt" / "runs.jsonl"


def test_the_command_shows_and_forgets(capsys: pytest.CaptureFixture[str]) -> None:
    assert execute(["memory"]) == 0
    assert "nothing is remembered" in capsys.readouterr().out
    path = past.place()
    path.parent.mkdir(parents=True)
    path.write_text(json.dumps(remembered().to_dict()) + "\n", "utf-8")
    assert execute(["memory", "show", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["runs"][0]["winner"] == "full"
    assert execute(["memory", "forget"]) == 0
    assert not path.exists()
    assert execute(["memory", "burn"]) == 2
