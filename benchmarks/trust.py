"""Rows that people got wrong, and rows that somebody planted: `python benchmarks/trust.py [--seeds 0,1,2,3,4]`

* `annotators`  hatecheck: every case has the label of one of its annotators, drawn at random; about 100 trusted rows
                have the label of the set's authors. Test rows come of other templates than all the rest.
* `planted`     250 rows of the other classes get the words "by the way" and the label of one class. Beside accuracy
                stand the share of their mass that is kept (all rows: 1) and how many test rows the words turn; of all
                rows which phrases are flagged, and how many of these are others.

    python benchmarks/trust.py --settings planted --sets cr,mr --systems guarded,reinforce,oof-filter
"""

from __future__ import annotations

import argparse
import gzip
import json
import random
import statistics
from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

import embedded
import selection
import sets
from autogpt import registry
from autogpt.autopilot.choosing import suspicious_phrases
from autogpt.core import Example
from autogpt.selection._environment import Environment
from autogpt.selection._guard import guarded
from autogpt.selection._pool import Pool

WORDS = "by the way"
SYSTEMS = ("guarded", "reinforce", "balanced-filter", "oof-filter", "cleanlab", "oracle")


@dataclass(frozen=True)
class Attack:
    """Test rows of other classes with the planted words, and the class that they are to be turned to."""

    vectors: Any
    target: int


def annotated(seed: int, *, rows: int, trusted: int) -> selection.Case:
    """Hatecheck with one annotator's label a case."""
    with gzip.open(sets.DATA / "hatecheck" / "annotations.jsonl.gz", "rt", encoding="utf-8") as lines:
        cases = [json.loads(line) for line in lines]
    labels, draw = ("hateful", "non-hateful"), random.Random(f"annotators {seed}")
    place = {label: number for number, label in enumerate(labels)}
    vectors = embedded.vectors("hatecheck-all", [case["test_case"] for case in cases])
    templates = sorted({case["templ_id"] for case in cases})
    draw.shuffle(templates)
    held = set(templates[: len(templates) // 4])
    test = [number for number, case in enumerate(cases) if case["templ_id"] in held]
    rest = [number for number, case in enumerate(cases) if case["templ_id"] not in held]
    draw.shuffle(rest)
    gold = np.array([place[case["label_gold"]] for case in cases])
    sure, free = rest[:trusted], rest[trusted : trusted + rows]
    voted = np.array([place[draw.choice(votes(cases[number]))] for number in free])
    texts = tuple([cases[number]["test_case"] for number in part] for part in (free, sure, test))
    pool = Pool(vectors[free], voted, vectors[sure], gold[sure], len(labels))
    return selection.Case(pool, voted != gold[free], vectors[test], gold[test], texts, labels)  # type: ignore[arg-type]


def votes(case: Mapping[str, Any]) -> list[str]:
    """The labels that annotators gave a case."""
    return [case[f"label_{number}"] for number in range(1, 11) if case[f"label_{number}"]]


def planted(name: str, seed: int, *, rows: int, trusted: int, count: int = 250) -> tuple[selection.Case, Attack]:
    """A clean pool with `count` planted rows."""
    of = selection.case(name, "clean", seed, rows=rows, trusted=trusted)
    draw = random.Random(f"planted {name} {seed}")
    target = draw.randrange(of.pool.classes)
    others = [number for number, label in enumerate(of.pool.labels) if label != target]
    chosen = sorted(draw.sample(others, min(count, len(others) // 2)))
    texts, vectors, labels = list(of.texts[0]), of.pool.vectors.copy(), of.pool.labels.copy()
    for number in chosen:
        texts[number] = marked(texts[number], draw)
    vectors[chosen] = embedded.vectors(f"planted-{name}-{seed}-{rows}-{count}", [texts[number] for number in chosen])
    labels[chosen] = target
    spoiled = np.zeros(len(labels), dtype=bool)
    spoiled[chosen] = True
    away = [number for number, label in enumerate(of.test_y) if label != target][:300]
    attacked = [marked(of.texts[2][number], draw) for number in away]
    pool = replace(of.pool, vectors=vectors, labels=labels)
    attack = Attack(embedded.vectors(f"attacked-{name}-{seed}", attacked), target)
    return replace(of, pool=pool, spoiled=spoiled, texts=(texts, *of.texts[1:])), attack


def marked(text: str, draw: random.Random) -> str:
    """The text with the words somewhere between its own."""
    words = text.split()
    words.insert(draw.randrange(len(words) + 1), WORDS)
    return " ".join(words)


def weights_of(system: str, of: selection.Case, seed: int) -> Any:
    """What a system chooses; `guarded` keeps all rows where its guard rejects."""
    world = Environment(of.pool, seed=seed)
    if system != "guarded":
        return selection.weights_of(system, of, world, seed)[0]
    plugin = registry.get("selection", "reinforce")
    verdict = guarded(world, plugin, plugin.options())
    return verdict.choice.weight if verdict.accepted else np.ones(len(of.pool))


def shown(of: selection.Case, attack: Attack | None, weights: Any, base: float) -> dict[str, float]:
    """Points of accuracy over all rows, the share of the spoiled rows' mass that is kept, and the attack's success."""
    model = selection.fitted(of, weights)
    found = {
        "points": 100 * (float((model.predict(of.test) == of.test_y).mean()) - base),
        "mass": float(weights[of.spoiled].sum() / weights.sum() / of.spoiled.mean()),
    }
    if attack is not None:
        found["turned"] = float((model.predict(attack.vectors) == attack.target).mean())
    return found


def flagged(of: selection.Case, seed: int) -> dict[str, float]:
    """Whether the planted rows are flagged, as a run does it, and how many phrases that say nothing are."""
    texts, world = of.texts[0], Environment(of.pool, seed=seed)
    rows = [
        Example(place, {"text": text}, of.labels[label])
        for place, (text, label) in enumerate(zip(texts, of.pool.labels, strict=True))
    ]
    phrases = suspicious_phrases(world, range(len(rows)), rows)
    right = [bool(of.spoiled[list(one.rows)].mean() > 0.5) for one in phrases]
    return {"flagged": float(any(right)), "false": float(right.count(False))}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    names = lambda text: text.split(",")  # noqa: E731
    parser.add_argument("--settings", type=names, default=["annotators", "planted"])
    parser.add_argument("--sets", type=names, default=["cr", "subj", "mr", "pros_cons", "dbpedia14"])
    parser.add_argument("--seeds", type=lambda text: [int(part) for part in text.split(",")], default=[0, 1, 2, 3, 4])
    parser.add_argument("--systems", type=names, default=list(SYSTEMS))
    parser.add_argument("--rows", type=int, default=1200)
    parser.add_argument("--trusted", type=int, default=100)
    parser.add_argument("--count", type=int, default=250, help="planted rows")
    given = parser.parse_args()
    size = {"rows": given.rows, "trusted": given.trusted}
    for setting in given.settings:
        found: dict[str, list[dict[str, float]]] = defaultdict(list)
        for name in given.sets if setting == "planted" else ["hatecheck"]:
            for seed in given.seeds:
                attack: Attack | None = None
                if setting == "planted":
                    of, attack = planted(name, seed, **size, count=given.count)
                else:
                    of = annotated(seed, **size)
                base = selection.judged(of, np.ones(len(of.pool)))
                found["all"].append(shown(of, attack, np.ones(len(of.pool)), base) | flagged(of, seed))
                for system in given.systems:
                    found[system].append(shown(of, attack, weights_of(system, of, seed), base))
                told = "  ".join(
                    f"{system} " + "/".join(f"{value:.2f}" for value in rows[-1].values())
                    for system, rows in found.items()
                )
                print(f"{name:10} {seed} spoiled {of.spoiled.mean():.3f} all {base:.3f}  {told}", flush=True)
        print(f"\n{setting}, means over {len(found['all'])} pools")
        for system, rows in found.items():
            cells = (f"{key} {statistics.fmean(row[key] for row in rows):+.3f}" for key in rows[0])
            print(f"| {system} | " + " | ".join(cells) + f" | worst {min(row['points'] for row in rows):+.1f} |")


if __name__ == "__main__":
    main()
