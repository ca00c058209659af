from __future__ import annotations

from autogpt.cli.screen import Screen


def compare(screen: Screen) -> None:
    """todo"""
