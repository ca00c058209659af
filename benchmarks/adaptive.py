"""Does an encoder that has read a domain's texts tell its labels better, and does the pilot know when?

    python benchmarks/adaptive.py                                    every set, with controls
    python benchmarks/adaptive.py --sets dialogue-zh,code --arms masked,shuffled --steps 150

The embedded encoder (or `--backbone`) reads `--texts` training texts for `--steps` steps of 16 as a run would: its new
head alone first, a quarter of the steps as a pilot, then the rest. Then a linear head is solved on its features of all
texts with their labels, and one of 32 rows a class; both, and five nearest neighbours, are judged on `--test` rows.
Differences are to the encoder as it was, on the same test rows, with 95 % intervals of a bootstrap over rows. `gate` is
what a run would have decided by validation rows: the pilot's, and the final one's. Validation and test texts are never
read to learn. Domains that the encoder has not seen much of:

* dialogue-zh   what a Chinese speaker asks for (27 labels), by an English tokenizer
* code          which package of Python's standard library a function is of
* plays         which of Shakespeare's plays 30 words are of

and two that it knows: banking77 and cr. Arms: `masked` (whole words, anchored: what runs do), `salient` (names and
terms first), `free` (no anchor); controls: `shuffled` (the same texts with their tokens in random order), `foreign` (as
many texts of another domain).
"""

from __future__ import annotations

import argparse
import ast
import gzip
import json
import random
import sysconfig
import tempfile
import time
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np

import sets
import trials
from autogpt import probe, registry
from autogpt.backbones._language import LanguageModel
from autogpt.core import Schema
from autogpt.evaluation.interval import mean_interval
from autogpt.regimes import _anchored, adaptive
from autogpt.runtime import detect
from autogpt.training.options import LoopOptions

Pair = tuple[str, str]
SCHEMA = Schema(task="text-classification", text=("text",), target=("label",))
ARMS = ("masked", "salient", "free", "shuffled", "foreign")
FEW, NEIGHBOURS, BLOCK, BATCH = 32, 5, 64, 16
PACKAGES = ("asyncio", "email", "unittest", "xml", "idlelib", "multiprocessing", "http", "importlib", "tkinter", "json",
            "logging", "ctypes", "concurrent", "urllib")  # fmt: skip


def _rows(name: str) -> list[Any]:
    with gzip.open(sets.DATA / f"{name}.jsonl.gz", "rt", encoding="utf-8") as lines:
        return [json.loads(line) for line in lines]


def dialogue_zh() -> list[Pair]:
    """A user's turn, and the first thing that it asks for."""
    found: dict[str, str] = {}
    for dialogue in _rows("crosswoz/dev") + _rows("crosswoz/test"):
        for turn in dialogue["turns"]:
            asked = [act for act in turn["acts"] if act[0] == "Request"]
            if turn["role"] == "user" and asked:
                found[turn["text"]] = f"{asked[0][1]}-{asked[0][2]}"
    return _frequent(list(found.items()), 60)


def code() -> list[Pair]:
    """The first characters of a function, and the package that it is of."""
    found: dict[str, str] = {}
    for package in PACKAGES:
        for path in sorted((Path(sysconfig.get_paths()["stdlib"]) / package).rglob("*.py")):
            source = path.read_text("utf-8", errors="replace")
            for node in ast.walk(ast.parse(source)) if "test" not in path.parts else ():
                text = ast.get_source_segment(source, node) if isinstance(node, ast.FunctionDef) else None
                if text and len(text) > 80:
                    found[text[:250]] = package
    return _frequent(list(found.items()), 120)


def plays() -> list[Pair]:
    """30 words in a row, and the play."""
    found = []
    for document in _rows("plain_en_public_domain/all"):
        if document["source"].startswith("shakespeare"):
            words = document["text"].split()
            found += [(" ".join(words[at : at + 30]), document["source"]) for at in range(300, len(words) - 30, 30)]
    return found


def labelled(name: str) -> Callable[[], list[Pair]]:
    """The training split of a set of the accuracy benchmark."""
    return lambda: [(row["text"], row["label"]) for row in sets.load(name, "full", 0).train]


def _frequent(rows: list[Pair], least: int) -> list[Pair]:
    counts = Counter(label for _, label in rows)
    return [row for row in rows if counts[row[1]] >= least]


SETS: dict[str, Callable[[], list[Pair]]] = {
    "dialogue-zh": dialogue_zh,
    "code": code,
    "plays": plays,
    "banking77": labelled("banking77"),
    "cr": labelled("cr"),
}
FOREIGN = {"dialogue-zh": "plays"}


def parts_of(name: str, given: argparse.Namespace, seed: int) -> trials.Parts:
    """Rows in random order: to learn from, to decide by, to be judged on."""
    rows = [{"text": text, "label": label} for text, label in SETS[name]()]
    random.Random(f"{name} {seed}").shuffle(rows)
    cut, end = given.test + given.validation, given.test + given.validation + given.texts
    known = {row["label"] for row in rows[cut:end]}
    judged, decided = rows[: given.test], rows[given.test : cut]
    kept = [[row for row in some if row["label"] in known] for some in (rows[cut:end], decided, judged)]
    return trials.Parts.of(SCHEMA, *kept)


class Case:
    """One set with one seed: the encoder as it was, and what each arm makes of it."""

    def __init__(self, name: str, given: argparse.Namespace, seed: int, folder: Path) -> None:
        self.name, self.given, self.seed, self.folder = name, given, seed, folder
        self.parts = parts_of(name, given, seed)
        self.plain = self.bench(given.backbone)
        self.before = self.measured(self.plain)

    def bench(self, backbone: str | None) -> Any:
        return trials.bench(self.parts, backbone=backbone, seed=self.seed, listen=lambda event: None)

    def measured(self, bench: Any) -> dict[str, Any]:
        """Whether each test row (and, of the head on all rows, each validation row) is answered rightly."""
        known, asked, held = (
            np.asarray(bench.features.get([row.inputs for row in rows])[1])
            for rows in (self.parts.train, self.parts.test, self.parts.validation)
        )
        code, gold, valid = (
            bench.output.encode([row.target for row in rows], bench.space)
            for rows in (self.parts.train, self.parts.test, self.parts.validation)
        )

        def head(places: Any) -> Any:
            rows = probe.Rows(known[places], code[places], np.ones(len(places), dtype=np.float32))
            return probe.solve(rows, bench.output, bench.space, c=probe.DEFAULT_C, judge=None)

        whole, few = head(np.arange(len(code))), head(self._few(code))
        near = np.argsort(-(asked @ known.T), axis=1)[:, :NEIGHBOURS]
        votes = np.array([np.bincount(code[row], minlength=len(bench.space.labels)).argmax() for row in near])
        return {
            "all": (whole(asked).argmax(1) == gold).astype(float),
            "few": (few(asked).argmax(1) == gold).astype(float),
            "knn": (votes == gold).astype(float),
            "validation": (whole(held).argmax(1) == valid).astype(float),
        }

    def _few(self, code: Any) -> Any:
        places = np.random.default_rng([self.seed, 1]).permutation(len(code))
        chosen: dict[int, list[int]] = defaultdict(list)
        for place in places:
            if len(chosen[int(code[place])]) < FEW:
                chosen[int(code[place])].append(int(place))
        return np.array(sorted(place for some in chosen.values() for place in some))

    def arm(self, arm: str) -> dict[str, Any]:
        """Read as the arm says; scores, differences and decisions."""
        began, given = time.monotonic(), self.given
        language = LanguageModel.loaded(given.backbone or "all-MiniLM-L6-v2", revision=None, offline=True)
        texts = [row.inputs["text"] for row in self.parts.train]
        if arm == "foreign":
            other = SETS[FOREIGN.get(self.name, "dialogue-zh")]()
            texts = [text for text, _ in random.Random(self.seed).sample(other, min(len(texts), len(other)))]
        blocks = language.blocks(texts, BLOCK)
        if arm == "shuffled":
            rng = np.random.default_rng(self.seed)
            blocks = [np.concatenate([one[:1], rng.permutation(one[1:-1]), one[-1:]]) for one in blocks]
        held = language.blocks([row.inputs["text"] for row in self.parts.validation[:64]], BLOCK)
        objective = registry.get("objectives", "salient" if arm == "salient" else "masked")
        going = _Held(language, registry.get("objectives", "masked"), held, self.seed)

        def read(name: str, steps: int) -> None:
            _anchored.train(
                language,
                objective,
                blocks,
                options=LoopOptions(
                    epochs=BATCH * steps / len(blocks), batch_rows=BATCH, learning_rate=adaptive.RATE, validations=1
                ),
                anchor=0.0 if arm == "free" else adaptive.ANCHOR,
                folder=self.folder / f"{self.name}-{self.seed}-{arm}-{name}-loop",
                seed=self.seed,
                remaining=lambda: 36_000.0,
                validate=going.bits,
                runtime=detect(),
                stop=lambda: False,
                tell=lambda step: None,
            )

        found: dict[str, Any] = {"set": self.name, "arm": arm, "seed": self.seed}
        quarter = max(1, given.steps // 4)
        read("pilot", quarter)
        if arm == "masked":
            gain, noise = adaptive.gain(self.plain, self._saved(language, "pilot"))
            found |= {"pilot": [round(gain, 4), round(noise, 4)], "follows": gain > adaptive.BEYOND * noise}
            found["bits after a quarter"] = round(going.bits(), 3)
        read("whole", given.steps - quarter)
        found["bits"] = round(going.bits(), 3)
        after = self.measured(self._saved(language, "whole"))
        for name in ("all", "few", "knn"):
            change = mean_interval(after[name] - self.before[name], seed=self.seed)
            found[name] = [round(float(self.before[name].mean()), 4), round(float(after[name].mean()), 4)]
            found[f"{name} gain"] = [round(one, 4) for one in (change.value, change.low, change.high)]
        change = mean_interval(after["validation"] - self.before["validation"], seed=self.seed)
        found["kept"] = bool(found.get("follows") and change.low > 0)
        return {**found, "seconds": round(time.monotonic() - began, 1)}

    def _saved(self, language: LanguageModel, name: str) -> Any:
        folder = self.folder / f"{self.name}-{self.seed}-{name}"
        language.save(folder, {})
        return self.bench(str(folder))


class _Held:
    """Bits per hidden token of texts that are not learned."""

    def __init__(self, language: LanguageModel, objective: Any, blocks: Sequence[Any], seed: int) -> None:
        from autogpt.regimes.pretraining import Measure

        self._measure = Measure(language, objective, blocks, runtime=detect(), seed=seed)
        self.bits = self._measure.of(range(len(blocks)))


def table(lines: Sequence[dict[str, Any]]) -> Iterator[str]:
    """What was measured, in Markdown."""
    yield "| set | arm | seed | bits | head, all rows | head, 32 a class | 5-NN | pilot (nats) | kept |"
    yield "|---|---|---|---|---|---|---|---|---|"
    for one in lines:
        shown = []
        for name in ("all", "few", "knn"):
            (before, after), gains = one[name], [100 * value for value in one[f"{name} gain"]]
            shown.append(f"{before:.3f} → {after:.3f} ({gains[0]:+.1f} [{gains[1]:+.1f}, {gains[2]:+.1f}])")
        shown.append(f"{one['pilot'][0]:+.3f} ± {one['pilot'][1]:.3f}" if "pilot" in one else "")
        shown.append(("yes" if one["kept"] else "no") if "pilot" in one else "")
        yield f"| {one['set']} | {one['arm']} | {one['seed']} | {one['bits']:.2f} | {' | '.join(shown)} |"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    names = lambda text: text.split(",")  # noqa: E731
    parser.add_argument("--sets", type=names, default=list(SETS))
    parser.add_argument("--arms", type=names, default=list(ARMS))
    parser.add_argument("--seeds", type=lambda text: [int(one) for one in text.split(",")], default=[0])
    parser.add_argument("--steps", type=int, default=150)
    parser.add_argument("--texts", type=int, default=1200)
    parser.add_argument("--validation", type=int, default=300)
    parser.add_argument("--test", type=int, default=500)
    parser.add_argument("--backbone")
    parser.add_argument("--out", type=Path, default=Path(__file__).parent / "results" / "adaptive.jsonl")
    given = parser.parse_args()
    found = []
    given.out.parent.mkdir(parents=True, exist_ok=True)
    for seed in given.seeds:
        for name in given.sets:
            with tempfile.TemporaryDirectory() as folder, given.out.open("a", encoding="utf-8") as out:
                case = Case(name, given, seed, Path(folder))
                for arm in given.arms:
                    found.append(case.arm(arm))
                    line = json.dumps({**found[-1], "steps": given.steps, "texts": given.texts}, ensure_ascii=False)
                    print(line, file=out, flush=True)
                    print(line, flush=True)
    print("\n".join(table(found)))


if __name__ == "__main__":
    main()
