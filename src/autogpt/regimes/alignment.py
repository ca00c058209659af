"""Tuning a model that writes by preferences (DPO and its kin, KTO) or by a check of what it writes (GRPO), through TRL.

    rows -> pairs, marks or prompts -> learned | choosing | sealed -> (SFT) -> TRL, watched -> sealed rows -> folder

What comes out is kept only where sealed rows say that it is better beyond noise; otherwise the model is saved as it
was before. On a sign that the reward is earned wrongly (`_signs`) training ends at the best state before it. The folder
is an ordinary one of transformers', which every command takes as `--backbone`; of a model of autogpt's it is one again.
"""

from __future__ import annotations

import json
import shutil
import time
from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from autogpt import config as settings
from autogpt import files, registry
from autogpt.autopilot.run import ALIGNED, new_folder, told
from autogpt.autopilot.session import Session
from autogpt.config import Alignment, RunConfig
from autogpt.core import Making
from autogpt.errors import AutoGPTError, ConfigError, InputError, Interrupted, ModelError, ResourceError
from autogpt.events import Listener, silent
from autogpt.memory import is_out_of_memory
from autogpt.model import MANIFEST, Model
from autogpt.regimes._aims import Aims, Parts, aims, parted
from autogpt.regimes._policy import Policy
from autogpt.training import align as training

if TYPE_CHECKING:
    from autogpt.backbones.writer import Writer

SFT, TOKENS = 0.4, 128
"""Share of the time to learn answers in of a model from nothing; tokens of an answer where no row has one."""
FACTS = "alignment.json"


@dataclass(frozen=True, slots=True)
class Aligned:
    """A finished tuning: the run's folder, the model's folder in it, and what was measured.

    `facts`: `kind` (reward, pairs or marks; sft where nothing but answers was learned), what sealed rows say `before`
    and `after`, the `gain` with its interval, whether the tuned model was `kept`, the `sign` that ended it (or None).
    """

    folder: Path
    model: Path
    facts: Mapping[str, Any]


def align(config: RunConfig, options: Alignment, *, data: Any = None, listen: Listener | None = None) -> Aligned:
    """Tune the model `config.search.backbone` on the rows of `config.data`, or on `data` (anything with rows).

    When it is stopped (Ctrl-C) the best state so far is measured and saved; ConfigError where TRL is not installed.
    """
    training.require()
    if data is None and not config.data:
        raise ConfigError("there are no rows to read; give DATA, a table of prompts")
    folder, started = new_folder(config), time.monotonic()
    session = Session(config, folder=folder, listen=listen or silent, ask=None, started=started)
    session.more = {ALIGNED: settings.plain(options)}
    try:
        with told(session):
            return _align(session, options, data)
    except AutoGPTError as problem:
        if (folder / "model").is_dir():
            raise
        shutil.rmtree(folder, ignore_errors=True)
        if isinstance(problem, Interrupted):
            raise Interrupted("stopped twice, before anything was saved; nothing is kept", resume="") from None
        raise


def refuse_to_resume(folder: Path) -> None:
    """InputError with what to do instead: TRL's optimizer and draws are not kept, only a whole model."""
    if (folder / "model").is_dir():
        raise InputError(
            f"{str(folder)!r} is a finished alignment; go on from it with `autogpt align DATA --backbone {folder}`"
        )
    raise InputError(f"{str(folder)!r} is an alignment that saved nothing; begin it anew with `autogpt align`")


def _align(session: Session, options: Alignment, data: Any) -> Aligned:
    config = session.config
    limit = settings.duration(config.time_limit)
    session.say("plan", f"time limit: {limit}", time_limit=config.time_limit, seed=config.seed)
    found = aims(session.read(data, None), options, config.columns)
    _agree(found, options)
    for line in found.how:
        session.say("profile", line)
    parts = parted(found, share=options.held_out, seed=config.seed)
    sizes = {"to learn from": parts.learn, "that choose": parts.choose, "held out": parts.held}
    session.say("split", ", ".join(f"{len(rows):,} {name}" for name, rows in sizes.items()))
    writer, model = _opened(session, parts)
    policy, decoding = Policy(session, options, writer), writer.decoding
    policy.tokens = writer.write_up_to(options.answer_tokens or _usual(policy, parts))
    try:
        shown = _taught(policy, found, parts)
        writer.write_up_to(policy.tokens)
        facts = {**_tuned(policy, found, parts, shown), "shown": shown}
    except (MemoryError, RuntimeError) as problem:
        if not is_out_of_memory(problem):
            raise
        raise ResourceError("memory ran out; give a smaller backbone, shorter answers or --answer-tokens") from None
    if not facts["kept"] and not shown:
        writer.decoding = decoding  # as it was before, in this too
    facts |= {"seconds": round(session.budget.spent(), 1), "options": settings.plain(options)}
    facts |= {"source": asdict(writer.source)}
    place = session.place / "model"
    _saved(place, writer, model, facts)
    session.say("saved", f"model: {place}", folder=str(place))
    return Aligned(session.place, place, facts)


def _agree(found: Aims, options: Alignment) -> None:
    """ConfigError for a setting that the rows have no use for."""
    if found.check is None and options.check:
        raise ConfigError(f"--check {options.check} watches over a reward, and there is none; leave it out")
    if found.check is not None and options.loss:
        raise ConfigError(f"--loss {options.loss} is of preferences, and the rows are prompts; leave it out")
    if found.kind == "marks" and options.loss not in (None, "kto"):
        raise ConfigError(f"--loss {options.loss} needs pairs of answers, and the rows are marked one by one; use kto")


def _opened(session: Session, parts: Parts) -> tuple[Writer, Model | None]:
    """The model that is tuned, and the model of autogpt's that it is part of, if it is."""
    config, family = session.config, registry.trained("text")
    name, model = config.search.backbone, None
    inner = Path(name) / "model" if name else None
    if name and inner is not None and not (Path(name) / "config.json").is_file() and inner.is_dir():
        name = str(inner)  # a run's folder
    if name and (Path(name) / MANIFEST).is_file():
        model = Model.load(name, runtime=session.runtime())
        if model.scorer.family != family.family:
            raise ModelError(f"{name!r} writes nothing ({model.task.name}); give a model that writes")
        writer: Writer = model.scorer  # type: ignore[assignment]
    else:
        shape = replace(session.shape, family="decoder")
        if name in (None, "scratch") and shape != session.shape:
            session.say("decision", "what is made from nothing is a decoder: TRL tunes nothing else")
        texts = [text for aim in parts.learn for text in (aim.prompt, aim.chosen, aim.rejected) if text]
        writer = family.open(
            name,
            output="text",
            size=2,
            runtime=session.runtime(),
            revision=config.search.revision,
            offline=config.source.offline,
            making=Making(lambda: texts, shape, config.seed),
        )
    if writer.kind != "decoder":
        raise ConfigError(
            f"{name} is an {writer.kind}, which TRL does not tune; give a decoder, or no --backbone to make one"
        )
    return writer, model


def _usual(policy: Policy, parts: Parts) -> int:
    """Tokens of an answer, by those in the rows."""
    shown = [(aim, text) for aim in parts.learn for text in (aim.chosen, aim.rejected) if text]
    if not shown:
        return TOKENS
    pairs = policy.pairs([aim for aim, _ in shown], [text for _, text in shown])
    return int(1.2 * max(len(pair.target) for pair in pairs)) + 1


def _taught(policy: Policy, found: Aims, parts: Parts) -> int:
    """Learn the rows' own answers first, where that is asked for; how many there were."""
    session, options = policy.session, policy.options
    fresh = session.config.search.backbone in (None, "scratch")
    share = options.sft if options.sft is not None else (SFT if fresh else 0.0)
    shown = sum(aim.chosen is not None for aim in parts.learn)
    if not share:
        return 0
    if not shown:
        why = "a model from nothing has to learn from answers first" if fresh else "--sft needs answers to learn"
        raise ConfigError(f"{why}, and no row has one; add a column of answers, or give --backbone without --sft")
    policy.teach(parts.learn, parts.choose, seconds=share * policy.left())
    session.say("trial", f"sft: {shown:,} answers of the rows were learned")
    return shown


def _tuned(policy: Policy, found: Aims, parts: Parts, shown: int) -> dict[str, Any]:
    from autogpt.regimes import _preferring, _pursuing

    if policy.options.sft == 1.0:
        policy.begin()
        return {
            "kind": "sft",
            "sign": None,
            "kept": True,
            "ended": "only answers were to be learned",
            **_only(policy, found, parts),
        }
    if found.check is not None:
        facts = _pursuing.pursue(policy, parts, found.check, found.watch)
        policy.session.say("evaluation", f"reward {_shown(facts)} on held-out prompts", score=facts["after"]["value"])
    else:
        facts = _preferring.prefer(policy, parts, paired=found.kind == "pairs")
        accuracy = facts["accuracy"]
        value, low, high = (accuracy[name] for name in ("value", "low", "high"))
        message = f"{value:.1%} of the held-out preferences are told ({low:.1%} to {high:.1%})"
        policy.session.say("evaluation", message, score=value)
    if not facts["kept"]:
        policy.session.say("decision", "no better than before beyond noise: the model is saved as it was before")
    return facts


def _only(policy: Policy, found: Aims, parts: Parts) -> dict[str, Any]:
    """What a check says of a model that only learned answers."""
    import numpy as np

    from autogpt.evaluation.interval import mean_interval

    if found.check is None:
        return {}
    return {"after": asdict(mean_interval(np.array(found.check.all(parts.held, policy.answers(parts.held)))))}


def _shown(facts: Mapping[str, Any]) -> str:
    before, after, gain = facts["before"]["value"], facts["after"]["value"], facts["gain"]
    return f"{before:.3f} -> {after:.3f} (gain {gain['low']:+.3f} to {gain['high']:+.3f})"


def _saved(place: Path, writer: Writer, model: Model | None, facts: Mapping[str, Any]) -> None:
    if model is not None:
        info = {"status": "aligned", "method": facts.get("loss") or facts.get("reward") or "sft"}
        whole = Model(
            writer,
            schema=model.schema,
            space=model.space,
            decision=model.decision,
            info={**info, "aligned": dict(facts)},
        )
        whole.save(place)
        return
    with files.atomic_folder(place) as stage:
        writer.save(stage)
        (stage / FACTS).write_text(json.dumps(facts, indent=1, ensure_ascii=False), "utf-8")
