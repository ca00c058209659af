"""The text is JSON: an object or a list and nothing around it ("The JavaScript Object Notation", RFC 8259).

`NaN` and `Infinity`, which Python reads, are no JSON. A lone number or string is none either: it would be given away.
"""

from __future__ import annotations

from collections.abc import Sequence

from autogpt import registry
from autogpt.core import Row


class ValidJson:
    """See `written.Reward`."""

    name = "valid-json"
    summary = "the whole text is a JSON object or list"
    columns: tuple[str, ...] = ()

    def score(self, texts: Sequence[str], row: Row, *, column: str | None, source: str) -> list[float]:
        return [float(registry.get("formats", "json").fault(text) is None) for text in texts]


plugin = ValidJson()
