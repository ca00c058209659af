"""What rows that a teacher wrote bring to a small writer, and whether that is the teacher's knowledge.

    python benchmarks/teaching.py                        three seeds, three arms each
    python benchmarks/teaching.py --seeds 0 --free 200

A made language: each word of a sentence has one of its own, adjectives follow their nouns and verbs come last. The
teacher is a model behind the test server that knows it; the student is a decoder made from nothing, which learns from
`--rows` rows and judges by 80 others. Arms, each beside the same student without (chrf and exact match on 200 others):

* taught    the teacher writes to `--free` rows
* shuffled  the same texts, each to another row (the run's first gate, which stops such a teacher, is taken away)
* repeated  as many rows, but those of the table over and over: as many steps, and nothing new

The student without has as many steps as the one with, as the run gives it before it judges (`more steps`); in the arm
`repeated` it has those of the rows once, so that the arm tells what steps alone bring.

`kept` is what the run itself decided by validation rows.
"""

from __future__ import annotations

import argparse
import itertools
import json
import random
import sys
import tempfile
from dataclasses import replace
from typing import Any

from autogpt import registry
from autogpt.autopilot import finish
from autogpt.autopilot import run as autopilot
from autogpt.autopilot.trial import load_scorer
from autogpt.config import Columns, Endpoint, RunConfig, Scratch, Search, Teaching
from autogpt.core import Decision, LabelSpace
from autogpt.evaluation.interval import Answers, paired_difference
from autogpt.regimes import teaching
from autogpt.testing.endpoint_server import Messages, Server

ADJECTIVES = ["green", "small", "old", "quiet", "heavy", "young", "bright", "round"]
NOUNS = ["doctor", "rabbit", "kitchen", "window", "bridge", "harbor", "village", "market", "garden", "letter"]
VERBS = ["paints", "follows", "answers", "remembers", "carries", "watches", "repairs", "sells"]
LEXICON = {
    word: "".join(random.Random(word).choice(pair) for pair in ("ktpsm", "aeiou", "nrlv", "aeiou"))
    for word in (*ADJECTIVES, *NOUNS, *VERBS)
}
VALIDATION, TEST, WRITER = 80, 200, "full"
ARMS = ("taught", "shuffled", "repeated")


def rule(text: str) -> str:
    """The sentence in the made language."""
    _, one, subject, verb, _, other, thing = text.split()
    return " ".join(LEXICON[word] for word in (subject, one, thing, other, verb))


def table(rows: int, free: int, seed: int) -> list[dict[str, Any]]:
    """Rows with the side that each is on; the last `free` have no target."""
    every = itertools.product(ADJECTIVES, NOUNS, VERBS, ADJECTIVES, NOUNS)
    said = [
        f"the {a} {b} {c} the {d} {e}"
        for a, b, c, d, e in random.Random(seed).sample(list(every), rows + VALIDATION + TEST + free)
    ]
    sides = ["train"] * rows + ["validation"] * VALIDATION + ["test"] * TEST
    known = [{"source": text, "target": rule(text), "split": side} for text, side in zip(said, sides, strict=False)]
    return known + [{"source": text, "target": None, "split": None} for text in said[len(sides) :]]


def thinks(data: list[dict[str, Any]], *, shuffled: bool) -> Any:
    """What the server answers: the rule, or, to rows without a target, what belongs to another one of them."""
    free = [row["source"] for row in data if row["target"] is None]
    other = dict(zip(free, free[1:] + free[:1], strict=True)) if shuffled else {}

    def think(messages: Messages) -> str:
        text = str(json.loads(messages[-1]["content"])["source"])
        return rule(other.get(text, text))

    return think


def arm(name: str, data: list[dict[str, Any]], seed: int, given: argparse.Namespace) -> dict[str, Any]:
    """A run, and how its student does on the test rows with and without what was written."""
    true = teaching.Teaching.examples
    if name == "repeated":

        def repeated(self: Any) -> list[Any]:
            rows = self._session.materials.train
            return [rows[place % len(rows)] for place in range(len(true(self)))]

        teaching.Teaching.examples = repeated  # type: ignore[method-assign]
    told: list[str] = []
    try:
        with tempfile.TemporaryDirectory() as folder, Server(think=thinks(data, shuffled=name == "shuffled")) as server:
            config = RunConfig(
                time_limit=given.seconds,
                output=folder,
                seed=seed,
                search=Search(methods=WRITER),
                columns=Columns(task="translation", text="source", target="target", split="split"),
                scratch=Scratch(num_layers=2, hidden_size=64, num_heads=4),
                remote=Endpoint(
                    endpoint=server.address, endpoint_model="tiny", price_in=1.0, price_out=2.0, max_cost=5.0
                ),
                teaching=Teaching(teacher="endpoint", teacher_rows=given.free),
            )
            found = autopilot.run(config, data=data, listen=lambda event: told.append(event.message))
            longer = found.folder / "taught" / f"{WRITER}-alone" / "scorer"
            first = next(found.folder.glob(f"trials/*-{WRITER}")) / "scorer"
            without = load_scorer(longer if name != "repeated" and longer.is_dir() else first, "writer")
            with_it = load_scorer(found.folder / "taught" / WRITER / "scorer", "writer")
            return {"arm": name, "seed": seed, **compared(data, with_it, without, seed), "cost": server.cost(1.0, 2.0),
                    "kept": any("it is kept" in line for line in told)}  # fmt: skip
    finally:
        teaching.Teaching.examples = true  # type: ignore[method-assign]


def compared(data: list[dict[str, Any]], with_it: Any, without: Any, seed: int) -> dict[str, Any]:
    """Both scores on the test rows, and the paired difference with its interval."""
    test = [row for row in data if row["split"] == "test"]
    gold, inputs = [row["target"] for row in test], [{"source": row["source"]} for row in test]
    output: Any = registry.get("outputs", "text")
    found: dict[str, Any] = {}
    for name in ("chrf", "text-match"):
        metric = registry.get("metrics", name)
        answers = []
        for scorer in (with_it, without):
            scores = scorer.score(inputs)
            values = [one.value for one in output.decode(scores, LabelSpace(), Decision(), inputs)]
            answers.append(Answers(values, output.probabilities(scores, LabelSpace(), Decision())))
        difference = paired_difference(metric, gold, *answers, space=LabelSpace(), seed=seed)
        own = [float(metric(gold, one.values, one.probabilities, LabelSpace())) for one in answers]
        found[name] = {"with": own[0], "without": own[1], "low": difference.low, "high": difference.high}
    return found


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seeds", default="0,1,2")
    parser.add_argument("--arms", default=",".join(ARMS))
    parser.add_argument("--rows", type=int, default=60, help="rows with a target to learn from")
    parser.add_argument("--free", type=int, default=400, help="rows without one")
    parser.add_argument("--seconds", type=float, default=300.0, help="time limit of a run")
    given = parser.parse_args()
    finish._tidy = lambda session: None  # the weights of both are needed
    true = teaching.difference
    teaching.difference = lambda bench, one, other: (  # type: ignore[assignment]
        replace(true(bench, one, other), low=1.0) if one.name == "teacher" else true(bench, one, other)
    )
    print(f"{'seed':>4}  {'arm':<9}  {'without':>8}  {'with':>8}  {'difference':<26}  {'exact':>14}  {'cost':>7}  kept")
    for seed in map(int, given.seeds.split(",")):
        data = table(given.rows, given.free, seed)
        for name in given.arms.split(","):
            one = arm(name, data, seed, given)
            c, e = one["chrf"], one["text-match"]
            apart = f"{c['with'] - c['without']:+.4f} [{c['low']:+.4f}, {c['high']:+.4f}]"
            exact = f"{e['without']:>6.3f} {e['with']:>6.3f}"
            print(
                f"{seed:>4}  {name:<9}  {c['without']:>8.4f}  {c['with']:>8.4f}  {apart:<26}  {exact:>14}  "
                f"{one['cost']:>7.4f}  {one['kept']}",
                flush=True,
            )
    return 0


if __name__ == "__main__":
    sys.exit(main())
