"""How many planted leaks are found on real data sets, and how many unrelated rows are called leaks.

    python benchmarks/leaks.py [--seeds 3] [--rows 4000] [--data FOLDER] [--output FILE.json]

Each set (duplicates of its own taken out) is cut into train and test; copies of test rows are planted in train:
`exact` (as they are), `variant` (case, spaces, full-width forms), `one word` (a word replaced, and the Jaccard
similarity of the words still >= 0.8), `typo` (a letter replaced, and that of character 5-grams still >= 0.8). A false
alarm is a reported pair that is no planted one and is below 0.8 in both measures, which are computed here once more,
independently.
"""

from __future__ import annotations

import argparse
import json
import random
import re
import time
import unicodedata
from collections import Counter
from pathlib import Path
from typing import Any

from autogpt.data import duplicates
from inference import DATA, load

SETS = (
    ("banking77/train.jsonl.gz", "text"),
    ("mr/all.jsonl.gz", "text"),
    ("subj/all.jsonl.gz", "text"),
    ("dbpedia14/test.jsonl.gz", "text"),
    ("pros_cons/all.jsonl.gz", "text"),
    ("nlupp/banking.jsonl.gz", "text"),
    ("stsb/en_train.jsonl.gz", "sentence1"),
    ("stsb/zh_train.jsonl.gz", "sentence1"),
    ("stsb/de_train.jsonl.gz", "sentence1"),
    ("weibo_ner/train.jsonl.gz", "tokens"),
    ("cmrc2018/dev.jsonl.gz", "context"),
    ("tatoeba_en_zh/all.jsonl.gz", "zh"),
)
KINDS = ("exact", "variant", "one word", "typo")


def units(text: str) -> list[str]:
    """Words; Chinese characters singly (a plain second implementation)."""
    return re.findall(r"[\u3040-\u30ff\u3400-\u9fff]|[^\W\u3040-\u30ff\u3400-\u9fff_]+(?:['’]\w+)*", text)


def folded(text: str) -> str:
    return " ".join(unicodedata.normalize("NFKC", text).casefold().split())


def word_jaccard(a: str, b: str) -> float:
    """Jaccard similarity of the multisets of words."""
    x, y = Counter(units(folded(a))), Counter(units(folded(b)))
    return sum((x & y).values()) / max(1, sum((x | y).values()))


def gram_jaccard(a: str, b: str) -> float:
    """Jaccard similarity of the sets of character 5-grams."""
    x, y = ({folded(t)[i : i + 5] for i in range(len(folded(t)) - 4)} for t in (a, b))
    return len(x & y) / max(1, len(x | y))


def variant(text: str, rng: random.Random) -> str:
    """The same text in other letters: upper case, more spaces, full-width forms."""
    change = rng.choice(("upper", "spaces", "wide", "ends"))
    if change == "upper":
        return text.upper() if text.upper().casefold() == text.casefold() else text.title()
    if change == "spaces":
        return re.sub(r" ", lambda _: "  " if rng.random() < 0.5 else "\t", text) + " "
    if change == "wide":
        return "".join(chr(ord(c) + 0xFEE0) if "!" <= c <= "~" and rng.random() < 0.5 else c for c in text)
    return f"\n {text}\u3000"


def one_word(text: str, rng: random.Random, vocabulary: list[str]) -> str | None:
    """One word replaced by another; None when that leaves less than 0.8 of the words in common."""
    found = list(re.finditer(r"[\u3040-\u30ff\u3400-\u9fff]|[^\W\u3040-\u30ff\u3400-\u9fff_]+(?:['’]\w+)*", text))
    if not found:
        return None
    place = rng.choice(found)
    changed = text[: place.start()] + rng.choice(vocabulary) + text[place.end() :]
    return changed if 0.8 <= word_jaccard(text, changed) < 1 else None


def typo(text: str, rng: random.Random) -> str | None:
    """One letter replaced; None when that leaves less than 0.8 of the 5-grams in common."""
    letters = [i for i, c in enumerate(text) if c.isalpha() and c.isascii()]
    if not letters:
        return None
    place = rng.choice(letters)
    changed = text[:place] + rng.choice("abcdefghijklmnopqrstuvwxyz") + text[place + 1 :]
    return changed if folded(changed) != folded(text) and gram_jaccard(text, changed) >= 0.8 else None


def measure(texts: list[str], *, seed: int, plants: int = 100) -> dict[str, Any]:
    """Found and planted leaks per kind, false alarms, and the seconds it took."""
    rng = random.Random(seed)
    own = list({folded(text): text for text in texts}.values())
    rng.shuffle(own)
    train, test = own[: len(own) * 4 // 5], own[len(own) * 4 // 5 :]
    vocabulary = sorted({word for text in own[:500] for word in units(text)})
    planted: dict[tuple[int, int], str] = {}
    for kind in KINDS:
        for place in rng.sample(range(len(test)), min(plants, len(test))):
            text = test[place]
            copy = {
                "exact": lambda t: t,
                "variant": lambda t: variant(t, rng),
                "one word": lambda t: one_word(t, rng, vocabulary),
                "typo": lambda t: typo(t, rng),
            }[kind](text)
            if copy is not None:
                planted[len(train), place] = kind
                train.append(copy)
    start = time.perf_counter()
    leaks = duplicates.leaks(train, test)
    seconds = time.perf_counter() - start
    exact, near = ({(pair.a, pair.b) for pair in side} for side in (leaks.exact, leaks.near))
    total, found = Counter(planted.values()), Counter[str]()
    for pair, kind in planted.items():
        found[kind] += pair in exact if kind in ("exact", "variant") else pair in exact | near
    others = [pair for pair in exact | near if pair not in planted]
    false = sum(
        word_jaccard(train[a], test[b]) < 0.8 - 1e-9 and gram_jaccard(train[a], test[b]) < 0.8 - 1e-9 for a, b in others
    )
    return {"planted": total, "found": found, "reported": len(exact | near), "false": false, "seconds": seconds,
            "rows": len(train) + len(test)}  # fmt: skip


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--rows", type=int, default=4000)
    parser.add_argument("--data", type=Path, default=DATA)
    parser.add_argument("--output", type=Path)
    options = parser.parse_args()
    planted, found = Counter[str](), Counter[str]()
    reported = false = 0
    results = {}
    print(
        f"{'set':30} {'exact':>9} {'variant':>9} {'one word':>9} {'typo':>9} {'reported':>9} {'false':>6} {'rows/s':>8}"
    )
    for file, column in SETS:
        texts = [row[column] for row in load(options.data / file)]
        texts = [" ".join(text) if isinstance(text, list) else text for text in texts]
        one = {"planted": Counter[str](), "found": Counter[str](), "reported": 0, "false": 0, "seconds": 0.0, "rows": 0}
        for seed in range(options.seeds):
            chosen = random.Random(seed).sample(texts, min(options.rows, len(texts)))
            result = measure(chosen, seed=seed)
            one = {key: value + result[key] for key, value in one.items()}  # type: ignore[operator]
        results[file] = one
        planted, found = planted + one["planted"], found + one["found"]  # type: ignore[operator]
        reported, false = reported + one["reported"], false + one["false"]  # type: ignore[operator]
        cells = " ".join(f"{one['found'][kind]:>4}/{one['planted'][kind]:<4}" for kind in KINDS)  # type: ignore[index]
        print(f"{file:30} {cells} {one['reported']:9} {one['false']:6} {one['rows'] / one['seconds']:8.0f}")  # type: ignore[operator]
    for kind in KINDS:
        print(f"{kind}: {found[kind]}/{planted[kind]} ({found[kind] / max(1, planted[kind]):.2%})")
    print(f"false alarms: {false}/{reported} ({false / max(1, reported):.2%})")
    if options.output:
        options.output.write_text(json.dumps(results, indent=1), encoding="utf-8")


if __name__ == "__main__":
    main()
