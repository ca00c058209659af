"""A run on dialogues, from rows to answers: in Python, on the command line, and after saving."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from autogpt import AutoGPT
from autogpt.errors import InputError

THINGS = ("card", "loan", "door", "train", "ticket", "hotel")
TALKS: list[dict[str, Any]] = [
    {
        "id": f"talk-{place:03}",
        "turns": [
            {"speaker": "customer", "text": f"hello, I am number {place}", "move": [["GREET", "", []]]},
            {"speaker": "agent", "text": "hello, what is it about?", "move": [["ASK", "thing", []]]},
            {"speaker": "customer", "text": f"about a {thing}", "move": [["INFORM", "thing", [thing]]]},
            {"speaker": "agent", "text": f"the {thing} is blocked", "move": [["OFFER", thing, []]]},
        ],
    }
    for place in range(20)
    for thing in THINGS
]
SHAPE: dict[str, Any] = {"family": "decoder", "num_layers": 1, "hidden_size": 32, "num_heads": 2}


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> tuple[Any, Path]:
    folder = tmp_path_factory.mktemp("talks")
    made = AutoGPT(output=str(folder / "runs"), **SHAPE)
    model = made.train(TALKS, goal="reply to the customer", time_limit="25s")
    model.save(folder / "model")
    return model, folder / "model"


def test_a_run_answers_dialogues(trained: tuple[Any, Path]) -> None:
    model, folder = trained
    assert (model.report.task, model.report.metric) == ("dialogue", "chrf")
    assert {trial.name for trial in model.report.trials} >= {"majority", "tfidf", "full"}
    assert model.report.systems[0].scores[0].value > 0.5
    turns = TALKS[0]["turns"][:3]
    messages = [
        {"role": "user" if turn["speaker"] == "customer" else "assistant", "content": turn["text"]} for turn in turns
    ]
    asked = [{"turns": turns}, {"messages": messages}, messages]
    values = {answer.value for answer in model.predict(asked)}
    assert len(values) == 1, "however the same dialogue is given"
    assert AutoGPT.load(folder).predict(asked[:1])[0].value in values
    assert (
        model.predict("hello, I am number 7")[0].value
        == model.predict([[messages[0] | {"content": "hello, I am number 7"}]])[0].value
    )
    with pytest.raises(InputError, match="'turns'"):
        model.predict([{"colour": "red"}])


def test_rows_of_messages_are_answered_on_the_command_line(trained: tuple[Any, Path], tmp_path: Path) -> None:
    _, folder = trained
    rows = [{"messages": [{"role": "user", "content": "hello, I am number 3"}]}, {"messages": []}]
    (tmp_path / "in.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows), "utf-8")
    command = [sys.executable, "-m", "autogpt.cli", "predict", str(folder), "-i", str(tmp_path / "in.jsonl")]
    done = subprocess.run(
        [*command, "-o", str(tmp_path / "out.jsonl")], capture_output=True, text=True, env=dict(os.environ), timeout=120
    )
    assert done.returncode == 0, done.stderr
    found = [json.loads(line) for line in (tmp_path / "out.jsonl").read_text("utf-8").splitlines()]
    assert found[0]["label"]
    assert [row["abstained"] for row in found] == [False, True]


def test_an_evaluation_of_a_saved_model_takes_whole_dialogues(trained: tuple[Any, Path]) -> None:
    from autogpt.cli.judged import judge
    from autogpt.data.read import read

    judged = judge(AutoGPT.load(trained[1]), read(TALKS[:6]))
    assert len(judged.rows) == 12
    assert judged.scores.scores[0].value > 0.5


def test_an_action_is_learned_where_the_goal_names_it(tmp_path: Path) -> None:
    made = AutoGPT(output=str(tmp_path), **SHAPE)
    model = made.train(TALKS, goal="predict the move of the agent", time_limit="12s")
    assert model.schema.target == ("turns.move",)
    assert model.predict("hello, I am number 7")[0].value.startswith(("ASK", "OFFER"))
