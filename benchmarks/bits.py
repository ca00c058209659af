"""A language model from nothing, in bits per byte of texts that nobody learned from, beside compressors and n-grams.

    python benchmarks/bits.py [--data ../shared/data/plain_en_public_domain/all.jsonl.gz] [--limit 300] [--seeds 0]

All see the same texts to learn from and are measured on the same held-out texts: `autogpt pretrain`; a character
5-gram model with modified Kneser-Ney smoothing ("An Empirical Study of Smoothing Techniques for Language Modeling",
Chen & Goodman 1998); gzip -9 and xz -9e of the held-out texts alone; and xz -9e of them after all texts to learn from
(what they add to its length), which is the fairer one.
"""

from __future__ import annotations

import argparse
import gzip
import json
import lzma
import math
import tempfile
import time
from collections import Counter, defaultdict
from collections.abc import Sequence
from typing import Any

from autogpt.config import Pretraining, RunConfig, Scratch, options
from autogpt.data.corpus import parted, texts
from autogpt.events import Event
from autogpt.regimes.pretraining import pretrain

PRESET = 9 | lzma.PRESET_EXTREME
START = "\x02"


class KneserNey:
    """Characters after `order` - 1 others, interpolated down to even chances of all characters that were seen."""

    def __init__(self, learned: Sequence[str], order: int = 5) -> None:
        self.order = order
        counts = [Counter[str]() for _ in range(order + 1)]
        for text in learned:
            padded = START * (order - 1) + text
            for place in range(order - 1, len(padded)):
                counts[order][padded[place - order + 1 : place + 1]] += 1
        for size in range(order - 1, 0, -1):  # how many characters stand before it, not how often it stands
            for gram in counts[size + 1]:
                counts[size][gram[1:]] += 1
        self.levels = [self._level(counts[size]) for size in range(1, order + 1)]
        self.alphabet = len(counts[1]) + 1

    @staticmethod
    def _level(counts: Counter[str]) -> tuple[dict[str, float], dict[str, tuple[float, float]]]:
        """What is left of each n-gram's count, and by context: the sum of counts, and what was taken from them."""
        seen = Counter(counts.values())
        n1, n2, n3, n4 = (max(1, seen[size]) for size in (1, 2, 3, 4))
        y = n1 / (n1 + 2 * n2)
        taken = (0.0, 1 - 2 * y * n2 / n1, 2 - 3 * y * n3 / n2, 3 - 4 * y * n4 / n3)
        left, sums = {}, defaultdict(lambda: [0.0, 0.0])
        for gram, count in counts.items():
            cut = min(max(0.0, taken[min(count, 3)]), count)
            left[gram] = count - cut
            sums[gram[:-1]][0] += count
            sums[gram[:-1]][1] += cut
        return left, {context: (total, cut) for context, (total, cut) in sums.items()}

    def likely(self, context: str, character: str) -> float:
        """The probability of a character."""
        found = 1.0 / self.alphabet
        for size, (left, sums) in enumerate(self.levels):
            before = context[len(context) - size :]
            if before in sums:
                total, cut = sums[before]
                found = (left.get(before + character, 0.0) + cut * found) / total
        return found

    def bits(self, text: str) -> float:
        """Bits of a text."""
        padded, ahead = START * (self.order - 1) + text, self.order - 1
        return -sum(
            math.log2(self.likely(padded[place - ahead : place], padded[place])) for place in range(ahead, len(padded))
        )


def others(learned: Sequence[str], held: Sequence[str], held_bytes: int) -> dict[str, float]:
    """Bits per byte of what is no neural network."""
    before, after = "\n".join(learned).encode(), "\n".join(held).encode()
    began = time.monotonic()
    model = KneserNey(learned)
    fitted = time.monotonic() - began
    alone = len(lzma.compress(after, preset=PRESET))
    added = len(lzma.compress(before + after, preset=PRESET)) - len(lzma.compress(before, preset=PRESET))
    return {
        "gzip -9": 8 * len(gzip.compress(after, 9)) / held_bytes,
        "xz -9e": 8 * alone / held_bytes,
        "xz -9e after the texts to learn from": 8 * added / held_bytes,
        "Kneser-Ney, 5 characters": sum(map(model.bits, held)) / held_bytes,
        "seconds of Kneser-Ney": fitted,
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", default="../shared/data/plain_en_public_domain/all.jsonl.gz")
    parser.add_argument("--limit", type=float, default=300.0, help="seconds of a training, all told")
    parser.add_argument("--seeds", type=lambda text: [int(one) for one in text.split(",")], default=[0])
    for option in (*options(Scratch), *options(Pretraining)):
        parser.add_argument(option.flag, type=option.type, default=option.default, help=option.help)
    given = parser.parse_args()
    named = lambda kind: kind(**{one.name: getattr(given, one.name) for one in options(kind)})  # noqa: E731
    learning = named(Pretraining)
    for seed in given.seeds:
        found, how = texts(given.data)
        corpus = parted(found, how, share=learning.held_out, seed=seed)
        known = others(corpus.learned, corpus.held, corpus.held_bytes)
        document: dict[str, Any] = {"data": given.data, "seed": seed, "held-out bytes": corpus.held_bytes}
        print(json.dumps(document | {name: round(bits, 4) for name, bits in known.items()}), flush=True)
        with tempfile.TemporaryDirectory() as folder:
            config = RunConfig(
                data=given.data, output=folder, seed=seed, time_limit=given.limit, scratch=named(Scratch)
            )
            model = pretrain(config, learning, listen=told)
        print(json.dumps({"seed": seed, **model.facts}), flush=True)


def told(event: Event) -> None:
    """What a run says, without its steps."""
    if event.kind != "step":
        print(event.message, flush=True)


if __name__ == "__main__":
    main()
