"""What a run may try: the methods that the user named, or all that fit; and why no encoder can be had."""

from __future__ import annotations

from autogpt import registry
from autogpt.autopilot import auto
from autogpt.autopilot.ladder import needs_endpoint
from autogpt.autopilot.trial import Bench
from autogpt.config import RunConfig
from autogpt.errors import ConfigError


def methods(config: RunConfig, bench: Bench) -> list[str]:
    """Methods that the user named, or all that fit the output; a name that does not fit is an error."""
    fitting = [
        name
        for name in registry.names("methods")
        if bench.output.name in registry.get("methods", name).outputs
        and (config.remote.endpoint is not None or not needs_endpoint(name))
    ]
    if config.search.methods in (None, auto.NAME):
        return fitting
    wanted = [name.strip() for name in (config.search.methods or "").split(",") if name.strip()]
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
