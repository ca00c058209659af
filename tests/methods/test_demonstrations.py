"""Demonstrations that are the same for all rows: how they are found, when they are taken, what they may cost."""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from autogpt import endpoint, registry
from autogpt.autopilot import run as autopilot
from autogpt.autopilot.trial import Bench, Candidate, Result, load_scorer, run_trial
from autogpt.autopilot.trial import refit as fit_again
from autogpt.config import Endpoint, Experiments, RunConfig, Search
from autogpt.core import Example, Scorer
from autogpt.endpoint import Client, Remote
from autogpt.errors import ConfigError
from autogpt.methods import _demonstrations
from autogpt.methods._demonstrations import Dealt, _drawn, _questions
from autogpt.spending import Ledger, Prices
from autogpt.testing import contracts
from autogpt.testing.endpoint_server import Messages, Server, brain, knowing

LABELS = ("amber", "birch", "coral", "delta")
MEANINGS = {f"{label[0]}{letter}oma": label for label in LABELS for letter in "eiu"}
"""Three words of each label; the model behind the endpoint knows which belong together, not what they are called."""


def rows(count: int, *, wrong: float = 0.0, seed: int = 0) -> list[Example]:
    """Rows with a word that tells the label among others that do not; of some the label is a wrong one."""
    rng, words = np.random.default_rng([seed, 5]), sorted(MEANINGS)
    found = []
    for place in range(count):
        word = words[place % len(words)]
        noise = " ".join("".join(rng.choice(list("klmnprst"), 5)) for _ in range(4))
        others = [label for label in LABELS if label != MEANINGS[word]]
        target = str(rng.choice(others)) if rng.random() < wrong else MEANINGS[word]
        found.append(Example(place, {"text": f"{noise} {word}"}, target))
    return found


@contextmanager
def bench(
    think: Callable[[Messages], str], train: Sequence[Example], *, prices: Prices | None = None, most: float = math.inf
) -> Iterator[tuple[Bench, Server, Client]]:
    with Server(think=think) as server:
        client = Client(server.address, "tiny", Ledger(prices or Prices(), most=most))
        held = [replace(row, id=1000 + row.id) for row in rows(24, seed=9)]
        found = contracts.bench("classes", Path("nowhere"))
        yield replace(found, train=train, validation=held, space=found.output.space(list(LABELS)),
                      remote=lambda: Remote(client, "which tree?", 10)), server, client  # fmt: skip


def fitted(found: Bench, folder: Path, **more: Any) -> tuple[Result, Scorer]:
    options = {"demonstrations": 4, "searches": True} | more
    return run_trial(found, Candidate("few-shot", options), folder=folder, remaining=lambda: 600.0)


def fixed(scorer: Any) -> tuple[tuple[str, str], ...]:
    return scorer.asking.fixed  # type: ignore[no-any-return]


def said(row: Example) -> str:
    return json.dumps(row.inputs)


# --- when they are taken


def test_where_some_rows_mislead_the_searched_ones_do_better_than_the_likest(tmp_path: Path) -> None:
    with bench(knowing(MEANINGS), rows(160, wrong=0.35)) as (found, _, _):
        alike, _ = fitted(found, tmp_path / "alike", searches=False)
        result, scorer = fitted(found, tmp_path / "searched")
    assert len(fixed(scorer)) == 4
    assert result.scores["accuracy"] > 0.95 > alike.scores["accuracy"]
    assert any(note.startswith("the same 4 rows are shown for all: they came to ") for note in result.notes)


@pytest.mark.parametrize(
    "think",
    [brain, lambda messages: MEANINGS[json.loads(messages[-1]["content"])["text"].split()[-1]]],
    ids=["it answers like the likest", "it needs no rows at all"],
)
def test_where_they_do_no_better_the_likest_stay(think: Callable[[Messages], str], tmp_path: Path) -> None:
    with bench(think, rows(160)) as (found, _, _):
        alike, before = fitted(found, tmp_path / "alike", searches=False)
        result, scorer = fitted(found, tmp_path / "searched")
        asked = [row.inputs for row in found.validation]
        assert [bytes(one) for one in scorer.asked(asked)] == [bytes(one) for one in before.asked(asked)]  # type: ignore[attr-defined]
    assert fixed(scorer) == ()
    assert result.scores == alike.scores
    assert any(note.startswith("the likest rows are shown: the same 4 for all came to ") for note in result.notes)


def test_a_text_is_written_with_searched_rows_too(tmp_path: Path) -> None:
    """A model that shouts only where all that it is shown does."""

    def polite(messages: Messages) -> str:
        text, shown = json.loads(messages[-1]["content"])["source"], messages[2:-1:2]
        return text.upper() if shown and all(one["content"].isupper() for one in shown) else str(text)

    def row(place: int, text: str, *, loud: bool = True) -> Example:
        return Example(place, {"source": text}, text.upper() if loud else text)

    texts = [row.inputs["text"] for row in rows(160)]
    train = [row(place, text, loud=place // 12 % 4 != 0) for place, text in enumerate(texts)]
    with bench(polite, train) as (found, _, _):
        output: Any = registry.get("outputs", "text")
        metrics = (registry.get("metrics", "chrf"),)
        held = [row(1000 + place, one.inputs["text"]) for place, one in enumerate(found.validation)]
        found = replace(found, output=output, metrics=metrics, validation=held,
                        space=output.space([one.target for one in train]))  # fmt: skip
        result, scorer = fitted(found, tmp_path)
    assert all(answer.isupper() for _, answer in fixed(scorer))
    assert len(fixed(scorer)) == 4
    assert result.scores["chrf"] == 1.0


# --- what is kept


def test_they_are_saved_served_and_fitted_again_byte_for_byte_and_no_other_row_is_kept(tmp_path: Path) -> None:
    with bench(knowing(MEANINGS), rows(160, wrong=0.35)) as (found, _, _):
        result, scorer = fitted(found, tmp_path)
        again = load_scorer(tmp_path / "scorer", "endpoint")
        refitted = fit_again(found, result, folder=tmp_path / "refit", remaining=lambda: 600.0)
        inputs = [row.inputs for row in found.validation]
        for other in (again, refitted):
            assert [bytes(one) for one in other.asked(inputs)] == [bytes(one) for one in scorer.asked(inputs)]  # type: ignore[attr-defined]
    assert result.chosen["fixed"] == [list(pair) for pair in fixed(scorer)]
    kept = b"".join(path.read_bytes() for path in (tmp_path / "scorer").iterdir()).decode()
    stored = [row for row in found.train if row.inputs["text"] in kept]
    assert sorted(said(row) for row in stored) == sorted(text for text, _ in fixed(scorer))


def test_a_model_that_was_saved_before_there_were_any_is_loaded(tmp_path: Path) -> None:
    with bench(knowing(MEANINGS), rows(80)) as (found, _, _):
        fitted(found, tmp_path, searches=False)
    path = tmp_path / "scorer" / "endpoint.json"
    known = json.loads(path.read_text("utf-8"))
    del known["fixed"]
    path.write_text(json.dumps(known), "utf-8")
    assert fixed(load_scorer(tmp_path / "scorer", "endpoint")) == ()


# --- which rows have a part in it


def test_rows_that_are_shown_judge_nothing_and_validation_has_no_part(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    found_in: dict[str, set[str]] = {}
    true = _demonstrations._Search._score

    def score(self: Any, scorer: Any, judges: Sequence[Example]) -> float:
        found_in.setdefault("judged", set()).update(map(said, judges))
        found_in.setdefault("shown", set()).update(text for text, _ in fixed(scorer))
        return true(self, scorer, judges)

    monkeypatch.setattr(_demonstrations._Search, "_score", score)
    with bench(knowing(MEANINGS), rows(160, wrong=0.35)) as (found, server, _):
        fitted(found, tmp_path)
        known = {said(row) for row in found.train}
        assert not found_in["shown"] & found_in["judged"]
        assert found_in["judged"] <= known
        asked = [body["messages"][-1]["content"] for body in server.requests]
        held = {said(row) for row in found.validation}
        # by likeness once in the sample, and once with what was chosen; never in between
        assert sum(text in held for text in asked) <= 2 * len(held) + 1
        assert len(set(server.answered)) == len(server.answered)


def test_who_compares_the_last_set_with_likeness_did_not_choose_it() -> None:
    dealt = Dealt.of(rows(200), 0)
    ids = [{row.id for row in part} for part in (dealt.shown, dealt.judges, dealt.others)]
    assert len(set.union(*ids)) == sum(map(len, ids)) == 200
    assert [len(ids[1]), len(ids[2])] == [32, 32]
    assert {row.target for row in dealt.judges} == {row.target for row in dealt.others} == set(LABELS)


@pytest.mark.parametrize("size", [4, 6, 12])
def test_a_set_has_each_label_as_often_as_there_is_room(size: int) -> None:
    labels = [[place for place in range(40) if place % 4 == own] for own in range(4)]
    vectors = pytest.importorskip("scipy.sparse").csr_matrix(np.eye(40))
    for spread in (None, vectors):
        taken = _drawn(labels, size, spread, np.random.default_rng(0))
        assert len(set(taken)) == size
        counts = np.bincount(taken % 4, minlength=4)
        assert counts.max() - counts.min() <= 1


def test_a_spread_set_avoids_rows_that_are_alike() -> None:
    twins = np.repeat(np.eye(20), 2, axis=0)  # of each row there are two
    vectors = pytest.importorskip("scipy.sparse").csr_matrix(twins)
    taken = _drawn([list(range(40))], 20, vectors, np.random.default_rng(0))
    assert len(set(taken // 2)) == 20


# --- what it may cost


def test_it_takes_no_more_questions_than_were_foretold(tmp_path: Path) -> None:
    for prices, most in ((Prices(), math.inf), (Prices(1.0, 1.0), 1.2)):
        with bench(knowing(MEANINGS), rows(160, wrong=0.35), prices=prices, most=most) as (found, server, client):
            fitted(found, tmp_path / str(most))
            assert client.ledger.left >= 0
            asked = [body["messages"][-1]["content"] for body in server.requests]
            of_training = sum(text in {said(row) for row in found.train} for text in asked)
            assert of_training <= _questions(16) + 2 * 32
    assert _questions(16) == 16 * 8 + 8 * 8 + 4 * 16


@pytest.mark.parametrize("most", [0.08, 0.2, 0.6])
def test_with_little_money_it_searches_less_or_not_at_all_and_validation_and_test_stay_paid(
    most: float, tmp_path: Path
) -> None:
    with bench(knowing(MEANINGS), rows(160, wrong=0.35), prices=Prices(1.0, 1.0), most=most) as (found, server, client):
        result, scorer = fitted(found, tmp_path)
        assert server.cost(1, 1) - 1e-9 <= client.ledger.money <= most
        assert client.ledger.left >= scorer.usage()["money"] * 10 / 1_000  # type: ignore[attr-defined]
    told = [note for note in result.notes if "demonstrations were not searched: about" in note]
    assert bool(told) == (most < 0.3)


def test_few_rows_are_not_divided_further(tmp_path: Path) -> None:
    with bench(knowing(MEANINGS), rows(24)) as (found, _, _):
        result, scorer = fitted(found, tmp_path)
    assert "demonstrations were not searched: 24 training rows are too few" in result.notes
    assert fixed(scorer) == ()


def test_an_endpoint_that_fails_in_the_middle_leaves_the_likest(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(endpoint, "FIRST_PAUSE", 0.01)
    with bench(knowing(MEANINGS), rows(160, wrong=0.35)) as (found, server, _):
        server.fault = lambda number: 500 if 60 < number < 80 else None
        result, scorer = fitted(found, tmp_path)
    assert fixed(scorer) == ()
    assert any(note.startswith("the search for demonstrations ended, the likest rows") for note in result.notes)


# --- in a run


def test_a_run_searches_where_it_is_told_to_and_the_journal_has_the_rows(tmp_path: Path) -> None:
    table = [{"note": row.inputs["text"], "kind": row.target} for row in rows(300, wrong=0.35)]
    with Server(think=knowing(MEANINGS)) as server:
        remote = Endpoint(endpoint=server.address, price_in=1.0, price_out=1.0, max_cost=5.0)
        config = RunConfig(output=str(tmp_path), time_limit=300, search=Search(methods="majority,few-shot"),
                           remote=remote, experiments=Experiments(demonstrations="search"))  # fmt: skip
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr("autogpt.methods.few_shot.SHOWN", (0, 4))
            found = autopilot.run(config, data=table)
    shown = fixed(found.model.scorer)
    assert len(shown) == 4
    journal = [json.loads(line) for line in (found.folder / "journal.jsonl").read_text("utf-8").splitlines()]
    done = [one["data"] for one in journal if one["kind"] == "trial" and one["data"].get("state") == "done"]
    assert done[-1]["chosen"]["fixed"] == [list(pair) for pair in shown]
    assert any("few-shot: the same 4 rows are shown for all: they came to" in one["message"] for one in journal)


def test_a_way_to_choose_that_there_is_not_is_refused() -> None:
    with pytest.raises(ConfigError, match="demonstrations 'luck' must be one of likeness, search"):
        Experiments(demonstrations="luck")
