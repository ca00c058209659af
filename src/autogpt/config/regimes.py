"""What other regimes than an ordinary run may be told beside it (`regimes/`, `labelling/`)."""

from __future__ import annotations

from dataclasses import dataclass

from autogpt.setting import check as _check
from autogpt.setting import setting as _help


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
    new_words: int = _help(
        "most words that get a token of their own, where the texts' words are split badly (0: none)",
        0,
        metavar="NUMBER",
    )

    def __post_init__(self) -> None:
        _check(
            self,
            ("new_words", self.new_words >= 0, "0 or more"),
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


@dataclass(frozen=True, slots=True)
class Distilling:
    """How a saved model teaches a smaller one (`regimes/distilling.py`)."""

    into: str | None = _help(
        "who learns: METHOD, or METHOD/BACKBONE (a folder or Hub name), as tfidf or full/some/encoder",
        metavar="STUDENT",
    )
    temperature: float = _help(
        "softens what the teacher says: 1 as sure as it is, more for what else might be", 1.0, metavar="NUMBER"
    )
    trust: float | None = _help(
        "share of a row's own label in what is learned of it, where it has one (default: 0.5; 1 where the teacher "
        "learned from these rows)",
        metavar="SHARE",
    )

    def __post_init__(self) -> None:
        _check(
            self,
            ("temperature", 0 < self.temperature < float("inf"), "more than 0"),
            ("trust", self.trust is None or 0 <= self.trust <= 1, "between 0 and 1"),
        )
