"""An encoder tuned to put queries next to the passages that answer them.

"Dense Passage Retrieval for Open-Domain Question Answering" (Karpukhin et al. 2020): the other passages of a batch are
negatives, and each query brings hard ones of its own. Ours differs in four ways. Hard negatives are those that the
encoder itself mistakes before it is tuned (DPR took BM25's); one that is nearly as close to the query as its right
passage is probably right as well and is left out ("NV-Retriever", Moreira et al. 2024: at most 95 % of the right one's
similarity); a passage much like a right one is never a negative; and query and passages share one encoder, which
begins as a good one, so that the rate is low and word embeddings stay as they are.
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from autogpt.core import Batch, Example, Job, Scorer, Step
from autogpt.errors import ConfigError
from autogpt.methods import _passages
from autogpt.methods._options import option

if TYPE_CHECKING:
    import torch

    from autogpt.core import Array
TWINS = 0.95
"""Passages whose vectors are at least so alike (cosine) are taken for one."""
_QUERIES_AT_ONCE = 256


@dataclass(frozen=True, slots=True)
class Options:
    """Options of tuning a retriever."""

    epochs: float = option(3.0, "passes over the queries and their right passages", (1.0, 6.0), longer=True)
    learning_rate: float = option(2e-5, "peak learning rate", (5e-6, 5e-5))
    batch_rows: int = option(16, "queries per optimizer step; their passages are negatives of each other", (8, 64))
    negatives: int = option(2, "hard negatives that each query brings into its batch", (0, 4))
    temperature: float = option(0.05, "temperature of the softmax over a batch's passages", (0.02, 0.1))
    margin: float = option(0.05, "a negative is at least this share less similar than the right passage", (0.0, 0.2))

    def __post_init__(self) -> None:
        if self.negatives < 0 or not self.temperature > 0 or not 0 <= self.margin < 1:
            raise ConfigError(
                f"retriever: negatives {self.negatives}, temperature {self.temperature} and margin {self.margin} must "
                "be 0 or more, above 0, and from 0 to below 1"
            )


class Retriever:
    """See `core.Method`."""

    name = "retriever"
    summary = "the encoder tuned on queries with their passages and mined hard negatives"
    needs_backbone = True
    outputs = frozenset({"ranking"})
    options = Options

    def fit(self, job: Job) -> Generator[Step, None, Scorer]:
        options = job.options or Options()
        pairs = mined(job, options)
        encoder = job.open()
        training = encoder.training(
            [*job.train, *(Example(-1, one, ()) for one in _passages.inputs(job))],
            output=job.output, space=job.space, embeddings=False, dropout=False,
        )  # fmt: skip
        rows = Questions(training, pairs, queries=len(job.train), temperature=options.temperature)
        settings = {
            "epochs": options.epochs,
            "learning_rate": options.learning_rate,
            "batch_rows": options.batch_rows,
            "whole": True,  # the loss compares all rows of a batch: it must not be torn apart
        }
        per_epoch, best_epoch = max(1, -(-len(pairs.query) // options.batch_rows)), 0.0
        for step in job.loop(rows, settings, _validation(job, encoder) if job.validation else None):
            best_epoch = step.step / per_epoch if step.is_best else best_epoch
            yield step
        if best_epoch:
            job.chosen["epochs"] = best_epoch
        encoder.net.eval()
        if not encoder.net.head.weight.any():  # the best weights hold the head that they were judged with, if any
            _passages.use(encoder, encoder.features(_passages.inputs(job)))
        scorer: Scorer = encoder
        return scorer


def _validation(job: Job, encoder: Any) -> Callable[[], Mapping[str, float]]:
    """Reads the corpus anew and ranks it for the validation queries; leaves the passages' vectors in the head."""

    def validate() -> Mapping[str, float]:
        _passages.use(encoder, encoder.features(_passages.inputs(job)))
        return job.judge(encoder.score([example.inputs for example in job.validation]))

    return validate


@dataclass(frozen=True, slots=True)
class Pairs:
    """Rows to learn from: a query's place, the column of one right passage, and the columns of its hard negatives.

    `right` [query] has all right columns of a query; `vectors` [P, D] of unit length are the passages' before tuning.
    """

    query: Sequence[int]
    passage: Sequence[int]
    negatives: Sequence[Sequence[int]]
    right: Sequence[Array]
    vectors: Array

    def closed(self, row: int, columns: Array) -> Array:
        """Which columns are no negatives of this row: its query's other right passages, and twins of its own."""
        own = self.passage[row]
        twins = self.vectors[columns] @ self.vectors[own] >= TWINS
        return np.asarray((twins | np.isin(columns, self.right[self.query[row]])) & (columns != own))


def mined(job: Job, options: Options) -> Pairs:
    """A row per training query and right passage, with the hardest negatives by the encoder as it came.

    Queries that could not be read in time have negatives of their batch only.
    """
    vectors = _passages.unit(_passages.read(job, share=0.5))
    places, found = job.features.get([example.inputs for example in job.train], seconds=job.remaining() * 0.3)
    if len(places) < len(job.train):
        job.notes.append(f"time allowed mining for {len(places)} of {len(job.train)} queries")
    encoded = job.output.encode([example.target for example in job.train], job.space)
    right = [row[row >= 0] for row in encoded]
    hard: dict[tuple[int, int], list[int]] = {}
    for start in range(0, len(places), _QUERIES_AT_ONCE):
        block = places[start : start + _QUERIES_AT_ONCE]
        similarity = _passages.unit(np.asarray(found[start : start + _QUERIES_AT_ONCE])) @ vectors.T
        for query, row in zip(block, similarity, strict=True):
            for own in right[query]:
                hard[query, int(own)] = hardest(row, int(own), right[query], vectors, options)
    rows = [(query, int(own)) for query, owned in enumerate(right) for own in owned]
    return Pairs(
        query=[query for query, _ in rows],
        passage=[own for _, own in rows],
        negatives=[hard.get(row, []) for row in rows],
        right=right,
        vectors=vectors,
    )


def hardest(similarity: Array, own: int, right: Array, vectors: Array, options: Options) -> list[int]:
    """The most similar passages [P] that are safely wrong, most similar first."""
    most = similarity[own] - options.margin * abs(similarity[own])
    allowed = (similarity <= most) & ((vectors @ vectors[right].T).max(axis=1) < TWINS)
    allowed[right] = False
    columns = np.flatnonzero(allowed)
    return [int(column) for column in columns[np.argsort(-similarity[columns], kind="stable")][: options.negatives]]


class Questions:
    """`core.Trainable` over pairs. A batch's passages are read once each, however many rows of it they belong to."""

    def __init__(self, training: Any, pairs: Pairs, *, queries: int, temperature: float) -> None:
        self.training, self.pairs, self.queries, self.temperature = training, pairs, queries, temperature
        self.module = training.module
        tokens = training.lengths()
        self._lengths = [
            tokens[query] + sum(tokens[queries + column] for column in (own, *hard))
            for query, own, hard in zip(pairs.query, pairs.passage, pairs.negatives, strict=True)
        ]

    def lengths(self) -> Sequence[int]:
        return self._lengths

    def batch(self, rows: Sequence[int]) -> Batch:
        """Queries as `ids` and `mask` [B, T], passages as `pair_ids` and `pair_mask` [M, T], `closed` [B, M]."""
        import torch

        pairs = self.pairs
        columns = np.unique([c for row in rows for c in (pairs.passage[row], *pairs.negatives[row])])
        asked = self.training.batch([pairs.query[row] for row in rows])
        read = self.training.batch([self.queries + int(column) for column in columns])
        device = asked.weight.device
        closed = np.stack([pairs.closed(row, columns) for row in rows])
        own = np.searchsorted(columns, [pairs.passage[row] for row in rows])
        inputs = {"ids": asked.inputs["ids"], "mask": asked.inputs["mask"]}
        inputs |= {"pair_ids": read.inputs["ids"], "pair_mask": read.inputs["mask"]}
        inputs["closed"] = torch.from_numpy(closed).to(device)
        return Batch(
            inputs=inputs,
            target=torch.from_numpy(own).to(device),
            weight=asked.weight,
            index=torch.tensor(list(rows)),
            tokens=asked.tokens + read.tokens,
        )

    def forward(self, batch: Batch) -> torch.Tensor:
        """Similarity of queries and passages [B, M], minus infinity where a passage is no negative."""
        from torch.nn.functional import normalize

        sentence = self.training.net.sentence
        queries = normalize(sentence(batch.inputs["ids"], batch.inputs["mask"]).float(), dim=-1)
        passages = normalize(sentence(batch.inputs["pair_ids"], batch.inputs["pair_mask"]).float(), dim=-1)
        similarity: torch.Tensor = queries @ passages.T / self.temperature
        return similarity.masked_fill(batch.inputs["closed"], -float("inf"))

    def loss(self, logits: torch.Tensor, batch: Batch) -> torch.Tensor:
        from torch.nn.functional import cross_entropy

        return cross_entropy(logits, batch.target, reduction="none")

    def after_step(self, step: int, total: int) -> None:
        """Nothing follows a step."""

    def groups(self) -> list[dict[str, Any]]:
        """All that trains but the head, which holds passages and is written, not learned."""
        head = {id(parameter) for parameter in self.training.net.head.parameters()}
        groups: list[dict[str, Any]] = self.training.groups()
        return [group for group in groups if not any(id(parameter) in head for parameter in group["params"])]


plugin = Retriever()
