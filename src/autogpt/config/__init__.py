"""What a run may be told, as frozen dataclasses. Flags, YAML keys, docs and `--help` are derived from these fields.

A YAML file has the same fields (`columns` is a section); `setting` has how they are declared, listed and built.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from autogpt import files
from autogpt.config.regimes import Alignment as Alignment
from autogpt.config.regimes import Distilling as Distilling
from autogpt.config.regimes import FewLabels as FewLabels
from autogpt.config.regimes import Labelling as Labelling
from autogpt.config.regimes import MultiTask as MultiTask
from autogpt.config.regimes import Pretraining as Pretraining
from autogpt.config.run import FAMILIES as FAMILIES
from autogpt.config.run import NO_FORMAT as NO_FORMAT
from autogpt.config.run import SAMPLERS as SAMPLERS
from autogpt.config.run import Adaptive as Adaptive
from autogpt.config.run import Columns as Columns
from autogpt.config.run import Compute as Compute
from autogpt.config.run import Endpoint as Endpoint
from autogpt.config.run import Experiments as Experiments
from autogpt.config.run import Guide as Guide
from autogpt.config.run import RunConfig as RunConfig
from autogpt.config.run import Scratch as Scratch
from autogpt.config.run import Search as Search
from autogpt.config.run import Serving as Serving
from autogpt.config.run import Source as Source
from autogpt.config.run import Teaching as Teaching
from autogpt.setting import build as build
from autogpt.setting import options as options
from autogpt.setting import override as override
from autogpt.setting import plain as plain
from autogpt.units import byte_count as byte_count
from autogpt.units import duration as duration
from autogpt.units import seconds as seconds
from autogpt.yaml_file import read as read


def from_dict(values: Mapping[str, Any]) -> RunConfig:
    """The run configuration that `plain` wrote."""
    return build(RunConfig, values)


def load(path: str | Path) -> RunConfig:
    """The run configuration in a YAML file."""
    return build(RunConfig, read(path), origin=str(path))


def save(configuration: RunConfig, path: str | Path) -> None:
    """Write the configuration as YAML that `load` reads back to an equal one."""
    import yaml

    values = plain(configuration)
    values["time_limit"] = duration(configuration.time_limit)
    files.write_text(Path(path), yaml.safe_dump(values, allow_unicode=True, sort_keys=False))
