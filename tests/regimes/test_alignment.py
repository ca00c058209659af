"""Tuning by preferences and by a check: what is learned, what is stopped, what is kept, what is refused."""

import importlib.util
import itertools
import json
import logging
import random
import signal
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
import transformers
from safetensors.numpy import load_file

from autogpt import AutoGPT
from autogpt.autopilot.run import resume
from autogpt.backbones.writer import Writer
from autogpt.config import Alignment, Columns, RunConfig, Scratch, Search
from autogpt.core import Decision, LabelSpace, Schema, Table
from autogpt.errors import ConfigError, InputError, SchemaError
from autogpt.events import Event
from autogpt.model import Model
from autogpt.regimes._aims import aims, parted, said
from autogpt.regimes._signs import Look, Wanted, sign
from autogpt.regimes.alignment import Aligned, align, refuse_to_resume
from autogpt.runtime import Runtime
from autogpt.testing import tiny

pytestmark = pytest.mark.skipif(importlib.util.find_spec("trl") is None, reason="extra `align` is not installed")

COLOURS = ("red", "green", "blue")
NOUNS = ("card", "dog", "cat", "money", "house", "tree", "book", "lamp", "bird", "boat")
ENDS = ("is lost", "was found", "is good", "is round", "went home", "is old")
THINGS = [
    (f"the {colour} {noun} {end}", colour) for colour, noun, end in itertools.product(COLOURS, NOUNS, ENDS)
]  # what is asked for is the colour of the thing
SHAPE = Scratch(family="decoder", num_layers=1, hidden_size=32, num_heads=2, vocabulary=400)


def config(folder: Path, *, limit: str = "3m", backbone: str | Path | None = None, **more: Any) -> RunConfig:
    return RunConfig(
        output=str(folder / "runs"),
        time_limit=limit,  # type: ignore[arg-type]
        search=Search(backbone=None if backbone is None else str(backbone)),
        scratch=SHAPE,
        **more,
    )


def asked(*, wrong: float, seed: int = 0) -> list[dict[str, str]]:
    """Prompts with their answers, and what is shown for them: wrong in a share of the rows."""
    rng = random.Random(seed)
    return [
        {"prompt": text, "answer": colour, "completion": rng.choice(COLOURS) if rng.random() < wrong else colour}
        for text, colour in THINGS
    ]


def pairs() -> list[dict[str, str]]:
    return [
        {"prompt": text, "chosen": colour, "rejected": COLOURS[(COLOURS.index(colour) + 1 + place % 2) % 3]}
        for place, (text, colour) in enumerate(THINGS)
    ]


@pytest.fixture(scope="module")
def unsure(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A model that answers with a colour, any of them."""
    folder = tmp_path_factory.mktemp("unsure")
    found = align(config(folder), Alignment(sft=1.0), data=asked(wrong=0.7))
    return found.folder


@pytest.fixture(scope="module")
def vague(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A model that has hardly learned which answer belongs to which thing."""
    folder = tmp_path_factory.mktemp("vague")
    return align(config(folder), Alignment(sft=1.0), data=asked(wrong=0.85)).folder


@pytest.fixture(scope="module")
def sure(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A model that has learned to answer with the thing's colour."""
    folder = tmp_path_factory.mktemp("sure")
    found = align(config(folder), Alignment(sft=1.0), data=asked(wrong=0.3))
    assert found.facts["after"]["value"] > 0.6
    return found.folder


def weights(found: Aligned | Path) -> Mapping[str, Any]:
    place = found.model if isinstance(found, Aligned) else found / "model"
    tables: Mapping[str, Any] = load_file(place / "model.safetensors")
    return tables


def equal(one: Aligned | Path, other: Aligned | Path) -> bool:
    ours, theirs = weights(one), weights(other)
    return all(np.array_equal(ours[name], theirs[name]) for name in ours)


def test_grpo_raises_the_reward_of_prompts_that_were_not_learned(vague: Path, tmp_path: Path) -> None:
    found = align(config(tmp_path, backbone=vague), Alignment(learning_rate=2e-3), data=asked(wrong=0.7))
    facts = found.facts
    assert facts["reward"] == "exact-answer"
    assert facts["before"]["value"] < 0.6 < facts["after"]["value"]
    assert facts["kept"]
    assert facts["gain"]["low"] > 0
    assert facts["sign"] is None
    model = transformers.AutoModelForCausalLM.from_pretrained(found.model)
    assert model.config.hidden_size == 32
    assert json.loads((found.model / "alignment.json").read_text("utf-8"))["gain"] == facts["gain"]
    assert {path.name for path in found.folder.iterdir()} <= {
        "run.json",
        "journal.jsonl",
        "model",
        "data.jsonl",
        "machine.json",
    }
    again = align(
        config(tmp_path, backbone=found.folder), Alignment(sft=0.0, learning_rate=1e-6), data=asked(wrong=0.7)
    )
    assert again.facts["before"]["value"] == facts["after"]["value"], "what is saved answers as what was measured"


def test_dpo_tells_pairs_that_were_not_learned(unsure: Path, tmp_path: Path) -> None:
    found = align(config(tmp_path, backbone=unsure), Alignment(), data=pairs())
    facts = found.facts
    assert (facts["kind"], facts["loss"]) == ("pairs", "dpo")
    assert facts["kept"]
    assert facts["accuracy"]["low"] > 0.5
    assert facts["after"]["value"] > facts["before"]["value"]
    assert facts["chosen_moved"]["value"] > facts["rejected_moved"]["value"]
    last = facts["looks"][-1]
    assert last["accuracy"] > 0.5 == facts["looks"][0]["accuracy"]


def test_pairs_that_drive_what_is_chosen_away_too_are_stopped(unsure: Path, tmp_path: Path) -> None:
    found = align(config(tmp_path, backbone=unsure), Alignment(learning_rate=3e-2), data=pairs())
    assert found.facts["sign"] is not None
    assert found.facts["steps"] < 48
    assert found.facts["ended"] == "a sign of trouble was seen"


@pytest.mark.parametrize("loss", ["ipo", "hinge", "robust", "exo_pair", "nca_pair", "sppo_hard", "apo_zero"])
def test_every_loss_of_pairs_goes_the_right_way(unsure: Path, tmp_path: Path, loss: str) -> None:
    found = align(config(tmp_path, backbone=unsure), Alignment(loss=loss), data=pairs())
    assert found.facts["accuracy"]["value"] > 0.6


def test_kto_learns_from_marks_of_single_answers(unsure: Path, tmp_path: Path) -> None:
    rows = [
        {"prompt": row["prompt"], "response": row[side], "label": side == "chosen"}
        for row in pairs()
        for side in ("chosen", "rejected")
    ]
    found = align(config(tmp_path, backbone=unsure), Alignment(), data=rows)
    assert (found.facts["kind"], found.facts["loss"]) == ("marks", "kto")
    assert found.facts["accuracy"]["low"] > 0.5


def test_a_reward_that_can_be_cheated_is_stopped_at_the_best_honest_state(sure: Path, tmp_path: Path) -> None:
    """The reward is given for any answer that says red; what is wanted is the thing's colour, and is only watched."""
    path = tmp_path / "cheat.py"
    path.write_text("def red(text, row):\n    return 'red' in text\n", "utf-8")
    options = Alignment(reward=f"functions:{path}", check="exact-answer")
    told: list[Event] = []
    found = align(config(tmp_path, backbone=sure), options, data=asked(wrong=0.3), listen=told.append)
    assert "the second check fell" in found.facts["sign"]
    assert any(event.kind == "warning" and "second check" in event.message for event in told)
    seen = found.facts["looks"]
    assert found.facts["best_step"] < seen[-1]["step"], "the state with the sign is not kept"
    assert found.facts["check"]["after"] > seen[-1]["watched"]


def test_where_no_answer_earns_more_than_another_the_model_stays_and_is_told(sure: Path, tmp_path: Path) -> None:
    found = align(config(tmp_path, backbone=sure), Alignment(reward="valid-json"), data=asked(wrong=0.3))
    assert "nothing to compare" in found.facts["ended"]
    assert not found.facts["kept"]
    assert found.facts["steps"] == 0
    assert equal(found, sure)


def test_what_is_no_better_beyond_noise_is_not_kept(sure: Path, tmp_path: Path) -> None:
    rows = [{**row, "answer": random.Random(place).choice(COLOURS)} for place, row in enumerate(asked(wrong=0.3))]
    found = align(config(tmp_path, backbone=sure), Alignment(learning_rate=1e-7), data=rows)
    assert not found.facts["kept"]
    assert equal(found, sure)


def test_what_is_sealed_or_chooses_is_not_given_to_trl(
    unsure: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from autogpt.training import _trl

    given: list[str] = []

    def noting(model: Any, tokenizer: Any, rows: Any, course: Any, *, loss: str) -> None:
        given.extend(tokenizer.decode(row["prompt_ids"], skip_special_tokens=True).strip() for row in rows)

    monkeypatch.setattr(_trl, "prefer", noting)
    align(config(tmp_path, backbone=unsure), Alignment(), data=pairs())
    parts = parted(read(pairs()), share=0.2, seed=0)
    assert sorted(given) == sorted(aim.prompt for aim in parts.learn)
    assert not set(given) & {aim.prompt for aim in (*parts.choose, *parts.held)}


def test_a_stop_saves_the_best_so_far_and_cannot_be_resumed(unsure: Path, tmp_path: Path) -> None:
    def stopping(event: Event) -> None:
        if event.kind == "step" and event.data["step"] == 4:
            signal.raise_signal(signal.SIGINT)

    found = align(config(tmp_path, backbone=unsure), Alignment(), data=pairs(), listen=stopping)
    assert found.facts["ended"] == "it was stopped"
    assert found.facts["steps"] == 4
    assert transformers.AutoModelForCausalLM.from_pretrained(found.model) is not None
    with pytest.raises(InputError, match="--backbone"):
        refuse_to_resume(found.folder)
    with pytest.raises(InputError, match="is an alignment"):
        resume(found.folder)


def test_a_model_of_autogpt_is_one_again(sure: Path, tmp_path: Path) -> None:
    writer = Writer.load(sure / "model", runtime=Runtime())
    schema = Schema("text-generation", text=("prompt",), target=("answer",))
    model = Model(writer, schema=schema, space=LabelSpace(), decision=Decision())
    model.save(tmp_path / "model")
    prompts = [text for text, _ in THINGS[:20]]
    before = [one.value for one in model.predict(prompts)]
    told = AutoGPT(output=str(tmp_path / "runs"))
    found = told.align(
        asked(wrong=0.3), backbone=tmp_path / "model", time_limit="3m", options=Alignment(reward="valid-json")
    )
    loaded = AutoGPT.load(found.model)
    assert (loaded.task.name, loaded.info["status"]) == ("text-generation", "aligned")
    assert [one.value for one in loaded.predict(prompts)] == before


def test_what_is_drawn_elsewhere_and_logged_is_as_it_was(unsure: Path, tmp_path: Path, capfd: Any) -> None:
    random.seed(5)
    np.random.seed(5)
    torch.manual_seed(5)
    before = (random.getstate(), np.random.get_state()[1].tolist(), torch.get_rng_state().tolist())  # type: ignore[index]
    level = logging.getLogger("transformers").level
    align(config(tmp_path, backbone=unsure), Alignment(), data=pairs())
    assert random.getstate() == before[0]
    assert np.random.get_state()[1].tolist() == before[1]  # type: ignore[index]
    assert torch.get_rng_state().tolist() == before[2]
    assert logging.getLogger("transformers").level == level
    said = capfd.readouterr()
    assert (said.out, said.err) == ("", "")


def look(step: int, *, held: float = 0.5, learned: float = 0.5, **more: Any) -> Look:
    rewards = (np.arange(40) < held * 40).astype(float)
    told: dict[str, Any] = {"kl": 1.0, "distinct": 30, "tokens": 10.0, **more}
    return Look(step=step, held=rewards, learned=learned, **told)


@pytest.mark.parametrize(
    ("now", "said"),
    [
        ({"kl": 16.0}, "nats away"),
        ({"kl": 14.0}, None),
        ({"distinct": 7}, "different answers"),
        ({"distinct": 8}, None),
        ({"tokens": 25.0}, "run away"),
        ({"tokens": 0.5}, "shrink"),
        ({"watched": np.zeros(40)}, "second check"),
        ({"watched": np.ones(40)}, None),
        ({"kl": 16.0, "learned": 0.4}, None),
    ],
)
def test_signs_are_seen_where_more_is_earned(now: dict[str, Any], said: str | None) -> None:
    first = look(0, watched=(np.arange(40) % 2).astype(float))
    found = sign([first, look(1, **{"learned": 0.7, **now})], Wanted())
    assert (found is None) if said is None else (found is not None and said in found)


def test_right_answers_may_be_few_and_short_where_the_rows_say_so() -> None:
    now = look(1, learned=0.9, distinct=2, tokens=1.0)
    assert sign([look(0), now], Wanted()) is not None
    assert sign([look(0), now], Wanted(distinct=2, tokens=1.0)) is None


def test_other_prompts_must_earn_less_several_times_in_a_row() -> None:
    rising = [look(step, held=0.3 + 0.1 * step, learned=0.3 + 0.1 * step) for step in range(5)]
    once = [*rising, look(5, held=0.3, learned=0.9), look(6, held=0.7, learned=0.9)]
    assert sign(once, Wanted()) is None
    falling = [*rising, *(look(5 + at, held=0.2, learned=0.9) for at in range(6))]
    assert "other prompts fell" in str(sign(falling, Wanted()))


def read(rows: list[dict[str, Any]], options: Alignment | None = None, **columns: str) -> Any:
    return aims(Table(rows, tuple(rows[0]), "rows"), options or Alignment(), Columns(**columns))


def test_columns_are_known_by_name_by_shape_and_by_flag() -> None:
    found = read([{"Question": "q", "chosen": "a", "rejected": "b", "id": 1}])
    assert (found.kind, found.rows[0].prompt, found.rows[0].chosen, found.rows[0].rejected) == ("pairs", "q", "a", "b")
    found = read([{"一": "问", "二": "好", "三": "坏"}], text="一", target="二,三")
    assert (found.kind, found.rows[0].prompt, found.rows[0].rejected) == ("pairs", "问", "坏")
    talk = [{"role": "user", "content": "q"}]
    row = {
        "chosen": [*talk, {"role": "assistant", "content": "a"}],
        "rejected": [*talk, {"role": "assistant", "content": "b"}],
    }
    assert (read([row]).rows[0].prompt, read([row]).rows[0].chosen) == ("q", "a")
    found = read([{"chosen": "Human: hi Assistant: hello you", "rejected": "Human: hi Assistant: help"}])
    assert (found.rows[0].prompt, found.rows[0].rejected) == ("Human: hi Assistant:", "help")
    assert said([{"role": "system", "content": "s"}, *talk]) == "system: s\nuser: q"
    found = read(
        [{"prompt": "p", "completion": "c", "label": "good"}, {"prompt": "p", "completion": "d", "label": "bad"}]
    )
    assert (found.kind, found.rows[0].chosen, found.rows[1].rejected) == ("marks", "c", "d")
    found = read([{"prompt": "p", "test": "assert x"}])
    assert (found.kind, found.check.reward.name, found.check.column) == ("prompts", "python-tests", "test")
    found = read([{"prompt": "p", "chosen": "a", "rejected": "b"}], Alignment(reward="valid-json"))
    assert (found.kind, found.rows[0].chosen) == ("prompts", "a")


@pytest.mark.parametrize(
    ("row", "options", "columns", "told"),
    [
        ({"a": "x", "b": "y"}, {}, {}, "--reward"),
        ({"prompt": "x"}, {"reward": "exact-answer"}, {}, "--target"),
        ({"a": "x", "answer": "y"}, {"reward": "exact-answer"}, {}, "--text"),
        ({"prompt": "x", "answer": "y"}, {}, {"text": "none"}, "no column 'none'"),
        ({"prompt": "x", "answer": "y"}, {}, {"target": "none"}, "no column 'none'"),
        ({"prompt": "x", "answer": "y"}, {"reward": "no-such"}, {}, "there are: exact-answer"),
        ({"prompt": "x", "chosen": "same", "rejected": "same"}, {}, {}, "no row has all"),
    ],
)
def test_wrong_columns_are_told_with_what_to_name(row: Any, options: Any, columns: Any, told: str) -> None:
    with pytest.raises((SchemaError, ConfigError), match=told):
        read([row], Alignment(**options), **columns)


def test_a_prompt_is_in_one_part_only_and_rows_named_as_test_are_sealed() -> None:
    rows = [{"prompt": f"p{place // 3}", "chosen": f"a{place}", "rejected": "b"} for place in range(90)]
    found = read(rows)
    parts = [
        {aim.prompt for aim in part}
        for part in (lambda p: (p.learn, p.choose, p.held))(parted(found, share=0.2, seed=1))
    ]
    assert all(parts)
    assert len(set.union(*parts)) == sum(map(len, parts)) == 30
    table = Table(rows, tuple(rows[0]), "rows", splits=["test" if place >= 60 else "train" for place in range(90)])
    sealed = parted(aims(table, Alignment(), Columns()), share=0.2, seed=1).held
    assert {aim.prompt for aim in sealed} == {f"p{place}" for place in range(20, 30)}


def test_what_cannot_be_tuned_is_refused_in_one_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    encoder_decoder = tiny.family_folder(tmp_path / "t5", "t5")
    with pytest.raises(ConfigError, match="which TRL does not tune"):
        align(config(tmp_path, backbone=encoder_decoder), Alignment(), data=pairs())
    with pytest.raises(ConfigError, match="a model from nothing has to learn from answers first"):
        align(config(tmp_path), Alignment(reward="valid-json"), data=[{"prompt": f"p {n}"} for n in range(30)])
    with pytest.raises(ConfigError, match="watches over a reward"):
        align(config(tmp_path), Alignment(check="valid-json"), data=pairs())
    with pytest.raises(ConfigError, match="is of preferences"):
        align(config(tmp_path), Alignment(reward="valid-json", loss="ipo"), data=pairs())
    marks = [{"prompt": f"p {n}", "response": "r", "label": n % 2} for n in range(30)]
    with pytest.raises(ConfigError, match="needs pairs of answers"):
        align(config(tmp_path), Alignment(loss="ipo"), data=marks)
    with pytest.raises(ConfigError, match="there are no rows"):
        align(config(tmp_path), Alignment())
    assert list((tmp_path / "runs").iterdir()) == []
    monkeypatch.setattr(importlib.util, "find_spec", lambda name, *_: None)
    with pytest.raises(ConfigError, match=r"pip install 'autogpt\[align\]'"):
        align(config(tmp_path), Alignment(), data=pairs())


@pytest.mark.parametrize(
    "wrong",
    [{"loss": "none"}, {"beta": -1.0}, {"sft": 2.0}, {"held_out": 0.0}, {"answer_tokens": 0}, {"learning_rate": 0.0}],
)
def test_settings_check_themselves(wrong: dict[str, Any]) -> None:
    with pytest.raises(ConfigError, match=next(iter(wrong))):
        Alignment(**wrong)
