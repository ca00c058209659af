"""From test rows and answers to a `Report`: the one place where a run's facts and its test scores meet."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import numpy as np

from autogpt.core import ONE_LABEL, Decision, Example, LabelSpace, Metric, Prediction
from autogpt.errors import InputError
from autogpt.evaluation.calibration import Abstention, Calibration, calibration
from autogpt.evaluation.curse import Curse
from autogpt.evaluation.energy import Costs
from autogpt.evaluation.errors import Confusion, Matrix, confusions, is_right, kinship, matrix, slices, worst
from autogpt.evaluation.interval import RESAMPLES, Answers, paired_difference
from autogpt.evaluation.learning_curve import Point, fit_curve
from autogpt.evaluation.noise import LabelNoise, Suspect
from autogpt.evaluation.report import Advised, Choice, DataFacts, Look, Report, System, TrialRow
from autogpt.evaluation.score import Score, bare_score, evaluate, point_scores
from autogpt.evaluation.tables import ClassTable, entity_table, label_table, tag_table
from autogpt.evaluation.verdict import Rival, judge, noise_floor
from autogpt.evaluation.words import Words

if TYPE_CHECKING:
    from autogpt.core import Scores

ROLES = ("winner", "chosen-rows", "all-rows", "majority", "simple", "zero-training", "other")
SHOWN_SUSPECTS, SHOWN_PAIRS = 100, 400
LEAST = {"span": 0.3, "text": 0.3, "tokens": 0.3}
"""Of answers that are found or written, a score below which most is wrong, however little others know."""
BARE = frozenset({"value", "ranking", "span", "text"})
"""Outputs whose answers are not right or wrong labels: how sure they are is not held against that in the report."""


@dataclass(frozen=True, slots=True)
class Contender:
    """A system's answers on the test rows. `uncalibrated`: probabilities at temperature 1 (of the winner only); `more`:
    scores that no metric gives (see `texts`)."""

    name: str
    role: str
    predictions: Sequence[Prediction]
    probabilities: Scores | None
    uncalibrated: Scores | None = None
    more: Sequence[Score] = ()


@dataclass(frozen=True, slots=True)
class RunFacts:
    """What a run knows beside its test answers. Only `goal` and `task` are needed; what is absent is not shown.

    `seed_scores`: main metric of the winner's recipe under several seeds (validation rows); `curve`: scores of one
    method on growing parts of the training rows; `suspects`: see `noise.suspects`, of `suspects_of` rows looked at;
    `languages`: language of each test row; `curse`: what picking the best flattered its validation score by;
    `label_noise`: share of labels that are wrong; `looks`: models of this run that were judged on the test before;
    `advised`: what the ladder and a planner proposed, and what it came to.
    """

    goal: str
    task: str
    method: str = ""
    backbone: str = ""
    decision: Decision = field(default_factory=Decision)
    trials: Sequence[TrialRow] = ()
    seed_scores: Sequence[float] = ()
    curve: Sequence[Point] = ()
    suspects: Sequence[Suspect] = ()
    suspects_of: int = 0
    data: DataFacts = field(default_factory=DataFacts)
    languages: Sequence[str] = ()
    choices: Sequence[Choice] = ()
    costs: Costs | None = None
    config: Mapping[str, Any] = field(default_factory=dict)
    command: str = ""
    versions: Mapping[str, str] = field(default_factory=dict)
    created: str = ""
    language: str = "en"
    curse: Curse | None = None
    label_noise: LabelNoise | None = None
    looks: Sequence[Look] = ()
    advised: Sequence[Advised] = ()


def build_report(
    test: Sequence[Example],
    contenders: Sequence[Contender],
    *,
    output: str,
    metrics: Sequence[Metric],
    space: LabelSpace,
    facts: RunFacts,
    seed: int = 0,
    resamples: int = RESAMPLES,
) -> Report:
    """The report. The first contender is the model, the first metric is the main one; `space` is the model's."""
    if not contenders or not metrics:
        raise InputError("a report needs at least one contender (the model) and one metric")
    unknown = sorted({c.role for c in contenders} - set(ROLES))
    if unknown:
        raise InputError(f"contender role {unknown[0]!r} is not known; choose one of: {', '.join(ROLES)}")
    main, model = metrics[0], contenders[0]
    systems, rivals = _compared(test, contenders, metrics, space, seed, resamples)
    noise = noise_floor(main.name, facts.seed_scores)
    tables = _tables(output, [e.target for e in test], [p.value for p in model.predictions])
    reliable = _calibration(test, model, output, space, facts)
    mixed, square = _mixed_up(test, model.predictions, output)
    groups = slices(
        test, model.predictions, model.probabilities, metric=main, space=space, languages=facts.languages, seed=seed
    )
    curve = fit_curve(facts.curve, metric=main, seed=seed) if facts.curve else None
    verdict = judge(
        systems[0].scores[0],
        rivals,
        words=Words(facts.language),
        noise=noise,
        ece=reliable.ece_after if reliable else None,
        leaks=facts.data.leaks,
        forgotten=_forgotten(tables),
        constant=_constant(test, model.predictions),
        suspicious_share=len(facts.suspects) / facts.suspects_of if facts.suspects_of else 0.0,
        least=LEAST.get(output) if main.higher_is_better else None,
        looks=len(facts.looks) + 1,
        curve=curve,
        label_noise=facts.label_noise,
    )
    return Report(
        goal=facts.goal,
        task=facts.task,
        output=output,
        metric=main.name,
        method=facts.method or model.name,
        backbone=facts.backbone,
        verdict=verdict,
        systems=systems,
        rivals=rivals,
        noise=noise,
        trials=tuple(facts.trials),
        curve=curve,
        calibration=reliable,
        abstention=_abstention(test, model, facts.decision) if output not in BARE else None,
        confusions=mixed,
        matrix=square,
        kinship=kinship(test, model.predictions) if output == "path" else {},
        worst=tuple(worst(test, model.predictions, output)),
        suspects=tuple(facts.suspects[:SHOWN_SUSPECTS]),
        suspect_count=len(facts.suspects),
        tables=tables,
        slices=tuple(groups),
        pairs=_pairs(test, model.predictions, seed) if output == "value" else (),
        data=facts.data,
        choices=tuple(facts.choices),
        costs=facts.costs,
        config=facts.config,
        command=facts.command,
        versions=facts.versions,
        created=facts.created or datetime.now(UTC).strftime("%Y-%m-%d %H:%M UTC"),
        language=facts.language,
        curse=facts.curse,
        label_noise=facts.label_noise,
        looks=tuple(facts.looks),
        advised=tuple(facts.advised),
    )


def _constant(test: Sequence[Example], predictions: Sequence[Prediction]) -> bool:
    """Whether all rows get one answer, and not all of them have one."""
    given, right = {str(one.value) for one in predictions}, {str(one.target) for one in test}
    return len(given) == 1 < len(right)


def _compared(
    test: Sequence[Example],
    contenders: Sequence[Contender],
    metrics: Sequence[Metric],
    space: LabelSpace,
    seed: int,
    resamples: int,
) -> tuple[tuple[System, ...], tuple[Rival, ...]]:
    """All scores of all contenders, and how much better the first is than each other one by the main metric."""
    gold = [example.target for example in test]
    systems, rivals = [], []
    for i, c in enumerate(contenders):
        full = metrics if i == 0 else metrics[:1]  # of the others, only the main score is shown with its interval
        card = evaluate(gold, c.predictions, c.probabilities, metrics=full, space=space, seed=seed, resamples=resamples)
        rest = point_scores(gold, c.predictions, c.probabilities, metrics=metrics[len(full) :], space=space)
        points = (bare_score(m, rest[m.name], len(gold)) for m in metrics[len(full) :])
        systems.append(System(c.name, c.role, (*card.scores, *points, *c.more)))
    for c in contenders[1:]:
        lead = paired_difference(
            metrics[0], gold, _answers(contenders[0]), _answers(c), space=space, seed=seed, resamples=resamples
        )
        rivals.append(Rival(c.name, c.role, lead))
    return tuple(systems), tuple(rivals)


def _answers(contender: Contender) -> Answers:
    return Answers([p.value for p in contender.predictions], contender.probabilities)


def _tables(output: str, gold: Sequence[Any], predicted: Sequence[Any]) -> tuple[ClassTable, ...]:
    if output == "tokens":
        return entity_table(gold, predicted), tag_table(gold, predicted)
    return (label_table(gold, predicted),) if output in {*ONE_LABEL, "labels"} else ()


def _forgotten(tables: Sequence[ClassTable]) -> list[tuple[str, int]]:
    """Labels that stand in gold and are never found (entities for token tasks)."""
    rows = tables[0].rows if tables else ()
    return [(row.label, row.support) for row in rows if row.support and row.recall == 0]


def _calibration(
    test: Sequence[Example], model: Contender, output: str, space: LabelSpace, facts: RunFacts
) -> Calibration | None:
    if output in BARE or model.probabilities is None or not space.labels:
        return None
    before = model.uncalibrated if model.uncalibrated is not None else model.probabilities
    gold, temperature = [example.target for example in test], facts.decision.temperature
    return calibration(gold, model.predictions, before, model.probabilities, space=space, temperature=temperature)


def _abstention(test: Sequence[Example], model: Contender, decision: Decision) -> Abstention | None:
    """What abstaining really did on the test rows; None when the model always answers."""
    answered = [(e, p) for e, p in zip(test, model.predictions, strict=True) if not p.abstained]
    if not decision.abstain_below or not answered:
        return None
    right = sum(is_right(e, p) for e, p in answered)
    return Abstention(decision.abstain_below, len(answered) / len(test), right / len(answered))


def _mixed_up(
    test: Sequence[Example], predictions: Sequence[Prediction], output: str
) -> tuple[tuple[Confusion, ...], Matrix | None]:
    """Confusions of single-label rows, or of tokens' tags (rows then are tokens with their sentence)."""
    if output == "tokens":
        flat = [
            (Example(e.id, e.inputs, tag), Prediction(answer))
            for e, p in zip(test, predictions, strict=True)
            for tag, answer in zip(e.target, p.value, strict=True)
        ]
        test, predictions = [e for e, _ in flat], [p for _, p in flat]
    elif output not in ONE_LABEL:
        return (), None
    return tuple(confusions(test, predictions)), matrix(test, predictions)


def _pairs(test: Sequence[Example], predictions: Sequence[Prediction], seed: int) -> tuple[tuple[float, float], ...]:
    """(true, predicted) of some rows, for drawing."""
    rows = np.random.default_rng(seed).permutation(len(test))[:SHOWN_PAIRS]
    return tuple((float(test[i].target), float(predictions[i].value)) for i in sorted(rows))
