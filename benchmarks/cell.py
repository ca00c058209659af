"""One cell of the accuracy benchmark, in a process of its own: one system, one set, one size, one limit, one seed.

The clock runs from the moment the parent started this process, so imports count. A peer is a module with
`KINDS` and `fit(data, clock, seed)`, a generator that yields `predict` functions, each better than the last. At the
limit an alarm ends it, and what it yielded last is scored; a system that yielded nothing is scored as the majority.
Prediction of the test rows is outside the limit, for everybody.
"""

from __future__ import annotations

import argparse
import importlib
import json
import sys
import time
import traceback
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import sets
from clock import Clock, TimeUpError, alarm
from peers import majority

Predict = Callable[[Sequence[sets.Row]], list[Any]]


def fit(system: str, data: sets.Data, clock: Clock, seed: int) -> tuple[Predict, dict[str, Any]]:
    """The last predictor a system had at the limit, and how it went."""
    predict: Predict | None = None
    status, note = "finished", ""
    try:
        with alarm(clock.left()):
            peer = importlib.import_module(f"peers.{system}")
            for predict in peer.fit(data, clock, seed):  # noqa: B007  (the last one counts)
                pass
    except TimeUpError:
        status = "cut"
    except Exception as error:
        status, note = "failed", f"{type(error).__name__}: {error}"[:500]
        traceback.print_exc()
    outcome = {"status": status, "note": note, "seconds": round(clock.spent(), 2)}
    if predict is None:
        outcome["note"] = note or "nothing to show at the limit: scored as majority"
        predict = majority.predictor(data)
    return predict, outcome


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    for name in ("system", "set", "size"):
        parser.add_argument(f"--{name}", required=True)
    parser.add_argument("--limit", type=float, required=True)
    parser.add_argument("--seed", type=int, required=True)
    parser.add_argument("--test-rows", type=int, default=1000)
    parser.add_argument("--started", type=float, default=None, help="time.time() of the parent at the start")
    parser.add_argument("--out", type=Path, required=True)
    given = parser.parse_args()

    clock = Clock(given.limit, given.started)
    data = sets.load(given.set, given.size, given.seed, test_rows=given.test_rows)
    predict, outcome = fit(given.system, data, clock, given.seed)
    begin = time.time()
    try:
        outcome["predictions"] = predict(data.questions())
    except Exception as error:
        traceback.print_exc()
        outcome |= {"status": "failed", "note": f"prediction: {type(error).__name__}: {error}"[:500]}
        outcome["predictions"] = majority.predictor(data)(data.questions())
    outcome |= {"predict_seconds": round(time.time() - begin, 2), "train_rows": len(data.train)}
    given.out.write_text(json.dumps(outcome, ensure_ascii=False), encoding="utf-8")


if __name__ == "__main__":
    sys.exit(main())
