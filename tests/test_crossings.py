"""Every method on every output and family of bodies; the cells come from the registry, none is listed by hand.

The ordinary run has one family for each method and output, dealt in turn; `-m nightly` has all of them.
"""

from functools import cache
from pathlib import Path
from typing import Any

import pytest

from autogpt import registry
from autogpt.runtime import Runtime
from autogpt.testing import crossings, tiny

CELLS = crossings.crossings()
COVERING = crossings.covering(CELLS)
DIAGONAL = crossings.diagonal(CELLS)


@pytest.fixture(scope="session")
def folders(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    place = tmp_path_factory.mktemp("families")
    return {family: tiny.family_folder(place / family, family) for family in tiny.KINDS}


@pytest.fixture(scope="session")
def refusals(folders: dict[str, Path]) -> set[crossings.Cell]:
    """Those of which a look at the body says that its method cannot work on it."""

    @cache
    def body(backbone: Any, family: str) -> Any:
        return backbone.open(str(folders[family]), output="classes", size=2, runtime=Runtime()).net.body

    return {
        cell
        for cell in CELLS
        if crossings.refusal_explained(cell.method, body(registry.trained(cell.output), cell.family))
    }


def test_the_covering_meets_every_method_output_and_family() -> None:
    whole, part = (
        {(cell.method, cell.output) for cell in CELLS},
        {(cell.method, cell.output) for cell in COVERING},
    )
    assert part == whole, "every method is tried on every output that it fits"
    assert {(cell.output, cell.family) for cell in COVERING} >= {
        (cell.output, cell.family) for cell in CELLS if cell.output != "ranking"
    }, "every output is tried on every family"
    assert {cell.family for cell in DIAGONAL} == set(tiny.KINDS)
    assert {cell.method for cell in DIAGONAL} == {
        name for name in registry.names("methods") if registry.get("methods", name).needs_backbone
    }


def kept(cell: crossings.Cell, folders: dict[str, Path], refusals: set[crossings.Cell], folder: Path) -> None:
    refusal = crossings.check_cell(cell, backbone=folders[cell.family], folder=folder)
    explained = cell in refusals
    assert (refusal is not None) == explained, (
        f"{cell}: {refusal or 'should have been refused, by the look of its body'}"
    )
    if refusal:
        pytest.skip(f"refused: {refusal}")


@pytest.mark.parametrize("cell", COVERING, ids=str)
def test_a_method_keeps_its_promises_on_a_body_or_says_which_methods_can(
    cell: crossings.Cell, folders: dict[str, Path], refusals: set[crossings.Cell], tmp_path: Path
) -> None:
    kept(cell, folders, refusals, tmp_path)


@pytest.mark.nightly
@pytest.mark.parametrize("cell", [cell for cell in CELLS if cell not in COVERING], ids=str)
def test_all_other_crossings_keep_them_too(
    cell: crossings.Cell, folders: dict[str, Path], refusals: set[crossings.Cell], tmp_path: Path
) -> None:
    kept(cell, folders, refusals, tmp_path)


@pytest.mark.parametrize("cell", DIAGONAL, ids=str)
def test_a_stopped_training_goes_on_bit_for_bit(cell: crossings.Cell, folders: dict[str, Path], tmp_path: Path) -> None:
    if refusal := crossings.check_resume(cell, backbone=folders[cell.family], folder=tmp_path):
        pytest.skip(f"refused: {refusal}")


@pytest.mark.nightly
@pytest.mark.parametrize("cell", [cell for cell in CELLS if cell not in DIAGONAL], ids=str)
def test_all_other_stopped_trainings_do_so_too(cell: crossings.Cell, folders: dict[str, Path], tmp_path: Path) -> None:
    if refusal := crossings.check_resume(cell, backbone=folders[cell.family], folder=tmp_path):
        pytest.skip(f"refused: {refusal}")
