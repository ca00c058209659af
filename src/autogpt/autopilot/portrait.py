"""What a backbone is and what can be done with it, told from its configuration alone: nothing else is fetched.

What it can do is found by trying, on an encoder without weights: each output kind by reading a row of it, each method
by rehearsing its first step (see `forecast`). So there is no list of families to keep.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

from autogpt import registry
from autogpt.autopilot.forecast import Need, Stage, need
from autogpt.core import Example, GoldAnswers, Inputs, Span
from autogpt.errors import AutoGPTError, ConfigError
from autogpt.memory import SHARE, Guard

_LONG = "word " * 1200
_WORDS = tuple(_LONG.split()[:400])
SAMPLES: Mapping[str, tuple[Inputs, tuple[Any, Any]]] = {
    "classes": ({"text": _LONG}, ("a", "b")),
    "path": ({"text": _LONG}, ("a > b", "a > c")),
    "labels": ({"text": _LONG}, (("a",), ("a", "b"))),
    "value": ({"text": _LONG}, (1.0, 2.0)),
    "tokens": ({"tokens": _WORDS}, (("O",) * 399 + ("A",), ("O",) * 400)),
    "span": (
        {"question": "word", "tokens": _WORDS, "text": " ".join(_WORDS),
         "offsets": tuple((5 * place, 5 * place + 4) for place in range(400))},
        (GoldAnswers((Span("answer", 1, 2, "word", 5, 9),), 400), GoldAnswers((), 400)),
    ),
    "ranking": ({"text": _LONG}, ((_LONG,), ("another " * 400,))),
    "choices": ({"text": _LONG, "choices": ("word", "other")}, ((1.0, 0.0), (0.0, 1.0))),
    "text": ({"source": _LONG}, ("word word", "other")),
}  # fmt: skip
"""A row of each output kind that an encoder can be asked to read, as long as it can read, and two targets."""


def describe(name: str | None, *, revision: str | None, offline: bool, guard: Guard, device: str) -> dict[str, Any]:
    """Facts of a backbone, the output kinds and methods that it can do, and the memory that each method takes."""
    stages = {kind: _stage(kind, name, revision=revision, offline=offline, device=device) for kind in SAMPLES}
    encoder: Any = registry.get("backbones", "encoder")
    with encoder.rehearsal():
        drawn = stages["classes"].open()
    facts = _facts(drawn, encoder.card(name))
    outputs = {kind: _trial(stage) for kind, stage in stages.items() if kind in registry.names("outputs")}
    room = guard.room(device)
    able = {kind: stages[kind] for kind, why in outputs.items() if why is None}
    return {
        **facts,
        "outputs": [{"name": kind, "works": why is None, "reason": why} for kind, why in outputs.items()],
        "methods": [{**found, "fits": _fits(found["memory"], room.bytes)} for found in _methods(able)],
        "memory": {"device": device, "bytes": room.bytes, "bound": room.bound, "share": SHARE},
    }


def _stage(kind: str, name: str | None, *, revision: str | None, offline: bool, device: str) -> Stage:
    inputs, targets = SAMPLES[kind]
    output = registry.get("outputs", kind)
    rows = tuple(Example(place, inputs, targets[place % 2]) for place in range(4))
    space = output.space([row.target for row in rows])
    name = name or registry.get("backbones", "encoder").embedded
    return Stage(name, output, space, rows, revision=revision, offline=offline, device=device)


def _facts(drawn: Any, card: str) -> dict[str, Any]:
    """What the configuration says, and the languages that a model card at hand names."""
    body = drawn.net.body
    return {
        "name": drawn.source.name,
        "family": body.config.model_type,
        "layers": drawn.layer_count,
        "width": int(body.config.hidden_size),
        "parameters": sum(p.numel() for p in body.parameters()),
        "vocabulary": int(body.config.vocab_size),
        "tokens": drawn.max_length,
        "most_tokens": drawn.room,
        "languages": languages(card),
    }


def languages(card: str) -> list[str] | None:
    """Languages in the front matter of a model card (`language: en`, or a list); None where it names none."""
    import yaml

    head = re.match(r"---\n(.*?)\n---\s", card, re.DOTALL)
    try:
        found = yaml.safe_load(head[1]).get("language") if head else None
    except (yaml.YAMLError, AttributeError):
        return None
    return [str(code) for code in found] if isinstance(found, list) else [found] if isinstance(found, str) else None


def _trial(stage: Stage) -> str | None:
    """Why the backbone cannot do an output kind; None when it can."""
    import torch

    try:
        with stage.family.rehearsal(), torch.no_grad():
            drawn = stage.open()
            training = drawn.training(stage.rows, output=stage.output, space=stage.space)
            batch = training.batch([0, 1])
            training.loss(training.forward(batch), batch)
    except (AutoGPTError, RuntimeError, ValueError, TypeError, KeyError, AttributeError, IndexError) as problem:
        return (str(problem).splitlines() or [type(problem).__name__])[0]
    return None


def _methods(able: Mapping[str, Stage]) -> Iterator[dict[str, Any]]:
    """Every method that needs a backbone: the output kinds left to it, and what it takes on the first of them."""
    for name in registry.names("methods"):
        method = registry.get("methods", name)
        if not method.needs_backbone:
            continue
        kinds = [kind for kind in able if kind in method.outputs]
        found: Need | None = None
        reason = None if kinds else "this backbone has none of its output kinds"
        if kinds:
            try:
                found = need(name, able[kinds[0]])
            except ConfigError as problem:
                reason = str(problem)
        memory = found.to_dict() if found else None
        yield {"name": name, "works": reason is None, "reason": reason, "outputs": kinds, "memory": memory}


def _fits(memory: Mapping[str, Any] | None, room: int) -> str | None:
    """`whole`, `in parts` (smaller micro-batches), or `no`."""
    if memory is None:
        return None
    return "whole" if memory["most"] <= SHARE * room else "in parts" if memory["needed"] <= room else "no"
