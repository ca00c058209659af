"""Settings in a YAML file, as plain values; every problem is said with its line."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from autogpt.errors import ConfigError

_LARGEST_FILE = 1_000_000  # bytes; a configuration is a page


def read(path: str | Path) -> dict[str, Any]:
    """The plain values of a YAML file; every problem is a ConfigError with the line."""
    import yaml

    path = Path(path)
    if not path.is_file():
        raise ConfigError(f"there is no configuration file {path}; give the path of a YAML file")
    if path.stat().st_size > _LARGEST_FILE:
        raise ConfigError(f"{path} has {path.stat().st_size:,} bytes; a configuration has at most {_LARGEST_FILE:,}")
    try:
        text = path.read_text(encoding="utf-8-sig")
        node = yaml.compose(text, Loader=yaml.SafeLoader)
        values = yaml.safe_load(text)
    except OSError as error:
        raise ConfigError(f"{path} cannot be read: {error.strerror}") from error
    except UnicodeDecodeError as error:
        raise ConfigError(f"{path} is not UTF-8 text (byte {error.start}); save it as UTF-8") from error
    except (yaml.YAMLError, ValueError, RecursionError) as error:
        raise ConfigError(f"{path}: {_yaml_problem(error)}") from error
    if values is None:
        return {}
    if not isinstance(values, dict):
        raise ConfigError(f"{path} is not a list of settings; write one 'name: value' a line")
    _refuse_duplicates(node, path)
    return values


def _yaml_problem(error: Exception) -> str:
    import yaml

    place, problem = "", str(error).splitlines()[0]
    if isinstance(error, yaml.MarkedYAMLError) and error.problem_mark is not None:
        place = f"line {error.problem_mark.line + 1}, column {error.problem_mark.column + 1}: "
        problem = error.problem or problem
    return f"{place}not valid YAML ({problem}); text with ':' or '#' needs quotes"


def _refuse_duplicates(node: Any, path: Path) -> None:
    """YAML readers keep the last of two equal keys and drop the first without a word; here it is an error."""
    for mapping in (node, *(value for _, value in node.value if value.id == "mapping")):
        seen: set[str] = set()
        for key, _ in mapping.value:
            if str(key.value) in seen:
                raise ConfigError(f"{path}, line {key.start_mark.line + 1}: {key.value!r} is given twice; keep one")
            seen.add(str(key.value))
