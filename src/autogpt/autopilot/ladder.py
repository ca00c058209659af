"""The ladder: from cheap to dear, each rung only when its measured cost fits into what is left.

Costs are in units of reading: a row that is trained through all layers costs about as much as reading it 3.5 times
(forward, twice that backward, and the optimizer), and a row that is trained through the top k of L layers k/L of it.
Fine-tuning leaves learned rows out of its steps (`training.pruning`), which saves about a quarter of that.
"""

from __future__ import annotations

import statistics
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace

from autogpt import registry
from autogpt.autopilot.trial import Candidate, Result
from autogpt.core import ONE_LABEL, Example, Output

CHEAP = ("majority", "tfidf", "bm25")
ORDERED = ("head", "bi-encoder", "hybrid", "retriever", "self-training", "contrastive", "full", "cross-encoder")
TRAIN_COST, PRUNED = 3.5, 0.75
FEW_ROWS_PER_LABEL = 64
LEAST_ANCHORS, ANCHORS, ANCHORS_PER_ROW = 300, (400, 3000), 24
"""Of 102 rows of two labels 1,200 anchors were better than 400 by 1.4 points on the mean of four sets, 2,400 than 1,200
by 1.5 on the mean of three, and 4,800 no better."""
VERY_FEW, REFIT = 24.0, 1.3
"""With fewer rows of a label the fit on all rows, validation rows too, is worth more than a further trial is (with
8: 4 points, EXPERIMENTS.md), so that it keeps its time: so much more than a trial takes, besides the rows that join."""
FEW_BESIDE_UNLABELLED = 32
"""With more, rows without a label added nothing (with 4, 8, 16, 32: 3.2, 1.7, 1.3 and 0.7 points; EXPERIMENTS.md)."""
SAFETY = 0.85
ENOUGH, LEAST_STEPS = 0.9, 400
"""The encoder reads no texts where the linear head comes to more than this, of a score from 0 to 1, or where fewer
steps of 16 texts fit: half as many go into a head over the vocabulary alone."""
FULL: Mapping[str, Mapping[str, object]] = {
    "tokens": {"learning_rate": 2e-4, "embeddings": True, "dropout": True},
    "span": {"learning_rate": 3e-4},
    "text": {"learning_rate": 3e-4, "embeddings": True, "dropout": True, "batch_rows": 32, "prune": 0.0},
}
"""Options of full fine-tuning where others than its defaults were measured to be better, by output (EXPERIMENTS.md)."""
SCRATCH: Mapping[str, object] = {"learning_rate": 2e-3, "batch_rows": 32}
"""Options of a language model whose weights were drawn at random, in place of those of `FULL`."""
SCRATCH_EPOCHS = 40.0
"""Passes of such a model, at most; the loop plans with as many as time allows, and keeps the best weights."""
LEAST_READ_ROWS, MEASURED = 300, 200
LEAST_PASSED_ROWS, LEAST_PASSED_PER_LABEL = 800, 32
"""All layers train where so many rows fit into the time (whichever are more): in half of the time they were still as
good as the top two over all rows, but with 28 rows of each of 77 labels worse than a linear head (EXPERIMENTS.md)."""
HOSTED = "a model tuned by the server, as you asked"
LOAD_SECONDS, GUESSED_ROWS_PER_SECOND = 7.0, 100.0
"""Believed before the first encoder of a run was loaded and has read anything: a small one on two slow cores."""


@dataclass(frozen=True, slots=True)
class Facts:
    """What the ladder looks at. `rows_per_second()` is the measured reading speed of the backbone (None: not yet)."""

    train: Sequence[Example]
    validation: int
    output: Output
    layers: Callable[[], int]
    rows_per_second: Callable[[], float | None]
    remaining: Callable[[], float]
    device: Callable[[], str]
    allowed: Sequence[str]
    has_backbone: bool
    backbone_problem: str = ""
    named: bool = False
    """Whether the user named the methods: then each is tried, if time allows it at all."""
    measure: Callable[[], object] = lambda: None
    """Reads a few rows, so that `rows_per_second` is known: of long texts a guess would be ten times too high."""
    exact: Callable[[], float] = lambda: 1.0
    """How much longer reading takes in float32, in which activations are kept, than it was measured to take."""
    unlabelled: int = 0
    """Rows without a label that can be learned from."""
    scratch: bool = False
    """Whether the backbone is made from nothing."""
    corpus: int = 0
    """Texts beside the rows that each trial of an encoder reads: the passages of a ranking."""
    adapting: float | str = ""
    """Seconds in which the encoder may read the texts before it is tuned, or why it does not (empty: nobody asked)."""
    always: bool = False
    """Whether the user wants it to, whatever speaks against it."""
    asking: Mapping[str, object] = field(default_factory=dict)
    """Options of the language model behind the endpoint."""


def rungs(facts: Facts, results: Sequence[Result]) -> Iterator[Candidate | str]:
    """Candidates in order; a string says what is left out and why. `results` grows while the caller runs trials."""
    for method in CHEAP:
        if method in facts.allowed:
            yield Candidate(method, reason="a baseline that costs seconds")
    asking = [name for name in facts.allowed if needs_endpoint(name)]
    if "few-shot" in asking:
        yield Candidate("few-shot", facts.asking, reason="the language model behind the endpoint that you named")
    neural = [name for name in facts.allowed if name not in CHEAP and name not in asking]
    if neural and not facts.has_backbone:
        yield f"no encoder is tried: {facts.backbone_problem}"
    else:
        yield from _neural(facts, neural, results)
    if facts.named:
        yield from (Candidate(name, reason=HOSTED) for name in asking if name != "few-shot")


def order(facts: Facts) -> list[str]:
    """Methods that may be tried, as the ladder has them; nothing is measured or read."""
    asking = [name for name in facts.allowed if needs_endpoint(name)]
    others = [name for name in facts.allowed if name not in (*CHEAP, *ORDERED, *asking)]
    found = [name for name in CHEAP if name in facts.allowed] + [name for name in asking if name == "few-shot"]
    if facts.has_backbone:
        found += [name for name in ORDERED if name in facts.allowed and _may(facts, name)]
        found += [name for name in others if facts.named or name == "lora"]
    return found + [name for name in asking if facts.named and name != "few-shot"]


def _may(facts: Facts, name: str) -> bool:
    """Whether a method that is for some data only is for this."""
    if facts.named:
        return True
    if name == "self-training":
        return facts.unlabelled > 0
    return name != "cross-encoder" or "text_pair" in facts.train[0].inputs


def _neural(facts: Facts, neural: Sequence[str], results: Sequence[Result]) -> Iterator[Candidate | str]:
    """What reads with an encoder, or trains one."""
    if "head" in neural:
        yield _head(facts)
    if neural and facts.adapting != "":
        yield _adapting(facts, neural, results)
    if "bi-encoder" in neural:
        yield _vectors(facts, "bi-encoder", "reads every passage once; nothing is trained")
    if "hybrid" in neural:
        yield _vectors(facts, "hybrid", "words and vectors miss different passages")
    if "retriever" in neural:
        yield _retriever(facts)
    if "self-training" in neural and (facts.named or facts.unlabelled):
        yield _self_training(facts)
    if "contrastive" in neural:
        yield _contrastive(facts)
    if "full" in neural:
        yield from _full(_with_time_for_refit(facts, results))
    if "cross-encoder" in neural and (facts.named or "text_pair" in facts.train[0].inputs):
        yield _cross_encoder(facts)
    for method in neural:
        if method not in ORDERED and (facts.named or method == "lora"):
            yield _adapters(facts, method)


def needs_endpoint(method: str) -> bool:
    """Whether a method asks a language model behind an endpoint."""
    return getattr(registry.get("methods", method), "needs_endpoint", False) is True


def rows_per_label(rows: Sequence[Example], output: Output) -> float:
    """Median number of rows per label; infinite for outputs without one label a row."""
    if output.name not in ONE_LABEL:
        return float("inf")
    return float(statistics.median(Counter(example.target for example in rows).values()))


def _no_time(facts: Facts, method: str, needed: float, what: str = "are needed") -> str:
    """Why a method is left out: the seconds that it takes, and those that are left."""
    return f"{method} is left out: about {needed:.0f} s {what}, {max(0.0, facts.remaining()):.0f} s are left"


def _read_seconds(facts: Facts) -> float:
    """Seconds to read all training rows once; a careful guess before anything was measured."""
    return len(facts.train) / (facts.rows_per_second() or GUESSED_ROWS_PER_SECOND)


def _epoch_seconds(facts: Facts) -> float:
    """Seconds of one pass of fine-tuning through all layers."""
    return TRAIN_COST * PRUNED * _read_seconds(facts)


def _head(facts: Facts) -> Candidate | str:
    """All validation rows have to be read, and enough training rows to be worth it."""
    rate = facts.rows_per_second()
    rows = facts.validation + min(len(facts.train), LEAST_READ_ROWS)
    needed = rows / (rate or GUESSED_ROWS_PER_SECOND) + (0.0 if rate else LOAD_SECONDS)
    if needed > facts.remaining():
        return _no_time(facts, "head", needed, "are needed to read texts")
    seconds = (facts.validation + len(facts.train)) / (rate or GUESSED_ROWS_PER_SECOND)
    return Candidate("head", {}, seconds, "reads every text once; the features are kept for all later trials")


def _adapting(facts: Facts, neural: Sequence[str], results: Sequence[Result]) -> Candidate | str:
    """The encoder reads the texts, and a linear head says whether that pays: where there is much to be gained, and no
    time is taken from tuning that it needs."""
    if isinstance(facts.adapting, str):
        return facts.adapting
    seconds, reading = facts.adapting, _read_seconds(facts) * (1 + facts.validation / len(facts.train))
    heads = [next(iter(one.scores.values())) for one in results if one.method == "head" and not one.adapted]
    tuning = wanted_epochs(len(facts.train)) * _epoch_seconds(facts) if "full" in neural else 0.0
    why = ""
    if "head" not in neural or (results and not heads):
        why = "the linear head, which judges it, is not tried"
    elif 2 * reading > seconds:
        why = f"the texts are read in {reading:.0f} s, and it may take {seconds:.0f} s in all"
    elif not facts.always and (steps := (seconds - reading) / _step_seconds(facts)) < LEAST_STEPS:
        why = f"{steps:,.0f} steps fit into the {seconds:.0f} s that it may take, {LEAST_STEPS} are needed"
    elif not facts.always and heads and ENOUGH < heads[-1] <= 1.0:
        why = f"the linear head comes to {heads[-1]:.2f} without it"
    elif not facts.always and facts.remaining() * SAFETY - seconds < tuning:
        why = f"tuning itself can use the time: it wants {tuning:.0f} s, {max(0.0, facts.remaining()):.0f} s are left"
    if why:
        return f"adaptive training is left out: {why}"
    return Candidate("head", {}, seconds, "the encoder reads the texts first; kept if it pays", adapted=True)


def _step_seconds(facts: Facts) -> float:
    """Seconds of a step of training on texts, all layers, 16 at once."""
    return 16 * TRAIN_COST / (facts.rows_per_second() or GUESSED_ROWS_PER_SECOND)


def _vectors(facts: Facts, method: str, reason: str) -> Candidate | str:
    """All passages and all validation queries have to be read (once for all such methods), and no training rows."""
    rate = facts.rows_per_second()
    seconds = (facts.validation + facts.corpus) / (rate or GUESSED_ROWS_PER_SECOND) + (0.0 if rate else LOAD_SECONDS)
    if seconds > facts.remaining():
        return _no_time(facts, method, seconds)
    return Candidate(method, {}, seconds, reason)


def _retriever(facts: Facts) -> Candidate | str:
    """Each query is trained with its own passage and hard negatives; each validation reads the corpus anew."""
    options = registry.get("methods", "retriever").options()
    row = 1.0 / (facts.rows_per_second() or GUESSED_ROWS_PER_SECOND)
    texts = TRAIN_COST * (1 + options.negatives) * len(facts.train)  # a query is short beside its passages
    epoch = row * (texts + facts.corpus + facts.validation)
    fits = facts.remaining() * SAFETY - row * (len(facts.train) + facts.corpus)  # mining reads all of them first
    reachable = min(options.epochs, fits / epoch)
    if reachable < 0.5:
        return _no_time(facts, "retriever", epoch, "an epoch are needed")
    return Candidate(
        "retriever", {"epochs": round(reachable, 2)}, reachable * epoch, "the encoder tuned on the queries"
    )


def _self_training(facts: Facts) -> Candidate | str:
    """Rows without a label are read within a part of the time; labels of a person must be few to gain by them."""
    typical = rows_per_label(facts.train, facts.output)
    if typical > FEW_BESIDE_UNLABELLED and not facts.named:
        return f"self-training is left out: {typical:.0f} rows per label are enough without the others"
    rows = len(facts.train) + facts.validation + min(facts.unlabelled, LEAST_READ_ROWS)
    needed = rows / (facts.rows_per_second() or GUESSED_ROWS_PER_SECOND)
    if needed > facts.remaining():
        return _no_time(facts, "self-training", needed)
    reason = f"few rows per label ({typical:.0f}) beside {facts.unlabelled:,} rows without one"
    return Candidate("self-training", {}, needed, reason)


def _refit_cost(facts: Facts) -> float:
    """What a fit on training and validation rows costs beside a trial; nothing without validation rows."""
    return REFIT * (1 + facts.validation / len(facts.train)) if facts.validation else 0.0


def _with_time_for_refit(facts: Facts, results: Sequence[Result]) -> Facts:
    """With very few rows: the facts of a ladder that leaves the time for fitting `contrastive` again on all rows."""
    tuned = [one.refit_seconds for one in results if one.method == "contrastive"]
    if facts.named or not tuned or rows_per_label(facts.train, facts.output) >= VERY_FEW:
        return facts
    kept, remaining = _refit_cost(facts) * max(tuned), facts.remaining
    return replace(facts, remaining=lambda: remaining() - kept)


def _contrastive(facts: Facts) -> Candidate | str:
    if facts.output.name not in ONE_LABEL:
        return "contrastive is left out: it needs one label per row"
    typical = rows_per_label(facts.train, facts.output)
    if typical > FEW_ROWS_PER_LABEL and not facts.named:
        return f"contrastive is left out: {typical:.0f} rows per label are enough for fine-tuning itself"
    least, most = ANCHORS
    anchor = 2 * TRAIN_COST * _read_seconds(facts) / len(facts.train)
    fits = (facts.remaining() * SAFETY - _read_seconds(facts)) / anchor
    wanted = min(most, max(least, ANCHORS_PER_ROW * len(facts.train)))
    if typical < VERY_FEW:  # what follows is its own fit on all rows
        anchors = int(min(wanted, fits, max(LEAST_ANCHORS, fits / (1 + _refit_cost(facts)))))
    else:  # what follows has the other half
        anchors = int(min(wanted, fits, max(least, fits / 2)))
    if anchors < LEAST_ANCHORS:
        needed = _read_seconds(facts) + LEAST_ANCHORS * anchor
        return _no_time(facts, "contrastive", needed)
    seconds = _read_seconds(facts) + anchors * anchor
    return Candidate("contrastive", {"anchors": anchors}, seconds, reason=f"few rows per label ({typical:.0f})")


def _full(facts: Facts) -> Iterator[Candidate | str]:
    """All layers, over a part of the rows where time is short; the top two over cached activations with less time yet.

    On equal time one pass of all layers over half of the rows was better than one of the top layers over all of them.
    """
    if facts.rows_per_second() is None:
        if facts.remaining() <= (0.0 if facts.named else LOAD_SECONDS):
            yield _no_time(facts, "full", LOAD_SECONDS, "are needed to load the encoder")
            return
        facts.measure()
    if facts.output.name == "text":
        yield _writing(facts)
        return
    count, read, rows = facts.layers(), _read_seconds(facts), len(facts.train)
    epochs = wanted_epochs(rows)
    fits = facts.remaining() * SAFETY
    top, usual = min(2, count), FULL.get(facts.output.name, {})
    all_epoch = _epoch_seconds(facts)
    reachable, least = min(epochs, fits / all_epoch), _least_passed(facts)
    if reachable >= min(1.5, epochs) or reachable * rows >= least:
        part = f"over {reachable * rows:,.0f} of {rows:,} rows: a pass would need {all_epoch:.0f} s"
        reason = f"all layers, {'time allows it' if reachable >= 1 else part}"
        yield Candidate("full", {**usual, "epochs": round(reachable, 2)}, reachable * all_epoch, reason)
        return
    every = read * (1 + facts.validation / rows)  # validation rows are kept at the boundary as well
    top_epoch, boundary = all_epoch * top / count, facts.exact() * every * (count - top) / count
    reachable = min(epochs, (fits - boundary) / top_epoch)
    if reachable < 0.7:
        needed = min(boundary + 0.7 * top_epoch, all_epoch * least / rows)
        yield _no_time(facts, "full", needed)
        return
    options = {**usual, "layers": top, "epochs": round(reachable, 2)}
    seconds = boundary + reachable * top_epoch
    reason = f"the top {top} of {count} layers: all of them would need {all_epoch:.0f} s an epoch"
    yield Candidate("full", options, seconds, reason)


def _writing(facts: Facts) -> Candidate | str:
    """A language model that is tuned to write, or that begins from nothing. What is written is read as well."""
    lengths = [sum(len(str(one)) for one in (*row.inputs.values(), row.target)) for row in facts.train[:MEASURED]]
    sources = [sum(len(str(one)) for one in row.inputs.values()) for row in facts.train[:MEASURED]]
    epoch = _epoch_seconds(facts) / PRUNED * sum(lengths) / max(1, sum(sources))
    epochs = SCRATCH_EPOCHS if facts.scratch else wanted_epochs(len(facts.train))
    fits = facts.remaining() * SAFETY
    if fits / epoch * len(facts.train) < LEAST_PASSED_ROWS and fits < epoch:
        return _no_time(facts, "full", epoch, "an epoch are needed")
    options = {**FULL["text"], **(SCRATCH if facts.scratch else {}), "epochs": epochs}
    made = "made from nothing" if facts.scratch else "tuned"
    return Candidate("full", options, min(fits, epochs * epoch), f"a language model {made}, as far as time allows")


def _least_passed(facts: Facts) -> int:
    labels = len({example.target for example in facts.train}) if facts.output.name in ONE_LABEL else 1
    return max(LEAST_PASSED_ROWS, LEAST_PASSED_PER_LABEL * labels)


def _cross_encoder(facts: Facts) -> Candidate | str:
    """Pairs are read anew, together, before training: features of single texts are of no use."""
    epochs, epoch = wanted_epochs(len(facts.train)), _epoch_seconds(facts)
    reading = _read_seconds(facts) * (1 + facts.validation / len(facts.train))
    reachable = min(epochs, (facts.remaining() * SAFETY - reading) / epoch)
    if reachable < 0.7:
        needed = reading + 0.7 * epoch
        return _no_time(facts, "cross-encoder", needed)
    seconds = reading + reachable * epoch
    return Candidate("cross-encoder", {"epochs": round(reachable, 2)}, seconds, "the two texts of a pair read together")


def _adapters(facts: Facts, method: str) -> Candidate | str:
    """Methods that train a few parameters through all layers."""
    if facts.remaining() <= 0.0 and not facts.named:  # before the device is looked at, which takes seconds
        return _no_time(facts, method, LOAD_SECONDS, "are needed to load the encoder")
    if facts.device() == "cpu" and not facts.named:
        return f"{method} is left out: on a CPU it trains no faster than full fine-tuning of a small encoder"
    epochs = wanted_epochs(len(facts.train))
    all_epoch = _epoch_seconds(facts)
    reachable = min(epochs, facts.remaining() * SAFETY / all_epoch)
    if reachable < 0.5:
        return _no_time(facts, method, all_epoch, "an epoch are needed")
    return Candidate(method, {"epochs": round(reachable, 2)}, reachable * all_epoch, "few parameters, in all layers")


def wanted_epochs(rows: int) -> float:
    """Passes that small and large data want: about 400 steps of 32 rows at least, 3 passes at least, 10 at most."""
    return float(min(10.0, max(3.0, 400 * 32 / max(rows, 1))))
