"""What a run may be told: its sections, and `RunConfig` that holds them. Checks stand in `__post_init__`."""

from __future__ import annotations

import re
from dataclasses import dataclass, field, replace
from pathlib import Path
from urllib.parse import urlsplit

from autogpt.errors import ConfigError, OfflineError
from autogpt.exchange import checked
from autogpt.setting import check as _check
from autogpt.setting import setting as _help
from autogpt.units import byte_count, seconds

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
    backbone: str | None = _help(
        "folder, Hub name or embedded encoder (default: all-MiniLM-L6-v2; for texts that are not English "
        "multilingual-e5-small, if it is installed)",
        metavar="NAME",
    )
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
SHOWING = ("likeness", "search")


@dataclass(frozen=True, slots=True)
class Experiments:
    """What follows once each method was tried (`autopilot/search.py`)."""

    search: str = _help(
        "how other options of the best methods are found, while more may help: tpe (what did well elsewhere first, "
        "then by a model of the scores), random, or off",
        "tpe",
        metavar="SAMPLER",
    )
    storage: str | None = _help(
        "database that the search's study is kept in, postgresql+psycopg://user@host/name or sqlite:///file "
        "(default: a file in the run's folder)",
        metavar="URL",
    )
    demonstrations: str = _help(
        "how the rows are chosen that a language model behind an endpoint is shown: likeness (to each row), or search: "
        "also the same rows for all, found by trying on training rows, where these do better",
        "likeness",
        metavar="HOW",
    )

    def __post_init__(self) -> None:
        _check(
            self,
            ("search", self.search in SAMPLERS, f"one of {', '.join(SAMPLERS)}"),
            ("demonstrations", self.demonstrations in SHOWING, f"one of {', '.join(SHOWING)}"),
        )
        if self.storage is not None:
            found = urlsplit(self.storage)
            _check(self, ("storage", bool(found.scheme and "://" in self.storage), "a URL such as sqlite:///file"))
            if found.password is not None:
                raise ConfigError(
                    "storage has a password, which would be kept in the run's folder; give it in PGPASSWORD"
                )

    @property
    def asking(self) -> dict[str, bool]:
        """Options of `few-shot`."""
        return {"searches": True} if self.demonstrations == "search" else {}


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
    adapt_objective: str = _help("what it has to tell of the texts", "masked", kind="objectives")
    adapt_words: int = _help(
        "most words that get a token of their own before that, where the texts' words are split badly (0: none)",
        0,
        metavar="NUMBER",
    )
    adapt_joint: float = _help(
        "weight of the same loss beside the labels' own while a method trains the encoder, falling to 0 (0: none)",
        0.0,
        metavar="NUMBER",
    )

    def __post_init__(self) -> None:
        _check(
            self,
            ("adapt", self.adapt in ADAPT, f"one of {', '.join(ADAPT)}"),
            ("adapt_share", 0 < self.adapt_share <= 0.9, "more than 0, and at most 0.9"),
            ("adapt_words", self.adapt_words >= 0, "0 or more"),
            ("adapt_joint", 0 <= self.adapt_joint < float("inf"), "0 or more"),
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
    """Where trials are worked on, and by how many processes each."""

    executor: str | None = _help(
        "who works on trials (default: the run itself, one after another)", kind="executors", metavar="NAME"
    )
    workers: int | None = _help(
        "trials at the same time (default: 1; with ray one per GPU, or per machine)", metavar="NUMBER"
    )
    address: str | None = _help("address of a Ray cluster, or auto (default: Ray is started here)", metavar="ADDRESS")
    data_parallel: int = _help(
        "processes of this machine that compute each batch of one training together (data parallelism)",
        1,
        metavar="NUMBER",
    )

    def __post_init__(self) -> None:
        here = self.data_parallel == 1 or self.chosen != "ray"
        _check(
            self,
            ("workers", self.workers is None or 1 <= self.workers <= 1024, "between 1 and 1024"),
            ("data_parallel", 1 <= self.data_parallel <= 64, "between 1 and 64"),
            ("data_parallel", here, "1 with Ray, which spreads trials and not one training; or leave Ray out"),
        )

    @property
    def chosen(self) -> str | None:
        """The executor, named or meant: who gives an address means Ray, who only says how many means this machine."""
        return self.executor or ("ray" if self.address else "local" if self.workers else None)


@dataclass(frozen=True, slots=True)
class Serving:
    """What the model may cost where it is used; a dearer one teaches a smaller one (`autopilot/distilling.py`)."""

    max_latency: float | None = _help(
        "most milliseconds that an answer to one row may take, measured on this machine", metavar="MILLISECONDS"
    )
    max_size: str | None = _help("most disk that the saved model may take (20MB, 1GB)", metavar="SIZE")

    def __post_init__(self) -> None:
        _check(self, ("max_latency", self.max_latency is None or self.max_latency > 0, "more than 0"))
        byte_count(self.max_size, of="max_size")

    @property
    def most_bytes(self) -> int | None:
        """`max_size` in bytes."""
        return byte_count(self.max_size, of="max_size")

    @property
    def given(self) -> str:
        """The limits that are given, as flags; empty where there are none."""
        latency = f"--max-latency {self.max_latency:g}" if self.max_latency is not None else ""
        size = f"--max-size {self.max_size}" if self.max_size is not None else ""
        return " ".join(filter(None, (latency, size)))


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


@dataclass(frozen=True, slots=True)
class Teaching:
    """Who writes targets for rows that have none, where answers are written (`regimes/teaching.py`)."""

    teacher: str | None = _help(
        "who writes targets for rows without one, to be learned from: endpoint (that of --endpoint, itself then "
        "tried only where --methods names few-shot) or the folder of a saved model",
        metavar="TEACHER",
    )
    teacher_rows: int = _help("most rows that a teacher writes", 1000, metavar="NUMBER")
    teacher_share: float = _help(
        "share of the time limit that is kept for writing targets and for learning from them", 0.6, metavar="SHARE"
    )

    def __post_init__(self) -> None:
        _check(
            self,
            ("teacher_rows", self.teacher_rows >= 1, "1 or more"),
            ("teacher_share", 0 < self.teacher_share < 1, "more than 0, and less than 1"),
        )


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
        if self.planner_endpoint is not None:
            object.__setattr__(self, "planner_endpoint", checked(self.planner_endpoint))

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
    teaching: Teaching = field(default_factory=Teaching)
    guide: Guide = field(default_factory=Guide)
    serving: Serving = field(default_factory=Serving)

    def __post_init__(self) -> None:
        object.__setattr__(self, "time_limit", seconds(self.time_limit))
        object.__setattr__(self, "output", str(Path(self.output)))
        _check(self, ("seed", self.seed >= 0, "0 or more"))
        if self.source.offline and self.remote.endpoint is not None:
            raise OfflineError(f"--offline forbids asking {self.remote.endpoint}; leave --endpoint or --offline out")
