"""Prompts that models write: filled gaps, predicted label words, instructions rewritten after errors."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from autogpt import endpoint, registry
from autogpt.autopilot.trial import Bench, Candidate, load_scorer, make_job, run_trial
from autogpt.endpoint import Client, Remote
from autogpt.errors import ConfigError
from autogpt.events import Event
from autogpt.methods import _endpoint, _gaps, _instructing
from autogpt.prompting import Facts, Prompt, gapped, read
from autogpt.prompts import reflection, verbalizer
from autogpt.prompts.questions import asked
from autogpt.spending import Ledger, Prices
from autogpt.testing import contracts, tiny
from autogpt.testing.endpoint_server import Messages, Server

TOKENS = ("", "was", "good", "bad", "lovely", "dull", "dog", "##ly", "goodness")


class Words:
    """A filler that knows what stands beside good and bad texts, and likes "was" before a label's word."""

    tokens = TOKENS

    def states(self, template: str, rows: Sequence[Any]) -> Any:
        return np.stack([self.likely(template, [row])[0] for row in rows])

    def likely(self, template: str, rows: Sequence[Any]) -> Any:
        table = np.full((len(rows), len(TOKENS)), -8.0)
        for place, row in enumerate(rows):
            table[place, TOKENS.index("was")] = -1.0 if "{mask} {label}" in template else -9.0
            table[place, TOKENS.index("dog")] = -2.0  # as likely beside all
            kind = ("good", "lovely", "goodness") if "+" in row["text"] else ("bad", "dull")
            for word in kind:
                table[place, TOKENS.index(word)] = -1.5
        return table

    def rows_of(self, template: str, words: Any) -> tuple[Any, Any]:
        known = [[TOKENS.index(word) for word in own if word in TOKENS] for own in words.values()]
        return np.stack([np.eye(len(TOKENS))[own].mean(axis=0) for own in known]), np.zeros(len(words))


def facts(**more: Any) -> Facts:
    rows = [({"text": f"+ {place}"}, "good") if place % 2 else ({"text": f"- {place}"}, "bad") for place in range(20)]
    texts = [row["text"] for row, _ in rows]
    names = {"bad": ("bad",), "good": ("good",)}
    table = np.zeros((20, 0))
    return replace(Facts("", (), names, texts, table, lambda _: table, rows=rows, filler=Words()), **more)


def test_gaps_before_a_label_are_filled_with_the_likeliest_words() -> None:
    found = list(registry.get("prompts", "filling").write(facts()))
    assert found[0].template == "{text} was {label}."
    for one in found:
        words = gapped(one.template).split()
        assert not {"good", "bad", "{blank}"} & set(words), "no label's word, no open gap"


def test_label_words_are_those_that_the_model_says_beside_one_label_only() -> None:
    prompts = list(registry.get("prompts", "verbalizer").write(facts()))
    words = [dict(one.words) for one in prompts]
    assert set(words[0]["good"]) <= {"good", "lovely", "goodness"}
    assert set(words[0]["bad"]) <= {"bad", "dull"}
    assert not any("dog" in own for one in words for own in one.values())
    inflected = next(one for one in prompts if "inflections" in one.origin)
    assert "goodness" in inflected.words["good"]


def test_a_label_without_a_row_gets_no_words() -> None:
    assert not list(verbalizer.plugin.write(facts(rows=facts().rows[:1])))


def test_what_learns_from_labels_is_judged_on_other_rows() -> None:
    seen: list[set[str]] = []

    class Spy:
        name, summary, form, learns = "spy", "", "cloze", True

        def write(self, told: Facts) -> Iterator[Prompt]:
            seen.append({row["text"] for row, _ in told.rows})
            yield Prompt.of("{text} was {label} " + "!" * len(seen), told.names, origin="spy")

    search = _gaps.Search(facts(), has_time=lambda: True)
    original = registry.get
    registry.get = lambda kind, name: Spy() if name == "spy" else original(kind, name)  # type: ignore[assignment]
    try:
        candidates = list(search._written(["spy"]))
    finally:
        registry.get = original  # type: ignore[assignment]
    assert len(candidates) == 2
    for one, learned in zip(candidates, seen, strict=True):
        judges = {search.values[place]["text"] for place in np.flatnonzero(one.judges)}
        assert learned
        assert judges
        assert not learned & judges
        assert learned | judges == {row["text"] for row, _ in facts().rows}


def test_the_search_prefers_what_tells_the_labels_and_tells_what_each_came_to() -> None:
    search = _gaps.Search(facts(), has_time=lambda: True)
    steps = list(search.run(("patterns",)))
    assert len(steps) >= len(search.tried) > 5
    assert all("log-likelihood" in step.note for step in steps)
    assert search.tried[0].accuracy == 1.0
    turned = replace(facts(), names={"bad": ("good",), "good": ("bad",)})
    false = _gaps.Search(turned, has_time=lambda: True)
    list(false.run(("patterns",)))
    assert false.tried[0].accuracy == 0.0, "words of other labels tell the wrong one"


@pytest.mark.parametrize(
    ("goal", "names", "first"),
    [
        ("判断评论是好评还是差评", ("好评", "差评"), "这条评论是好评还是差评？"),
        ("", ("红", "绿", "蓝"), "这条文本是红还是绿还是蓝？"),
        ("tell whether a review is good or bad", ("good", "bad"), "Is this review good or bad?"),
    ],
)
def test_questions_are_asked_in_the_language_of_the_data(goal: str, names: Sequence[str], first: str) -> None:
    table = np.zeros((0, 0))
    told = Facts(goal, (), {name: (name,) for name in names}, [], table, lambda _: table)
    assert asked(told)[0] == first
    assert ("这条评论是好评的吗？" in asked(told)) == (names[0] == "好评")


# --- instructions -----------------------------------------------------------------------------------------------------

KINDS = {"card": "b", "loan": "c", "fee": "a", "limit": "b", "refund": "c", "branch": "a"}
REWRITES = "You improve an instruction"


def knows_what_it_is_told(messages: Messages) -> str:
    """Answers by what its instruction says of a noun ("card means b"), else with the first label; asked to improve an
    instruction, it adds what two of the errors show."""
    system, user = messages[0]["content"], json.loads(messages[-1]["content"])
    if not system.startswith(REWRITES):
        noun = user["text"].split()[0]
        return next((label for label in "abc" if f"{noun} means {label}" in system), "a")
    wrong = user.get("errors", [])[:2]
    learned = {f"{one['row']['text'].split()[0]} means {one['right_answer']}." for one in wrong}
    return f"Hm. <instruction>{user['instruction']} {' '.join(sorted(learned))}</instruction>"


def rows(count: int) -> list[Any]:
    from autogpt.core import Example

    nouns = list(KINDS)
    return [Example(i, {"text": f"{nouns[i % 6]} {i}"}, KINDS[nouns[i % 6]]) for i in range(count)]


@contextmanager
def bench(
    think: Callable[[Messages], str], backbone: Path, *, prices: Prices | None = None, most: float | None = None
) -> Iterator[tuple[Bench, Server, Client]]:
    with Server(think=think) as server:
        client = Client(server.address, "tiny", Ledger(prices or Prices(), most=most))
        found = contracts.bench("classes", backbone)
        found = replace(
            found, train=rows(72), validation=rows(96)[72:], space=found.output.space(list("abc")),
            remote=lambda: Remote(client, "sort notes"),
        )  # fmt: skip
        yield found, server, client


@pytest.fixture(scope="module")
def tiny_bert(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tiny.bert_folder(tmp_path_factory.mktemp("bert") / "bert")


def writing(found: Bench, folder: Path, **more: Any) -> _instructing.Writing:
    job = make_job(found, Candidate("few-shot"), folder=folder, remaining=lambda: 600.0)
    remote = job.remote()
    return _instructing.Writing(job, remote, _endpoint.opened(job, remote), **more)


def test_an_instruction_gets_better_by_looking_at_errors(tiny_bert: Path, tmp_path: Path) -> None:
    with bench(knows_what_it_is_told, tiny_bert) as (found, server, _):
        told = list[Event]()
        found = replace(found, listen=told.append)
        result, scorer = run_trial(
            found,
            Candidate("few-shot", {"demonstrations": 0, "writes": True}),
            folder=tmp_path,
            remaining=lambda: 600.0,
        )
        scored = [event.data["scores"]["score"] for event in told if "instruction" in event.data.get("note", "")]
        assert scored[0] <= 0.5, "the goal alone knows the first label"
        assert max(scored) >= 0.9
        assert result.scores["accuracy"] >= 0.9
        assert "means" in scorer.asking.instruction  # type: ignore[attr-defined]
        again = load_scorer(tmp_path / "scorer", "endpoint")
        inputs = [row.inputs for row in found.validation[:5]]
        for one, other in zip(scorer.asked(inputs), again.asked(inputs), strict=True):  # type: ignore[attr-defined]
            np.testing.assert_array_equal(one, other, err_msg="served is what was chosen, byte for byte")
        assert result.chosen["prompts"][0]["origin"] == "reflection: rewritten"
        assert len(server.requests) < _instructing.MOST_QUESTIONS + len(found.validation)


def test_the_judges_had_no_part_in_writing(tiny_bert: Path, tmp_path: Path) -> None:
    with bench(knows_what_it_is_told, tiny_bert) as (found, server, _):
        one = writing(found, tmp_path)
        list(one.run(("questions", "reflection")))
        judged = {row.inputs["text"] for row in one.judges}
        shown = [
            json.loads(request["messages"][1]["content"])
            for request in server.requests
            if request["messages"][0]["content"].startswith(REWRITES)
        ]
        learned = {error["row"]["text"] for each in shown for error in each.get("errors", [])}
        assert learned
        assert not learned & judged


@pytest.mark.parametrize(
    "nonsense",
    ["sure!", "<instruction></instruction>", "<instruction>!!!</instruction>", "<instruction>" + "a " * 900, "{}"],
)
def test_nonsense_answers_are_left_out(nonsense: str, tiny_bert: Path, tmp_path: Path) -> None:
    def babbles(messages: Messages) -> str:
        rewrites = messages[0]["content"].startswith(REWRITES)
        return nonsense if rewrites else knows_what_it_is_told(messages)

    with bench(babbles, tiny_bert) as (found, _, _):
        one = writing(found, tmp_path)
        list(one.run(("questions", "reflection")))
        assert one.tried
        assert all("rewritten" not in tried.prompt.origin for tried in one.tried)


def test_an_instruction_that_copies_a_row_is_left_out() -> None:
    table = np.zeros((1, 0))
    row = {"text": "my card is lost and I am in a foreign town"}
    told = Facts("", (), {"a": ("a",)}, [row["text"]], table, lambda _: table, rows=[(row, "a")])
    assert reflection.read("<instruction>answer a to my card is lost and I am in a fo</instruction>", told) is None
    assert reflection.read("<instruction>answer a where a card is lost</instruction>", told) is not None


def test_writing_never_costs_more_than_its_share(tiny_bert: Path, tmp_path: Path) -> None:
    prices = Prices(10.0, 10.0)
    for most in (0.02, 0.2, 1.0):
        with bench(knows_what_it_is_told, tiny_bert, prices=prices, most=most) as (found, server, client):
            one = writing(found, tmp_path)
            list(one.run(("questions", "reflection")))
            assert server.cost(10, 10) <= client.ledger.money + 1e-9 <= _instructing.MONEY_SHARE * most + 1e-9


def test_braces_in_an_instruction_stay_text(tiny_bert: Path, tmp_path: Path) -> None:
    with bench(knows_what_it_is_told, tiny_bert) as (found, server, _):
        options = {"demonstrations": 0, "instruction": "say {text} or {{label}} {0}"}
        run_trial(found, Candidate("few-shot", options), folder=tmp_path, remaining=lambda: 600.0)
        assert "say {text} or {{label}} {0}" in server.requests[0]["messages"][0]["content"]


# --- files ------------------------------------------------------------------------------------------------------------


def test_prompts_are_read_from_what_was_written_and_nothing_else(tmp_path: Path) -> None:
    prompt = Prompt.of("{text} was {label}", {"a": ("b",)}, origin="x")
    path = tmp_path / "prompts.json"
    path.write_text(json.dumps({"prompts": [prompt.to_dict() | {"likelihood": -0.2}]}), "utf-8")
    assert read(str(path)) == (prompt,)
    for wrong in ("{}", "[]", "[1]", "no", '[{"turns": [["", "{a.b}"]], "words": {}, "origin": ""}]'):
        path.write_text(wrong, "utf-8")
        with pytest.raises(ConfigError):
            read(str(path))


@pytest.fixture(autouse=True)
def _quick_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(endpoint, "FIRST_PAUSE", 0.01)


def test_instructions_are_written_for_texts_too(tmp_path: Path) -> None:
    def writes(messages: Messages) -> str:
        system = messages[0]["content"]
        if system.startswith(REWRITES):
            return f"<instruction>{json.loads(messages[-1]['content'])['instruction']} Shout.</instruction>"
        return "the red one is good" if "Shout" in system else "no"

    found = contracts.bench("text", tiny.family_folder(tmp_path / "gpt2", "gpt2"))
    with Server(think=writes) as server:
        client = Client(server.address, "tiny", Ledger(Prices()))
        one = writing(replace(found, remote=lambda: Remote(client, "")), tmp_path / "trial")
        list(one.run(("questions", "reflection")))
    assert "Shout" in one.tried[0].text
    assert one.tried[0].score > one.tried[-1].score
