"""What is told of written texts beside their likeness to the right ones: how far those were expected; tests of code."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from autogpt.core import Example, Prediction, Row, Schema
from autogpt.evaluation.expected import expected
from autogpt.evaluation.passing import checks, passing, sources
from autogpt.evaluation.score import Score


def text_scores(
    rows: Sequence[Example],
    predictions: Sequence[Prediction],
    scorer: Any,
    *,
    table: Sequence[Row],
    schema: Schema,
    seed: int = 0,
    has_time: Callable[[], bool] = lambda: True,
) -> tuple[Score, ...]:
    """Scores of a model's written answers to rows of a table; what it cannot tell, and there is no time for, is not
    among them."""
    found: tuple[Score, ...] = ()
    if hasattr(scorer, "likelihood") and has_time():
        likely = scorer.likelihood([row.inputs for row in rows], [str(row.target) for row in rows])
        found = expected(rows, likely, seed=seed)
    known = checks(rows, table, beside=(*schema.text, *schema.target, *schema.controls), has_time=has_time)
    told = sources(rows, known)
    draw = (lambda one: [text for text, _ in scorer.drawn(told, seed=one)]) if hasattr(scorer, "drawn") else None
    return (*found, *passing(known, [one.value for one in predictions], draw, has_time=has_time))
