"""A run as it is seen: lines in a pipe, a redrawn leaderboard on a terminal, silence for --quiet and --json."""

from __future__ import annotations

import io
import re

import pytest

from autogpt.cli import live
from autogpt.cli.catalogue import Catalogue
from autogpt.cli.live import Live, Progress, pad
from autogpt.cli.screen import Screen, Show
from autogpt.errors import AmbiguityError
from autogpt.events import KINDS, Event

EVENTS = (
    Event("plan", "3 methods in 60 s", {"time_limit": 60.0}),
    Event("read", "10,003 rows from 数据.csv"),
    Event("trial", "majority", {"method": "majority", "metric": "accuracy", "score": 0.01, "seconds": 0.1}),
    Event("trial", "head", {"method": "head", "metric": "accuracy", "score": 0.92, "seconds": 4.0}),
    Event("trial", "tfidf", {"method": "tfidf", "metric": "accuracy", "score": 0.87, "seconds": 2.0}),
    Event("trial", "lora starts", {"method": "lora", "metric": "accuracy", "state": "started"}),
    Event("step", "", {"step": 120, "total": 400, "loss": 0.25}),
    Event("warning", "3 rows were rejected"),
    Event("saved", "model in runs/a/model"),
)


class Stream(io.StringIO):
    """Standard error as a terminal or a pipe."""

    def __init__(self, *, terminal: bool) -> None:
        super().__init__()
        self.terminal = terminal

    def isatty(self) -> bool:
        return self.terminal


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    now = [100.0]
    monkeypatch.setattr(live.time, "monotonic", lambda: now[0])
    return now


def screen(
    monkeypatch: pytest.MonkeyPatch, show: Show, *, terminal: bool, language: str = "en"
) -> tuple[Screen, Stream]:
    stream = Stream(terminal=terminal)
    monkeypatch.setattr("sys.stderr", stream)
    monkeypatch.setenv("TERM", "xterm-256color")
    monkeypatch.setenv("COLUMNS", "100")
    return Screen(show, Catalogue(language)), stream


def test_every_kind_of_event_has_a_name() -> None:
    assert set(live._NAMES) == set(KINDS)


def test_in_a_pipe_every_event_is_a_plain_line(monkeypatch: pytest.MonkeyPatch, clock: list[float]) -> None:
    shown, stream = screen(monkeypatch, Show(), terminal=False)
    with Live(shown) as listen:
        clock[0] += 3.25
        for event in EVENTS:
            listen(event)
    lines = stream.getvalue().splitlines()
    assert len(lines) == len(EVENTS) - 1, "a step right after the start is not worth a line"
    assert lines[1] == "    3.2s  read      10,003 rows from 数据.csv"
    assert "\x1b" not in stream.getvalue()


def test_in_a_pipe_steps_are_told_every_ten_seconds(monkeypatch: pytest.MonkeyPatch, clock: list[float]) -> None:
    shown, stream = screen(monkeypatch, Show(), terminal=False)
    with Live(shown) as listen:
        for number in range(1, 251):  # 25 seconds, ten steps a second
            clock[0] += 0.1
            listen(Event("step", f"step {number}", {"step": number, "total": 250}))
    assert len(stream.getvalue().splitlines()) == 2


def test_on_a_terminal_the_trials_are_ranked_and_time_and_steps_have_bars(
    monkeypatch: pytest.MonkeyPatch, clock: list[float]
) -> None:
    shown, stream = screen(monkeypatch, Show(), terminal=True)
    with Live(shown) as listen:
        clock[0] += 15
        for event in EVENTS[:7]:
            listen(event)
        stream.truncate(0)
        shown.err.print(listen._draw())
        drawn = re.sub(r"\x1b\[[0-9;?]*[a-zA-Z]", "", stream.getvalue())
    order = [drawn.index(name) for name in ("validation accuracy", "★   head", "tfidf", "majority", "lora")]
    assert order == sorted(order)
    assert "0.9200" in drawn
    assert "started" in drawn
    assert "step 120 of 400" in drawn
    assert "loss 0.2500" in drawn
    assert "15s of 1m" in drawn


@pytest.mark.parametrize("show", [Show(quiet=True), Show(json=True)], ids=str)
@pytest.mark.parametrize("terminal", [True, False])
def test_quiet_and_json_leave_warnings_only(monkeypatch: pytest.MonkeyPatch, show: Show, terminal: bool) -> None:
    shown, stream = screen(monkeypatch, show, terminal=terminal)
    with Live(shown) as listen:
        for event in EVENTS:
            listen(event)
    assert re.sub(r"\x1b\[[0-9;]*m", "", stream.getvalue()) == "warning: 3 rows were rejected\n"


def test_a_metric_that_should_be_small_ranks_the_other_way() -> None:
    progress = Progress()
    for name, score in (("a", 0.9), ("b", 0.2), ("c", None)):
        progress.take(Event("trial", name, {"method": name, "score": score, "higher_is_better": False}))
    assert [trial.method for trial in progress.ranking] == ["b", "a", "c"]


def test_a_trial_that_ends_replaces_its_start() -> None:
    progress = Progress()
    progress.take(Event("trial", "", {"trial": 1, "method": "head", "state": "started"}))
    progress.take(Event("trial", "", {"trial": 1, "method": "head", "state": "done", "score": 0.5, "seconds": 1.0}))
    assert [(trial.state, trial.score) for trial in progress.ranking] == [("done", 0.5)]


def test_chinese_takes_two_cells() -> None:
    assert [pad("中文", 6), pad("abc", 6), pad("long one", 3)] == ["中文  ", "abc   ", "long one "]


def test_a_question_takes_the_live_view_away_and_brings_it_back(
    monkeypatch: pytest.MonkeyPatch, clock: list[float]
) -> None:
    shown, stream = screen(monkeypatch, Show(), terminal=True)
    monkeypatch.setattr("sys.stdin", io.StringIO("2\n"))
    question = AmbiguityError("which?", question="target", candidates=("a", "b"), flag="--target")
    with Live(shown) as listen:
        listen(EVENTS[0])
        before = shown._display
        stream.truncate(0)
        assert shown.ask(question) == "b"
        assert shown._display is not before, "rich would draw the stopped view over the question"
        listen(EVENTS[1])
    assert shown._display is None
    drawn = re.sub(r"\x1b\[[0-9;?]*[a-zA-Z]", "", stream.getvalue())
    assert drawn.index("which?") < drawn.index("10,003 rows")


def test_the_learning_curve_and_what_is_next_are_drawn(monkeypatch: pytest.MonkeyPatch, clock: list[float]) -> None:
    shown, stream = screen(monkeypatch, Show(), terminal=True)
    listen = Live(shown)
    listen(Event("plan", "", {"methods": ["head", "full", "lora"]}))
    listen(Event("trial", "", {"trial": "head", "method": "head", "metric": "accuracy", "state": "started"}))
    for step, score in ((1, 0.5), (2, None), (3, 0.8), (4, 1.0)):
        scores = {} if score is None else {"accuracy": score}
        listen(Event("step", "", {"trial": "head", "step": step, "total": 9, "loss": 1.0, "scores": scores}))
    shown.err.print(listen._draw())
    drawn = re.sub(r"\x1b\[[0-9;]*m", "", stream.getvalue())
    assert "▁▅█" in drawn
    assert "validation accuracy 1.0000" in drawn
    assert "next, as time allows: full, lora" in drawn


def test_a_flat_curve_is_a_flat_line() -> None:
    assert len(set(live.sparkline([0.5, 0.5, 0.5]))) == 1
    assert live.sparkline([0.0, 1.0]) == "▁█"
