"""Contrastive tuning of the body, then a linear head: for few rows per label.

"Efficient Few-Shot Learning Without Prompts" (SetFit, Tunstall et al. 2022), with the in-batch supervised contrastive
loss ("Supervised Contrastive Learning", Khosla et al. 2020) instead of sampled pairs and a cosine regression: every
pair of a batch teaches, so one pass over the rows does what many passes over pairs do. Each anchor brings one partner
of its own label into the batch, so that no anchor is without a positive.
"""

from __future__ import annotations

import time
from collections.abc import Generator, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from autogpt.core import ONE_LABEL, Batch, Job, Scorer, Step
from autogpt.methods import _linear
from autogpt.methods._options import option

if TYPE_CHECKING:
    import torch

    from autogpt.core import Array


@dataclass(frozen=True, slots=True)
class Options:
    """Options of contrastive tuning."""

    anchors: int = option(2000, "anchor-partner pairs to train on", (300, 8000), longer=True)
    learning_rate: float = option(2e-5, "peak learning rate", (1e-5, 2e-4))
    batch_rows: int = option(16, "anchors per optimizer step; as many partners come with them", (8, 32))
    temperature: float = option(0.07, "temperature of the contrastive softmax", (0.03, 0.3))
    c: float | None = option(None, "regularisation of the head (default: chosen)")


class Contrastive:
    """See `core.Method`."""

    name = "contrastive"
    summary = "contrastive tuning of the encoder (SetFit's idea), then a linear head"
    needs_backbone = True
    takes_descriptions = True
    outputs = ONE_LABEL
    options = Options

    def fit(self, job: Job) -> Generator[Step, None, Scorer]:
        options = job.options or Options()
        encoder = job.open()
        training = encoder.training(job.train, output=job.output, space=job.space, embeddings=False, dropout=False)
        pairs = Pairs(training, options=options, seed=job.seed)
        settings = {
            "epochs": 1.0,
            "learning_rate": options.learning_rate,
            "batch_rows": options.batch_rows,
            "whole": True,  # the loss compares all rows of a batch: it must not be torn apart
        }
        yield from job.loop(pairs, settings, None)
        started = time.monotonic()
        head, _ = _linear.refit(job, encoder, c=options.c)
        encoder.set_head(head.weight, head.bias)
        yield Step(1, 1, loss=0.0, rows=len(job.train), tokens=0, seconds=time.monotonic() - started)
        scorer: Scorer = encoder
        return scorer


class Pairs:
    """`core.Trainable` over anchors: row i is an anchor and its partner; the loss is contrastive within the batch."""

    def __init__(self, training: Any, *, options: Options, seed: int) -> None:
        self.training, self.temperature = training, options.temperature
        self.module = training.module
        labels = np.asarray(training.targets)
        weights = np.asarray(training.weights, dtype=float)
        rng = np.random.default_rng([seed, 17])
        self.anchors = _anchors(weights, options.anchors, rng)
        self.partners = np.array([_partner(labels, weights, int(anchor), rng) for anchor in self.anchors])
        lengths = training.lengths()
        self._lengths = [max(lengths[a], lengths[b]) for a, b in zip(self.anchors, self.partners, strict=True)]

    def lengths(self) -> Sequence[int]:
        return self._lengths

    def batch(self, rows: Sequence[int]) -> Batch:
        places = [*self.anchors[list(rows)], *self.partners[list(rows)]]
        found: Batch = self.training.batch([int(place) for place in places])
        weight = found.weight[: len(rows)].clone().fill_(1.0)  # a row of less weight is drawn less often
        return replace(found, weight=weight, index=found.index[: len(rows)])

    def forward(self, batch: Batch) -> torch.Tensor:
        """Sentence vectors [2B, D]: anchors, then partners."""
        vectors: torch.Tensor = self.training.net.features(batch.inputs)
        return vectors

    def loss(self, logits: torch.Tensor, batch: Batch) -> torch.Tensor:
        return supervised_contrastive(logits, batch.target, temperature=self.temperature)[: len(batch.weight)]

    def after_step(self, step: int, total: int) -> None:
        """Nothing follows a step."""

    def groups(self) -> list[dict[str, Any]]:
        head = {id(parameter) for parameter in self.training.net.head.parameters()}
        groups: list[dict[str, Any]] = self.training.groups()
        return [group for group in groups if not any(id(parameter) in head for parameter in group["params"])]


def _anchors(weights: Array, count: int, rng: np.random.Generator) -> Array:
    """Places of rows [count], each as often as it weighs: whole passes in random order where all weigh the same."""
    if np.ptp(weights) == 0:
        order = [rng.permutation(len(weights)) for _ in range(-(-count // len(weights)))]
        return np.concatenate(order)[:count]
    return rng.choice(len(weights), size=count, p=weights / weights.sum())


def _partner(labels: Array, weights: Array, anchor: int, rng: np.random.Generator) -> int:
    """Another row of the same label, as often as it weighs; the row itself when it is the only one."""
    same = np.flatnonzero(labels == labels[anchor])
    others = same[same != anchor]
    own = weights[others]
    even = not len(others) or np.ptp(own) == 0
    return int(rng.choice(others, p=None if even else own / own.sum())) if len(others) else anchor


def supervised_contrastive(vectors: torch.Tensor, labels: torch.Tensor, *, temperature: float) -> torch.Tensor:
    """Loss per row [B]: minus the mean log probability of a row's positives among all other rows.

    L_i = -1/|P(i)| sum_{p in P(i)} log( exp(v_i.v_p/t) / sum_{a != i} exp(v_i.v_a/t) ), vectors of unit length.
    """
    import torch
    from torch.nn.functional import normalize

    unit = normalize(vectors.float(), dim=-1)
    similarity = unit @ unit.T / temperature
    itself = torch.eye(len(unit), dtype=torch.bool, device=unit.device)
    log_share = similarity.masked_fill(itself, -torch.inf)
    log_share = log_share - torch.logsumexp(log_share, dim=1, keepdim=True)
    positive = (labels[:, None] == labels[None, :]) & ~itself
    total = torch.where(positive, log_share, torch.zeros_like(log_share)).sum(dim=1)
    return -total / positive.sum(dim=1).clamp(min=1)


plugin = Contrastive()
