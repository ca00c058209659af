"""Adaptive training: before it is tuned, the encoder reads the run's own texts, if a pilot says that it pays.

"Don't Stop Pretraining" (Gururangan et al. 2020) goes on with a masked language model on a task's own texts. What a run
has is usually a sentence encoder whose vectors must not be lost (see `_anchored`), and a limit of time. So ours is a
candidate that has to win: the rung after the linear head.

    free rules -> a quarter of the time -> did a linear head gain on validation rows? -> the rest of the time
        -> the linear head on the adapted encoder, a trial as all others -> later trials begin from it, or do not

The free rules (`allowance`, and the ladder's) cost nothing and nearly always say no: little text, little time, an
encoder that is right already, time that tuning itself could use. Texts are those of training rows and of rows without a
label, never of validation or test rows; validation texts only measure. All of it stands in `<run>/adapted`: the loop's
checkpoints, what was decided (`state.json`), and the encoder, complete or absent.
"""

from __future__ import annotations

import json
import math
import shutil
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from autogpt import files, probe, registry
from autogpt.autopilot.trial import Bench, load_scores
from autogpt.autopilot.unlabelled import advised
from autogpt.backbones._language import LanguageModel
from autogpt.core import Decision
from autogpt.errors import AutoGPTError, Interrupted
from autogpt.evaluation.interval import Answers, Difference, paired_difference
from autogpt.evaluation.losses import row_losses
from autogpt.events import Event
from autogpt.regimes._anchored import ANCHOR, train
from autogpt.regimes._beside import Beside
from autogpt.regimes._reading import bits_of, texts_of
from autogpt.regimes._vocabulary import extended
from autogpt.training.features import FeatureCache

if TYPE_CHECKING:
    from autogpt.autopilot.session import Session
    from autogpt.blocks import Objective
    from autogpt.config import RunConfig
    from autogpt.core import Array, Step
    from autogpt.pipeline import Prepared

RATE, EPOCHS, BATCH_ROWS, BLOCK = 5e-5, 20.0, 16, 128
PILOT = 0.25
"""Of the time that it may take, at most, is spent before a pilot says that it pays."""
LEAST_TEXTS, LEAST_SECONDS, MOST_SECONDS = 300, 600.0, 3600.0
"""Texts to read; seconds of a run, with fewer of which nothing is adapted; seconds of reading without a limit."""
PILOT_ROWS, HELD_ROWS, CHOOSING_BLOCKS = 600, 300, 64
BEYOND = 1.0
"""Standard errors by which a linear head must lose less on validation rows for the pilot to be followed."""


def allowance(config: RunConfig, prepared: Prepared) -> float | str:
    """Seconds that a run may spend on it, or why it is left out (empty: nobody asked). Costs nothing."""
    mode, limit = config.adaptive.adapt, config.time_limit
    texts = len(prepared.train) + len(prepared.unlabelled)
    why = ""
    if mode == "off" or prepared.output.name == "text":
        return ""
    registry.get("objectives", config.adaptive.adapt_objective)  # a wrong name is told before anything is done
    if not prepared.output.linear:
        why = f"no linear head can judge it where answers are {prepared.output.name}"
    elif texts < LEAST_TEXTS and mode == "auto":
        why = f"{texts:,} texts are too few, {LEAST_TEXTS} are needed"
    elif limit is not None and limit < LEAST_SECONDS and mode == "auto":
        why = f"it is tried in runs of {LEAST_SECONDS:.0f} s or more, this one has {limit:.0f} s"
    if why:
        return f"adaptive training is left out: {why}"
    return MOST_SECONDS if limit is None else min(config.adaptive.adapt_share * limit, MOST_SECONDS)


@dataclass(slots=True)
class _State:
    """What survives a kill: when it began (seconds of the run), what the pilot measured, and why it was refused."""

    began: float
    gain: float | None = None
    noise: float = 0.0
    refused: str = ""


class Adapting:
    """The adapted encoder of a run. `kept`: later trials begin from it."""

    def __init__(self, session: Session) -> None:
        self._session = session
        self.kept = False
        self._bench: Bench | None = None

    @property
    def _place(self) -> Any:
        return self._session.place / "adapted"

    def bench(self, bench: Bench, adapted: bool) -> Bench:
        """The bench of a trial on the adapted encoder, or as it was."""
        if not adapted:
            return bench
        if self._bench is None:
            self._bench = self._opened(bench, "encoder")
        return replace(self._bench, train=bench.train, validation=bench.validation)

    def _opened(self, bench: Bench, name: str) -> Bench:
        """The bench whose encoder is the one in a folder of ours; it says that it is an adapted one."""
        from autogpt.backbones._pretrained import Source

        folder = self._place / name

        def opened() -> Any:
            encoder = bench.open(str(folder))
            told = Source(**json.loads((folder / "pretraining.json").read_text("utf-8"))["source"])
            encoder.source = replace(told, revision=f"{told.revision}, adapted to the run's texts")
            return encoder

        features = FeatureCache(opened, folder=self._place / f"{name}-features", guard=self._session.guard)
        beside = replace(bench.beside, name=str(folder)) if isinstance(bench.beside, Beside) else bench.beside
        changed = replace(bench, open=opened, features=features, beside=beside)
        session, materials = self._session, self._session.materials
        told: dict[str, Any] = {"say": session.say, "remaining": session.budget.remaining}
        return advised(changed, materials.unlabelled, goal=session.config.goal, columns=materials.columns, **told)

    def train(self, bench: Bench, prepared: Prepared, seconds: float) -> str | None:
        """Make the adapted encoder within `seconds`, or say why there is none. A stopped training goes on."""
        if (self._place / "encoder").is_dir():
            return None
        path = self._place / "state.json"
        state = _State(self._session.budget.spent())
        if path.is_file():
            state = _State(**json.loads(path.read_text("utf-8")))

        def keep() -> None:
            files.write_json(path, {name: getattr(state, name) for name in _State.__slots__})

        keep()
        if not state.refused:
            try:
                state.refused = self._train(bench, prepared, seconds, state, keep)
            except Interrupted:
                raise
            except (AutoGPTError, MemoryError) as problem:
                state.refused = str(problem) or "memory ran out"
            keep()
        if state.refused:
            self._tidy()
        return state.refused or None

    def _train(self, bench: Bench, prepared: Prepared, seconds: float, state: _State, keep: Callable[[], None]) -> str:
        session, config = self._session, self._session.config
        search = config.search
        name = search.backbone or bench.features.encoder().source.location
        language = LanguageModel.loaded(name, revision=search.revision, offline=config.source.offline)
        objective: Objective = registry.get("objectives", config.adaptive.adapt_objective)
        if language.family != objective.family:
            return f"{objective.name} is for models of the kind {objective.family}, and this is an {language.family}"
        language.source = bench.features.encoder().source
        read = texts_of([*(row.inputs for row in prepared.train), *session.materials.unlabelled], objective)
        if config.adaptive.adapt_words:
            session.say("decision", extended(language, read, config.adaptive.adapt_words))
        blocks = language.blocks(read, BLOCK)
        chosen = [row.inputs for row in prepared.validation[:CHOOSING_BLOCKS]]
        held = language.blocks(texts_of(chosen, objective), BLOCK)
        language.model.to(session.runtime().device)
        reading = (len(bench.train) + len(bench.validation)) / (bench.features.rows_per_second or math.inf)
        session.say("decision", f"the encoder reads {len(blocks):,} blocks of the run's texts, {seconds:.0f} s at most")

        def left() -> float:
            return state.began + seconds - reading - session.budget.spent()

        go = _Going(session, language, objective, blocks, held)
        before = go.held()
        go.run("pilot", lambda: left() - (1 - PILOT) * (seconds - reading))
        if config.adaptive.adapt == "auto":
            if state.gain is None:
                go.save("pilot-encoder")
                state.gain, state.noise = gain(bench, self._opened(bench, "pilot-encoder"))
                keep()
            told = f"{state.gain:+.4f} give or take {state.noise:.4f} log probability of validation answers"
            if state.gain <= BEYOND * state.noise:
                return f"in a pilot a linear head came to {told} by it"
            session.say("decision", f"the pilot of adaptive training pays: {told}", gain=state.gain, noise=state.noise)
        go.run("whole", left)
        session.say(
            "decision", f"{objective.tells} of validation texts: {before:.3f} before the pilot, {go.held():.3f}"
        )
        go.save("encoder")
        self._tidy()
        return ""

    def _tidy(self) -> None:
        for name in ("pilot", "whole", "pilot-encoder", "pilot-encoder-features"):
            shutil.rmtree(self._place / name, ignore_errors=True)

    def judge(self, bench: Bench) -> None:
        """Whether later trials begin from the adapted encoder: its linear head is better beyond noise, or it was asked
        for. Decided by what stands on disk, so that a resumed run decides the same."""
        pairs = zip(self._session.results, self._session.folders, strict=True)
        heads = {one.adapted: folder for one, folder in pairs if one.method == "head"}
        if len(heads) < 2:
            return
        if self._session.config.adaptive.adapt == "always":
            self.kept = True
            self._session.say("decision", "later trials begin from the adapted encoder, as you asked")
            return
        found = difference(bench, heads[True], heads[False])
        self.kept = bool(found.low > 0)
        told = f"its linear head is {found.delta:+.4f} [{found.low:+.4f}, {found.high:+.4f}] {found.metric} ahead"
        noise = "the adapted one is no better beyond noise"
        what = "the adapted encoder" if self.kept else f"the encoder as it was, {noise}"
        self._session.say("decision", f"later trials begin from {what}: {told}", kept=self.kept)


def gain(before: Bench, after: Bench) -> tuple[float, float]:
    """By how much a linear head on the features of another encoder loses less on validation rows, per row in nats, and
    its standard error. A part of the rows tells."""
    rows, held = before.train[:PILOT_ROWS], before.validation[:HELD_ROWS]
    code = before.output.encode([row.target for row in held], before.space)
    found = []
    for one in (before, after):
        _, read = one.features.get([row.inputs for row in rows])
        _, asked = one.features.get([row.inputs for row in held])
        known = probe.Rows.of_examples(rows, read, one.output, one.space, free=one.features.free)
        head = probe.solve(known, one.output, one.space, c=probe.DEFAULT_C, judge=None)
        found.append(row_losses(one.output, head(asked), code))
    gains = found[0] - found[1]
    return float(gains.mean()), float(gains.std() / math.sqrt(len(gains)))


def difference(bench: Bench, one: Path, other: Path) -> Difference:
    """The paired difference of two trials, by their folders, on validation rows."""

    def answers(folder: Path) -> Answers:
        scores = load_scores(folder / "validation.safetensors")
        inputs = [row.inputs for row in bench.validation]
        decoded = bench.output.decode(scores, bench.space, Decision(), inputs)
        return Answers([each.value for each in decoded], bench.output.probabilities(scores, bench.space, Decision()))

    gold = [row.target for row in bench.validation]
    return paired_difference(bench.metric, gold, answers(one), answers(other), space=bench.space, seed=bench.seed)


class _Going:
    """A language model with the texts that it reads, and those that it is measured on."""

    def __init__(
        self,
        session: Session,
        language: LanguageModel,
        objective: Objective,
        blocks: Sequence[Array],
        held: Sequence[Array],
    ) -> None:
        self.session, self.language, self.objective = session, language, objective
        self.blocks, self._held = blocks, held

    def held(self) -> float:
        """Bits per token (or text) that has to be told of the texts to measure on, the same at every call."""
        bits, count, signs = 0.0, 0, self.language.signs()
        at_once = CHOOSING_BLOCKS if getattr(self.objective, "contrastive", False) else 1
        for place in range(0, len(self._held), at_once):
            some = self._held[place : place + at_once]
            with self.session.runtime().autocast():
                lost, told = bits_of(
                    self.language, self.objective, some, signs=signs, seed=self.session.config.seed, place=place
                )
            bits, count = bits + float(lost.sum()), count + int(told.sum())
        return bits / max(count, 1)

    def run(self, name: str, remaining: Callable[[], float]) -> None:
        """Train for so long, and keep the best weights."""
        from autogpt.training.options import LoopOptions

        session = self.session

        def tell(step: Step) -> None:
            data = {"trial": "adaptive training", "step": step.step, "total": step.total, "loss": step.loss}
            scored = {"scores": dict(step.scores or {}), "best": step.is_best, "note": step.note}
            session.listen(Event("step", "adaptive training", {**data, **scored}))

        train(
            self.language,
            self.objective,
            self.blocks,
            options=LoopOptions(epochs=EPOCHS, batch_rows=BATCH_ROWS, learning_rate=RATE, patience=3, validations=2),
            anchor=ANCHOR,
            folder=session.place / "adapted" / name,
            seed=session.config.seed,
            remaining=remaining,
            validate=self.held,
            runtime=session.runtime(),
            stop=lambda: session.stop(),
            tell=tell,
        )

    def save(self, name: str) -> None:
        """A folder that opens as a backbone."""
        with files.atomic_folder(self.session.place / "adapted" / name) as stage:
            self.language.save(stage, {"objective": self.objective.name})
