"""GoldAnswers by words alone: what stands near the question's words."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from autogpt import cells, registry
from autogpt.core import Decision, GoldAnswers, Inputs, LabelSpace, Span
from autogpt.testing.contracts import scorer_contract

KIND = registry.get("outputs", "span")
FILLER = "and the day went by as it did in all of the years before that one and after it too"


def asked(text: str, question: str) -> Inputs:
    tokens, offsets = cells.words(text)
    return {"question": question, "tokens": tokens, "offsets": offsets, "text": text}


ROWS = [
    asked(f"{FILLER} the river flows through Lima . {FILLER} the school stands in Oslo", "where does the river flow"),
    asked(f"{FILLER} the river flows through Rome . {FILLER} the school stands in Kyiv", "where is the school"),
]
OTHER = asked(f"{FILLER} the bus left", "who painted it")
GOLD = [GoldAnswers((Span("answer", 23, 24, "Lima"),), 44), GoldAnswers((Span("answer", 43, 44, "Kyiv"),), 44)]


def test_rare_words_near_those_of_the_question_are_the_answer(tmp_path: Path) -> None:
    # A word that all texts have weighs nothing: a third text lets the river and the school weigh something.
    third = GoldAnswers((Span("answer", 20, 21, "bus"),), 22)
    scorer = registry.get("backbones", "nearby-words").open([*ROWS, OTHER], [*GOLD, third])
    assert (scorer.length, scorer.floor) == (1, 0.0)
    answers = KIND.decode(scorer.score(ROWS), LabelSpace(("answer",), scale=30.0), Decision(), ROWS)
    assert [answer.value for answer in answers] == ["Lima", "Kyiv"]
    scorer_contract(scorer, [*ROWS, asked("one", "one?")], tmp_path)


def test_questions_that_nothing_is_near_to_have_no_answer() -> None:
    scorer = registry.get("backbones", "nearby-words").open([*ROWS, OTHER], [*GOLD, GoldAnswers((), 22)])
    space = KIND.space([*GOLD, GoldAnswers((), 22)])
    found = [answer.value for answer in KIND.decode(scorer.score([*ROWS, OTHER]), space, Decision(), [*ROWS, OTHER])]
    assert found == ["Lima", "Kyiv", ""]


def test_the_floor_divides_training_rows_best() -> None:
    from autogpt.backbones.nearby_words import _floor

    worth, answered = [0.1, 0.5, 0.4, 0.9], [False, True, False, True]
    edge = _floor(worth, answered)
    assert [w > edge for w in worth] == answered
    assert np.isclose(_floor([0.3], [False]), 1.3)
