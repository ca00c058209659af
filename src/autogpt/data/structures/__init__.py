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


def readings(table: Table, facts: Mapping[str, Facts], goal: Goal) -> list[Candidate]:
    """What every module finds in the table."""
    modules = (importlib.import_module(f"{__name__}.{m.name}") for m in pkgutil.iter_modules(__path__))
    return [reading for module in modules for reading in module.readings(table, facts, goal)]
