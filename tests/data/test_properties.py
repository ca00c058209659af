"""Properties of the parsers, over inputs that hypothesis makes up: round trips, accounting, and no other error.

The examples are the same in every run; `HUNT=2000 pytest tests/data/test_properties.py` looks for new ones.
"""

from __future__ import annotations

import csv
import gzip
import io
import json
import math
import os
import re
import tempfile
from pathlib import Path
from typing import Any

import pytest
from hypothesis import assume, example, given, settings
from hypothesis import strategies as st

from autogpt import registry
from autogpt.core import Rejection
from autogpt.data.read import read
from autogpt.data.write import writer
from autogpt.errors import SourceError
from autogpt.sources import Limits, Request

# Text without control characters (a file of them is binary) and without lone surrogates (which are no characters).
CELLS = st.text(
    st.characters(exclude_categories=("Cs", "Cc"), exclude_characters="\x7f") | st.sampled_from("\n\r\t,;|\"' \\")
)
TABLES = st.integers(2, 4).flatmap(lambda width: st.lists(st.lists(CELLS, min_size=width, max_size=width), min_size=1))
DELIMITERS = st.sampled_from([",", ";", "\t", "|"])
ENCODINGS = st.sampled_from(["utf-8", "utf-8-sig", "utf-16", "utf-32"])
LIMITS = Limits(field_bytes=2000)

HUNT = os.environ.get("HUNT")


def examples(count: int) -> settings:
    return settings(max_examples=int(HUNT or count), derandomize=HUNT is None, deadline=None)


def items(kind: str, name: str, content: bytes, limits: Limits | None = None) -> tuple[list[Any], list[Rejection]]:
    """(rows with their lines, rejections) of a file, parsed in this process."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / name
        path.write_bytes(content)
        found = list(registry.get("sources", kind).items(str(path), Request(limits=limits or Limits())))
    return [item for item in found if isinstance(item, tuple)], [i for i in found if isinstance(i, Rejection)]


@given(TABLES, DELIMITERS, ENCODINGS, st.booleans())
@examples(100)
@example([['"', "\n"], ["", " "]], ",", "utf-8", False)
@example([["a\rb", 'x"']], ";", "utf-16", False)
def test_any_text_survives_any_layout(table: list[list[str]], delimiter: str, encoding: str, all_quoted: bool) -> None:
    header = [f"column{place}" for place in range(len(table[0]))]
    assume(not any(cell.startswith(' "') and cell.endswith('"') for row in table for cell in row))  # a layout by itself
    out = io.StringIO()
    quoting = csv.QUOTE_ALL if all_quoted else csv.QUOTE_MINIMAL
    csv.writer(out, delimiter=delimiter, quoting=quoting, lineterminator="\r\n").writerows([header, *table])
    rows, rejected = items("csv", "a.csv", out.getvalue().encode(encoding))
    assert rejected == []
    assert [row for _, row in rows] == [dict(zip(header, row, strict=True)) for row in table]


VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | CELLS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(CELLS, inner, max_size=3),
    max_leaves=6,
)
OBJECTS = st.lists(st.dictionaries(CELLS, VALUES, min_size=1, max_size=4), min_size=1, max_size=8)


@given(OBJECTS, ENCODINGS, st.booleans(), st.booleans())
@examples(60)
def test_any_object_survives_json_lines(rows: list[dict[str, Any]], encoding: str, ascii_: bool, packed: bool) -> None:
    content = "".join(json.dumps(row, ensure_ascii=ascii_) + "\n" for row in rows).encode(encoding)
    found, rejected = items("jsonl", "a.jsonl", gzip.compress(content) if packed else content)
    assert rejected == []
    assert found == list(enumerate(rows, start=1))


@given(OBJECTS, st.sampled_from([None, 1]))
@examples(60)
def test_any_object_survives_json(rows: list[dict[str, Any]], indent: int | None) -> None:
    found, rejected = items("json", "a.json", json.dumps(rows, indent=indent).encode())
    assert rejected == []
    assert found == list(enumerate(rows, start=1))


@given(OBJECTS, st.sampled_from(["a.jsonl", "a.json", "a.jsonl.gz"]))
@examples(40)
def test_what_is_written_reads_back(rows: list[dict[str, Any]], name: str) -> None:
    with tempfile.TemporaryDirectory() as folder:
        with writer(Path(folder) / name) as write:
            for row in rows:
                write(row)
        kind = name.split(".")[1]
        assert items(kind, name, (Path(folder) / name).read_bytes())[0] == list(enumerate(rows, start=1))


@given(TABLES, st.sampled_from(["a.csv", "a.tsv", "a.csv.gz"]))
@examples(40)
def test_a_csv_that_is_written_reads_back(table: list[list[str]], name: str) -> None:
    header = [f"column{place}" for place in range(len(table[0]))]
    rows = [dict(zip(header, row, strict=True)) for row in table]
    assume(not any(cell.startswith(tuple("=+-@\t\r＝＋－＠")) for row in table for cell in row))
    assume(not any(cell.startswith(' "') and cell.endswith('"') for row in table for cell in row))
    with tempfile.TemporaryDirectory() as folder:
        with writer(Path(folder) / name) as write:
            for row in rows:
                write(row)
        assert [row for _, row in items("csv", name, (Path(folder) / name).read_bytes())[0]] == rows


BREAKERS = {
    "too few cells": b"lonely",
    "too many cells": b"a,b,c",
    "text behind a quote": b'"a"b,c',
    "a NUL": b"a\0b,c",
    "a wrong byte": b"caf\xff,c",
}


@given(st.lists(st.sampled_from(["good", *BREAKERS]), min_size=1, max_size=40))
@examples(100)
def test_every_row_is_accounted_for(kinds: list[str]) -> None:
    """The lines of the broken rows, and only these, are rejected; all others are used."""
    assume("good" in kinds)
    lines = [BREAKERS.get(kind, f"好 {place},label".encode()) for place, kind in enumerate(kinds)]
    content = b"text,label\n" + "".join(f"好好好,ok{n}\n" for n in range(30)).encode() + b"\n".join(lines) + b"\n"
    rows, rejected = items("csv", "a.csv", content)
    broken = {place + 32 for place, kind in enumerate(kinds) if kind != "good"}
    assert {item.line for item in rejected} == broken
    assert {line for line, _ in rows} == set(range(2, 32 + len(kinds))) - broken


@given(
    st.lists(
        st.sampled_from(['{"a": 1}', "{", '{"a": 1, "a": 2}', "[1]", '{"a": "\\ud800"}', '{"a": 1} 2']), min_size=1
    )
)
@examples(60)
def test_every_object_is_accounted_for(lines: list[str]) -> None:
    rows, rejected = items("jsonl", "a.jsonl", "\n".join(lines).encode())
    good = [number for number, line in enumerate(lines, start=1) if line == '{"a": 1}']
    assert [line for line, _ in rows] == good
    assert [item.line for item in rejected] == [n for n in range(1, len(lines) + 1) if n not in good]


SEEDS = [
    b'text,label\na,b\n"c\nd",e\n',
    '[{"text": "好", "n": [1, {"x": null}]}, {"text": "b"}]'.encode(),
    b'{"text": "a"}\n{"text": "b", "n": 1e5}\n',
    b"EU\tB-ORG\nx\tO\n\ny\tO\n",
    "text,label\nä,好\n".encode("utf-16"),
    gzip.compress(b"text,label\n" + b"a,b\n" * 50, mtime=0),
]
NOISE = st.binary(max_size=400) | st.builds(
    lambda seed, place, junk, cut: seed[: place % (len(seed) + 1)] + junk + seed[(place + cut) % (len(seed) + 1) :],
    st.sampled_from(SEEDS),
    st.integers(0, 300),
    st.binary(max_size=6) | st.sampled_from([b'"', b"\n", b"\0", b"\xff", b"{", b"]", b"\t"]),
    st.integers(0, 20),
)


@pytest.mark.parametrize("kind", ["csv", "json", "jsonl", "conll"])
@given(NOISE)
@examples(150)
def test_any_bytes_are_rows_rejections_or_one_clear_error(kind: str, content: bytes) -> None:
    """Lines are counted independently: every line is a row, a rejection, blank, a header or part of such a record."""
    refused, rows, rejected = "", [], []
    try:
        rows, rejected = items(kind, f"a.{kind}", content, LIMITS)
    except SourceError as error:
        refused = str(error)
    assert refused.isprintable()
    json.dumps([row for _, row in rows], ensure_ascii=False).encode("utf-8")  # no half characters, plain values only
    assert not any(isinstance(v, float) and math.isnan(v) for _, row in rows for v in row.values())
    assert all(item.reason.isprintable() and item.line is not None for item in rejected)
    if (
        kind == "jsonl"
        and not refused
        and content[:2] != gzip.compress(b"")[:2]
        and not content.startswith((b"\xff\xfe", b"\xfe\xff"))
    ):
        text = content.decode("utf-8-sig", "surrogateescape")
        lines = [n for n, line in enumerate(re.split("\r\n|\r|\n", text), start=1) if line.strip()]
        if b"\0" not in content:
            assert sorted([line for line, _ in rows] + [item.line or 0 for item in rejected]) == lines


@given(NOISE)
@examples(6)
def test_any_bytes_go_through_the_child_as_well(content: bytes) -> None:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "a.csv"
        path.write_bytes(content)
        try:
            table = read(path)
            said = [item.origin for item in table.rejected]
        except SourceError as error:
            said = [str(error)]
    assert all("a.csv" in words for words in said)
