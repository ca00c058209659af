"""What a run may try: the methods that the user named, or all that fit; why no encoder can be had; facts to plan by."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING

from autogpt import registry
from autogpt.autopilot import auto
from autogpt.autopilot.ladder import Facts, needs_endpoint
from autogpt.autopilot.trial import Bench, Candidate
from autogpt.config import RunConfig
from autogpt.errors import ConfigError
from autogpt.regimes import teaching
from autogpt.regimes.adaptive import allowance

if TYPE_CHECKING:
    from autogpt.autopilot.session import Session
    from autogpt.pipeline import Prepared

MEASURED_ROWS = 24
"""Rows that tell the reading speed."""


def check(config: RunConfig) -> None:
    """ConfigError where a method or the metric is called what none is; said before rows are read."""
    for name in _wanted(config):
        registry.get("methods", name)
    if config.search.metric is not None:
        registry.get("metrics", config.search.metric)
    teaching.check(config.teaching.teacher, endpoint=config.remote.endpoint)


def _wanted(config: RunConfig) -> list[str]:
    """Methods that the user named."""
    told = config.search.methods
    return [] if told in (None, auto.NAME) else [name.strip() for name in (told or "").split(",") if name.strip()]


def methods(config: RunConfig, bench: Bench) -> list[str]:
    """Methods that the user named, or all that fit the output; a name that does not fit is an error."""
    fitting = [
        name
        for name in registry.names("methods")
        if bench.output.name in registry.get("methods", name).outputs
        and (config.remote.endpoint is not None or not needs_endpoint(name))
    ]
    if config.search.methods in (None, auto.NAME):
        teaches = bench.output.name == "text" and config.teaching.teacher == teaching.ENDPOINT
        return [name for name in fitting if not (teaches and needs_endpoint(name))]  # it is no rival of its pupils
    wanted = _wanted(config)
    for name in wanted:
        method = registry.get("methods", name)
        if needs_endpoint(name) and config.remote.endpoint is None:
            raise ConfigError(f"method {name!r} asks a language model behind an endpoint; name one with --endpoint")
        if bench.output.name not in method.outputs:
            raise ConfigError(
                f"method {name!r} cannot learn {bench.output.name}; methods that can: {', '.join(fitting)}"
            )
    return wanted


def backbone_problem(config: RunConfig, bench: Bench) -> str | None:
    """Why no encoder can be had, if the user did not name one; a named one that cannot be had is an error later."""
    if config.search.backbone is not None:
        return None
    problem: str | None = registry.trained(bench.output.name).missing_default()
    return problem


def facts(session: Session, bench: Bench, prepared: Prepared) -> Facts:
    """What the ladder looks at."""
    from autogpt.training.features import exact_cost

    allowed = methods(session.config, bench)
    problem = backbone_problem(session.config, bench)
    if problem is None and any(registry.get("methods", name).needs_backbone for name in allowed):
        problem = session.no_room(bench, Candidate("full" if bench.output.name == "text" else "head"))
    return Facts(
        train=bench.train,
        validation=len(bench.validation),
        output=bench.output,
        layers=lambda: int(bench.features.encoder().layer_count),
        rows_per_second=lambda: bench.features.rows_per_second,
        remaining=lambda: session.budget.remaining() - session.reserve(bench, prepared),
        device=lambda: bench.runtime().device,
        allowed=allowed,
        has_backbone=problem is None,
        backbone_problem=problem or "",
        named=session.config.search.methods not in (None, auto.NAME),
        measure=lambda: bench.features.get([row.inputs for row in bench.train[:MEASURED_ROWS]]),
        exact=cache(lambda: exact_cost(bench.features, bench.train, bench.runtime())),
        unlabelled=len(prepared.unlabelled),
        scratch=bench.output.name == "text" and session.config.search.backbone in (None, "scratch"),
        corpus=len(bench.space.labels) if bench.output.name == "ranking" else 0,
        adapting=allowance(session.config, prepared),
        always=session.config.adaptive.adapt == "always",
        asking=session.config.experiments.asking,
    )
