"""Hugging Face Trainer, full fine-tuning with its default recipe (run_glue, run_ner): AdamW 5e-5, linear decay, three
epochs, batch 8, at most 128 tokens. Batches are padded to their longest row, which is faster than run_glue's padding to
128. A callback stops it one second before the limit; the weights it then has are scored.
"""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterator, Sequence
from typing import Any

from clock import TimeUpError
from peers.encoder import folder

KINDS = {"classes", "labels", "tokens", "value"}


def fit(data: Any, clock: Any, seed: int) -> Iterator[Callable[[Sequence[Any]], list[Any]]]:
    import torch
    from transformers import (
        AutoModelForSequenceClassification,
        AutoModelForTokenClassification,
        AutoTokenizer,
        DataCollatorForTokenClassification,
        DataCollatorWithPadding,
        Trainer,
        TrainingArguments,
        set_seed,
    )

    set_seed(seed)
    tokenizer = AutoTokenizer.from_pretrained(str(folder()))
    names = _names(data)
    place = {name: i for i, name in enumerate(names)}
    settings: dict[str, Any] = {"num_labels": max(1, len(names))}
    if data.kind == "labels":
        settings["problem_type"] = "multi_label_classification"
    tokens = data.kind == "tokens"
    auto = AutoModelForTokenClassification if tokens else AutoModelForSequenceClassification
    model = auto.from_pretrained(str(folder()), **settings)
    rows = [_encode(row, data, tokenizer, place) for row in data.train]
    collate = DataCollatorForTokenClassification(tokenizer) if tokens else DataCollatorWithPadding(tokenizer)
    stop = _stop_at(clock, 1.0)
    with tempfile.TemporaryDirectory() as scratch:
        args = TrainingArguments(
            output_dir=scratch,
            seed=seed,
            save_strategy="no",
            logging_strategy="no",
            report_to="none",
            disable_tqdm=True,
        )
        Trainer(model=model, args=args, train_dataset=rows, data_collator=collate, callbacks=[stop]).train()

    @torch.no_grad()
    def predict(questions: Sequence[Any]) -> list[Any]:
        model.eval()
        answers: list[Any] = []
        for start in range(0, len(questions), 32):
            part = questions[start : start + 32]
            batch = [_inputs(row, data, tokenizer) for row in part]
            padded = tokenizer.pad([dict(b.items()) for b in batch], return_tensors="pt").to(model.device)
            logits = model(**padded).logits.cpu()
            answers += [_answer(logits[i], batch[i], part[i], data, names) for i in range(len(part))]
        return answers

    yield predict
    if stop.rang:
        raise TimeUpError


def _names(data: Any) -> list[str]:
    if data.kind == "value":
        return []
    targets = [row[data.target] for row in data.train]
    return sorted(set(targets) if data.kind == "classes" else {name for target in targets for name in target})


def _inputs(row: Any, data: Any, tokenizer: Any) -> Any:
    if data.kind == "tokens":
        return tokenizer(row["tokens"], is_split_into_words=True, truncation=True, max_length=128)
    return tokenizer(*(row[column] for column in data.text), truncation=True, max_length=128)


def _encode(row: Any, data: Any, tokenizer: Any, place: dict[str, int]) -> dict[str, Any]:
    encoded = _inputs(row, data, tokenizer)
    target = row[data.target]
    if data.kind == "classes":
        labels: Any = place[target]
    elif data.kind == "labels":
        labels = [float(name in target) for name in place]
    elif data.kind == "value":
        labels = float(target)
    else:
        labels, words = [], encoded.word_ids()
        for i, word in enumerate(words):  # only a word's first piece has a label
            fresh = word is not None and (i == 0 or words[i - 1] != word)
            labels.append(place[target[word]] if fresh else -100)
    return {**encoded, "labels": labels}


def _answer(logits: Any, encoded: Any, row: Any, data: Any, names: list[str]) -> Any:
    if data.kind == "classes":
        return names[int(logits.argmax())]
    if data.kind == "labels":
        return [name for name, score in zip(names, logits.tolist(), strict=True) if score > 0]
    if data.kind == "value":
        return float(logits[0])
    tags = ["O"] * len(row["tokens"])
    words = encoded.word_ids()
    for i, word in enumerate(words):
        if word is not None and (i == 0 or words[i - 1] != word):
            tags[word] = names[int(logits[i].argmax())]
    return tags


def _stop_at(clock: Any, reserve: float) -> Any:
    from transformers import TrainerCallback

    class Stop(TrainerCallback):
        rang = False

        def on_step_end(self, args: Any, state: Any, control: Any, **_: Any) -> Any:
            if clock.left() < reserve and state.global_step < state.max_steps:
                control.should_training_stop = self.rang = True
            return control

    return Stop()
