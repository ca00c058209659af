"""`--method auto`: one method, by a written rule and a short measurement instead of a search.

The rule names at most three methods that are worth measuring on this data, this encoder and this machine:

* the linear head on frozen features, always: it costs one reading of the texts and is hard to beat on few rows;
* contrastive tuning where a label has few rows ("Efficient Few-Shot Learning Without Prompts", Tunstall et al. 2022);
* full fine-tuning of an encoder that is small, or LoRA of one that is large or does not fit into memory otherwise
  ("LoRA Learns Less and Forgets Less", Biderman et al. 2024: adapters come near it, and full tuning is the better one
  where it can be had);
* TF-IDF in place of the last of these where the tokenizer does not know the language, or where there is no encoder.

A pilot of each on a sample of the rows, within a share of the time, is judged on validation rows, weighed as trials are
(`belief`). The first is then fitted as if the user had named it; a next one only if that cannot be done.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import fields, replace
from typing import TYPE_CHECKING, Any

from autogpt import registry
from autogpt.autopilot import belief
from autogpt.autopilot.ladder import FEW_ROWS_PER_LABEL, Facts, rows_per_label
from autogpt.autopilot.trial import Bench, Candidate, Result, run_trial
from autogpt.errors import AutoGPTError, InputError, Interrupted
from autogpt.events import silent

if TYPE_CHECKING:
    from autogpt.autopilot.session import Session

NAME = "auto"
LARGE = 200_000_000
"""Parameters above which an encoder is tuned by adapters; 400 million on a GPU."""
PILOTS, PILOT_ROWS, PILOT_VALIDATION = 3, 600, 300
PILOT_SHARE = 0.3
"""Of the time that is left, at most, goes into all pilots together."""
LEAST_SECONDS, MOST_SECONDS = 15.0, 600.0
"""For all pilots: with less nothing is measured, and the rule alone decides; more is not spent on them."""


def order(session: Session, bench: Bench, facts: Facts) -> list[str]:
    """Methods to fit, the best first: the rule's, in the order that their pilots came to. Every reason is said."""
    wanted = []
    for method, reason in leading(session, bench, facts):
        problem = session.no_room(bench, Candidate(method))
        session.say("decision", f"auto: {method} is {'left out' if problem else 'considered'}: {problem or reason}")
        if problem is None and method not in wanted:
            wanted.append(method)
    wanted = wanted[:PILOTS] or [name for name in ("tfidf", "bm25", "majority") if name in facts.allowed][:1]
    seconds = min(PILOT_SHARE * facts.remaining(), MOST_SECONDS)
    if len(wanted) == 1 or seconds < LEAST_SECONDS:
        why = "it is the only one" if len(wanted) == 1 else f"{seconds:.0f} s are too few for pilots, the rule decides"
        session.say("decision", f"auto chooses {wanted[0]}: {why}", chosen=wanted[0])
        return wanted
    results = list(_pilots(session, bench, wanted, seconds / len(wanted)))
    if not results:
        return wanted
    ranked = _ranked(session, bench, results)
    scores = ", ".join(f"{result.method} {result.scores[bench.metric.name]:.4f}" for result in ranked)
    session.say("decision", f"auto chooses {ranked[0].method}: {bench.metric.name} of the pilots: {scores}")
    measured = [result.method for result in ranked]
    return [*measured, *(method for method in wanted if method not in measured)]


def leading(session: Session, bench: Bench, facts: Facts) -> Iterator[tuple[str, str]]:
    """The rule: methods worth a pilot with the reason, most promising first."""
    allowed = set(facts.allowed)
    if not facts.has_backbone:
        yield from ((name, f"no encoder: {facts.backbone_problem}") for name in ("tfidf", "bm25") if name in allowed)
        return
    if bench.output.name == "ranking":
        kinds = ("retriever", "hybrid", "bi-encoder")
        yield from ((name, registry.get("methods", name).summary) for name in kinds if name in allowed)
        return
    bench.features.get([row.inputs for row in bench.validation[:8]])
    encoder, typical = bench.features.encoder(), rows_per_label(facts.train, facts.output)
    parameters = sum(p.numel() for p in encoder.net.body.parameters())
    large = parameters > LARGE * (1 if facts.device() == "cpu" else 2)
    shape = f"{encoder.net.body.config.model_type} with {parameters / 1e6:.1f} million parameters on {facts.device()}"
    if "head" in allowed:
        yield "head", "frozen features are read once, whatever the encoder"
    if not session.knows_language(bench) and "tfidf" in allowed:
        yield "tfidf", "the encoder may not know the texts' language"
    if "contrastive" in allowed and typical <= FEW_ROWS_PER_LABEL:
        yield "contrastive", f"{typical:.0f} rows per label are few"
    if "full" in allowed and not large and session.no_room(bench, Candidate("full")) is None:
        yield "full", f"{shape} can be tuned as a whole"
    elif "lora" in allowed:
        yield "lora", f"{shape} is tuned by adapters: all of it would be too much"


def _pilots(session: Session, bench: Bench, methods: list[str], seconds: float) -> Iterator[Result]:
    """A short trial of each method on a sample; one that fails is said and left out."""
    small = replace(
        bench, train=bench.train[:PILOT_ROWS], validation=bench.validation[:PILOT_VALIDATION], listen=silent
    )
    for place, method in enumerate(methods):
        if session.stop():
            raise Interrupted("stopped between two pilots", resume="")
        candidate = Candidate(method, _brief(method), reason="a pilot")
        folder = session.place / "pilots" / f"{place:02d}-{method}"
        try:
            result, _ = run_trial(small, candidate, folder=folder, remaining=_clock(seconds))
        except (Interrupted, InputError):
            raise
        except (AutoGPTError, MemoryError) as problem:
            session.say("decision", f"auto: the pilot of {method} failed: {problem or 'memory ran out'}")
            continue
        rows, score = len(small.train), result.scores[bench.metric.name]
        session.say(
            "decision",
            f"auto: {method} on {rows:,} rows: {bench.metric.name} {score:.4f} on validation, {result.seconds:.1f} s",
        )
        yield result


def _clock(seconds: float) -> Callable[[], float]:
    """What is left of so many seconds from now."""
    end = time.monotonic() + seconds
    return lambda: end - time.monotonic()


def _brief(method: str) -> dict[str, Any]:
    """Options of a pilot: few passes; all else as the method has it."""
    names = {one.name for one in fields(registry.get("methods", method).options)}
    return {"epochs": 2.0} if "epochs" in names else {"anchors": 400} if "anchors" in names else {}


def _ranked(session: Session, bench: Bench, results: list[Result]) -> list[Result]:
    """Pilots by what is expected of their methods, as `belief` weighs measured scores."""
    left, found, knows = list(results), [], session.knows_language(bench, results)
    rows = min(len(bench.validation), PILOT_VALIDATION)
    while left:
        best = belief.choose(left, metric=bench.metric, rows=rows, knows_language=knows)
        left.remove(best)
        found.append(best)
    return found
