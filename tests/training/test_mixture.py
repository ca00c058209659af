"""The draw of a mixture against its formula."""

from __future__ import annotations

from collections import Counter

import pytest

from autogpt.errors import ConfigError
from autogpt.training.mixture import draw, proportions


def test_proportions_are_rows_to_the_power_of_one_over_the_temperature() -> None:
    assert proportions([100, 900], temperature=1) == pytest.approx([0.1, 0.9])
    assert proportions([100, 900], temperature=2) == pytest.approx([0.25, 0.75])
    with pytest.raises(ConfigError, match="1"):
        proportions([1, 2], temperature=0.5)


def test_a_draw_goes_through_whole_passes_and_bounds_repeats() -> None:
    drawn = draw([100, 900], passes=2, temperature=2, seed=0)
    assert Counter(task for task, _ in drawn) == {0: 500, 1: 1500}
    assert set(Counter(row for task, row in drawn if task == 0).values()) == {5}
    tiny = draw([1, 900], passes=2, temperature=9, seed=0)
    assert Counter(task for task, _ in tiny)[0] == 6
