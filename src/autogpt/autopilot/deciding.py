"""How scores become answers, by validation rows: a temperature, a threshold of labels, the lead of "no answer"."""

from __future__ import annotations

from dataclasses import replace
from math import inf
from typing import TYPE_CHECKING

import numpy as np

from autogpt.autopilot.trial import Bench
from autogpt.core import Decision
from autogpt.evaluation.calibration import (
    choose_no_answer,
    choose_threshold,
    fit_list_temperature,
    fit_spans,
    fit_temperature,
)
from autogpt.evaluation.errors import is_right
from autogpt.outputs.span import NONE, lead_of_none

if TYPE_CHECKING:
    from autogpt.core import Scores

TEMPERATURE_CELLS = 2_000_000
SPAN_CELLS = 20_000_000
"""Spans of all validation texts that one temperature is fitted on: about 3 s."""


def decide(bench: Bench, scores: Scores) -> Decision:
    """Temperature and, for several labels and for spans, the threshold, by validation rows."""
    if bench.output.name in ("value", "text"):
        return Decision()
    if bench.output.name == "span":
        return decide_spans(bench, scores)
    gold = [example.target for example in bench.validation]
    if bench.output.name == "ranking":  # of the right labels the first, on as many rows as fit into memory
        most = max(100, TEMPERATURE_CELLS // len(bench.space.labels))
        scores, gold = np.asarray(scores)[:most], [target[0] for target in gold[:most]]
    if bench.output.name == "choices":
        return Decision(temperature=fit_list_temperature(scores, gold))
    decision = Decision(temperature=fit_temperature(scores, gold, space=bench.space))
    if bench.output.name != "labels":
        return decision
    table = np.asarray(bench.output.probabilities(scores, bench.space, decision))
    return replace(decision, threshold=choose_threshold(table, gold, metric=bench.metric, space=bench.space))


def decide_spans(bench: Bench, scores: Scores) -> Decision:
    """By how much "no answer" must lead where some rows have none, and what calibrates the answers then given."""
    rows = bench.validation
    inputs, gold = [row.inputs for row in rows], [row.target for row in rows]
    answers = bench.output.decode(scores, bench.space, Decision(no_answer=inf), inputs)
    lead = 0.0
    if NONE in bench.space.labels:
        nones = bench.output.decode(scores, bench.space, Decision(no_answer=-inf), inputs)
        leads = [lead_of_none(table, bench.space) for table in scores]
        sign = 1.0 if bench.metric.higher_is_better else -1.0
        as_span, as_none = (
            [sign * bench.metric([g], [p.value], None, bench.space) for g, p in zip(gold, given, strict=True)]
            for given in (answers, nones)
        )
        lead = choose_no_answer(leads, as_span, as_none)
        answers = [n if by > lead else a for a, n, by in zip(answers, nones, leads, strict=True)]
    places = [(a.spans[0].start, a.spans[0].end - 1) if a.spans else None for a in answers]
    right = [is_right(row, answer) for row, answer in zip(rows, answers, strict=True)]
    most = max(100, SPAN_CELLS // int(np.mean([len(table) for table in scores]) * bench.space.scale))
    temperature, bias = fit_spans(scores[:most], places[:most], right[:most], space=bench.space)
    return Decision(temperature=temperature, no_answer=lead / temperature + bias, none_bias=bias)
