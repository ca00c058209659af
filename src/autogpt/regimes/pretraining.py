"""Training on texts alone: from a folder of them to an ordinary language model of transformers', measured in bits.

    texts -> held-out texts sealed off -> tokenizer (made, or the backbone's) -> blocks -> objective + loop -> folder

What is learned is the objective's affair (`objectives/`), how the loop's. A model that was there before goes on from
where it stood (domain adaptation), at a tenth of the rate of one from nothing. A causal model is measured in bits per
byte of texts that nobody learned from, which compares models whatever their tokens, and compressors too; each window
is read with half a block before it.
"""

from __future__ import annotations

import json
import shutil
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from autogpt import config as settings
from autogpt import files, registry
from autogpt.autopilot.run import TEXTS, new_folder, read_state, told
from autogpt.autopilot.session import Session
from autogpt.backbones._language import LanguageModel
from autogpt.blocks import Objective, OfVectors
from autogpt.config import Pretraining, RunConfig
from autogpt.data.corpus import Corpus, parted, texts
from autogpt.errors import AutoGPTError, ConfigError, InputError, Interrupted
from autogpt.events import Event, Listener, silent
from autogpt.regimes._anchored import ANCHOR, train
from autogpt.regimes._reading import bits_of
from autogpt.regimes._vocabulary import extended

if TYPE_CHECKING:
    from autogpt.core import Array, Step

RATES, WIDTH = (2e-3, 1e-4), 256
"""Peak learning rates: from nothing (at this width; wider models get less, as in "Tensor Programs V", Yang et al.
2022), and of a model that was there before."""
CHOOSING, MEASURED_BLOCKS, SAVING_SECONDS = 0.02, 64, 4.0
"""The best weights are picked by so many blocks of this share of the texts to learn from, which are not learned; the
held-out texts are looked at when training has ended (and before it, where a model was there)."""
CONTRASTED = 64
"""Texts that are told from each other where that is measured."""


@dataclass(frozen=True, slots=True)
class Pretrained:
    """A finished training on texts: the run's folder, the model's folder in it, and what was measured.

    `facts`: the objective, bits before (None: from nothing) and after, what they are called, held-out bytes, tokens.
    """

    folder: Path
    model: Path
    facts: Mapping[str, Any]


def pretrain(config: RunConfig, options: Pretraining, *, listen: Listener | None = None) -> Pretrained:
    """Train on the texts of `config.data`; `<run>/model` is a folder that transformers loads by itself.

    Interrupted has the command that goes on (`resume_pretraining`).
    """
    if not config.data:
        raise ConfigError("there are no texts to read; give DATA (a folder or file of texts, or a table)")
    folder, started = new_folder(config), time.monotonic()
    session = Session(config, folder=folder, listen=listen or silent, ask=None, started=started)
    try:
        return _finish(session, options)
    except AutoGPTError as problem:
        if not isinstance(problem, Interrupted) and not (folder / "loop").is_dir():
            shutil.rmtree(folder, ignore_errors=True)
        raise


def resume_pretraining(folder: str | Path, *, listen: Listener | None = None) -> Pretrained:
    """Go on with a training on texts that was stopped or killed."""
    place = Path(folder)
    state, origin = read_state(place), str(place / "run.json")
    if TEXTS not in state:
        raise InputError(f"{str(place)!r} is no training on texts; go on with `autogpt resume {place}`")
    if state["status"] == "done":
        return Pretrained(place, place / "model", json.loads((place / "model" / "pretraining.json").read_text("utf-8")))
    config = settings.build(RunConfig, state["config"], origin=origin)
    options = settings.build(Pretraining, state[TEXTS], origin=origin)
    spent = float(state.get("seconds") or 0.0)
    session = Session(config, folder=place, listen=listen or silent, ask=None, spent=spent, started=time.monotonic())
    return _finish(session, options)


def _finish(session: Session, options: Pretraining) -> Pretrained:
    session.more = {TEXTS: settings.plain(options)}
    with told(session):
        return _train(session, options)


def _train(session: Session, options: Pretraining) -> Pretrained:
    config = session.config
    limit = settings.duration(config.time_limit)
    session.say("plan", f"time limit: {limit}", time_limit=config.time_limit, seed=config.seed)
    column = config.columns.text
    found, how = texts(config.data, column=column, offline=config.source.offline)
    corpus = parted(found, how, share=options.held_out, seed=config.seed)
    for line in corpus.how:
        session.say("read", line)
    language, fresh = _opened(session, corpus)
    objective = _objective(options.objective, language.family)
    if fresh and isinstance(objective, OfVectors):
        raise ConfigError(f"objective {objective.name!r} is for an encoder that reads already; name one (--backbone)")
    if options.new_words and not fresh:
        session.say("decision", extended(language, corpus.learned, options.new_words))
    chosen_by = parted(corpus.learned, "", share=CHOOSING, seed=config.seed)
    parts = (chosen_by.learned, chosen_by.held, corpus.held)
    blocks, choosing, held = (language.blocks(part, options.block) for part in parts)
    if not blocks or not choosing or not held:
        raise InputError(f"{config.data}: there is too little text to learn from and to measure on; give more")
    tokens = sum(map(len, blocks))
    session.say("profile", f"{language.family} of {_parameters(language):,} parameters, {objective.name} objective")
    session.say("split", f"{len(blocks):,} blocks of {tokens:,} tokens to learn from, {len(held):,} to measure on")
    runtime = session.runtime()
    language.model.to(runtime.device)
    measure = Measure(language, objective, held, runtime=runtime, seed=config.seed)
    choose = Measure(language, objective, choosing, runtime=runtime, seed=config.seed)
    few = choose.of(_spread(len(choosing), MEASURED_BLOCKS))
    before = None if fresh else measure.bits(corpus.held_bytes, has_time=lambda: session.budget.remaining() > 0)
    _loop(session, options, language, objective, blocks, few, fresh=fresh)
    seconds = session.budget.until(SAVING_SECONDS)
    after = measure.bits(corpus.held_bytes, has_time=lambda: seconds() > 0)
    facts = {
        "objective": objective.name,
        "measure": objective.tells,
        "before": before,
        "after": after,
        "held_out_bytes": corpus.held_bytes,
        "learned_tokens": tokens,
        "family": language.family,
        "parameters": _parameters(language),
        "seconds": round(session.budget.spent(), 1),
        "options": settings.plain(options),
    }
    session.say("evaluation", f"{after:.3f} {objective.tells} on held-out texts", score=after)
    with files.atomic_folder(session.place / "model") as stage:
        language.save(stage, facts)
    shutil.rmtree(session.place / "loop", ignore_errors=True)
    session.say("saved", f"language model: {session.place / 'model'}", folder=str(session.place / "model"))
    return Pretrained(session.place, session.place / "model", facts)


def _opened(session: Session, corpus: Corpus) -> tuple[LanguageModel, bool]:
    """The language model, and whether it begins from nothing."""
    config = session.config
    if config.search.backbone in (None, "scratch"):
        return LanguageModel.made(corpus.learned, session.shape, seed=config.seed), True
    loaded = LanguageModel.loaded(
        config.search.backbone, revision=config.search.revision, offline=config.source.offline
    )
    return loaded, False


def _objective(name: str | None, family: str) -> Objective:
    """The one that was named, or the family's own. ConfigError: it is for another family."""
    known = [registry.get("objectives", one) for one in registry.names("objectives")]
    if name is None:
        own: Objective = next(one for one in known if one.family == family)
        return own
    chosen: Objective = registry.get("objectives", name)
    if chosen.family != family:
        fitting = ", ".join(one.name for one in known if one.family == family)
        raise ConfigError(f"objective {name!r} is for {chosen.family} models, and this is of {family}; use {fitting}")
    return chosen


def _loop(
    session: Session,
    options: Pretraining,
    language: LanguageModel,
    objective: Objective,
    blocks: Sequence[Array],
    few: Callable[[], float],
    *,
    fresh: bool,
) -> None:
    from autogpt.training.options import LoopOptions

    width = int(getattr(language.model.config, "hidden_size", WIDTH))
    rate = options.learning_rate or (RATES[0] * WIDTH / max(WIDTH, width) if fresh else RATES[1])
    anchor = options.anchor if options.anchor is not None else ANCHOR if language.headless else 0.0
    if (anchor or language.headless) and language.family == "encoder-decoder":
        raise ConfigError("vectors of an encoder-decoder are not held near where they were; leave --anchor out")
    if language.headless and not isinstance(objective, OfVectors):
        told = "its new head is trained alone first, then all layers, and texts' vectors are held near where they were"
        session.say("decision", f"{language.source.name} has no head over its vocabulary: {told}", anchor=anchor)

    def tell(step: Step) -> None:
        scores = dict(step.scores or {})
        data = {"trial": objective.name, "step": step.step, "total": step.total, "loss": step.loss, "note": step.note}
        session.listen(Event("step", objective.name, {**data, "scores": scores, "best": step.is_best}))
        if scores:
            session.say("trial", f"step {step.step}: {scores['bits']:.3f} bits per token of the texts that choose")

    train(
        language,
        objective,
        blocks,
        options=LoopOptions(
            epochs=options.epochs,
            batch_rows=options.batch_rows,
            learning_rate=rate,
            schedule="cosine:0.05",
            weight_decay=0.1 if fresh else 0.01,
        ),
        anchor=anchor,
        folder=session.place / "loop",
        seed=session.config.seed,
        remaining=session.budget.until(SAVING_SECONDS + 0.05 * min(session.budget.limit, 600.0)),
        validate=few,
        runtime=session.runtime(),
        stop=lambda: session.stop(),
        tell=tell,
    )


class Measure:
    """Bits on held-out blocks: hidden the same way at every call, so that two models see the same."""

    def __init__(
        self, language: LanguageModel, objective: Objective, blocks: Sequence[Array], *, runtime: Any, seed: int
    ) -> None:
        self.language, self.objective, self.blocks = language, objective, blocks
        self.runtime, self.seed, self.signs = runtime, seed, language.signs()
        self.at_once = CONTRASTED if getattr(objective, "contrastive", False) else 1

    def of(self, places: Sequence[int]) -> Callable[[], float]:
        """Bits per told token of some blocks."""
        return lambda: _ratio([self._some(group) for group in self._groups(places)])

    def bits(self, held_bytes: int, *, has_time: Callable[[], bool]) -> float:
        """Of a causal model bits per byte of the held-out texts, otherwise bits per told token; of as many blocks as
        time allows (at least one), in random order."""
        order = np.random.default_rng([self.seed, 5]).permutation(len(self.blocks))
        found: list[tuple[float, int]] = []
        bits, seen = 0.0, 0
        self.language.model.eval()
        for group in self._groups(order.tolist()):
            if found and not has_time():
                break
            found.append(self._some(group))
            bits, seen = bits + found[-1][0], seen + sum(len(self.blocks[place]) for place in group)
        if self.objective.family != "decoder":
            return round(_ratio(found), 4)
        share = seen / sum(map(len, self.blocks))  # of the held-out bytes, as tokens have it
        return round(bits / (share * held_bytes), 4)

    def _groups(self, places: Sequence[int]) -> Iterator[Sequence[int]]:
        return (places[at : at + self.at_once] for at in range(0, len(places), self.at_once))

    def _some(self, places: Sequence[int]) -> tuple[float, int]:
        """Bits, and tokens told, of one block, or of several that are told from each other."""
        place = places[0]
        before = self.blocks[place - 1] if self._goes_on(place) else None
        blocks = [self.blocks[one] for one in places]
        if before is not None:
            blocks = [np.concatenate([before[:1], before[-len(before) // 2 :], blocks[0][1:]])]
        with self.runtime.autocast():
            lost, told = bits_of(self.language, self.objective, blocks, signs=self.signs, seed=self.seed, place=place)
        if before is not None:
            own = -len(self.blocks[place])
            lost, told = lost[:, own:], told[:, own:]
        return float(lost.sum()), int(told.sum())

    def _goes_on(self, place: int) -> bool:
        """Whether the block before is of the same text, so that its end may be read too (of a causal model)."""
        return self.objective.family == "decoder" and place > 0 and self.blocks[place - 1][-1] != self.signs.end


def _ratio(found: Sequence[tuple[float, int]]) -> float:
    return sum(bits for bits, _ in found) / max(1, sum(count for _, count in found))


def _spread(count: int, most: int) -> list[int]:
    return sorted({int(place) for place in np.linspace(0, count - 1, min(count, most))})


def _parameters(language: LanguageModel) -> int:
    return sum(p.numel() for p in language.model.parameters())
