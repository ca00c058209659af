"""Okapi BM25: how well the words of a query fit each passage of a corpus.

"The Probabilistic Relevance Framework: BM25 and Beyond" (Robertson & Zaragoza 2009), section 3.4: a word that stands
tf times in a passage of dl words (avdl on average) adds idf * tf / (k1 * (1 - b + b * dl / avdl) + tf), as often as it
stands in the query. Ours has idf = log(1 + (P - df + 0.5) / (df + 0.5)) for P passages of which df have the word: with
the 1 a word of more than half of the passages cannot count against them (as Lucene does).

Words are runs of letters and digits, case folded and not stemmed; of Chinese and Japanese, which have no spaces, single
characters and pairs of neighbours. What does not depend on the query is a sparse table [V, P], computed once.
"""

from __future__ import annotations

import json
import re
import unicodedata
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

import numpy as np

from autogpt.core import Inputs
from autogpt.runtime import Runtime

if TYPE_CHECKING:
    from scipy.sparse import csr_matrix

    from autogpt.core import Array, Scores

_CJK = r"\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff"
_RUN = re.compile(rf"([{_CJK}]+)|[^\W_{_CJK}]+")


def terms(text: str) -> list[str]:
    """The words of a text as BM25 counts them."""
    found: list[str] = []
    for run in _RUN.finditer(unicodedata.normalize("NFKC", text).casefold()):
        if run.group(1) is None:
            found.append(run.group())
        else:
            found += [*run.group(), *(run.group()[place : place + 2] for place in range(len(run.group()) - 1))]
    return found


class BM25:
    """See `core.Scorer`. `weights` [V, P]: what a word of the vocabulary adds to the score of a passage."""

    family = "bm25"

    def __init__(self, vocabulary: Sequence[str], weights: csr_matrix) -> None:
        self.vocabulary, self.weights = list(vocabulary), weights
        self._place = {word: place for place, word in enumerate(self.vocabulary)}

    @classmethod
    def open(cls, passages: Sequence[str], *, k1: float, b: float) -> Self:
        """The scorer of a corpus. `k1`: how soon repetition stops to count; `b`: how much length is allowed for."""
        counts = [Counter(terms(passage)) for passage in passages]
        vocabulary = sorted(set().union(*counts))
        place = {word: row for row, word in enumerate(vocabulary)}
        tf = _table([[(place[word], n) for word, n in count.items()] for count in counts], len(vocabulary)).tocoo()
        lengths = np.array([sum(count.values()) for count in counts], dtype=np.float64)
        df = np.bincount(tf.col, minlength=len(vocabulary))
        idf = np.log1p((len(passages) - df + 0.5) / (df + 0.5))
        norm = k1 * (1 - b + b * lengths / max(lengths.mean(), 1e-9))
        tf.data = (idf[tf.col] * tf.data / (norm[tf.row] + tf.data)).astype(np.float32)
        return cls(vocabulary, tf.T.tocsr())

    def score(self, inputs: Sequence[Inputs], *, batch_rows: int = 256) -> Scores:
        """Scores [N, P], float32; 0 where query and passage share no word."""
        found = np.zeros((len(inputs), self.weights.shape[1]), dtype=np.float32)
        for start in range(0, len(inputs), batch_rows):
            counts = [Counter(terms(row["text"])) for row in inputs[start : start + batch_rows]]
            known = [[(self._place[word], n) for word, n in count.items() if word in self._place] for count in counts]
            found[start : start + len(known)] = (_table(known, len(self.vocabulary)) @ self.weights).toarray()
        return found

    def save(self, folder: Path) -> None:
        from safetensors.numpy import save_file

        folder.mkdir(parents=True, exist_ok=True)
        table = self.weights
        parts: dict[str, Array] = {
            "data": table.data,
            "indices": table.indices.astype(np.int64),
            "indptr": table.indptr.astype(np.int64),
        }
        save_file(parts, folder / "model.safetensors")
        described = {"passages": table.shape[1], "vocabulary": self.vocabulary}
        (folder / "bm25.json").write_text(json.dumps(described, ensure_ascii=False), "utf-8")

    @classmethod
    def load(cls, folder: Path, *, runtime: Runtime | None = None) -> Self:
        from safetensors.numpy import load_file
        from scipy.sparse import csr_matrix

        described: dict[str, Any] = json.loads((folder / "bm25.json").read_text("utf-8"))
        parts = load_file(folder / "model.safetensors")
        shape = (len(described["vocabulary"]), described["passages"])
        return cls(described["vocabulary"], csr_matrix((parts["data"], parts["indices"], parts["indptr"]), shape=shape))


def _table(rows: Sequence[Sequence[tuple[int, int]]], width: int) -> csr_matrix:
    """Counts [N, width] of (column, count) pairs per row, float32."""
    from scipy.sparse import csr_matrix

    ends = np.cumsum([0, *map(len, rows)])
    columns = np.fromiter((column for row in rows for column, _ in row), dtype=np.int64, count=int(ends[-1]))
    counts = np.fromiter((n for row in rows for _, n in row), dtype=np.float32, count=int(ends[-1]))
    return csr_matrix((counts, columns, ends), shape=(len(rows), width))


plugin = BM25
