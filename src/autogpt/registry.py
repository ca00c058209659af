"""Name -> plug-in. A plug-in is one file whose name is its name (`text_classification.py` -> `text-classification`).

There is no list, decorator or import side effect: a kind is a package, its members are the package's modules, and
each module offers one object called `plugin`. Outside packages add members through the entry-point group
`autogpt.<kind>` (the entry point's object is the plug-in itself).
"""

from __future__ import annotations

import importlib
import pkgutil
from functools import cache
from importlib.metadata import entry_points
from typing import Any

from autogpt.errors import ConfigError

KINDS = ("sources", "tasks", "outputs", "backbones", "methods", "metrics")


@cache
def names(kind: str) -> tuple[str, ...]:
    """All plug-ins of a kind, sorted, without importing them."""
    package = importlib.import_module(f"autogpt.{kind}")
    own = {m.name.replace("_", "-") for m in pkgutil.iter_modules(package.__path__) if not m.name.startswith("_")}
    foreign = {point.name for point in entry_points(group=f"autogpt.{kind}")}
    return tuple(sorted(own | foreign))


def get(kind: str, name: str) -> Any:
    """The plug-in called `name`; a clear error lists what exists."""
    if name not in names(kind):
        raise ConfigError(f"no {kind[:-1]} is called {name!r}; there are: {', '.join(names(kind))}")
    for point in entry_points(group=f"autogpt.{kind}"):
        if point.name == name:
            return point.load()
    return importlib.import_module(f"autogpt.{kind}.{name.replace('-', '_')}").plugin
