"""Settings as fields of frozen dataclasses: how one is declared, listed, built of plain values, and turned back.

A field's `metadata["help"]` is its documentation. Flags, YAML keys, docs and `--help` are derived from `options`.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import MISSING, dataclass, field, fields, is_dataclass, replace
from typing import Any, TypeVar, get_args, get_type_hints

from autogpt.errors import ConfigError

T = TypeVar("T")

_NAMES = {str: "text", int: "a whole number", float: "a number", bool: "true or false"}


def setting(
    text: str,
    default: Any = None,
    *,
    short: str | None = None,
    also: str | None = None,
    metavar: str | None = None,
    kind: str | None = None,
    argument: bool = False,
) -> Any:
    """A field with its documentation: `also` is a second flag, `kind` the plug-ins whose names are allowed."""
    metadata = {
        "help": text,
        "flags": tuple(flag for flag in (also, short) if flag),
        "metavar": metavar,
        "kind": kind,
        "argument": argument,
    }
    return field(default=default, metadata=metadata)


def check(settings: Any, *rules: tuple[str, bool, str]) -> None:
    """ConfigError for the first setting that is not as it must be: (name, whether it is, the rule)."""
    for name, allowed, rule in rules:
        if not allowed:
            raise ConfigError(f"{name} {getattr(settings, name)!r} must be {rule}")


@dataclass(frozen=True, slots=True)
class Domain:
    """The values of an option that a search may try: one of `choices`, or where there are none, `low` to `high`.

    `log`: steps of equal ratio, as for learning rates; `whole`: whole numbers only; `longer`: a trial takes as many
    times longer as the value is larger.
    """

    low: float = 0.0
    high: float = 0.0
    log: bool = False
    whole: bool = False
    longer: bool = False
    choices: tuple[Any, ...] = ()


RATIO = 5.0
"""Ranges of positive numbers whose ends are further apart than this are searched by ratio."""


def domains(configuration: type[Any]) -> dict[str, Domain]:
    """The domain of each field whose metadata has `search`: (lowest, highest), or a list of the values to try."""
    return {one.name: _domain(one.metadata) for one in fields(configuration) if one.metadata.get("search")}


def _domain(metadata: Mapping[str, Any]) -> Domain:
    said = metadata["search"]
    if isinstance(said, list):
        return Domain(choices=tuple(said))
    low, high = said
    log, whole = low > 0 and high > RATIO * low, isinstance(low, int) and isinstance(high, int)
    return Domain(low, high, log=log, whole=whole, longer=bool(metadata.get("longer")))


@dataclass(frozen=True, slots=True)
class Option:
    """One setting, as flags, YAML keys and docs see it. `section` is the dataclass it stands in (empty: the top)."""

    name: str
    section: str
    type: type
    optional: bool
    default: Any
    help: str
    more: Mapping[str, Any]

    @property
    def flags(self) -> tuple[str, ...]:
        """Further flags beside `flag`."""
        return tuple(self.more.get("flags", ()))

    @property
    def metavar(self) -> str | None:
        """What stands for the value in the help."""
        return self.more.get("metavar")

    @property
    def kind(self) -> str | None:
        """The kind of plug-in that the value names (several: comma-separated)."""
        return self.more.get("kind")

    @property
    def argument(self) -> bool:
        """Is it given without a flag?"""
        return bool(self.more.get("argument"))

    @property
    def flag(self) -> str:
        """The long flag: `time_limit` -> `--time-limit`."""
        return f"--{self.name.replace('_', '-')}"

    @property
    def key(self) -> str:
        """The place in a YAML file: `time_limit`, `columns.target`."""
        return f"{self.section}.{self.name}" if self.section else self.name


def options(configuration: type[Any], section: str = "") -> Iterator[Option]:
    """Every setting of a configuration dataclass and of the dataclasses inside it, in their order."""
    hints = get_type_hints(configuration)
    for one in fields(configuration):
        if is_dataclass(hints[one.name]):
            yield from options(hints[one.name], one.name)
            continue
        kinds = [kind for kind in get_args(hints[one.name]) or (hints[one.name],) if kind is not type(None)]
        yield Option(
            name=one.name,
            section=section,
            type=kinds[0],
            optional=type(None) in get_args(hints[one.name]),
            default=None if one.default is MISSING else one.default,
            help=one.metadata["help"],
            more=one.metadata,
        )


def build(configuration: type[T], values: Mapping[str, Any], *, origin: str = "") -> T:
    """A configuration dataclass of plain values, as they come from YAML or JSON; `origin` begins every complaint."""
    origin = f"{origin}: " if origin else ""
    return _build(configuration, values, origin=origin, section="", known={o.name: o for o in options(configuration)})


def _build(configuration: type[T], values: Mapping[str, Any], *, origin: str, section: str, known: Any) -> T:
    hints = get_type_hints(configuration)
    found = {option.name: option for option in options(configuration, section) if option.section == section}
    sections = [name for name, hint in hints.items() if is_dataclass(hint)]
    given: dict[str, Any] = {}
    for name, value in values.items():
        if name in sections:
            if not isinstance(value, Mapping | None):
                raise ConfigError(f"{origin}{name} is a section; write its settings indented below it")
            given[name] = _build(hints[name], value or {}, origin=origin, section=name, known=known)
        elif name in found:
            given[name] = _value(found[name], value, origin)
        else:
            raise ConfigError(f"{origin}{_unknown(name, section, [*found, *sections], known)}")
    try:
        return configuration(**given)
    except ConfigError as error:
        raise ConfigError(f"{origin}{error}") from error


def _unknown(name: Any, section: str, allowed: list[str], known: Mapping[str, Option]) -> str:
    """Why a key is refused: it stands in the wrong section, or a similar one was meant."""
    if name in known:
        home = known[name].section
        place = f"belongs below '{home}:'" if home else "belongs at the top of the file"
        return f"{name!r} {place}"
    import difflib

    where = f" below '{section}:'" if section else ""
    near = difflib.get_close_matches(str(name), allowed, n=1) or difflib.get_close_matches(str(name), known, n=1)
    hint = f"did you mean {near[0]!r}?" if near else f"there are: {', '.join(allowed)}"
    return f"no setting is called {name!r}{where}; {hint}"


def _value(option: Option, value: Any, origin: str) -> Any:
    """The value in the setting's type. YAML reads `no` as false and `1.0` as a number: nothing is bent to text."""
    if value is None and option.optional:
        return None
    if option.name == "time_limit" and isinstance(value, (str, int, float)) and not isinstance(value, bool):
        return value  # a duration: RunConfig reads it
    if option.type is str and isinstance(value, list) and all(isinstance(item, str) for item in value):
        return ",".join(value)
    if option.type is float and type(value) is int:
        return float(value)
    if type(value) is not option.type:
        shown = repr(value)[:60] if isinstance(value, (str, int, float, bool)) else f"a {type(value).__name__}"
        hint = "; put it in quotes" if option.type is str and not isinstance(value, (Mapping, list)) else ""
        raise ConfigError(f"{origin}{option.key} is {shown}, but must be {_NAMES[option.type]}{hint}")
    return value


def plain(configuration: Any) -> dict[str, Any]:
    """The configuration as nested dictionaries of plain values, for YAML and JSON; settings left at None are absent."""
    found: dict[str, Any] = {}
    for one in fields(configuration):
        value = getattr(configuration, one.name)
        if is_dataclass(value):
            value = plain(value) or None
        if value is not None or one.name == "time_limit":
            found[one.name] = value
    return found


def override(configuration: Any, key: str, value: Any) -> Any:
    """A copy with one setting changed: `override(config, "columns.target", "label")`."""
    section, _, name = key.rpartition(".")
    if section:
        name, value = section, replace(getattr(configuration, section), **{name: value})
    return replace(configuration, **{name: value})
