"""Questions about a text whose answers are parts of it ("SQuAD", Rajpurkar et al. 2016), or are not in it at all
("Know What You Don't Know", Rajpurkar et al. 2018)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from autogpt import cells
from autogpt.core import GoldAnswers, Inputs, Row, Schema, Span
from autogpt.tasks import _answers


class QuestionAnswering:
    """See `core.Task`. `schema.text` are question and context, `schema.target` answers and, if known, their starts.

    An answer is given in whole words: one that cuts a word counts as that word while training, and as itself when
    answers are judged.
    """

    name = "question-answering"
    output = "span"
    metrics = ("answer-f1", "exact-match")
    summary = "the part of a text that answers a question, or none"

    def inputs(self, row: Row, schema: Schema) -> Inputs:
        question, context = schema.text
        return {"question": cells.text(row, question).strip(), **_words(cells.text(row, context), context)}

    def target(self, row: Row, schema: Schema) -> Any:
        inputs = self.inputs(row, schema)
        context, offsets = inputs["text"], inputs["offsets"]
        found = []
        for answer, told in _answers.read(row, schema.target):
            start, end = _answers.place(answer, told, context)
            inside = [place for place, (a, b) in enumerate(offsets) if a < end and b > start]
            if not inside:
                raise ValueError(f"the answer {answer!r} covers no word of the text")
            found.append(Span("answer", inside[0], inside[-1] + 1, answer, start, end))
        return GoldAnswers(tuple(found), len(offsets))

    def samples(self, text: str, schema: Schema) -> Sequence[Inputs]:
        found, offsets = cells.words(text)
        return [{"question": text, "tokens": found, "offsets": offsets, "text": text}]


def _words(context: str, column: str) -> Inputs:
    """Words of a text with their places. It is never taken for a list, whatever it begins with."""
    found, offsets = cells.words(context)
    if not found:
        raise ValueError(f"column {column!r} has no words in {context!r}")
    return {"tokens": found, "offsets": offsets, "text": context}


plugin = QuestionAnswering()
