"""Written texts of a format: are all of them well-formed, what does that cost, and does it make answers better?

    python benchmarks/formats.py --part untrained,trained,controls [--texts 500] [--epochs 20] [--seeds 3]

`untrained`: texts drawn at temperature 1 from language models without training, free and kept to a grammar that was
learned of drawn records (JSON) and pages (HTML). Only a constraint can make such texts well-formed. Whether a record is
valid is judged by a check of its own here and not by the grammar. Times are CPU time.
`trained`: a sentence to its record, by a small model that few rows leave imperfect: the same weights write free, with
repair, and kept to the grammar.
`controls`: columns beside the prompt say how long the answer is to be, and in which style; the share of answers that
have so many sentences, and that are of the style, each prompt asked for all; and the same of a model that learned from
shuffled columns.
"""

from __future__ import annotations

import argparse
import json
import random
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from html.parser import HTMLParser
from itertools import product
from pathlib import Path
from typing import Any

import numpy as np
import torch

from autogpt import registry
from autogpt.autopilot.trial import Bench, Candidate, run_trial
from autogpt.backbones.writer import Writer
from autogpt.config import Scratch
from autogpt.core import Example, LabelSpace, Making, Schema
from autogpt.memory import Guard
from autogpt.runtime import Runtime
from autogpt.training.features import FeatureCache
from autogpt.written import text_of

FIRST = ("Ann", "Bob", "Cleo", "Dan", "Eva", "Finn", "Gil", "Hana", "王芳", "李雷", "张伟", "刘洋")
LAST = ("Gray", "Stone", "Hill", "Wood", "Lake", "Frost", "Marsh", "Dale")
CITIES = ("Paris", "Oslo", "Lima", "Cairo", "北京", "上海", "Quito", "Delhi")
KINDS = ("order", "refund", "question")


def record(rng: random.Random) -> dict[str, Any]:
    """A drawn record: texts, a few names, a number, a list, and an object that may be missing."""
    found: dict[str, Any] = {"name": f"{rng.choice(FIRST)} {rng.choice(LAST)}", "kind": rng.choice(KINDS)}
    found |= {"amount": rng.randrange(10, 990), "items": [rng.choice(LAST).lower() for _ in range(rng.randrange(4))]}
    return found | (
        {"home": {"city": rng.choice(CITIES), "zip": rng.randrange(1000, 9999)}} if rng.random() < 0.6 else {}
    )


def valid(text: str) -> bool:
    """Whether a text is such a record, with no key too many."""
    try:
        one = json.loads(text)
        home = one.get("home", {"city": "", "zip": 0})
        kinds = [type(one[key]) for key in ("name", "kind", "amount", "items")]
        return bool(
            kinds == [str, str, int, list] and one["kind"] in KINDS and all(isinstance(i, str) for i in one["items"])
            and set(one) <= {"name", "kind", "amount", "items", "home"}
            and set(home) == {"city", "zip"} and type(home["city"]) is str and type(home["zip"]) is int
        )  # fmt: skip
    except (ValueError, KeyError, AttributeError, TypeError):
        return False


def page(rng: random.Random) -> str:
    """A drawn page: nested elements, attributes, void elements and references."""
    rows = "".join(
        f"<li>{rng.choice(FIRST)}{'<br>' if rng.random() < 0.3 else ''} &amp; {rng.choice(LAST)}</li>"
        for _ in range(rng.randrange(1, 4))
    )
    link = f'<a href="/{rng.choice(LAST).lower()}/{rng.randrange(999)}">{rng.choice(CITIES)}</a>'
    return f'<div class="{rng.choice(KINDS)}"><h1>{rng.choice(CITIES)}</h1><ul>{rows}</ul><p>{link}</p></div>'


class _Nesting(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.good, self.elements = True, 0

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements += 1
        self.good &= tag in {"div", "h1", "ul", "li", "br", "p", "a"}
        self.open += [tag] if tag != "br" else []

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.handle_starttag(tag, attrs)
        self.good &= tag == "br"

    def handle_endtag(self, tag: str) -> None:
        self.good &= bool(self.open) and self.open.pop() == tag


def nested(text: str) -> bool:
    """Whether a page has only such elements, each closed in its order."""
    reader = _Nesting()
    reader.feed(text)
    reader.close()
    return reader.good and not reader.open and reader.elements > 0


def untrained(form: str, family: str, *, texts: int, seed: int) -> dict[str, Any]:
    """Texts drawn from random weights, free and kept to the grammar."""
    rng = random.Random(f"{seed} {form}")
    made = [json.dumps(record(rng), ensure_ascii=False) if form == "json" else page(rng) for _ in range(400)]
    right: Callable[[str], bool] = valid if form == "json" else nested
    shape = Scratch(family=family, num_layers=2, hidden_size=128, num_heads=4)
    writer = Writer.open(None, output="text", size=2, runtime=Runtime(), making=Making(lambda: made, shape, seed))
    rows = [Example(place, {"source": "write"}, text) for place, text in enumerate(made)]
    writer.training(rows, output=registry.get("outputs", "text"), space=LabelSpace(format=form))
    writer.decoding = replace(writer.decoding, temperature=1.0)
    fault = registry.get("formats", form).fault
    found: dict[str, Any] = {"part": "untrained", "format": form, "family": family, "most": writer.decoding.most}
    sources = [{"source": f"write {place}"} for place in range(texts)]
    for name, on in (("free", False), ("kept", True)):
        problem = writer._keep(on)
        if problem:
            raise SystemExit(problem)
        writer.score(sources[:8])
        torch.manual_seed(seed)
        began = time.process_time()
        written = [text_of(row) for row in writer.score(sources)]
        spent = time.process_time() - began
        tokens = sum(len(ids) for ids in writer.tokenizer(written, add_special_tokens=False)["input_ids"])
        found[name] = {
            "well-formed": sum(fault(text) is None for text in written),
            "valid": sum(map(right, written)),
            "milliseconds per text": round(1000 * spent / texts, 2),
            "microseconds per token": round(1e6 * spent / max(1, tokens)),
        }
    return found | {"texts": texts}


def fitted(rows: Sequence[Example], held: Sequence[Example], *, epochs: float, seed: int, folder: Path) -> Any:
    """A small encoder-decoder from nothing after so many passes, with what it chose on the held rows, and notes."""
    output = registry.get("outputs", "text")
    space = output.space([row.target for row in (*rows, *held)])
    texts = [text for row in rows for text in (row.inputs["source"], row.target)]
    making = Making(lambda: texts, Scratch(num_layers=2, hidden_size=128, num_heads=4), seed)

    def opened() -> Writer:
        return Writer.open(None, output="text", size=2, runtime=Runtime(), making=making)

    bench = Bench(
        train=rows,
        validation=held,
        output=output,
        space=space,
        metrics=(registry.get("metrics", "chrf"),),
        open=opened,
        features=FeatureCache(opened, guard=Guard()),
        runtime=Runtime,
        seed=seed,
        listen=lambda event: None,
        stop=lambda: False,
    )
    options = {"epochs": epochs, "learning_rate": 2e-3, "batch_rows": 16}
    return run_trial(bench, Candidate("full", options), folder=folder, remaining=lambda: 1e9)


def short(rng: random.Random) -> dict[str, Any]:
    """A drawn record that a small model can nearly learn to read out of a sentence."""
    found: dict[str, Any] = {"name": rng.choice(FIRST), "kind": rng.choice(KINDS), "amount": rng.randrange(10, 40)}
    found["items"] = [rng.choice(LAST).lower() for _ in range(rng.randrange(3))]
    return found | ({"home": {"city": rng.choice(CITIES), "zip": rng.randrange(20, 50)}} if rng.random() < 0.6 else {})


def sentence(one: dict[str, Any]) -> str:
    """A record as a person tells it."""
    items = f" with {' and '.join(one['items'])}" if one["items"] else ""
    home = f", who lives in {one['home']['city']} {one['home']['zip']}," if "home" in one else ""
    return f"{one['name']}{home} sent a {one['kind']} of {one['amount']} euros{items}."


def trained(*, rows: int, epochs: float, seed: int, tests: int) -> dict[str, Any]:
    """A sentence to its record: exact records and valid ones of the same weights, written in three ways."""
    rng = random.Random(f"{seed} trained")
    drawn: dict[str, dict[str, Any]] = {}
    while len(drawn) < rows + 2 * tests:
        one = short(rng)
        drawn[sentence(one)] = one
    all_ = [
        Example(place, {"source": told}, json.dumps(one, ensure_ascii=False))
        for place, (told, one) in enumerate(drawn.items())
    ]
    learned, held, test = all_[:rows], all_[rows : rows + tests], all_[rows + tests :]
    with tempfile.TemporaryDirectory() as folder:
        result, writer = fitted(learned, held, epochs=epochs, seed=seed, folder=Path(folder))
    form, gold = registry.get("formats", "json"), [json.loads(row.target) for row in test]
    grammar = form.grammar([row.target for row in learned])
    found: dict[str, Any] = {"part": "trained", "seed": seed, "rows": rows, "epochs": epochs, "chose": result.notes}
    for name, kept in (("free", None), ("kept", grammar)):
        writer.decoding = replace(writer.decoding, grammar=kept, beams=1)
        began = time.process_time()
        written = [text_of(row) for row in writer.score([row.inputs for row in test])]
        spent = time.process_time() - began
        found[name] = _judged(written, gold) | {"milliseconds per text": round(1000 * spent / len(test), 1)}
        if kept is None:
            found["repaired"] = _judged([form.repair(text) for text in written], gold)
    return found


def _judged(written: Sequence[str], gold: Sequence[Any]) -> dict[str, float]:
    fault = registry.get("formats", "json").fault
    whole = [fault(text) is None for text in written]
    same = [ok and json.loads(text) == right for ok, text, right in zip(whole, written, gold, strict=True)]
    return {"well-formed": np.mean(whole), "valid": np.mean(list(map(valid, written))), "exact": np.mean(same)}


WANTED = {"short": 1, "long": 3}
"""Sentences that an answer is to have."""
STYLES = {"plain": "{who} came from {where}.", "formal": "We have the honour to announce {who} of {where}."}


def controls(*, rows: int, epochs: float, seed: int, tests: int) -> Iterator[dict[str, Any]]:
    """Answers as columns beside the prompt say; and where these columns were shuffled before anything was learned."""
    rng = random.Random(f"{seed} controls")
    task = registry.get("tasks", "text-generation")
    schema = Schema("text-generation", ("prompt",), ("completion",), controls=("length", "style"))

    def row(place: int) -> dict[str, str]:
        who, where = f"{rng.choice(FIRST)} {rng.choice(LAST)}", rng.choice(CITIES)
        length, style = rng.choice(list(WANTED)), rng.choice(list(STYLES))
        told = [STYLES[style], "It was cold in {where}.", "Now {who} is here to stay."][: WANTED[length]]
        text = " ".join(told).format(who=who, where=where)
        return {"prompt": f"{who}, {where}, {place}", "length": length, "style": style, "completion": text}

    table = [row(place) for place in range(rows + 2 * tests)]
    drawn = {name: rng.sample([one[name] for one in table], len(table)) for name in schema.controls}
    shuffled = [{**one, **{name: drawn[name][i] for name in drawn}} for i, one in enumerate(table)]
    for name, learned in (("as they are", table), ("shuffled", shuffled)):
        all_ = [Example(i, task.inputs(one, schema), task.target(one, schema)) for i, one in enumerate(learned)]
        with tempfile.TemporaryDirectory() as folder:
            held = all_[rows : rows + tests]
            _, writer = fitted(all_[:rows], held, epochs=epochs, seed=seed, folder=Path(folder))
        found: dict[str, Any] = {"part": "controls", "columns": name, "seed": seed, "rows": rows, "epochs": epochs}
        for length, style in product(WANTED, STYLES):  # each prompt is asked for all, whatever its row has
            told = {"length": length, "style": style}
            asked = [task.inputs({**one, **told}, schema) for one in table[rows + tests :]]
            answers = [text_of(scores) for scores in writer.score(asked)]
            begins = STYLES[style].split("{", 1)[0]
            styled = [text.startswith("We") == bool(begins) for text in answers]
            sized = [text.count(".") == WANTED[length] for text in answers]
            found[f"{length}, {style}"] = {"length": np.mean(sized), "style": np.mean(styled)}
        yield found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--part", type=lambda text: text.split(","), default=["untrained", "trained", "controls"])
    parser.add_argument("--texts", type=int, default=500)
    parser.add_argument("--rows", type=int, default=600)
    parser.add_argument("--tests", type=int, default=200)
    parser.add_argument("--epochs", type=float, default=20.0)
    parser.add_argument("--seeds", type=int, default=3)
    given = parser.parse_args()
    for part in given.part:
        if part == "untrained":
            found = (
                untrained(form, family, texts=given.texts, seed=0)
                for form in ("json", "html")
                for family in ("decoder", "encoder-decoder")
            )
        else:
            told = {"rows": given.rows, "epochs": given.epochs, "tests": given.tests}
            made = (trained(seed=seed, **told) for seed in range(given.seeds))
            both = (one for seed in range(given.seeds) for one in controls(seed=seed, **told))
            found = both if part == "controls" else made
        for one in found:
            print(json.dumps(one, default=float), flush=True)


if __name__ == "__main__":
    main()
