"""What a run may be told, as frozen dataclasses. Flags, YAML keys, docs and `--help` are derived from these fields.

Checks stand in `__post_init__`. A YAML file has the same fields (`columns` is a section); `setting` has how they are
declared, listed and built.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from autogpt import files
from autogpt.errors import ConfigError, OfflineError
from autogpt.exchange import checked
from autogpt.setting import build as build
from autogpt.setting import check as _check
from autogpt.setting import options as options
from autogpt.setting import override as override
from autogpt.setting import plain as plain
from autogpt.setting import setting as _help
from autogpt.units import byte_count as byte_count
from autogpt.units import duration as duration
from autogpt.units import seconds as seconds
from autogpt.yaml_file import read as read

NO_FORMAT = "none"


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
    format: str | None = _help("format of written answers, or none (default: what the targets have)", kind="formats")
    report_to: str | None = _help("tracker: tensorboard, wandb or mlflow", metavar="TRACKER")
    memory_limit: str | None = _help(
        "most memory that the run may take (512MB, 2GB; default: what the machine leaves it)", metavar="SIZE"
    )
    ensemble: bool = _help("let several models answer together where that is better beyond noise", True)

    def __post_init__(self) -> None:
        byte_count(self.memory_limit)


SAMPLERS = ("tpe", "random", "off")


@dataclass(frozen=True, slots=True)
class Experiments:
    """What follows once each method was tried (`autopilot/search.py`)."""

    search: str = _help(
        "how other options of the best methods are found, while more may help: tpe (what did well elsewhere first, "
        "then by a model of the scores), random, or off",
        "tpe",
        metavar="SAMPLER",
    )

    def __post_init__(self) -> None:
        _check(self, ("search", self.search in SAMPLERS, f"one of {', '.join(SAMPLERS)}"))


ADAPT = ("auto", "off", "always")


@dataclass(frozen=True, slots=True)
class Adaptive:
    """What the encoder may read before it is tuned (`regimes/adaptive.py`)."""

    adapt: str = _help(
        "let the encoder read the texts before it is tuned: auto (if a pilot says that it pays), off or always",
        "auto",
        metavar="WHEN",
    )
    adapt_share: float = _help("share of the time limit that this may take at most", 0.1, metavar="SHARE")
    adapt_objective: str = _help("what it has to tell of hidden words", "masked", kind="objectives")

    def __post_init__(self) -> None:
        _check(
            self,
            ("adapt", self.adapt in ADAPT, f"one of {', '.join(ADAPT)}"),
            ("adapt_share", 0 < self.adapt_share <= 0.9, "more than 0, and at most 0.9"),
        )


@dataclass(frozen=True, slots=True)
class Source:
    """Where rows (and prompts) come from beside `data`, and whether the network may be used at all."""

    test: str | None = _help("file with the test rows (default: a part of the data is sealed)", metavar="DATA")
    query: str | None = _help("SQL query, when DATA is a SQLite or DuckDB file", metavar="SQL")
    offline: bool = _help("forbid all network use", False)
    prompts: str | None = _help("prompts to begin with: a JSON file that `autogpt prompts` wrote", metavar="FILE")


@dataclass(frozen=True, slots=True)
class Compute:
    """Where trials are worked on."""

    executor: str | None = _help(
        "who works on trials (default: the run itself, one after another)", kind="executors", metavar="NAME"
    )
    workers: int | None = _help(
        "trials at the same time (default: 1; with ray one per GPU, or per machine)", metavar="NUMBER"
    )
    address: str | None = _help("address of a Ray cluster, or auto (default: Ray is started here)", metavar="ADDRESS")

    def __post_init__(self) -> None:
        _check(self, ("workers", self.workers is None or 1 <= self.workers <= 1024, "between 1 and 1024"))

    @property
    def chosen(self) -> str | None:
        """The executor, named or meant: who gives an address means Ray, who only says how many means this machine."""
        return self.executor or ("ray" if self.address else "local" if self.workers else None)


FAMILIES = ("encoder-decoder", "decoder", "encoder")


@dataclass(frozen=True, slots=True)
class Scratch:
    """The shape of a language model that is made from nothing (where answers are written, without a backbone)."""

    family: str = _help(f"one of {', '.join(FAMILIES)} (which writes nothing)", "decoder", metavar="FAMILY")
    num_layers: int = _help("layers (of an encoder-decoder: of each side)", 4, metavar="NUMBER")
    hidden_size: int | None = _help(
        "width of the states that layers pass on (default: 128 where five minutes or less are given, otherwise 256)",
        metavar="NUMBER",
    )
    num_heads: int = _help("heads of attention", 8, metavar="NUMBER")
    vocabulary: int | None = _help("tokens at most (default: as many as the texts can teach)", metavar="NUMBER")

    def __post_init__(self) -> None:
        _check(
            self,
            ("family", self.family in FAMILIES, f"one of {', '.join(FAMILIES)}"),
            ("num_layers", self.num_layers >= 1, "1 or more"),
            ("hidden_size", self.hidden_size is None or self.hidden_size >= 8, "8 or more"),
            (
                "num_heads",
                self.num_heads >= 1 and self.width % self.num_heads == 0,
                "a divisor of hidden_size",
            ),
            ("vocabulary", self.vocabulary is None or self.vocabulary >= 300, "300 or more"),
        )

    def within(self, limit: float | None) -> Scratch:
        """With every number said, for so many seconds: a small model passes over more rows (EXPERIMENTS.md)."""
        return replace(self, hidden_size=self.hidden_size or (128 if limit and limit <= 300 else self.width))

    @property
    def width(self) -> int:
        """`hidden_size`, or what it is without a limit of time."""
        return self.hidden_size or 256


@dataclass(frozen=True, slots=True)
class Endpoint:
    """A language model behind an OpenAI-compatible endpoint (`endpoint.py`): texts are sent there, and it may cost."""

    endpoint: str | None = _help(
        "address of an OpenAI-compatible language model to ask (texts are sent there), as http://host:port/v1",
        metavar="URL",
    )
    endpoint_model: str | None = _help("the model's name there", metavar="NAME")
    endpoint_key: str | None = _help(
        "variable of the environment that holds its key (default: AUTOGPT_ENDPOINT_KEY or OPENAI_API_KEY)",
        metavar="VARIABLE",
    )
    price_in: float | None = _help("price of a million tokens that it reads", metavar="MONEY")
    price_out: float | None = _help("price of a million tokens that it writes", metavar="MONEY")
    price_training: float | None = _help(
        "price of a million tokens that it is trained on, each pass counted (--methods hosted)", metavar="MONEY"
    )
    max_cost: float | None = _help("most money that it may cost, by these prices, the test included", metavar="MONEY")
    concurrency: int = _help("requests that are sent at the same time", 4, metavar="NUMBER")

    def __post_init__(self) -> None:
        if self.endpoint is not None:
            object.__setattr__(self, "endpoint", checked(self.endpoint))
        if self.endpoint_key is not None and not re.fullmatch(r"[A-Za-z_][A-Za-z0-9_]*", self.endpoint_key):
            raise ConfigError("endpoint_key must be the name of a variable of the environment, never the key itself")
        _check(
            self,
            *((name, getattr(self, name) is None or 0 <= getattr(self, name) < float("inf"), "0 or more")
              for name in ("price_in", "price_out", "price_training", "max_cost")),
            ("concurrency", 1 <= self.concurrency <= 64, "between 1 and 64"),
        )  # fmt: skip


PLANNERS = ("rules", "llm")


@dataclass(frozen=True, slots=True)
class Guide:
    """What advises the ladder: a language model (`autopilot/planner.py`), and what past runs came to."""

    planner: str = _help(
        "who proposes what is tried: rules, or llm: rules and a language model, which is told statistics and label "
        "names, never rows",
        "rules",
        metavar="PLANNER",
    )
    planner_endpoint: str | None = _help(
        "address of the planner's OpenAI-compatible endpoint (default: that of --endpoint)", metavar="URL"
    )
    planner_model: str | None = _help("the planner's name there", metavar="NAME")
    planner_key: str | None = _help(
        "variable of the environment that holds the planner's key (default: as for --endpoint)", metavar="VARIABLE"
    )
    planner_price_in: float | None = _help("price of a million tokens that the planner reads", metavar="MONEY")
    planner_price_out: float | None = _help("price of a million tokens that the planner writes", metavar="MONEY")
    planner_max_cost: float | None = _help("most money that the planner may cost, by these prices", metavar="MONEY")
    remember: bool = _help("keep what this run came to on this machine, and begin from what like runs came to", False)

    def __post_init__(self) -> None:
        _check(self, ("planner", self.planner in PLANNERS, f"one of {', '.join(PLANNERS)}"))
        own = (self.planner_model, self.planner_key, self.planner_price_in, self.planner_price_out)
        if self.planner_endpoint is None and (*own, self.planner_max_cost) != (None,) * 5:
            raise ConfigError("these settings are of the planner's own endpoint; name it with --planner-endpoint")
        if self.planner_endpoint is not None:
            object.__setattr__(self, "planner_endpoint", checked(self.planner_endpoint))
            if self.planner != "llm":
                raise ConfigError("--planner-endpoint is of a planner that is asked; give --planner llm as well")

    def remote(self, usual: Endpoint) -> Endpoint:
        """The endpoint that the planner is asked at: its own, or the one that the run may ask."""
        if self.planner_endpoint is None:
            return usual
        return Endpoint(
            endpoint=self.planner_endpoint,
            endpoint_model=self.planner_model,
            endpoint_key=self.planner_key,
            price_in=self.planner_price_in,
            price_out=self.planner_price_out,
            max_cost=self.planner_max_cost,
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
    compute: Compute = field(default_factory=Compute)
    experiments: Experiments = field(default_factory=Experiments)
    adaptive: Adaptive = field(default_factory=Adaptive)
    scratch: Scratch = field(default_factory=Scratch)
    remote: Endpoint = field(default_factory=Endpoint)
    guide: Guide = field(default_factory=Guide)

    def __post_init__(self) -> None:
        object.__setattr__(self, "time_limit", seconds(self.time_limit))
        object.__setattr__(self, "output", str(Path(self.output)))
        _check(self, ("seed", self.seed >= 0, "0 or more"))
        if self.source.offline and self.remote.endpoint is not None:
            raise OfflineError(f"--offline forbids asking {self.remote.endpoint}; leave --endpoint or --offline out")
        asked = self.guide.remote(self.remote).endpoint
        if self.guide.planner == "llm" and asked is None:
            raise ConfigError("--planner llm asks a language model; name it with --endpoint or --planner-endpoint")
        if self.guide.planner == "llm" and self.source.offline:
            raise OfflineError(f"--offline forbids asking {asked}; leave --planner llm or --offline out")


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
    anchor: float | None = _help(
        "how dear it is to move a text's vector away from where it was (default: 0.1 of an encoder without a head over "
        "its vocabulary, as sentence encoders are, else 0)",
        metavar="NUMBER",
    )

    def __post_init__(self) -> None:
        _check(
            self,
            ("anchor", self.anchor is None or 0 <= self.anchor < float("inf"), "0 or more"),
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
        _check(self, ("batch", self.batch >= 1, "1 or more"), ("check", 0 <= self.check <= 0.9, "between 0 and 0.9"))


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
    endpoint_rows: int = _help("most texts that an endpoint votes on", 200, metavar="NUMBER")

    def __post_init__(self) -> None:
        _check(self, ("endpoint_rows", self.endpoint_rows >= 1, "1 or more"))


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
