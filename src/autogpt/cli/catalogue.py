"""What the command line says, in the user's language. English is the source; a catalogue maps it to another language.

Lower layers write English sentences with values already in them; `translate` finds the entry whose placeholders match.
A placeholder called `why` holds a sentence itself.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from functools import cached_property
from importlib.resources import files
from typing import Any

from autogpt.errors import ConfigError

LANGUAGES = ("en", "zh")


class Catalogue:
    """Messages of one language; a message without an entry stays English."""

    def __init__(self, language: str = "en") -> None:
        if language not in LANGUAGES:
            raise ConfigError(f"no messages in language {language!r}; there are: {', '.join(LANGUAGES)}")
        self.language = language

    @cached_property
    def entries(self) -> Mapping[str, str]:
        """English message -> message of this language."""
        if self.language == "en":
            return {}
        text = files("autogpt.cli").joinpath("messages", f"{self.language}.json").read_text(encoding="utf-8")
        return dict(json.loads(text))

    def __call__(self, message: str, **values: Any) -> str:
        """The message with its placeholders filled in."""
        found = self.entries.get(message, message)
        return found.format(**values) if values else found

    def translate(self, text: str) -> str:
        """A finished English sentence from a lower layer, translated when an entry fits it."""
        if text in self.entries:
            return self.entries[text]
        for pattern, message in self._patterns:
            match = pattern.fullmatch(text)
            if match:
                return message.format(**{
                    name: self.translate(part) if name == "why" else part for name, part in match.groupdict().items()
                })  # fmt: skip
        return text

    @cached_property
    def _patterns(self) -> list[tuple[re.Pattern[str], str]]:
        """Entries with placeholders as patterns, those with the most fixed text first."""
        templates = sorted((m for m in self.entries if "{" in m), key=lambda m: -len(re.sub(r"{\w+}", "", m)))
        return [(_pattern(template), self.entries[template]) for template in templates]


def _pattern(template: str) -> re.Pattern[str]:
    parts = re.split(r"{(\w+)}", template)
    text = "".join(re.escape(part) if i % 2 == 0 else f"(?P<{part}>.+?)" for i, part in enumerate(parts))
    return re.compile(text, re.DOTALL)


def language(arguments: Sequence[str], environment: Mapping[str, str]) -> str:
    """`--lang`, else the locale of the environment. It is needed before flags are parsed, for `--help` itself."""
    for i, argument in enumerate(arguments):
        if argument == "--":
            break
        if argument.startswith("--lang="):
            return argument.removeprefix("--lang=")
        if argument == "--lang" and i + 1 < len(arguments):
            return arguments[i + 1]
    locale = next((environment[name] for name in ("LC_ALL", "LC_MESSAGES", "LANG") if environment.get(name)), "")
    return "zh" if locale.lower().startswith("zh") else "en"
