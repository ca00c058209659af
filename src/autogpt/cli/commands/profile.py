"""`autogpt profile`: look at the data, train nothing."""

from __future__ import annotations

from typing import Annotated

from autogpt.cli.flags import Only
from autogpt.cli.screen import Screen
from autogpt.config import RunConfig


def profile(screen: Screen, config: Annotated[RunConfig, Only("data", "goal", "offline", "columns")]) -> None:
    """Say what DATA is: columns, task, languages, lengths, balance, duplicates, leaks, suspicious labels."""
    raise NotImplementedError
