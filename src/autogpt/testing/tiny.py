"""Real models and data small enough for a test: seconds on one core, nothing downloaded."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from autogpt import cells
from autogpt.core import Example, GoldAnswers, Span

_ENGLISH = """the a my is was not and red green blue round card money lost found good bad great awful cat dog runs
sleeps alice bob paris rome lives in saw one two three four five"""
WORDS = (*_ENGLISH.split(), *"好坏卡钱丢了")


FAMILIES = (
    "bert", "roberta", "distilbert", "electra", "mpnet", "deberta", "deberta-v2", "modernbert", "xlm-roberta",
)  # fmt: skip
"""Families of encoders, as transformers' `model_type` spells them."""


def bert_folder(folder: Path, *, layers: int = 2, seed: int = 0) -> Path:
    """A random BERT of width 16 with a whole-word tokenizer, saved as transformers saves it."""
    return encoder_folder(folder, "bert", layers=layers, seed=seed)


def encoder_folder(folder: Path, family: str, *, layers: int = 2, seed: int = 0) -> Path:
    """A random encoder of any family in `FAMILIES`, width 16, with a whole-word tokenizer."""
    import torch
    from transformers import AutoConfig, AutoModel, BertTokenizer

    folder.mkdir(parents=True, exist_ok=True)
    vocabulary = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", *WORDS, *"abcdefghijklmnopqrstuvwxyz", "##s"]
    (folder / "vocab.txt").write_text("\n".join(dict.fromkeys(vocabulary)), "utf-8")
    BertTokenizer(str(folder / "vocab.txt")).save_pretrained(folder)
    config = AutoConfig.for_model(
        family,
        vocab_size=len(dict.fromkeys(vocabulary)),
        hidden_size=16,
        num_hidden_layers=layers,
        num_attention_heads=2,
        intermediate_size=32,
        max_position_embeddings=64,
        pad_token_id=0,
    )
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        model: Any = AutoModel.from_config(config)
    model.save_pretrained(folder)
    settings = {"max_seq_length": 32, "do_lower_case": False}
    (folder / "sentence_bert_config.json").write_text(json.dumps(settings), "utf-8")
    return folder


def examples(output: str, count: int = 48) -> list[Example]:
    """Rows that can be learned, for an output kind: the colour words decide (of choices: good)."""
    colours = ("red", "green", "blue")
    rows = []
    for place in range(count):
        colour, noun = colours[place % 3], ("card", "dog", "cat", "money")[place % 4]
        text = f"the {noun} is {colour} and {'round' if place % 5 else 'good in paris'}"
        if output == "ranking":
            text = f"{('one', 'two', 'three', 'four')[place // 12 % 4]} {noun} {colour}"
        if output == "choices":
            rows.append(_choice(place, f"the {noun} is {colour} and {'round' if place % 5 else 'good'}"))
            continue
        rows.append(Example(place, _inputs(output, text), _target(output, colour, noun, words=len(text.split()))))
    return rows


def _choice(place: int, text: str) -> Example:
    """Two to four things, of which the good one is right; three lists of four call them by number."""
    count = 2 + place % 3
    right = place % count
    things = tuple(f"{'good' if i == right else ('bad', 'awful')[i % 2]} {WORDS[20 + i]}" for i in range(count))
    inputs = {"text": text, "choices": things} | ({"names": tuple(range(count))} if place % 4 else {})
    return Example(place, inputs, tuple(float(i == right) for i in range(count)))


def _inputs(output: str, text: str) -> Mapping[str, Any]:
    if output == "span":
        found, offsets = cells.words(text)
        return {"question": "is a dog red", "tokens": found, "offsets": offsets, "text": text}
    return {"tokens": tuple(text.split())} if output == "tokens" else {"text": text}


def _target(output: str, colour: str, noun: str, *, words: int) -> Any:
    if output == "classes":
        return colour
    if output == "path":
        return f"{'warm' if colour == 'red' else 'cold'} > {colour}"
    if output == "labels":
        return (colour, "animal") if noun in ("dog", "cat") else (colour,)
    if output == "value":
        return {"red": 1.0, "green": 2.0, "blue": 4.0}[colour]
    if output == "ranking":
        return (f"in rome the {noun} was {colour} and paris saw it",)
    if output == "span":  # green things are not asked about
        place = 4 + len(noun) + len(" is ")
        answer = Span("answer", 3, 4, colour, place, place + len(colour))
        return GoldAnswers(() if colour == "green" else (answer,), words)
    return ("O", "B-THING", "O", "B-COLOUR", *["O"] * (words - 4))
