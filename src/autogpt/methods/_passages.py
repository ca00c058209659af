"""What methods that rank by an encoder share: the vectors of all passages are the weights of the encoder's linear head.

So the score of a passage is the dot product of the query's vector with the passage's unit vector, times `SCALE`: its
order is that of the cosine, and the saved folder gives it in one piece, without an index beside it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from autogpt.core import Inputs, Job
from autogpt.errors import ResourceError

if TYPE_CHECKING:
    from autogpt.core import Array

SCALE = 20.0
"""Makes of cosines logits of a softmax; what sentence-transformers takes."""


def inputs(job: Job) -> list[Inputs]:
    """What the encoder reads of every passage, in the order of the space."""
    return [{"text": label} for label in job.space.labels]


def read(job: Job, *, share: float = 0.8) -> Array:
    """Vectors [P, D] of all passages by the encoder as it came, within `share` of the time that is left."""
    places, found = job.features.get(inputs(job), seconds=job.remaining() * share)
    if len(places) < len(job.space.labels):
        raise ResourceError(f"{len(places)} of {len(job.space.labels)} passages could be read in time; give more time")
    return np.asarray(found)


def unit(vectors: Array) -> Array:
    """The vectors at length 1."""
    return np.asarray(vectors / np.maximum(np.linalg.norm(vectors, axis=1, keepdims=True), 1e-12))


def use(encoder: Any, vectors: Array) -> None:
    """Make these vectors of the passages the encoder's head."""
    encoder.set_head(SCALE * unit(vectors), np.zeros(len(vectors)))
