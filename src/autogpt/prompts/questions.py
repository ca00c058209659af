"""Instructions by rule: the question of the task in the language of the data ("这条评论是好评还是差评？").

What texts are called is read off the goal; the labels stand in the question as their names. They begin the search of
`reflection`, and give soft prompts their first words.
"""

from __future__ import annotations

from collections.abc import Iterator

from autogpt.prompting import Facts, Prompt, render
from autogpt.prompts import _grammar

MOST_NAMED = 12
"""Labels that a question lists; of more it asks without them."""


class Questions:
    """See `prompting.Generator`."""

    name = "questions"
    summary = "the task's question in the data's language, from a grammar"
    form = "instruction"
    learns = False

    def write(self, facts: Facts) -> Iterator[Prompt]:
        if facts.goal.strip():
            yield instruction(facts, facts.goal.strip(), "questions: the goal")
        for question in asked(facts):
            yield instruction(facts, question, "questions")


def asked(facts: Facts) -> list[str]:
    """Questions, the plainest first; none where answers have no names."""
    names = [own[0] for own in facts.names.values()]
    if not names:
        return []
    talk = _grammar.chinese(" ".join((facts.goal, *names, *facts.texts[:50])))
    found = _grammar.subjects(facts.goal, facts.columns, names)
    subject = found[0] if found and _grammar.chinese(found[0]) == talk else ("文本" if talk else "text")
    few = len(names) <= MOST_NAMED
    if talk:
        questions: tuple[str, ...] = _grammar.QUESTIONS_CHINESE
        choice = "还是".join(names) if few else "哪一类"
    else:
        listed = " or ".join((", ".join(names[:-1]), names[-1])) if len(names) > 1 else names[0]
        questions, choice = _grammar.QUESTIONS, listed if few else "which kind"
    fitting = [one for one in questions if "{first}" not in one or len(names) == 2]
    return [render(one, {"subject": subject, "choice": choice, "first": names[0]}) for one in fitting]


def instruction(facts: Facts, text: str, origin: str) -> Prompt:
    """An instruction as a prompt: one turn of the system's, whose braces are text."""
    template = text.replace("{", "{{").replace("}", "}}")
    return Prompt((("system", template),), dict(facts.names), origin)


plugin = Questions()
