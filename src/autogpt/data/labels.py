"""What can be wrong with labels: twins, contradictions, too few rows. Labels are reported, never changed."""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from autogpt.core import ONE_LABEL, Example
from autogpt.data.words import fold, inputs_text

_NEGATIONS = (
    "a",
    "un",
    "in",
    "im",
    "non",
    "dis",
    "ir",
    "il",
    "not",
    "no",
    "mis",
    "anti",
    "de",
    "re",
    "非",
    "不",
    "未",
    "无",
)


@dataclass(frozen=True)
class Twin:
    """Two labels that are probably one: the rarer one, the commoner one, their rows, and what differs."""

    rare: str
    common: str
    rare_rows: int
    common_rows: int
    difference: str


@dataclass(frozen=True)
class Contradiction:
    """The same text (folded) with different targets: example ids and the targets they have."""

    ids: tuple[int, ...]
    targets: tuple[str, ...]


def label_lists(targets: Sequence[Any], output: str) -> list[tuple[str, ...]]:
    """The labels of each target: one for classes, any number for labels, entity types for tokens, none for values."""
    if output in ONE_LABEL:
        return [(str(target),) for target in targets]
    if output == "labels":
        return [tuple(map(str, target)) for target in targets]
    if output == "tokens":
        return [
            tuple(re.sub(r"^[BIESLUM][-_]", "", str(tag)) for tag in target if str(tag) != "O") for target in targets
        ]
    return [() for _ in targets]


def balance(targets: Sequence[Any], output: str) -> dict[str, int]:
    """Rows that hold each label (entity types: rows that hold one), most common first."""
    counts = Counter(label for found in label_lists(targets, output) for label in set(found))
    return dict(sorted(counts.items(), key=lambda item: (-item[1], item[0])))


def twins(counts: Mapping[str, int]) -> list[Twin]:
    """Pairs of labels that differ only in case, space or marks, or by a slip of the keyboard in a rare one.

    A slip is one edit (two in labels of ten letters and more) in a label of at least five letters that is at least
    five times rarer. Digits never slip ("level1"/"level2"), a negating prefix is no slip ("typical"/"atypical"), and
    an edit that tells several pairs of labels apart ("PER.NAM"/"PER.NOM", "LOC.NAM"/"LOC.NOM") is a naming scheme.
    """
    found: list[Twin] = []
    by_form: dict[str, list[str]] = defaultdict(list)
    for label in counts:
        by_form[re.sub(r"[\W_]+", "", fold(label)) or fold(label)].append(label)
    for labels in by_form.values():
        common, *others = sorted(labels, key=lambda label: (-counts[label], label))
        found += [Twin(rare, common, counts[rare], counts[common], _difference(rare, common)) for rare in others]
    forms = sorted(by_form)
    rows = {form: sum(counts[label] for label in by_form[form]) for form in forms}
    slips: list[tuple[str, str, str]] = []
    by_length: dict[int, list[str]] = defaultdict(list)
    for form in forms:
        by_length[len(form)].append(form)
    for form in forms:
        for other in (o for size in range(len(form) - 2, len(form) + 3) for o in by_length[size]):
            if rows[form] <= max(3, 0.05 * rows[other]) and rows[other] >= 5 * rows[form]:
                edit = _slip(form, other)
                if edit:
                    slips.append((form, other, edit))
    for form, other, edit in slips:
        if _is_scheme(edit, forms):
            continue
        rare, common = by_form[form][0], max(by_form[other], key=lambda label: counts[label])
        found.append(Twin(rare, common, counts[rare], counts[common], "spelling"))
    return sorted(found, key=lambda twin: (twin.common, twin.rare))


def contradictions(examples: Sequence[Example], output: str) -> list[Contradiction]:
    """Groups of examples whose text is the same and whose targets are not."""
    groups: dict[str, list[Example]] = defaultdict(list)
    for example in examples:
        groups[fold(inputs_text(example.inputs))].append(example)
    found = []
    for group in groups.values():
        kinds = {str(sorted(e.target) if output == "labels" else e.target): e for e in group}
        if len(kinds) > 1:
            found.append(Contradiction(tuple(e.id for e in group), tuple(_shown(e.target, output) for e in group)))
    return found


def _shown(target: Any, output: str) -> str:
    return ", ".join(map(str, target)) if output in ("labels", "tokens") else str(target)


def _difference(a: str, b: str) -> str:
    if a.strip() == b.strip():
        return "space around"
    if " ".join(a.split()) == " ".join(b.split()):
        return "space"
    return "case" if a.strip().casefold() == b.strip().casefold() else "case, space or marks"


def _slip(rare: str, common: str) -> str | None:
    """How `rare` could be a misspelt `common` ("e>a", "i>" ...), or None."""
    short, long = sorted((rare, common), key=len)
    if len(common) < 5 or len(short) < 4 or any(c.isdigit() for c in set(rare) ^ set(common)):
        return None
    if [c for c in rare if c.isdigit()] != [c for c in common if c.isdigit()]:
        return None
    if any(long == prefix + short for prefix in _NEGATIONS):
        return None
    distance = edit_distance(rare, common)
    allowed = 2 if len(common) >= 10 and rare[0] == common[0] else 1
    if not rare.isascii() or not common.isascii():
        # One of few CJK characters is half the meaning.
        return None
    if not 0 < distance <= allowed:
        return None
    start = next((i for i, (x, y) in enumerate(zip(rare, common, strict=False)) if x != y), len(short))
    end = next((i for i, (x, y) in enumerate(zip(rare[::-1], common[::-1], strict=False)) if x != y), 0)
    end = min(end, len(short) - start)
    return f"{rare[start : len(rare) - end]}>{common[start : len(common) - end]}"


def _is_scheme(edit: str, forms: Sequence[str]) -> bool:
    """Whether the same replacement turns several labels into others."""
    old, new = edit.split(">")
    known = set(forms)
    hits = 0
    for form in forms:
        places = [i for i in range(len(form) + 1) if form.startswith(old, i)]
        hits += any(form[:i] + new + form[i + len(old) :] in known - {form} for i in places)
    return hits >= 2


def edit_distance(a: str, b: str) -> int:
    """Insertions, deletions, replacements and swaps of neighbours (optimal string alignment)."""
    before: list[int] = []
    row = list(range(len(b) + 1))
    for i, x in enumerate(a, 1):
        before, last, row = row, before, [i]
        for j, y in enumerate(b, 1):
            cost = min(before[j] + 1, row[j - 1] + 1, before[j - 1] + (x != y))
            if i > 1 and j > 1 and x == b[j - 2] and a[i - 2] == y:
                cost = min(cost, last[j - 2] + 1)
            row.append(cost)
    return row[-1]
