"""The types that every room of the house shares. Standard library only at run time.

The waist between data, model and answer is a table of numbers, `Scores`:

    inputs -> Scorer.score -> Scores -> Output.probabilities -> Output.decode -> Prediction

A task says how a row becomes an `Example` and which *output kind* it has; a method makes a `Scorer`; neither knows
the other. Shapes: N rows, C classes, T_i tokens and K_i candidates of row i.

| output kind | target of an example | scores            | answer                  |
|-------------|----------------------|-------------------|-------------------------|
| `classes`   | label                | [N, C]            | one label               |
| `path`      | label (its steps)    | [N, C]            | one label, its steps    |
| `labels`    | tuple of labels      | [N, C]            | any number of labels    |
| `value`     | float                | [N, 1] (scaled)   | a number                |
| `tokens`    | tuple of tags        | list of [T_i, C]  | a tag per token         |
| `ranking`   | tuple of labels      | [N, C]            | labels, best first      |
| `choices`   | tuple of relevances  | list of [K_i, 1]  | the candidates in order |
| `span`      | `GoldAnswers`        | list of [T_i+1, 2]| a part of the text      |
| `text`      | text                 | list of [B_i, 2]  | a text (B_i bytes)      |
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol, runtime_checkable

if TYPE_CHECKING:
    import numpy as np
    import torch

    Array = np.ndarray[Any, np.dtype[Any]]
    Scores = Array | list[Array]

ONE_LABEL = frozenset({"classes", "path"})
"""Output kinds with one label per row: a target is a string, scores are a softmax over the label space."""

Inputs = Mapping[str, Any]
"""What a model reads. Keys: `text`, `text_pair` (a second text), `marks` (two spans (start, end) of `text`, in
characters), `choices` (a tuple of texts, with `names`, what the user calls each, where that is not its text) or
`tokens` (a tuple of words, with their `offsets` in `text` where one is known), and a `question` about them; or
`source`, what is written from, and `controls`, lines before it that say how; or `messages`, a dialogue up to what is
written: a tuple of (role, text) by `system`, `user`, `assistant` and `tool`, and `tools`, a tuple of JSON texts."""

Row = Mapping[str, Any]
"""One raw record: column name -> string, number, list, dict or None."""


@dataclass(frozen=True, slots=True)
class Rejection:
    """A row that could not be used: where it stood and why."""

    origin: str
    line: int | None
    reason: str


@dataclass(frozen=True, slots=True)
class Table:
    """Rows as they were read, with every row accounted for: rows in = len(rows) + len(rejected) + `left` (not drawn;
    an estimate, `about`, where most of the source was not read).

    `lines[i]` is the place of row i in its origin (from 1), `splits[i]` the split that the source names for it
    (`train`, `validation`, `test`) or None. Of rows made of others (turns of a dialogue, see `Expanding`), `read` is
    the table as it was read, `made[i]` the places of its rows that row i is of.
    """

    rows: Sequence[Row]
    columns: tuple[str, ...]
    origin: str
    lines: Sequence[int] = ()
    splits: Sequence[str | None] = ()
    rejected: tuple[Rejection, ...] = ()
    notes: tuple[str, ...] = ()
    read: Table | None = None
    made: Sequence[tuple[int, ...]] = ()
    left: int = 0
    about: bool = False

    def __len__(self) -> int:
        return len(self.rows)


@dataclass(frozen=True, slots=True)
class Schema:
    """How the columns of a table are read.

    `text` has one column, or two for sentence pairs, or the columns that are `joined` to one text; for token tasks it
    is that of tokens (or of plain text when tags are spans). `target` is one column, or several when each label has a
    0/1 column of its own. `spans` are the columns that say which stretches of the text are meant, where it does not
    mark them. `choices` are the columns of candidates: one (a list per row, or a candidate per row that its group
    brings together), or one for each candidate. `numbering` is what the target calls the first candidate ("0", "1",
    "A", "a"), None where it gives a candidate's text; of spans over tokens, how their ends are counted. `turns` says
    how a dialogue is read: the fields of who speaks and of what is said, and what the one is called whose turns are
    learned; where each row is one turn these are columns, and a fourth orders them. `controls` say what is written.
    """

    task: str
    text: tuple[str, ...]
    target: tuple[str, ...] = ()
    group: str | None = None
    time: str | None = None
    split: str | None = None
    metadata: tuple[str, ...] = ()
    separator: str | None = None
    spans: tuple[str, ...] = ()
    choices: tuple[str, ...] = ()
    numbering: str | None = None
    joined: bool = False
    turns: tuple[str, ...] = ()
    controls: tuple[str, ...] = ()

    @property
    def texts(self) -> int:
        """How many texts a row has; columns that are joined are one."""
        return 1 if self.joined else len(self.text)

    @property
    def told(self) -> str:
        """The text columns as people are told of them: `a, b` for a pair, `a + b` for one text."""
        return (" + " if self.joined else ", ").join(self.text)


@dataclass(frozen=True, slots=True)
class Example:
    """One row seen through the schema. `id` is the row's index in its table, `more` those of rows that joined it."""

    id: int
    inputs: Inputs
    target: Any = None
    weight: float = 1.0
    more: tuple[int, ...] = ()

    @property
    def rows(self) -> int:
        """Rows of the table that stand in this example."""
        return 1 + len(self.more)


@dataclass(frozen=True, slots=True)
class LabelSpace:
    """What the numbers of a head mean: `labels` in column order, centre and scale of a value, or a text's `format`."""

    labels: tuple[str, ...] = ()
    center: float = 0.0
    scale: float = 1.0
    format: str | None = None


@dataclass(frozen=True, slots=True)
class Decision:
    """How scores become answers; every number is chosen on validation rows.

    `temperature` divides scores before softmax or sigmoid, `threshold` accepts a label of a multi-label task,
    `abstain_below` marks answers with less confidence as "not sure" (0 never abstains), `no_answer` is by how much "no
    answer" must be likelier than the best span of a text, in log probability, to be given; `none_bias` is added to what
    "no answer" scores after the temperature.
    """

    temperature: float = 1.0
    threshold: float = 0.5
    abstain_below: float = 0.0
    no_answer: float = 0.0
    none_bias: float = 0.0


@dataclass(frozen=True, slots=True)
class Span:
    """A labelled stretch of tokens [start, end) with its text, and its place in characters where one is known."""

    label: str
    start: int
    end: int
    text: str = ""
    char_start: int | None = None
    char_end: int | None = None


@dataclass(frozen=True, slots=True)
class GoldAnswers:
    """The right answers to a question about a text of `words` words; no spans: the text does not tell."""

    spans: tuple[Span, ...]
    words: int

    def __str__(self) -> str:
        return " / ".join(dict.fromkeys(span.text for span in self.spans))


@dataclass(frozen=True, slots=True)
class Prediction:
    """One answer: the value in the user's own words, how sure, what came second, whether the model abstains.

    `best`: the first answers where the answer is an order, best first, each with its probability; or the
    steps of a path from its top, each with the probability of all labels at or below it.
    """

    value: Any
    confidence: float | None = None
    runner_up: str | None = None
    abstained: bool = False
    spans: tuple[Span, ...] = ()
    best: tuple[tuple[Any, float], ...] = ()


@dataclass(frozen=True, slots=True)
class Step:
    """What training yields. `scores` is set after a validation pass; `is_best` when it improved."""

    step: int
    total: int
    loss: float
    rows: int
    tokens: int
    seconds: float
    scores: Mapping[str, float] | None = None
    is_best: bool = False
    note: str = ""


class Output(Protocol):
    """An output kind: the only place that knows what the columns of a score table mean.

    `token_level`: a row's scores are a table with a row per token. `linear`: its loss is a sum over rows (or tokens) of
    a score table, so that a linear head can be solved on frozen features.
    """

    name: str
    token_level: bool
    linear: bool

    def space(self, targets: Sequence[Any]) -> LabelSpace:
        """Label space of training targets (sorted labels; mean and deviation of values)."""

    def size(self, space: LabelSpace) -> int:
        """Columns of the head."""

    def encode(self, targets: Sequence[Any], space: LabelSpace) -> Any:
        """Targets as numbers: int64 [N] | int64 [N, R] | float32 [N, C] | float32 [N], or a list of int64 [T_i (+ 1)] |
        float32 [T_i, C] | float32 [K_i] where a row's scores are a table of their own; -100 is ignored."""

    def prior(self, encoded: Any, space: LabelSpace) -> Array:
        """Scores [C] of the best constant answer to encoded targets."""

    def loss(self, logits: torch.Tensor, target: torch.Tensor, class_weight: torch.Tensor | None) -> torch.Tensor:
        """Per-example loss [B], never reduced."""

    def probabilities(self, scores: Scores, space: LabelSpace, decision: Decision) -> Scores:
        """Scores to probabilities (for `value`: to the user's unit)."""

    def decode(
        self, scores: Scores, space: LabelSpace, decision: Decision, inputs: Sequence[Inputs]
    ) -> list[Prediction]:
        """Scores to answers."""


class Task(Protocol):
    """What is learned: how a row becomes an example, and which numbers judge the answers."""

    name: str
    output: str
    metrics: tuple[str, ...]
    summary: str

    def inputs(self, row: Row, schema: Schema) -> Inputs:
        """The model's side of a row. Raises ValueError with the reason when the row cannot be used."""

    def target(self, row: Row, schema: Schema) -> Any:
        """The answer's side of a row. Raises ValueError with the reason when it cannot be used."""

    def samples(self, text: str, schema: Schema) -> Sequence[Inputs]:
        """Inputs made of any text, of the form that this task's rows have (a saved model is tried on them)."""


@runtime_checkable
class Gathering(Protocol):
    """A task whose examples may be made of several rows of a table."""

    def gather(self, table: Table, schema: Schema) -> Iterator[tuple[tuple[int, ...], Row]]:
        """The places of rows that make one example, and the row that they make; each place is given once."""


@runtime_checkable
class Expanding(Protocol):
    """A task that makes several examples of a row of a table: a dialogue has as many as it has turns to learn."""

    def expand(self, table: Table, schema: Schema) -> Table:
        """A table with a row per example, which knows what it was made of (`Table.read`, `Table.made`); every row of
        the given one is in it. What one row was made into stays on one side of a split."""


@runtime_checkable
class Searching(Protocol):
    """A task whose answers stand in the rows themselves: several may be right, and all rows say which there are."""

    def unite(self, examples: Sequence[Example]) -> list[Example]:
        """The examples with those that ask the same brought together; the ids of all but the first in `more`."""

    def corpus(self, rows: Sequence[Row], schema: Schema) -> list[Any]:
        """Targets that hold every label there is, whichever side of the split its rows are on."""


class Metric(Protocol):
    """A score of answers against gold targets.

    `probabilities` is the score table after `Output.probabilities` (for metrics that need it), `space` its columns.
    """

    name: str
    higher_is_better: bool
    decimals: int

    def __call__(
        self, gold: Sequence[Any], predicted: Sequence[Any], probabilities: Scores | None, space: LabelSpace
    ) -> float: ...


@dataclass(frozen=True, slots=True)
class Making:
    """What a backbone that is made from nothing is made of: `texts()` of the rows to learn from, a shape, a seed."""

    texts: Callable[[], Sequence[str]] = tuple
    shape: Any = None
    seed: int = 0


class Scorer(Protocol):
    """A fitted model: inputs to scores. Saved as plain files that need no pickle."""

    family: str

    def score(self, inputs: Sequence[Inputs], *, batch_rows: int = 64) -> Scores: ...

    def save(self, folder: Path) -> None: ...


@dataclass(frozen=True, slots=True)
class Batch:
    """Tensors of one step. B rows, T tokens (padded to the longest), `index` the rows' places in the data set."""

    inputs: Mapping[str, torch.Tensor]
    target: torch.Tensor
    weight: torch.Tensor
    index: torch.Tensor
    tokens: int


class Trainable(Protocol):
    """What the training loop needs of a model, and all it may know about it."""

    module: torch.nn.Module

    def lengths(self) -> Sequence[int]:
        """Tokens per training row, for length-bucketed batches. Length N of the training set."""

    def batch(self, rows: Sequence[int]) -> Batch:
        """The training rows with these places, on the module's device."""

    def forward(self, batch: Batch) -> torch.Tensor:
        """Logits [B, C], [B, T, C], or those of all candidates of the rows [K_1 + ... + K_B, 1]."""

    def loss(self, logits: torch.Tensor, batch: Batch) -> torch.Tensor:
        """Per-example loss [B]."""

    def groups(self) -> list[dict[str, Any]]:
        """Parameter groups for the optimizer; `lr_scale` (default 1) multiplies the learning rate, and `matrices` are
        weights of linear layers that begin at random (default: they are not told apart)."""

    def after_step(self, step: int, total: int) -> None:
        """Told after optimizer step `step` (from 1) of `total`, with gradients in place, before anything is saved."""


class Features(Protocol):
    """Frozen features of a backbone, computed once per run."""

    def get(self, inputs: Sequence[Inputs], *, seconds: float | None = None) -> tuple[list[int], Scores]:
        """Places of the rows that were reached within `seconds`, in order, and their features ([n, D] or a list)."""

    def encoder(self) -> Any:
        """The encoder that reads."""

    @property
    def free(self) -> Array | None:
        """Directions [K, D] that a linear head may use without regularisation (see `probe.Rows`)."""

    @property
    def rows_per_second(self) -> float | None:
        """Measured reading speed; None before anything was read."""

    @property
    def once_seconds(self) -> float:
        """Seconds spent on what a later trial need not repeat: loading the encoder, reading texts."""


@dataclass(frozen=True, slots=True)
class Job:
    """Everything a method may use to fit one trial. Services are injected, so methods import nothing above them.

    * `open()`: the run's backbone, freshly loaded, with a head of zeros for this output.
    * `remaining()`: seconds left; a method must be done, saved state included, at 0. `room()`: bytes to plan with.
    * `judge(scores)`: the task's metrics of validation scores. `features`: frozen, read once per run for all trials.
    * `remote()`: the language model behind the endpoint that the user named (`endpoint.Remote`); ConfigError: none is.
    * `advice()`: linear heads on features, by name, that saw no label; `goal`, `prompts`: the user's (`prompting`).
    * `chosen`: what the method itself chose; a refit on all rows gets it back, as options or else as `settled`.
    * `validated`: the fitted scorer's scores of validation rows, if known. `tell(message, **numbers)`: a decision.
    * `loop(trainable, settings, validate)`: the training loop, a generator of Steps. `settings`: `LoopOptions`, `whole`
      (no batch is torn apart), `part` (which of several trainings); `validate` picks the best weights (None: the last).
    """

    train: Sequence[Example]
    validation: Sequence[Example]
    output: Output
    space: LabelSpace
    metric: Metric
    open: Callable[[], Any]
    folder: Path
    seed: int
    remaining: Callable[[], float]
    judge: Callable[[Scores], Mapping[str, float]]
    features: Features
    loop: Callable[[Trainable, Mapping[str, Any], Callable[[], Mapping[str, float]] | None], Iterator[Step]]
    options: Any = None
    room: Callable[[], int] = lambda: 1 << 60
    advice: Callable[[], Mapping[str, Any]] = dict
    remote: Callable[[], Any] = lambda: None
    goal: str = ""
    prompts: Sequence[Any] = ()
    tell: Callable[..., None] = lambda message, **numbers: None
    chosen: dict[str, Any] = field(default_factory=dict)
    settled: Mapping[str, Any] = field(default_factory=dict)
    validated: list[Scores] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)


class Method(Protocol):
    """How a model is fitted. `fit` yields Steps and returns the fitted scorer (the generator's return value).

    One with `needs_endpoint = True` asks `job.remote()`, and is tried only where the user named an endpoint; with
    `takes_descriptions` it finds descriptions of labels in `job.train` (id -1), with `takes_soft_targets` soft targets.
    """

    name: str
    summary: str
    needs_backbone: bool
    outputs: frozenset[str]
    options: type[Any]

    def fit(self, job: Job) -> Iterator[Step]: ...
