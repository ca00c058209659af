"""How badly does a tokenizer split the words of different texts, and what would words of their own save?

    python benchmarks/fertility.py

Of the first `--texts` texts of each set: tokens per word by the tokenizer of the embedded encoder (or `--backbone`),
the share of them that at most `--most` new words would save (see `regimes/_vocabulary`), and the first of these words.
"""

from __future__ import annotations

import argparse

import adaptive
import vectors
from autogpt.backbones._language import tokenizer_of
from autogpt.backbones._pretrained import resolve
from autogpt.regimes._vocabulary import counted, fertility, gaining, spelled

SETS = {
    "subj": ("subj/all", "text"),
    "mr": ("mr/all", "text"),
    "cr": ("cr/all", "text"),
    "banking77": ("banking77/train", "text"),
    "stsb": ("stsb/en_train", "sentence1"),
    "stsb, German": ("stsb/de_train", "sentence1"),
    "dbpedia14": ("dbpedia14/test", "text"),
    "gsm8k": ("gsm8k/train", "question"),
    "semeval2010_task8": ("semeval2010_task8/train", "text"),
    "plain English": ("plain_en_public_domain/all", "text"),
    "wnut17": ("wnut17/train", "tokens"),
}
MADE = {"code": adaptive.code, "plays": adaptive.plays, "dialogue-zh": adaptive.dialogue_zh}
LONGEST = 3000
"""Characters of a text that are looked at."""


def texts_of(name: str) -> list[str]:
    """All texts of a set."""
    if name in MADE:
        return [text for text, _ in MADE[name]()]
    place, column = SETS[name]
    found = [row[column] for row in vectors.read(place)]
    return [(one if isinstance(one, str) else " ".join(one))[:LONGEST] for one in found]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--texts", type=int, default=400)
    parser.add_argument("--most", type=int, default=500)
    parser.add_argument("--backbone")
    given = parser.parse_args()
    tokenizer = tokenizer_of(resolve(given.backbone, offline=True).location)
    print("| texts | words | tokens per word | new words | saved | first of them |\n|---|---|---|---|---|---|")
    for name in (*SETS, *MADE):
        counts = counted(tokenizer, texts_of(name)[: given.texts])
        pieces = spelled(tokenizer, list(counts))
        before, total = fertility(counts, pieces), sum(counts.values())
        chosen = gaining(counts, pieces, given.most)
        saved = sum(counts[word] * (pieces[word] - 1) for word in chosen) / total / before
        print(
            f"| {name} | {total:,} | {before:.2f} | {len(chosen)} | {saved:.1%} | {', '.join(chosen[:4])} |", flush=True
        )


if __name__ == "__main__":
    main()
