"""What a run may be told, as frozen dataclasses. Flags, YAML keys, docs and `--help` are derived from these fields.

Every field's `metadata["help"]` is its documentation, and checks stand in `__post_init__`. A YAML file has the same
fields (`columns` is a section); `options` lists them, `build` makes a configuration of plain values, `plain` undoes it.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import MISSING, dataclass, field, fields, is_dataclass, replace
from pathlib import Path
from typing import Any, TypeVar, get_args, get_type_hints

from autogpt import files
from autogpt.errors import ConfigError
from autogpt.units import byte_count as byte_count
from autogpt.units import duration as duration
from autogpt.units import seconds as seconds
from autogpt.yaml_file import read as read

T = TypeVar("T")

_NAMES = {str: "text", int: "a whole number", float: "a number", bool: "true or false"}


def _help(
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


def _check(settings: Any, *rules: tuple[str, bool, str]) -> None:
    """ConfigError for the first setting that is not as it must be: (name, whether it is, the rule)."""
    for name, allowed, rule in rules:
        if not allowed:
            raise ConfigError(f"{name} {getattr(settings, name)!r} must be {rule}")


@dataclass(frozen=True, slots=True)
class Columns:
    """Overrides of what the profile would infer from the data. Each is a column name (several: comma-separated)."""

    task: str | None = _help("task name, instead of inferring it (see `autogpt models --tasks`)", kind="tasks")
    text: str | None = _help(
        "column of the text; a,b for sentence pairs, a+b for parts of one text (a title and what follows)",
        metavar="COLUMN",
    )
    target: str | None = _help(
        "column of the answer; several 0/1 columns, comma-separated, for multi-label data", metavar="COLUMN"
    )
    group: str | None = _help("rows with the same value here never stand on both sides of a split", metavar="COLUMN")
    time: str | None = _help("date column: the latest rows become the test split", metavar="COLUMN")
    split: str | None = _help("column that names each row's split; 'none' ignores one that was found", metavar="COLUMN")
    ignore: str | None = _help("columns to leave out, comma-separated", metavar="COLUMNS")
    separator: str | None = _help(
        "character between several labels in one cell, for multi-label data", metavar="CHARACTER"
    )

    def __post_init__(self) -> None:
        if self.task is not None and not re.fullmatch(r"[a-z0-9-]+", self.task):
            raise ConfigError(f"task {self.task!r} is not a task name; `autogpt models --tasks` lists them")


@dataclass(frozen=True, slots=True)
class Search:
    """What the autopilot may try."""

    methods: str | None = _help(
        "methods to try, comma-separated; auto: one by rule and pilot (default: all that fit the task)",
        also="--method",
        kind="methods",
    )
    backbone: str | None = _help("folder or Hub name of the encoder (default: the embedded MiniLM)", metavar="NAME")
    metric: str | None = _help("metric that picks the winner (default: the task's first)", kind="metrics")
    revision: str | None = _help("revision of a Hub backbone", metavar="REVISION")
    report_to: str | None = _help("tracker: tensorboard, wandb or mlflow", metavar="TRACKER")
    memory_limit: str | None = _help(
        "most memory that the run may take (512MB, 2GB; default: what the machine leaves it)", metavar="SIZE"
    )

    def __post_init__(self) -> None:
        byte_count(self.memory_limit)


@dataclass(frozen=True, slots=True)
class Source:
    """Where rows come from beside `data`, and whether the network may be used at all."""

    test: str | None = _help("file with the test rows (default: a part of the data is sealed)", metavar="DATA")
    query: str | None = _help("SQL query, when DATA is a SQLite or DuckDB file", metavar="SQL")
    offline: bool = _help("forbid all network use", False)


FAMILIES = ("encoder-decoder", "decoder", "encoder")


@dataclass(frozen=True, slots=True)
class Scratch:
    """The shape of a language model that is made from nothing (tasks whose answer is written, without a backbone)."""

    family: str = _help(f"one of {', '.join(FAMILIES)} (which writes nothing)", "encoder-decoder", metavar="FAMILY")
    num_layers: int = _help("layers (of an encoder-decoder: of each side)", 3, metavar="NUMBER")
    hidden_size: int = _help("width of the states that layers pass on", 256, metavar="NUMBER")
    num_heads: int = _help("heads of attention", 8, metavar="NUMBER")
    vocabulary: int | None = _help("tokens at most (default: as many as the texts can teach)", metavar="NUMBER")

    def __post_init__(self) -> None:
        _check(
            self,
            ("family", self.family in FAMILIES, f"one of {', '.join(FAMILIES)}"),
            ("num_layers", self.num_layers >= 1, "1 or more"),
            ("hidden_size", self.hidden_size >= 8, "8 or more"),
            ("num_heads", self.num_heads >= 1 and self.hidden_size % self.num_heads == 0, "a divisor of hidden_size"),
            ("vocabulary", self.vocabulary is None or self.vocabulary >= 300, "300 or more"),
        )


@dataclass(frozen=True, slots=True)
class RunConfig:
    """One autonomous session. One dial first: `time_limit`; everything it resolves to is printed and saved."""

    data: str = _help("file, folder, query or bundled name", "", argument=True)
    goal: str = _help("one sentence: what is to be learned", "", short="-g", metavar="SENTENCE")
    time_limit: float | None = _help(
        "hard limit (90s, 3m, 1h30m, none), loading, evaluation and saving included",
        600.0,
        short="-t",
        metavar="DURATION",
    )
    output: str = _help("folder for runs", "runs", short="-o", metavar="FOLDER")
    seed: int = _help("every random draw derives from this number", 0, metavar="NUMBER")
    source: Source = field(default_factory=Source)
    columns: Columns = field(default_factory=Columns)
    search: Search = field(default_factory=Search)
    scratch: Scratch = field(default_factory=Scratch)

    def __post_init__(self) -> None:
        object.__setattr__(self, "time_limit", seconds(self.time_limit))
        object.__setattr__(self, "output", str(Path(self.output)))
        if self.seed < 0:
            raise ConfigError(f"seed {self.seed} must be 0 or more")


@dataclass(frozen=True, slots=True)
class MultiTask:
    """How several data sets are learned by one backbone (`regimes/multi_task.py`)."""

    multi_task: bool = _help("learn several data sets together: one backbone, a head for each", False)
    passes: float = _help("passes over all rows together (fewer when time is short)", 3.0, metavar="NUMBER")
    mixing: float = _help(
        "temperature of the mixture: 1 draws as many rows as a task has, more evens tasks out", 2.0, metavar="NUMBER"
    )
    rank: int = _help("rank of the parts that a task gets which would do better alone", 8, metavar="NUMBER")
    alone: bool = _help("train every task alone as well, to compare", True)

    def __post_init__(self) -> None:
        _check(
            self,
            ("passes", 0 < self.passes < float("inf"), "more than 0"),
            ("mixing", 1 <= self.mixing < float("inf"), "1 or more"),
            ("rank", self.rank >= 1, "1 or more"),
        )


@dataclass(frozen=True, slots=True)
class Pretraining:
    """How a language model is trained on texts alone (`regimes/pretraining.py`)."""

    objective: str | None = _help("what has to be told (default: what fits the family)", kind="objectives")
    block: int = _help("tokens that are read at once", 256, metavar="NUMBER")
    batch_rows: int = _help("blocks per optimizer step", 8, metavar="NUMBER")
    learning_rate: float | None = _help("peak learning rate (default: by width and beginning)", metavar="NUMBER")
    epochs: float = _help("passes over the texts (fewer when time is short)", 20.0, metavar="NUMBER")
    held_out: float = _help("share of the texts that is measured on and not learned", 0.05, metavar="SHARE")

    def __post_init__(self) -> None:
        _check(
            self,
            ("block", self.block >= 8, "8 or more"),
            ("batch_rows", self.batch_rows >= 1, "1 or more"),
            ("learning_rate", self.learning_rate is None or self.learning_rate > 0, "more than 0"),
            ("epochs", self.epochs > 0, "more than 0"),
            ("held_out", 0 < self.held_out <= 0.5, "more than 0, and at most 0.5"),
        )


LOSSES = ("dpo", "ipo", "hinge", "robust", "exo_pair", "nca_pair", "sppo_hard", "apo_zero", "kto")


@dataclass(frozen=True, slots=True)
class Alignment:
    """How a model that writes is tuned by preferences or by a check (`regimes/alignment.py`)."""

    reward: str | None = _help(
        "check of what is written, NAME or NAME:SOURCE (default: by the rows' columns)", kind="rewards"
    )
    check: str | None = _help(
        "second check that is only watched, never learned from: NAME or NAME:SOURCE", kind="rewards", metavar="REWARD"
    )
    loss: str | None = _help(
        f"loss of preferences: {', '.join(LOSSES)} (default: dpo; kto where answers are marked one by one)",
        metavar="LOSS",
    )
    beta: float | None = _help(
        "how dear it is to move away from the model it began with (default: 0.1; 0 with a reward)", metavar="NUMBER"
    )
    learning_rate: float | None = _help("peak learning rate (default: by the model's width)", metavar="NUMBER")
    answer_tokens: int | None = _help(
        "tokens that an answer may have (default: as the rows' own answers, else 128)", metavar="NUMBER"
    )
    sft: float | None = _help(
        "share of the time to learn the rows' own answers in first (default: 0.4 of a model from nothing, else 0)",
        metavar="SHARE",
    )
    held_out: float = _help("share of the prompts that is measured on and not learned", 0.2, metavar="SHARE")

    def __post_init__(self) -> None:
        _check(
            self,
            ("loss", self.loss is None or self.loss in LOSSES, f"one of {', '.join(LOSSES)}"),
            ("beta", self.beta is None or self.beta >= 0, "0 or more"),
            ("learning_rate", self.learning_rate is None or self.learning_rate > 0, "more than 0"),
            ("answer_tokens", self.answer_tokens is None or self.answer_tokens >= 1, "1 or more"),
            ("sft", self.sft is None or 0 <= self.sft <= 1, "between 0 and 1"),
            ("held_out", 0 < self.held_out <= 0.5, "more than 0, and at most 0.5"),
        )


@dataclass(frozen=True, slots=True)
class Labelling:
    """How rows are labelled by a person (`labelling/`)."""

    labels: str | None = _help(
        "label names, comma-separated, or a file with one a line (more can be made up while labelling)", metavar="NAMES"
    )
    strategy: str = _help("which rows are asked next", "auto", kind="queries", metavar="NAME")
    batch: int = _help("questions between two looks of the model at what it has learned", 8, metavar="NUMBER")
    check: float = _help(
        "share of the questions that are rows drawn at random beforehand, to measure with", 0.2, metavar="SHARE"
    )
    who: str | None = _help("name that stands beside the labels (default: the user's)", metavar="NAME")

    def __post_init__(self) -> None:
        _check(
            self,
            ("batch", self.batch >= 1, "1 or more"),
            ("check", 0 <= self.check <= 0.9, "between 0 and 0.9"),
        )


@dataclass(frozen=True, slots=True)
class FewLabels:
    """What stands in for labels where a table has none, or few (`regimes/few_labels.py`)."""

    labels: str | None = _help(
        "label names with commas between, or a YAML or JSON file of them with descriptions: rows need no labels then",
        metavar="NAMES",
    )
    patterns: str | None = _help("YAML or JSON file: regular expressions by label, as further votes", metavar="FILE")
    functions: str | None = _help(
        "Python file (it is run): functions from a text to a label or None, as further votes", metavar="FILE"
    )
    endpoint: str | None = _help(
        "address of an OpenAI-compatible language model that votes too (texts are sent there)", metavar="URL"
    )
    endpoint_model: str | None = _help("the model's name there", metavar="NAME")
    endpoint_rows: int = _help("most texts that are sent there", 200, metavar="NUMBER")

    def __post_init__(self) -> None:
        if self.endpoint_rows < 1:
            raise ConfigError(f"endpoint_rows {self.endpoint_rows} must be 1 or more")


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


def override(configuration: Any, key: str, value: Any) -> Any:
    """A copy with one setting changed: `override(config, "columns.target", "label")`."""
    section, _, name = key.rpartition(".")
    if section:
        name, value = section, replace(getattr(configuration, section), **{name: value})
    return replace(configuration, **{name: value})
