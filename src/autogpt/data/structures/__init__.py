"""Tables whose shape tells the task, one file each: what a table looks like that is meant for it.

Each module offers `readings(table, facts, goal) -> list[Candidate]`: readings with points and reasons, empty when the
table does not have the shape. `data.targets` weighs them with all other readings of the table.
"""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Mapping
from typing import TYPE_CHECKING

from autogpt.core import Table
from autogpt.data.columns import Facts
from autogpt.data.goal import Goal

if TYPE_CHECKING:
    from autogpt.data.targets import Candidate

_MARKED, _WRITTEN, _LESS = "question-answering", "text-generation", 150.0


def readings(table: Table, facts: Mapping[str, Facts], goal: Goal) -> list[Candidate]:
    """What every module finds in the table. An answer that stands in its text is found there, and hardly written."""
    modules = [importlib.import_module(f"{__name__}.{m.name}") for m in pkgutil.iter_modules(__path__)]
    found: list[Candidate] = [reading for module in modules for reading in module.readings(table, facts, goal)]
    stand = {reading.target[0] for reading in found if reading.task == _MARKED}
    written = [reading for reading in found if reading.task == _WRITTEN and reading.target[0] in stand]
    return [reading.plus(-_LESS, "it stands in the text") if reading in written else reading for reading in found]
