"""What is planted in the data of a run is what its report says: wrong labels, a curve that is flat, one that rises."""

from __future__ import annotations

import random
from pathlib import Path
from typing import Any

import pytest

from autogpt import AutoGPT
from autogpt.autopilot.run import Run
from autogpt.config import Experiments, Search

WORDS = {
    "travel": ("train", "ticket", "airport", "hotel", "luggage", "border"),
    "money": ("bank", "loan", "interest", "credit", "invoice", "tax"),
    "health": ("doctor", "fever", "clinic", "tablet", "surgery", "nurse"),
}
FILLERS = (
    "please",
    "could",
    "you",
    "tell",
    "me",
    "about",
    "the",
    "new",
    "old",
    "other",
    "again",
    "today",
    "soon",
    "why",
)


def table(rows: int, *, wrong: float = 0.0, seed: int = 0) -> list[dict[str, Any]]:
    """Each row has two words that tell its label, among others; `wrong` of the labels are another one."""
    rng, found = random.Random(seed), []
    for place in range(rows):
        label = rng.choice(list(WORDS))
        text = [*rng.sample(WORDS[label], 2), *rng.sample(FILLERS, 6), f"w{rng.randrange(10**6)}"]
        rng.shuffle(text)
        given = rng.choice([one for one in WORDS if one != label]) if rng.random() < wrong else label
        found.append({"text": " ".join(text), "topic": given, "place": place})
    return found


def run(folder: Path, rows: list[dict[str, Any]]) -> Run:
    plain = [{"text": row["text"], "topic": row["topic"]} for row in rows]
    face = AutoGPT(output=str(folder), search=Search(methods="majority,tfidf"), experiments=Experiments(search="off"))
    face.train(plain, goal="topic", time_limit="120s")
    assert face.run is not None
    return face.run


def test_a_fifth_of_wrong_labels_is_told_as_a_cap_near_four_fifths(tmp_path: Path) -> None:
    found = run(tmp_path, table(1200, wrong=0.2))
    (cap,) = [one for one in found.report.verdict.advice if one.name == "noise"]
    assert cap.value == pytest.approx(0.8, abs=0.05)
    assert cap.low <= 0.8 + 0.05
    assert found.report.main.value == pytest.approx(0.8, abs=0.08), "and the test agrees"
    for text in (str(found.report), found.report.to_markdown(), found.report.to_html()):
        assert "label noise caps accuracy at about 0." in text


def test_clean_rows_that_are_learned_call_for_nothing(tmp_path: Path) -> None:
    """All is right from an eighth of the rows on: the curve is flat, and no label is wrong."""
    found = run(tmp_path, table(1200))
    assert found.report.verdict.advice == ()
    assert found.report.main.value > 0.97


def test_rows_of_which_more_would_tell_more_call_for_labels(tmp_path: Path) -> None:
    """Each of very many words tells a label by itself: what is not seen is not known, so the error falls with rows."""
    rng = random.Random(1)
    words = {label: [f"{label[0]}{rng.randrange(10**9)}" for _ in range(700)] for label in ("red", "blue")}
    rows = []
    for _ in range(1600):
        label = rng.choice(list(words))
        rows.append({"text": " ".join([*rng.sample(words[label], 1), *rng.sample(FILLERS, 5)]), "topic": label})
    found = run(tmp_path, rows)
    calls = [one for one in found.report.verdict.advice if one.name == "labels"]
    assert len(calls) == 1
    assert calls[0].low <= calls[0].value <= calls[0].high
    assert calls[0].value <= found.report.data.splits["train"]


def test_the_score_is_told_as_validated_and_as_expected(tmp_path: Path) -> None:
    found = run(tmp_path, table(600, wrong=0.2, seed=3))
    curse = found.report.curse
    assert curse is not None
    assert curse.validated == pytest.approx(curse.expected + curse.flattery)
    assert curse.rows == found.report.data.splits["validation"]
    assert curse.trials == 1, "majority had no chance"
