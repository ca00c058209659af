"""The label model: several voters' votes as one, each weighed by how often it is right, which is read off the votes.

EM after "Maximum Likelihood Estimation of Observer Error-Rates" (Dawid & Skene 1979), with one accuracy per voter as in
"Data Programming" (Ratner et al. 2016). Ours takes votes that are shares of labels (a voter may be unsure), lets voters
abstain, and holds each accuracy to a prior of `PRIOR` worth `PRIOR_ROWS` rows, so that a voter of few rows is not
believed blindly. Voters are taken to err independently of each other.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from autogpt.ballot import Votes
from autogpt.probe import softmax

if TYPE_CHECKING:
    from autogpt.core import Array

PASSES, PRIOR, PRIOR_ROWS = 30, 0.7, 20.0
BEST = 0.99


@dataclass(frozen=True, slots=True)
class Verdict:
    """Scores [N, C]: log probabilities of the labels by all votes; and each voter's coverage and accuracy."""

    scores: Array
    coverage: tuple[float, ...]
    accuracy: tuple[float, ...]


def decide(votes: Sequence[Votes]) -> Verdict:
    """Join the votes; rows on which all abstain get the classes' shares."""
    shares = np.stack([one.shares for one in votes])  # [V, N, C]
    voted = shares.sum(axis=2) > 0
    coverage = tuple(float(one) for one in voted.mean(axis=1))
    classes = shares.shape[2]
    if len(votes) == 1:
        scores = np.where(voted[0][:, None], np.log(np.maximum(shares[0], 1e-12)), -np.log(classes))
        return Verdict(scores, coverage, (float("nan"),))
    accuracy, prior = np.full(len(votes), PRIOR), np.full(classes, 1.0 / classes)
    for _ in range(PASSES):
        scores = _scores(shares, voted, accuracy, prior)
        truth = softmax(scores)
        hits = np.einsum("vnc,nc->v", shares, truth)
        accuracy = (hits + PRIOR * PRIOR_ROWS) / (voted.sum(axis=1) + PRIOR_ROWS)
        accuracy = np.clip(accuracy, 1.0 / classes, BEST)
        prior = 0.5 / classes + 0.5 * truth.mean(axis=0)
    return Verdict(scores, coverage, tuple(float(one) for one in accuracy))


def _scores(shares: Array, voted: Array, accuracy: Array, prior: Array) -> Array:
    """log p(y) + sum over voters of log p(vote | y); an abstention says nothing."""
    others = max(1, shares.shape[2] - 1)
    right, wrong = np.log(accuracy), np.log((1 - accuracy) / others)
    told = np.einsum("v,vnc->nc", right - wrong, shares) + np.einsum("v,vn->n", wrong, voted.astype(float))[:, None]
    return np.asarray(np.log(prior) + told)
