"""Label names and descriptions vote: how alike a text is to each of them, less what the pool is on average.

"Zero-shot text classification with sentence embeddings" as in Lbl2Vec (Schopf et al. 2021), centred over the pool:
some phrases are alike to every text, and that says nothing of any.
"""

from __future__ import annotations

import numpy as np

from autogpt.ballot import Ballot, Votes
from autogpt.probe import centred, softmax
from autogpt.vectors import unit


class Names:
    """See `ballot.Voter`."""

    name = "names"
    summary = "label names or descriptions, by how alike the encoder finds them to a text"

    def vote(self, ballot: Ballot) -> list[Votes]:
        phrases = [phrase for label in ballot.labels for phrase in ballot.phrases[label]]
        read = iter(np.asarray(ballot.read(phrases)))
        means = [np.mean([unit(next(read)) for _ in ballot.phrases[label]], axis=0) for label in ballot.labels]
        head = centred(ballot.vectors, unit(np.stack(means)))
        return [Votes(self.name, softmax(np.asarray(head(ballot.vectors))), head)]


plugin = Names()
