"""Cloze patterns by rule: a text, and a sentence about it in which the label's word is hidden.

The hand-made patterns of "Exploiting Cloze Questions for Few Shot Text Classification" (PET, Schick & Schütze 2021) and
"Making Pre-trained Language Models Better Few-shot Learners" (LM-BFF, Gao et al. 2021), by language and with what the
goal calls the texts; label words are the labels' names, and other words of the same meaning from a small dictionary.
"""

from __future__ import annotations

from collections.abc import Iterator

from autogpt.prompting import Facts, Prompt
from autogpt.prompts import _grammar
from autogpt.prompts.rules import others


class Patterns:
    """See `prompting.Generator`."""

    name = "patterns"
    summary = "texts with a hidden label word, from a grammar"
    form = "cloze"
    learns = False

    def write(self, facts: Facts) -> Iterator[Prompt]:
        more = others(facts.names)
        for template in templates(facts):
            if more != facts.names:
                yield Prompt.of(template, more, origin="patterns: label names and other words")
            yield Prompt.of(template, facts.names, origin="patterns: label names")


def templates(facts: Facts) -> list[str]:
    """Templates in the language of goal, labels and texts, the commonest first."""
    names = [word for own in facts.names.values() for word in own]
    talk = _grammar.chinese(" ".join((facts.goal, *names, *facts.texts[:50])))
    if facts.rows and "text_pair" in facts.rows[0][0]:
        return list(_grammar.CLOZE_CHINESE_PAIR if talk else _grammar.CLOZE_PAIR)
    plain, about = (
        (_grammar.CLOZE_CHINESE, _grammar.CLOZE_CHINESE_SUBJECT) if talk else (_grammar.CLOZE, _grammar.CLOZE_SUBJECT)
    )
    subjects = _grammar.subjects(facts.goal, facts.columns, names)
    return [*plain, *(one.replace("{subject}", subject) for subject in subjects for one in about)]


plugin = Patterns()
