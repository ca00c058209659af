"""The profile of a table with one of every flaw names each of them, changes nothing, and is the same every time."""

from __future__ import annotations

import copy
import json
import random
import time
from typing import Any

import pytest

from autogpt.core import Rejection, Table
from autogpt.data.profile import profile

TOPICS = {
    "billing": ["invoice", "charged", "refund", "money", "payment", "fee", "bank"],
    "shipping": ["parcel", "delivery", "courier", "late", "address", "tracking", "box"],
}
REST = [f"word{i}" for i in range(300)]


def rows(count: int, seed: int = 0) -> list[dict[str, Any]]:
    rng = random.Random(seed)
    found = []
    for i in range(count):
        topic = rng.choice(list(TOPICS))
        found.append({"text": " ".join([*rng.sample(TOPICS[topic], 2), *rng.sample(REST, 6), str(i)]), "label": topic})
    return found


def flawed() -> Table:
    data = rows(300)
    data += [{**data[0], "text": data[0]["text"].upper()}, {"text": data[1]["text"], "label": "other"}]
    data += [{"text": "", "label": "billing"}, {"text": "my mail is a@b.co word1", "label": None}]
    data += [{"text": "parcel courier late word5 word9", "label": "Shipping "}]
    broken = Rejection("f.csv", 9, "unfinished string")
    return Table(data, ("text", "label"), "f.csv", rejected=(broken,))


def test_every_flaw_is_named_and_every_row_accounted_for() -> None:
    table = flawed()
    before = copy.deepcopy(table.rows)
    found = profile(table)
    assert table.rows == before
    assert found.rows == 306 == found.used + len(found.rejected)
    assert (found.unlabelled, len(found.rejected)) == (1, 3)
    assert found.balance["Shipping "] == 1
    assert [(t.rare, t.common) for t in found.twins] == [("Shipping ", "shipping")]
    assert {c.ids for c in found.contradictions} == {(1, 301)}
    assert (0, 300) in found.duplicates
    text = " | ".join(found.warnings())
    for part in ("2 rows cannot be used", "1 rows have no target", "repeat another row", "look alike", "another target",
                 "fewer than 4 rows"):  # fmt: skip
        assert part in text


def test_a_profile_is_deterministic_and_json() -> None:
    first, second = (profile(flawed()).to_dict() for _ in range(2))
    assert json.dumps(first, ensure_ascii=False) == json.dumps(second, ensure_ascii=False)
    assert first["schema"]["task"] == "text-classification"


def test_a_test_table_is_compared_to_the_training_table() -> None:
    data = rows(120)
    near = data[5]["text"].replace("5", "five") if data[5]["text"].endswith(" 5") else data[5]["text"]
    test = [{"text": f" {data[3]['text']}", "label": "billing"}, {"text": near, "label": "unseen"}, *rows(10, seed=9)]
    found = profile(Table(data, ("text", "label"), "train"), test=Table(test, ("text", "label"), "test"))
    assert found.leaks == ((3, 0),)
    assert found.near_leaks == ((5, 1),)
    assert found.unseen_labels == ("unseen",)
    assert any("also in train" in warning for warning in found.warnings())


def test_rows_that_the_table_names_as_test_are_compared_too() -> None:
    data = [*rows(100), *rows(100)[:5], *rows(20, seed=5)]
    table = Table(data, ("text", "label"), "f", splits=["train"] * 100 + ["test"] * 25)
    found = profile(table, deep=False)
    assert found.leaks == tuple((i, 100 + i) for i in range(5))


def test_a_shallow_profile_leaves_out_the_dear_parts() -> None:
    found = profile(flawed(), deep=False)
    assert (found.near_duplicates, found.suspicious) == ((), ())
    assert found.duplicates
    assert found.duplicates_among([]) is None


def test_chinese_pairs_with_scores() -> None:
    data = [
        {"句子一": f"第{i}个男人在公园里骑着一匹马", "句子二": f"第{i}个人在公园里骑马", "相似度": i % 11 / 2}
        for i in range(60)
    ]
    found = profile(Table(data, tuple(data[0]), "f"), goal="两个句子有多相似")
    assert (found.schema.task, found.schema.text) == ("text-regression", ("句子一", "句子二"))
    assert (set(found.languages), found.value["100"], found.words["50"]) == ({"zh"}, 5.0, pytest.approx(26, abs=4))


@pytest.mark.nightly
def test_ten_thousand_short_rows_take_a_few_seconds() -> None:
    table = Table(rows(10_000), ("text", "label"), "f")
    profile(Table(rows(200), ("text", "label"), "f"))
    start = time.process_time()
    profile(table)
    assert time.process_time() - start < 5
