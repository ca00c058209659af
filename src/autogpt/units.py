"""Amounts as people write them: durations and sizes."""

from __future__ import annotations

import re

from autogpt.errors import ConfigError

_UNITS = {"s": 1.0, "m": 60.0, "h": 3600.0, "d": 86400.0}


def seconds(text: str | float | None) -> float | None:
    """`90`, `"90s"`, `"3m"`, `"1h30m"` -> seconds; None and `"none"` mean no limit."""
    if text is None or isinstance(text, (int, float)):
        value = text
    elif text.strip().lower() == "none":
        value = None
    else:
        parts = re.findall(r"(\d+(?:\.\d+)?)([smhd]?)", text.strip().lower())
        if not parts or "".join(n + u for n, u in parts) != text.strip().lower():
            raise ConfigError(f"time limit {text!r} is not a duration; write it as 90s, 3m or 1h30m")
        value = sum(float(n) * _UNITS[u or "s"] for n, u in parts)
    if value is not None and not 0 < value < float("inf"):
        raise ConfigError(f"time limit {text!r} must be more than 0 seconds")
    return value


def duration(value: float | None) -> str:
    """The inverse of `seconds`, as short as it can be: 5400 -> `1h30m`."""
    if value is None:
        return "none"
    if value % 1:
        return f"{value:.6f}".rstrip("0") + "s"
    parts, rest = [], int(value)
    for unit, size in (("h", 3600), ("m", 60), ("s", 1)):
        if rest >= size:
            parts.append(f"{rest // size}{unit}")
            rest %= size
    return "".join(parts) or "0s"


def byte_count(text: str | None, *, of: str = "memory limit") -> int | None:
    """`"2GB"`, `"512MB"` -> bytes (a GB is 10**9); None means no limit of one's own."""
    if text is None:
        return None
    match = re.fullmatch(r"(\d+(?:\.\d+)?)\s*([kmgt]?)b", text.strip().lower())
    if match is None or not float(match[1]):
        raise ConfigError(f"{of} {text!r} is not an amount; write it as 512MB or 2GB")
    return int(float(match[1]) * 1000 ** " kmgt".index(match[2] or " "))
