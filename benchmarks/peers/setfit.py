"""SetFit 1.2 (Tunstall et al. 2022, arXiv 2209.11055): contrastive pairs, then a logistic-regression head.

Its defaults (batch 16, body rate 2e-5, one epoch of oversampled pairs, head fitted at the end), with two kindnesses
that a hard limit asks for: the number of steps is set to what fits (so that warm-up and decay fit too, instead of being
cut off in the warm-up), and pairs are drawn from at most 2,000 rows (5,000 above a minute), because SetFit lists all
pairs of all rows in memory. The head sees as many rows as can be encoded. A head on the untrained body comes first, so
that there is something to score when the limit ends the rest.
"""

from __future__ import annotations

import random
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from typing import Any

from clock import TimeUpError
from peers.encoder import folder

KINDS = {"classes", "labels"}
BATCH = 16


def fit(data: Any, clock: Any, seed: int) -> Iterator[Callable[[Sequence[Any]], list[Any]]]:
    from setfit import SetFitModel, Trainer, TrainingArguments

    rows = list(data.train)
    random.Random(seed).shuffle(rows)
    texts = [row["text"] for row in rows]
    names = sorted({label for row in rows for label in _labels(row[data.target])})
    place = {name: i for i, name in enumerate(names)}
    many = data.kind == "labels"
    targets = [_encode(row[data.target], place, many=many) for row in rows]
    strategy = "one-vs-rest" if many else None
    model = SetFitModel.from_pretrained(str(folder()), multi_target_strategy=strategy, local_files_only=True)

    def predict(questions: Sequence[Any]) -> list[Any]:
        table = model.predict([row["text"] for row in questions], as_numpy=True, show_progress_bar=False)
        if many:
            return [[names[i] for i, yes in enumerate(line) if yes] for line in table]
        return [names[int(i)] for i in table]

    step, encode = _speed(model.model_body, texts)
    early = max(BATCH, min(len(rows), int(clock.left() / 8 / encode)))
    model.fit(texts[:early], targets[:early], num_epochs=1, batch_size=BATCH)
    yield predict
    # The head costs one encoding of its rows and the fit itself; it may take most of what is left
    heads = max(BATCH, min(len(rows), int(clock.left() * 0.6 / encode)))
    head_seconds = heads * encode + clock.limit / 10
    body = min(len(rows), 2000 if clock.limit <= 60 else 5000)
    epoch = _pairs(targets[:body], many=many) * 2 // BATCH
    steps = max(1, min(epoch, int((clock.left() - head_seconds) / step)))
    with tempfile.TemporaryDirectory() as scratch:
        args = TrainingArguments(
            output_dir=scratch,
            batch_size=BATCH,
            num_epochs=1,
            max_steps=steps,
            seed=seed,
            save_strategy="no",
            eval_strategy="no",
            report_to="none",
            show_progress_bar=False,
        )
        trainer = Trainer(model=model, args=args, callbacks=[_stop_at(clock, head_seconds)])
        trainer.train_embeddings(texts[:body], targets[:body], args=args)
        model.fit(texts[:heads], targets[:heads], num_epochs=1, batch_size=BATCH)

    yield predict
    if steps < epoch or heads < len(rows) or body < len(rows):
        raise TimeUpError


def _labels(target: Any) -> Sequence[str]:
    return target if isinstance(target, list) else [target]


def _encode(target: Any, place: dict[str, int], *, many: bool) -> Any:
    if not many:
        return place[target]
    return [int(name in target) for name in place]


def _pairs(targets: list[Any], *, many: bool) -> int:
    """Pairs of the commoner kind (same class, other class): what oversampling makes of both."""
    if many:
        return len(targets) * (len(targets) - 1) // 2
    from collections import Counter

    every = len(targets) * (len(targets) + 1) // 2
    same = sum(n * (n + 1) // 2 for n in Counter(targets).values())
    return max(same, every - same)


def _speed(body: Any, texts: list[str]) -> tuple[float, float]:
    """Seconds of one training step (two texts per pair, forward, backward, update) and of encoding one row."""
    sample = (texts * BATCH)[:BATCH]  # half a step's texts
    tokens = {key: value.to(body.device) for key, value in body.preprocess(sample).items() if hasattr(value, "to")}
    times = []
    for _ in range(2):
        begin = time.perf_counter()
        body(dict(tokens))["sentence_embedding"].pow(2).sum().backward()
        times.append(time.perf_counter() - begin)
    body.zero_grad()
    begin = time.perf_counter()
    body.encode(sample, show_progress_bar=False)
    return 2.5 * min(times), (time.perf_counter() - begin) / len(sample)


def _stop_at(clock: Any, reserve: float) -> Any:
    from transformers import TrainerCallback

    class Stop(TrainerCallback):
        def on_step_end(self, args: Any, state: Any, control: Any, **_: Any) -> Any:
            control.should_training_stop = control.should_training_stop or clock.left() < reserve
            return control

    return Stop()
