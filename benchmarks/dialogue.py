"""The next action of task dialogues (SGD): a small decoder from nothing against the most frequent actions.

    python benchmarks/dialogue.py [--seconds 480] [--history 4] [--reads said|did|acts|both] [--tells both]
                                  [--judge validation] [--acts types|slots] [--split official|own]
                                  [--backbone ../shared/weights/tinystories-656k]

Learned are the training dialogues; 40 dialogues of the development split choose the best weights; the other ones are
scored so that settings can be chosen (`--judge validation`: they alone), and the test split is judged, whose services
were never seen. With `--split own` all parts are of the training dialogues. An action is the set of a turn's acts
(`types`: REQUEST, OFFER + INFORM_COUNT, ...; `slots`: with what each is about). The decoder reads what was said (or
`did`: of the system what it did; `acts`: of both what they did; `both`: what they did and said), and tells the action
(or `--tells both`: what the user did, and then the action, of which the action is judged). One rival is given the acts
of the user's last turn as people annotated them, which the decoder has with `--reads acts` and `both` alone.
Intervals are 95 %, by dialogues drawn with replacement. Printed as JSON.
"""

from __future__ import annotations

import argparse
import gzip
import json
import tempfile
import time
from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

import trials
from autogpt import registry
from autogpt.autopilot.ladder import FULL, SCRATCH
from autogpt.autopilot.trial import Candidate, run_trial
from autogpt.config import Scratch
from autogpt.core import Decision, Example, Making, Schema, Table
from autogpt.data.examples import examples, expanded
from autogpt.runtime import detect

DATA = Path(__file__).parents[1].parent / "shared" / "data" / "sgd"
SCHEMA = Schema("dialogue", ("turns",), ("turns.action",), turns=("role", "text", "system"))
TASK = registry.get("tasks", SCHEMA.task)
CHOOSING, DRAWS = 40, 2000
THEN = " => "
"""What stands between what the user did and what is to be done, where both are told."""


@dataclass(frozen=True)
class Turns:
    """Examples of some dialogues, the dialogue of each, and what the user's last turn did."""

    rows: list[Example]
    dialogue: list[int]
    given: list[str]


def dialogues(name: str) -> list[dict[str, Any]]:
    with gzip.open(DATA / f"{name}.jsonl.gz", "rt", encoding="utf-8") as lines:
        return [json.loads(line) for line in lines]


def action(turn: Mapping[str, Any], acts: str) -> str:
    """What a turn does, as a text."""
    return " + ".join(sorted({one[0] if acts == "types" else " ".join(filter(None, one[:2])) for one in turn["acts"]}))


def turns(rows: Sequence[dict[str, Any]], given: argparse.Namespace) -> Turns:
    """All system turns of dialogues, each after the last messages: as they were said, or by what was done in them."""
    acts = given.acts
    told = [
        {"turns": [{"role": turn["role"], "text": turn["text"], "action": action(turn, acts)} for turn in row["turns"]]}
        for row in rows
    ]
    table = expanded(Table(told, ("turns",), "sgd"), SCHEMA, TASK)
    found, _ = examples(table, SCHEMA, TASK)
    owner = [table.made[row.id][0] for row in found]
    last = [
        told[place]["turns"][len(row.inputs["messages"]) - 1]["action"] for place, row in zip(owner, found, strict=True)
    ]
    kept = []
    for place, row, did in zip(owner, found, last, strict=True):
        messages = [
            (role, _read(given.reads, role, text, turn["action"]))
            for (role, text), turn in zip(row.inputs["messages"], told[place]["turns"], strict=False)
        ]
        target = f"{did}{THEN}{row.target}" if given.tells == "both" else row.target
        kept.append(replace(row, inputs={"messages": tuple(messages[-given.history :])}, target=target))
    return Turns(kept, owner, last)


def _read(how: str, role: str, text: str, did: str) -> str:
    """A turn as the decoder reads it."""
    shown = {"said": text, "did": did if role == "assistant" else text, "acts": did, "both": f"{did}: {text}"}
    return shown[how]


def asked(told: str) -> str:
    """The action in what is told."""
    return told.rpartition(THEN)[2]


class Right:
    """The share of right actions, whatever is told before them (see `core.Metric`)."""

    name, higher_is_better, decimals = "right-action", True, 3

    def __call__(self, gold: Sequence[Any], predicted: Sequence[Any], probabilities: Any, space: Any) -> float:
        return float(np.mean([asked(a) == asked(b) for a, b in zip(gold, predicted, strict=True)]))


def parts(given: argparse.Namespace) -> tuple[Turns, Turns, Turns, Turns]:
    """To learn from, to choose the weights by, to choose settings by, to judge."""
    train, dev, test = (dialogues(name) for name in ("train", "dev", "test"))
    order = np.random.default_rng(given.seed).permutation(len(train))
    if given.split == "own":
        fifth = len(train) // 5
        cuts = (order[2 * fifth :], order[fifth : fifth + CHOOSING], order[fifth + CHOOSING : 2 * fifth], order[:fifth])
        groups = [[train[i] for i in part] for part in cuts]
    else:
        groups = [train, dev[:CHOOSING], dev[CHOOSING:], test]
    one, two, three, four = (turns(rows, given) for rows in groups)
    return one, two, three, four


def frequent(learned: Turns, judged: Turns) -> dict[str, list[str]]:
    """The most frequent action, and the most frequent one after what the user did."""
    every = Counter(asked(row.target) for row in learned.rows)
    after: dict[str, Counter[str]] = defaultdict(Counter)
    for row, given in zip(learned.rows, learned.given, strict=True):
        after[given][asked(row.target)] += 1
    usual = every.most_common(1)[0][0]
    known = [after[given].most_common(1)[0][0] if given in after else usual for given in judged.given]
    return {"most frequent": [usual] * len(known), "most frequent after the user's acts": known}


def remembered(learned: Turns, judged: Turns) -> list[str]:
    """The action after the most similar last turn of a user."""
    memory = registry.get("backbones", "memory").open(
        [row.inputs for row in learned.rows], [row.target for row in learned.rows]
    )
    return answers(memory, judged)


def answers(scorer: Any, judged: Turns) -> list[str]:
    inputs = [row.inputs for row in judged.rows]
    output = registry.get("outputs", TASK.output)
    return [one.value for one in output.decode(scorer.score(inputs), output.space(["x"]), Decision(), inputs)]


def decoder(learned: Turns, chosen: Turns, given: argparse.Namespace) -> tuple[Any, dict[str, Any]]:
    """A decoder from nothing, trained for so many seconds."""
    began = time.monotonic()
    told = trials.bench(
        trials.Parts(TASK, learned.rows, chosen.rows, ()),
        backbone=None,
        seed=given.seed,
        metrics=(Right(), registry.get("metrics", "chrf")),
    )
    shape = Scratch("decoder", given.num_layers, given.hidden_size, given.num_heads)
    texts = [text for row in learned.rows for text in (row.inputs["messages"][-1][1], row.target)]

    def opened() -> Any:
        like, making = learned.rows[0].inputs, Making(lambda: texts, shape, given.seed)
        return registry.get("backbones", "writer").open(
            given.backbone, output=TASK.output, size=2, like=like, runtime=detect(), offline=True, making=making
        )

    options = {
        **FULL["text"],
        **({} if given.backbone else SCRATCH),
        "epochs": given.epochs,
        "learning_rate": given.rate,
    }
    options["batch_rows"] = given.batch_rows
    with tempfile.TemporaryDirectory() as folder:
        result, scorer = run_trial(
            replace(told, open=opened),
            Candidate("full", options),
            folder=Path(folder),
            remaining=lambda: given.seconds - (time.monotonic() - began),
        )
    seconds = round(time.monotonic() - began)
    return scorer, {"seconds": seconds, "chosen": result.chosen, "weights chosen by": result.scores}


def perplexity(writer: Any, judged: Turns) -> float:
    """Of the right actions, per token, as a turn has it on average."""
    likely = writer.likelihood([row.inputs for row in judged.rows], [row.target for row in judged.rows])
    return round(float(np.exp(np.mean([-row.mean() for row in likely]))), 4)


def judgement(learned: Turns, judged: Turns, writer: Any) -> dict[str, Any]:
    """All systems on the same turns."""
    gold = [asked(row.target) for row in judged.rows]
    found = {**frequent(learned, judged), "memory of last turns": remembered(learned, judged)}
    found["decoder"] = answers(writer, judged)
    right = {
        name: np.array([asked(a) == b for a, b in zip(told, gold, strict=True)], float) for name, told in found.items()
    }
    seen = {asked(row.target) for row in learned.rows}
    return {
        "turns": len(gold),
        "seen": round(float(np.mean([target in seen for target in gold])), 4),
        "accuracy": {name: interval(values, judged.dialogue) for name, values in right.items()},
        "lead": interval(right["decoder"] - right["most frequent after the user's acts"], judged.dialogue),
        "perplexity": perplexity(writer, judged),
    }


def interval(values: Any, dialogue: Sequence[int]) -> list[float]:
    """Mean of values per turn with its interval, dialogues drawn with replacement."""
    _, owner = np.unique(np.asarray(dialogue), return_inverse=True)
    sums, sizes = np.bincount(owner, values), np.bincount(owner)
    drawn = np.random.default_rng(0).integers(len(sums), size=(DRAWS, len(sums)))
    means = sums[drawn].sum(axis=1) / sizes[drawn].sum(axis=1)
    low, high = np.percentile(means, [2.5, 97.5])
    return [round(float(one), 4) for one in (np.mean(values), low, high)]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=float, default=480.0)
    parser.add_argument("--history", type=int, default=4, help="messages that are read")
    parser.add_argument("--acts", choices=("types", "slots"), default="types")
    parser.add_argument("--split", choices=("official", "own"), default="official")
    parser.add_argument("--judge", choices=("test", "validation"), default="test")
    parser.add_argument("--reads", choices=("said", "did", "acts", "both"), default="said", help="of each turn")
    parser.add_argument("--tells", choices=("action", "both"), default="action", help="both: the user's acts first")
    parser.add_argument("--backbone", default=None, help="folder of a decoder (default: from nothing)")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--epochs", type=float, default=8.0)
    parser.add_argument("--rate", type=float, default=2e-3)
    parser.add_argument("--batch-rows", type=int, default=32)
    parser.add_argument("--num-layers", type=int, default=2)
    parser.add_argument("--hidden-size", type=int, default=128)
    parser.add_argument("--num-heads", type=int, default=4)
    given = parser.parse_args()
    learned, chosen, validation, test = parts(given)
    writer, facts = decoder(learned, chosen, given)
    sides = {"validation": validation, "test": test} if given.judge == "test" else {"validation": validation}
    document = {"settings": vars(given), "decoder": facts, "learned": len(learned.rows)}
    print(json.dumps(document | {name: judgement(learned, side, writer) for name, side in sides.items()}, indent=1))


if __name__ == "__main__":
    main()
