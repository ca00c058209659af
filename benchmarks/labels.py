"""How many wrong labels are found: a tenth of the labels flipped, and how many of the first hundred listed are flipped.

python benchmarks/labels.py [--seeds 3] [--data FOLDER]
"""

from __future__ import annotations

import argparse
import random
import time
from pathlib import Path

from autogpt.core import Example
from autogpt.data.labels import balance, twins
from autogpt.data.suspicious import suspicious
from inference import DATA, load

SETS = ("dbpedia14/test", "banking77/train", "subj/all", "pros_cons/all", "mr/all", "cr/all", "semeval2010_task8/train")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--data", type=Path, default=DATA)
    options = parser.parse_args()
    print(f"{'set':26} {'flipped among the first 100':>28} {'listed without flips':>21} {'twins':>6} {'CPU s':>6}")
    for name in SETS:
        rows = load(options.data / f"{name}.jsonl.gz")
        labels = sorted({row["label"] for row in rows})
        clean = [Example(i, {"text": row["text"]}, row["label"]) for i, row in enumerate(rows)]
        listed = len(suspicious(clean, output="classes"))
        alike = len(twins(balance([example.target for example in clean], "classes")))
        hits = []
        start = time.process_time()
        for seed in range(options.seeds):
            rng = random.Random(seed)
            wrong = set(rng.sample(range(len(rows)), len(rows) // 10))
            noisy = [
                Example(e.id, e.inputs, rng.choice([x for x in labels if x != e.target])) if e.id in wrong else e
                for e in clean
            ]
            hits.append(sum(found.id in wrong for found in suspicious(noisy, output="classes")[:100]))
        seconds = (time.process_time() - start) / options.seeds
        print(f"{name:26} {', '.join(map(str, hits)):>28} {listed:21} {alike:6} {seconds:6.1f}")


if __name__ == "__main__":
    main()
