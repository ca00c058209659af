"""A saved model on rows with answers: what it said, and how good that is."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from autogpt.core import Example, Prediction, Rejection, Table
from autogpt.errors import SchemaError
from autogpt.pipeline import main_metrics

if TYPE_CHECKING:
    from autogpt.core import Scores
    from autogpt.evaluation.score import Scorecard
    from autogpt.model import Model

GROUP = 512  # rows answered at once


@dataclass(frozen=True, slots=True)
class Judged:
    """The rows that were judged, the answers, the scores, and what was left out."""

    rows: Sequence[Example]
    predictions: Sequence[Prediction]
    probabilities: Scores
    scores: Scorecard
    rejected: Sequence[Rejection]
    split: str | None
    unknown: Counter[str]
    learned: bool
    """Whether these are the rows of the model's own run, most of which it has learned."""

    def to_dict(self) -> dict[str, Any]:
        """For JSON."""
        return {
            "rows": len(self.rows),
            "rejected": [{"line": one.line, "reason": one.reason} for one in self.rejected],
            "split": self.split,
            "unknown_labels": dict(self.unknown),
            "learned": self.learned,
            "scores": {
                score.metric: {"value": score.value, "low": score.low, "high": score.high, "n": score.n}
                for score in self.scores.scores
            },
        }


def judge(model: Model, table: Table) -> Judged:
    """Answer the rows of a table and score the answers. Where the table names splits, its test rows only."""
    from autogpt.data.examples import examples, expanded
    from autogpt.evaluation.score import Scorecard, evaluate
    from autogpt.evaluation.texts import text_scores
    from autogpt.pipeline import fingerprint

    read_as = fingerprint(table)
    table = expanded(table, model.schema, model.task)
    missing = [
        column
        for column in (*model.schema.text, *model.schema.choices, *model.schema.target)
        if column not in table.columns
    ]
    if missing:
        there = ", ".join(map(repr, table.columns))
        raise SchemaError(
            f"{table.origin}: column {missing[0]!r} is not there; the model needs it, the data has {there}"
        )
    found, rejected = examples(table, model.schema, model.task)
    split = "test" if "test" in table.splits else None
    if split is not None:
        found = [one for one in found if table.splits[one.id] == split]
        lines = {table.lines[i] if table.lines else i + 1 for i, name in enumerate(table.splits) if name == split}
        rejected = [one for one in rejected if one.line in lines]
    if not found:
        first = f"; line {rejected[0].line}: {rejected[0].reason}" if rejected else ""
        raise SchemaError(f"{table.origin}: no row has both a text and an answer{first}")
    inputs = [one.inputs for one in found]
    metrics = main_metrics(model.task, None, model.space)
    predictions = model.answers(inputs)
    probabilities = model.probabilities(inputs)
    gold = [one.target for one in found]
    scores = evaluate(gold, predictions, probabilities, metrics=metrics, space=model.space)
    if model.output.name == "text":
        more = text_scores(found, predictions, model.scorer, table=table.rows, schema=model.schema)
        scores = Scorecard((*scores.scores, *more))
    left_out = (*table.rejected, *rejected)
    own = model.info.get("data", {}).get("fingerprint") == f"sha256:{read_as}"
    learned = own and split is None
    return Judged(found, predictions, probabilities, scores, left_out, split, _unknown(model, gold), learned)


def _unknown(model: Model, gold: Sequence[Any]) -> Counter[str]:
    """Labels of the rows that the model never saw: it cannot be right on them."""
    known = set(model.space.labels)
    if not known or model.output.name == "span":  # answers are parts of each text
        return Counter()
    labels = (label for target in gold for label in ((target,) if isinstance(target, str) else target))
    return Counter(label for label in labels if label not in known)
