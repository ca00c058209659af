"""Extractive question answering against the Hugging Face recipe with the same encoder.

    python benchmarks/question_answering.py [--systems ours,recipe] [--seeds 0] [--judge validation] [--options '{...}']

XQuAD, English: 1,190 questions on 240 paragraphs. A fixed split by paragraph: about 60 % to learn from, 15 % for
validation (it picks our best epoch, and with `--judge validation` is what is scored), 25 % to test. Systems:

* `ours`: method `full` with the settings in OPTIONS;
* `recipe`: transformers' run_qa example (Trainer, batch 12, learning rate 3e-5, 2 passes, windows of 384 tokens that
  overlap by 128, answers of at most 30 tokens); `--passes 4` makes as many passes as ours;
* `tfidf`: rare words near those of the question, without any encoder; `majority`: the first words of the text.

With `--unanswerable 0.3` so many questions of each part are asked of another paragraph, which does not tell, and ours
and `tfidf` are also scored as a run decides (`ours, chosen`): with the threshold for "no answer" and the temperature
that validation rows choose.

All learn from the same rows. Printed as JSON: a line per system and seed with SQuAD's scores and their 95 % bootstrap
intervals, and a line per paired difference of F1 between ours and another.
"""

from __future__ import annotations

import argparse
import gzip
import json
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

import trials
from autogpt import registry, runtime
from autogpt.autopilot.deciding import decide
from autogpt.autopilot.trial import Candidate, run_trial
from autogpt.backbones._pretrained import resolve
from autogpt.core import Decision, Example, GoldAnswers, Prediction, Schema
from autogpt.evaluation.calibration import reliability
from autogpt.evaluation.errors import is_right
from autogpt.evaluation.interval import Answers, paired_difference
from autogpt.evaluation.score import evaluate

DATA = Path(__file__).parents[1].parent / "shared" / "data" / "xquad" / "en.jsonl.gz"
SCHEMA = Schema("question-answering", ("question", "context"), ("answers", "starts"))
TASK = registry.get("tasks", SCHEMA.task)
OUTPUT = registry.get("outputs", TASK.output)
METRICS = tuple(registry.get("metrics", name) for name in ("answer-f1", "exact-match"))
OPTIONS = {"epochs": 4, "learning_rate": 3e-4, "batch_rows": 12}
LENGTH, OVERLAP, LONGEST = 384, 128, 30  # of the recipe, in tokens

METHODS = {"ours": "full", "tfidf": "tfidf"}
"""Systems that a run would decide for, and their methods."""

Split = Mapping[str, Sequence[Example]]


def split() -> Split:
    """The rows of each part; no paragraph stands in two of them."""
    with gzip.open(DATA, "rt", encoding="utf-8") as lines:
        rows = [json.loads(line) for line in lines]
    contexts = list(dict.fromkeys(row["context"] for row in rows))
    order = np.random.default_rng(0).permutation(len(contexts))
    place = {contexts[context]: rank / len(contexts) for rank, context in enumerate(order)}
    found: dict[str, list[Example]] = {"train": [], "validation": [], "test": []}
    for number, row in enumerate(rows):
        rank = place[row["context"]]
        part = "train" if rank < 0.6 else "validation" if rank < 0.75 else "test"
        found[part].append(Example(number, TASK.inputs(row, SCHEMA), TASK.target(row, SCHEMA)))
    return found


def unanswerable(parts: Split, share: float) -> Split:
    """The parts with `share` of the questions asked of another paragraph of the same part."""
    rng = np.random.default_rng(1)
    found = {}
    for name, rows in parts.items():
        moved = set(rng.permutation(len(rows))[: round(share * len(rows))].tolist())
        found[name] = [_elsewhere(row, rows, rng) if place in moved else row for place, row in enumerate(rows)]
    return found


def _elsewhere(row: Example, rows: Sequence[Example], rng: np.random.Generator) -> Example:
    others = [one.inputs for one in rows if one.inputs["text"] != row.inputs["text"]]
    text = others[int(rng.integers(len(others)))]
    return Example(row.id, {**text, "question": row.inputs["question"]}, GoldAnswers((), len(text["tokens"])))


def ours(
    method: str,
    parts: Split,
    judged: Sequence[Example],
    options: Mapping[str, Any],
    seed: int,
    *,
    chosen: dict[str, list[Prediction]] | None = None,
) -> list[Prediction]:
    """Trained with a method of the package; the best epoch by validation F1. `chosen` gets answers as a run decides."""
    bench = trials.bench(trials.Parts(TASK, parts["train"], parts["validation"], judged), backbone=None, seed=seed)
    with tempfile.TemporaryDirectory() as folder:
        candidate = Candidate(method, dict(options))
        _, scorer = run_trial(bench, candidate, folder=Path(folder), remaining=lambda: 36_000.0)
    inputs = [row.inputs for row in judged]
    scores = scorer.score(inputs)
    if chosen is not None:
        decision = decide(bench, scorer.score([row.inputs for row in parts["validation"]]))
        print(json.dumps({"no_answer": decision.no_answer, "temperature": decision.temperature}), flush=True)
        chosen[method] = OUTPUT.decode(scores, bench.space, decision, inputs)
    return OUTPUT.decode(scores, bench.space, Decision(), inputs)


def recipe(parts: Split, judged: Sequence[Example], *, passes: float, seed: int) -> list[Prediction]:
    """transformers' run_qa example; padded to the longest window of a batch instead of to 384 tokens."""
    import torch
    from transformers import (
        AutoModelForQuestionAnswering,
        AutoTokenizer,
        DataCollatorWithPadding,
        Trainer,
        TrainingArguments,
        set_seed,
    )

    location = resolve(None, offline=True).location
    tokenizer = AutoTokenizer.from_pretrained(location)
    set_seed(seed)
    model = AutoModelForQuestionAnswering.from_pretrained(location, dtype=torch.float32)
    with tempfile.TemporaryDirectory() as folder:
        arguments = TrainingArguments(
            output_dir=folder,
            per_device_train_batch_size=12,
            per_device_eval_batch_size=32,
            learning_rate=3e-5,
            num_train_epochs=passes,
            seed=seed,
            save_strategy="no",
            logging_strategy="no",
            report_to=[],
            disable_tqdm=True,
            use_cpu=not torch.cuda.is_available(),
        )
        collate = DataCollatorWithPadding(tokenizer)
        trainer = Trainer(
            model=model, args=arguments, data_collator=collate, train_dataset=windows(tokenizer, parts["train"])[0]
        )
        trainer.train()
        model.eval()
        held, places = windows(tokenizer, judged)
        best: dict[int, tuple[float, str]] = {}
        for begin in range(0, len(held), 32):
            batch = collate(
                [{k: v for k, v in row.items() if not k.endswith("positions")} for row in held[begin : begin + 32]]
            )
            with torch.inference_mode():
                found = model(**batch.to(model.device))
            edges = zip(found.start_logits.cpu().numpy(), found.end_logits.cpu().numpy(), strict=True)
            for (row, offsets), (start, end) in zip(places[begin : begin + 32], edges, strict=True):
                answer = _best(start, end, offsets)
                if answer is not None and (row not in best or answer[0] > best[row][0]):
                    text = judged[row].inputs["text"]
                    best[row] = answer[0], text[offsets[answer[1]][0] : offsets[answer[2]][1]]
    return [Prediction(best[row][1] if row in best else "") for row in range(len(judged))]


def windows(tokenizer: Any, rows: Sequence[Example]) -> tuple[list[dict[str, Any]], list[tuple[int, list[Any]]]]:
    """Windows with the places of start and end (0 and 0 where the answer is not in one), row and offsets of each."""
    found = tokenizer(
        [row.inputs["question"].lstrip() for row in rows],
        [row.inputs["text"] for row in rows],
        truncation="only_second",
        max_length=LENGTH,
        stride=OVERLAP,
        return_overflowing_tokens=True,
        return_offsets_mapping=True,
    )
    features, places = [], []
    for window, row in enumerate(found["overflow_to_sample_mapping"]):
        second = [part == 1 for part in found.sequence_ids(window)]
        offsets = [
            edges if inside else None for edges, inside in zip(found["offset_mapping"][window], second, strict=True)
        ]
        answer = rows[row].target.spans[0]
        known = [(place, edges) for place, edges in enumerate(offsets) if edges]
        start, end = 0, 0
        if known[0][1][0] <= answer.char_start and known[-1][1][1] >= answer.char_end:
            start = max(place for place, edges in known if edges[0] <= answer.char_start)
            end = min(place for place, edges in known if edges[1] >= answer.char_end)
        names = [name for name in ("input_ids", "token_type_ids", "attention_mask") if name in found]
        feature = {name: found[name][window] for name in names}
        features.append({**feature, "start_positions": start, "end_positions": end})
        places.append((row, offsets))
    return features, places


def _best(start: Any, end: Any, offsets: Sequence[Any]) -> tuple[float, int, int] | None:
    """Score, start and end of the best span among the 20 best starts and ends."""
    pairs = [
        (float(start[a] + end[b]), int(a), int(b))
        for a in np.argsort(start)[::-1][:20]
        for b in np.argsort(end)[::-1][:20]
        if a < len(offsets) and b < len(offsets) and offsets[a] and offsets[b] and a <= b < a + LONGEST
    ]
    return max(pairs, default=None)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--systems", default="ours,recipe,tfidf,majority")
    parser.add_argument("--options", type=json.loads, default=OPTIONS, help="options of the method `full`, as JSON")
    parser.add_argument("--passes", type=float, default=2.0, help="passes of the recipe over the rows")
    parser.add_argument("--seeds", default="0")
    parser.add_argument("--judge", choices=("test", "validation"), default="test")
    parser.add_argument("--unanswerable", type=float, default=0.0, help="share of questions without an answer")
    given = parser.parse_args()
    runtime.prepare_environment()
    parts = unanswerable(split(), given.unanswerable) if given.unanswerable else split()
    judged = parts[given.judge]
    gold, space = [row.target for row in judged], OUTPUT.space([row.target for row in parts["train"]])
    for seed in map(int, given.seeds.split(",")):
        chosen: dict[str, list[Prediction]] = {}
        systems: dict[str, Callable[[], list[Prediction]]] = {
            "ours": lambda seed=seed, chosen=chosen: ours("full", parts, judged, given.options, seed, chosen=chosen),
            "recipe": lambda seed=seed: recipe(parts, judged, passes=given.passes, seed=seed),
            "tfidf": lambda seed=seed, chosen=chosen: ours("tfidf", parts, judged, {}, seed, chosen=chosen),
            "majority": lambda seed=seed: ours("majority", parts, judged, {}, seed),
        }
        found = {}
        names = given.systems.split(",")
        if given.unanswerable:
            names = [one for name in names for one in ((name, f"{name}, chosen") if name in METHODS else (name,))]
        for name in names:
            began = time.monotonic()
            plain, decided = name.removesuffix(", chosen"), name.endswith(", chosen")
            answers = chosen[METHODS[plain]] if decided else systems[name]()
            found[name] = Answers([answer.value for answer in answers], None)
            card = evaluate(gold, answers, None, metrics=METRICS, space=space, seed=0)
            document: dict[str, Any] = {
                "system": name,
                "seed": seed,
                "train": len(parts["train"]),
                given.judge: len(judged),
            }
            document |= (
                {"options": given.options} if name == "ours" else {"passes": given.passes} if name == "recipe" else {}
            )
            for score in card.scores:
                document[score.metric] = round(score.value, 4)
                document[f"{score.metric} interval"] = [round(score.low, 4), round(score.high, 4)]
            right = [is_right(row, answer) for row, answer in zip(judged, answers, strict=True)]
            sure = [answer.confidence or 0.0 for answer in answers]
            bins = reliability(np.array(sure)[:, None], np.array(right), bins=10)
            document["ece"] = round(sum(b.n * abs(b.confidence - b.accuracy) for b in bins) / len(right), 4)
            print(json.dumps({**document, "seconds": round(time.monotonic() - began, 1)}), flush=True)
        for other in found.keys() - {"ours"} if "ours" in found else ():
            lead = paired_difference(METRICS[0], gold, found["ours"], found[other], space=space)
            print(
                json.dumps(
                    {
                        "ours over": other,
                        "f1": round(lead.delta, 4),
                        "interval": [round(lead.low, 4), round(lead.high, 4)],
                    }
                )
            )


if __name__ == "__main__":
    main()
