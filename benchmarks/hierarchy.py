"""Does training know better if the loss knows the hierarchy? The same encoder and rows, the same decoding, two losses.

    python benchmarks/hierarchy.py --sets banking77,sgd --methods head --seeds 0,1,2,3,4
    python benchmarks/hierarchy.py --sets banking77 --methods full --seeds 0

`flat` is the cross-entropy of the leaf, which the output kind `path` learns by. `levels` is the mean over the steps of
a path of -log of the summed probability of all leaves below that step, which is the hierarchical cross-entropy of
"Making Better Mistakes" (Bertinetto et al. 2020) with weights that fall linearly with depth. Hierarchies: banking77's
intents by their first word, and the services of SGD over their intents (first turns of dialogues about one service).
"""

from __future__ import annotations

import argparse
import gzip
import json
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from autogpt import cells, registry, runtime
from autogpt.core import Row, Schema
from autogpt.evaluation.interval import Answers, paired_difference
from autogpt.outputs.path import Path as PathOutput
from sets import DATA
from trials import Parts, run

if TYPE_CHECKING:
    import torch

SCHEMA = Schema("hierarchical-classification", ("text",), ("label",), separator=cells.STEP)
METRICS = ("hierarchical-f1", "accuracy", "top-accuracy")
OPTIONS: Mapping[str, Mapping[str, Any]] = {"full": {"epochs": 10}}


class Levels(PathOutput):
    """The kind `path` with the loss `levels`."""

    def __init__(self, labels: Sequence[str]) -> None:
        steps = [cells.ancestors(label) for label in labels]
        self.depth = max(map(len, steps))
        # [depth, C, C]: path j is at or below step d of path i (its last step where it has fewer)
        self.below = np.array(
            [[[mine[min(d, len(mine) - 1)] in other for other in steps] for mine in steps] for d in range(self.depth)]
        )

    def loss(self, logits: torch.Tensor, target: torch.Tensor, class_weight: torch.Tensor | None) -> torch.Tensor:
        import torch

        likely = logits.log_softmax(dim=-1)
        below = torch.from_numpy(self.below).to(logits.device)[:, target]  # [depth, B, C]
        return -likely.masked_fill(~below, float("-inf")).logsumexp(dim=-1).mean(dim=0)


@dataclass(frozen=True)
class Levelled(Parts):
    """The same rows, learned by the loss `levels`."""

    @property
    def output(self) -> Any:
        return Levels(self.space.labels)

    @property
    def space(self) -> Any:
        return registry.get("outputs", "path").space([row.target for row in self.train])


def _lines(place: Path) -> Iterator[Any]:
    with gzip.open(place, "rt", encoding="utf-8") as lines:
        yield from map(json.loads, lines)


def banking(folder: Path) -> tuple[list[Row], list[Row]]:
    """Training and test rows; an intent lies below its first word."""
    parts = [list(_lines(folder / "banking77" / f"{name}.jsonl.gz")) for name in ("train", "test")]
    train, test = (
        [{"text": row["text"], "label": cells.STEP.join((row["label"].split("_")[0], row["label"]))} for row in rows]
        for rows in parts
    )
    return train, test


def services(folder: Path) -> tuple[list[Row], list[Row]]:
    """First turns of dialogues about one service: the kind of service, and the intent below it."""
    found = []
    for name in ("train", "test"):
        rows = {}
        for dialogue in _lines(folder / "sgd" / f"{name}.jsonl.gz"):
            first = dialogue["turns"][0]
            if len(dialogue["services"]) == 1 and first["intent"]:
                kind = dialogue["services"][0].rsplit("_", 1)[0]
                rows[first["text"]] = {"text": first["text"], "label": cells.STEP.join((kind, first["intent"]))}
        found.append(list(rows.values()))
    return found[0], found[1]


SETS = {"banking77": banking, "sgd": services}


def parts(train: Sequence[Row], test: Sequence[Row], *, per_leaf: int, seed: int) -> Parts:
    """`per_leaf` rows of each leaf to learn from and three to choose by; test rows of these leaves, at most 2,000."""
    rng = np.random.default_rng(seed)
    of: dict[str, list[Row]] = defaultdict(list)
    for place in rng.permutation(len(train)):
        of[train[place]["label"]].append(train[place])
    kept = {label: rows for label, rows in sorted(of.items()) if len(rows) >= per_leaf + 3}
    learned = [row for rows in kept.values() for row in rows[:per_leaf]]
    chosen = [row for rows in kept.values() for row in rows[per_leaf : per_leaf + 3]]
    known = {row["text"] for row in (*learned, *chosen)}
    judged = [row for row in test if row["label"] in kept and row["text"] not in known][:2000]
    return Parts.of(SCHEMA, learned, chosen, judged)


def differences(rows: Parts, flat: Answers, levels: Answers) -> dict[str, list[float]]:
    """By how much `levels` is better than `flat` on the same rows, with 95 % intervals."""
    gold = [row.target for row in rows.test]
    found = {}
    for name in METRICS:
        delta = paired_difference(registry.get("metrics", name), gold, levels, flat, space=rows.space)
        found[name] = [round(delta.delta, 4), round(delta.low, 4), round(delta.high, 4)]
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--sets", default=",".join(SETS))
    parser.add_argument("--methods", default="head")
    parser.add_argument("--seeds", default="0")
    parser.add_argument("--per-leaf", type=int, default=5)
    parser.add_argument("--data", type=Path, default=DATA)
    given = parser.parse_args()
    runtime.prepare_environment()
    for name in given.sets.split(","):
        train, test = SETS[name](given.data)
        for method in given.methods.split(","):
            for seed in map(int, given.seeds.split(",")):
                rows = parts(train, test, per_leaf=given.per_leaf, seed=seed)
                about = {"set": name, "method": method, "seed": seed}
                answers = []
                for loss, told in (
                    ("flat", rows),
                    ("levels", Levelled(rows.task, rows.train, rows.validation, rows.test)),
                ):
                    found, document = run(told, method, OPTIONS.get(method, {}), seed=seed)
                    top = registry.get("metrics", "top-accuracy")(
                        [r.target for r in rows.test], found.values, None, rows.space
                    )
                    print(json.dumps({**about, "loss": loss, **document, "top-accuracy": round(top, 4)}), flush=True)
                    answers.append(found)
                sizes = {"leaves": len(rows.space.labels), "train": len(rows.train), "test": len(rows.test)}
                print(json.dumps({**about, **sizes, "levels - flat": differences(rows, *answers)}), flush=True)


if __name__ == "__main__":
    main()
