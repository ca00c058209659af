"""A teacher writes targets for rows that have none: what it may see, what is kept, what it costs, what it brings."""

from __future__ import annotations

import itertools
import json
import random
import re
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest

from autogpt import endpoint
from autogpt.autopilot import run as autopilot
from autogpt.autopilot.run import Run
from autogpt.config import Columns, Endpoint, Experiments, RunConfig, Scratch, Search, Teaching
from autogpt.core import Example, LabelSpace, Table
from autogpt.errors import ConfigError, Interrupted
from autogpt.events import Event
from autogpt.pipeline import prepare
from autogpt.regimes import teaching
from autogpt.regimes._targets import Checks
from autogpt.testing.endpoint_server import Messages, Server

WORDS = (
    "green amber small quiet",
    "doctor rabbit kitchen window",
    "paints follows answers remembers",
    "bridge harbor village market",
)
SAID = [" ".join(parts) for parts in itertools.product(*(group.split() for group in WORDS))]
SIDES = ("train",) * 20 + ("validation",) * 40 + ("test",) * 30


def rule(text: str) -> str:
    """What is to be written. A translation memory, which answers with what it knows, needs many rows for it."""
    return text.upper()


def rows(free: int = 150, seed: int = 0) -> list[dict[str, Any]]:
    said = random.Random(seed).sample(SAID, len(SIDES) + free)
    known = [{"source": text, "target": rule(text), "split": side} for text, side in zip(said, SIDES, strict=False)]
    return known + [{"source": text, "target": None, "split": None} for text in said[len(SIDES) :]]


def asked(messages: Messages) -> str:
    return str(json.loads(messages[-1]["content"])["source"])


def knows(messages: Messages) -> str:
    """A teacher that knows the rule once it is shown rows."""
    return rule(asked(messages)) if len(messages) > 2 else "WHAT"


def settings(server: Server | None, folder: Path, **more: Any) -> RunConfig:
    remote: dict[str, Any] = {"price_in": 1.0, "price_out": 2.0, "max_cost": 5.0} | more.pop("remote", {})
    teacher = Teaching(teacher=more.pop("teacher", "endpoint"), **more.pop("teaching", {}))
    named = Endpoint() if server is None else Endpoint(endpoint=server.address, endpoint_model="tiny", **remote)
    methods = Search(methods=more.pop("methods", "majority,tfidf"))
    columns = Columns(task="text-generation", text="source", target="target", split="split")
    still = Experiments(search="off")
    return RunConfig(time_limit=3600, output=str(folder), search=methods, columns=columns, remote=named,
                     experiments=still, teaching=teacher, **more)  # fmt: skip


def run(config: RunConfig, data: Sequence[Any]) -> tuple[Run, str]:
    """The run, and all that it decided."""
    told: list[str] = []

    def listen(event: Event) -> None:
        if event.kind in ("decision", "trial", "evaluation"):
            told.append(event.message)

    return autopilot.run(config, data=data, listen=listen), "\n".join(told)


def written(folder: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in (folder / "taught" / "written.jsonl").read_text("utf-8").splitlines()]


@pytest.fixture(autouse=True)
def _quick_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(endpoint, "FIRST_PAUSE", 0.01)


@pytest.fixture(scope="module")
def taught(tmp_path_factory: pytest.TempPathFactory) -> tuple[Run, str, float]:
    """A run whose teacher knows more than the rows tell, what it decided, and what the server counted."""
    with Server(think=knows) as server:
        found, told = run(settings(server, tmp_path_factory.mktemp("taught")), rows())
        assert len(set(server.answered)) == len(server.answered)
        return found, told, server.cost(1, 2)


# --- what it brings


def test_a_teacher_that_knows_more_makes_a_local_model_better(taught: tuple[Run, str, float]) -> None:
    found, told, _ = taught
    gain = re.search(r"tfidf with written targets is \+(0\.\d+) \[\+(\S+), \S+\] chrf ahead of tfidf: it is kept", told)
    assert gain is not None, told
    assert float(gain[1]) > 0.05
    assert found.report.method == "tfidf with written targets"
    alone, _ = run(settings(None, found.folder.parent / "alone", teacher=None), rows())
    assert found.report.main.value > alone.report.main.value + 0.03
    assert found.model.info["taught"]["targets"] == sum(not line["fault"] for line in written(found.folder))


def test_what_it_cost_and_brought_is_told_in_the_report(taught: tuple[Run, str, float]) -> None:
    found, told, cost = taught
    assert found.report.costs is not None
    assert found.report.costs.money == pytest.approx(cost)
    own = re.search(r"150 targets were written \(every row that may be\), (\d+) are learned from.*; that took (\d+) "
                    r"requests and (\S+) in money", told)  # fmt: skip
    assert own is not None, told
    assert float(own[3]) == pytest.approx(cost, abs=1e-4)
    report = (found.folder / "model" / "report.md").read_text("utf-8")
    assert "150 targets were written" in report
    assert "ahead of tfidf: it is kept" in report


def test_every_written_target_says_where_it_is_from(taught: tuple[Run, str, float]) -> None:
    given = rows()
    for line in written(taught[0].folder):
        assert given[line["row"]] == {"source": line["source"], "target": None, "split": None}
        assert line["line"] == line["row"] + 1
        assert (line["target"], line["from"]) == (rule(line["source"]), "tiny")
        assert 0 < line["sure"] <= 1


def test_a_teacher_whose_answers_are_those_of_other_rows_teaches_nothing(tmp_path: Path) -> None:
    with Server(think=lambda messages: rule(SAID[hash_of(asked(messages)) % len(SAID)])) as server:
        found, told = run(settings(server, tmp_path), rows())
        assert server.cost(1, 2) < 0.2  # it was asked about validation rows alone
    assert re.search(
        r"no targets are written: tiny is -\S+ \[.*\] chrf ahead of tfidf, which is no more than noise", told
    )
    assert found.report.method == "tfidf"


def test_targets_that_belong_to_other_rows_are_dropped_although_each_looks_right(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The last gate alone: the teacher is believed, and what is learned from it is not."""
    true = teaching.difference
    monkeypatch.setattr(
        teaching, "difference", lambda bench, one, other: believed(true(bench, one, other), "teacher" in str(one))
    )
    with Server(think=lambda messages: rule(SAID[hash_of(asked(messages)) % len(SAID)])) as server:
        found, told = run(settings(server, tmp_path), rows())
    assert "150 targets were written" in told
    assert re.search(r"tfidf with written targets is -\S+ \[.*\] chrf ahead of tfidf: no better beyond noise", told)
    assert [trial.name for trial in found.report.trials] == ["majority", "tfidf"]
    assert found.report.method == "tfidf"


def hash_of(text: str) -> int:
    return random.Random(text).randrange(1 << 30)


def believed(found: Any, is_teacher: bool) -> Any:
    from dataclasses import replace

    return replace(found, low=1.0) if is_teacher else found


def test_a_saved_model_teaches_as_well_and_nobody_is_asked(taught: tuple[Run, str, float], tmp_path: Path) -> None:
    found, told = run(settings(None, tmp_path, teacher=str(taught[0].folder / "model")), rows(seed=1))
    assert "tfidf with written targets is +" in told
    assert found.report.method == "tfidf with written targets"
    assert {line["from"] for line in written(found.folder)} == {"model"}
    assert "in money" not in told


def test_a_method_that_trains_is_first_given_as_many_steps_without_the_targets(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Twenty rows are one step a pass: what three more of them bring is nothing that a teacher brought."""
    monkeypatch.setattr("autogpt.autopilot.ladder.SCRATCH_EPOCHS", 1.0)
    shape = Scratch(num_layers=1, hidden_size=16, num_heads=2)
    with Server(think=knows) as server:
        found, told = run(settings(server, tmp_path, methods="full", scratch=shape), rows(60))
    trials = {json.loads(path.read_text("utf-8"))["name"]: json.loads(path.read_text("utf-8"))["options"]["epochs"]
              for path in found.folder.rglob("result.json") if path.parent.name != "teacher"}  # fmt: skip
    assert trials == {"full": 1.0, "full (more steps)": 4.0, "full with written targets": 1.0}
    scores = {trial.name: trial.score for trial in found.report.trials}
    best = max(("full", "full (more steps)"), key=lambda name: scores[name])
    assert re.search(rf"full with written targets is \S+ \[.*\] chrf ahead of {re.escape(best)}: ", told), told


# --- what it may see


def test_no_row_that_judges_is_written_to(taught: tuple[Run, str, float]) -> None:
    held = {row["source"] for row in rows() if row["target"]}
    assert not held & {line["source"] for line in written(taught[0].folder)}


def test_rows_like_those_that_judge_or_of_their_group_are_left_alone() -> None:
    said = rows(60)
    for place, row in enumerate(said):
        row["page"] = f"page {place % 50}"
    given = [{"source": said[3]["source"].upper() + " ", "target": None, "page": "page 99"}, *said]
    columns = Columns(task="text-generation", text="source", target="target", group="page", split="none")
    found = prepare(
        Table(given, ("source", "target", "page", "split"), "x"), goal="", columns=columns, seed=0, ask=None
    )
    held = [given[one.id] for one in (*found.validation, *found.test.open())]
    free = [given[one.id] for one in found.unlabelled]
    assert free
    assert not {row["page"] for row in held} & {row["page"] for row in free}
    assert given[0] not in free
    assert all(one.target is None for one in found.unlabelled)


# --- what is wrong with a text


LEARNED = [Example(place, {"source": f"tell me about the {word} in one short sentence"},
                   f"The {word} is a thing that most people in this town know quite well.")
           for place, word in enumerate(("dog", "cat", "tree", "river", "house", "card", "road", "hill"))]  # fmt: skip


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ("The boat is a thing that most people in this town know quite well.", ""),
        ("", "empty"),
        (" \n", "empty"),
        ("As an AI language model I have no opinion of a boat, but I can try.", "a refusal"),
        ("I'm sorry, but I can't help with that request about a boat today.", "a refusal"),
        ("抱歉，我无法回答这个问题。", "a refusal"),
        ("Tell me about the  boat in one short sentence", "a copy of its source"),
        ("The boat. " * 40, "too long"),
        ("Boat.", "too short"),
        ("Das Boot ist eine Sache, die den meisten Leuten in dieser Stadt bekannt ist.", "another language (de)"),
        ("这条船是这个城市里大多数人都非常了解的一种东西，他们常常在河边看到它，也常常坐着它去对面的山上。",
         "another language (zh)"),
    ],
)  # fmt: skip
def test_a_text_is_at_fault_where_it_does_what_no_target_does(text: str, fault: str) -> None:
    checks = Checks.of(LEARNED, LabelSpace())
    assert checks.faults([{"source": "tell me about the boat in one short sentence"}], [text]) == [fault]


def test_what_the_targets_do_themselves_is_no_fault() -> None:
    refusing = [Example(one.id, one.inputs, f"I'm sorry, I cannot tell you about {one.id}.") for one in LEARNED]
    assert Checks.of(refusing, LabelSpace()).faults([LEARNED[0].inputs], ["I'm sorry, I cannot tell you about 9."]) == [
        ""
    ]
    copying = [Example(one.id, one.inputs, one.inputs["source"]) for one in LEARNED]
    assert Checks.of(copying, LabelSpace()).faults([LEARNED[0].inputs], [LEARNED[0].inputs["source"]]) == [""]


def test_a_format_is_kept_and_one_text_for_all_is_noticed() -> None:
    form = [Example(one.id, one.inputs, json.dumps({"about": one.id})) for one in LEARNED]
    checks = Checks.of(form, LabelSpace(format="json"))
    inputs = [{"source": f"tell me about number {n}"} for n in range(40)]
    assert checks.faults(inputs[:2], ['{"about": 1}', '{"about": ']) == ["", "no json"]
    assert set(checks.faults(inputs, ['{"about": 1}'] * 40)) == {"the same to too many rows"}


# --- what goes wrong


def test_writing_stops_at_the_limit_of_money_and_what_was_written_is_used(tmp_path: Path) -> None:
    with Server(think=lambda messages: rule(asked(messages))) as server:
        found, told = run(settings(server, tmp_path, remote={"max_cost": 0.06}), rows())
        assert server.cost(1, 2) <= 0.06
        count = len(written(found.folder))
        assert 16 < count < 150
        assert len(server.answered) == len(set(server.answered))
    assert re.search(rf"{count} targets were written \(the next request may cost .* of --max-cost 0.06 are left", told)
    assert "tfidf with written targets is +" in told


def test_who_is_a_candidate_as_well_teaches_by_the_same_trial_and_money_for_its_test_is_kept(tmp_path: Path) -> None:
    with Server(think=knows) as server:
        config = settings(server, tmp_path, methods="majority,tfidf,few-shot", remote={"max_cost": 0.15})
        found, told = run(config, rows())
        assert len(server.answered) == len(set(server.answered))
        assert server.cost(1, 2) <= 0.15
    assert re.search(r"targets were written \(\S+ of --max-cost are kept for test rows\)", told)
    assert {trial.name for trial in found.report.trials} >= {"few-shot", "tfidf with written targets"}
    assert found.report.method == "few-shot"


def test_too_little_money_for_a_teacher_is_said_and_the_run_goes_on(tmp_path: Path) -> None:
    with Server(think=knows) as server:
        found, told = run(settings(server, tmp_path, remote={"max_cost": 0.01}), rows())
        assert server.cost(1, 2) <= 0.01
    assert "no targets are written: " in told
    assert found.report.method == "tfidf"


FAULTS: Mapping[str, Callable[[int], Any]] = {
    "fails": lambda number: 500 if number > 150 else None,
    "bars": lambda number: 401 if number > 150 else None,
    "refuses some": lambda number: 400 if number % 3 == 0 else None,
    "speaks nonsense now and then": lambda number: "nonsense" if number % 4 == 0 else None,
    "sends too much now and then": lambda number: "huge" if number % 5 == 0 else None,
    "breaks off now and then": lambda number: "silent" if number % 5 == 0 else None,
}


@pytest.mark.parametrize("fault", FAULTS.values(), ids=FAULTS)
def test_an_endpoint_that_fails_does_not_hurt_the_run(fault: Callable[[int], Any], tmp_path: Path) -> None:
    with Server(think=knows, fault=fault) as server:
        found, told = run(settings(server, tmp_path), rows())
        assert server.cost(1, 2) <= 5.0
    assert found.report.main.value > 0.5
    for line in written(found.folder) if "targets were written" in told else ():
        assert bool(line["fault"]) == (line["target"] != rule(line["source"]))


def test_a_teacher_that_refuses_is_not_asked_on(tmp_path: Path) -> None:
    def weary(messages: Messages) -> str:
        return rule(asked(messages)) if asked(messages) in known else "I'm sorry, but I cannot help with that."

    known = {row["source"] for row in rows() if row["target"]}
    with Server(think=weary) as server:
        found, told = run(settings(server, tmp_path), rows())
        assert sum(asked(body["messages"]) not in known for body in server.requests) <= 48
    assert re.search(
        r"no targets are written: of 32 that tiny wrote; left out: 32 a refusal \(most are at fault\)", told
    )
    assert found.report.method == "tfidf"


@pytest.mark.parametrize("after", [40, 130, 200])
def test_a_run_that_was_stopped_pays_for_no_target_twice(after: int, tmp_path: Path) -> None:
    with Server(think=knows) as server:

        def listen(event: Event) -> None:
            if len(server.answered) >= after:
                raise KeyboardInterrupt

        true = teaching.files.append_line

        def killed(path: Path, line: str) -> None:
            true(path, line)
            if len(server.answered) >= after and path.name == "written.jsonl":
                raise KeyboardInterrupt

        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(teaching.files, "append_line", killed)
            with pytest.raises(Interrupted):
                autopilot.run(settings(server, tmp_path), data=rows(), listen=listen)
        (folder,) = tmp_path.iterdir()
        before = len(server.answered)
        found = autopilot.resume(folder)
        assert found.report.method == "tfidf with written targets"
        assert len(server.answered) > before >= after
        assert len(set(server.answered)) == len(server.answered)
        assert found.report.costs.money == pytest.approx(server.cost(1, 2))  # type: ignore[union-attr]
    lines = written(folder)
    assert len({line["row"] for line in lines}) == len(lines) == 150


def test_without_rows_to_write_to_or_for_another_task_nothing_is_asked(tmp_path: Path) -> None:
    with Server(think=knows) as server:
        _, told = run(settings(server, tmp_path / "all"), rows(0))
        assert "no targets are written: no row lacks a target" in told
        config = RunConfig(output=str(tmp_path / "labels"), search=Search(methods="majority,tfidf"), time_limit=300,
                           remote=Endpoint(endpoint=server.address), teaching=Teaching(teacher="endpoint"))  # fmt: skip
        labels = [{"text": text, "label": ("even", "odd")[place % 2]} for place, text in enumerate(SAID[:60])]
        _, told = run(config, labels)
        assert "no targets are written: a teacher writes texts, and answers are classes here" in told
        assert server.requests == []


@pytest.mark.parametrize(
    ("teacher", "problem"),
    [("endpoint", "name it with --endpoint"), ("nobody", "neither 'endpoint' nor the folder of a saved model")],
)
def test_a_teacher_that_cannot_be_one_is_refused_before_rows_are_read(
    teacher: str, problem: str, tmp_path: Path
) -> None:
    with pytest.raises(ConfigError, match=problem):
        run(settings(None, tmp_path, teacher=teacher), rows(0))
