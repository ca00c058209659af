"""The text is JSON: an object or a list and nothing around it ("The JavaScript Object Notation", RFC 8259).

`NaN` and `Infinity`, which Python reads, are no JSON. A lone number or string is none either: it would be given away.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

from autogpt.core import Row


class ValidJson:
    """See `written.Reward`."""

    name = "valid-json"
    summary = "the whole text is a JSON object or list"
    columns: tuple[str, ...] = ()

    def score(self, texts: Sequence[str], row: Row, *, column: str | None, source: str) -> list[float]:
        return [float(_is_json(text)) for text in texts]


def _is_json(text: str) -> bool:
    try:
        return isinstance(json.loads(text, parse_constant=_refuse), dict | list)
    except (ValueError, RecursionError):
        return False


def _refuse(constant: str) -> Any:
    raise ValueError(f"{constant} is no JSON")


plugin = ValidJson()
