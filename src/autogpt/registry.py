"""Name -> plug-in. A plug-in is one file whose name is its name (`text_classification.py` -> `text-classification`).

There is no list, decorator or import side effect: a kind is a package, its members are the package's modules, and
each module offers one object called `plugin`. Outside packages add members through the entry-point group
`autogpt.<kind>` (the entry point's object is the plug-in itself).
"""

from __future__ import annotations

import importlib
import pkgutil
from functools import cache
from importlib.metadata import EntryPoint, entry_points
from typing import Any

from autogpt.errors import ConfigError

KINDS = (
    "sources",
    "tasks",
    "outputs",
    "backbones",
    "methods",
    "metrics",
    "selection",
    "queries",
    "voters",
    "objectives",
    "formats",
    "prompts",
    "rewards",
    "executors",
)


@cache
def names(kind: str) -> tuple[str, ...]:
    """All plug-ins of a kind, sorted, without importing them."""
    package = importlib.import_module(f"autogpt.{kind}")
    own = {m.name.replace("_", "-") for m in pkgutil.iter_modules(package.__path__) if not m.name.startswith("_")}
    return tuple(sorted(own | _foreign(kind).keys()))


@cache
def _foreign(kind: str) -> dict[str, EntryPoint]:
    """Members from outside packages. Asked once: looking through all installed packages takes about 10 ms."""
    return {point.name: point for point in entry_points(group=f"autogpt.{kind}")}


def trained(output: str) -> Any:
    """The backbone that methods train for an output kind: the one whose `trains` has it."""
    known = (get("backbones", name) for name in names("backbones"))
    found = next((family for family in known if output in getattr(family, "trains", ())), None)
    if found is None:
        raise ConfigError(f"no backbone can be trained for {output!r}")
    return found


def get(kind: str, name: str) -> Any:
    """The plug-in called `name`; a clear error lists what exists."""
    if name not in names(kind):
        one = f"{kind[:-3]}y" if kind.endswith("ies") else kind.removesuffix("s")
        raise ConfigError(f"no {one} is called {name!r}; there are: {', '.join(names(kind))}")
    if name in _foreign(kind):
        return _foreign(kind)[name].load()
    return importlib.import_module(f"autogpt.{kind}.{name.replace('-', '_')}").plugin
