"""Does a hidden word beat a new head? PET against fine-tuning on a few rows of each class, on the same encoder.

python benchmarks/cloze.py head --seconds 2000        trains a masked-word head for MiniLM (kept in .cache/)
python benchmarks/cloze.py measure [--sets cr,mr,subj] [--shots 8,16] [--seeds 2] [--steps 50] [--test 300]

MiniLM has no masked-word head, so one is made first: on training *texts* of mr, cr, subj and pros_cons and on plain
English, without any label; embeddings and the lower four layers stay, and only hidden places see the vocabulary. Every
system then begins with this encoder. GOALS and HAND were written before any figure was seen. What is searched sees the
few training rows only. Writes results/cloze.json.
"""

from __future__ import annotations

import argparse
import gzip
import json
import random
import re
import shutil
import tempfile
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

import embedded
import sets
from autogpt import registry
from autogpt.autopilot.trial import Bench, Candidate, exhaust, make_job
from autogpt.core import Example
from autogpt.events import silent
from autogpt.methods import _gaps, cloze
from autogpt.probe import softmax
from autogpt.prompting import Prompt, gapped
from autogpt.runtime import Runtime
from autogpt.training.features import FeatureCache

MODEL = embedded.CACHE / "masked-minilm"
RESULTS = Path(__file__).parent / "results"
TEXTS = ("mr", "cr", "subj", "pros_cons")
HIDDEN, BATCH, LONGEST = 0.2, 32, 48
GOALS = {
    "mr": "decide whether a movie review is positive or negative",
    "cr": "decide whether a customer's comment on a product is positive or negative",
    "subj": "tell subjective from objective sentences about movies",
}
HAND = {
    "mr": (
        "{text} It was {label}.",
        "{text} A {label} movie.",
        "{text} The movie is {label}.",
        "{text} All in all, it was {label}.",
        "A {label} review: {text}",
    ),
    "cr": (
        "{text} It was {label}.",
        "{text} A {label} product.",
        "{text} The product is {label}.",
        "{text} All in all, it was {label}.",
        "A {label} review: {text}",
    ),
    "subj": (
        "{text} This is {label}.",
        "{text} It is {label}.",
        "{text} A {label} sentence.",
        "{text} The sentence is {label}.",
        "A {label} sentence: {text}",
    ),
}
WORDS = {
    "mr": {"positive": ("great",), "negative": ("terrible",)},
    "cr": {"positive": ("great",), "negative": ("terrible",)},
    "subj": {"subjective": ("opinion",), "objective": ("fact",)},
}


def texts() -> list[str]:
    """Training texts of the sets, and paragraphs of plain English, shuffled."""
    found = [row["text"] for name in TEXTS for row in sets.load(name, "full", 0).train]
    with gzip.open(sets.DATA / "plain_en_public_domain" / "all.jsonl.gz", "rt", encoding="utf-8") as lines:
        whole = [json.loads(line)["text"] for line in lines]
    parts = [part.strip() for text in whole for part in re.split(r"\n\s*\n", text) if 40 < len(part.strip()) < 1200]
    random.Random(1).shuffle(parts)
    found += parts[:6000]
    random.Random(2).shuffle(found)
    return found


def train_head(seconds: float) -> None:
    """The head and the top two layers, on words hidden of `texts`; the held-out loss is printed."""
    import torch
    from transformers import AutoModelForMaskedLM, AutoTokenizer

    from autogpt.backbones import _pretrained

    location = _pretrained.resolve(None).location
    model = AutoModelForMaskedLM.from_pretrained(location, use_safetensors=True).eval()
    tokenizer = AutoTokenizer.from_pretrained(location)
    rows = [ids for ids in tokenizer(texts(), truncation=True, max_length=LONGEST)["input_ids"] if len(ids) > 5]
    rng = np.random.default_rng(0)
    rng.shuffle(rows)
    held, rows = rows[:300], rows[300:]
    head, top = model.cls.predictions, [p for layer in model.bert.encoder.layer[4:] for p in layer.parameters()]
    counts = np.bincount(np.concatenate([ids[1:-1] for ids in rows]), minlength=len(tokenizer)) + 0.1
    with torch.no_grad():  # it begins as: the word whose vector the state is, or a common one
        head.bias.copy_(torch.from_numpy(np.log(counts / counts.sum())))
        head.transform.dense.weight.copy_(torch.eye(len(head.transform.dense.weight)))
        head.transform.dense.bias.zero_()
        head.transform.LayerNorm.weight.fill_(0.3)
    own = [*head.transform.parameters(), head.bias]
    for parameter in model.parameters():
        parameter.requires_grad_(False)
    for parameter in (*top, *own):
        parameter.requires_grad_(True)
    optimizer = torch.optim.AdamW([{"params": own, "lr": 2e-3}, {"params": top, "lr": 4e-4}], weight_decay=0.01)
    peaks, vectors = [group["lr"] for group in optimizer.param_groups], model.bert.embeddings.word_embeddings.weight

    def loss(part: list[list[int]], draw: Any) -> Any:
        ids, mask = np.zeros((len(part), max(map(len, part))), int), np.zeros((len(part), max(map(len, part))), int)
        hidden = np.zeros(ids.shape, bool)
        for place, one in enumerate(part):
            ids[place, : len(one)], mask[place, : len(one)] = one, 1
            count = max(1, round(HIDDEN * (len(one) - 2)))
            hidden[place, 1 + draw.choice(len(one) - 2, count, replace=False)] = True
        gold = torch.from_numpy(ids[hidden].copy())
        ids[hidden] = np.where(draw.random(hidden.sum()) < 0.9, tokenizer.mask_token_id, ids[hidden])
        states = model.bert(input_ids=torch.from_numpy(ids), attention_mask=torch.from_numpy(mask)).last_hidden_state
        logits = head.transform(states[torch.from_numpy(hidden)]) @ vectors.T + head.bias
        return torch.nn.functional.cross_entropy(logits, gold)

    def measured() -> float:
        draw = np.random.default_rng(9)
        with torch.no_grad():
            return float(np.mean([float(loss(held[at : at + 30], draw)) for at in range(0, len(held), 30)]))

    began, step, seen = time.monotonic(), 0, 0
    print(f"before: {measured():.3f} nats per hidden token", flush=True)
    while (share := (time.monotonic() - began) / seconds) < 1:
        for group, peak in zip(optimizer.param_groups, peaks, strict=True):
            group["lr"] = peak * min(1, (step + 1) / 30) * (0.5 * (1 + np.cos(np.pi * share)) + 0.02)
        part = rows[(step * BATCH) % len(rows) :][:BATCH]
        optimizer.zero_grad()
        loss(part, rng).backward()
        torch.nn.utils.clip_grad_norm_([*top, *own], 1.0)
        optimizer.step()
        step, seen = step + 1, seen + sum(map(len, part))
    print(f"after {step} steps, {seen:,} tokens: {measured():.3f} nats per hidden token", flush=True)
    shutil.rmtree(MODEL, ignore_errors=True)
    model.save_pretrained(MODEL)
    tokenizer.save_pretrained(MODEL)
    for name in ("sentence_bert_config.json", "modules.json", "1_Pooling/config.json"):
        if (Path(location) / name).is_file():
            (MODEL / name).parent.mkdir(exist_ok=True)
            shutil.copy(Path(location) / name, MODEL / name)


def bench(name: str, shots: int, seed: int, *, backbone: str | None) -> Bench:
    """Few rows of each class to learn from, and nothing to choose by."""
    data = sets.load(name, str(shots), seed)
    rows = [Example(place, {"text": row[data.text[0]]}, row[data.target]) for place, row in enumerate(data.train)]
    output, runtime = registry.get("outputs", "classes"), Runtime()
    space = output.space([row.target for row in rows])

    def opened() -> Any:
        return registry.get("backbones", "encoder").open(
            backbone, output="classes", size=len(space.labels), like=rows[0].inputs, runtime=runtime, offline=True
        )

    return Bench(
        train=rows, validation=(), output=output, space=space, metrics=(registry.get("metrics", "accuracy"),),
        open=opened, features=FeatureCache(opened), runtime=lambda: runtime, seed=seed, listen=silent,
        stop=lambda: False, goal=GOALS[name],
    )  # fmt: skip


def fitted(told: Bench, method: str, options: dict[str, Any], *, notes: list[str]) -> Any:
    """A method's scorer, its time unlimited."""
    with tempfile.TemporaryDirectory() as folder:
        job = make_job(told, Candidate(method, options), folder=Path(folder), remaining=lambda: 3600.0)
        scorer = exhaust(registry.get("methods", method).fit(job), method, silent)
        notes += job.notes
        return scorer


class Read:
    """States at the gaps of templates and frozen sentence vectors of test rows, read once for a set."""

    def __init__(self, name: str, test: int) -> None:
        self.rows = sets.load(name, "16", 0, test_rows=test).test
        self.inputs, self.gold = [{"text": row["text"]} for row in self.rows], [row["label"] for row in self.rows]
        told = bench(name, 16, 0, backbone=str(MODEL))
        self.filler = told.open().read_gap("{text} {mask}")
        self.encoders = {"frozen": told.open(), "frozen, MiniLM as it came": bench(name, 16, 0, backbone=None).open()}
        self.known: dict[str, Any] = {}

    def states(self, template: str) -> Any:
        """[N, D] at the gap of a cloze's template."""
        if template not in self.known:
            self.known[template] = self.filler.states(gapped(template), self.inputs)
        return self.known[template]

    def vectors(self, kind: str) -> Any:
        """Sentence vectors [N, D]."""
        if kind not in self.known:
            self.known[kind] = self.encoders[kind].features(self.inputs)
        return self.known[kind]

    def untrained(self, search: Any, prompt: Prompt) -> Any:
        """Scores [N, C] of label words, centred on the few training rows: what the method's untrained head says."""
        words = {label: prompt.words[label] for label in search.facts.names}
        weight, bias = self.filler.rows_of(gapped(prompt.template), words)
        centre = search.logits(prompt, len(search.target)).mean(axis=0)
        return self.states(prompt.template) @ weight.T + bias - centre


def shuffled(prompt: Prompt) -> Prompt:
    """Each label with the next one's words."""
    words = list(prompt.words.values())
    return replace(prompt, words=dict(zip(prompt.words, [*words[1:], words[0]], strict=True)))


def systems(read: Read, name: str, shots: int, seed: int, given: Any) -> Iterator[tuple[str, Any, list[str]]]:
    """(name, scores of the test rows, notes) of every system."""
    told = bench(name, shots, seed, backbone=str(MODEL))
    facts = _gaps.facts_of(told.train, told.space.labels, goal=told.goal, filler=read.filler, seed=seed)
    search = _gaps.Search(facts, has_time=lambda: True)
    for number, template in enumerate(HAND[name] if given.hand else (), 1):
        for kind, words in (("names", facts.names), ("words", WORDS[name])):
            yield f"hand {number} {kind}, untrained", read.untrained(search, Prompt.of(template, words)), [template]
    for _ in search.run(given.generators.split(",")):
        pass
    best, team = search.tried[0], search.chosen(3)
    notes = [one.told() for one in team]
    yield "searched, untrained, the best alone", read.untrained(search, best.prompt), notes[:1]
    parts = [softmax(read.untrained(search, one.prompt) / one.temperature) for one in team]
    yield "searched, untrained, up to 3 together", np.mean(parts, axis=0), notes
    yield "words shuffled, untrained", read.untrained(search, shuffled(best.prompt)), []
    for kind in ("frozen", "frozen, MiniLM as it came"):
        plain = told if kind == "frozen" else bench(name, shots, seed, backbone=None)
        scorer = fitted(plain, "head", {}, notes=[])
        head = scorer.net.head
        yield f"new head, {kind}", read.vectors(kind) @ head.weight.detach().numpy().T + head.bias.detach().numpy(), []
    tuning = {"epochs": given.steps * 8 / len(told.train), "batch_rows": 8}
    yield "new head, tuned", fitted(told, "full", tuning | {"dropout": True}, notes=[]).score(read.inputs), []
    for system, prompt in (("searched, tuned (PET)", best.prompt), ("words shuffled, tuned", shuffled(best.prompt))):
        yield system, fitted(replace(told, prompts=(prompt,)), "cloze", tuning, notes=[]).score(read.inputs), []


def measure(given: Any) -> None:
    """Accuracy of every system; each cell is written as soon as it is there."""
    path, found, reads = RESULTS / "cloze.json", list[dict[str, Any]](), dict[str, Read]()
    for seed in range(given.seeds):
        for shots in map(int, given.shots.split(",")):
            for name in given.sets.split(","):
                read = reads[name] = reads.get(name) or Read(name, given.test)
                labels = sorted(set(read.gold))
                began = time.monotonic()
                for system, scores, notes in systems(read, name, shots, seed, given):
                    answers = [labels[place] for place in np.asarray(scores).argmax(axis=1)]
                    right = [int(a == b) for a, b in zip(answers, read.gold, strict=True)]
                    cell = {"set": name, "shots": shots, "seed": seed, "system": system}
                    found.append(cell | {"accuracy": round(float(np.mean(right)), 4), "notes": notes})
                    took = f"{time.monotonic() - began:.0f} s"
                    print(f"{name} {shots} {seed} {system}: {100 * np.mean(right):.1f} ({took})", *notes, flush=True)
                    path.write_text(json.dumps(found, indent=0, ensure_ascii=False) + "\n", "utf-8")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("what", choices=("head", "measure"))
    parser.add_argument("--seconds", type=float, default=2000)
    parser.add_argument("--sets", default="cr,mr,subj")
    parser.add_argument("--shots", default="8,16")
    parser.add_argument("--seeds", type=int, default=2)
    parser.add_argument("--generators", default=",".join(cloze.GENERATORS))
    parser.add_argument("--hand", action=argparse.BooleanOptionalAction, default=True, help="five hand-written prompts")
    parser.add_argument("--steps", type=int, default=50)
    parser.add_argument("--test", type=int, default=300)
    given = parser.parse_args()
    if given.what == "head":
        train_head(given.seconds)
        return
    measure(given)


if __name__ == "__main__":
    main()
