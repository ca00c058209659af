"""Synthetic clicks on real book titles: the titles are data, the readers are not.

    python benchmarks/clicks.py build/clicks.jsonl [--readers 300] [--seed 0]

writes them as a table, for `recipes/clicks.yaml`.

The catalogue has no clicks, so readers are drawn (fixed seed). A reader likes two of the genres below and three
authors. How well a book suits a reader: 1 if its title has a word of a liked genre, 1.5 if it is by a liked author,
0.3 times its log popularity (standardised) and Gumbel noise of scale 0.5. The eight books that suit best, of a random
400 and all by liked authors, are taken: five are the reader's history, three are candidates (clicked), beside nine of
the other 400 (not clicked), all in random order. Whoever measures on it measures whether a method finds such tastes,
and nothing about real readers.
"""

from __future__ import annotations

import argparse
import gzip
import json
import re
from pathlib import Path
from typing import Any

import numpy as np

DATA = Path(__file__).parents[1].parent / "shared" / "data"
GENRES = {
    "fantasy": "magic dragon dragons wizard sword king queen throne prince princess realms legend witch magician",
    "crime": "murder detective death dead crime killer case police hunter grave bones prey cross",
    "horror": "blood vampire vampires dark darkness night shadow shadows devil ghost haunted fear",
    "romance": "love heart kiss wedding bride marriage lover desire beautiful passion forever",
    "space": "star stars space universe planet galaxy moon mars robot alien future time earth",
    "life": "memoir life guide history science mind food body power business true rules money",
    "childhood": "children school girls boys little adventures christmas diary animal bear rabbit magic",
    "war": "war wars soldier army battle enemy world empire lost fire american rising",
}
HISTORY, SHOWN, SUITED, DRAWN = 5, 12, 8, 400


def shown(book: dict[str, Any]) -> str:
    """A book as reader and model see it."""
    return f"{book['title']}, by {book['authors'].split(', ')[0]}"


def books(folder: Path = DATA) -> list[dict[str, Any]]:
    """The catalogue, each shown form once."""
    with gzip.open(folder / "goodbooks_items" / "all.jsonl.gz", "rt", encoding="utf-8") as lines:
        found = [json.loads(line) for line in lines]
    return list({shown(book): book for book in found}.values())


def clicks(readers: int, *, seed: int, folder: Path = DATA) -> list[dict[str, Any]]:
    """Rows `reader, history, book, clicked, popularity`, twelve a reader, in random order."""
    rng = np.random.default_rng([seed, 404])
    catalogue = books(folder)
    words = [set(re.findall(r"[a-z]+", book["title"].lower())) for book in catalogue]
    of_genre = {name: np.array([not w.isdisjoint(list_.split()) for w in words]) for name, list_ in GENRES.items()}
    authors = np.array([book["authors"].split(", ")[0] for book in catalogue])
    known, counts = np.unique(authors, return_counts=True)
    popularity = np.log([book["ratings_count"] for book in catalogue])
    popularity = (popularity - popularity.mean()) / popularity.std()
    rows: list[dict[str, Any]] = []
    for reader in range(readers):
        genres = rng.choice(list(GENRES), 2, replace=False)
        liked = rng.choice(known, 3, replace=False, p=counts / counts.sum())
        suits = 1.0 * (of_genre[genres[0]] | of_genre[genres[1]]) + 1.5 * np.isin(authors, liked) + 0.3 * popularity
        drawn = rng.choice(len(catalogue), DRAWN, replace=False)
        drawn = np.union1d(drawn, np.flatnonzero(np.isin(authors, liked)))
        best = drawn[np.argsort(-(suits[drawn] + rng.gumbel(0.0, 0.5, len(drawn))))[:SUITED]]
        best = rng.permutation(best)
        unclicked = rng.choice(np.setdiff1d(drawn, best), SHOWN - (SUITED - HISTORY), replace=False)
        history = " | ".join(shown(catalogue[place]) for place in best[:HISTORY])
        rows += [
            {
                "reader": f"r{reader:05d}",
                "history": history,
                "book": shown(catalogue[place]),
                "clicked": int(place in best[HISTORY:]),
                "popularity": round(float(popularity[place]), 4),
            }
            for place in rng.permutation([*best[HISTORY:], *unclicked])
        ]
    return rows


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("output", type=Path)
    parser.add_argument("--readers", type=int, default=300)
    parser.add_argument("--seed", type=int, default=0)
    given = parser.parse_args()
    rows = clicks(given.readers, seed=given.seed)
    given.output.parent.mkdir(parents=True, exist_ok=True)
    given.output.write_text("".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows), "utf-8")


if __name__ == "__main__":
    main()
