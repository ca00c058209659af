"""Summaries of exchanges in task dialogues, English (SGD) or Chinese (CrossWOZ): what was said, told by what was done.

    python benchmarks/dialogue_summaries.py --language en --limit 300 [--rows 6000]
    python benchmarks/dialogue_summaries.py --language zh --limit 300

A document is two turns of a user and the turn between them; its summary names what each of them did, without the values
("user asks price; assistant tells price; user thanks"; 用户询问地址；助手告知地址). Made of the annotations of
people; rows are parted by dialogue. An ordinary run of `autogpt`; its report's scores are printed as JSON.
"""

from __future__ import annotations

import argparse
import gzip
import json
import random
import tempfile
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from autogpt import AutoGPT
from autogpt.config import Columns

DATA = Path(__file__).parents[1].parent / "shared" / "data"
SOURCES = {"en": DATA / "sgd" / "train.jsonl.gz", "zh": DATA / "crosswoz" / "dev.jsonl.gz"}
GOALS = {"en": "summarize the document", "zh": "概括正文"}
NAMES = {"en": ("document", "summary"), "zh": ("正文", "摘要")}
VERBS = {
    "en": {
        "inform": "tells", "request": "asks", "confirm": "confirms", "offer": "offers", "inform_intent": "wants",
        "goodbye": "says goodbye", "req_more": "asks for more", "thank_you": "thanks", "negate": "says no",
        "affirm": "says yes", "select": "takes", "inform_count": "counts", "notify_success": "reports success",
        "notify_failure": "reports failure", "request_alts": "wants others", "offer_intent": "proposes",
        "affirm_intent": "agrees", "negate_intent": "declines",
    },
    "zh": {
        "inform": "告知", "request": "询问", "recommend": "推荐", "nooffer": "没有结果", "select": "选择",
        "greet": "问候", "thank": "感谢", "bye": "告别", "welcome": "客气", "reqmore": "询问更多",
    },
}  # fmt: skip


def told(turn: dict[str, Any], language: str) -> str:
    """What a turn does, in words."""
    found: dict[str, list[str]] = {}
    for act in turn["acts"]:
        general = act[0] == "General"
        kind = (act[1] if general else act[0]).lower()
        what = "" if general else str(act[2] if language == "zh" else act[1]).replace("_", " ")
        found.setdefault(VERBS[language].get(kind, kind), []).extend([what] if what and what != "none" else [])
    who = {"en": {"user": "user ", "system": "assistant "}, "zh": {"user": "用户", "system": "助手"}}[language]
    space, between = (" ", ", ") if language == "en" else ("", "、")
    parts = [f"{verb}{space if what else ''}{between.join(sorted(set(what)))}" for verb, what in sorted(found.items())]
    return who[turn["role"]] + (" and " if language == "en" else "并").join(parts)


def rows(dialogues: Sequence[dict[str, Any]], language: str) -> Iterator[dict[str, str]]:
    """Three turns each, from a turn of the user to his next."""
    document, summary = NAMES[language]
    for dialogue in dialogues:
        turns = dialogue["turns"]
        for at in range(0, len(turns) - 2, 2):
            three = turns[at : at + 3]
            if all(turn["acts"] for turn in three):
                text = "\n".join(f"{turn['role']}: {turn['text']}" for turn in three)
                mark = "; " if language == "en" else "；"
                yield {document: text, summary: mark.join(told(turn, language) for turn in three), "id": dialogue["id"]}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--language", choices=sorted(SOURCES), default="en")
    parser.add_argument("--limit", type=float, default=300.0, help="seconds")
    parser.add_argument("--rows", type=int, default=6000, help="rows to learn from, at most")
    parser.add_argument("--tests", type=int, default=300)
    parser.add_argument("--seed", type=int, default=0)
    given = parser.parse_args()
    with gzip.open(SOURCES[given.language], "rt", encoding="utf-8") as lines:
        dialogues = [json.loads(line) for line in lines]
    rng = random.Random(given.seed)
    rng.shuffle(dialogues)
    fifth = len(dialogues) // 5
    test = list(rows(dialogues[:fifth], given.language))[: given.tests]
    learned = list(rows(dialogues[fifth:], given.language))[: given.rows]
    began = time.monotonic()
    with tempfile.TemporaryDirectory() as folder:
        document, summary = NAMES[given.language]
        columns = Columns(task="summarization", text=document, target=summary, group="id")  # summaries repeat
        made = AutoGPT(output=folder, seed=given.seed, columns=columns)
        model = made.train(learned, test, goal=GOALS[given.language], time_limit=given.limit)
        report = model.report
        answers = model.predict([row[NAMES[given.language][0]] for row in test[:2]])
    found: dict[str, Any] = {"task": report.task, "method": report.method, "learned": len(learned)}
    found["scores"] = {
        one.metric: [round(v, 3) for v in (one.value, one.low, one.high)] for one in report.systems[0].scores
    }
    found["others"] = {one.name: round(one.scores[0].value, 3) for one in report.systems[1:]}
    found["shown"] = [[row[NAMES[given.language][1]], one.value] for row, one in zip(test, answers, strict=False)]
    found["ship"] = report.verdict.ship
    print(json.dumps({**found, "seconds": round(time.monotonic() - began)}, ensure_ascii=False), flush=True)


if __name__ == "__main__":
    main()
