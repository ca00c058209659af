"""How often task and columns are inferred right on real data sets whose columns got meaningless names.

    python benchmarks/inference.py [--seeds 3] [--sets NAME] [--data FOLDER] [--output FILE.json] [--verbose]

For every set, goal sentence (and none), number of rows and seed: columns are renamed (x1, col_b, 文本三 ...), columns
and rows are shuffled, and `schema.infer` reads the table. An answer is `right` (task, text and target as they should
be), `asked` (AmbiguityError) or `wrong` (another schema, silently). For sets that no task fits yet, being refused or
asked is right.
"""

from __future__ import annotations

import argparse
import gzip
import json
import random
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from autogpt.core import Table
from autogpt.data.schema import infer
from autogpt.errors import AmbiguityError, SchemaError

DATA = Path(__file__).parents[1].parent / "shared" / "data"
NAMES = ("x1", "x2", "col_b", "f_03", "文本三", "v", "feld", "c7", "Unnamed: 4", "q", "列六", "var9", "zz",
         "k1", "k2", "k3",
         "k4", "k5", "k6", "k7", "k8", "k9")  # fmt: skip


@dataclass(frozen=True)
class Case:
    """A set with the reading that is right and the goals that a person could write. `task` None: nothing fits yet."""

    file: str
    task: str | None
    text: tuple[str, ...] = ()
    target: tuple[str, ...] = ()
    goals: tuple[str, ...] = ()
    goal_needed: bool = False
    """Whether it is right only where a goal asks for it."""


CLASSES, LABELS, VALUE, TOKENS, RELATION, QUESTIONS, DIALOGUE = (
    "text-classification", "multi-label-classification", "text-regression", "token-classification",
    "relation-extraction", "question-answering", "dialogue",
)  # fmt: skip
POLARITY = ("tell positive from negative reviews", "sentiment of each sentence", "判断评论的情感倾向")
SIMILAR = (
    "how similar are the two sentences",
    "predict the similarity score of sentence pairs",
    "预测两个句子的相似度",
)
ENTITIES = ("find person names and places", "named entity recognition", "找出文本中的人名和地名", "tag the entities")
SLOTS = ("extract the slots from each request", "find dates, times and names in the text", "slot filling", "抽取槽位")
CASES = (
    Case("banking77/train.jsonl.gz", CLASSES, ("text",), ("label",),
         ("route customer messages by intent", "classify banking questions", "按意图分类", "which topic is it")),
    Case("banking77/test.jsonl.gz", CLASSES, ("text",), ("label",), ("intent detection",)),
    Case("mr/all.jsonl.gz", CLASSES, ("text",), ("label",), POLARITY),
    Case("cr/all.jsonl.gz", CLASSES, ("text",), ("label",), POLARITY),
    Case("subj/all.jsonl.gz", CLASSES, ("text",), ("label",),
         ("is the sentence subjective or objective", "separate opinions from facts", "判断句子是主观还是客观")),
    Case("pros_cons/all.jsonl.gz", CLASSES, ("text",), ("label",),
         ("pro or con?", "sort short reviews into pros and cons", "区分优点和缺点")),
    Case("dbpedia14/test.jsonl.gz", CLASSES, ("text",), ("label",),
         ("what kind of thing is described", "classify articles", "文章分类")),
    Case("semeval2010_task8/train.jsonl.gz", RELATION, ("text",), ("label",),
         ("which relation holds between two nouns", "classify the relation", "判断两个实体之间的关系类别")),
    Case("hatecheck/cases.jsonl.gz", CLASSES, ("test_case",), ("label_gold",),
         ("detect hateful messages", "decide whether a post is hateful", "is this message hateful or non-hateful")),
    Case("nlupp/banking.jsonl.gz", LABELS, ("text",), ("labels",),
         ("tag each message with all topics that apply", "multi-label intents", "为每条消息打上所有适用的标签")),
    Case("nlupp/hotels.jsonl.gz", LABELS, ("text",), ("labels",),
         ("which intents does each request have", "all labels of each text", "多标签分类")),
    Case("stsb/en_train.jsonl.gz", VALUE, ("sentence1", "sentence2"), ("score",), SIMILAR),
    Case("stsb/zh_train.jsonl.gz", VALUE, ("sentence1", "sentence2"), ("score",), SIMILAR),
    Case("stsb/de_dev.jsonl.gz", VALUE, ("sentence1", "sentence2"), ("score",), SIMILAR),
    Case("goodbooks_items/all.jsonl.gz", VALUE, ("title",), ("average_rating",),
         ("predict the star rating of a book from its title", "estimate the average rating", "根据书名预测评分")),
    Case("weibo_ner/train.jsonl.gz", TOKENS, ("tokens",), ("tags",), ENTITIES),
    Case("wnut17/train.jsonl.gz", TOKENS, ("tokens",), ("tags",), ENTITIES),
    Case("restaurant8k/train.jsonl", TOKENS, ("text",), ("spans",), SLOTS),
    Case("restaurant8k/test.jsonl.gz", TOKENS, ("text",), ("spans",), SLOTS),
    Case("tatoeba_en_zh/all.jsonl.gz", "translation", ("en",), ("zh",),
         ("translate English to Chinese", "把英文翻译成中文")),
    Case("xquad/en.jsonl.gz", QUESTIONS, ("question", "context"), ("answers", "starts"),
         ("answer questions about a passage", "answer questions from the text", "extractive question answering")),
    Case("cmrc2018/trial.jsonl.gz", QUESTIONS, ("question", "context"), ("answers", "starts"),
         ("阅读理解", "根据文本回答问题")),
    Case("gsm8k/test.jsonl.gz", None, goals=("solve maths problems",)),
    Case("humaneval/test.jsonl.gz", None, goals=("write code",)),
    Case("fsdd/train.jsonl", None, goals=("recognise spoken digits",)),
    Case("easy_vqa/test.jsonl.gz", None, goals=("answer questions about pictures",)),
    Case("crosswoz/dev.jsonl.gz", DIALOGUE, ("turns",), ("turns.text",),
         ("对话系统", "回复用户", "write the next reply")),
    Case("sgd/dev.jsonl.gz", DIALOGUE, ("turns",), ("turns.text",), ("reply to the user", "multi-turn assistant")),
    Case("sgd/train.jsonl.gz", DIALOGUE, ("turns",), ("turns.acts",),
         ("predict the next action", "dialogue policy"), goal_needed=True),
    Case("plain_en_public_domain/all.jsonl.gz", None, goals=("continue the text",)),
)  # fmt: skip


def load(path: Path) -> list[dict[str, Any]]:
    """Rows of a JSON Lines file."""
    data = gzip.decompress(path.read_bytes()) if path.suffix == ".gz" else path.read_bytes()
    return [json.loads(line) for line in data.decode("utf-8").split("\n") if line]


def disguised(
    rows: Sequence[dict[str, Any]], origin: str, *, rng: random.Random, size: int
) -> tuple[Table, dict[str, str]]:
    """A sample of the rows with renamed and shuffled columns, and new name -> old name."""
    chosen = rng.sample(list(rows), min(size, len(rows)))
    columns = list(dict.fromkeys(key for row in chosen for key in row))
    rng.shuffle(columns)
    names = dict(zip(columns, rng.sample(NAMES, len(columns)), strict=True))
    renamed = [{names[key]: row.get(key) for key in columns} for row in chosen]
    return Table(renamed, tuple(names[key] for key in columns), origin), {new: old for old, new in names.items()}


def judge(case: Case, table: Table, names: dict[str, str], goal: str) -> tuple[str, str]:
    """(`right` | `asked` | `wrong`, what was inferred)."""
    try:
        schema = infer(table, goal=goal).schema
    except AmbiguityError as error:
        said = (
            f"asked for {error.question}: {[','.join(_old(n, names) for n in c.split(',')) for c in error.candidates]}"
        )
        return ("right" if case.task is None else "asked"), said
    except SchemaError as error:
        return ("right" if case.task is None else "wrong"), f"refused: {error}"
    text, target = ({_old(name, names) for name in part} for part in (schema.text, schema.target))
    right = schema.task == case.task and text == set(case.text) and target == set(case.target)
    return "right" if right else "wrong", f"{schema.task}: {sorted(text)} -> {sorted(target)}"


def _old(name: str, names: dict[str, str]) -> str:
    """What a column was called, or a field of its turns (`column.field`)."""
    column, point, field = name.partition(".")
    return f"{names.get(column, column)}{point}{field}"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--sizes", type=int, nargs="+", default=[200, 2000])
    parser.add_argument("--data", type=Path, default=DATA)
    parser.add_argument("--sets", help="only files whose name holds this")
    parser.add_argument("--output", type=Path)
    parser.add_argument("--verbose", action="store_true")
    options = parser.parse_args()
    counts: dict[str, Counter[str]] = {}
    start = time.perf_counter()
    for case in (case for case in CASES if (options.sets or "") in case.file):
        rows = load(options.data / case.file)
        for size in options.sizes:
            for seed in range(options.seeds):
                for goal in case.goals if case.goal_needed else ("", *case.goals):
                    rng = random.Random(f"{case.file} {size} {seed}")
                    table, names = disguised(rows, case.file, rng=rng, size=size)
                    outcome, said = judge(case, table, names, goal)
                    counts.setdefault(case.file, Counter())[outcome] += 1
                    if options.verbose and outcome != "right":
                        print(f"  {outcome:6} {case.file} rows={size} seed={seed} goal={goal!r}: {said}")
    print(f"{'set':38} {'right':>6} {'asked':>6} {'wrong':>6}")
    for file, count in counts.items():
        print(f"{file:38} {count['right']:6} {count['asked']:6} {count['wrong']:6}")
    fitting = {case.file for case in CASES if case.task and case.file in counts}
    for label, files in (("sets that a task fits", fitting), ("sets that none fits yet", set(counts) - fitting)):
        total = sum((counts[file] for file in files), Counter())
        shares = ", ".join(
            f"{kind} {total[kind]}/{total.total()} ({total[kind] / max(1, total.total()):.1%})"
            for kind in ("right", "asked", "wrong")
        )
        print(f"{label}: {shares}")
    print(f"{time.perf_counter() - start:.0f} s")
    if options.output:
        options.output.write_text(json.dumps(counts, indent=1, ensure_ascii=False), encoding="utf-8")


if __name__ == "__main__":
    main()
