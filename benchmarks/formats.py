"""Written texts of a format: are all of them well-formed, what does that cost, and does it make answers better?

    python benchmarks/formats.py --part untrained,trained,controls [--texts 500] [--limit 60] [--seeds 3]

`untrained`: texts drawn at temperature 1 from language models without training, free and kept to a grammar that was
learned of drawn records (JSON) and pages (HTML). Only a constraint can make such texts well-formed. Whether a record is
valid is judged by a check of its own here and not by the grammar.
`trained`: a sentence to its record, by a small model that few rows and little time leave imperfect: the same weights
write free, checked and repaired, and kept to the grammar.
`controls`: a column beside the prompt says how long the answer is to be; obeyed is who writes that many sentences, and
what the same model does when told the other length.
"""

from __future__ import annotations

import argparse
import json
import random
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from html.parser import HTMLParser
from typing import Any

import numpy as np
import torch

from autogpt import AutoGPT, registry
from autogpt.backbones.writer import Writer
from autogpt.config import Columns, Scratch, Search
from autogpt.core import Example, LabelSpace, Making
from autogpt.runtime import Runtime
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
        began = time.perf_counter()
        written = [text_of(row) for row in writer.score(sources)]
        spent = time.perf_counter() - began
        tokens = sum(len(ids) for ids in writer.tokenizer(written, add_special_tokens=False)["input_ids"])
        found[name] = {
            "well-formed": sum(fault(text) is None for text in written),
            "valid": sum(map(right, written)),
            "milliseconds per text": round(1000 * spent / texts, 2),
            "microseconds per token": round(1e6 * spent / max(1, tokens)),
        }
    return found | {"texts": texts}


def sentence(one: dict[str, Any]) -> str:
    """A record as a person tells it."""
    items = f" with {' and '.join(one['items'])}" if one["items"] else ""
    home = f", who lives in {one['home']['city']} ({one['home']['zip']})" if "home" in one else ""
    return f"{one['name']}{home} sent a {one['kind']} of {one['amount']} euros{items}."


def trained(*, rows: int, limit: float, seed: int, tests: int) -> dict[str, Any]:
    """A sentence to its record: exact records and valid ones of one model, written in three ways."""
    rng = random.Random(f"{seed} trained")
    drawn = {sentence(one): json.dumps(one, ensure_ascii=False) for one in (record(rng) for _ in range(rows + tests))}
    table = [{"sentence": told, "json": text} for told, text in drawn.items()]
    train, test = table[:-tests], table[-tests:]
    with tempfile.TemporaryDirectory() as folder:
        search = Search(methods="full")
        maker = AutoGPT(output=folder, seed=seed, search=search, num_layers=2, hidden_size=128, num_heads=4)
        model = maker.train(train, test, goal="write the JSON of the sentence", time_limit=limit)
        writer, inputs = model.scorer, [model.inputs(row["sentence"]) for row in test]
    chosen = writer.decoding.grammar is not None
    grammar = writer.decoding.grammar or registry.get("formats", "json").grammar([row["json"] for row in train])
    form, gold = registry.get("formats", "json"), [json.loads(row["json"]) for row in test]
    found: dict[str, Any] = {"part": "trained", "seed": seed, "rows": len(train), "kept was chosen": chosen}
    found["notes"] = [note for trial in model.report.trials for note in getattr(trial, "notes", ())]
    for name, kept in (("free", None), ("kept", grammar)):
        writer.decoding = replace(writer.decoding, grammar=kept)
        began = time.perf_counter()
        written = [text_of(row) for row in writer.score(inputs)]
        spent = time.perf_counter() - began
        found[name] = _judged(written, gold) | {"milliseconds per text": round(1000 * spent / len(test), 1)}
        if kept is None:
            found["repaired"] = _judged([form.repair(text) for text in written], gold)
    return found


def _judged(written: Sequence[str], gold: Sequence[Any]) -> dict[str, float]:
    fault = registry.get("formats", "json").fault
    whole = [fault(text) is None for text in written]
    same = [ok and json.loads(text) == right for ok, text, right in zip(whole, written, gold, strict=True)]
    return {"well-formed": np.mean(whole), "valid": np.mean(list(map(valid, written))), "exact": np.mean(same)}


def controls(*, rows: int, limit: float, seed: int, tests: int) -> dict[str, Any]:
    """Answers of one or of three sentences, as a column says."""
    rng = random.Random(f"{seed} controls")

    def said(topic: tuple[str, str], length: str) -> str:
        who, where = topic
        told = [f"{who} came from {where}.", f"It was cold in {where}.", f"Now {who} is here to stay."]
        return " ".join(told[: 1 if length == "short" else 3])

    topics = [(f"{rng.choice(FIRST)} {rng.choice(LAST)}", rng.choice(CITIES)) for _ in range(rows + tests)]
    table = [
        {"prompt": f"{who}, {where}, number {place}", "length": length, "completion": f"{said((who, where), length)}"}
        for place, (who, where) in enumerate(topics)
        for length in (rng.choice(("short", "long")),)
    ]
    train, test = table[:-tests], table[-tests:]
    with tempfile.TemporaryDirectory() as folder:
        columns = Columns(text="prompt+length", target="completion", task="text-generation")
        maker = AutoGPT(
            output=folder, seed=seed, search=Search(methods="full"), num_layers=2, hidden_size=128, num_heads=4
        )
        model = maker.train(train, test, time_limit=limit, columns=columns)
        found: dict[str, Any] = {"part": "controls", "seed": seed, "rows": len(train)}
        for name, told in (("as the row says", None), ("short", "short"), ("long", "long")):
            asked = [{**row, "length": told or row["length"]} for row in test]
            answers = [str(one.value) for one in model.predict(asked)]
            wanted = [1 if row["length"] == "short" else 3 for row in asked]
            found[name] = np.mean([text.count(".") == count for text, count in zip(answers, wanted, strict=True)])
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--part", type=lambda text: text.split(","), default=["untrained", "trained", "controls"])
    parser.add_argument("--texts", type=int, default=500)
    parser.add_argument("--rows", type=int, default=1000)
    parser.add_argument("--tests", type=int, default=200)
    parser.add_argument("--limit", type=float, default=60.0, help="seconds of a training")
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
            run = {"trained": trained, "controls": controls}[part]
            told = {"rows": given.rows, "limit": given.limit, "tests": given.tests}
            found = (run(seed=seed, **told) for seed in range(given.seeds))
        for one in found:
            print(json.dumps(one, default=float), flush=True)


if __name__ == "__main__":
    main()
