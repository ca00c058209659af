"""The report: complete, round-trips through JSON, safe against hostile text, readable in two languages."""

from __future__ import annotations

import dataclasses
import json
import math
import re
from collections.abc import Callable
from html.parser import HTMLParser
from pathlib import Path

import numpy as np
import pytest
import yaml

from autogpt import registry
from autogpt.core import Decision, Example, LabelSpace, Prediction
from autogpt.errors import InputError, ModelError
from autogpt.evaluation.build import Contender, RunFacts, build_report
from autogpt.evaluation.card import model_card
from autogpt.evaluation.display import clean
from autogpt.evaluation.energy import Costs
from autogpt.evaluation.learning_curve import Point
from autogpt.evaluation.noise import Suspect
from autogpt.evaluation.report import Choice, DataFacts, RejectedRow, Report, TrialRow
from autogpt.evaluation.words import Words

HOSTILE = "<img src=x onerror=alert(1)> `|*_[x](http://evil.example) </svg><script>alert(2)</script>\x1b[31m\r\n\u202e"
Make = Callable[..., Report]

FULL = {
    "method": "head",
    "backbone": "MiniLM",
    "decision": Decision(0.8, abstain_below=0.8),
    "trials": (
        TrialRow("majority", 0.34, 0.1, reason="the floor"),
        TrialRow("TF-IDF", 0.6, 2.0),
        TrialRow("lora", None, 5.0, reason="stopped: out of time"),
        TrialRow("head", 0.86, 9.0, chosen=True, reason="best on validation"),
    ),
    "seed_scores": (0.85, 0.86, 0.855),
    "curve": tuple(Point(n, 1 - 2 * n**-0.4, 400) for n in (250, 500, 1000, 2000)),
    "suspects": (Suspect(7, "where is my card", "login", "card", 0.97),),
    "suspects_of": 500,
    "data": DataFacts(
        name="messages",
        rows_in=1000,
        rows_used=990,
        rejected_count=6,
        removed=4,
        splits={"train": 700, "validation": 50, "test": 240},
        labels={"card": 500, "billing": 150, "login": 50},
        languages={"en": 980, "zh": 10},
        characters_median=40,
        characters_p95=120,
        twins=(("card", "Card "),),
        pii={"email": 3},
        rejected=(RejectedRow(12, "empty text", "a.csv"), RejectedRow(None, "no label")),
        notes=("the file was read as UTF-8",),
    ),
    "choices": (Choice("task", "text-classification", "few distinct labels"),),
    "costs": Costs(61.0, 100.0, 3 * 2**30, 0.28, stages={"fit": 50.0}),
    "config": {"time_limit": 60.0, "columns": {"text": None}},
    "command": "autogpt run messages.csv --time-limit 60s",
    "versions": {"torch": "2.13.0"},
    "created": "2026-01-01 00:00 UTC",
}


@pytest.fixture(scope="module")
def full(make_report: Make) -> Report:
    return make_report(**FULL)


def test_the_report_has_what_was_promised(full: Report) -> None:
    assert [s.role for s in full.systems] == ["winner", "simple", "majority"]
    assert [r.name for r in full.rivals] == ["TF-IDF", "majority"]
    assert full.main.metric == "accuracy"
    assert full.main.n == 240
    assert full.noise is not None
    assert full.curve is not None
    assert full.curve.known
    assert full.calibration is not None
    assert full.calibration.temperature == 0.8
    assert (full.confusions[0].gold, full.confusions[0].predicted) == ("card", "login"), "the planted confusion"
    assert full.matrix is not None
    assert full.tables[0].accuracy == pytest.approx(full.main.value)
    assert full.slices
    assert full.abstention is not None
    assert 0 < full.abstention.coverage < 1
    assert full.abstention.accuracy > full.main.value, "what it is not sure of it leaves out"
    assert full.verdict.ship


def test_it_survives_json_unchanged(full: Report, tmp_path: Path) -> None:
    full.save(tmp_path)
    assert {p.name for p in tmp_path.iterdir()} == {"report.json", "report.md", "report.html"}
    again = Report.load(tmp_path)
    assert again.to_dict() == full.to_dict()
    assert type(again.curve) is type(full.curve)
    assert json.loads((tmp_path / "report.json").read_text("utf-8"))["schema_version"] == 1


def test_numbers_that_are_none_survive_json(make_report: Make, tmp_path: Path) -> None:
    report = make_report(curve=(Point(10, 0.5, 10),))
    report.save(tmp_path)
    again = Report.load(tmp_path)
    assert again.curve is not None
    assert math.isnan(again.curve.score)


def test_another_schema_or_a_missing_report_is_refused(full: Report, tmp_path: Path) -> None:
    with pytest.raises(ModelError, match="schema version 99"):
        Report.from_dict({**full.to_dict(), "schema_version": 99})
    with pytest.raises(ModelError, match="missing"):
        Report.load(tmp_path)


def test_what_print_shows(full: Report) -> None:
    text = str(full)
    parts = ("SHIP", "route messages", f"{full.main.value:.3f}", "240 test rows", "TF-IDF", "majority", "seed noise")
    facts = ("card → login", "worst error", "Twice the data (4,000 rows)", "1 min 01 s, 3.0 GiB, ≈ 0.28 Wh")
    assert [part for part in (*parts, *facts) if part not in text] == []
    assert len(text.splitlines()) <= 22
    assert "\x1b" not in text


@pytest.mark.parametrize("language", ["en", "zh"])
def test_all_sections_stand_in_both_languages(full: Report, language: str) -> None:
    report, words = dataclasses.replace(full, language=language), Words(language)
    for page in (report.to_markdown(), report.to_html()):
        for name in ("scores", "confusions", "worst", "tables", "slices", "calibration", "curve", "suspects", "trials",
                     "data", "choices", "costs", "repeat"):  # fmt: skip
            assert words(f"section.{name}").replace("?", "") in page.replace("\\", ""), name
        assert "autogpt run messages.csv --time-limit 60s" in page
        assert "990" in page


class Page(HTMLParser):
    """Elements and attributes as a browser would build them."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.attributes: list[tuple[str, str]] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.attributes += [(name, value or "") for name, value in attrs]


def hostile(make_report: Make) -> Report:
    labels = (f"a {HOSTILE}", f"b {HOSTILE}", f"c {HOSTILE}")
    rng = np.random.default_rng(0)
    test = [Example(i, {"text": f"{HOSTILE} {i}"}, labels[rng.integers(0, 3)]) for i in range(240)]
    return make_report(
        **{
            **FULL,
            "goal": HOSTILE,
            "method": HOSTILE,
            "backbone": HOSTILE,
            "command": HOSTILE,
            "config": {HOSTILE: HOSTILE},
            "versions": {HOSTILE: HOSTILE},
            "choices": (Choice(HOSTILE, HOSTILE, HOSTILE),),
            "trials": (TrialRow(HOSTILE, 0.4, 1.0, reason=HOSTILE), TrialRow(HOSTILE, 0.5, 1.0, chosen=True)),
            "suspects": (Suspect(0, HOSTILE, HOSTILE, HOSTILE, 0.9),),
            "data": DataFacts(
                name=HOSTILE,
                rows_in=1,
                labels=dict.fromkeys(labels, 3),
                languages={HOSTILE: 1},
                twins=((HOSTILE, HOSTILE),),
                pii={HOSTILE: 1},
                rejected=(RejectedRow(1, HOSTILE, HOSTILE),),
                notes=(HOSTILE,),
                licence=HOSTILE,
            ),
        },
        test=test,
        space=LabelSpace(labels),
    )


def test_hostile_text_is_shown_and_never_run(make_report: Make) -> None:
    report = hostile(make_report)
    for page in (report, dataclasses.replace(report, language="zh")):
        found = Page(page.to_html())
        assert not {"script", "img", "iframe", "object", "link", "base", "form"} & set(found.tags)
        assert not [
            name for name, _ in found.attributes if name.startswith("on") or name in {"src", "srcset", "action"}
        ]
        assert {value[:1] for name, value in found.attributes if name == "href"} == {"#"}
        assert "&lt;img src=x onerror=alert(1)&gt;" in page.to_html(), "it stays readable"
        assert found.tags.count("svg") >= 5


def test_the_page_is_self_contained_and_forbids_the_rest(full: Report) -> None:
    html = full.to_html()
    assert "default-src 'none'" in html
    assert not re.search(r"https?://|url\(|@import", html)
    assert html.count("<svg") == html.count("</svg>") == html.count('role="img"')
    assert all(label for label in re.findall(r'aria-label="([^"]*)"', html))
    assert "prefers-color-scheme: dark" in html
    assert "@media print" in html
    assert html.startswith("<!doctype html>")


def test_hostile_text_in_markdown_card_and_terminal(make_report: Make) -> None:
    report = hostile(make_report)
    outside = re.sub(r"^(`{3,})\n.*?\n\1$", "", report.to_markdown(), flags=re.S | re.M)
    for text in (outside, model_card(report, name=HOSTILE).split("---\n", 2)[2]):
        prose = "\n".join(line for line in text.splitlines() if not line.startswith("    "))
        assert "<img" not in prose
        assert "<script" not in prose
        assert not re.search(r"(?<!\\)\]\(", prose), "no link"
    for text in (str(report), report.to_markdown(), report.to_html(), model_card(report, name=HOSTILE)):
        assert "\u202e" not in text
        assert "\x1b" not in text
    assert all(line.count("|") - line.count("\\|") >= 2 for line in outside.splitlines() if line.startswith("| "))


def test_clean_text_is_one_line_and_short() -> None:
    assert clean("a\r\n\tb\x00\x1b\u202ec") == "a bc"
    assert clean("x" * 500, 10) == "x" * 9 + "…"
    assert clean("退款 👩‍👩‍👧") == "退款 👩‍👩‍👧", "emoji of several people stay together"


def test_a_bad_model_is_not_shipped(make_report: Make) -> None:
    report = make_report(hits=0.6, simple_hits=0.85)
    assert not report.verdict.ship
    assert str(report).startswith("DO NOT SHIP")
    assert "Do not ship" in report.to_html()


def test_a_model_with_one_answer_for_all_rows_is_not_shipped() -> None:
    """As where time allowed the baseline alone: there is nothing else that it could be compared with."""
    test = [Example(i, {"text": f"text {i}"}, "ab"[i % 2]) for i in range(60)]
    space, half = LabelSpace(("a", "b")), np.full((60, 2), 0.5)
    only = Contender("majority", "winner", [Prediction("a", 0.5) for _ in test], half)
    facts = RunFacts(goal="", task="text-classification")
    report = build_report(
        test, [only], output="classes", metrics=[registry.get("metrics", "accuracy")], space=space, facts=facts
    )
    assert "the same answer" in report.verdict.headline
    assert str(report).startswith("DO NOT SHIP: text-classification\n"), "without a goal the task is named"


def test_reports_of_label_sets_numbers_and_tags() -> None:
    rng = np.random.default_rng(0)
    p = rng.random((60, 2))
    sets = [
        Example(i, {"text": f"t{i}"}, tuple(x for x, q in zip("ab", r, strict=True) if q > 0.45))
        for i, r in enumerate(p)
    ]
    said = [Prediction(tuple(x for x, q in zip("ab", r, strict=True) if q > 0.5), 0.7) for r in p]
    values = [Example(i, {"text": f"t{i}"}, float(i)) for i in range(60)]
    near = [Prediction(i + float(rng.normal())) for i in range(60)]
    tags = [Example(i, {"tokens": ("Ada", "sleeps")}, ("B-PER", "O")) for i in range(60)]
    tagged = [Prediction(("B-PER" if i % 5 else "O", "O"), 0.9) for i in range(60)]
    space = LabelSpace(("B-PER", "O"))
    q = [np.array([[0.9, 0.1], [0.1, 0.9]])] * 60
    cases = [
        ("labels", sets, said, p, LabelSpace(("a", "b")), ("micro-f1", "macro-f1", "ece")),
        ("value", values, near, None, LabelSpace(), ("spearman", "mae")),
        ("tokens", tags, tagged, q, space, ("entity-f1", "token-f1")),
    ]
    for output, test, answers, probabilities, its_space, names in cases:
        report = build_report(
            test,
            [Contender("ours", "winner", answers, probabilities)],
            output=output,
            metrics=[registry.get("metrics", n) for n in names],
            space=its_space,
            facts=RunFacts(goal=f"learn {output}", task=output),
            resamples=100,
        )
        assert f"learn {output}" in str(report)
        assert names[0] in report.to_markdown()
        assert Report.from_dict(json.loads(json.dumps(report.to_dict()))).to_dict() == report.to_dict()
        assert Page(report.to_html()).tags.count("section") >= 4
        assert (report.calibration is None) == (output == "value")
        assert len(report.tables) == {"labels": 1, "value": 0, "tokens": 2}[output]
        assert (len(report.pairs) == 60) == (output == "value")


def test_a_role_that_is_none_is_named() -> None:
    with pytest.raises(InputError, match="'best' is not known; choose one of: winner"):
        build_report(
            [Example(0, {"text": "x"}, "a")],
            [Contender("x", "best", [Prediction("a")], None)],
            output="classes",
            metrics=[registry.get("metrics", "accuracy")],
            space=LabelSpace(("a",)),
            facts=RunFacts(goal="", task=""),
        )


def test_the_model_card_is_what_the_hub_reads(full: Report) -> None:
    card = model_card(
        full, name="messages-router", base_model="sentence-transformers/all-MiniLM-L6-v2", labels=("a", "b")
    )
    _, front, body = card.split("---\n", 2)
    meta = yaml.safe_load(front)
    assert meta["pipeline_tag"] == "text-classification"
    assert meta["base_model"] == "sentence-transformers/all-MiniLM-L6-v2"
    assert meta["language"] == ["en", "zh"]
    results = meta["model-index"][0]["results"][0]["metrics"]
    assert {"type": "accuracy", "name": "accuracy", "value": round(full.main.value, 4)} in results
    assert meta["license"] == "other"
    for part in (
        "# messages-router",
        "## Limits",
        "mixes up card with login",
        "personal data: email (3 rows)",
        "0.28 Wh",
    ):
        assert part in body


def test_the_card_loads_with_the_hub_client(full: Report) -> None:
    from huggingface_hub import ModelCard

    card = ModelCard(model_card(full, name="messages-router"))
    assert card.data.eval_results[0].metric_value == round(full.main.value, 4)
    assert "autogpt" in card.data.tags
