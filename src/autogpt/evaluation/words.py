"""What reports say, in English and Chinese: `Words("zh")("section.scores")`. Sentences: templates/words.yaml."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from importlib import resources

import yaml

from autogpt.errors import ConfigError

LANGUAGES = ("en", "zh")


@cache
def _catalogue() -> Mapping[str, Mapping[str, str]]:
    text = resources.files("autogpt.evaluation").joinpath("templates/words.yaml").read_text("utf-8")
    catalogue: Mapping[str, Mapping[str, str]] = yaml.safe_load(text)
    return catalogue


class Words:
    """Sentences of one language; values in braces are filled in with `str.format`."""

    def __init__(self, language: str = "en") -> None:
        if language not in LANGUAGES:
            raise ConfigError(f"report language {language!r} is not known; choose one of: {', '.join(LANGUAGES)}")
        self.language = language

    def __call__(self, key: str, **values: object) -> str:
        return _catalogue()[key][self.language].format(**values)
