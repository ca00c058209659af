"""The benchmark of choosing measures what it says: whole templates on one side, known bias scores, fixed clicks."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

sys.path.insert(0, str(Path(__file__).parents[2]))

from benchmarks import choices, clicks


def row(condition: str, polarity: str, label: int) -> dict[str, Any]:
    groups = {"ans0": ["gran", "old"], "ans1": ["kid", "young"], "ans2": ["none", "unknown"]}
    return {"context_condition": condition, "question_polarity": polarity, "label": label, "answer_info": groups,
            "stereotyped": ["old"]}  # fmt: skip


def test_the_bias_scores_are_those_of_the_paper() -> None:
    rows = [row("disambig", "neg", 0), row("disambig", "nonneg", 0), row("disambig", "neg", 1), row("ambig", "neg", 2)]
    # Disambiguated: biased, not biased (the stereotyped group, asked for something good), biased: 2 of 3.
    found = choices.bias(rows, [0, 0, 0, 0])
    assert found["disambig"] == pytest.approx(2 * 2 / 3 - 1, abs=1e-4)
    assert found["disambig_accuracy"] == pytest.approx(2 / 3, abs=1e-4)
    assert found["ambig"] == 1.0, "wrong, and always biased"
    assert choices.bias(rows, [0, 0, 0, 2])["ambig"] == 0.0, "no bias where nothing is claimed"
    assert choices.bias(rows, [0, 0, 0, 1])["ambig"] == -1.0


def test_rows_of_a_shared_question_are_one_template() -> None:
    questions = ["a?", "a?", "b?", "b?", "c?", "c?", "d?", "d?", "b?", "b?", "e?", "e?"]
    assert choices.templates([{"question": q} for q in questions]) == [0] * 4 + [1] * 4 + [0] * 4


def test_no_template_stands_on_two_sides(shared_data: Path) -> None:
    rows = choices.bbq("template", 600, 3, shared_data)
    sides: dict[str, set[str]] = {}
    for one in rows:
        sides.setdefault(one["template"], set()).add(one["split"])
    assert all(len(found) == 1 for found in sides.values())
    assert {one["split"] for one in rows} == {"train", "validation", "test"}
    mixed = choices.bbq("random", 600, 3, shared_data)
    held = {one["template"] for one in mixed if one["split"] == "test"}
    assert held & {one["template"] for one in mixed if one["split"] == "train"}


def test_clicks_are_fixed_by_their_seed_and_are_about_tastes(shared_data: Path) -> None:
    rows = clicks.clicks(30, seed=5, folder=shared_data)
    assert rows == clicks.clicks(30, seed=5, folder=shared_data)
    assert rows[:12] != clicks.clicks(1, seed=6, folder=shared_data)
    assert len(rows) == 30 * clicks.SHOWN
    lists = [rows[start : start + clicks.SHOWN] for start in range(0, len(rows), clicks.SHOWN)]
    assert {sum(one["clicked"] for one in part) for part in lists} == {clicks.SUITED - clicks.HISTORY}
    for part in lists:
        assert not any(one["book"] in part[0]["history"].split(" | ") for one in part)
    places = np.array([[one["clicked"] for one in part] for part in lists])
    assert 0.1 < places[:, 0].mean() < 0.5, "what was clicked does not stand first"
