"""Prompts that write themselves, with label names alone and with 1, 4 and 8 rows of each class.

python benchmarks/prompts.py [--seeds 5] [--sets cr,mr] [--shots 1,4,8] [--without-dictionary]

Frozen MiniLM vectors (`embedded.py`), a pool drawn per seed, 1000 test rows. The choice without labels was set up on
cr, subj and banking77; mr, pros_cons and dbpedia14 (+) confirm it. GOALS and HAND were written before any figure was
seen: five plain templates a set, as a user might write them. Writes results/prompts.json and .md.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

import embedded
import scoring
import sets
from autogpt import experts
from autogpt.probe import Head
from autogpt.prompting import Facts, Prompt, words_of
from autogpt.prompts._lexicon import SYNONYMS
from autogpt.regimes import _prompts
from autogpt.regimes.self_training import self_train
from autogpt.vectors import unit

RESULTS = Path(__file__).parent / "results"
ROWS = {"banking77": 2400, "dbpedia14": 1500}
SHARE = 0.8
"""Rows of a set that are read (1200 elsewhere), and the share of them that a seed draws as its pool."""
GOALS = {
    "banking77": "find out what a bank customer asks about",
    "mr": "decide whether a movie review is positive or negative",
    "cr": "decide whether a customer's comment on a product is positive or negative",
    "subj": "tell subjective from objective sentences about movies",
    "pros_cons": "decide whether a remark on a product is a pro or a con",
    "dbpedia14": "sort encyclopedia articles by what they are about",
}
HAND = {
    "banking77": (
        "{label}",
        "This is about {label}.",
        "The customer asks about {label}.",
        "a question about {label}",
        "intent: {label}",
    ),
    "mr": (
        "{label}",
        "This text is {label}.",
        "a {label} movie review",
        "The movie review is {label}.",
        "sentiment: {label}",
    ),
    "cr": (
        "{label}",
        "This text is {label}.",
        "a {label} product review",
        "The comment on the product is {label}.",
        "sentiment: {label}",
    ),
    "subj": (
        "{label}",
        "This text is {label}.",
        "a {label} sentence",
        "The sentence about the movie is {label}.",
        "style: {label}",
    ),
    "pros_cons": (
        "{label}",
        "This is a {label}.",
        "a {label} of the product",
        "The remark names a {label} of the product.",
        "kind: {label}",
    ),
    "dbpedia14": (
        "{label}",
        "This text is about a {label}.",
        "an article about a {label}",
        "The article is about {label}.",
        "topic: {label}",
    ),
}
ALL = ("banking77", "mr", "cr", "subj", "pros_cons", "dbpedia14")
DEVELOPED = ("banking77", "cr", "subj")
FIVE = ("banking77", "dbpedia14", "mr", "subj", "pros_cons")


class Reader:
    """Vectors of short texts, kept beside the sets' (`.cache/`)."""

    def __init__(self, name: str) -> None:
        self.texts, self.table = (embedded.CACHE / f"prompts-{name}.{end}" for end in ("json", "npy"))
        self.known: dict[str, Any] = {}
        if self.texts.is_file():
            told = json.loads(self.texts.read_text("utf-8"))
            self.known = dict(zip(told, np.load(self.table, allow_pickle=False), strict=True))

    def __call__(self, texts: Sequence[str]) -> Any:
        new = [text for text in dict.fromkeys(texts) if text not in self.known]
        if new:
            self.known |= zip(new, embedded._read(new), strict=True)
        return np.stack([self.known[text] for text in texts])

    def keep(self) -> None:
        """Write what is known."""
        self.texts.write_text(json.dumps(list(self.known)), "utf-8")
        np.save(self.table, np.stack(list(self.known.values())))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--sets", default=",".join(ALL))
    parser.add_argument("--shots", default="1,4,8")
    parser.add_argument(
        "--without-dictionary", action="store_true", help="rules and terms know label names only; prints"
    )
    options = parser.parse_args()
    if options.without_dictionary:
        SYNONYMS.clear()
    shots = [int(part) for part in options.shots.split(",") if part]
    found = {}
    for name in options.sets.split(","):
        found[name] = measure(name, options.seeds, shots)
        print(name, {k: round(100 * float(np.mean(v)), 1) for k, v in found[name]["accuracy"].items()}, flush=True)
    text = table(found)
    print(text)
    if options.without_dictionary:
        return
    plain = {name: {k: v for k, v in one.items() if k != "right"} for name, one in found.items()}
    (RESULTS / "prompts.json").write_text(json.dumps(plain, indent=1) + "\n", "utf-8")
    (RESULTS / "prompts.md").write_text(text, "utf-8")


def measure(name: str, seeds: int, shots: Sequence[int]) -> dict[str, Any]:
    """Accuracy of every system and seed, what is right per row, what the search said, and how well it ranks."""
    data = embedded.load(name, most=ROWS.get(name, 1200), test_rows=1000)
    read = Reader(name)
    right: dict[str, list[Any]] = {}
    said, ranks = [], []
    for seed in range(seeds):
        rng = np.random.default_rng([seed, 5])
        place = rng.permutation(len(data.train))
        cut = round(SHARE * len(place))
        facts = facts_of(data, place[:cut], read)
        heads, chosen = without_labels(data, facts)
        said.append(chosen.said)
        ranks.append(rank(data, facts, chosen, place[:cut]))
        for count in shots:
            heads |= with_labels(data, facts, rng, count, heads)
        for system, head in heads.items():
            answers = np.asarray(head(data.test)).argmax(axis=1)
            right.setdefault(system, []).append((answers == data.test_y)[:, None].astype(float))
        read.keep()
    accuracy = {system: [float(one.mean()) for one in tables] for system, tables in right.items()}
    return {"accuracy": accuracy, "said": said, "rank": ranks, "setfit": recorded(data, read), "right": right}


def facts_of(
    data: embedded.Embedded, places: Any, read: Reader, names: dict[str, tuple[str, ...]] | None = None
) -> Facts:
    """What a run knows of a pool."""
    own = names or {label: (words_of(label),) for label in data.labels}
    texts = [data.train_texts[place] for place in places]
    return Facts(GOALS[data.name], ("text",), own, texts, data.train[places], read)


def without_labels(data: embedded.Embedded, facts: Facts) -> tuple[dict[str, Head], _prompts.Chosen]:
    """The heads that need no label."""
    chosen = _prompts.choose(facts)
    rules = _prompts.choose(facts, generators=("rules",))
    tried = sorted(rules.tried, key=lambda one: -one.separation)
    plain = [one.prompt for one in tried if one.prompt.words == facts.names][: _prompts.TOGETHER]
    names = _prompts.head(facts, [Prompt.of("{label}", facts.names)])
    ours = _prompts.head(facts, chosen.prompts)
    turned = dict(zip(data.labels, np.roll(np.array(list(facts.names.values()), dtype=object), 1, axis=0), strict=True))
    false = Facts(
        facts.goal, facts.columns, {k: tuple(v) for k, v in turned.items()}, facts.texts, facts.vectors, facts.read
    )
    shuffled = _prompts.head(false, _prompts.choose(false).prompts)
    raw = Head(unit(facts.read([own[0] for own in facts.names.values()])), np.zeros(len(data.labels)), 0.0)
    hand = {f"hand {n}": _prompts.head(facts, [Prompt.of(template, facts.names)]) for n, template in
            enumerate(HAND[data.name], 1)}  # fmt: skip
    return {
        "cosine to the name": raw,
        **hand,
        "centred names": names,
        "rules without the dictionary": _prompts.head(facts, plain),
        "rules": _prompts.head(facts, rules.prompts),
        "prompts": ours,
        "centred names, self-trained": learned(facts, names),
        "rules, self-trained": learned(facts, _prompts.head(facts, rules.prompts)),
        "prompts, self-trained": learned(facts, ours),
        "shuffled names, prompts, self-trained": learned(false, shuffled),
    }, chosen


def learned(facts: Facts, head: Head) -> Head:
    """What a run makes of a head and its pool."""
    return self_train(facts.vectors, np.asarray(head(facts.vectors))).head or head


def with_labels(data: embedded.Embedded, facts: Facts, rng: Any, count: int, free: dict[str, Head]) -> dict[str, Head]:
    """A head on so many rows of each class, and its products with names and with prompts."""
    order = rng.permutation(len(data.train))
    held = np.concatenate([order[data.train_y[order] == k][:count] for k in range(len(data.labels))])
    vectors, targets = data.train[held], data.train_y[held]
    bare = {"pool": free["centred names, self-trained"], "names": free["centred names"]}
    described = {"pool": free["prompts, self-trained"], "prompts": free["prompts"]}
    return {
        f"{count}: head": experts.shots_head(vectors, targets, classes=len(data.labels)),
        f"{count}: with names": joined(bare, vectors, targets, len(data.labels)),
        f"{count}: with prompts": joined(described, vectors, targets, len(data.labels)),
    }


def joined(others: dict[str, Head], vectors: Any, targets: Any, classes: int) -> Head:
    """The product of experts; one row of each class has no part in it, as in a run."""
    if min(np.bincount(targets, minlength=classes)) < 2:
        return others["pool"]
    told = {name: (head, np.asarray(head(vectors))) for name, head in others.items()}
    return experts.join(vectors, targets, told, classes=classes, seed=0).head


def rank(data: embedded.Embedded, facts: Facts, chosen: _prompts.Chosen, places: Any) -> dict[str, float]:
    """Spearman's correlation of separation with accuracy on the pool over the rules' prompts, and their accuracies."""
    from scipy.stats import spearmanr

    rules = [one for one in chosen.tried if one.prompt.origin.startswith("rules")]
    heads = [_prompts.head(facts, [one.prompt]) for one in rules]
    found = [float((np.asarray(head(facts.vectors)).argmax(axis=1) == data.train_y[places]).mean()) for head in heads]
    alike = float(spearmanr([one.separation for one in rules], found)[0])
    return {"spearman": alike, "prompts": len(rules), "median": float(np.median(found)), "best": max(found)}


def recorded(data: embedded.Embedded, read: Reader) -> dict[str, float]:
    """SetFit's recorded run with 8 rows of each class, seed 0 (`accuracy.py`), and ours on the same rows and test."""
    sample = sets.load(data.name, "8", 0)
    gold = [row[sample.target] for row in sample.test]
    found = {}
    for line in (RESULTS / "raw" / "accuracy.jsonl").read_text("utf-8").splitlines():
        run = json.loads(line)
        cell = run["cell"]
        if (cell["set"], cell["size"], cell["seed"], cell["system"]) == (data.name, "8", 0, "setfit"):
            share = float(np.mean([a == b for a, b in zip(gold, run["predictions"], strict=True)]))
            found[f"SetFit, {cell['limit']:.0f} s ({run['status']})"] = share
    facts = facts_of(data, np.arange(len(data.train)), read)
    vectors = read([row[sample.text[0]] for row in sample.train])
    targets = np.array([data.labels.index(row[sample.target]) for row in sample.train])
    assert [row[sample.text[0]] for row in sample.test] == list(data.test_texts)
    ours = _prompts.head(facts, _prompts.choose(facts).prompts)
    described = {"pool": learned(facts, ours), "prompts": ours}
    for name, head in (
        ("head", experts.shots_head(vectors, targets, classes=len(data.labels))),
        ("with prompts", joined(described, vectors, targets, len(data.labels))),
    ):
        found[name] = float((np.asarray(head(data.test)).argmax(axis=1) == data.test_y).mean())
    return found


def table(found: dict[str, Any]) -> str:
    """Markdown: accuracy per system and set, differences with paired intervals, how well separation ranks, SetFit."""
    systems = [one for one in next(iter(found.values()))["accuracy"] if not one.startswith("hand")]
    names = list(found)
    five = [name for name in names if name in FIVE] or names
    lines = ["# Prompts that write themselves", "", "`python benchmarks/prompts.py`: accuracy in %.", ""]
    lines += [f"| system | {' | '.join(n + ('' if n in DEVELOPED else ' +') for n in names)} | mean of {len(five)} |"]
    lines += ["|---" * (len(names) + 2) + "|"]

    def row(system: str, values: dict[str, float]) -> str:
        cells = [f"{100 * values[name]:.1f}" for name in names]
        return f"| {system} | {' | '.join(cells)} | {100 * np.mean([values[name] for name in five]):.1f} |"

    hands = {n: [np.mean(v) for k, v in found[n]["accuracy"].items() if k.startswith("hand")] for n in names}
    lines.append(row("hand-written, best of 5 by the test", {n: float(np.max(v)) for n, v in hands.items()}))
    lines.append(row("hand-written, mean of 5", {n: float(np.mean(v)) for n, v in hands.items()}))
    lines += [row(one, {n: float(np.mean(found[n]["accuracy"][one])) for n in names}) for one in systems]
    pairs = [("prompts", "cosine to the name"), ("prompts", "centred names")]
    pairs += [("prompts, self-trained", one) for one in ("cosine to the name", "centred names, self-trained")]
    for count in sorted({int(one.split(":")[0]) for one in systems if one[0].isdigit()}):
        pairs += [(f"{count}: with prompts", f"{count}: {one}") for one in ("head", "with names")]
    for system, base in pairs:
        right = {n: [scoring.draws("classes", found[n]["right"][one]) for one in (system, base)] for n in names}
        draws = {n: one - other for n, (one, other) in right.items()}
        cells = [gain(draws[n]) for n in names] + [gain(np.mean([draws[n] for n in five], axis=0))]
        lines.append(f"| {system} - {base} | {' | '.join(cells)} |")
    lines += [""]
    lines += ["Separation and accuracy of the rules' prompts on the pool (Spearman; median, best):", ""]
    for name in names:
        mean = {key: np.mean([one[key] for one in found[name]["rank"]]) for key in found[name]["rank"][0]}
        spread = f"{100 * mean['median']:.1f}, {100 * mean['best']:.1f}"
        lines.append(f"- {name}: {mean['spearman']:.2f} over {mean['prompts']:.0f} prompts; {spread}")
    lines += ["", "Eight rows of each class, seed 0:", ""]
    lines += [f"- {n}: " + ", ".join(f"{k} {100 * v:.1f}" for k, v in found[n]["setfit"].items()) for n in names]
    return "\n".join(lines) + "\n"


def gain(draws: Any) -> str:
    """A difference in points with its interval."""
    low, high = scoring.interval(draws)
    return f"{100 * draws.mean():+.1f} [{100 * low:+.1f}, {100 * high:+.1f}]"


if __name__ == "__main__":
    main()
