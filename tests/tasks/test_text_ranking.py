"""Ranking: rows of one reader become one list, every row is accounted for, and a whole run."""

from __future__ import annotations

import json
import random
from pathlib import Path
from typing import Any

import pytest

from autogpt import AutoGPT, load
from autogpt.cli.app import execute
from autogpt.config import Search
from autogpt.core import Schema, Table
from autogpt.data.examples import examples
from autogpt.data.schema import infer
from autogpt.tasks.text_ranking import plugin

TOPICS = {
    "garden": ["roses", "soil", "spade", "seeds", "lawn", "hedge", "tulips", "compost"],
    "space": ["rocket", "orbit", "comet", "lander", "probe", "nebula", "crater", "moon"],
    "kitchen": ["bread", "oven", "butter", "recipe", "knife", "stew", "salt", "flour"],
}
SCHEMA = Schema("text-ranking", ("history",), ("clicked",), choices=("title",), group="reader")


def clicks(readers: int = 60, *, seed: int = 0) -> list[dict[str, Any]]:
    """Each reader likes one topic; two of six titles are of it and clicked. Rows of all readers are mixed."""
    rng = random.Random(seed)
    rows = []
    for reader in range(readers):
        topic = rng.choice(list(TOPICS))
        title = lambda t, i: f"{rng.choice(TOPICS[t])} and {rng.choice(TOPICS[t])} volume {i}"  # noqa: E731
        history = " | ".join(title(topic, 100 + i) for i in range(3))
        for place in range(6):
            liked = place < 2
            other = rng.choice([t for t in TOPICS if t != topic])
            rows.append(
                {
                    "reader": f"u-{reader:04d}",
                    "history": history,
                    "title": title(topic if liked else other, reader * 10 + place),
                    "clicked": int(liked),
                }
            )
    rng.shuffle(rows)
    return rows


def as_table(rows: list[dict[str, Any]], **more: Any) -> Table:
    return Table(rows, tuple(rows[0]), "made.jsonl", **more)


@pytest.mark.parametrize("goal", ["", "recommend titles", "rank titles for each reader", "推荐"])
def test_readers_with_a_history_are_a_ranking(goal: str) -> None:
    schema = infer(as_table(clicks()), goal=goal).schema
    assert (schema.task, schema.text, schema.target) == ("text-ranking", ("history",), ("clicked",))
    assert (schema.choices, schema.group) == (("title",), "reader")


def test_names_of_columns_do_not_matter() -> None:
    names = {"reader": "c3", "history": "zz", "title": "u7", "clicked": "b"}
    rows = [{names[key]: row[key] for key in ("title", "clicked", "history", "reader")} for row in clicks()]
    schema = infer(as_table(rows)).schema
    assert (schema.task, schema.text, schema.choices, schema.target) == ("text-ranking", ("zz",), ("u7",), ("b",))


def test_lists_side_by_side_are_a_ranking_too() -> None:
    lists: dict[str, dict[str, Any]] = {}
    for row in clicks():
        one = lists.setdefault(row["reader"], {"q": row["history"], "items": [], "y": []})
        one["items"].append(row["title"])
        one["y"].append(row["clicked"])
    schema = infer(as_table(list(lists.values()))).schema
    assert (schema.task, schema.text, schema.choices) == ("text-ranking", ("q",), ("items",))
    found, rejected = examples(as_table(list(lists.values())), schema, plugin)
    assert (len(found), rejected) == (60, [])


def test_a_query_that_comes_back_is_a_ranking_when_the_goal_says_so() -> None:
    rows = [{k: v for k, v in row.items() if k != "reader"} for row in clicks()]
    schema = infer(as_table(rows), goal="rank titles by relevance to the history").schema
    assert (schema.task, schema.group) == ("text-ranking", None)


def test_rows_of_a_reader_become_one_list_and_every_row_is_accounted_for() -> None:
    rows = [
        {"reader": "a", "history": "h", "title": "x", "clicked": 0},
        {"reader": "b", "history": "h", "title": "x", "clicked": 1},
        {"reader": "a", "history": "h", "title": "y", "clicked": 1},
        {"reader": "a", "history": "h", "title": "x", "clicked": 1},  # seen again, and clicked this time
        {"reader": "a", "history": "h", "title": "z", "clicked": 0},
        {"reader": "b", "history": "h", "title": "y", "clicked": 1},
        {"reader": "c", "history": "h", "title": None, "clicked": 1},
        {"reader": "d", "history": "h", "title": "x", "clicked": 1},
        {"reader": "e", "history": "h", "title": "x", "clicked": "often"},
    ]
    found, rejected = examples(as_table(rows), SCHEMA, plugin)
    (one,) = found
    assert (one.id, one.inputs) == (0, {"text": "h", "choices": ("x", "y", "z")})
    assert one.target == (1.0, 1.0, 0.0)
    reasons = {rejection.line: rejection.reason for rejection in rejected}
    assert sorted(reasons) == [2, 6, 7, 8, 9], "four rows make the list of reader a"
    assert "is 1 for all 2 candidates" in reasons[2] == reasons[6]
    assert "1 candidates; at least 2" in reasons[8]


def test_lists_do_not_reach_across_given_splits() -> None:
    rows = [
        {"reader": "a", "history": "h", "title": title, "clicked": clicked}
        for title, clicked in (("x", 0), ("y", 1), ("v", 0), ("w", 1))
    ]
    found, _ = examples(as_table(rows, splits=["train", "train", "test", "test"]), SCHEMA, plugin)
    assert [one.inputs["choices"] for one in found] == [("x", "y"), ("v", "w")]


def test_relevance_is_counted_from_the_lowest_label() -> None:
    row = {"history": "h", "title": ["x", "y", "z"], "clicked": [3, 5, 3]}
    assert plugin.target(row, SCHEMA) == (0.0, 2.0, 0.0)
    with pytest.raises(ValueError, match="2 labels for 3 candidates"):
        plugin.target({**row, "clicked": [1, 0]}, SCHEMA)


def test_a_run_ranks_and_predicts_files_and_rows(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    face = AutoGPT(output=str(tmp_path / "runs"), search=Search(methods="majority,tfidf"))
    face.train(clicks(), goal="recommend titles to readers", time_limit="60s")
    assert face.run is not None
    report = face.run.report
    assert [score.metric for score in report.systems[0].scores] == ["list-ndcg", "list-mrr", "list-map", "list-auc"]
    data = report.data
    assert (data.rows_in, data.rows_used, sum(data.splits.values())) == (360, 360, 60)
    assert any("360 rows make 60 lists" in note for note in data.notes)
    assert report.systems[0].scores[0].value > 0.9 > report.systems[1].scores[0].value
    model = load(face.run.folder)
    row = {"history": "roses and soil volume 1", "title": ["rocket and orbit volume 9", "tulips and soil volume 3"]}
    (answer,) = model.predict(row)
    best = [label for label, _ in answer.best]
    assert best == ["tulips and soil volume 3", "rocket and orbit volume 9"]
    (tmp_path / "in.jsonl").write_text(json.dumps(row) + "\n" + json.dumps({**row, "title": "roses"}) + "\n", "utf-8")
    capsys.readouterr()
    place = str(face.run.folder)
    assert execute(["predict", place, "-i", str(tmp_path / "in.jsonl"), "-o", str(tmp_path / "out.jsonl")]) == 0
    first, second = (json.loads(line) for line in (tmp_path / "out.jsonl").read_text("utf-8").splitlines())
    assert (first["label"], [one["label"] for one in first["ranking"]]) == (answer.value, best)
    assert (second["label"], second["abstained"], second["ranking"]) == (None, True, [])
    capsys.readouterr()
    assert execute(["predict", place, row["history"], *row["title"], "--json"]) == 0
    (told,) = json.loads(capsys.readouterr().out)["predictions"]
    assert (told["label"], [one["label"] for one in told["ranking"]]) == (answer.value, best)
    (tmp_path / "more.jsonl").write_text("".join(json.dumps(r) + "\n" for r in clicks(seed=3)), "utf-8")
    capsys.readouterr()
    assert execute(["evaluate", place, str(tmp_path / "more.jsonl"), "--json"]) == 0
    judged = json.loads(capsys.readouterr().out)
    assert judged["scores"]["list-auc"]["value"] > 0.9
    assert (judged["rows"], judged["rejected"], judged["unknown_labels"]) == (60, [], {})
