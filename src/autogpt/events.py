"""What a run tells while it works. The console, the journal and a server are listeners of the same events."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

KINDS = ("plan", "read", "profile", "split", "trial", "step", "decision", "evaluation", "saved", "warning")


@dataclass(frozen=True, slots=True)
class Event:
    """One thing that happened: `kind` is one of KINDS, `message` a plain sentence, `data` its numbers (JSON-able)."""

    kind: str
    message: str
    data: Mapping[str, Any] = field(default_factory=dict)


Listener = Callable[[Event], None]


def silent(event: Event) -> None:
    """A listener that ignores everything."""
