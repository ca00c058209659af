"""autogpt as its README says: rows in, a time limit, nothing else.

Loading, evaluation of the test rows and saving are inside its limit (a peer predicts the test rows outside).
"""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

KINDS = {"classes", "labels", "tokens", "value"}


def fit(data: Any, clock: Any, seed: int) -> Iterator[Callable[[Sequence[Any]], list[Any]]]:
    from autogpt import AutoGPT

    runs = Path(tempfile.mkdtemp(prefix="autogpt-bench-"))

    def answer(model: Any, rows: Sequence[Any]) -> list[Any]:
        questions = [row["text"] for row in rows] if data.text == ("text",) else list(rows)
        return [list(a.value) if isinstance(a.value, tuple) else a.value for a in model.predict(questions)]

    # The best so far is always on disk: that is what counts when the limit comes first
    yield lambda rows: answer(AutoGPT.load(next(runs.iterdir())), rows)
    trainer = AutoGPT(output=str(runs), seed=seed)
    model = trainer.train(data.train, data.test, time_limit=f"{clock.left():.1f}s")
    yield lambda rows: answer(model, rows)
