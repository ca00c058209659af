"""A `datasets.Dataset`, or a `DatasetDict` with its splits. Class numbers become the class names they stand for."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Mapping
from typing import Any

from autogpt.core import Rejection
from autogpt.sources import Item, Note, Part, Request, split_of
from autogpt.sources._values import Plain

_BATCH = 512


class DatasetSource:
    name = "dataset"
    summary = "a datasets.Dataset or DatasetDict"
    suffixes: tuple[str, ...] = ()
    takes_query = False

    def accepts(self, source: Any) -> bool:
        datasets = sys.modules.get("datasets")
        return datasets is not None and isinstance(source, (datasets.Dataset, datasets.DatasetDict))

    def claims(self, head: bytes) -> bool:
        return False

    def items(self, source: Any, request: Request) -> Iterator[Item]:
        if isinstance(source, Mapping):
            for name, part in source.items():
                yield Part(part, split_of(name))
                if split_of(name) is None:
                    yield Note(f"{name!r} names no split that is known (train, validation, test): its rows have none")
            return
        classes = _class_names(source)
        yield from (Note(f"column {column!r}: class numbers are read as their names") for column in classes)
        plain = Plain(request.limits)
        line = 0
        for batch in source.with_format(None).iter(_BATCH):
            for cells in zip(*batch.values(), strict=True):
                line += 1
                row = dict(zip(batch, cells, strict=True))
                try:
                    yield line, plain.row({**row, **{c: _named(row[c], names) for c, names in classes.items()}})
                except ValueError as error:
                    yield Rejection("Dataset", line, str(error))
        yield from plain.notes()


def _class_names(source: Any) -> dict[str, list[str]]:
    """Names of the columns of classes, and of those that hold lists of classes (tags)."""
    import datasets

    names: dict[str, list[str]] = {}
    for column, feature in source.features.items():
        inner = feature.feature if isinstance(feature, (datasets.List, datasets.LargeList)) else feature
        if isinstance(inner, datasets.ClassLabel):
            names[column] = inner.names
    return names


def _named(value: Any, names: list[str]) -> Any:
    """The class name of a number; -1 (unknown, as in hidden test sets) is no answer."""
    if isinstance(value, list):
        return [_named(item, names) for item in value]
    return names[value] if value is not None and 0 <= value < len(names) else None


plugin = DatasetSource()
