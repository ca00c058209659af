"""Tables of a telling shape are never seen where there are none: real sets, with their own and with other names."""

from __future__ import annotations

import importlib.util
import random
import sys
from pathlib import Path
from typing import Any

import pytest

from autogpt.core import Table
from autogpt.data import goal, structures
from autogpt.data.columns import describe

ORDINARY = (
    "banking77/test", "cr/all", "dbpedia14/test", "hatecheck/cases", "hatecheck/annotations", "nlupp/banking",
    "stsb/en_dev", "goodbooks_items/all", "weibo_ner/test", "wnut17/test", "xquad/en", "crows_pairs/test", "gsm8k/test",
)  # fmt: skip
GOALS = ("", "classify the texts", "how similar are they", "choose the right answer", "recommend items", "排序")
OURS = {"multiple-choice", "text-ranking"}


def inference() -> Any:
    path = Path(__file__).parents[2] / "benchmarks" / "inference.py"
    spec = importlib.util.spec_from_file_location("inference", path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules["inference"] = module  # dataclasses look their module up
    spec.loader.exec_module(module)
    return module


@pytest.mark.parametrize("name", ORDINARY)
def test_ordinary_sets_have_no_choices_and_no_lists(name: str, shared_rows: Any) -> None:
    rows = shared_rows(name)[:400]
    columns = tuple(dict.fromkeys(key for row in rows for key in row))
    for table in (Table(rows, columns, name), inference().disguised(rows, name, rng=random.Random(0), size=400)[0]):
        facts = describe(table)
        found = [r for text in GOALS for r in structures.readings(table, facts, goal.read(text)) if r.task in OURS]
        assert found == []


def test_bbq_is_multiple_choice(shared_rows: Any) -> None:
    rows = shared_rows("bbq/religion")
    table = Table(rows, tuple(rows[0]), "bbq")
    (found,) = [r for r in structures.readings(table, describe(table), goal.read("")) if r.task in OURS]
    assert (found.task, found.target, found.numbering) == ("multiple-choice", ("label",), "0")
    assert found.group == "context", "two questions are asked to each context"
    assert (found.text, found.choices) == (("context", "question"), ("ans0", "ans1", "ans2"))
