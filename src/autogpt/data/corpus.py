"""Texts to read, without any answer: a folder or file of plain text, or the longest text column of a table."""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from autogpt.data.columns import describe
from autogpt.data.read import read
from autogpt.data.words import as_text, fold
from autogpt.errors import SourceError

PLAIN = (".txt", ".md", ".text")
ENOUGH = 20
"""With fewer texts the end of each is held out; with more, some texts are."""


@dataclass(frozen=True, slots=True)
class Corpus:
    """Texts to learn from, and texts to measure on; `how` says where they come from and how they were parted."""

    learned: tuple[str, ...]
    held: tuple[str, ...]
    how: tuple[str, ...]

    @property
    def held_bytes(self) -> int:
        """Bytes that are measured on, in UTF-8."""
        return sum(len(text.encode()) for text in self.held)


def texts(source: str, *, column: str | None = None, offline: bool = False) -> tuple[list[str], str]:
    """The texts of a source, each once, and a sentence on what they are. SourceError: there are none."""
    place = Path(source)
    plain = sorted(p for p in place.rglob("*") if p.suffix.lower() in PLAIN) if place.is_dir() else []
    if place.is_file() and place.suffix.lower() in PLAIN:
        plain = [place]
    if plain:
        found, told = [_read(path) for path in plain], f"{len(plain)} files of plain text"
    else:
        table = read(source, offline=offline)
        name = column or max(describe(table).values(), key=lambda fact: fact.characters * fact.filled_share).name
        if name not in table.columns:
            raise SourceError(f"{source}: there is no column {name!r}; there are: {', '.join(table.columns)}")
        found, told = [as_text(row.get(name)) for row in table.rows], f"column {name!r}"
    once = list({fold(text): text for text in found if text.strip()}.values())
    if not once:
        raise SourceError(f"{source}: there is no text in it; give files of plain text, or a table with a text column")
    return once, f"{len(once):,} texts of {told}, {len(found) - len(once):,} empty or repeated"


def _read(path: Path) -> str:
    """A file as text; bytes that are no UTF-8 are read as another encoding, as sources do."""
    raw = path.read_bytes()
    try:
        return raw.decode("utf-8-sig")
    except UnicodeDecodeError:
        from charset_normalizer import from_bytes

        best = from_bytes(raw).best()
        if best is None:
            raise SourceError(f"{path}: this is no text in a known encoding; save it as UTF-8") from None
        return str(best)


def parted(found: Sequence[str], how: str, *, share: float, seed: int) -> Corpus:
    """Whole texts held out where there are enough of them, otherwise the last part of each."""
    if len(found) >= ENOUGH:
        order = list(range(len(found)))
        random.Random(f"{seed} corpus").shuffle(order)
        wanted, total, held = share * sum(map(len, found)), 0, set[int]()
        for place in order:
            if total >= wanted or len(held) == len(found) - 1:
                break
            if len(found[place]) <= 2 * wanted or not held:  # one long text is no sample
                held.add(place)
                total += len(found[place])
        learned = tuple(text for place, text in enumerate(found) if place not in held)
        kept = tuple(found[place] for place in sorted(held))
        return Corpus(learned, kept, (how, f"{len(kept)} texts are held out ({total:,} characters)"))
    cuts = [max(1, int((1 - share) * len(text))) for text in found]
    cuts = [cut + max(0, text[cut:].find("\n")) for text, cut in zip(found, cuts, strict=True)]
    learned = tuple(text[:cut] for text, cut in zip(found, cuts, strict=True))
    kept = tuple(rest for text, cut in zip(found, cuts, strict=True) if (rest := text[cut:]).strip())
    return Corpus(learned, kept, (how, f"the last {share:.0%} of each text is held out"))
