"""Rows as annotation tools export them: Label Studio's tasks, spaCy's pairs, Prodigy's answers.

* Label Studio (its JSON): `{"data": {"text": ...}, "annotations": [{"result": [...]}]}`; a row is the task's data and,
  under the name of each control, what was marked, chosen, rated or written there by the first who annotated it
* spaCy (its training data): `["text", {"entities": [[0, 4, "name"]]}]`, or `{"cats": {"spam": 1}}`
* Prodigy: rows that it calls rejected or ignored are refused, with the reason
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from autogpt import cells

_VALUES = ("choices", "taxonomy", "text", "rating", "number", "datetime")
"""What a person may have said of a whole text, as Label Studio calls it."""


class Annotations:
    """The rows of one file."""

    def __init__(self) -> None:
        self._marking: dict[str, None] = {}
        """Label Studio's controls that marked stretches so far: where an annotator then marks none, none is there."""

    def row(self, item: Any) -> Any:
        """The row of a tool's record; any other item as it is. ValueError for one that the annotator refused."""
        if isinstance(item, Mapping):
            if isinstance(item.get("data"), Mapping) and (annotations := _annotations(item)) is not None:
                return self._studio(item["data"], annotations)
            if "_task_hash" in item and item.get("answer") in ("reject", "ignore"):
                raise ValueError(f"the annotator's answer is {item['answer']!r}; only accepted rows are learned from")
            return item
        if isinstance(item, Sequence) and len(item) == 2 and isinstance(item[0], str) and isinstance(item[1], Mapping):
            return {"text": item[0], **_spacy(item[1])}
        return item

    def _studio(self, data: Mapping[str, Any], annotations: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
        valid = [one for one in annotations if not one.get("was_cancelled") and isinstance(one.get("result"), list)]
        if not valid:
            return dict(data)
        found: dict[str, Any] = {}
        for result in valid[0]["result"]:
            value, name = result.get("value"), str(result.get("from_name", "label"))
            if not isinstance(value, Mapping):
                continue  # a relation between two marks
            name = f"{name}_1" if name in data else name
            kind = next((kind for kind in _VALUES if kind in value and "start" not in value), None)
            if "start" in value:
                self._marking[name] = None
                found.setdefault(name, []).append(dict(value))
            elif kind == "taxonomy":
                found[name] = [" > ".join(map(str, path)) for path in value[kind]]
            elif kind is not None:
                found[name] = cells.only(value[kind]) if kind == "text" else value[kind]
        return {**data, **{name: [] for name in self._marking}, **found}


def _annotations(item: Mapping[str, Any]) -> Sequence[Mapping[str, Any]] | None:
    """What was annotated; older files call it completions."""
    found = item.get("annotations", item.get("completions"))
    return found if isinstance(found, list) and all(isinstance(one, Mapping) for one in found) else None


def _spacy(said: Mapping[str, Any]) -> dict[str, Any]:
    """Entities as spans; categories as the list of those that are true."""
    found = {name: value for name, value in said.items() if name != "cats"}
    if isinstance(said.get("cats"), Mapping):
        found["labels"] = [name for name, value in said["cats"].items() if value]
    return found
