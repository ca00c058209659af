"""A function in one language to the same function in another, from nothing: does what is written run, and is it right?

    python benchmarks/code_pairs.py --rows 6000 --limit 600 [--tests 300] [--systems full,tfidf]

JavaScript functions of a drawn grammar (arithmetic, comparisons, choices, local variables, calls of Math) and what they
are in Python. Test functions have bodies that no function to learn from has. What a model writes is run in the sandbox
on some arguments, and must give what the right function gives; its text need not be the same. With `--samples 10` so
many functions are drawn for each as well, at temperature 0.8: pass@1 and pass@10. With `--warm 120` the backbone is a
small BERT (word pieces, uncased) that `autogpt pretrain` taught hidden words of the functions to learn from for so
many seconds, made into both halves of a pair.
"""

from __future__ import annotations

import argparse
import ast
import json
import random
import tempfile
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import torch

from autogpt import AutoGPT
from autogpt.config import Pretraining, RunConfig, Search
from autogpt.regimes.pretraining import pretrain
from autogpt.sandbox import pass_at_k, run_python

NAMES = ("add", "scale", "total", "mix", "shift", "clamp", "score", "rate", "pick", "price", "level", "gain", "bound")
PARAMETERS = ("a", "b"), ("x", "y"), ("left", "right"), ("n", "m")
ARGUMENTS = ((3, 5), (7, 2), (-4, 9), (0, 1), (6, 6))
GOAL = "turn the JavaScript function into Python code"


def expression(rng: random.Random, names: tuple[str, ...], depth: int) -> tuple[str, str]:
    """A drawn expression, in JavaScript and in Python."""
    kind = rng.choice(("leaf", "sum", "sum", "choice", "call")) if depth else "leaf"
    if kind == "leaf":
        one = rng.choice((*names, *names, str(rng.randrange(1, 10))))
        return one, one
    (a, pa), (b, pb) = expression(rng, names, depth - 1), expression(rng, names, depth - 1)
    if kind == "sum":
        sign = rng.choice(("+", "-", "*"))
        return f"({a} {sign} {b})", f"({pa} {sign} {pb})"
    if kind == "call":
        name = rng.choice(("max", "min"))
        return f"Math.{name}({a}, {b})", f"{name}({pa}, {pb})"
    sign, same = rng.choice(((">", ">"), ("<", "<"), ("===", "=="), ("!==", "!=")))
    c, pc = expression(rng, names, 0)
    return f"({a} {sign} {c} ? {b} : {c})", f"({pb} if {pa} {same} {pc} else {pc})"


def pair(rng: random.Random) -> dict[str, str]:
    """A drawn function in both languages."""
    name, names = rng.choice(NAMES), rng.choice(PARAMETERS)
    first, second = names
    if rng.random() < 0.4:
        (a, pa), (b, pb) = expression(rng, names, 1), expression(rng, (*names, "t"), 1)
        script = f"function {name}({first}, {second}) {{ let t = {a}; return {b}; }}"
        return {"javascript": script, "python": f"def {name}({first}, {second}):\n    t = {pa}\n    return {pb}"}
    a, pa = expression(rng, names, 2)
    script = f"function {name}({first}, {second}) {{ return {a}; }}"
    return {"javascript": script, "python": f"def {name}({first}, {second}):\n    return {pa}"}


def pairs(rows: int, tests: int, seed: int) -> tuple[list[dict[str, str]], list[dict[str, str]]]:
    """Functions to learn from, and functions whose bodies are not among them."""
    rng = random.Random(f"{seed} pairs")
    found: dict[str, dict[str, str]] = {}
    while len(found) < rows + tests:
        one = pair(rng)
        found.setdefault(one["javascript"].split("{", 1)[1], one)
    drawn = list(found.values())
    rng.shuffle(drawn)
    return drawn[:rows], drawn[rows:]


def runs(code: str, right: str) -> str:
    """`right`, `wrong`, `broken` (it does not parse or raises)."""
    name = right.split("(", 1)[0].removeprefix("def ")
    try:
        ast.parse(code)
    except (SyntaxError, ValueError):
        return "broken"
    calls = f"\nprint([{name}(*one) for one in {ARGUMENTS!r}])"
    found, wanted = run_python(code + calls), run_python(right + calls)
    return "broken" if not found.ok else "right" if found.output == wanted.output else "wrong"


def _drawn(model: Any, test: list[dict[str, str]], seed: int) -> list[str]:
    """A function for each row, its tokens drawn at temperature 0.8."""
    usual = model.scorer.decoding
    model.scorer.decoding = replace(usual, temperature=0.8, beams=1)
    torch.manual_seed(seed)
    found = [str(one.value) for one in model.predict([row["javascript"] for row in test])]
    model.scorer.decoding = usual
    return found


def bert(rows: list[dict[str, str]], folder: Path, *, seconds: float, seed: int) -> str:
    """A BERT of 3 layers of 128 with word pieces of its own, pretrained on functions in both languages."""
    from tokenizers import BertWordPieceTokenizer
    from transformers import BertConfig, BertForMaskedLM, BertTokenizer

    texts = [text for row in rows for text in row.values()]
    made = BertWordPieceTokenizer(lowercase=True)
    made.train_from_iterator(texts, vocab_size=600, show_progress=False)
    drawn = folder / "drawn"
    drawn.mkdir(parents=True)
    made.save_model(str(drawn))
    tokenizer = BertTokenizer(str(drawn / "vocab.txt"))
    tokenizer.save_pretrained(drawn)
    torch.manual_seed(seed)
    shape = {"hidden_size": 128, "num_hidden_layers": 3, "num_attention_heads": 4, "intermediate_size": 384}
    BertForMaskedLM(BertConfig(vocab_size=len(tokenizer), **shape)).save_pretrained(drawn)
    (folder / "texts.jsonl").write_text("".join(json.dumps({"text": text}) + "\n" for text in texts), "utf-8")
    config = RunConfig(
        data=str(folder / "texts.jsonl"), output=str(folder), seed=seed, time_limit=seconds,
        search=Search(backbone=str(drawn)),
    )  # fmt: skip
    found = pretrain(config, Pretraining(learning_rate=2e-3, block=64, batch_rows=32))
    print(json.dumps({"warm": {name: found.facts[name] for name in ("measure", "before", "after")}}), flush=True)
    return str(found.model)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rows", type=int, default=6000)
    parser.add_argument("--tests", type=int, default=300)
    parser.add_argument("--limit", type=float, default=600.0, help="seconds")
    parser.add_argument("--systems", type=lambda text: text.split(","), default=["full", "tfidf"])
    parser.add_argument("--backbone", default=None, help="folder or Hub name (default: from nothing)")
    parser.add_argument("--warm", type=float, default=0.0, help="seconds that a small BERT is pretrained for")
    parser.add_argument("--samples", type=int, default=0, help="functions that are drawn for each (a trained model)")
    parser.add_argument("--family", default=None, help="decoder or encoder-decoder (from nothing)")
    parser.add_argument("--hidden-size", type=int, default=None)
    parser.add_argument("--seed", type=int, default=0)
    given = parser.parse_args()
    train, test = pairs(given.rows, given.tests, given.seed)
    with tempfile.TemporaryDirectory() as place:
        warm = bert(train, Path(place), seconds=given.warm, seed=given.seed) if given.warm else given.backbone
        for system in given.systems:
            print(json.dumps(judged(system, train, test, warm, given)), flush=True)


def judged(
    system: str,
    train: list[dict[str, str]],
    test: list[dict[str, str]],
    backbone: str | None,
    given: argparse.Namespace,
) -> dict[str, Any]:
    """A run of one method, and what its functions do."""
    began = time.monotonic()
    with tempfile.TemporaryDirectory() as folder:
        search = Search(methods=system, backbone=backbone)
        shape = {"family": given.family, "hidden_size": given.hidden_size}
        made = AutoGPT(output=folder, seed=given.seed, search=search, **shape)
        model = made.train(train, test, goal=GOAL, time_limit=given.limit)
        answers = [one.value for one in model.predict([row["javascript"] for row in test])]
        drawn = [_drawn(model, test, seed) for seed in range(given.samples)]
    ended = [runs(answer, row["python"]) for answer, row in zip(answers, test, strict=True)]
    document: dict[str, Any] = {"system": system, "rows": len(train), "tests": len(test)}
    document |= {name: round(ended.count(name) / len(ended), 4) for name in ("right", "wrong", "broken")}
    right = np.sum([[runs(a, r["python"]) == "right" for a, r in zip(d, test, strict=True)] for d in drawn], axis=0)
    for k in sorted({1, given.samples}) if drawn else ():
        document[f"pass@{k}"] = round(float(np.mean([pass_at_k(given.samples, int(c), k) for c in right])), 4)
    document["same text"] = sum(a == row["python"] for a, row in zip(answers, test, strict=True)) / len(test)
    return {**document, "seconds": round(time.monotonic() - began, 1)}


if __name__ == "__main__":
    main()
