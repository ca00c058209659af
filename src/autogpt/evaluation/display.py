"""How text, numbers, times and sizes are shown: on one line, without control characters, cut where they are long."""

from __future__ import annotations

import math
import unicodedata

LONGEST = 280  # characters of a row that are shown
_DIRECTION = set("\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069\u200e\u200f")


def clean(text: object, most: int = LONGEST) -> str:
    """One line without control characters or characters that turn the reading direction; long text is cut."""
    kept = " ".join(harmless(str(text)).split())
    return kept if len(kept) <= most else kept[: most - 1].rstrip() + "…"


def harmless(text: str) -> str:
    """The text without control characters (white space becomes blanks) and without turns of direction."""
    spaced = (" " if c.isspace() else c for c in text if c not in _DIRECTION)
    return "".join(c for c in spaced if unicodedata.category(c) != "Cc")


def number(value: float | None, decimals: int = 3, *, sign: bool = False) -> str:
    """A number, or a dash where there is none."""
    if value is None or not math.isfinite(value):
        return "–"
    return f"{value:+.{decimals}f}" if sign else f"{value:.{decimals}f}"


def span(low: float, high: float, decimals: int = 3, *, sign: bool = False) -> str:
    """An interval in brackets."""
    if not (math.isfinite(low) and math.isfinite(high)):
        return "–"
    return f"[{number(low, decimals, sign=sign)}, {number(high, decimals, sign=sign)}]"


def duration(seconds: float) -> str:
    """`3 min 05 s`."""
    if seconds < 60:
        return f"{seconds:.1f} s"
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours} h {minutes:02d} min" if hours else f"{minutes} min {rest:02d} s"


def size(count: int) -> str:
    """Bytes for people."""
    return f"{count / 2**30:.1f} GiB" if count >= 2**30 else f"{count / 2**20:.0f} MiB"


def cells(text: str) -> int:
    """Columns that a text takes: Chinese characters take two."""
    return sum(2 if unicodedata.east_asian_width(c) in "WF" else 1 for c in text)


def short(text: str, most: int) -> str:
    """The text, cut with an ellipsis to `most` columns."""
    if cells(text) <= most:
        return text
    while text and cells(text) > most - 1:
        text = text[:-1]
    return text.rstrip() + "…"
