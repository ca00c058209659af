"""Functions of a Python file of the user's. The file is run as a program, with all that it may do."""

from __future__ import annotations

import importlib.util
import inspect
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from autogpt.errors import InputError


def functions_of(path: Path) -> Iterator[tuple[str, Callable[..., Any]]]:
    """The public functions that a file defines, in the order of its lines."""
    if not path.is_file() or path.suffix != ".py":
        raise InputError(f"{path} is not a Python file; give one with functions that take a text")
    spec = importlib.util.spec_from_file_location(f"functions_{path.stem}", path)
    if spec is None or spec.loader is None:
        raise InputError(f"{path} cannot be loaded as Python")
    module = importlib.util.module_from_spec(spec)
    try:
        spec.loader.exec_module(module)
    except Exception as problem:
        raise InputError(f"{path} cannot be run: {type(problem).__name__}: {problem}; correct it") from problem
    for name, value in vars(module).items():
        if inspect.isfunction(value) and value.__module__ == module.__name__ and not name.startswith("_"):
            yield name, value
