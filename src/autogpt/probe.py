"""A linear probe: the best linear head on frozen features, for every output kind, by its own per-example loss.

Full-batch L-BFGS ("On the limited memory BFGS method", Liu & Nocedal 1989) along a path of falling regularisation,
each solution starting the next. Objective as in scikit-learn's logistic regression: C * sum of losses + |W|^2 / 2,
after features are scaled to a mean norm of 1; the scale is folded back into the returned weights. One solver for
labels, tags and numbers instead of one estimator each: the head is the same linear layer that fine-tuning goes on with.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from autogpt.core import ONE_LABEL, Example, LabelSpace, Output
from autogpt.soft_targets import has_target
from autogpt.vectors import typical_length

if TYPE_CHECKING:
    import torch

    from autogpt.core import Array, Scores

PATH = (0.03, 0.1, 0.3, 1.0, 3.0, 10.0, 30.0, 100.0)
DEFAULT_C = 10.0
SHARPNESS = 20.0
"""What cosines are multiplied with before a softmax, as sentence encoders are trained."""


@dataclass(frozen=True, slots=True)
class Head:
    """Weights [C, D] and bias [C] of a linear layer, and the regularisation that made them."""

    weight: Array
    bias: Array
    c: float

    def __call__(self, features: Scores) -> Scores:
        """Scores of features [N, D], or of a list of [T_i, D]."""
        if isinstance(features, list):
            return [rows @ self.weight.T + self.bias for rows in features]
        return np.asarray(features @ self.weight.T + self.bias)

    def undivided(self, scale: float) -> Head:
        """For features as they are, of a head on features that were divided by `scale`: the same scores."""
        return Head(self.weight / scale, self.bias, self.c)


@dataclass(frozen=True, slots=True)
class Rows:
    """Features [n, D] with encoded targets and a weight per row; tokens are rows of their own.

    Candidates are compared within a row: features of all rows stand below each other, `sizes` [N] says how many each
    row has, and targets [N, K] are filled up with -100.

    `free` [K, D] are orthonormal directions that regularisation leaves alone, because they are known to matter.
    """

    features: Array
    target: Array
    weight: Array
    free: Array | None = None
    sizes: Array | None = None

    @classmethod
    def of(
        cls, features: Scores, encoded: Any, weights: Sequence[float], output: Output, *, free: Array | None = None
    ) -> Rows:
        """Flatten token features; leave out what has no target (-100)."""
        weight = np.asarray(weights, dtype=np.float32)
        if isinstance(encoded, list) and not output.token_level:
            sizes = np.array([len(row) for row in encoded])
            return cls(np.concatenate(list(features)), pad_targets(encoded).numpy(), weight, free, sizes)
        if not output.token_level:
            keep = has_target(encoded) if output.name in ONE_LABEL else np.ones(len(encoded), dtype=bool)
            return cls(np.asarray(features)[keep], encoded[keep], weight[keep], free)
        per_token = np.repeat(weight, [len(rows) for rows in encoded])
        flat, target = np.concatenate(list(features)), np.concatenate(encoded)
        keep = has_target(target)
        return cls(flat[keep], target[keep], per_token[keep], free)

    @classmethod
    def of_examples(
        cls,
        examples: Sequence[Example],
        features: Scores,
        output: Output,
        space: LabelSpace,
        *,
        free: Array | None = None,
    ) -> Rows:
        """Examples whose features are known, in the same order."""
        encoded = output.encode([example.target for example in examples], space)
        return cls.of(features, encoded, [example.weight for example in examples], output, free=free)

    def where(self, mask: Array) -> Rows:
        """The rows for which `mask` (one per target) is true."""
        kept = mask if self.sizes is None else np.repeat(mask, self.sizes)
        sizes = None if self.sizes is None else self.sizes[mask]
        found = replace(self, features=self.features[kept], target=self.target[mask], weight=self.weight[mask])
        return replace(found, sizes=sizes)


def centred(vectors: Array, centres: Array) -> Head:
    """The head whose scores are 20 times how alike a row is to each centre [C, D], less the pool's mean of that.

    Some labels are alike to every text of a pool; subtracting the mean takes that out ("Surface Form Competition",
    Holtzman et al. 2021, does so for language models).
    """
    weight = SHARPNESS * centres
    return Head(weight=weight, bias=-(vectors @ weight.T).mean(axis=0), c=0.0)


def softmax(scores: Array) -> Array:
    """Probabilities [N, C] of scores, in float64."""
    shifted = np.exp(np.asarray(scores, np.float64) - np.max(scores, axis=1, keepdims=True))
    return np.asarray(shifted / shifted.sum(axis=1, keepdims=True))


def pad_targets(rows: Sequence[Array]) -> torch.Tensor:
    """Encoded targets of different lengths as one table [N, K], filled up with -100."""
    import torch

    table = np.full((len(rows), max(map(len, rows))), -100, dtype=rows[0].dtype)
    for place, row in enumerate(rows):
        table[place, : len(row)] = row
    return torch.from_numpy(table)


def solve(
    rows: Rows,
    output: Output,
    space: LabelSpace,
    *,
    c: float | None,
    judge: Callable[[Head], Array] | None,
    seconds: float = float("inf"),
) -> Head:
    """The head at regularisation `c`; with c=None the one on the path that `judge` (losses of other rows) likes.

    That is the most regularised one that is no more than a standard error worse than the best ("Classification and
    Regression Trees", Breiman et al. 1984; ours takes the error of the paired difference): on few rows the best is
    best by luck. Stops early when `seconds` are over, with what was tried so far.
    """
    deadline = time.monotonic() + seconds
    scale = typical_length(rows.features)
    problem = _Problem(rows, output, size=output.size(space), scale=scale)
    path = (c,) if c is not None else PATH if judge is not None else (DEFAULT_C,)
    tried: list[tuple[Head, Array]] = []
    for place, strength in enumerate(path):
        if place and time.monotonic() > deadline:
            break
        head = problem.minimise(strength, deadline=deadline)
        tried.append((head, judge(head) if judge is not None else np.zeros(1)))
        if tried[-1][1].mean() > 1.02 * min(losses.mean() for _, losses in tried):
            break  # the path has passed its valley
    return _simplest(tried)


def _simplest(tried: Sequence[tuple[Head, Array]]) -> Head:
    """The first, most regularised head whose losses are at most a standard error above the lowest ones."""
    _, best = min(tried, key=lambda one: float(one[1].mean()))
    worse = ((head, losses - best) for head, losses in tried)
    return next(head for head, more in worse if more.mean() <= more.std() / len(more) ** 0.5)


def row_losses(head: Head, rows: Rows, output: Output) -> Array:
    """Per-example losses [N] of a head on rows."""
    import torch

    logits = torch.from_numpy(np.asarray(head(rows.features), dtype=np.float32))
    return np.asarray(_losses(logits, torch.from_numpy(rows.target), output).numpy())


def judge_on(rows: Rows | None, output: Output) -> Callable[[Head], Array] | None:
    """What `solve` chooses by: losses on other rows (None: there are none)."""
    return None if rows is None else lambda head: row_losses(head, rows, output)


def _losses(logits: torch.Tensor, target: torch.Tensor, output: Output) -> torch.Tensor:
    if output.token_level:  # each token is a sentence of one
        return output.loss(logits.unsqueeze(1), target.unsqueeze(1), None)
    return output.loss(logits, target, None)


class _Problem:
    """The objective; its parameters stay between calls, so that a path is warm-started."""

    def __init__(self, rows: Rows, output: Output, *, size: int, scale: float) -> None:
        import torch

        self.output, self.scale = output, scale
        self.features = torch.from_numpy(np.ascontiguousarray(rows.features / scale, dtype=np.float32))
        self.target = torch.from_numpy(rows.target)
        self.weight = torch.from_numpy(rows.weight)
        self.free = torch.from_numpy(rows.free.astype(np.float32)) if rows.free is not None else None
        self.head = torch.zeros(size, self.features.shape[1] + 1, requires_grad=True)

    def minimise(self, c: float, *, deadline: float, iterations: int = 60) -> Head:
        import torch

        total = float(self.weight.sum())
        # The mean loss of labels is over columns, that of sklearn's one-per-label fit a sum.
        columns = self.head.shape[0] if self.output.name == "labels" else 1
        optimizer = torch.optim.LBFGS(
            [self.head], max_iter=5, history_size=10, line_search_fn="strong_wolfe", tolerance_change=1e-7
        )

        def objective() -> torch.Tensor:
            optimizer.zero_grad()
            logits = self.features @ self.head[:, :-1].T + self.head[:, -1]
            losses = _losses(logits, self.target, self.output) * columns
            value = (losses * self.weight).sum() / total + self._size() / (2 * c * total)
            value.backward()  # type: ignore[no-untyped-call]
            return value

        before = float("inf")
        for _ in range(iterations // 5):
            value = float(optimizer.step(objective).detach())  # type: ignore[no-untyped-call]
            if time.monotonic() > deadline or before - value < 1e-5 * max(1.0, abs(value)):
                break
            before = value
        found = self.head.detach().numpy()
        return Head(weight=found[:, :-1] / self.scale, bias=found[:, -1].copy(), c=c)

    def _size(self) -> torch.Tensor:
        """|W|^2 without what lies along the free directions."""
        weight = self.head[:, :-1]
        whole = weight.square().sum()
        return whole if self.free is None else whole - (weight @ self.free.T).square().sum()
