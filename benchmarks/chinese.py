"""Chinese: an encoder with a tokenizer that suits, against characters counted and against the English encoder.

    python benchmarks/chinese.py [--sets weibo_ner,acts,cmrc2018,stsb] [--rows N] [--seeds 0] [--tests N]
        [--systems majority,tfidf,head,multilingual] [--steps 600] [--encoder FOLDER]

`head` and `multilingual` (all layers) are the embedded multilingual encoder (extra `multilingual`).

For `chinese` a small encoder of BERT's shape (2 layers, width 256, the vocabulary of
bert-base-chinese) is made by `--steps` of masked-language training on Chinese text: novels, and the texts of
training rows (never of test rows). It is saved as an ordinary folder and then used by name, as any other would be.

* `weibo_ner`: entities in microblogs, official split
* `acts`: the acts of a user's turn in CrossWOZ (several labels), its development dialogues to learn from
* `cmrc2018`: extractive questions; the development file to learn from, the trial file to test
* `stsb`: similarity of two sentences, machine-translated, official split

Systems: `majority`; `tfidf` (characters, or words near those of the question); `full` on the embedded English encoder,
on the multilingual one, and on the small Chinese one. Printed as JSON: a line per system and seed, and the paired lead
of each over `tfidf`.
"""

from __future__ import annotations

import argparse
import gzip
import json
import random
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import trials
from autogpt import runtime
from autogpt.core import Row, Schema
from sets import DATA

TOKENIZER = DATA.parent / "weights" / "tokenizers" / "bert-base-chinese" / "vocab.txt"
OPTIONS = {
    "weibo_ner": {"epochs": 12.0, "learning_rate": 3e-4, "batch_rows": 16, "embeddings": True, "dropout": True},
    "acts": {"epochs": 12.0, "learning_rate": 3e-4, "batch_rows": 16, "embeddings": True, "dropout": True},
    "cmrc2018": {"epochs": 4.0, "learning_rate": 3e-4, "batch_rows": 16, "embeddings": True, "dropout": True},
    "stsb": {"epochs": 4.0, "learning_rate": 3e-4, "batch_rows": 32, "embeddings": True, "dropout": True},
}
"""Set beforehand, the same for both encoders."""
KNOWN = {
    "weibo_ner": {"epochs": 4.0, "learning_rate": 2e-4, "dropout": True},
    "acts": {"epochs": 3.0, "learning_rate": 1e-4},
    "cmrc2018": {"epochs": 2.0, "learning_rate": 1e-4, "batch_rows": 12},
    "stsb": {"epochs": 3.0, "learning_rate": 1e-4},
}
"""For an encoder that knows the language, set beforehand as well; word embeddings stay as they are."""
MULTILINGUAL = "multilingual-e5-small"
CHUNK, MASKED, ROWS = 64, 0.15, 32


def read(name: str) -> list[dict[str, Any]]:
    with gzip.open(DATA / f"{name}.jsonl.gz", "rt", encoding="utf-8") as lines:
        return [json.loads(line) for line in lines]


def held_out(rows: Sequence[Any], share: float) -> tuple[list[Any], list[Any]]:
    """The rows without a random share of them, and that share."""
    order = list(range(len(rows)))
    random.Random(7).shuffle(order)
    cut = round(share * len(rows))
    return [rows[i] for i in order[cut:]], [rows[i] for i in order[:cut]]


def weibo_ner() -> trials.Parts:
    parts = [read(f"weibo_ner/{name}") for name in ("train", "dev", "test")]
    return trials.Parts.of(Schema("token-classification", ("tokens",), ("tags",)), *parts)


def acts() -> trials.Parts:
    """Turns of a user with at least one act; an act is its intent, domain and slot, without the value."""

    def turns(dialogues: Sequence[dict[str, Any]]) -> list[Row]:
        return [
            {"text": turn["text"], "acts": sorted({"-".join(act[:3]) for act in turn["acts"]})}
            for dialogue in dialogues
            for turn in dialogue["turns"]
            if turn["role"] == "user" and turn["acts"]
        ]

    train, held = held_out(read("crosswoz/dev"), 0.15)
    schema = Schema("multi-label-classification", ("text",), ("acts",))
    return trials.Parts.of(schema, turns(train), turns(held), turns(read("crosswoz/test")))


def cmrc2018() -> trials.Parts:
    train, held = held_out(read("cmrc2018/dev"), 0.1)
    schema = Schema("question-answering", ("question", "context"), ("answers", "starts"))
    return trials.Parts.of(schema, train, held, read("cmrc2018/trial"))


def stsb() -> trials.Parts:
    parts = [read(f"stsb/zh_{name}") for name in ("train", "dev", "test")]
    return trials.Parts.of(Schema("text-regression", ("sentence1", "sentence2"), ("score",)), *parts)


SETS: dict[str, Callable[[], trials.Parts]] = {
    "weibo_ner": weibo_ner, "acts": acts, "cmrc2018": cmrc2018, "stsb": stsb,
}  # fmt: skip


def corpus() -> Iterator[str]:
    """Chinese text without that of any test row."""
    for document in read("plain_zh_classics/all"):
        yield document["text"]
    yield from dict.fromkeys(row["context"] for row in read("cmrc2018/dev"))
    yield from (turn["text"] for dialogue in read("crosswoz/dev") for turn in dialogue["turns"])
    yield from (row[column] for row in read("stsb/zh_train") for column in ("sentence1", "sentence2"))
    yield from ("".join(row["tokens"]) for row in read("weibo_ner/train"))


def small_encoder(folder: Path, *, steps: int) -> None:
    """Masked-language training ("BERT", Devlin et al. 2019) of a small encoder from nothing.

    The words are told for hidden places alone: over a vocabulary of 21,128 all others would cost more than the body.
    """
    import torch
    from transformers import BertConfig, BertForMaskedLM, BertTokenizer, DataCollatorForLanguageModeling

    tokenizer = BertTokenizer(str(TOKENIZER))
    size = {"hidden_size": 256, "num_hidden_layers": 2, "num_attention_heads": 4, "intermediate_size": 1024}
    torch.manual_seed(0)
    model = BertForMaskedLM(BertConfig(vocab_size=len(tokenizer), **size))
    ids = [i for text in corpus() for i in tokenizer(text, add_special_tokens=False)["input_ids"]]
    chunks = [ids[start : start + CHUNK] for start in range(0, len(ids) - CHUNK, CHUNK)]
    collate = DataCollatorForLanguageModeling(tokenizer, mlm_probability=MASKED)
    optimizer = torch.optim.AdamW(model.parameters(), lr=1e-3, weight_decay=0.01, fused=True)
    machine, rng, started = runtime.detect(), random.Random(0), time.monotonic()
    model.train()
    for step in range(steps):
        batch = collate([{"input_ids": chunk} for chunk in rng.sample(chunks, ROWS)])
        for group in optimizer.param_groups:  # a short warm-up, then down to nothing
            group["lr"] = 1e-3 * min(1.0, (step + 1) / (0.05 * steps), 1 - step / steps)
        hidden = batch["labels"] != -100
        with machine.autocast():
            states = model.bert(batch["input_ids"], attention_mask=batch["attention_mask"]).last_hidden_state
            logits = model.cls(states[hidden])
        loss = torch.nn.functional.cross_entropy(logits.float(), batch["labels"][hidden])
        loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        optimizer.zero_grad(set_to_none=True)
        if step % 100 == 0:
            print(json.dumps({"masked-language step": step, "loss": round(loss.item(), 3)}), flush=True)
    model.bert.save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    made = {"encoder": folder.name, "steps": steps, "characters": len(ids), "loss": round(loss.item(), 3)}
    print(json.dumps({**made, "seconds": round(time.monotonic() - started, 1)}), flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--sets", default=",".join(SETS))
    parser.add_argument("--systems", default="majority,tfidf,english,head,multilingual")
    parser.add_argument("--tests", type=int, help="judge on so many test rows at most (default: all)")
    parser.add_argument("--steps", type=int, default=600, help="of masked-language training, where it must be made")
    parser.add_argument("--rows", type=int, help="learn from so many rows at most, every system (default: all)")
    parser.add_argument("--seeds", default="0")
    parser.add_argument("--encoder", type=Path, default=Path(__file__).parents[1] / "runs" / "small-bert-chinese")
    given = parser.parse_args()
    runtime.prepare_environment()
    if not (given.encoder / "config.json").is_file() and "chinese" in given.systems:
        small_encoder(given.encoder, steps=given.steps)
    for name in given.sets.split(","):
        parts = SETS[name]()
        parts = replace(parts, train=parts.train[: given.rows], test=parts.test[: given.tests])
        systems: dict[str, tuple[str, dict[str, Any], str | None]] = {
            "majority": ("majority", {}, None),
            "tfidf": ("tfidf", {}, None),
            "english": ("full", OPTIONS[name], None),
            "head": ("head", {}, MULTILINGUAL),
            "multilingual": ("full", KNOWN[name], MULTILINGUAL),
            "chinese": ("full", OPTIONS[name], str(given.encoder)),
        }
        rows = {"train": len(parts.train), "validation": len(parts.validation), "test": len(parts.test)}
        for seed in map(int, given.seeds.split(",")):
            found = {}
            for system in given.systems.split(","):
                method, options, backbone = systems[system]
                found[system], document = trials.run(parts, method, options, backbone=backbone, seed=seed)
                print(json.dumps({"set": name, "system": system, "seed": seed, **rows, **document}), flush=True)
            for system in (system for system in found if "tfidf" in found and system not in ("majority", "tfidf")):
                lead = trials.lead(parts, found[system], found["tfidf"])
                print(json.dumps({"set": name, "seed": seed, f"{system} over tfidf": lead}), flush=True)


if __name__ == "__main__":
    main()
