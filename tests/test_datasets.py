"""The bundled data sets, and files that have a train and a test split."""

from __future__ import annotations

import json
import subprocess
import sys
from collections import Counter
from pathlib import Path

import pytest

from autogpt import datasets
from autogpt.errors import ConfigError, SourceError
from autogpt.files import sha256
from autogpt.sources.bundled import FOLDER


def test_banking77_has_its_rows_and_labels() -> None:
    train, test = datasets.load("banking77")
    assert (len(train), len(test)) == (10003, 3080)
    assert train.columns == ("text", "label")
    assert len({row["label"] for row in train.rows}) == len({row["label"] for row in test.rows}) == 77
    assert train.rows[0] == {"text": "I am still waiting on my card?", "label": "card_arrival"}
    assert (set(train.splits), set(test.splits)) == ({"train"}, {"test"})


def test_a_small_pair_for_encoders_is_balanced_and_official() -> None:
    train, test = datasets.load_bert_dataset(labels=3, rows=5)
    whole = datasets.load("banking77")
    for part, source in zip((train, test), whole, strict=True):
        assert Counter(Counter(row["label"] for row in part.rows).values()) == {5: 3}
        assert all(row in source.rows for row in part.rows)
        assert len(part.lines) == len(part.splits) == 15
    with pytest.raises(ConfigError, match="labels is 1"):
        datasets.load_bert_dataset(labels=1)


@pytest.mark.parametrize("name", datasets.names())
def test_a_bundled_data_set_says_where_it_is_from_and_is_what_it_was(name: str) -> None:
    card = datasets.describe(name)
    assert {"rows", "licence", "attribution", "citation", "source", "languages", "changes"} <= card.keys()
    assert card["licence"] in (FOLDER / name / "NOTICE").read_text("utf-8")
    assert {file: sha256(FOLDER / name / file) for file in card["sha256"]} == card["sha256"]
    assert {path.name for path in (FOLDER / name).glob("*.gz")} == set(card["sha256"])


def test_the_licence_of_banking77_is_named() -> None:
    card = datasets.describe("banking77")
    assert card["licence"] == "CC-BY-4.0"
    assert "Efficient Intent Detection with Dual Sentence Encoders" in card["citation"]
    assert datasets.names() == ["banking77"]


def test_an_unknown_name_lists_what_there_is() -> None:
    with pytest.raises(SourceError, match="no data set 'bank' is bundled; there are: banking77"):
        datasets.describe("bank")


def test_a_folder_with_splits_loads_as_train_and_test(tmp_path: Path) -> None:
    for split in ("train", "dev", "test"):
        (tmp_path / f"{split}.jsonl").write_text(json.dumps({"text": split, "label": "x"}), "utf-8")
    train, test = datasets.load(tmp_path)
    assert [(row["text"], split) for row, split in zip(train.rows, train.splits, strict=True)] == [
        ("dev", "validation"),
        ("train", "train"),
    ]
    assert [row["text"] for row in test.rows] == ["test"]


def test_a_file_without_splits_is_not_split_here(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text("text,label\na,b\n", "utf-8")
    with pytest.raises(SourceError, match="do not name a train and a test split; give a folder"):
        datasets.load(tmp_path / "a.csv")


def test_a_local_folder_goes_before_a_bundled_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "banking77").mkdir()
    for split in ("train", "test"):
        (tmp_path / "banking77" / f"{split}.csv").write_text("text,label\nmine,b\n", "utf-8")
    monkeypatch.chdir(tmp_path)
    assert [row["text"] for row in datasets.load("banking77")[0].rows] == ["mine"]


def test_importing_it_is_light() -> None:
    code = "import sys, autogpt.datasets; assert not {'pandas', 'torch', 'numpy', 'datasets'} & set(sys.modules)"
    subprocess.run([sys.executable, "-c", code], check=True)
