"""Files as other programs and people write them: numbers for readers, records within records, titles above a table."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from autogpt.core import Row
from autogpt.data.objects import opened
from autogpt.data.read import read
from autogpt.data.schema import infer


@pytest.mark.parametrize(
    ("written", "numbers"),
    [
        (["3,20", "0,00", "4"], [3.2, 0.0, 4]),
        (["1.234,50", "3.500", "-7"], [1234.5, 3500, -7]),
        (["$45,000.00", "$1,200.00"], [45000.0, 1200.0]),
        (["1,234,567", "12,500"], [1234567, 12500]),
        (["1\u202f234,5", "−2,1", "€ 12"], [1234.5, -2.1, 12]),
        (["27%", None, "3 %"], [27, None, 3]),
        (["8,2", "12,500"], [8.2, 12.5]),
    ],
)
def test_numbers_for_readers_are_numbers_where_the_column_says_how(written: list[Any], numbers: list[Any]) -> None:
    table = read([{"x": value} for value in written])
    assert [row["x"] for row in table.rows] == numbers
    assert any("is read as numbers" in note for note in table.notes)


@pytest.mark.parametrize(
    "written",
    [
        ["3.5", "4"],  # Python's own
        ["1,2", "1", "2,1", "2", "2,1", "1"],  # sets of labels
        ["01.02.2023", "12.03.2022"],
        ["+49 171 12345", "0171 123 456"],
        ["192.168.1.1", "10.0.0.1"],
        ["12,500.5", "3,2"],  # two notations
        ["12:30", "good"],
        [1.5, "3,2"],
    ],
)
def test_what_is_no_column_of_written_numbers_stays_as_it_is(written: list[Any]) -> None:
    table = read([{"x": value} for value in written])
    assert [row["x"] for row in table.rows] == written
    assert table.notes == ()


def test_a_number_that_may_be_two_stays_text_and_is_told() -> None:
    table = read([{"x": "12,500"}, {"x": "8,250"}])
    assert [row["x"] for row in table.rows] == ["12,500", "8,250"]
    told = "column 'x' is read as text: '12,500' may be 12.5 or 12500; write it without the comma"
    assert told in table.notes


def test_a_column_with_decimal_commas_is_a_number_to_predict(tmp_path: Path) -> None:
    path = tmp_path / "bewertungen.csv"
    lines = [f"Das war der Besuch Nummer {i} in diesem Haus;{i % 50 // 10},{i % 10}0" for i in range(100)]
    path.write_text("Freitext;Note\n" + "\n".join(lines) + "\n", encoding="cp1252")
    schema = infer(read(path)).schema
    assert (schema.task, schema.target) == ("text-regression", ("Note",))


def ticket(number: int) -> dict[str, Any]:
    text = f"my parcel number {number} has not come yet, where is it now?"
    return {"ticket": {"message": {"body": text, "lang": "en"}}, "meta": {"team": "ab"[number % 2], "agent": None}}


def test_records_within_records_have_columns(tmp_path: Path) -> None:
    path = tmp_path / "tickets.jsonl"
    path.write_text("\n".join(json.dumps(ticket(number)) for number in range(40)))
    table = read(path)
    assert table.columns == ("ticket.message.body", "ticket.message.lang", "meta.team", "meta.agent")
    schema = infer(table).schema
    assert (schema.text, schema.target) == (("ticket.message.body",), ("meta.team",))


@pytest.mark.parametrize(
    "values",
    [
        [{"text": ["a"], "answer_start": [3]}, {"text": [], "answer_start": []}],
        [{"text": "a", "answer_start": 3}],
        [{"start": 0, "end": 3}],
        [{"pos": [1, 2]}],
        [{"a": "x"}, {"b": "y"}, {"c": "z"}],
        [{"a": "x"}, "text"],
        [[{"role": "user", "content": "hello"}]],
    ],
)
def test_what_is_one_thing_stays_whole(values: list[Any]) -> None:
    assert read([{"x": value} for value in values]).columns == ("x",)


def test_fields_do_not_take_the_place_of_a_column() -> None:
    table = read([{"a": {"b": "inner"}, "a.b": "outer"}])
    assert table.rows[0] == {"a": {"b": "inner"}, "a.b": "outer"}


@pytest.mark.parametrize("span", [[11, 16, "place"], {"start": 11, "end": 16, "label": "place"}])
def test_spans_may_be_lists_of_start_end_and_label(span: Any) -> None:
    text = "We went to Paris on day {} of it"
    rows: list[Row] = [{"text": text.format(i), "label": [span] if i % 2 else []} for i in range(40)]
    schema = infer(read(rows)).schema
    assert (schema.task, schema.text, schema.target) == ("token-classification", ("text",), ("label",))


def test_questions_are_found_in_the_nested_form_of_squad(tmp_path: Path) -> None:
    def paragraph(number: int) -> dict[str, Any]:
        context = f"The tower was built by Mr. Smith{number} in the year {1800 + number}. " + "It is of stone. " * 8
        answer = f"Smith{number}"
        asked = {"id": f"q{number}", "question": f"Who built tower {number}?"}
        place = {"text": answer, "answer_start": context.index(answer)}
        return {"context": context, "qas": [{**asked, "answers": [place]}]}

    path = tmp_path / "train-v1.1.json"
    articles = [{"title": f"Town {n}", "paragraphs": [paragraph(2 * n), paragraph(2 * n + 1)]} for n in range(10)]
    path.write_text(json.dumps({"version": "1.1", "data": articles}))
    table = read(path)
    assert len(table) == 20
    assert table.rows[1]["title"] == "Town 0"
    schema = infer(table).schema
    assert (schema.task, schema.text) == ("question-answering", ("question", "context"))


def workbook(path: Path, **sheets: list[list[Any]]) -> Path:
    openpyxl = pytest.importorskip("openpyxl")
    book = openpyxl.Workbook()
    book.remove(book.active)
    for name, rows in sheets.items():
        sheet = book.create_sheet(name)
        for row in rows:
            sheet.append(row)
    book.save(path)
    return path


def test_a_workbook_with_a_cover_and_a_title_is_read_where_its_table_is(tmp_path: Path) -> None:
    data = [["Complaints, third quarter"], [], ["No", "Complaint", "Team"], [1, "late", "mail"], [2, "torn", "shop"]]
    table = read(workbook(tmp_path / "export.xlsx", Cover=[["Complaints"], ["confidential"]], Data=data))
    assert table.columns == ("No", "Complaint", "Team")
    assert [tuple(row.values()) for row in table.rows] == [(1, "late", "mail"), (2, "torn", "shop")]
    assert table.lines == [4, 5]
    assert any("'Complaints, third quarter'" in note for note in table.notes)
    assert "only sheet 'Data' is read, not 'Cover'" in table.notes


@pytest.mark.parametrize(
    ("rows", "columns"),
    [
        ([["text"], ["a"], ["b"]], ("text",)),
        ([["text", None], ["a", 3], ["b", 4]], ("text", "column_2")),
        ([[None, "text"], [0, "a"], [1, "b"]], ("column_1", "text")),
    ],
)
def test_a_narrow_header_is_no_title(rows: list[list[Any]], columns: tuple[str, ...], tmp_path: Path) -> None:
    table = read(workbook(tmp_path / "narrow.xlsx", Data=rows))
    assert (table.columns, len(table)) == (columns, 2)


def test_a_row_is_opened_as_far_as_columns_name_its_fields() -> None:
    row = {"ticket": {"message": {"body": "late"}}, "id": 1}
    found = opened(row, ("ticket.message.body", "id", "ticket.gone", "other"))
    assert found == {**row, "ticket.message.body": "late"}
    assert opened(row, ("id",)) is row
