"""Cheap experiments for the report: learning curve, seed noise, likely wrong labels.

All of them refit a quick model (the linear head on cached features where there is one, TF-IDF otherwise), never the
winner itself, and say so. They look at training and validation rows only.
"""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from autogpt import probe, registry
from autogpt.autopilot.ladder import rows_per_label
from autogpt.autopilot.trial import Bench, Candidate, Result, exhaust, make_job
from autogpt.core import ONE_LABEL, Decision, Example
from autogpt.evaluation.curse import Curse, winners_curse
from autogpt.evaluation.errors import text_of
from autogpt.evaluation.interval import Answers, Resampled
from autogpt.evaluation.learning_curve import Point
from autogpt.evaluation.noise import LabelNoise, Suspect, label_noise, suspects
from autogpt.events import silent
from autogpt.vectors import unit

if TYPE_CHECKING:
    from autogpt.core import Scores

CURVE_SHARES = (0.125, 0.25, 0.5, 1.0)
NOISE_SEEDS, LEFT_OUT = 4, 0.1
FOLDS = 3
LEAST_PER_LABEL = 10
"""With fewer rows of a label (the median) models know too little to doubt a person: of 8 rows each, 36 %."""


@dataclass(frozen=True, slots=True)
class Quick:
    """A model that is refitted in seconds: `fit_score(train, rows)` fits on `train` and scores `rows`.

    `seconds` is what its trial took, reading left out."""

    name: str
    fit_score: Callable[[Sequence[Example], Sequence[Example]], Scores]
    seconds: float = 0.0


def quick_model(bench: Bench, results: Sequence[Result], *, remaining: Callable[[], float]) -> Quick | None:
    """The linear head when its features are cached, otherwise TF-IDF; None without rows to judge it by."""
    if not bench.validation:
        return None
    done = {result.method: result for result in reversed(results)}  # of the search's trials the first one counts
    read, _ = bench.features.get([example.inputs for example in bench.train], seconds=0.0)
    if "head" in done and len(read) >= 0.8 * len(bench.train):
        took = done["head"].refit_seconds
        return Quick("head", lambda train, rows: _by_head(bench, done["head"], train, rows), took)
    if "tfidf" in done:
        took = done["tfidf"].refit_seconds
        return Quick("tfidf", lambda train, rows: _by_tfidf(bench, train, rows, remaining), took)
    return None


def _by_head(bench: Bench, result: Result, train: Sequence[Example], rows: Sequence[Example]) -> Scores:
    # Rows that were never read stay out: nothing is read for the report alone.
    places, features = bench.features.get([example.inputs for example in train], seconds=0.0)
    known = [train[place] for place in places]
    fitted = probe.Rows.of_examples(known, features, bench.output, bench.space, free=bench.features.free)
    head = probe.solve(fitted, bench.output, bench.space, c=result.chosen.get("c", probe.DEFAULT_C), judge=None)
    _, wanted = bench.features.get([example.inputs for example in rows])
    return head(wanted)


def _by_tfidf(
    bench: Bench, train: Sequence[Example], rows: Sequence[Example], remaining: Callable[[], float]
) -> Scores:
    with tempfile.TemporaryDirectory() as folder:  # it fits in 0.4 of what it is given, and may have all there is
        quiet = replace(bench, listen=silent)
        job = make_job(quiet, Candidate("tfidf"), folder=Path(folder), remaining=lambda: 2.5 * remaining(), train=train)
        scorer = exhaust(registry.get("methods", "tfidf").fit(job), "tfidf", silent)
    return scorer.score([example.inputs for example in rows])


def learning_curve(bench: Bench, quick: Quick, *, has_time: Callable[[], bool]) -> list[Point]:
    """Validation scores of the quick model on growing parts of the training rows."""
    points = []
    for share in CURVE_SHARES:
        rows = round(share * len(bench.train))
        if rows < 8 or not has_time():
            continue
        scores = bench.judge(quick.fit_score(bench.train[:rows], bench.validation))
        points.append(Point(rows=rows, score=scores[bench.metric.name], n=len(bench.validation)))
    return points


def seed_scores(bench: Bench, quick: Quick, *, has_time: Callable[[], bool]) -> list[float]:
    """Validation scores of the quick model under several seeds; each seed leaves out another tenth of the rows.

    The quick models have no randomness of their own. Rows drawn with replacement, as a bootstrap would, lose a third of
    their variety and overstate the noise: that made three runs spread by 0.008 once and by 0.026 the next time.
    """
    found = []
    kept = round((1 - LEFT_OUT) * len(bench.train))
    for seed in range(NOISE_SEEDS):
        if not has_time():
            break
        drawn = np.random.default_rng([bench.seed, 7, seed]).permutation(len(bench.train))[:kept]
        scores = bench.judge(quick.fit_score([bench.train[place] for place in drawn], bench.validation))
        found.append(scores[bench.metric.name])
    return found


def wrong_labels(
    bench: Bench, quick: Quick, *, has_time: Callable[[], bool]
) -> tuple[list[Suspect], int, LabelNoise | None]:
    """Suspicious rows of training and validation by out-of-fold probabilities, how many rows were looked at, and how
    many labels are wrong where that can be told."""
    if bench.output.name not in (*ONE_LABEL, "labels"):
        return [], 0, None
    rows = _read_rows(bench, quick)
    if rows_per_label(rows, bench.output) < LEAST_PER_LABEL:
        return [], 0, None
    fold = np.random.default_rng([bench.seed, 11]).permutation(len(rows)) % FOLDS
    table = np.zeros((len(rows), bench.output.size(bench.space)))
    for part in range(FOLDS):
        if not has_time():
            return [], 0, None
        kept = [rows[place] for place in np.flatnonzero(fold != part)]
        held = [rows[place] for place in np.flatnonzero(fold == part)]
        table[fold == part] = np.asarray(quick.fit_score(kept, held))
    from autogpt.evaluation.calibration import fit_temperature

    gold = [example.target for example in rows]
    temperature = fit_temperature(table, gold, space=bench.space)
    likely = np.asarray(bench.output.probabilities(table, bench.space, Decision(temperature=temperature)))
    found = suspects(
        gold,
        likely,
        space=bench.space,
        ids=[example.id for example in rows],
        texts=[text_of(example) for example in rows],
    )
    return found, len(rows), label_noise(gold, likely, space=bench.space)


def _read_rows(bench: Bench, quick: Quick) -> list[Example]:
    """All rows for TF-IDF; for the head those whose features are known."""
    rows = [*bench.train, *bench.validation]
    if quick.name != "head":
        return rows
    places, _ = bench.features.get([example.inputs for example in rows], seconds=0.0)
    return [rows[place] for place in places]


def flattery(
    bench: Bench, results: Sequence[Result], best: Result, tables: Callable[[Result], Scores], *, seed: int
) -> Curse | None:
    """The winner's curse of the trial that was picked; None where its metric cannot be resampled in short time."""
    if not isinstance(bench.metric, Resampled) or bench.output.name == "text":
        return None
    gold, inputs = [row.target for row in bench.validation], [row.inputs for row in bench.validation]
    answers = []
    for one in results:
        scores = tables(one)
        values = [answer.value for answer in bench.output.decode(scores, bench.space, Decision(), inputs)]
        answers.append(Answers(values, bench.output.probabilities(scores, bench.space, Decision())))
    names = [one.name for one in results]
    return winners_curse(
        names, answers, gold, winner=list(results).index(best), metric=bench.metric, space=bench.space, seed=seed
    )


def label_names(bench: Bench, test: Sequence[Example], *, seconds: float) -> Scores | None:
    """Scores without any training: cosine of text and label name, 20 times, centred over the rows.

    None where it makes no sense (other outputs, labels without letters) or where the test rows cannot be read in time.
    """
    names = [label.replace("_", " ").replace("-", " ").strip() for label in bench.space.labels]
    rate = bench.features.rows_per_second
    if bench.output.name not in ONE_LABEL or rate is None or not all(any(c.isalpha() for c in name) for name in names):
        return None
    if set(test[0].inputs) != {"text"} or len(test) / rate > seconds:
        return None
    _, texts = bench.features.get([example.inputs for example in test])
    _, labels = bench.features.get([{"text": name} for name in names])
    similarity = unit(np.asarray(texts)) @ unit(np.asarray(labels)).T
    return np.asarray(20.0 * (similarity - similarity.mean(axis=0)))


def likeness(bench: Bench, test: Sequence[Example], *, seconds: float) -> Scores | None:
    """Scores of candidates without any training: how alike their segment is to the text's, by frozen features.

    None for other outputs, before anything was read, or where the test rows cannot be read in time.
    """
    rate = bench.features.rows_per_second
    if bench.output.name != "choices" or rate is None or len(test) / rate > seconds:
        return None
    free = bench.features.free
    if free is None:
        return None
    _, features = bench.features.get([example.inputs for example in test])
    return [np.asarray(rows) @ free[-1][:, None] for rows in features]
