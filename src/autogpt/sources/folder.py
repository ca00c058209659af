"""A folder with one file per split (`train.csv`, `dev.jsonl.gz`, `train-00000-of-00002.parquet`), a folder for each
label with a text a file (`train/pos/17.txt`), texts with marks beside them (brat), columns as files side by side
(`train.de`, `train.en`), or what `datasets` saved to disk."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from autogpt.errors import SourceError
from autogpt.sources import Item, Note, Part, Request, _brat, _parallel, is_folder, split_of
from autogpt.sources import _text_folders as text_folders
from autogpt.sources._values import shown

_SHARD = re.compile(r"[-_.](\d+)([-_]of[-_]\d+)?$")
_SAVED = (("dataset_dict.json",), ("dataset_info.json", "state.json"))
_OTHER = (".md", ".py", ".yaml", ".yml", ".html", ".pdf", ".lock", ".bib", ".cff")


class Folder:
    name = "folder"
    summary = (
        "a folder with files called train.*, validation.* (dev, val, valid) and test.*, or with a folder per label"
    )
    suffixes: tuple[str, ...] = ()
    takes_query = False

    def accepts(self, source: Any) -> bool:
        return is_folder(source)

    def claims(self, head: bytes) -> bool:
        return False

    def items(self, source: Any, request: Request) -> Iterator[Item]:
        folder = Path(source)
        if any(all((folder / name).is_file() for name in names) for names in _SAVED):
            yield Part(_saved(folder), None)
        elif labels := text_folders.labels(folder):
            yield Note("the label of a text is the folder that its file lies in")
            yield from text_folders.rows(labels, request)
        elif texts := _brat.texts(folder):
            yield Note("what is marked in a text stands in the .ann file beside it")
            yield from _brat.rows(texts, request)
        elif parts := _parallel.splits([path for path in text_folders.entries(folder) if path.is_file()]):
            yield Note("files side by side are the columns of one table, a line each for every row")
            yield from _parallel.rows(parts, request)
        else:
            yield from (Part(path, split or None) for path, split in _parts(folder))


def _parts(folder: Path) -> list[tuple[Path, str]]:
    """What is in a folder, with the split of each: files or folders that are called so, or one file or folder alone."""
    entries = text_folders.entries(folder)
    files = [path for path in entries if path.is_file()]
    groups: dict[str, list[tuple[Path, str]]] = defaultdict(list)
    for path in files:
        prefix, split = _named(path)
        if split is not None and path.suffix.lower() not in _OTHER:
            groups[prefix].append((path, split))
    complete = {prefix: parts for prefix, parts in groups.items() if any(split == "train" for _, split in parts)}
    if len(complete) == 1:
        parts = next(iter(complete.values()))
        _refuse_twins(folder, parts)
        return parts
    folders = [path for path in entries if path.is_dir()]
    named = [(path, split) for path in folders if (split := split_of(path.name))]
    if any(split == "train" for _, split in named):
        return named
    data = [path for path in files if path.suffix and path.suffix.lower() not in _OTHER]
    alone = data or folders
    if len(alone) != 1:
        raise SourceError(_unclear(folder, [path.name for path in files], list(complete)))
    return [(alone[0], "")]


def _saved(folder: Path) -> Any:
    """A data set that was written by `save_to_disk`."""
    import datasets

    try:
        return datasets.load_from_disk(str(folder))
    except (OSError, ValueError, KeyError) as error:
        raise SourceError(
            f"{folder}: this data set was saved to disk and cannot be loaded ({shown(str(error), 80)}); save it again"
        ) from None


def _named(path: Path) -> tuple[str, str | None]:
    """(`reviews`, `test`) for `reviews_test.csv.gz`; the number of a shard is left out."""
    stem = path.name.split(".")[0] if path.name.count(".") else path.name
    stem = _SHARD.sub("", stem)
    if (split := split_of(stem)) is not None:
        return "", split
    prefix, _, last = stem.replace("-", "_").rpartition("_")
    return prefix, split_of(last) if prefix else None


def _refuse_twins(folder: Path, parts: list[tuple[Path, str]]) -> None:
    """One split twice, other than in numbered shards, would count its rows twice."""
    whole = defaultdict(list)
    for path, split in parts:
        if not _SHARD.search(path.name.split(".")[0]):
            whole[split].append(path.name)
    for split, names in whole.items():
        if len(names) > 1:
            raise SourceError(f"{folder}: {', '.join(names)} are all the {split} split; keep one of them")


def _unclear(folder: Path, names: list[str], prefixes: list[str]) -> str:
    if not names:
        return f"{folder}: the folder has no files; put train.csv and test.csv into it, or a folder of texts per label"
    seen = ", ".join(names[:6]) + (f" and {len(names) - 6} more" if len(names) > 6 else "")
    if prefixes:
        return f"{folder}: several data sets ({', '.join(prefixes)}) are in one folder: {seen}; give them a folder each"
    fix = "rename the files to train, validation and test, or give one file"
    return f"{folder}: no file is called train.* (found: {seen}); {fix}"


plugin = Folder()
