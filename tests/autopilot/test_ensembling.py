"""When several models answer in place of one: what is selected, what is believed of it, what survives a kill."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from autogpt.autopilot import ensembling
from autogpt.autopilot.trial import Bench
from autogpt.core import Example
from autogpt.data.split import parts
from autogpt.testing import contracts, tiny

ROWS = 400
METHODS = "majority,full"


@pytest.fixture(scope="module")
def tiny_bert(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tiny.bert_folder(tmp_path_factory.mktemp("bert") / "bert")


@pytest.fixture
def bench(tiny_bert: Path) -> Bench:
    """Validation rows of two labels; nothing is loaded."""
    told = contracts.bench("classes", tiny_bert)
    labels = told.space.labels
    rows = [Example(place, {"text": "x"}, labels[place % len(labels)]) for place in range(ROWS)]
    return replace(told, validation=rows)


def opinion(bench: Bench, *, seed: int, right: float = 1.0, noise: float = 1.0) -> Any:
    """Scores of a model that knows `right` of the truth, with errors of its own."""
    gold = bench.output.encode([row.target for row in bench.validation], bench.space)
    truth = right * np.eye(len(bench.space.labels))[gold]
    return truth + noise * np.random.default_rng(seed).normal(size=truth.shape)


def test_models_with_errors_of_their_own_are_joined_and_win_on_rows_not_selected_by(bench: Bench) -> None:
    found = ensembling.select(bench, [opinion(bench, seed=seed) for seed in range(3)])
    assert all(share > 0.1 for share in found.shares)
    assert sum(found.shares) == pytest.approx(1.0)
    assert found.gain > 2 * found.noise


def test_copies_and_guesses_are_no_gain_beyond_noise(bench: Bench) -> None:
    first = opinion(bench, seed=0)
    found = ensembling.select(bench, [first, first + 1e-6, opinion(bench, seed=1, right=0.0)])
    assert found.gain <= ensembling.BEYOND * found.noise
    assert found.shares[2] == 0.0


def test_the_more_is_selected_by_few_rows_the_more_of_it_was_luck(bench: Bench) -> None:
    curses = []
    for count in (20, ROWS):
        few = replace(bench, validation=bench.validation[:count])
        curses.append(ensembling.select(few, [opinion(few, seed=seed, noise=4.0) for seed in range(6)]).curse)
    assert curses[0] > 0.02
    assert curses[0] > 2 * curses[1]


def test_selection_is_the_same_for_the_same_seed(bench: Bench) -> None:
    tables = [opinion(bench, seed=seed) for seed in range(3)]
    assert ensembling.select(bench, tables) == ensembling.select(bench, tables)


def test_parts_share_no_row_and_hold_every_label() -> None:
    rows = [Example(place, {"text": f"text number {place} {place * 7919}"}, "ab"[place % 2]) for place in range(40)]
    found = parts(rows, count=4, rows=8, output="classes", seed=0)
    assert [len(part) for part in found] == [8, 8, 8, 8]
    assert len({place for part in found for place in part}) == 32
    assert all({rows[place].target for place in part} == {"a", "b"} for part in found)


def test_parts_keep_groups_and_copies_on_one_side() -> None:
    rows = [
        Example(place, {"text": f"text {place // 2} {place // 2 * 7919}"}, "ab"[place // 2 % 2]) for place in range(40)
    ]
    groups = [place // 4 for place in range(40)]
    for part in parts(rows, count=3, rows=8, output="classes", seed=1, groups=groups):
        assert len(part) % 4 == 0
        assert all(place // 4 * 4 + more in part for place in part for more in range(4))


@pytest.mark.parametrize(
    ("gain", "noise", "usual", "kept"),
    [
        (-0.04, 0.08, 0.009, True),  # few rows do not overrule what is usual
        (-0.01, 0.004, 0.009, False),  # and many do
        (0.04, 0.08, 0.0, False),  # what nothing is known of has to be shown by rows
        (0.02, 0.004, 0.0, True),
    ],
)
def test_what_rows_say_counts_as_far_as_it_is_sure(
    bench: Bench, gain: float, noise: float, usual: float, kept: bool
) -> None:
    found = ensembling.Selected([0.5, 0.5], gain, noise, 0.0)
    assert (ensembling.expected_gain(bench, found, usual=usual) >= ensembling.LEAST_GAIN) is kept
