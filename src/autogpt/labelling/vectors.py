"""Texts as vectors of length 1: frozen features of the encoder, or TF-IDF with its strongest directions without one."""

from __future__ import annotations

import hashlib
import math
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from autogpt import registry
from autogpt.data import languages
from autogpt.errors import ResourceError
from autogpt.runtime import detect
from autogpt.training.features import FeatureCache
from autogpt.vectors import unit

if TYPE_CHECKING:
    from autogpt.core import Array

DIRECTIONS = 128


def vectors(
    texts: Sequence[str], *, folder: Path | None, backbone: str | None = None, offline: bool = False, seed: int = 0
) -> tuple[Array, str]:
    """Vectors [N, D] of texts, and why they are not the encoder's (empty: they are).

    What the encoder has read stays in `folder`, of one that is not the default in a folder of its own there. Without a
    named `backbone` it is one that suits the texts' languages; where none is installed, it is TF-IDF.
    """
    encoder = registry.get("backbones", "encoder")
    backbone = backbone or encoder.suited(languages.shares(texts), math.inf)
    folder = folder / hashlib.sha256(backbone.encode()).hexdigest()[:12] if folder and backbone else folder
    problem = encoder.missing_default() if backbone is None else None
    if problem:
        return np.asarray(unit(_strongest(texts, seed=seed)), dtype=np.float32), problem
    inputs = [{"text": text} for text in texts]

    def opened() -> Any:
        return encoder.open(
            backbone, output="classes", size=2, labels=(), like=inputs[0], runtime=detect(), offline=offline
        )

    places, found = FeatureCache(opened, folder=folder).get(inputs)
    if len(places) < len(texts):
        raise ResourceError(
            f"memory allows reading {len(places):,} of {len(texts):,} texts; give fewer rows or a smaller backbone"
        )
    return np.asarray(unit(np.asarray(found)), dtype=np.float32), ""


def _strongest(texts: Sequence[str], *, seed: int) -> Array:
    """TF-IDF of words and characters along its first singular directions ("Indexing by Latent Semantic Analysis",
    Deerwester et al. 1990)."""
    from sklearn.decomposition import TruncatedSVD

    _, table = registry.get("backbones", "bag-of-words").open([{"text": text} for text in texts])
    most = min(DIRECTIONS, min(table.shape) - 1)
    if most < 2:
        return np.asarray(table.toarray())
    return np.asarray(TruncatedSVD(most, random_state=seed).fit_transform(table))
