"""Structure that changes while training: what trains is widened step by step, and each step must pay.

Forward selection ("Multiple regression analysis", Efroymson 1960) over what trains. It begins with the linear head
alone; an *action* lets more train: the top layers (`layers:2`), new low-rank adapters (`lora:16`), all layers (`all`).
Under an action the model trains for a period with an optimizer of its own and a rate that falls to 0 (warm restarts:
"SGDR", Loshchilov & Hutter 2017). Where the loss of held-out rows fell by more than noise, a paired t-test by row, the
weights stay and the same goes on. Where it did not, validation has stalled: the weights are put back to what they were
before that period, its optimizer is dropped, and the next action begins; after the last one training ends. "Universal
Language Model Fine-tuning" (ULMFiT, Howard & Ruder 2018) unfreezes on a schedule, `gradual` sooner where validation
stalls; neither takes back what did not help.

Each action begins with the function that the one before ended with. So a higher rank is a new adapter beside what the
lower one learned, which is merged by then, its B being 0 ("ReLoRA", Lialin et al. 2023), and from adapters to all
layers nothing jumps. Every verdict is written down before the next step: a stopped training goes on exactly.
"""

from __future__ import annotations

import json
import math
import re
import time
from collections.abc import Generator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from autogpt import files
from autogpt.core import Job, Scorer, Step
from autogpt.errors import ConfigError
from autogpt.methods import _finetune, _linear, _peft
from autogpt.methods._options import NEURAL, WRITTEN, FineTuning, loop_settings, option, peak_rate, step_rows

if TYPE_CHECKING:
    import torch

    from autogpt.core import Array, Scores

LISTS = ["layers:2,all", "lora:4,lora:16,all"]
"""Actions that the search tries."""
LEVEL = 0.1
"""How often a period that changed nothing would be kept (one-sided)."""
ADAPTER_RATE = 10.0
"""Learning rate of adapters in units of that of weights, as in the defaults of `lora` and `full`."""
TRAIN_COST, CAUTION = 3.5, 1.2
"""Before a period was measured: what training costs in units of reading; and what an estimate is multiplied by."""
RECORD = "actions.json"
"""In the trial's folder: the verdicts so far."""


@dataclass(frozen=True, slots=True)
class Action:
    """What trains: the top `layers` (None: all), or adapters of `rank` in all layers."""

    name: str
    layers: int | None = None
    rank: int | None = None

    def share(self, count: int) -> float:
        """What a pass costs, in passes through all `count` layers."""
        return self.layers / count if self.layers else 1.0


def parse(actions: str) -> list[Action]:
    """The actions that a text names; ConfigError where it names none."""
    found = []
    for name in (part.strip() for part in actions.split(",")):
        match = re.fullmatch(r"all|(layers|lora):([1-9]\d*)", name)
        if match is None:
            raise ConfigError(
                f"stepwise: actions has {name!r}; it must be layers:N, lora:RANK or all, as in layers:2,all"
            )
        size = int(match[2]) if match[2] else None
        found.append(Action(name, **{"layers": size} if match[1] == "layers" else {"rank": size}))
    return found


@dataclass(frozen=True, slots=True)
class Options(FineTuning):
    """Options of stepwise structure; `epochs` are passes in all, in passes through all layers."""

    learning_rate: float = peak_rate(1e-4, (1e-5, 5e-4))
    batch_rows: int = step_rows(16, (8, 64))
    actions: str = option("layers:2,all", "what may train, in order: layers:N (the top ones), lora:RANK, all", LISTS)
    periods: int = option(4, "periods that the passes are divided into; each is judged by held-out rows", (2, 8))

    def __post_init__(self) -> None:
        parse(self.actions)
        if self.periods < 1:
            raise ConfigError(f"stepwise: periods is {self.periods}; it must be 1 or more")


class Stepwise:
    """See `core.Method`."""

    name = "stepwise"
    summary = "fine-tuning that lets more layers train, or higher ranks, only where held-out rows gain by it"
    needs_backbone = True
    outputs = NEURAL | WRITTEN
    options = Options

    def fit(self, job: Job) -> Generator[Step, None, Scorer]:
        options = job.options or Options()
        encoder = job.open()
        _finetune.instruct(job, encoder)
        if job.output.linear:
            head, _ = _linear.fit(job, c=options.c, least=0.0, most=0.4)
            encoder.set_head(head.weight, head.bias)
        yield from _Climb(job, encoder, options).run()
        scorer: Scorer = encoder
        return scorer


@dataclass(frozen=True, slots=True)
class Verdict:
    """Mean loss of held-out rows `before` and `after` a period, and the standard error of their paired difference."""

    before: float
    after: float
    error: float
    rows: int
    kept: bool

    @classmethod
    def of(cls, before: Array, after: Array) -> Verdict:
        """Losses [n] of the same rows. One row tells no noise, and nothing is kept by it."""
        from scipy.stats import t

        gain, n = before - after, len(before)
        error = float(gain.std(ddof=1) / math.sqrt(n)) if n > 1 else math.inf
        kept = n > 1 and bool(gain.mean() > max(0.0, error * t.ppf(1 - LEVEL, n - 1)))
        return cls(float(before.mean()), float(after.mean()), error, n, kept)

    @property
    def numbers(self) -> dict[str, float | None]:
        """All but `kept`, as JSON has them: None for what is not finite."""
        told = {"before": self.before, "after": self.after, "error": self.error, "rows": self.rows}
        return {name: value if math.isfinite(value) else None for name, value in told.items()}

    def __str__(self) -> str:
        change = f"{self.before:.4f} -> {self.after:.4f}"
        return f"loss of {self.rows} held-out rows {change} (standard error of the difference {self.error:.4f})"


class _Climb:
    """Where training stands: the verdicts, what was spent, and the structure that trains now."""

    def __init__(self, job: Job, encoder: Any, options: Options) -> None:
        self.job, self.encoder, self.options = job, encoder, options
        self.actions = _fitting(parse(options.actions), encoder.layer_count)
        self.path = job.folder / RECORD
        self.record: list[dict[str, Any]] = json.loads(self.path.read_text("utf-8")) if self.path.is_file() else []
        self.plan: Sequence[str] | None = None
        self.period = options.epochs / options.periods
        if not job.validation:  # a refit repeats what was kept; where nothing can be judged, the last action has it all
            self.plan = job.settled.get("structure")
            if self.plan is None:
                self.plan, self.period = [self.actions[-1].name], options.epochs
        self.part, self.spent, self.steps, self.over = 0, 0.0, 0, False
        self.kept: list[str] = []
        self.losses: torch.Tensor | None = None
        self.scores: Scores | None = None
        self._latest: Scores | None = None
        rate = job.features.rows_per_second
        self.reading = (len(job.train) + len(job.validation)) / rate if rate else 0.0
        self.row_seconds = TRAIN_COST / rate if rate else 0.0
        self.judging = 2 * len(job.validation) / rate if rate else 0.0
        self.training: Any = None
        self.held: Any = None

    def run(self) -> Generator[Step, None, None]:
        """All actions in order; afterwards the encoder holds what was kept."""
        for action in self.actions:
            if not self.over:
                yield from self._take(action)
        job = self.job
        if self.training is None:
            self._see(Action("all"))
        self.encoder.net.eval()
        if job.validation:
            job.chosen["structure"] = self.kept
            undone = [one["action"] for one in self.record if not one["kept"]]
            told = [f"{what}: {', '.join(names)}" for what, names in (("kept", self.kept), ("undone", undone)) if names]
            job.notes.append(f"periods of training {'; '.join(told)}" if told else "no period of training was begun")
            job.validated.append(self.held.settled(self._read() if self.scores is None else self.scores, job))
        else:
            self.training.settle(job.settled)

    def _take(self, action: Action) -> Generator[Step, None, None]:
        """Periods under one action, until one does not pay."""
        is_open = False
        while True:
            passes = self._passes(action)
            if self.plan is not None:
                if [action.name] != list(self.plan[self.part : self.part + 1]):
                    break
            elif self.part < len(self.record):
                if not self.record[self.part]["kept"]:
                    self._count(action, passes)
                    break
            elif why := self._why_not(action, passes, is_open=is_open):
                self.over = True
                self._tell(f"{action.name} is not begun: {why}", action=action.name, begun=False)
                break
            if not is_open:
                self._open(action)
                is_open = True
            if not (yield from self._period(action, passes)):
                break
        if is_open and action.rank:
            _peft.merge(self.encoder, adapter=None, probe=[example.inputs for example in self.job.train[:8]])

    def _passes(self, action: Action) -> float:
        """Passes of the next period: what is left of all of them, where that is less."""
        left = (self.options.epochs - self.spent) / action.share(self.encoder.layer_count)
        return min(self.period, left) if self.plan is None else self.period

    def _why_not(self, action: Action, passes: float, *, is_open: bool) -> str:
        """Why a period is not begun: the passes are used up, or it could not be judged within the time limit."""
        if passes < self.period / 2:
            return f"the {self.options.epochs:g} passes are used up"
        share = action.share(self.encoder.layer_count)
        training = self.row_seconds * len(self.job.train) * passes * share
        opening = self.reading * (1 - share) * (not is_open)  # activations of frozen layers are read once
        needed, left = CAUTION * (opening + training + self.judging), self.job.remaining()
        return "" if needed <= left else f"about {needed:.0f} s are needed, {max(0.0, left):.0f} s are left"

    def _open(self, action: Action) -> None:
        """From now on this trains, from the function that was there."""
        self.encoder.net.requires_grad_(True)
        if action.rank:
            rank, seed = action.rank, self.job.seed + self.part
            config = lambda: _peft.low_rank(self.encoder, rank)  # noqa: E731
            _peft.attach_or_refuse(self.encoder, config, name=Stepwise.name, seed=seed)
        self._see(action)

    def _see(self, action: Action) -> None:
        """The rows as the loop sees them."""
        job = self.job
        shape = {"layers": action.layers, "embeddings": False, "dropout": False}
        self.training, self.held = (
            self.encoder.training(rows, output=job.output, space=job.space, **shape) if rows else None
            for rows in (job.train, job.validation)
        )

    def _period(self, action: Action, passes: float) -> Generator[Step, None, bool]:
        """Train, and judge: True when what was learned is kept; otherwise it is as if it had not been."""
        job, known = self.job, self.part < len(self.record)
        losses: torch.Tensor | None = None  # None: there is nothing to judge
        if self.plan is None and not known:
            losses = self._losses() if self.losses is None else self.losses
        trained = [parameter for parameter in self.encoder.net.parameters() if parameter.requires_grad]
        before = [parameter.detach().clone() for parameter in trained if losses is not None]
        last: Step | None = None
        scores: Scores | None = None
        started = time.monotonic()
        for step in job.loop(self.training, self._settings(action, passes), self._validate if self.held else None):
            if last is not None:
                yield last
            if step.is_best:
                scores = self._latest
            last = replace(step, step=self.steps + step.step, total=self.steps + step.total, is_best=False)
        row_passes = passes * action.share(self.encoder.layer_count) * len(job.train)
        if last is not None:
            self.steps, self.row_seconds = last.step, (time.monotonic() - started) / row_passes
        self._count(action, passes)
        if losses is not None and not self._is_kept(action, losses, scores):
            with _no_grad():
                for parameter, old in zip(trained, before, strict=True):
                    parameter.copy_(old)
            kept = False
        else:
            self.kept.append(action.name)
            kept = True
        if last is not None:
            yield replace(last, is_best=kept)
        return kept

    def _settings(self, action: Action, passes: float) -> Mapping[str, Any]:
        rate = self.options.learning_rate * (ADAPTER_RATE if action.rank else 1.0)
        own = {"epochs": passes, "learning_rate": rate, "validations": 0, "part": self.part}
        return {**loop_settings(self.options), **own}

    def _is_kept(self, action: Action, before: torch.Tensor, scores: Scores | None) -> bool:
        """Judge the period that just ended; the verdict stands on disk, and is told, before anything else happens."""
        if self.judging > (left := self.job.remaining()):
            self._tell(f"{action.name} is undone: {left:.0f} s are left to judge it", action=action.name, kept=False)
            return False
        losses = self._losses()
        found = Verdict.of(before.numpy(), losses.numpy())
        self.record.append({"action": action.name, "kept": found.kept, **found.numbers})
        files.write_json(self.path, self.record)
        what = "kept" if found.kept else "undone"
        self._tell(f"{action.name} is {what} (period {self.part}): {found}", **self.record[-1])
        if found.kept:
            self.losses, self.scores = losses, scores
        return found.kept

    def _count(self, action: Action, passes: float) -> None:
        self.part += 1
        self.spent += passes * action.share(self.encoder.layer_count)

    def _tell(self, message: str, **data: Any) -> None:
        self.job.tell(f"{Stepwise.name}: {message}", **data)

    def _validate(self) -> Mapping[str, float]:
        self._latest = scores = self._read()
        return self.job.judge(scores)

    def _read(self) -> Scores:
        with self.encoder.runtime.autocast():
            scores: Scores = self.held.score()
        return scores

    def _losses(self) -> torch.Tensor:
        """What each held-out row loses now [n]; a tensor, since a rehearsal has no numbers (see `forecast`)."""
        import torch

        started, net = time.monotonic(), self.encoder.net
        net.eval()
        rows, size = range(len(self.held.lengths())), self.options.batch_rows
        found = []
        with _no_grad(), self.encoder.runtime.autocast():
            for start in rows[::size]:
                batch = self.held.batch(rows[start : start + size])
                found.append(self.held.loss(self.held.forward(batch), batch).float().cpu())
        self.judging = 2 * (time.monotonic() - started)
        return torch.cat(found)


def _fitting(actions: Sequence[Action], count: int) -> list[Action]:
    """The actions for a body of `count` layers: as many top layers as it has are all of them."""
    found: list[Action] = []
    for action in actions:
        fit = Action("all") if action.layers and action.layers >= count else action
        if fit not in found[-1:]:
            found.append(fit)
    return found


def _no_grad() -> Any:
    import torch

    return torch.no_grad()


plugin = Stepwise()
