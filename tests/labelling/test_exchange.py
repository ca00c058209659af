"""Labels out to a table that a run takes, and in from other tools."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from autogpt.config import Columns
from autogpt.core import Table
from autogpt.data.profile import profile
from autogpt.data.read import read
from autogpt.errors import SchemaError
from autogpt.labelling import exchange
from autogpt.labelling.oracle import Known, drive
from autogpt.labelling.session import Session
from autogpt.pipeline import prepare


@pytest.mark.parametrize("suffix", ["csv", "jsonl"])
def test_what_is_exported_can_be_run_and_measures_on_drawn_rows_alone(
    begin: Callable[..., Session], table: Table, gold: dict[str, str], tmp_path: Path, suffix: str
) -> None:
    session = begin(table, check=0.3)
    drive(session, Known(gold, who="ann"), most=60)
    path = tmp_path / f"out.{suffix}"
    assert exchange.export(session, table, path) == 60
    written = read(path)
    assert written.columns == ("number", "text", "label", "split", *exchange.PROVENANCE)
    assert {row["labelled_by"] for row in written.rows} == {"ann"}
    columns = Columns(text="text", target="label", split="split", ignore=",".join(exchange.PROVENANCE))
    ready = prepare(written, goal="", columns=columns, seed=0, ask=None)
    drawn = {session.pool.items[id].text for id in session.settings.drawn}
    held = [*ready.validation, *ready.test.open()]
    assert held
    assert {example.inputs["text"] for example in held} <= drawn
    assert not {example.inputs["text"] for example in ready.train} & drawn
    assert all(example.target == gold[example.inputs["text"]] for example in (*held, *ready.train))


def test_what_is_exported_is_read_without_a_word_about_its_columns(
    begin: Callable[..., Session], table: Table, gold: dict[str, str], tmp_path: Path
) -> None:
    session = begin(table)
    drive(session, Known(gold), most=80)
    exchange.export(session, table, tmp_path / "out.csv")
    schema = profile(read(tmp_path / "out.csv"), columns=Columns(target="label")).schema
    assert (schema.text, schema.target, schema.split) == (("text",), ("label",), "split")


def test_a_table_that_has_a_split_keeps_it(begin: Callable[..., Session], table: Table, gold: dict[str, str]) -> None:
    split = Table([{**row, "split": "train"} for row in table.rows], (*table.columns, "split"), "topics")
    session = begin(split)
    drive(session, Known(gold), most=40)
    row = next(exchange.rows(session, split))
    assert row["split"] == "train"
    assert row["labelling_split"] in {"train", "validation", "test"}


def test_without_drawn_rows_no_split_is_claimed(
    begin: Callable[..., Session], table: Table, gold: dict[str, str]
) -> None:
    session = begin(table, check=0.0)
    drive(session, Known(gold), most=20)
    assert all("split" not in row for row in exchange.rows(session, table))


def test_equal_rows_get_the_label_together(begin: Callable[..., Session]) -> None:
    table = Table([{"text": "lost card", "n": n} for n in range(3)] + [{"text": "soup", "n": 9}], ("text", "n"), "t")
    session = begin(table, check=0.0)
    drive(session, Known({"lost card": "card"}))
    assert [(row["n"], row["label"]) for row in exchange.rows(session, table)] == [(n, "card") for n in range(3)]


def other(*rows: dict[str, Any]) -> Table:
    return Table(rows, tuple(rows[0]), "other.csv")


def test_labels_of_other_tools_are_taken_by_text_and_accounted_for(
    begin: Callable[..., Session], table: Table, gold: dict[str, str]
) -> None:
    texts = list(gold)
    session = begin(table)
    given = [{"text": text.upper(), "label": gold[text]} for text in texts[:10]]
    more = [{"text": "never seen", "label": "card"}, {"text": texts[20], "label": ""}]
    found = exchange.take(session, other(*given, *more), who="import:other.csv")
    assert found == exchange.Imported(taken=10, known=0, strange=1, empty=1)
    assert exchange.take(session, other(*given), who="import:other.csv").known == 10
    assert begin(table).progress().labelled == 10
    assert {a.who for a in session.state.answers.values()} == {"import:other.csv"}


def test_an_exported_file_comes_back_with_its_provenance_and_a_models_label_never_outranks(
    begin: Callable[..., Session], table: Table, gold: dict[str, str]
) -> None:
    text, another = list(gold)[:2]
    session = begin(table)
    rows = [
        {"text": text, "label": "card", "labelled_by": "ann", "labelled_at": "2026-11-25T10:00:00+0000"},
        {"text": text, "label": "food", "labelled_by": "model:head", "labelled_at": ""},
        {"text": another, "label": "food", "labelled_by": "model", "labelled_at": ""},
    ]
    assert exchange.take(session, other(*rows), who="import").known == 1
    answers = {session.pool.items[a.id].text: a for a in session.state.answers.values()}
    assert (answers[text].label, answers[text].who, answers[text].when) == ("card", "ann", rows[0]["labelled_at"])
    assert not answers[another].is_human
    assert session.progress().labelled == 1


def test_a_table_without_the_columns_is_refused_by_name(begin: Callable[..., Session], table: Table) -> None:
    with pytest.raises(SchemaError, match="no column 'label'; there are 'text', 'tag'"):
        exchange.take(begin(table), other({"text": "a", "tag": "b"}), who="import")
