"""After the ladder: other options of the methods that may still win, for as long as that may be worth its seconds.

Each method of the ladder was tried once. What follows are variations of those that are near the best: first what did
well on data sets alike (`portfolio`), then what a model of this run's own scores proposes (the tree-structured Parzen
estimator of "Algorithms for Hyper-Parameter Optimization", Bergstra et al. 2011, multivariate, in Optuna: `study`). The
space is derived from the fields of the methods' options that name a range (`setting.domains`); no method is known here.
Whatever brings most per second is tried next (`scheduler`), and a training whose curve cannot reach the best is stopped
at a checkpoint, from which it may be gone on with. A killed run goes on with its search.
"""

from __future__ import annotations

import json
import math
import shutil
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, fields, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from autogpt import files, registry
from autogpt.autopilot import auto, belief, distilling, ensembling, portfolio, scheduler, trying
from autogpt.autopilot.ladder import CHEAP
from autogpt.autopilot.scheduler import Curve, Outlook, distance
from autogpt.autopilot.study import Space, entry_name, lost, of_run
from autogpt.autopilot.trial import Bench, Candidate, Result, load_result
from autogpt.config import RunConfig
from autogpt.core import ONE_LABEL
from autogpt.errors import Interrupted, ResourceError
from autogpt.events import Event
from autogpt.setting import domains

if TYPE_CHECKING:
    from autogpt.autopilot.session import Session
    from autogpt.pipeline import Prepared

METHODS, ASIDE = "search.json", "aside.json"
LEAST_SECONDS = 15.0
"""With less left nothing is searched: Optuna alone takes seconds to be there."""
OVERHEAD = 2.0
"""Seconds of a trial beside fitting: its weights are saved, and promoted if it is the best."""
KEPT = 3
"""Trials of the search whose weights are kept, beside the best of all."""
MOST_TRIALS = 60
"""Of one search, whatever the time; as many as are looked ahead for what more could bring."""
MEASURED = 100
"""Rows on which the mean length of texts is measured."""


@dataclass(frozen=True, slots=True)
class Arm:
    """A method that may be varied: its space, and its first trial."""

    space: Space
    first: Result

    def base(self, name: str) -> Any:
        """The value of an option in the first trial."""
        defaults = {one.name: one.default for one in fields(registry.get("methods", self.first.method).options)}
        return self.first.options.get(name, defaults[name])

    def seconds(self, options: Mapping[str, Any]) -> float:
        """What a trial with these options takes: as the first did, longer by the options that make it longer."""
        longer = [name for name, domain in self.space.items() if domain.longer and name in options]
        times: float = math.prod(options[name] / self.base(name) for name in longer)
        return self.first.refit_seconds * times + OVERHEAD


@dataclass(frozen=True, slots=True)
class Proposal:
    """What may be tried next, with what is believed of it. Without `method` the study says which options; `aside` is
    the folder of a training that was stopped."""

    outlook: Outlook
    why: str
    method: str = ""
    options: Mapping[str, Any] | None = None
    aside: Path | None = None


def explore(session: Session, bench: Bench, prepared: Prepared) -> None:
    """Search until the time is needed for the end of the run, or more would not help. What was decided is said."""
    if not is_asked(session.config) or not session.results:
        return

    def left() -> float:
        reserve = session.reserve(bench, prepared, models=len(ensembling.PAIR))
        ends = ensembling.ahead(session, bench) + distilling.ahead(session, bench)
        return session.budget.remaining() - reserve - ends

    found = arms(session, bench, left())
    if isinstance(found, str):
        _end(session, found)
    else:
        try:
            _Search(session, bench, prepared, found, left).run()
        except lost() as problem:
            _end(session, f"the search ends: its storage is lost ({str(problem).splitlines()[0]})")


def is_asked(config: RunConfig) -> bool:
    """Whether a run searches: who names one method gets it as it is, and `auto` chooses one."""
    methods = config.search.methods
    return config.experiments.search != "off" and methods != auto.NAME and (methods is None or "," in methods)


def planned(config: RunConfig, trials: Sequence[Candidate]) -> str:
    """What a plan says of the search."""
    if not is_asked(config):
        return "no search: each method is tried once"
    names = {one.method: domains(registry.get("methods", one.method).options) for one in trials}
    told = "; ".join(f"{name} ({', '.join(space)})" for name, space in names.items() if space)
    if not told:
        return "no search: no method has options to vary"
    return f"then search ({config.experiments.search}) while time is left and more may help: {told}"


def is_aside(session: Session, folder: Path) -> bool:
    """Whether a trial was stopped or given up, so that a resumed run leaves it; it counts as tried."""
    if not (folder / ASIDE).is_file():
        return False
    session.tried.append(folder.name.split("-", 1)[1])
    return True


def arms(session: Session, bench: Bench, left: float) -> dict[str, Arm] | str:
    """The methods that may still win by other options; or why there are none."""
    if left < LEAST_SECONDS:
        return f"no search: {max(left, 0):.0f} s are left before the end of the run begins"
    path, found = session.place / METHODS, dict[str, Arm]()
    begun = json.loads(path.read_text("utf-8")) if path.is_file() else None  # a study keeps the methods it began with
    variation, behind = prior(session, bench), behind_best(session, bench)
    for result, gap in zip(session.results, behind, strict=True):
        space = domains(registry.get("methods", result.method).options)
        rows = session.rows.policy if result.method not in CHEAP else ""
        other = result.rows != rows or result.taught != (result.method in session.teaching.kept)
        if not space or result.usage or result.method in found or other or result.varied:
            continue
        arm = Arm(space, result)
        most = _count(left, arm.seconds({}))
        is_near = most and replace(variation, mean=variation.mean - gap).is_worth(most)
        if result.method in begun if begun is not None else is_near:
            found[result.method] = arm
    if found:
        files.write_json(path, list(found))
        return found
    bound = variation.bound(MOST_TRIALS)
    if variation.ceiling < scheduler.FLOOR:
        return "no search: all validation rows are answered rightly"
    if not variation.is_worth(MOST_TRIALS):
        told = f"of {variation.noise:.3f} between two trials is chance with {len(bench.validation)} validation rows"
        return f"no search: a difference {told}, so that other options would bring {bound:.4f} at most"
    return "no search: no other options of a method near the best fit into the time that is left"


def prior(session: Session, bench: Bench) -> Outlook:
    """What is believed of another configuration of a method, relative to its first trial."""
    rows, score = max(1, len(bench.validation)), _best(session).scores[bench.metric.name]
    noise, ceiling = math.sqrt((1 - belief.CORRELATION) / rows), 1.0  # of an error, as a share of it
    if bench.metric.higher_is_better:
        noise, ceiling = belief.paired_error(score, rows), max(0.0, 1 - score)
    return Outlook(scheduler.SHIFT, scheduler.SPREAD, noise, ceiling=ceiling)


def behind_best(session: Session, bench: Bench) -> list[float]:
    """By how much each trial is believed to be worse than the best."""
    metric, results = bench.metric, session.results
    if metric.higher_is_better:
        knows = session.knows_language(bench)
        rows, prior = len(bench.validation), session.prior
        expected = belief.expectations(results, metric=metric, rows=rows, knows_language=knows, prior=prior)
        apart = [max(expected) - one for one in expected]
    else:
        best = _best(session).scores[metric.name]
        apart = [distance(best, one.scores[metric.name], higher_is_better=False) for one in results]
    return [one if math.isfinite(one) else math.inf for one in apart]


def described(bench: Bench) -> portfolio.Features:
    """The data set as the portfolio sees others."""
    texts = [" ".join(map(str, row.inputs.values())) for row in bench.train[:MEASURED]]
    rate = bench.features.rows_per_second or 0.0
    return portfolio.Features(
        rows=len(bench.train),
        labels=len({row.target for row in bench.train}) if bench.output.name in ONE_LABEL else 1,
        length=sum(map(len, texts)) / max(1, len(texts)),
        output=bench.output.name,
        reading=rate,
        device=bench.runtime().device if rate else "cpu",
    )


def _best(session: Session) -> Result:
    if session.best is None:
        raise ResourceError("no method could be fitted, and nothing can be varied; give more time or memory")
    return session.best


def _end(session: Session, why: str) -> None:
    session.say("decision", why, search="ended")
    session.reasons.append(why)


class _Search:
    """One search in progress."""

    def __init__(
        self,
        session: Session,
        bench: Bench,
        prepared: Prepared,
        found: Mapping[str, Arm],
        left: Callable[[], float],
    ) -> None:
        self.session, self.bench, self.prepared, self.arms, self.left = session, bench, prepared, found, left
        wanted, better = session.config.experiments, bench.metric.higher_is_better
        spaces, sampler = {method: arm.space for method, arm in found.items()}, wanted.search
        self.study = of_run(
            session.place, wanted.storage, spaces, sampler=sampler, seed=bench.seed, higher_is_better=better,
            say=lambda message: session.say("warning", message),
        )  # fmt: skip
        for method, arm in found.items():
            self.study.first(method, {name: arm.base(name) for name in arm.space}, self._score(arm.first))
        for folder in self._folders():  # what a kill cut short was gone on with already, as all that was begun
            if (number := _number(folder)) in self.study.running():
                self.study.tell(number, self._scored(folder), **_reached(folder))
        entries = [] if sampler == "random" else portfolio.shipped().ranked(described(bench), methods=found)
        self.entries = [one for one in entries if all(name in found[one.method].space for name in one.options)]

    def run(self) -> None:
        """Try the most promising as long as that is worth it."""
        session = self.session
        told = f"search ({session.config.experiments.search}): other options of {', '.join(self.arms)}"
        session.say("decision", f"{told}; at most {min(self.left(), 1e6):.0f} s are left for it", search="began")
        while not isinstance(found := self.next(), str) or trying.others_work(session):
            if session.stop():
                raise Interrupted("stopped between two trials", resume="")
            if isinstance(found, str):  # what a trial that was still worked on came to may tell otherwise
                continue
            if found.aside is not None:
                self._go_on(found, found.aside)
            else:
                self._try(found)
            self._give_up()
        _end(session, found)
        for _, folder, _ in self._stopped():
            shutil.rmtree(folder / "loop", ignore_errors=True)

    def next(self) -> Proposal | str:
        """The proposal that gains most per second; or why the search ends.

        Whether it goes on is asked of what this run's own trials say, never of what did well elsewhere alone.
        """
        left, proposals = self.left(), list(self.proposals())
        fitting = [one for one in proposals if one.outlook.seconds <= left]
        if not fitting:
            least = min(one.outlook.seconds for one in proposals)
            return f"the search ends: a further trial takes about {least:.0f} s, {max(left, 0):.0f} s are left for it"
        counts = [_count(left, one.outlook.seconds) for one in fitting]
        pairs = list(zip(fitting, counts, strict=True))
        judged = [(one.outlook, count) for one, count in pairs if one.options is None] or [(proposals[0].outlook, 1)]
        if len(self.study.trials) < MOST_TRIALS and any(outlook.is_worth(count) for outlook, count in judged):
            return max(fitting, key=lambda one: one.outlook.rate)
        bound = max(outlook.bound(count) for outlook, count in judged)
        told = f"{max(counts)} further trials can be expected to bring {bound:.4f} at most"
        return (
            f"the search ends, more would not help: {told} that {len(self.bench.validation)} validation rows can tell"
        )

    def proposals(self) -> Iterator[Proposal]:
        """The next of the portfolio, what the study proposes, and trainings that were stopped."""
        variation, behind = prior(self.session, self.bench), self._behind()
        tried = self.study.entries()
        for entry in self.entries:
            if entry_name(entry.method, entry.options) not in tried:
                mean, seconds = min(entry.mean, 0.0) - behind[entry.method], self.arms[entry.method].seconds({})
                outlook = replace(variation, mean=mean, seconds=seconds)
                yield Proposal(outlook, "did well on data sets like this", entry.method, entry.options)
                break
        method = min(self.arms, key=lambda name: (behind[name], self.arms[name].first.refit_seconds))
        firsts = {name: self._score(arm.first) for name, arm in self.arms.items()}
        differences = [self._distance(score, firsts[name]) for name, score in self.study.scored()]
        seen = scheduler.learned(variation, differences)
        outlook = replace(seen, mean=seen.mean - behind[method], seconds=self.arms[method].seconds({}))
        is_random = self.session.config.experiments.search == "random"
        yield Proposal(outlook, "drawn at random" if is_random else "proposed by what scored well so far")
        for curve, folder, seconds in self._stopped():
            if curve.best is not None and (folder / "loop").is_dir():
                rise, spread = curve.ahead()
                mean, rest = rise - self._distance(self._goal(), curve.best), 1 / curve.share - 1
                outlook = Outlook(mean, spread, variation.noise, seconds * rest + OVERHEAD)
                yield Proposal(outlook, "its curve may reach the best after all", aside=folder)

    def _try(self, proposal: Proposal) -> None:
        """A trial of the portfolio's next configuration, or of what the study proposes."""
        if proposal.options is None:
            asked = self.study.ask()
        else:
            arm, said = self.arms[proposal.method], proposal.options
            values = {name: said.get(name, arm.base(name)) for name in arm.space}
            asked = self.study.ask(proposal.method, values, entry=entry_name(proposal.method, said))
        arm = self.arms[asked.method]
        options = {name: self._fitting(arm, name, value) for name, value in asked.options.items()}
        told = ", ".join(f"{name} {'default' if value is None else value}" for name, value in options.items())
        candidate = Candidate(
            asked.method,
            {**arm.first.options, **options},
            arm.seconds(options),
            f"{proposal.why} ({told})",
            rows=arm.first.rows,
            number=asked.number,
            taught=arm.first.taught,
        )
        problem = self.session.no_room(self.bench, candidate)
        if problem is not None:
            self.session.say("decision", f"{candidate.name} is left out: {problem}")
            self.study.tell(asked.number, None)
            return
        folder = self.session.place / "trials" / f"{len(self.session.tried):02d}-{asked.method}"
        files.write_json(folder / "candidate.json", asdict(candidate))
        self._run(candidate, folder, goal=self._goal())

    def _fitting(self, arm: Arm, name: str, value: Any) -> Any:
        """The value, or what of it fits into the time that is left, if it makes a trial longer."""
        if not arm.space[name].longer:
            return value
        most = arm.base(name) * max(1.0, (self.left() - OVERHEAD) / max(arm.first.refit_seconds, 1e-3))
        if value <= most:
            return value
        return int(most) if arm.space[name].whole else round(most, 2)

    def _go_on(self, proposal: Proposal, folder: Path) -> None:
        """Take up a stopped training where it stands, to its end."""
        candidate = Candidate(**json.loads((folder / "candidate.json").read_text("utf-8")))
        self.session.say("decision", f"{candidate.name} is gone on with: {proposal.why}", search="continued")
        (folder / ASIDE).unlink()
        self._run(candidate, folder, goal=None)

    def _run(self, candidate: Candidate, folder: Path, *, goal: float | None) -> None:
        """Try a candidate under watch, and tell the study. One whose curve is hopeless is put aside with its state."""
        session, watch = self.session, _Watch(self.bench, goal=goal, noise=prior(self.session, self.bench).noise)

        def ended(settle: Callable[[], None]) -> None:
            try:
                settle()
            except Interrupted:
                if not watch.why or session.stop():
                    raise
                written = {"share": watch.curve.share, "best": watch.curve.best, "seconds": watch.seconds()}
                files.write_json(folder / ASIDE, {"why": watch.why, **written})
                told = {"trial": candidate.name, "method": candidate.name, "metric": self.bench.metric.name}
                session.say("trial", f"{candidate.name} is stopped: {watch.why}", **told, state="stopped")
            self.study.tell(candidate.number, self._scored(folder), **_reached(folder))

        bench = replace(self.bench, listen=watch, stop=watch.stop)
        trying.attempt(session, bench, self.prepared, candidate, folder, remaining=self.left, around=ended)

    def _give_up(self) -> None:
        """Delete the weights of the search's trials that are behind its best: each is as large as the encoder."""
        session, behind = self.session, behind_best(self.session, self.bench)
        own = [(gap, one) for gap, one in zip(behind, session.results, strict=True) if one.varied]
        for _, result in sorted(own, key=lambda pair: pair[0])[KEPT:]:
            if result is session.best:
                continue
            place = next(at for at, one in enumerate(session.results) if one is result)
            del session.results[place]
            folder = session.folders.pop(place)
            files.write_json(folder / ASIDE, {"why": "others are better", "share": 1.0, "best": None, "seconds": 0.0})
            for name in ("scorer", "loop"):
                shutil.rmtree(folder / name, ignore_errors=True)

    def _behind(self) -> dict[str, float]:
        """By how much the first trial of each method is believed to be worse than the best."""
        pairs = list(zip(self.session.results, behind_best(self.session, self.bench), strict=True))
        return {name: next(gap for one, gap in pairs if one is arm.first) for name, arm in self.arms.items()}

    def _distance(self, first: float, second: float) -> float:
        return distance(first, second, higher_is_better=self.bench.metric.higher_is_better)

    def _score(self, result: Result) -> float:
        return result.scores[self.bench.metric.name]

    def _scored(self, folder: Path) -> float | None:
        result = load_result(folder)
        return None if result is None else self._score(result)

    def _goal(self) -> float:
        return self._score(_best(self.session))

    def _folders(self) -> Iterator[Path]:
        """The trials of the search."""
        paths = sorted((self.session.place / "trials").glob("[0-9]*-*/candidate.json"))
        yield from (path.parent for path in paths if _number(path.parent))

    def _stopped(self) -> Iterator[tuple[Curve, Path, float]]:
        """Trainings that were stopped: curve, folder, and seconds until then."""
        for folder in self._folders():
            found = _aside(folder)
            if found and found["share"] < 1:
                yield Curve(found["share"], found["best"]), folder, found["seconds"]


class _Watch:
    """Listens to a training, and stops it once its curve cannot reach the goal (None: never)."""

    def __init__(self, bench: Bench, *, goal: float | None, noise: float) -> None:
        self.bench, self.goal, self.noise, self.curve, self.why = bench, goal, noise, Curve(), ""
        self._began = time.monotonic()

    def __call__(self, event: Event) -> None:
        self.bench.listen(event)
        metric = self.bench.metric
        scores = event.data.get("scores") if event.kind == "step" else None
        if self.goal is None or not scores or metric.name not in scores:
            return
        better = metric.higher_is_better
        self.curve.add(event.data["step"], event.data["total"], scores[metric.name], higher_is_better=better)
        if self.curve.is_hopeless(self.goal, noise=self.noise, higher_is_better=better):
            share, best = f"{self.curve.share:.0%} of its steps", f"{self.curve.best:.4f}"
            self.why = f"{metric.name} {best} after {share} will not reach {self.goal:.4f}"

    def stop(self) -> bool:
        """Asked by the training loop before every micro-batch."""
        return bool(self.why) or self.bench.stop()

    def seconds(self) -> float:
        """Since the trial began."""
        return time.monotonic() - self._began


def _count(left: float, seconds: float) -> int:
    """Trials of so many seconds that are looked ahead for."""
    return int(min(MOST_TRIALS, left / seconds))


def _number(folder: Path) -> int:
    """A trial's number in the study; 0 where it is of the ladder."""
    return int(json.loads((folder / "candidate.json").read_text("utf-8")).get("number", 0))


def _aside(folder: Path) -> Mapping[str, Any]:
    path = folder / ASIDE
    return json.loads(path.read_text("utf-8")) if path.is_file() else {}


def _reached(folder: Path) -> dict[str, Any]:
    """How far a stopped training came, as the study is told it."""
    found = _aside(folder)
    return {"share": found["share"], "reached": found["best"]} if found else {}
