"""Prompts from rules: a grammar of templates, filled with what the goal calls the texts and with the labels' words.

As the hand-made patterns of "Exploiting Cloze Questions for Few Shot Text Classification" (Schick & Schütze 2021), but
for encoders that give a text one vector: a template is a description of a text, not a gap to be filled.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from autogpt.prompting import Facts, Prompt
from autogpt.prompts import _grammar
from autogpt.prompts._lexicon import SYNONYMS


class Rules:
    """See `prompting.Generator`. Every template once with the labels' names, and once with their other words too."""

    name = "rules"
    summary = "templates from a grammar, around label names and other words for them"
    form = "description"
    learns = False

    def write(self, facts: Facts) -> Iterator[Prompt]:
        said = (facts.goal, *facts.columns, *(word for own in facts.names.values() for word in own), *facts.texts[:50])
        talk = _grammar.chinese(" ".join(said))
        subjects = _grammar.subjects(facts.goal, facts.columns, [word for own in facts.names.values() for word in own])
        plain, about = (
            (_grammar.CHINESE, _grammar.CHINESE_SUBJECT) if talk else (_grammar.ENGLISH, _grammar.ENGLISH_SUBJECT)
        )
        templates = [*plain, *(one.replace("{subject}", subject) for subject in subjects for one in about)]
        more = others(facts.names)
        for template in templates:
            yield Prompt.of(template, facts.names, origin="rules: label names")
            if more != facts.names:
                yield Prompt.of(template, more, origin="rules: label names and other words")


def others(names: Mapping[str, tuple[str, ...]]) -> dict[str, tuple[str, ...]]:
    """The labels' names with the words that mean the same."""
    return {
        label: tuple(dict.fromkeys([*own, *(word for name in own for word in SYNONYMS.get(name.casefold(), ()))]))
        for label, own in names.items()
    }


plugin = Rules()
