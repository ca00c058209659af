from __future__ import annotations

from autogpt.cli.screen import Screen


def evaluate(screen: Screen) -> None:
    """todo"""
