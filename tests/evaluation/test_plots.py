"""Drawings: well-formed SVG inside its own frame, whatever the numbers are."""

from __future__ import annotations

import math
import re
from xml.etree import ElementTree

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from markupsafe import Markup

from autogpt import registry
from autogpt.evaluation import plots
from autogpt.evaluation.calibration import Abstention, Bin
from autogpt.evaluation.display import cells, duration, short
from autogpt.evaluation.errors import Matrix
from autogpt.evaluation.learning_curve import Point, fit_curve
from autogpt.evaluation.report import TrialRow
from autogpt.evaluation.score import Score

NUMBERS = st.floats(-1e6, 1e6)


def check(svg: Markup) -> ElementTree.Element:
    """The drawing as XML; every coordinate is a number and lies inside the frame."""
    root = ElementTree.fromstring(str(svg))  # noqa: S314 - our own text
    width, height = (float(v) for v in root.attrib["viewBox"].split()[2:])
    assert root.attrib["aria-label"]
    for element in root.iter():
        for name, value in element.attrib.items():
            if name in {"x", "cx", "x1", "x2"}:
                assert -1 <= float(value) <= width + 1, (element.tag, name, value)
            if name in {"y", "cy", "y1", "y2"}:
                assert -1 <= float(value) <= height + 1, (element.tag, name, value)
            assert "nan" not in value.lower()
    return root


def score(value: float, low: float, high: float) -> Score:
    return Score("accuracy", value, low, high, 10)


@settings(deadline=None, max_examples=60)
@given(st.lists(st.tuples(NUMBERS, NUMBERS, NUMBERS).map(sorted), min_size=1, max_size=5))
def test_forest(triples: list[list[float]]) -> None:
    marks = [plots.Mark(f"<b> & {i}", score(mid, low, high), i == 0) for i, (low, mid, high) in enumerate(triples)]
    root = check(plots.forest(marks, "scores"))
    assert len([e for e in root if e.attrib.get("class", "").startswith("range")]) == len(marks)


def test_a_forest_of_numbers_that_are_none() -> None:
    check(plots.forest([plots.Mark("x", score(math.nan, math.nan, math.nan))], "scores"))
    check(plots.forest([plots.Mark("x", score(0.5, math.nan, math.nan))], "scores"))


@settings(deadline=None, max_examples=60)
@given(st.lists(st.one_of(st.none(), st.floats(0, 1)), min_size=1, max_size=9), st.booleans())
def test_the_ladder_shows_every_trial_once(values: list[float | None], higher: bool) -> None:
    trials = [TrialRow(f"t{i}", v, 1.0, chosen=i == 0) for i, v in enumerate(values)]
    root = check(plots.ladder(trials, "trials", x_label="seconds", higher_is_better=higher))
    assert len([e for e in root if e.tag == "circle"]) == len([v for v in values if v is not None])


def test_a_majority_far_below_does_not_press_the_others_together() -> None:
    trials = [TrialRow("majority", 0.01, 1), *(TrialRow(str(s), s, 1) for s in (0.90, 0.92, 0.93, 0.94))]
    svg = str(plots.ladder(trials, "trials", x_label="s"))
    heights = [float(y) for y in re.findall(r'<circle cx="[\d.]+" cy="([\d.]+)"', svg)]
    assert heights[1] - heights[4] > 60
    assert svg.count("dot hollow") == 1


def test_curve_reliability_risk_matrix_bars_and_scatter() -> None:
    accuracy = registry.get("metrics", "accuracy")
    points = [Point(n, 1 - 2 * n**-0.4, 300) for n in (100, 400, 1600)]
    check(plots.curve(fit_curve(points, metric=accuracy), "curve", x_label="rows"))
    check(plots.curve(fit_curve(points[:2], metric=accuracy), "curve", x_label="rows"))
    bins = (Bin(0.2, 0.0, 1), Bin(0.9, 1.0, 40))
    check(plots.reliability(bins, bins, "honest", x_label="x", y_label="y"))
    check(plots.risk([Abstention(0.9, 0.1, 1.0), Abstention(0.1, 1.0, 0.5)], "risk", x_label="x"))
    check(plots.heatmap(Matrix(("a", "很长的标签" * 9), ((0, 0), (3, 12345))), "matrix"))
    check(plots.bars([("a", 0), ("b", 9)], "few"))
    check(plots.bars([(f"label {i}", i) for i in range(80)], "many"))
    check(plots.scatter([(0.0, math.nan), (5.0, 5.0)], "pairs", x_label="x", y_label="y"))


@pytest.mark.parametrize(("low", "high"), [(0, 1), (0.881, 0.902), (-3, 1e5), (5, 5), (0, math.inf)])
def test_ticks_are_few_round_and_inside(low: float, high: float) -> None:
    found = plots.ticks(low, high)
    assert 1 <= len(found) <= 6
    assert all(low <= t <= high for t in found)


def test_chinese_takes_two_columns_and_long_text_is_cut() -> None:
    assert cells("卡ab") == 4
    assert short("银行卡被吞", 7) == "银行卡…"
    assert short("card", 7) == "card"


def test_durations() -> None:
    assert [duration(s) for s in (0.44, 59.9, 61, 3725)] == ["0.4 s", "59.9 s", "1 min 01 s", "1 h 02 min"]
