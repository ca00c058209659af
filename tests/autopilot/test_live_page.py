"""A page that renews itself while a run works, is never half written, and ends as a page that stands still."""

from __future__ import annotations

import json
import re
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest

from autogpt import AutoGPT, files
from autogpt.autopilot import live_page
from autogpt.autopilot.live_page import LivePage
from autogpt.autopilot.progress import MOST_POINTS, Curve, Progress
from autogpt.config import RunConfig, Search
from autogpt.evaluation.live import Line, View, page
from autogpt.events import Event
from autogpt.testing import tiny

MOODS = {"lost": "is gone and I cannot find my", "cost": "how much do I pay for a", "thanks": "thank you for the"}


def table(rows: int = 240) -> list[dict[str, Any]]:
    named = ((place, list(MOODS)[place % 3]) for place in range(rows))
    return [{"note": f"{MOODS[label]} card number {place}", "kind": label} for place, label in named]


class Reader(HTMLParser):
    """Tags and addresses of a page, with every tag closed."""

    VOID = frozenset({"meta", "br", "wbr", "line", "path", "circle", "rect", "link", "img"})

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.tags: list[str] = []
        self.addresses: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.addresses += [value or "" for name, value in attrs if name in ("href", "src")]
        if tag not in self.VOID:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        if tag not in self.VOID:
            assert self.open.pop() == tag

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)


def read(text: str) -> Reader:
    reader = Reader()
    reader.feed(text)
    assert reader.open == []
    return reader


def test_a_run_writes_its_page_and_ends_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pages: list[str] = []
    plain = files.write_text

    def watched(path: Path, content: str) -> None:
        plain(path, content)
        if path.name == live_page.NAME:
            pages.append(content)

    monkeypatch.setattr(live_page.files, "write_text", watched)
    search = Search(methods="majority,tfidf,full", backbone=str(tiny.bert_folder(tmp_path / "bert")))
    face = AutoGPT(output=str(tmp_path / "runs"), search=search)
    face.train(table(), goal="sort <b>notes</b>", time_limit="60s")
    assert face.run is not None
    assert len(pages) >= 4
    for text in pages[:-1]:
        read(text)
        assert 'http-equiv="refresh"' in text
    last = read(pages[-1])
    assert 'http-equiv="refresh"' not in pages[-1]
    assert last.addresses == ["model/report.html"]
    assert (face.run.folder / last.addresses[0]).is_file()
    assert "svg" in last.tags
    assert "<b>notes</b>" not in pages[-1]
    for text in pages:
        assert "script" not in read(text).tags
        assert not re.search(r"https?://", text)


def test_what_is_next_shrinks_as_the_run_goes_on() -> None:
    known = Progress()
    known.take(Event("plan", "", {"methods": ["majority", "head", "contrastive", "full"]}))
    assert known.upcoming == ["majority", "head", "contrastive", "full"]
    known.take(Event("trial", "", {"trial": "majority", "method": "majority", "state": "started"}))
    known.take(Event("decision", "", {"left_out": "contrastive is left out: too dear"}))
    assert known.upcoming == ["head", "full"]
    known.take(Event("decision", "", {"proposed": [{"name": "full (llm 1)"}]}))
    known.take(Event("trial", "", {"trial": "full (llm 1)", "method": "full (llm 1)", "state": "started"}))
    assert known.upcoming == ["head", "full"]
    known.take(Event("decision", "", {"winner": "head"}))
    assert known.upcoming == []


def test_curves_stay_small_and_skip_what_is_no_number() -> None:
    curve = Curve()
    for step in range(10_000):
        curve.add(step, 10_000, 1.0 / (1 + step), None if step % 100 else 0.5)
    curve.add(10_000, 10_000, float("nan"), float("inf"))
    assert len(curve.losses) <= MOST_POINTS
    assert len(curve.scores) <= MOST_POINTS
    assert curve.total == 10_000


@pytest.mark.parametrize("language", ["en", "zh"])
@pytest.mark.parametrize("status", ["running", "done", "paused", "failed"])
def test_the_page_shows_every_state_in_both_languages(status: str, language: str) -> None:
    hostile = "<script>alert(1)</script>"
    view = View(
        goal=hostile,
        status=status,
        metric="accuracy",
        higher_is_better=True,
        lines=(Line(hostile, 0.9, 3.0, "done", 2.0), Line("full", None, None, "failed")),
        spent=30.0,
        limit=60.0,
        scores={hostile: (10, ((1, 0.5), (2, 0.7)))},
        losses={hostile: (10, ((1, 2.0), (2, float("nan")), (3, 1.0)))},
        upcoming=(hostile,),
        messages=(("trial", hostile),),
        language=language,
    )
    text = page(view)
    assert "script" not in read(text).tags
    assert ('http-equiv="refresh"' in text) is (status == "running")
    assert "width: 50.0%" in text


def test_a_page_with_nothing_to_show_yet_is_a_page() -> None:
    view = View("", "running", "", True, (), 0.0, None)
    read(page(view))


def test_a_run_does_not_fail_for_being_watched(tmp_path: Path) -> None:
    listener = LivePage(tmp_path / "nowhere", RunConfig())
    (tmp_path / "nowhere").write_text("a file where the folder should be")
    listener(Event("plan", "begin", {}))
    listener.close("done")


def test_a_stopped_run_says_so(tmp_path: Path) -> None:
    listener = LivePage(tmp_path, RunConfig(goal="整理笔记"))
    listener(Event("trial", "tfidf", {"trial": "tfidf", "method": "tfidf", "state": "started"}))
    assert "运行中" in (tmp_path / live_page.NAME).read_text("utf-8")
    listener.close("paused")
    assert "已停止" in (tmp_path / live_page.NAME).read_text("utf-8")
    assert json.dumps("refresh") not in (tmp_path / live_page.NAME).read_text("utf-8")
