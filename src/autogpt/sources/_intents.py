"""Sayings under the intent that they have: `{"tag": "greeting", "patterns": ["Hi", "Good day"], "responses": [...]}`.

Chatbots are stored so (and `{"intent": ..., "examples": [...]}`). A row here is a saying with its intent.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

_SAYINGS = ("patterns", "examples", "utterances", "texts", "sentences", "phrases", "samples", "user_says")
_INTENTS = ("tag", "intent", "label", "class", "category", "topic", "name")


def sayings(item: Any) -> Iterator[dict[str, Any]] | None:
    """The rows of an intent; None for a record of another kind."""
    if not isinstance(item, Mapping):
        return None
    lists = [name for name in _SAYINGS if _are_texts(item.get(name))]
    intent = next((name for name in _INTENTS if isinstance(item.get(name), str)), None)
    plain = all(isinstance(value, (str, list, int, float, type(None))) for value in item.values())
    if len(lists) != 1 or intent is None or not plain:
        return None
    return ({"text": text, intent: item[intent]} for text in item[lists[0]])


def _are_texts(value: Any) -> bool:
    return isinstance(value, list) and all(isinstance(text, str) for text in value)
