"""Files as public data sets come: fastText, a folder per label, texts by intent, a token a row, packed in every way."""

from __future__ import annotations

import bz2
import csv
import json
import lzma
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from autogpt import registry
from autogpt.core import Table
from autogpt.data import token_rows
from autogpt.data.read import read
from autogpt.data.schema import infer
from autogpt.data.stream import rows as rows_of
from autogpt.data.write import writer
from autogpt.errors import SourceError

pytestmark = pytest.mark.usefixtures("in_process")

ROWS = [{"text": f"this one is number {i}", "label": ("good", "bad")[i % 2]} for i in range(40)]
CSV = "text,label\n" + "".join(f"{row['text']},{row['label']}\n" for row in ROWS)


def save(path: Path, text: str | bytes) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return path


def pairs(table: Table, text: str = "text", label: str = "label") -> list[tuple[Any, Any]]:
    return [(row[text], row[label]) for row in table.rows]


WANTED = [(row["text"], row["label"]) for row in ROWS]


def test_fasttext_has_a_label_in_front_of_each_text(tmp_path: Path) -> None:
    lines = [f"__label__{row['label']} {row['text']}\n" for row in ROWS]
    table = read(save(tmp_path / "train.txt", "".join(lines) + "\n__label__bad \nno label here\n"))
    assert pairs(table) == WANTED
    assert [(item.line, item.reason.split(" has ")[1][:10]) for item in table.rejected] == [
        (42, "no text be"),
        (43, "0 labels a"),
    ]


def test_fasttext_with_several_labels_has_lists_of_them(tmp_path: Path) -> None:
    lines = ["__label__a __label__b,  one\n", "__label__a two\n", "__label__b three\n"]
    table = read(save(tmp_path / "train.ft", "".join(lines * 5)))
    assert [row["labels"] for row in table.rows[:3]] == [["a", "b"], ["a"], ["b"]]
    assert table.rows[0]["text"] == "one"


@pytest.mark.parametrize("inside", ["", "train"])
def test_the_folder_of_a_text_is_its_label(inside: str, tmp_path: Path) -> None:
    for place, row in enumerate(ROWS):
        suffix = ("", ".txt", ".3")[place % 3]
        save(tmp_path / inside / row["label"] / f"{place:03}{suffix}", row["text"])
    save(tmp_path / inside / "good" / ".DS_Store", "of a program")
    if inside:
        save(tmp_path / "test" / "good" / "a.txt", "held out")
        save(tmp_path / "test" / "bad" / "b.txt", "h\xe9ld out".encode("cp1252"))
        save(tmp_path / inside / "unsup" / "0.txt", "nobody said what this is")
        save(tmp_path / inside / "good" / "empty.txt", "")
        save(tmp_path / "README", "read me")
    table = read(tmp_path)
    labelled = [pair for pair in pairs(table) if pair[1] is not None]
    assert sorted(labelled) == sorted([*WANTED, *([("held out", "good"), ("héld out", "bad")] if inside else [])])
    assert len(table) - len(labelled) == bool(inside)
    assert len(table.rejected) == bool(inside)
    assert infer(table).schema.target == ("label",)
    if inside:
        assert [split for split in table.splits if split == "test"] == ["test", "test"]


def test_folders_of_splits_hold_files_too(tmp_path: Path) -> None:
    save(tmp_path / "data" / "train" / "part.csv", CSV)
    save(tmp_path / "data" / "test" / "part.csv", "text,label\nheld out,good\n")
    table = read(tmp_path)
    assert list(table.splits) == ["test"] + ["train"] * len(ROWS)


def test_what_datasets_saved_to_disk_is_loaded(tmp_path: Path) -> None:
    datasets = pytest.importorskip("datasets")
    names = datasets.ClassLabel(names=["bad", "good"])
    whole = datasets.Dataset.from_list([{**row, "label": int(row["label"] == "good")} for row in ROWS])
    whole = whole.cast_column("label", names)
    whole.save_to_disk(str(tmp_path / "one"))
    datasets.DatasetDict({"train": whole, "test": whole.select(range(2))}).save_to_disk(str(tmp_path / "both"))
    assert pairs(read(tmp_path / "one")) == WANTED
    assert list(read(tmp_path / "both").splits) == ["train"] * 40 + ["test"] * 2
    save(tmp_path / "one" / "state.json", "{}")
    with pytest.raises(SourceError, match=r"cannot be loaded .*save it again"):
        read(tmp_path / "one")


@pytest.mark.parametrize(
    ("document", "label"),
    [
        ({str(place): row for place, row in enumerate(ROWS)}, "label"),
        ({name: [t for t, label in WANTED if label == name][:n] for name, n in (("good", 20), ("bad", 19))}, "label"),
        ([[row["text"], row["label"]] for row in ROWS], "column_2"),
        (
            {
                "intents": [
                    {"tag": name, "patterns": [t for t, label in WANTED if label == name], "responses": ["yes"]}
                    for name in ("good", "bad")
                ]
            },
            "tag",
        ),
    ],
    ids=["by key", "by label", "arrays", "intents"],
)
def test_forms_of_json(document: Any, label: str, tmp_path: Path) -> None:
    table = read(save(tmp_path / "a.json", json.dumps(document)))
    text = "column_1" if label == "column_2" else "text"
    found = pairs(table, text, label)
    assert set(found) <= set(WANTED)
    assert len(found) == 39 + (label != "label" or "0" in document)
    assert infer(table).schema.target == (label,)


def test_splits_of_arrays_are_splits(tmp_path: Path) -> None:
    document = {"train": [[t, label] for t, label in WANTED], "val": [["a b", "good"]]}
    assert list(read(save(tmp_path / "a.json", json.dumps(document))).splits) == ["train"] * 40 + ["validation"]


@pytest.mark.parametrize(
    "document",
    [
        {"text": ["a", "b"], "label": ["x"]},
        {"text": {"0": "a", "1": "b", "2": "c"}, "label": {"0": "x", "1": "y", "2": "x"}},
        {"tokens": [["a", "b"], ["c"]], "tags": [["O", "O"], ["B-x"]]},
    ],
)
def test_columns_stay_columns(document: Any, tmp_path: Path) -> None:
    path = save(tmp_path / "a.json", json.dumps(document))
    if document["text" if "text" in document else "tokens"] == ["a", "b"]:
        with pytest.raises(SourceError, match="differ in length"):
            read(path)
    else:
        assert read(path).columns == tuple(document)


def test_arrow_files_and_streams(tmp_path: Path) -> None:
    pa = pytest.importorskip("pyarrow")
    table = pa.Table.from_pylist(ROWS)
    for name, new in (("a.feather", pa.ipc.new_file), ("b.arrow", pa.ipc.new_stream)):
        with new(str(tmp_path / name), table.schema) as out:
            out.write_table(table, max_chunksize=7)
        assert pairs(read(tmp_path / name)) == WANTED
    data = (tmp_path / "b.arrow").read_bytes()
    with pytest.raises(SourceError, match=r"behind row .*fetch or write it again"):
        read(save(tmp_path / "c.arrow", data[: len(data) // 2]))


def tagged(rows: list[list[str]], names: list[str], path: Path) -> Table:
    with path.open("w", newline="") as file:
        csv.writer(file).writerows([names, *rows])
    return read(path)


SENTENCES = [
    [("Anna", "B-PER"), ("lives", "O"), ("in", "O"), (f"Town{i}", "B-LOC"), *[(".", "O")] * (1 + i % 2)]
    for i in range(12)
]


@pytest.mark.parametrize("everywhere", [True, False])
def test_rows_of_tokens_are_rows_of_sentences(everywhere: bool, tmp_path: Path) -> None:
    rows = [
        [f"Sentence: {place}" if everywhere or first else "", word, "NN", tag]
        for place, sentence in enumerate(SENTENCES)
        for first, (word, tag) in zip([True] + [False] * 9, sentence, strict=False)
    ]
    table = tagged(rows, ["Sentence #", "Word", "POS", "Tag"], tmp_path / "ner.csv")
    assert [list(zip(row["Word"], row["Tag"], strict=True)) for row in table.rows] == SENTENCES
    assert table.lines[:2] == [2, 7]
    assert "66 rows of tokens are 12 sentences, by column 'Sentence #'" in table.notes
    streamed = [row for _, row in token_rows.streamed(rows_of(tmp_path / "ner.csv"), "Word")]
    assert streamed == table.rows
    schema = infer(table).schema
    assert (schema.task, schema.text, schema.target) == ("token-classification", ("Word",), ("Tag",))


def test_tokens_without_a_number_of_their_sentence_stay_rows(tmp_path: Path) -> None:
    rows = [[word, tag] for sentence in SENTENCES for word, tag in sentence]
    assert len(tagged(rows, ["word", "tag"], tmp_path / "a.csv")) == 66
    assert len(list(token_rows.streamed(rows_of(tmp_path / "a.csv"), "word"))) == 66


NAMES = ("Anna", "Boris", "Clara", "Dmitri")


def greeting(i: int) -> tuple[str, int, int]:
    name = NAMES[i % 4]
    return f"hello number {i}, I am {name}", len(f"hello number {i}, I am "), len(f"hello number {i}, I am {name}")


def studio(i: int) -> dict[str, Any]:
    text, start, end = greeting(i)
    mark = {"start": start, "end": end, "text": text[start:end], "labels": ["PER"]}
    result = [
        {"from_name": "marks", "to_name": "text", "type": "labels", "value": mark},
        {"from_name": "mood", "to_name": "text", "type": "choices", "value": {"choices": [("good", "bad")[i % 2]]}},
        {"from_name": "stars", "to_name": "text", "type": "rating", "value": {"rating": 1 + i % 5}},
        {"from_name": "note", "to_name": "text", "type": "textarea", "value": {"text": ["as I see it"]}},
        {"type": "relation", "from_id": "a", "to_id": "b", "direction": "right"},
    ]
    wrong = {"was_cancelled": True, "result": []}
    return {"id": i, "data": {"text": text}, "annotations": [wrong, {"result": result}], "predictions": []}


@pytest.mark.parametrize("suffix", [".json", ".jsonl"])
def test_tasks_of_label_studio_are_rows_with_what_was_said_of_them(suffix: str, tmp_path: Path) -> None:
    tasks = [studio(i) for i in range(40)]
    lines = "\n".join(map(json.dumps, tasks))
    table = read(save(tmp_path / f"export{suffix}", json.dumps(tasks, indent=1) if suffix == ".json" else lines))
    assert table.columns == ("text", "marks", "mood", "stars", "note")
    assert table.rows[3] | {"marks": 0} == {
        "text": greeting(3)[0], "marks": 0, "mood": ["bad"], "stars": 4, "note": "as I see it"
    }  # fmt: skip
    found = {goal: infer(table, goal=goal).schema for goal in ("find names", "what is the mood", "predict the stars")}
    assert [(schema.task, schema.target[0]) for schema in found.values()] == [
        ("token-classification", "marks"), ("text-classification", "mood"), ("text-regression", "stars"),
    ]  # fmt: skip
    task = registry.get("tasks", "text-classification")
    assert task.target(table.rows[3], found["what is the mood"]) == "bad"


def test_a_task_in_which_nothing_was_marked_is_a_row_without_marks(tmp_path: Path) -> None:
    marked, unmarked = studio(0), {"data": {"text": "nobody"}, "annotations": [{"result": []}]}
    table = read(save(tmp_path / "a.json", json.dumps([marked, unmarked, {**unmarked, "annotations": []}])))
    assert [row.get("marks") and len(row["marks"]) for row in table.rows] == [1, [], None]


def test_texts_of_brat_have_their_marks_beside_them(tmp_path: Path) -> None:
    for i in range(30):
        text, start, end = greeting(i)
        part = "train" if i < 20 else "test"
        save(tmp_path / part / f"{i}.txt", text + "\n")
        lines = [f"T1\tPerson {start} {end}\t{text[start:end]}", "R1\tKnows Arg1:T1 Arg2:T1", "#1\tNote T1\tsure"]
        save(tmp_path / part / f"{i}.ann", "" if i == 3 else "\n".join([*lines, "T2\tGreeting 0 2;4 5\the o"]))
    table = read(tmp_path)
    assert table.columns == ("text", "spans", "file")
    rows = {row["file"]: row["spans"] for row in table.rows}
    told = [{"start": 21, "end": 25, "label": "Person"}, {"start": 0, "end": 5, "label": "Greeting"}]
    assert (rows["3.txt"], rows["4.txt"]) == ([], told)
    schema = infer(table).schema
    assert (schema.task, schema.text, schema.target) == ("token-classification", ("text",), ("spans",))
    assert sorted(set(table.splits)) == ["test", "train"]


SIDES: dict[str, tuple[tuple[str, str], ...]] = {
    "suffixes": (("train.de", "train.en"), ("valid.de", "valid.en")),
    "with a name before": (("wmt.train.de", "wmt.train.en"), ("wmt.dev.de", "wmt.dev.en")),
    "sides first": (("src-train.txt", "tgt-train.txt"), ("src-val.txt", "tgt-val.txt")),
    "sides last": (("train.source", "train.target"), ("val.source", "val.target")),
    "folders": (("train/seq.in", "train/label"), ("valid/seq.in", "valid/label")),
    "no splits": (("corpus.de", "corpus.en"),),
}


@pytest.mark.parametrize("names", SIDES.values(), ids=SIDES)
def test_files_side_by_side_are_columns(names: tuple[tuple[str, str], ...], tmp_path: Path) -> None:
    for split, pair in enumerate(names):
        for side, name in enumerate(pair):
            save(tmp_path / name, "".join(f"{('one', 'two')[side]} {split} {i}\r\n" for i in range(20)))
    table = read(tmp_path)
    expected = [20, 20] if len(names) > 1 else [0, 0]
    assert [list(table.splits).count(split) for split in ("train", "validation")] == expected
    assert [set(row.values()) for row in table.rows[:2]] == [{"one 0 0", "two 0 0"}, {"one 0 1", "two 0 1"}]


def test_files_side_by_side_must_be_as_long(tmp_path: Path) -> None:
    save(tmp_path / "train.de", "a\nb\n"), save(tmp_path / "train.en", "a\nb\nc\n")
    with pytest.raises(SourceError, match=r"'train.de' has 2, 'train.en' has 3\); make them equal"):
        read(tmp_path)


def test_pairs_of_spacy_are_rows(tmp_path: Path) -> None:
    made = [(greeting(i), {"cats": {"good": i % 2, "bad": 1 - i % 2}}) for i in range(40)]
    marked = [[text, {"entities": [[start, end, "PER"]]}] for (text, start, end), _ in made]
    schema = infer(read(save(tmp_path / "ner.json", json.dumps(marked)))).schema
    assert (schema.task, schema.text, schema.target) == ("token-classification", ("text",), ("entities",))
    table = read(save(tmp_path / "cats.json", json.dumps([[text, said] for (text, _, _), said in made])))
    assert [row["labels"] for row in table.rows[:2]] == [["bad"], ["good"]]
    assert infer(table).schema.task == "text-classification"


def test_rows_that_an_annotator_refused_are_no_rows(tmp_path: Path) -> None:
    rows = [{**row, "_task_hash": i, "answer": "reject" if i % 10 == 3 else "accept"} for i, row in enumerate(ROWS)]
    table = read(save(tmp_path / "prodigy.jsonl", "\n".join(map(json.dumps, rows))))
    assert (len(table), [item.line for item in table.rejected]) == (36, [4, 14, 24, 34])
    assert "'reject'; only accepted rows" in table.rejected[0].reason


PACKERS: tuple[tuple[str, Callable[[bytes], bytes]], ...] = ((".bz2", bz2.compress), (".xz", lzma.compress))


@pytest.mark.parametrize(("suffix", "pack"), PACKERS)
def test_packed_files_are_read_and_written(suffix: str, pack: Callable[[bytes], bytes], tmp_path: Path) -> None:
    half = CSV.encode().index(b"\n", 500) + 1
    path = save(tmp_path / f"a.csv{suffix}", pack(CSV.encode()[:half]) + pack(CSV.encode()[half:]))
    assert pairs(read(path)) == WANTED
    out = tmp_path / f"b.csv{suffix}"
    with writer(out, path) as write:
        for row in ROWS:
            write(row)
    assert not out.read_bytes().startswith(b"text")
    assert pairs(read(out)) == WANTED


@pytest.mark.parametrize(("suffix", "pack"), PACKERS)
def test_damaged_packed_files_are_told(suffix: str, pack: Callable[[bytes], bytes], tmp_path: Path) -> None:
    data = pack(CSV.encode())
    with pytest.raises(SourceError, match="damaged"):
        read(save(tmp_path / f"bad.csv{suffix}", data[: len(data) // 2] + b"\0\1\2" + data[len(data) // 2 :]))
    whole = pack(CSV.encode()[:500].rpartition(b"\n")[0] + b"\n")
    cut = read(save(tmp_path / f"cut.csv{suffix}", whole + data[: len(data) // 2]))
    assert 10 < len(cut) < 40
    assert "ends early" in cut.rejected[-1].reason
    bomb = save(tmp_path / f"bomb.csv{suffix}", pack(b"text,label\n" + b"a" * (140 << 20)))
    with pytest.raises(SourceError, match="decompression bomb"):
        read(bomb)


def test_a_zip_with_one_file_is_that_file(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "a.zip", "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("deep/a.csv", CSV)
        archive.writestr("__MACOSX/deep/._a.csv", b"\0\5\x16\7")
    assert pairs(read(tmp_path / "a.zip")) == WANTED
    with pytest.raises(SourceError, match="cannot be written"), writer(tmp_path / "b.zip", tmp_path / "a.zip"):
        pass


@pytest.mark.parametrize(
    ("name", "data", "said"),
    [
        ("a.pkl", b"\x80\x05\x95abc", "never read; save"),
        ("a.html", b"<!DOCTYPE html><table></table>", "a page"),
        ("nlu.yml", b"nlu:\n- intent: greet\n", "YAML"),
        ("a.pdf", b"%PDF-1.7 abc", "a PDF"),
    ],
)
def test_what_holds_no_rows_is_called_by_its_name(name: str, data: bytes, said: str, tmp_path: Path) -> None:
    with pytest.raises(SourceError, match=said):
        read(save(tmp_path / name, data))


def test_a_first_row_with_a_word_that_columns_are_called_is_data_where_the_word_comes_again(tmp_path: Path) -> None:
    rows = "".join(f"{i % 2},{1000 + i},NO_QUERY,user{i % 7},text number {i}\n" for i in range(30))
    assert len(read(save(tmp_path / "a.csv", rows))) == 30
