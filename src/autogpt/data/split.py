"""Train, validation and test rows: as given, or carved so that no score flatters.

Own splits are stratified (iterative stratification, Sechidis et al. 2011, over groups instead of rows), keep rows that
belong together on one side (a group column, exact and near duplicates), and go by time where a time column is set.
"""

from __future__ import annotations

import random
from collections import Counter, defaultdict
from collections.abc import Hashable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from autogpt.core import ONE_LABEL, Example, Schema, Table
from autogpt.data import duplicates as dup
from autogpt.data.words import fold, inputs_text
from autogpt.errors import SchemaError
from autogpt.sources import split_of

_BINS = 10
_LARGEST_TEST, _LARGEST_VALIDATION = 10_000, 5_000


@dataclass(frozen=True)
class Split:
    """Examples of each side, and how they got there.

    `removed` are training rows that equal a row of a given test, as (row removed, test row). `near_leaks` are test
    rows with a near twin in train or validation, as (test row, its twin): they stay, so that a score without them can
    be shown. All numbers are `Example.id`.
    """

    train: tuple[Example, ...]
    validation: tuple[Example, ...]
    test: tuple[Example, ...]
    how: tuple[str, ...]
    removed: tuple[tuple[int, int], ...] = ()
    near_leaks: tuple[tuple[int, int], ...] = ()


@dataclass
class _Unit:
    """Places that go together, with what they hold per stratum and their time (the latest of them)."""

    places: list[int]
    strata: Counter[Hashable] = field(default_factory=Counter)
    time: float = float("-inf")


def given_splits(table: Table, schema: Schema, *, override: str | None = None) -> list[str | None]:
    """The split of each row as its source or its split column names it; None where neither does.

    `override` is the user's own word (`Columns.split`): `none` ignores what was found.
    """
    if override == "none":
        return [None] * len(table.rows)
    if schema.split:
        return [split_of(row.get(schema.split)) for row in table.rows]
    return list(table.splits) if table.splits else [None] * len(table.rows)


def with_test(train: Table, test: Table) -> Table:
    """One table of both, whose rows know their split; ids of its examples are unique. Origins stay in `notes`."""
    missing = [column for column in train.columns if column not in test.columns]
    if len(missing) == len(train.columns):
        raise SchemaError(
            f"{test.origin}: it has none of the columns {', '.join(map(repr, train.columns))} of {train.origin}; "
            "a test file needs the same columns as the training file"
        )
    own = [split if split in ("validation", "train") else "train" for split in train.splits] or ["train"] * len(train)
    return replace(
        train,
        rows=[*train.rows, *test.rows],
        lines=[*(train.lines or range(1, len(train) + 1)), *(test.lines or range(1, len(test) + 1))],
        splits=[*own, *["test"] * len(test)],
        rejected=(*train.rejected, *test.rejected),
        left=train.left + test.left,
        about=train.about or test.about,
        notes=(*train.notes, *test.notes, f"the last {len(test)} rows are the test, from {test.origin}"),
    )


def make_split(
    examples: Sequence[Example],
    *,
    output: str,
    seed: int,
    groups: Sequence[Hashable] | None = None,
    times: Sequence[float | None] | None = None,
    given: Sequence[str | None] | None = None,
    duplicates: dup.Duplicates | None = None,
    test_fraction: float | None = None,
    validation_fraction: float | None = None,
) -> Split:
    """Sides for all examples. `groups`, `times` and `given` run parallel to `examples` (None: no group, time, split).

    A given split is honoured and what is missing is carved from train. `duplicates` (from `duplicates.find` on the
    examples' texts) saves finding them again.
    """
    texts = [inputs_text(example.inputs) for example in examples]
    named = _named(given, len(examples))
    how: list[str] = []
    removed: list[tuple[int, int]] = []
    side = dict(named)
    pool = [place for place in range(len(examples)) if side.get(place, "train") == "train"]
    held = {split: [place for place, name in named.items() if name == split] for split in ("validation", "test")}
    if named:
        sizes = ", ".join(f"{len(places)} {split}" for split, places in held.items() if places)
        how.append(f"given: {sizes}, {len(pool)} train rows as the data says")
    if held["test"]:
        pool, removed = _without_leaks(texts, examples, pool, held["test"], how)
    held["validation"], more = _clean_validation(texts, examples, held, how)
    removed += more
    found = duplicates or dup.find(texts)
    units = _units(found, examples, pool, output=output, groups=groups, times=times, how=how)
    by_time = times is not None and any(time is not None for time in times)
    rng = random.Random(seed)
    for split, fraction in (("test", test_fraction), ("validation", validation_fraction)):
        if held[split] or len(pool) < 2:
            continue
        wanted = _wanted(split, fraction, len(pool), len(examples))
        chosen, units = _latest(units, wanted) if by_time else _stratified(units, wanted, rng)
        held[split] = sorted(place for unit in chosen for place in unit.places)
        gone = set(held[split])
        pool = [place for place in pool if place not in gone]
        how.append(_told(split, len(held[split]), by_time, output))
    near = _near_leaks(found, examples, [*pool, *held["validation"]], held["test"])
    if near:
        how.append(f"{len(near)} test rows have a near twin in train or validation (kept, listed)")
    rows = {name: tuple(examples[place] for place in places) for name, places in (("train", pool), *held.items())}
    return Split(**rows, how=tuple(how), removed=tuple(removed), near_leaks=tuple(near))


def parts(
    examples: Sequence[Example],
    *,
    count: int,
    rows: int,
    output: str,
    seed: int,
    groups: Sequence[Hashable] | None = None,
) -> list[list[int]]:
    """Places of `count` parts of about `rows` rows that share no row, each drawn as validation rows are.

    A part is empty where nothing can be drawn any more without leaving a stratum without rows.
    """
    found = dup.find([inputs_text(example.inputs) for example in examples])
    units = _units(found, examples, range(len(examples)), output=output, groups=groups, times=None, how=[])
    rng, drawn = random.Random(seed), []
    for _ in range(count):
        chosen, units = _stratified(units, rows, rng)
        drawn.append(sorted(place for unit in chosen for place in unit.places))
    return drawn


def _named(given: Sequence[str | None] | None, count: int) -> dict[int, str]:
    """Places with a given split, if the given names leave rows to train on."""
    if given is None or len({name or "train" for name in given}) < 2:
        return {}
    named = {place: name for place, name in enumerate(given) if name in ("train", "validation", "test")}
    has_train = len(named) < count or "train" in named.values()
    return named if has_train else {}


def _wanted(split: str, fraction: float | None, pool: int, total: int) -> int:
    """Rows of a side: a fifth by default (a quarter of small data), at most a fixed number that scores well enough."""
    if fraction is None:
        fraction = 0.2 if total >= 1000 or split == "validation" else 0.25
        if split == "validation" and total >= 10_000:
            fraction = 0.1
        limit = _LARGEST_TEST if split == "test" else _LARGEST_VALIDATION
        return max(1, min(round(fraction * pool), limit))
    return max(1, min(pool - 1, round(fraction * (total if split == "test" else pool))))


def _told(split: str, count: int, by_time: bool, output: str) -> str:
    if not count:
        return f"{split}: none, because too few rows (or groups of rows) can be parted"
    if by_time:
        return f"{split}: the {count} latest rows"
    named = {"labels": "labels", "value": "value", "tokens": "entity types"}
    by = "label" if output in ONE_LABEL else named.get(output)
    return f"{split}: {count} rows, {f'stratified by {by}' if by else 'drawn at random'}"


def _without_leaks(
    texts: Sequence[str], examples: Sequence[Example], pool: list[int], held: list[int], how: list[str]
) -> tuple[list[int], list[tuple[int, int]]]:
    """The pool without rows that equal a held-out row, and the rows that went, with the row they equal."""
    twin = {fold(texts[place]): place for place in reversed(held)}
    gone = [(place, twin[fold(texts[place])]) for place in pool if fold(texts[place]) in twin]
    if len(gone) == len(pool):
        how.append("every training row is also in the given test; none was removed")
        return pool, []
    if gone:
        how.append(f"{len(gone)} training rows that are also in the given test were removed from train")
    left = {place for place, _ in gone}
    return [place for place in pool if place not in left], [(examples[a].id, examples[b].id) for a, b in gone]


def _clean_validation(
    texts: Sequence[str], examples: Sequence[Example], held: Mapping[str, list[int]], how: list[str]
) -> tuple[list[int], list[tuple[int, int]]]:
    """A given validation without rows of a given test: what picks the winner must not see the test."""
    if not held["validation"] or not held["test"]:
        return list(held["validation"]), []
    notes: list[str] = []
    kept, gone = _without_leaks(texts, examples, list(held["validation"]), held["test"], notes)
    how += [note.replace("training rows", "validation rows").replace("from train", "there") for note in notes]
    return kept, gone


def _near_leaks(
    found: dup.Duplicates, examples: Sequence[Example], seen: Iterable[int], test: Iterable[int]
) -> list[tuple[int, int]]:
    """(test row, twin in train or validation) for every test row that has one; an own split leaves none."""
    known, asked = set(seen), set(test)
    same = {place: group for group in found.exact for place in group}
    first: dict[int, int] = {}
    ties = [(group, group) for group in found.exact]
    ties += [(same.get(pair.a, (pair.a,)), same.get(pair.b, (pair.b,))) for pair in found.near]
    for left, right in [*ties, *((right, left) for left, right in ties)]:
        twin = next((place for place in left if place in known), None)
        for place in right:
            if place in asked and twin is not None:
                first.setdefault(examples[place].id, examples[twin].id)
    return sorted(first.items())


def _units(
    found: dup.Duplicates,
    examples: Sequence[Example],
    pool: Sequence[int],
    *,
    output: str,
    groups: Sequence[Hashable] | None,
    times: Sequence[float | None] | None,
    how: list[str],
) -> list[_Unit]:
    """The pool as units that must not be torn apart."""
    tied = _tied(found, len(examples), how)
    if groups is not None:
        tied = _merged(tied, groups)
        how.append("rows of one group stay on one side")
    strata = _strata([example.target for example in examples], output)
    units: dict[int, _Unit] = {}
    for place in pool:
        unit = units.setdefault(tied[place], _Unit([]))
        unit.places.append(place)
        unit.strata.update(strata[place])
        time = times[place] if times is not None else None
        unit.time = max(unit.time, time) if time is not None else unit.time
    several = sum(len(unit.places) > 1 for unit in units.values())
    if several and groups is None:
        how.append(f"{several} groups of exact or near duplicates stay on one side each")
    return list(units.values())


def _tied(found: dup.Duplicates, count: int, how: list[str]) -> list[int]:
    """A group number per place. Rows of one template chain together; then only ever closer duplicates are tied."""
    for similarity in (dup.THRESHOLD, 0.9, 0.97):
        tied = found.groups(count, at_least=similarity)
        if max(Counter(tied).values(), default=0) <= max(10, 0.1 * count):
            break
        how.append(
            f"rows at least {similarity:.0%} alike chain over a tenth of the data and are not all kept on one side"
        )
    else:
        tied = found.groups(count, at_least=2)
    return tied


def _merged(tied: Sequence[int], groups: Sequence[Hashable]) -> list[int]:
    """Units joined wherever they share a group (None is no group)."""
    first: dict[Hashable, int] = {}
    ties = []
    for place, group in enumerate(groups):
        if group is not None:
            ties.append(dup.Pair(first.setdefault(group, place), place, 1.0))
    ties += [dup.Pair(root, place, 1.0) for place, root in enumerate(tied)]
    return dup.Duplicates((), tuple(ties)).groups(len(tied))


def _strata(targets: Sequence[Any], output: str) -> list[list[Hashable]]:
    """What each row holds that both sides should hold: its label, its labels, its range of values, its entity types."""
    if output == "labels":
        return [list(target) or ["(none)"] for target in targets]
    if output == "tokens":
        types = [sorted({str(tag).split("-", 1)[-1] for tag in target if str(tag) != "O"}) for target in targets]
        return [list(found) or ["(none)"] for found in types]
    if output == "value":
        ordered = sorted(float(target) for target in targets)
        edges = [ordered[len(ordered) * i // _BINS] for i in range(1, _BINS)]
        return [[sum(float(target) > edge for edge in edges)] for target in targets]
    if output in ONE_LABEL:
        return [[target] for target in targets]
    return [["(all)"] for _ in targets]  # answers of their own: nothing that both sides should hold


def _latest(units: Sequence[_Unit], wanted: int) -> tuple[list[_Unit], list[_Unit]]:
    """The units with the latest times, about `wanted` rows of them; units without a time never."""
    ordered = sorted(units, key=lambda unit: (unit.time, unit.places[0]))
    chosen: list[_Unit] = []
    count = 0
    while len(ordered) > 1 and ordered[-1].time > float("-inf") and count < wanted:
        chosen.append(ordered.pop())
        count += len(chosen[-1].places)
    return chosen, ordered


def _stratified(units: Sequence[_Unit], wanted: int, rng: random.Random) -> tuple[list[_Unit], list[_Unit]]:
    """About `wanted` rows with each stratum's share, rarest first; every stratum keeps a row on the other side."""
    total = sum(len(unit.places) for unit in units)
    counts: Counter[Hashable] = Counter()
    for unit in units:
        counts.update(unit.strata)
    need = _quotas(counts, wanted / max(1, total))
    left = Counter(counts)
    shuffled = sorted(units, key=lambda unit: unit.places[0])
    rng.shuffle(shuffled)
    holders: dict[Hashable, list[_Unit]] = defaultdict(list)
    for unit in sorted(shuffled, key=lambda unit: len(unit.places)):
        for stratum in unit.strata:
            holders[stratum].append(unit)
    chosen: dict[int, _Unit] = {}
    room = wanted

    def take(unit: _Unit) -> None:
        nonlocal room
        chosen[id(unit)] = unit
        room -= len(unit.places)
        left.subtract(unit.strata)
        need.subtract(unit.strata)

    def harmless(unit: _Unit) -> bool:
        return id(unit) not in chosen and all(left[s] - n >= 1 for s, n in unit.strata.items())

    slack = max(1, wanted // 20)
    for stratum in sorted(counts, key=lambda s: (counts[s], str(s))):
        for unit in holders[stratum]:
            if need[stratum] <= 0:
                break
            if len(unit.places) <= room + slack and unit.strata[stratum] <= need[stratum] + 1 and harmless(unit):
                take(unit)
    for unit in shuffled:
        if len(unit.places) <= room and harmless(unit):
            take(unit)
    if not chosen and len(units) > 2:
        # Every row is the only one of its kind: then some kinds have to be missing in train.
        for unit in shuffled:
            if len(unit.places) <= room:
                take(unit)
    return list(chosen.values()), [unit for unit in units if id(unit) not in chosen]


def _quotas(counts: Mapping[Hashable, int], fraction: float) -> Counter[Hashable]:
    """Rows wanted of each stratum: its share, rounded so that the sum is right; one at least where four rows exist."""
    exact = {stratum: fraction * count for stratum, count in counts.items()}
    quotas = Counter({stratum: int(share) for stratum, share in exact.items()})
    short = round(sum(exact.values())) - sum(quotas.values())
    by_remainder = sorted(exact, key=lambda s: (-(exact[s] - int(exact[s])), counts[s], str(s)))
    for stratum in by_remainder[: max(0, short)]:
        quotas[stratum] += 1
    for stratum, count in counts.items():
        if count >= 4 and not quotas[stratum]:
            quotas[stratum] = 1
    return quotas
