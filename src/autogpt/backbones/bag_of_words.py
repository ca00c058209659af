"""TF-IDF of words and of character n-grams, with a linear layer on top. Character n-grams read any script.

Rows of words, and texts with marked spans, have features of their own instead: named, and hashed.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

import numpy as np

from autogpt import cells
from autogpt.core import Inputs
from autogpt.runtime import Runtime

if TYPE_CHECKING:
    from scipy.sparse import csr_matrix

    from autogpt.core import Array, Scores

HASHED_FEATURES = 1 << 18
SPAN_LENGTH = 2.0
"""Length of a row of features of marked spans: at 1 the usual regularisation is too strong, unscaled it is too weak."""


@dataclass(frozen=True, slots=True)
class Vocabulary:
    """Limits of the n-gram vocabulary; `min_rows` is the number of rows an n-gram must stand in."""

    max_words: int = 60_000
    max_characters: int = 60_000
    min_rows: int = 1


def vectorizers(limits: Vocabulary) -> dict[str, Any]:
    """The two unfitted vectorizers: words (1-2) and characters within words (2-5)."""
    from sklearn.feature_extraction.text import TfidfVectorizer

    common = {"sublinear_tf": True, "min_df": limits.min_rows, "dtype": np.float32}
    words = TfidfVectorizer(ngram_range=(1, 2), max_features=limits.max_words, **common)
    # Words of one letter count too; in Chinese a run between marks is one word, and characters do the work.
    words.set_params(token_pattern=r"(?u)\b\w+\b")  # noqa: S106
    characters = TfidfVectorizer(analyzer="char_wb", ngram_range=(2, 5), max_features=limits.max_characters, **common)
    return {"words": words, "characters": characters}


class BagOfWords:
    """See `core.Scorer`. `weight` [F, C] and `bias` [C] are set by the method that fits it."""

    family = "bag-of-words"

    def __init__(self, found: dict[str, Any], *, limits: Vocabulary, weight: Array, bias: Array) -> None:
        self.vectorizers, self.limits, self.weight, self.bias = found, limits, weight, bias

    @classmethod
    def open(cls, inputs: Sequence[Inputs]) -> tuple[Self, csr_matrix]:
        """Vocabulary and inverse document frequencies of these rows, no weights yet; and the rows' features."""
        from scipy import sparse

        limits = Vocabulary(min_rows=2 if len(inputs) > 2000 else 1)
        found: dict[str, Any] = {}
        tables = []
        if _listed(inputs[0]) is None:
            texts = [row[key] for row in inputs for key in ("text", "text_pair") if key in row]
            texts += [text for row in inputs for text in row.get("choices", ())]
            for name, vectorizer in vectorizers(limits).items():
                try:
                    tables.append(vectorizer.fit_transform(texts))
                except ValueError:  # no n-gram stands in enough rows (texts of marks only, say)
                    continue
                vectorizer.idf_ = vectorizer.idf_.astype(np.float32)  # as it is saved
                found[name] = vectorizer
        opened = cls(found, limits=limits, weight=np.zeros((0, 0)), bias=np.zeros(0))
        plain = tables and inputs[0].keys().isdisjoint(("text_pair", "choices"))
        return opened, sparse.hstack(tables).tocsr() if plain else opened.features(inputs)

    def features(self, inputs: Sequence[Inputs]) -> csr_matrix:
        """Sparse [N, F]; for tokens [sum of T_i, F] and for candidates [sum of K_i, F], row after row."""
        from scipy import sparse
        from sklearn.feature_extraction import FeatureHasher
        from sklearn.preprocessing import normalize

        listed = _listed(inputs[0])
        if listed is not None:
            hasher = FeatureHasher(HASHED_FEATURES, input_type="string", alternate_sign=False, dtype=np.float32)
            table = hasher.transform(feature for row in inputs for feature in listed(row))
            return SPAN_LENGTH * normalize(table) if "marks" in inputs[0] else table
        first = self._tfidf([row["text"] for row in inputs])
        if "choices" in inputs[0]:
            return self._of_candidates(first, inputs)
        if "text_pair" not in inputs[0]:
            return first
        second = self._tfidf([row["text_pair"] for row in inputs])
        shared = first.multiply(second)
        overlap = sparse.csr_matrix(shared.sum(axis=1))
        return sparse.hstack([first, second, shared, abs(first - second), overlap]).tocsr()

    def score(self, inputs: Sequence[Inputs], *, batch_rows: int = 4096) -> Scores:
        rows: list[Any] = []
        for start in range(0, len(inputs), batch_rows):
            chunk = inputs[start : start + batch_rows]
            found = np.asarray(self.features(chunk) @ self.weight + self.bias)
            parts = next((key for key in ("tokens", "choices") if key in chunk[0]), None)
            if parts is not None:
                ends = np.cumsum([len(row[parts]) for row in chunk])
                rows += np.split(found, ends[:-1])
            else:
                rows.append(found)
        if inputs and not inputs[0].keys().isdisjoint(("tokens", "choices")):
            return rows
        return np.concatenate(rows) if rows else np.zeros((0, len(self.bias)))

    def save(self, folder: Path) -> None:
        from safetensors.numpy import save_file

        folder.mkdir(parents=True, exist_ok=True)
        tensors = {"weight": np.ascontiguousarray(self.weight, np.float32), "bias": np.asarray(self.bias, np.float32)}
        described: dict[str, Any] = {"limits": asdict(self.limits), "vocabulary": {}}
        for name, vectorizer in self.vectorizers.items():
            tensors[f"idf.{name}"] = np.asarray(vectorizer.idf_, np.float32)
            described["vocabulary"][name] = vectorizer.get_feature_names_out().tolist()
        save_file(tensors, folder / "model.safetensors")
        (folder / "bag_of_words.json").write_text(json.dumps(described, ensure_ascii=False), "utf-8")

    @classmethod
    def load(cls, folder: Path, *, runtime: Runtime | None = None) -> Self:
        from safetensors.numpy import load_file

        described = json.loads((folder / "bag_of_words.json").read_text("utf-8"))
        tensors = load_file(folder / "model.safetensors")
        limits = Vocabulary(**described["limits"])
        found = {}
        for name, vectorizer in vectorizers(limits).items():
            if name in described["vocabulary"]:
                vectorizer.set_params(vocabulary={w: i for i, w in enumerate(described["vocabulary"][name])})
                vectorizer.idf_ = tensors[f"idf.{name}"]
                found[name] = vectorizer
        return cls(found, limits=limits, weight=tensors["weight"], bias=tensors["bias"])

    def _of_candidates(self, texts: csr_matrix, inputs: Sequence[Inputs]) -> csr_matrix:
        """Of each candidate: its n-grams, those shared with its text, their cosine, the share of them in the text.

        The text's own n-grams are the same for all candidates of a row and cannot order them.
        """
        from scipy import sparse

        candidates = self._tfidf([text for row in inputs for text in row["choices"]])
        own = texts[np.repeat(np.arange(len(inputs)), [len(row["choices"]) for row in inputs])]
        shared = own.multiply(candidates)
        cosine = shared.sum(axis=1)
        there = np.diff(shared.tocsr().indptr) / np.maximum(np.diff(candidates.indptr), 1)
        return sparse.hstack([candidates, shared, sparse.csr_matrix(cosine), there[:, None]], dtype=np.float32).tocsr()

    def _tfidf(self, texts: list[str]) -> csr_matrix:
        from scipy import sparse

        parts = [vectorizer.transform(texts) for vectorizer in self.vectorizers.values()]
        return sparse.hstack(parts).tocsr() if parts else sparse.csr_matrix((len(texts), 1), dtype=np.float32)


def _listed(inputs: Inputs) -> Callable[[Inputs], list[list[str]]] | None:
    """How rows like this one become lists of named features, to be hashed; None for rows of plain text."""
    if "tokens" in inputs:
        return lambda row: token_features(row["tokens"])
    if "marks" in inputs:
        return lambda row: [mark_features(row["text"], row["marks"])]
    return None


def token_features(tokens: Sequence[str]) -> list[list[str]]:
    """Features of each token in its sentence: itself, its neighbours, affixes and shape (a classic tagger's)."""
    lowered = ["<s>", *(token.lower() for token in tokens), "</s>"]
    shapes = ["", *(shape(token) for token in tokens), ""]
    found = []
    for place in range(1, len(lowered) - 1):
        word = lowered[place]
        features = [f"w={word}", f"p={lowered[place - 1]}", f"n={lowered[place + 1]}", f"s={shapes[place]}"]
        features += [f"ps={shapes[place - 1]}", f"ns={shapes[place + 1]}", f"pw={lowered[place - 1]}|{word}"]
        features += [f"a{size}={word[:size]}" for size in (2, 3)] + [f"z{size}={word[-size:]}" for size in (2, 3)]
        features += [f"wn={word}|{lowered[place + 1]}"]
        found.append(features)
    return found


def mark_features(text: str, marks: Sequence[tuple[int, int]]) -> list[str]:
    """Features of two spans in a text: their words, the words between, before and after, and which span comes first."""
    found, offsets = cells.words(text.lower())
    parts = [[w for w, (a, b) in zip(found, offsets, strict=True) if a < end and b > start] for start, end in marks]
    order = ">" if marks[0] <= marks[1] else "<"
    (_, left), (right, last) = sorted(marks)
    between = [w for w, (a, b) in zip(found, offsets, strict=True) if a >= left and b <= right]
    before = [w for w, (_, b) in zip(found, offsets, strict=True) if b <= min(marks)[0]]
    after = [w for w, (a, _) in zip(found, offsets, strict=True) if a >= last]
    features = [f"w={word}" for word in found]
    features += [f"b{order}={word}" for word in between]
    features += [f"bb{order}={' '.join(pair)}" for pair in pairwise(["<", *between, ">"])]
    features += [f"B{order}={' '.join(between[:6])}", f"n{order}={min(len(between), 10)}"]
    features += [f"l{order}={' '.join(before[-2:])}", f"r{order}={' '.join(after[:2])}"]
    features += [f"l{order}={word}" for word in before[-1:]] + [f"r{order}={word}" for word in after[:1]]
    for name, words in zip("12", parts, strict=True):
        features += [f"{name}={word}" for word in words]
        features += [f"{name}z{size}={word[-size:]}" for word in words[-1:] for size in (2, 3, 4)]
    features += [f"h={'|'.join(words[-1] if words else '' for words in parts)}"]
    return features


def shape(token: str) -> str:
    """`Paris-2024` -> `Xx-d`: kinds of characters, runs joined."""
    kinds = ["d" if c.isdigit() else "X" if c.isupper() else "x" if c.isalpha() else c for c in token[:20]]
    return "".join(kind for place, kind in enumerate(kinds) if place == 0 or kind != kinds[place - 1])


plugin = BagOfWords
