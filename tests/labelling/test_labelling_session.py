"""A session keeps every answer, goes on where it was, and never measures on rows that a strategy chose."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from autogpt import registry
from autogpt.config import Labelling
from autogpt.core import Table
from autogpt.errors import ConfigError, InputError
from autogpt.labelling.oracle import QUIT, UNDO, Known, Reply, drive
from autogpt.labelling.pool import identity
from autogpt.labelling.records import BAD, CHOSEN, DRAWN, LABEL, SKIP, Answer
from autogpt.labelling.session import Question, Session
from autogpt.queries import Pool


class Script:
    """Replies in turn, then quits."""

    who = "ann"

    def __init__(self, *replies: Reply) -> None:
        self.replies, self.asked = list(replies), []

    def reply(self, question: Question, session: Session) -> Reply:
        self.asked.append(question.id)
        return self.replies.pop(0) if self.replies else Reply(QUIT)


def label(name: str) -> Reply:
    return Reply(LABEL, name)


def test_the_oracle_is_asked_once_for_every_label_and_never_twice_for_a_text(
    begin: Callable[..., Session], table: Table, gold: dict[str, str]
) -> None:
    session, oracle = begin(table), Known(gold)
    assert drive(session, oracle, most=25) == 25
    assert oracle.requests == 25
    assert drive(session, oracle) == len(table) - 25
    assert oracle.requests == len(table)
    assert session.question() is None
    assert {a.id: a.label for a in session.state.answers.values()} == {identity(t): g for t, g in gold.items()}


def test_a_killed_session_goes_on_with_the_same_questions(
    begin: Callable[..., Session], table: Table, gold: dict[str, str], tmp_path: Path
) -> None:
    whole = begin(table, name="whole.jsonl")
    drive(whole, Known(gold), most=30)
    for most in (3, 8, 1, 18):  # each part is a process of its own, ended at once
        drive(begin(table, name="parts.jsonl"), Known(gold), most=most)
        with (tmp_path / "parts.jsonl").open("a") as file:
            file.write('{"kind": "label", "id": "cut sho')  # a write that a kill cut short
    again = begin(table, name="parts.jsonl")
    assert [(a.id, a.label, a.part, a.guess) for a in again.state.answers.values()] == [
        (a.id, a.label, a.part, a.guess) for a in whole.state.answers.values()
    ]


def test_undo_brings_the_question_back_and_is_a_line_of_the_file(
    begin: Callable[..., Session], table: Table, tmp_path: Path
) -> None:
    oracle = Script(label("card"), label("food"), Reply(UNDO), Reply(UNDO), label("travel"))
    session = begin(table)
    assert drive(session, oracle) == 1
    first, second, third = oracle.asked[:3]
    assert oracle.asked == [first, second, third, second, first, second]
    assert [a.label for a in session.state.answers.values()] == ["travel"]
    kinds = [json.loads(line)["kind"] for line in (tmp_path / "labels.jsonl").read_text().splitlines()]
    assert kinds == ["session", "asked", "label", "label", "undo", "undo", "label"]
    assert begin(table).question() == session.question()


def test_nothing_can_be_undone_before_the_first_answer(begin: Callable[..., Session], table: Table) -> None:
    assert begin(table).undo(who="ann") is None


def test_skipped_and_bad_texts_are_not_asked_again_and_teach_nothing(
    begin: Callable[..., Session], table: Table
) -> None:
    session, oracle = begin(table, check=0.0), Script(Reply(SKIP), Reply(BAD), label("card"), label("food"))
    drive(session, oracle)
    found = session.progress()
    assert (found.skipped, found.bad, found.labelled, found.left) == (1, 1, 2, len(table) - 4)
    assert not {oracle.asked[0], oracle.asked[1]} & set(oracle.asked[2:])


def test_rows_that_measure_were_drawn_before_the_first_question_and_no_strategy_sees_them(
    begin: Callable[..., Session], table: Table, gold: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    shown: list[int] = []

    class Watching:
        name, summary = "margin", "watches what it is shown"

        def choose(self, pool: Pool, k: int, rng: np.random.Generator) -> np.ndarray:
            shown.append(len(pool.vectors))
            return registry.get("queries", "margin").choose(pool, k, rng)

    session = begin(table, check=0.25, strategy="margin")
    monkeypatch.setattr(session, "_strategy", Watching())
    drawn = session.settings.drawn
    assert 0 < len(drawn) <= 0.2 * len(table)
    drive(session, Known(gold), most=40)
    assert set(shown) == {len(table) - len(drawn)}
    answers = list(session.state.answers.values())
    assert {a.id for a in answers if a.part == DRAWN} <= set(drawn)
    assert not {a.id for a in answers if a.part == CHOSEN} & set(drawn)
    assert {a.by for a in answers if a.part == DRAWN} == {"random"}
    assert sum(a.part == DRAWN for a in answers) == 10
    assert any(a.part == DRAWN for a in answers[:8])
    assert [a.part for a in answers[:8]] != sorted(a.part for a in answers[:8]), "at random places"


def test_a_label_keeps_who_gave_it_when_and_what_the_model_thought(
    begin: Callable[..., Session], table: Table, gold: dict[str, str]
) -> None:
    session = begin(table, strategy="typiclust")
    drive(session, Known(gold, who="ann"), most=20)
    last = [a for a in session.state.answers.values() if a.part == CHOSEN][-1]
    assert (last.who, last.by) == ("ann", "typiclust")
    assert last.when.startswith("20")
    assert last.guess in {"card", "food", "travel"}
    assert last.confidence is not None


def test_a_session_may_go_on_with_another_strategy_and_every_batch_says_which_asked(
    begin: Callable[..., Session], table: Table, gold: dict[str, str]
) -> None:
    drive(begin(table, check=0.0, strategy="typiclust"), Known(gold), most=8)
    session = begin(table, check=0.0, strategy="margin")
    drive(session, Known(gold), most=8)
    assert [a.by for a in session.state.answers.values()] == ["typiclust"] * 8 + ["margin"] * 8


def test_a_person_outranks_a_model_whichever_comes_first(begin: Callable[..., Session], table: Table) -> None:
    session = begin(table, check=0.0)
    question = session.question()
    assert question is not None
    pseudo = Answer(question.id, LABEL, "food", who="model:head", by="import")
    assert session.add(pseudo)
    again = session.question()
    assert again is not None
    assert again.id == question.id, "a row that only a model labelled is still asked"
    assert session.progress().labelled == 0
    session.answer(question, LABEL, "card", who="ann")
    assert not session.add(pseudo)
    assert session.state.answers[question.id].label == "card"
    assert begin(table, check=0.0).state.answers[question.id].label == "card"


def test_labels_that_the_table_has_already_are_labelled_rows(
    begin: Callable[..., Session], table: Table, gold: dict[str, str]
) -> None:
    rows = [{**row, "label": gold[row["text"]] if place < 12 else ""} for place, row in enumerate(table.rows)]
    session = begin(Table(rows, ("number", "text", "label"), "topics"))
    assert session.progress().labelled == 12
    question = session.question()
    assert question is not None
    assert question.rows[0] >= 12
    assert question.guess[0] in {"card", "food", "travel"}


def test_equal_texts_are_asked_once_and_torn_ones_again(begin: Callable[..., Session]) -> None:
    rows = [
        {"text": "lost card", "label": "card"},
        {"text": "Lost  CARD", "label": "food"},
        {"text": "late train", "label": ""},
        {"text": "late train", "label": None},
        {"text": " ", "label": ""},
    ]
    session = begin(Table(rows, ("text", "label"), "torn"), check=0.0)
    assert (session.pool.torn, session.pool.empty) == (1, 1)
    oracle = Known({"lost card": "card", "late train": "travel"})
    assert drive(session, oracle) == 2
    assert sorted(item.rows for item in session.pool.items.values()) == [(0, 1), (2, 3)]


def test_the_model_ranks_all_labels_also_those_it_has_not_met(
    begin: Callable[..., Session], table: Table, gold: dict[str, str]
) -> None:
    session = begin(table, labels="card,travel,food,other")
    first = session.question()
    assert first is not None
    assert first.ranking == (("card", None), ("travel", None), ("food", None), ("other", None))
    drive(session, Known(gold), most=24)
    question = session.question()
    assert question is not None
    assert [name for name, _ in question.ranking][-1] == "other"
    assert question.guess[0] == gold[question.text]


def test_a_file_of_other_texts_or_of_something_else_is_refused(
    begin: Callable[..., Session], table: Table, gold: dict[str, str], tmp_path: Path
) -> None:
    drive(begin(table), Known(gold), most=3)
    other = Table([{"text": f"another text {n}"} for n in range(9)], ("text",), "other")
    with pytest.raises(InputError, match="labels of other texts"):
        begin(other)
    (tmp_path / "labels.jsonl").write_text('{"text": "a"}\n')
    with pytest.raises(InputError, match="no file of labels"):
        begin(table)


@pytest.mark.parametrize(("kind", "name"), [(LABEL, None), (LABEL, " "), (SKIP, "card"), ("maybe", None)])
def test_an_answer_that_is_none_is_refused(
    begin: Callable[..., Session], table: Table, kind: str, name: str | None
) -> None:
    session = begin(table)
    question = session.question()
    assert question is not None
    with pytest.raises(InputError, match="an answer is"):
        session.answer(question, kind, name, who="ann")


@pytest.mark.parametrize("options", [{"batch": 0}, {"check": 1.0}])
def test_settings_check_themselves(options: dict[str, float]) -> None:
    with pytest.raises(ConfigError, match="must be"):
        Labelling(**options)  # type: ignore[arg-type]
