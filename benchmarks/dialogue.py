"""The next action of task dialogues (SGD): a small decoder from nothing against the most frequent actions.

    python benchmarks/dialogue.py [--seconds 480] [--history 4] [--judge validation] [--acts types|slots] [--split official|own]

Learned are the training dialogues; 40 dialogues of the development split choose the best weights (and, with `--judge
validation`, the other ones are what is scored, so that settings can be chosen without the test); judged is the test split,
whose services were never seen. With `--split own` a fifth of the training dialogues is judged instead. An action is the
set of a turn's acts (`types`: REQUEST, OFFER+INFORM_COUNT, ...; `slots`: with what each is about). The decoder reads texts
alone; one rival is given the acts of the user's last turn as people annotated them. Intervals are 95 %, by dialogues
drawn with replacement. Printed as JSON, with the perplexity per turn of the decoder.
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
METRICS = tuple(registry.get("metrics", name) for name in ("text-match", "chrf"))
CHOOSING, DRAWS = 40, 2000


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


def turns(rows: Sequence[dict[str, Any]], acts: str, history: int) -> Turns:
    """All system turns of dialogues, each after the last `history` messages."""
    told = [
        {"turns": [{"role": turn["role"], "text": turn["text"], "action": action(turn, acts)} for turn in row["turns"]]}
        for row in rows
    ]
    table = expanded(Table(told, ("turns",), "sgd"), SCHEMA, TASK)
    found, _ = examples(table, SCHEMA, TASK)
    owner = [table.made[row.id][0] for row in found]
    last = [
        told[place]["turns"][len(row.inputs["messages"]) - 1]["action"]
        for place, row in zip(owner, found, strict=True)
    ]
    kept = [replace(row, inputs={"messages": row.inputs["messages"][-history:]}) for row in found]
    return Turns(kept, owner, last)


def parts(given: argparse.Namespace) -> tuple[Turns, Turns, Turns]:
    """To learn from, to choose by, to judge."""
    train, dev, test = (dialogues(name) for name in ("train", "dev", "test"))
    order = np.random.default_rng(given.seed).permutation(len(train))
    if given.split == "own":
        fifth = len(train) // 5
        groups = [[train[i] for i in part] for part in (order[fifth + CHOOSING :], order[fifth : fifth + CHOOSING])]
        groups.append([train[i] for i in order[:fifth]])
    else:
        groups = [train, dev[:CHOOSING], dev[CHOOSING:] if given.judge == "validation" else test]
    learned, chosen, judged = (turns(rows, given.acts, given.history) for rows in groups)
    return learned, chosen, judged


def frequent(learned: Turns, judged: Turns) -> dict[str, list[str]]:
    """The most frequent action, and the most frequent one after what the user did."""
    every = Counter(row.target for row in learned.rows)
    after: dict[str, Counter[str]] = defaultdict(Counter)
    for row, given in zip(learned.rows, learned.given, strict=True):
        after[given][row.target] += 1
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


def decoder(learned: Turns, chosen: Turns, judged: Turns, given: argparse.Namespace) -> tuple[list[str], dict[str, Any]]:
    """A decoder from nothing, trained for so many seconds."""
    began = time.monotonic()
    told = trials.bench(trials.Parts(TASK, learned.rows, chosen.rows, ()), backbone=None, seed=given.seed, metrics=METRICS)
    shape = Scratch("decoder", given.num_layers, given.hidden_size, given.num_heads)
    texts = [text for row in learned.rows for text in (row.inputs["messages"][-1][1], row.target)]

    def opened() -> Any:
        like, making = learned.rows[0].inputs, Making(lambda: texts, shape, given.seed)
        return registry.get("backbones", "writer").open(
            None, output=TASK.output, size=2, like=like, runtime=detect(), offline=True, making=making
        )

    options = {**FULL["text"], **SCRATCH, "epochs": given.epochs, "learning_rate": given.rate, "batch_rows": given.batch_rows}
    with tempfile.TemporaryDirectory() as folder:
        result, scorer = run_trial(
            replace(told, open=opened),
            Candidate("full", options),
            folder=Path(folder),
            remaining=lambda: given.seconds - (time.monotonic() - began),
        )
    seconds = time.monotonic() - began
    told_ = scorer.likelihood([row.inputs for row in judged.rows], [row.target for row in judged.rows])
    perplexity = float(np.exp(np.mean([-row.mean() for row in told_])))
    facts = {"seconds": round(seconds), "chosen": result.chosen, "validation": result.scores, "perplexity": perplexity}
    return answers(scorer, judged), facts


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
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--epochs", type=float, default=8.0)
    parser.add_argument("--rate", type=float, default=2e-3)
    parser.add_argument("--batch-rows", type=int, default=32)
    parser.add_argument("--num-layers", type=int, default=2)
    parser.add_argument("--hidden-size", type=int, default=128)
    parser.add_argument("--num-heads", type=int, default=4)
    given = parser.parse_args()
    learned, chosen, judged = parts(given)
    gold = [row.target for row in judged.rows]
    found = {**frequent(learned, judged), "memory of last turns": remembered(learned, judged)}
    found["decoder"], facts = decoder(learned, chosen, judged, given)
    right = {name: np.array([a == b for a, b in zip(told, gold, strict=True)], float) for name, told in found.items()}
    document: dict[str, Any] = {"settings": vars(given), "decoder": facts}
    document["turns"] = {"learned": len(learned.rows), "chosen by": len(chosen.rows), "judged": len(judged.rows)}
    document["seen"] = round(float(np.mean([target in {row.target for row in learned.rows} for target in gold])), 4)
    document["accuracy"] = {name: interval(values, judged.dialogue) for name, values in right.items()}
    rival = right["most frequent after the user's acts"]
    document["lead"] = interval(right["decoder"] - rival, judged.dialogue)
    print(json.dumps(document, indent=1))


if __name__ == "__main__":
    main()
