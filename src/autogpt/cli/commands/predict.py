from __future__ import annotations

from autogpt.cli.screen import Screen


def predict(screen: Screen) -> None:
    """todo"""
