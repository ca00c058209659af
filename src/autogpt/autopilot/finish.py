"""The end of a run: choose, refit, calibrate, open the sealed test once, write the report, save what was tested."""

from __future__ import annotations

import re
import shutil
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from autogpt import config as settings
from autogpt import controls, registry, sandbox
from autogpt.autopilot import distilling, evidence, extend, folds, looks, past, planner, reasons, serving, trying
from autogpt.autopilot.deciding import decide
from autogpt.autopilot.ensembling import Joined
from autogpt.autopilot.trial import Bench, Result, load_scorer, load_scores
from autogpt.core import Decision, Example, Scorer
from autogpt.errors import EndpointError, ResourceError
from autogpt.evaluation.build import Contender, RunFacts, build_report
from autogpt.evaluation.curse import Curse
from autogpt.evaluation.energy import Costs, Predicting
from autogpt.evaluation.report import Report
from autogpt.evaluation.score import Score
from autogpt.evaluation.texts import text_scores
from autogpt.model import Model, versions
from autogpt.pipeline import Prepared

if TYPE_CHECKING:
    from autogpt.autopilot.session import Session
    from autogpt.core import Scores

ENOUGH_TEST_ROWS = 3_000
LEAST_TEST_ROWS, FIRST_TEST_ROWS, MOST_TEST_ROWS = 8, 64, 1024
REPORT_SECONDS = 3.0
ROLES = {"majority": "majority", "tfidf": "simple", "bm25": "simple", "bi-encoder": "zero-training"}
"""What trials are shown beside the winner on the same test rows, and as what."""


def finish(session: Session, bench: Bench, prepared: Prepared, best: Result) -> tuple[Model, Report]:
    """From the best trial to the tested model in `<run>/model`."""
    if (kept := extend.kept(session, bench, best)) is not None:
        return kept
    rows, rest = _test_rows(bench, prepared), extend.able(session)
    while True:
        reasons.say_winner(session, bench, best, rest)
        for note in best.notes if "prompts" in best.chosen else ():
            session.say("decision", f"{best.name}: {note}")
        best, joined, given_up = distilling.served(session, bench, prepared, best)
        told = _answering(session, bench, prepared, best, joined)
        try:
            test, scores = _test_scores(session, rows, best, told)
            break
        except (EndpointError, ResourceError) as problem:
            rest = [one for one in rest if one is not best]
            if not best.usage or not rest:
                raise
            session.say("decision", f"{best.name} cannot be tested: {problem}; the next best takes its place")
            best = session.choose(bench, rest)  # by validation as before: nobody looked at test answers
    decision, scorer = told.decision, told.scorer
    session.say("evaluation", f"the sealed test is opened: {len(test):,} rows", rows=len(test), model=told.name)
    contenders = [_contender(bench, told.name, "winner", scores, test, decision)]
    contenders += _baselines(session, bench, best, test, joined)
    if given_up is not None:
        contenders += _too_dear(session, bench, given_up, test)
    for warning in _caveats(bench, prepared, test, contenders[0], scorer):
        session.say("evaluation", warning)
    facts = _facts(session, bench, prepared, best, decision, joined)
    if given_up is not None:
        reason = f"best within {session.config.serving.given}"
        facts = replace(facts, trials=tuple(replace(r, reason=reason) if r.chosen else r for r in facts.trials))
    contenders[0] = replace(contenders[0], more=_more(session, bench, prepared, test, contenders[0], scorer))
    report = build_report(
        test,
        contenders,
        output=bench.output.name,
        metrics=bench.metrics,
        space=bench.space,
        facts=facts,
        seed=bench.seed,
    )
    headline = report.systems[0].scores[0]
    looks.note(session, told.name, headline)
    session.say(
        "evaluation",
        f"{headline.metric} {headline} on the test",
        score=headline.value,
        rows=headline.n,
        model=told.name,
    )
    info = {
        "status": "tested",
        "method": told.name,
        "backbone": _source(scorer),
        "config": settings.plain(session.config),
        "data": {"origin": prepared.table.origin, "fingerprint": f"sha256:{prepared.fingerprint}"},
        "validation": dict(told.validation),
        "test": {score.metric: score.value for score in report.systems[0].scores},
        **({"prompts": best.chosen["prompts"]} if "prompts" in best.chosen else {}),
        **session.teaching.info(best),
        **({"controls": known} if (known := _controls(prepared)) else {}),
    }
    model = Model(
        scorer, schema=prepared.profile.schema, space=bench.space, decision=decision, info=info, report=report
    )
    model.save(session.place / "model", saved_scorer=None if told.again else _folder(session, best) / "scorer")
    serving.check(session, session.place / "model")
    past.keep(session, bench, prepared, told.name)
    _tidy(session)
    session.say("saved", f"model and report: {session.place / 'model'}", folder=str(session.place / "model"))
    return model, report


def _controls(prepared: Prepared) -> dict[str, list[str]]:
    """The values that controls of written answers have in the rows to learn from."""
    if not (names := prepared.profile.schema.controls):
        return {}
    return controls.known([prepared.table.rows[row.id] for row in (*prepared.train, *prepared.validation)], names)


@dataclass(frozen=True, slots=True)
class Answering:
    """What answers in the end: one trial (`again`: fitted once more), or several that are `joined`."""

    name: str
    validation: Mapping[str, float | None]
    decision: Decision
    scorer: Scorer
    again: bool
    joined: Joined | None = None


def _answering(session: Session, bench: Bench, prepared: Prepared, best: Result, joined: Joined | None) -> Answering:
    """The model of the best trial, or of those that answer together."""
    if joined is not None:
        scorer = _joined_scorer(session, bench, prepared, joined)
        return Answering(joined.name, joined.scores, joined.decision, scorer, True, joined)
    decision = decide(bench, load_scores(_folder(session, best) / "validation.safetensors"))
    return Answering(best.name, best.known, decision, *_final_scorer(session, bench, prepared, best))


def _joined_scorer(session: Session, bench: Bench, prepared: Prepared, joined: Joined) -> Scorer:
    """The ensemble of the trials, each fitted again as time allows."""
    count = len(joined.members)
    models = {
        one.name: _final_scorer(session, bench, prepared, one, models=count)[0]
        for one in sorted(joined.members, key=lambda one: one.refit_seconds)
    }
    session.say("decision", f"{count} models answer together: {', '.join(one.name for one in joined.members)}")
    return joined.scorer(bench.output.name, [models[one.name] for one in joined.members])


def _final_scorer(
    session: Session, bench: Bench, prepared: Prepared, best: Result, *, models: int = 1
) -> tuple[Scorer, bool]:
    """A trial fitted again on training and validation rows when time allows it, otherwise as it is; with few rows the
    mean of the weights of several fits.

    `models`: how many answer together in the end.
    """
    if not bench.validation:  # it has learned from all rows
        return load_scorer(_folder(session, best) / "scorer", best.family), False
    if not best.distilled and (mean := folds.averaged(session, bench, prepared, best, models=models)) is not None:
        return mean, True
    growth = (len(bench.train) + len(bench.validation)) / len(bench.train)
    cost = 1.3 * growth * best.refit_seconds
    left = session.budget.remaining() - session.reserve(bench, prepared, models=models)
    if cost <= left:
        session.say("decision", f"{best.name} is fitted again on training and validation rows together")
        deadline = session.budget.until(session.reserve(bench, prepared, models=models))
        try:
            own = session.own(bench, best)
            return trying.refit(session, own, best, folder=_folder(session, best) / "refit", remaining=deadline), True
        except (ResourceError, MemoryError) as problem:
            session.say("decision", f"the model stays as it was validated: {problem or 'memory ran out'}")
    else:
        session.say(
            "decision",
            f"the model stays as it was validated: a refit would need {cost:.0f} s, {max(left, 0):.0f} s are left",
        )
    return load_scorer(_folder(session, best) / "scorer", best.family), False


def _test_rows(bench: Bench, prepared: Prepared) -> list[Example]:
    """The sealed rows, in random order."""
    rows = prepared.test.open()
    return [rows[place] for place in np.random.default_rng([bench.seed, 3]).permutation(len(rows))]


def _test_scores(
    session: Session, rows: Sequence[Example], best: Result, told: Answering
) -> tuple[Sequence[Example], Scores]:
    """Scores of the test rows; of a random part when time does not allow all (the report shows the number)."""
    deadline = session.budget.until(REPORT_SECONDS + 0.02 * min(session.budget.limit, 300.0))
    found: list[Any] = []
    reached, count, began = 0, FIRST_TEST_ROWS, session.budget.spent()
    if best.usage:  # an endpoint may take seconds a row
        count = least = min(FIRST_TEST_ROWS, max(LEAST_TEST_ROWS, int(1_500 / max(best.usage["seconds"], 1e-3))))
    else:
        least = FIRST_TEST_ROWS
    while reached < len(rows):
        before = session.budget.spent()
        chunk = rows[reached : reached + count]
        found.append(told.scorer.score([example.inputs for example in chunk]))
        reached += len(chunk)
        row_seconds = max(session.budget.spent() - before, 1e-4) / len(chunk)
        count = min(MOST_TEST_ROWS, max(least, int(1.5 / row_seconds)))
        if deadline() < count * row_seconds and reached >= least:
            break
    took = session.budget.spent() - began
    session.predicting[told.name] = Predicting.of(told.name, reached, took, told.scorer)
    if reached < len(rows):
        session.say("warning", f"time allows testing on {reached:,} of {len(rows):,} test rows, drawn at random")
    return rows[:reached], _together(found)


def _contender(
    bench: Bench, name: str, role: str, scores: Scores, test: Sequence[Example], decision: Decision
) -> Contender:
    inputs = [example.inputs for example in test]
    return Contender(
        name,
        role,
        bench.output.decode(scores, bench.space, decision, inputs),
        bench.output.probabilities(scores, bench.space, decision),
        bench.output.probabilities(scores, bench.space, replace(decision, temperature=1.0)),
    )


def _caveats(bench: Bench, prepared: Prepared, test: Sequence[Example], model: Contender, scorer: Any) -> Iterator[str]:
    """What a reader of the score should know: near twins of training rows, texts that were cut."""
    twins = {row for row, _ in prepared.split.near_leaks}
    rest = [place for place, example in enumerate(test) if example.id not in twins]
    if 0 < len(rest) < len(test) and model.probabilities is not None:
        table = [model.probabilities[place] for place in rest]
        score = bench.metric(
            [test[place].target for place in rest],
            [model.predictions[place].value for place in rest],
            table if isinstance(model.probabilities, list) else np.asarray(table),
            bench.space,
        )
        without = f"{len(rest):,} test rows without a near twin in train"
        yield f"{bench.metric.name} {score:.{bench.metric.decimals}f} on the {without}"
    if scorer.family == "memory":
        yield "the model holds the training rows as they are and answers with their texts; mind who may see them"
    if getattr(scorer, "cut", 0):
        yield f"{scorer.cut:,} texts are longer than {scorer.max_length} tokens; what is beyond was not read"


def _more(
    session: Session, bench: Bench, prepared: Prepared, test: Sequence[Example], model: Contender, scorer: Any
) -> tuple[Score, ...]:
    """Of written texts: how far the right ones were expected, and what code does in its tests, while there is time."""
    if bench.output.name != "text":
        return ()
    spare = session.budget.until(REPORT_SECONDS)
    took = session.predicting[model.name].seconds * len(test) / 1000 + sandbox.SECONDS
    return text_scores(
        test,
        model.predictions,
        scorer,
        table=prepared.table.rows,
        schema=prepared.profile.schema,
        seed=bench.seed,
        has_time=lambda: spare() > took and not session.stop(),
    )


def _baselines(
    session: Session, bench: Bench, best: Result, test: Sequence[Example], joined: Joined | None
) -> list[Contender]:
    """The simple methods on the same test rows, and what the encoder knows without training where it can be had.

    Beside several models that answer together, the best of the trials alone where time allows it.
    """
    found = []
    rate = bench.features.rows_per_second
    if joined and rate and len(test) / rate < 0.5 * session.budget.until(2 * REPORT_SECONDS)():
        found.append(_of_result(session, bench, best, f"{best.name} alone", "other", test))
    for result in session.results:
        role = ROLES.get(result.method)
        if role is None and session.rows.policy and result.method == "head":
            role = "chosen-rows" if result.rows else "all-rows"  # the same method twice: what choosing rows brought
        # the best of a simple method is no rival of itself, unless a teacher taught it
        same = role == "simple" and result.method == best.method and not (best.distilled or best.taught)
        if role is None or result is best or result.varied or same or extend.is_dear(session, result):
            continue
        found.append(_of_result(session, bench, result, result.name, role, test))
    for name, untrained in (("label names", evidence.label_names), ("likeness", evidence.likeness)):
        answers = untrained(bench, test, seconds=session.budget.until(2 * REPORT_SECONDS)() * 0.5)
        if answers is not None:
            found.append(_contender(bench, name, "zero-training", answers, test, Decision()))
    return found


def _too_dear(session: Session, bench: Bench, given_up: distilling.Teacher, test: Sequence[Example]) -> list[Contender]:
    """What would have answered but for the user's limits, on the same test rows where time allows it."""
    began, first = session.budget.spent(), test[:FIRST_TEST_ROWS]
    tables = [given_up.scorer.score([row.inputs for row in first])]
    took, rest = session.budget.spent() - began, test[len(first) :]
    if took * len(rest) / len(first) > 0.5 * session.budget.until(2 * REPORT_SECONDS)():
        session.say("evaluation", f"{given_up.name} is not tested beside it: there is no time")
        return []
    if rest:
        tables.append(given_up.scorer.score([row.inputs for row in rest]))
    seconds = session.budget.spent() - began
    name = f"{given_up.name}, given up"
    session.predicting[name] = Predicting.of(name, len(test), seconds, given_up.scorer)
    return [_contender(bench, name, "other", _together(tables), test, given_up.decision)]


def _together(tables: Sequence[Any]) -> Scores:
    return [row for part in tables for row in part] if isinstance(tables[0], list) else np.concatenate(tables)


def _of_result(
    session: Session, bench: Bench, result: Result, name: str, role: str, test: Sequence[Example]
) -> Contender:
    """A trial as it was validated, on the test rows."""
    folder = _folder(session, result)
    scorer = extend.scorer(session, bench, result)
    decision = decide(bench, load_scores(folder / "validation.safetensors"))
    began = session.budget.spent()
    scores = scorer.score([example.inputs for example in test])
    session.predicting[name] = Predicting.of(name, len(test), session.budget.spent() - began, scorer)
    return _contender(bench, name, role, scores, test, decision)


def _facts(
    session: Session, bench: Bench, prepared: Prepared, best: Result, decision: Decision, joined: Joined | None
) -> RunFacts:
    """What the report tells beside the test scores; cheap experiments run while there is time."""
    spare = session.budget.until(2 * REPORT_SECONDS)
    quick = evidence.quick_model(bench, session.results, remaining=spare)
    least = max(0.02 * min(session.budget.limit, 600.0), 1.5 * quick.seconds if quick else 0.0)

    def has_time() -> bool:
        return spare() > least and not session.stop()

    seeds = evidence.seed_scores(bench, quick, has_time=has_time) if quick else ()  # first: the verdict hangs on it
    suspects, looked_at, noise = evidence.wrong_labels(bench, quick, has_time=has_time) if quick else ([], 0, None)
    trials = [reasons.trial_row(bench, one, best) for one in session.results]
    return RunFacts(
        goal=session.config.goal,
        task=prepared.task.name,
        method=joined.name if joined else best.name,
        backbone=_backbone(session.own(bench, best), best),
        decision=decision,
        trials=tuple([*trials, reasons.joined_row(bench, joined)] if joined else trials),
        seed_scores=seeds,
        curve=evidence.learning_curve(bench, quick, has_time=has_time) if quick else (),
        suspects=suspects,
        suspects_of=looked_at,
        data=reasons.data_facts(prepared),
        choices=reasons.choices(session),
        costs=_costs(session, bench),
        config=settings.plain(session.config),
        command=reasons.command(session),
        versions=versions(),
        language="zh" if re.search(r"[\u4e00-\u9fff]", session.config.goal) else "en",
        curse=_curse(session, bench, best) if has_time() else None,
        label_noise=noise,
        looks=looks.before(session),
        advised=planner.compared(session, bench),
    )


def _curse(session: Session, bench: Bench, best: Result) -> Curse | None:
    """What picking this trial flattered its validation score by."""

    def table(result: Result) -> Scores:
        return load_scores(_folder(session, result) / "validation.safetensors")

    return evidence.flattery(bench, session.results, best, table, seed=bench.seed)


def _costs(session: Session, bench: Bench) -> Costs:
    """Time, memory, energy; what an endpoint took; and what predictions take, of each system that was measured."""
    for result in session.results:  # one that asks an endpoint and was not tested, by its validation rows
        if result.usage and result.name not in session.predicting:
            session.predicting[result.name] = Predicting(result.name, **result.usage)
    found = session.meter.read(stages=session.stages, device=_device(bench))
    found = replace(found, predictions=tuple(session.predicting.values()))
    if session.client is None:
        return found
    ledger = session.client.ledger
    session.say("evaluation", f"the endpoint was asked {ledger.requests:,} times: {ledger.told()}")
    money = ledger.money if ledger.prices.known else None
    return replace(found, asked=ledger.requests, read=ledger.read, written=ledger.written, money=money)


def _backbone(bench: Bench, best: Result) -> str:
    if not registry.get("methods", best.method).needs_backbone:
        return ""
    source: Mapping[str, Any] = _source(bench.features.encoder())
    return f"{source['name']} ({source['revision']})"


def _device(bench: Bench) -> str:
    """Where encoders ran; baselines alone need no torch, and so nobody is asked."""
    return "cpu" if bench.features.rows_per_second is None else str(bench.runtime().device)


def _source(scorer: Any) -> dict[str, Any]:
    """Name and revision of the backbone; without its place on this machine."""
    source = getattr(scorer, "source", None)
    return {key: value for key, value in asdict(source).items() if key != "location"} if source else {}


def _folder(session: Session, result: Result) -> Any:
    place = session.results.index(result)
    return session.folders[place]


def _tidy(session: Session) -> None:
    """Weights of trials that lost, and cached features, are not needed any more."""
    for folder in session.folders:
        shutil.rmtree(folder / "scorer", ignore_errors=True)
        shutil.rmtree(folder / "loop", ignore_errors=True)
        for more in folder.glob("fold-*"):
            shutil.rmtree(more, ignore_errors=True)
        shutil.rmtree(folder / "refit", ignore_errors=True)
    for name in ("features", "pilots", "adapted", "distilled"):
        shutil.rmtree(session.place / name, ignore_errors=True)
