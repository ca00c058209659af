"""Trials per minute of one worker and of two, and what other processes cost. `python benchmarks/executors.py`.

The same sixteen trials (full fine-tuning of a small BERT from nothing, one thread each) are ordered of one and of two
workers by turns. Ratios of the same round count; a warm-up order comes before the clock is started.
"""

from __future__ import annotations

import argparse
import json
import statistics
import tempfile
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from autogpt import registry
from autogpt.events import Listener
from autogpt.orders import Order


def warm() -> None:
    """Load what a trial needs."""
    import torch
    import transformers  # noqa: F401

    torch.set_num_threads(1)


def trial(order: Order, tell: Listener) -> Mapping[str, Any]:
    """Steps of a BERT of four layers on 32 rows of 32 tokens, in one thread."""
    import torch
    from transformers import BertConfig, BertForSequenceClassification

    torch.set_num_threads(1)
    torch.manual_seed(order.given)
    shape = BertConfig(
        vocab_size=2000, hidden_size=256, num_hidden_layers=4, num_attention_heads=4, intermediate_size=1024
    )
    model = BertForSequenceClassification(shape)
    optimizer = torch.optim.AdamW(model.parameters(), lr=1e-4)
    for _ in range(12):
        tokens = torch.randint(2000, (32, 32))
        loss = model(tokens, labels=tokens[:, 0] % 2).loss
        loss.backward()
        optimizer.step()
        optimizer.zero_grad()
    return {"loss": float(loss)}


def rate(name: str, workers: int, trials: int) -> float:
    """Trials per minute."""
    crew = registry.get("executors", name).open(workers=workers, address=None, warm=warm)
    try:
        with tempfile.TemporaryDirectory() as folder:
            base = Path(folder)

            def work(numbers: range) -> None:
                left, busy = list(numbers), 0
                while left or busy:
                    while left and busy < workers:
                        number = left.pop()
                        crew.begin(Order(f"trial {number}", trial, number, base / str(number), base))
                        busy += 1
                    news = crew.news(1.0)
                    if news is not None and news.ending is not None:
                        news.ending.check()
                        busy -= 1

            work(range(workers))
            began = time.monotonic()
            work(range(100, 100 + trials))
            return 60 * trials / (time.monotonic() - began)
    finally:
        crew.close()


def main() -> None:
    """Rounds of one and two workers, by turns."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--executor", default="ray")
    parser.add_argument("--trials", type=int, default=16)
    parser.add_argument("--rounds", type=int, default=3)
    given = parser.parse_args()
    rounds = [
        (rate(given.executor, 1, given.trials), rate(given.executor, 2, given.trials)) for _ in range(given.rounds)
    ]
    ratios = [two / one for one, two in rounds]
    print(json.dumps({"executor": given.executor, "trials per minute": rounds, "ratio": statistics.median(ratios),
                      "lowest": min(ratios), "highest": max(ratios)}))  # fmt: skip


if __name__ == "__main__":
    main()
