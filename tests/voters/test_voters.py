"""Voters say what a text may be: names, patterns, functions, and a language model behind an endpoint."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from autogpt import registry
from autogpt.ballot import Ballot
from autogpt.endpoint import Client
from autogpt.errors import EndpointError, InputError
from autogpt.prompting import words_of
from autogpt.spending import Ledger, Prices
from autogpt.testing.endpoint_server import Server

TEXTS = ("I want my money back", "the card is lost", "nothing at all")


def ballot(source: str = "", **more: Any) -> Ballot:
    """Two labels, three texts; vectors have a direction for each label."""
    known = {"money back": (1.0, 0.0), "lost card": (0.0, 1.0)}
    return Ballot(
        texts=TEXTS,
        phrases={"refund": ("money back",), "card": ("lost card",)},
        vectors=np.array([[1.0, 0.1], [0.1, 1.0], [0.6, 0.6]]),
        read=lambda texts: np.array([known[text] for text in texts]),
        source=source,
        **more,
    )


def answers(shares: Any) -> list[int | None]:
    return [int(row.argmax()) if row.sum() else None for row in shares]


def test_names_vote_for_the_description_that_is_most_alike() -> None:
    (votes,) = registry.get("voters", "names").vote(ballot())
    assert answers(votes.shares)[:2] == [0, 1]
    assert np.allclose(votes.shares.sum(axis=1), 1.0)
    log_shares = votes.scorer(ballot().vectors)
    assert np.allclose(np.exp(log_shares) / np.exp(log_shares).sum(axis=1, keepdims=True), votes.shares)


@pytest.mark.parametrize(
    ("name", "phrase"),
    [
        ("card_not_working", "card not working"),
        ("CardNotWorking", "card not working"),
        ("HTTPError", "http error"),
        ("Written Work", "Written Work"),
        ("退款_申请", "退款 申请"),
    ],
)
def test_a_name_is_parted_into_words(name: str, phrase: str) -> None:
    assert words_of(name) == phrase


def test_every_pattern_is_a_voter_and_abstains_where_it_finds_nothing(tmp_path: Path) -> None:
    rules = tmp_path / "rules.yaml"
    rules.write_text("refund: ['money', 'back$']\ncard: \\bcard\\b\n", "utf-8")
    votes = registry.get("voters", "patterns").vote(ballot(str(rules)))
    assert [answers(one.shares) for one in votes] == [[0, None, None], [0, None, None], [None, 1, None]]


@pytest.mark.parametrize(
    ("rules", "problem"), [("fee: money\n", "'fee' is not a label"), ("card: '('\n", "not a regular expression")]
)
def test_a_wrong_pattern_is_named(tmp_path: Path, rules: str, problem: str) -> None:
    (tmp_path / "rules.yaml").write_text(rules, "utf-8")
    with pytest.raises(InputError, match=problem):
        registry.get("voters", "patterns").vote(ballot(str(tmp_path / "rules.yaml")))


FUNCTIONS = """
from re import search
def _helper(text): return "card"
def about_cards(text): return _helper(text) if search("card", text) else None
"""


def test_public_functions_of_a_file_vote(tmp_path: Path) -> None:
    (tmp_path / "rules.py").write_text(FUNCTIONS, "utf-8")
    (votes,) = registry.get("voters", "functions").vote(ballot(str(tmp_path / "rules.py")))
    assert (votes.voter, answers(votes.shares)) == ("function about_cards", [None, 1, None])


@pytest.mark.parametrize(
    ("code", "problem"),
    [
        ("def f(text): return 1 / 0", "f fails on 'I want my money back': ZeroDivisionError"),
        ("def f(text): return 'fee'", "'fee' is not a label"),
        ("x = 1", "has no function"),
        ("def f(:", "cannot be run: SyntaxError"),
    ],
)
def test_a_wrong_function_is_named(tmp_path: Path, code: str, problem: str) -> None:
    (tmp_path / "rules.py").write_text(code, "utf-8")
    with pytest.raises(InputError, match=problem):
        registry.get("voters", "functions").vote(ballot(str(tmp_path / "rules.py")))


def asking(server: Server, **more: Any) -> Ballot:
    return ballot(server.address, options={"client": Client(server.address, "m", Ledger(Prices()), **more), "rows": 9})


def test_a_language_model_votes_where_it_answers_with_a_label() -> None:
    known = {"I": "Refund.", "t": "I think it is a card"}
    with Server(think=lambda messages: known.get(json.loads(messages[1]["content"])["text"][0], "none")) as server:
        (votes,) = registry.get("voters", "endpoint").vote(asking(server))
    assert answers(votes.shares) == [0, None, None]


def test_no_more_texts_are_sent_than_was_allowed() -> None:
    with Server() as server:
        options = {**asking(server).options, "rows": 2}
        registry.get("voters", "endpoint").vote(replace(asking(server), options=options))
    sent = sorted(json.loads(request["messages"][1]["content"])["text"] for request in server.requests)
    assert sent == sorted(TEXTS[:2])


def test_where_the_money_ends_those_that_were_asked_have_their_votes() -> None:
    with Server(think=lambda messages: "card") as server:
        told = replace(
            asking(server),
            texts=[f"text {place}" for place in range(60)],
            options={**asking(server).options, "rows": 60},
        )
        told.options["client"].ledger = Ledger(Prices(1.0, 1.0), most=20 * 350 / 1e6)
        (votes,) = registry.get("voters", "endpoint").vote(told)
    given = [answer for answer in answers(votes.shares) if answer is not None]
    assert 0 < len(given) < 60
    assert set(given) == {1}


def test_an_endpoint_that_gives_no_answers_is_an_error() -> None:
    with (
        Server(fault=lambda number: "nonsense") as server,
        pytest.raises(EndpointError, match="gives no usable answers"),
    ):
        registry.get("voters", "endpoint").vote(asking(server))
