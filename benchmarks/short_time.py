"""Fine-tuning that cannot pass over all rows: which use of the same time is best? `python benchmarks/short_time.py`

Everything is cut from training splits: `--rows` to learn from, 500 to choose by, 1,000 to be judged on. Costs are
counted in rows read, as the ladder counts them, so that the machine's mood does not decide:

* `head`     the linear head on features of all rows: 1 per row
* `top`      the top two layers over kept activations: 2/3 of 1.5 per row once, then a third of 2.6 per row and pass
* `part`     all layers, one pass over as many rows as cost the same as `top`: 2.6 per row
* `few`      the same with half of the time of `part`

    python benchmarks/short_time.py --rows 4000 --sets mr,banking77 --seeds 0
"""

from __future__ import annotations

import argparse
import random
import statistics
from typing import Any

import sets
import trials
from autogpt.core import Schema

SETS = ("mr", "subj", "cr", "pros_cons", "banking77", "dbpedia14")
TRAINED, EXACT = 2.6, 1.5


def parts(name: str, rows: int, seed: int) -> trials.Parts:
    """Rows of the training split, in three parts."""
    data = sets.load(name, "full", seed)
    drawn = random.Random(f"{name} short {seed}").sample(data.train, len(data.train))
    held, judged, learned = drawn[:500], drawn[500:1500], drawn[1500 : 1500 + rows]
    known = {row["label"] for row in learned}
    held, judged = ([row for row in some if row["label"] in known] for some in (held, judged))
    schema = Schema(task="text-classification", text=("text",), target=("label",))
    return trials.Parts.of(schema, learned, held, judged)


def candidates(rows: int, layers: int = 6) -> dict[str, tuple[str, dict[str, Any]]]:
    """What is tried, all within the cost of `top`."""
    top = EXACT * (layers - 2) / layers + TRAINED * 2 / layers
    return {
        "head": ("head", {}),
        "top": ("full", {"layers": 2, "epochs": 1.0}),
        "part": ("full", {"epochs": round(top / TRAINED, 3)}),
        "few": ("full", {"epochs": round(top / TRAINED / 2, 3)}),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--sets", type=lambda text: text.split(","), default=list(SETS))
    parser.add_argument("--seeds", type=lambda text: [int(part) for part in text.split(",")], default=[0])
    parser.add_argument("--rows", type=int, default=4000)
    given = parser.parse_args()
    found: dict[str, list[float]] = {}
    for seed in given.seeds:
        for name in given.sets:
            data = parts(name, given.rows, seed)
            told = []
            for system, (method, options) in candidates(given.rows).items():
                _, document = trials.run(data, method, options, seed=seed)
                found.setdefault(system, []).append(document["accuracy"][0])
                told.append(f"{system} {document['accuracy'][0]:.3f} ({document['seconds']:.0f} s)")
            print(f"{name:10} seed {seed} {len(data.train):5} rows  " + "  ".join(told), flush=True)
    print("mean  " + "  ".join(f"{system} {statistics.fmean(scores):.4f}" for system, scores in found.items()))


if __name__ == "__main__":
    main()
