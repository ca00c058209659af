"""Does an encoder that learned vectors from texts alone (SimCSE, TSDAE) tell more, and from what part of the texts?

    python benchmarks/vectors.py
    python benchmarks/vectors.py --layers 2 --sets stsb --arms simcse,tsdae,simcse:among --seeds 0,1,2 --steps 60

The embedded encoder, whole or cut to its lower `--layers` (which nobody tuned for vectors of sentences, and whose mean
is not normalised), or `--backbone`, reads `--texts` texts of the training split for `--steps` steps of 16, what is new
trained alone before. Then its vectors are judged on `--test` rows that it never read:

* stsb: Spearman correlation of people's scores with the cosine of two vectors ("cosine"), and with a linear head that
  `--few` labelled pairs taught ("head")
* cr, banking77, code (of which package a function is): accuracy of a linear head that `--few` labelled rows taught
  ("head"), and of 5 neighbours

Arms: any objective of encoders, or `none`. `NAME+words` gives badly split words of the texts tokens of their own first
(`--most` at most; `none+words` shows what that changes at once). `NAME:within` and `NAME:among` are controls: the same
texts with their words shuffled within each, or among all of them, which leaves no text any meaning. A gain that a
control keeps is no gain from the texts. Each line is one seed (other texts, labels, test rows and dropout), paired with
the same encoder as it was; the table has means over seeds with 95 % intervals (Student's).
"""

from __future__ import annotations

import argparse
import gzip
import json
import random
import tempfile
import time
from collections import defaultdict
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from scipy import stats

import adaptive as adaptive_sets
import sets
import trials
from autogpt import probe, registry
from autogpt.backbones._language import LanguageModel
from autogpt.core import Schema
from autogpt.regimes import _anchored, adaptive
from autogpt.regimes._reading import bits_of, texts_of
from autogpt.regimes._vocabulary import extended
from autogpt.runtime import detect
from autogpt.training.options import LoopOptions

BLOCK, BATCH, NEIGHBOURS = 64, 16, 5
TEXTS = Schema(task="text-classification", text=("text",), target=("label",))
PAIRS = Schema(task="text-regression", text=("sentence1", "sentence2"), target=("score",))


def rows_of(name: str) -> tuple[Schema, list[dict[str, Any]], list[dict[str, Any]]]:
    """A schema, and rows to learn from and to be judged on."""
    if name == "stsb":
        return PAIRS, *(read(f"stsb/en_{part}") for part in ("train", "dev"))
    if name == "code":
        rows = [{"text": text, "label": label} for text, label in adaptive_sets.code()]
        random.Random(name).shuffle(rows)
        return TEXTS, rows[len(rows) // 3 :], rows[: len(rows) // 3]
    found = sets.load(name, "full", 0)
    return TEXTS, [dict(row) for row in found.train], [dict(row) for row in found.test]


def read(name: str) -> list[dict[str, Any]]:
    with gzip.open(sets.DATA / f"{name}.jsonl.gz", "rt", encoding="utf-8") as lines:
        return [json.loads(line) for line in lines]


def cut(layers: int, folder: Path) -> str:
    """A folder with the lower layers of the embedded encoder, and nothing that says how its vectors are made."""
    language = LanguageModel.loaded("all-MiniLM-L6-v2", revision=None, offline=True)
    body = language.model.base_model
    body.encoder.layer = body.encoder.layer[:layers]
    body.config.num_hidden_layers = layers
    body.save_pretrained(folder)
    language.tokenizer.save_pretrained(folder)
    return str(folder)


def shuffled(texts: Sequence[str], how: str, rng: np.random.Generator) -> list[str]:
    """Texts of as many words as before, shuffled `within` each or `among` all."""
    words = [text.split() for text in texts]
    if how == "within":
        return [" ".join(rng.permutation(row).tolist()) for row in words]
    every = iter(rng.permutation([word for row in words for word in row]).tolist())
    return [" ".join(next(every) for _ in row) for row in words]


class Case:
    """One set with one seed, and what an encoder tells of it."""

    def __init__(self, name: str, backbone: str | None, given: argparse.Namespace, seed: int, folder: Path) -> None:
        self.name, self.backbone, self.given, self.seed, self.folder = name, backbone, given, seed, folder
        schema, learned, judged = rows_of(name)
        rng = np.random.default_rng([seed, 3])
        chosen = [learned[place] for place in rng.permutation(len(learned))[: given.texts + 64]]
        asked = [judged[place] for place in rng.permutation(len(judged))[: given.test]]
        self.parts = trials.Parts.of(schema, chosen[: given.texts], chosen[given.texts :], asked)
        self.before = self.told(backbone)

    def told(self, backbone: str | None) -> dict[str, float]:
        """Scores on test rows."""
        few = trials.Parts(self.parts.task, self.parts.train[: self.given.few], [], self.parts.test)
        bench = trials.bench(few, backbone=backbone, seed=self.seed, listen=lambda event: None)
        known, asked = (
            np.asarray(bench.features.get([row.inputs for row in rows])[1]) for rows in (few.train, few.test)
        )
        rows = probe.Rows.of_examples(few.train, known, bench.output, bench.space, free=bench.features.free)
        head = probe.solve(rows, bench.output, bench.space, c=probe.DEFAULT_C, judge=None)(asked)
        gold = [row.target for row in few.test]
        if self.name == "stsb":
            return {"cosine": _spearman(_cosine(bench, few.test), gold), "head": _spearman(head[:, 0], gold)}
        code, answers = bench.output.encode([row.target for row in few.train], bench.space), bench.space.labels
        near = np.argsort(-(_unit(asked) @ _unit(known).T), axis=1)[:, :NEIGHBOURS]
        votes = [answers[int(np.bincount(code[row], minlength=len(answers)).argmax())] for row in near]
        told = [answers[int(place)] for place in head.argmax(axis=1)]
        return {"head": _share(told, gold), "neighbours": _share(votes, gold)}

    def arm(self, arm: str) -> dict[str, Any]:
        """Read as the arm says, and be judged."""
        began, given = time.monotonic(), self.given
        name, _, how = arm.partition(":")
        name, _, words = name.partition("+")
        objective = registry.get("objectives", "simcse" if name == "none" else name)
        language = LanguageModel.loaded(self.backbone or "all-MiniLM-L6-v2", revision=None, offline=True)
        texts, held = (
            texts_of([row.inputs for row in rows], objective) for rows in (self.parts.train, self.parts.validation)
        )
        texts = shuffled(texts, how, np.random.default_rng([self.seed, 5])) if how else texts
        told = extended(language, texts, given.most) if words else ""
        blocks, measured, signs = language.blocks(texts, BLOCK), language.blocks(held, BLOCK), language.signs()

        def validate() -> float:
            lost, known = bits_of(language, objective, measured, signs=signs, seed=self.seed, place=0)
            return float(lost.sum() / known.sum())

        bits = [validate()]
        if name != "none":
            _anchored.train(
                language,
                objective,
                blocks,
                options=LoopOptions(
                    epochs=BATCH * given.steps / len(blocks), batch_rows=BATCH, learning_rate=given.rate
                ),
                anchor=given.anchor,
                folder=self.folder / arm / "loop",
                seed=self.seed,
                remaining=lambda: 36_000.0,
                validate=validate,
                runtime=detect(),
                stop=lambda: False,
                tell=lambda step: None,
            )
        bits.append(validate())
        language.save(self.folder / arm / "saved", {})
        after = self.told(str(self.folder / arm / "saved"))
        found = {
            "set": self.name,
            "arm": arm,
            "seed": self.seed,
            "bits": [round(one, 3) for one in bits],
            "words": told,
        }
        scores = {key: [round(self.before[key], 4), round(after[key], 4)] for key in after}
        return {**found, **scores, "seconds": round(time.monotonic() - began, 1)}


def _cosine(bench: Any, rows: Sequence[Any]) -> Any:
    """Cosines [N] of the vectors of the two texts of rows."""
    import torch

    encoder = bench.features.encoder()
    sides = []
    for key in ("text", "text_pair"):
        ids = encoder.tokenizer([row.inputs[key] for row in rows], padding=True, return_tensors="pt")
        with torch.inference_mode():
            sides.append(encoder.net.sentence(ids["input_ids"], ids["attention_mask"]).numpy())
    return (_unit(sides[0]) * _unit(sides[1])).sum(axis=1)


def _unit(rows: Any) -> Any:
    return rows / np.linalg.norm(rows, axis=1, keepdims=True)


def _share(told: Sequence[Any], gold: Sequence[Any]) -> float:
    return float(np.mean([one == other for one, other in zip(told, gold, strict=True)]))


def _spearman(told: Any, gold: Any) -> float:
    return float(stats.spearmanr(told, gold).statistic)


def table(lines: Sequence[dict[str, Any]]) -> Iterator[str]:
    """Means over seeds in Markdown: before, after, and the paired difference with its 95 % interval."""
    yield "| set | arm | measure | before | after | difference | seeds |"
    yield "|---|---|---|---|---|---|---|"
    groups: dict[tuple[str, str], list[dict[str, Any]]] = defaultdict(list)
    for line in lines:
        groups[line["set"], line["arm"]].append(line)
    for (name, arm), some in groups.items():
        for key in ("cosine", "head", "neighbours"):
            if key in some[0]:
                pairs = 100 * np.array([one[key] for one in some])
                ways = pairs[:, 1] - pairs[:, 0]
                wide = stats.t.ppf(0.975, len(ways) - 1) * stats.sem(ways) if len(ways) > 1 else float("nan")
                means, way = pairs.mean(axis=0), ways.mean()
                told = f"{means[0]:.1f} | {means[1]:.1f} | {way:+.1f} [{way - wide:+.1f}, {way + wide:+.1f}]"
                yield f"| {name} | {arm} | {key} | {told} | {len(ways)} |"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    names = lambda text: text.split(",")  # noqa: E731
    parser.add_argument("--sets", type=names, default=["stsb", "cr", "banking77"])
    parser.add_argument("--arms", type=names, default=["masked", "simcse", "tsdae", "simcse:among", "tsdae:among"])
    parser.add_argument("--seeds", type=lambda text: [int(one) for one in text.split(",")], default=[0, 1, 2])
    parser.add_argument("--layers", type=int)
    parser.add_argument("--backbone")
    parser.add_argument("--steps", type=int, default=100)
    parser.add_argument("--texts", type=int, default=1000)
    parser.add_argument("--few", type=int, default=100)
    parser.add_argument("--test", type=int, default=500)
    parser.add_argument("--most", type=int, default=500)
    parser.add_argument("--rate", type=float, default=adaptive.RATE)
    parser.add_argument("--anchor", type=float, default=0.0)
    parser.add_argument("--out", type=Path, default=Path(__file__).parent / "results" / "vectors.jsonl")
    given = parser.parse_args()
    given.out.parent.mkdir(parents=True, exist_ok=True)
    found = []
    with tempfile.TemporaryDirectory() as place, given.out.open("a", encoding="utf-8") as out:
        backbone = cut(given.layers, Path(place) / "cut") if given.layers else given.backbone
        for seed in given.seeds:
            for name in given.sets:
                case = Case(name, backbone, given, seed, Path(place) / f"{name}-{seed}")
                for arm in given.arms:
                    found.append(case.arm(arm))
                    told = {**found[-1], "layers": given.layers, "steps": given.steps, "texts": given.texts}
                    print(json.dumps(told), file=out, flush=True)
                    print(json.dumps(told), flush=True)
    print("\n".join(table(found)))


if __name__ == "__main__":
    main()
