"""What a table holds, before anything is trained on it: the schema and why, and everything that looks wrong.

Nothing is changed or dropped here. `Profile.warnings()` says in plain sentences what a person should look at.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from autogpt import registry
from autogpt.config import Columns
from autogpt.core import Example, Rejection, Schema, Table
from autogpt.data import duplicates as dup
from autogpt.data import labels, languages, pii
from autogpt.data.examples import UNLABELLED, examples, expanded, row_count
from autogpt.data.schema import Ask, infer
from autogpt.data.split import given_splits
from autogpt.data.suspicious import Suspicion, suspicious
from autogpt.data.words import inputs_text, words

_QUANTILES = (0, 5, 25, 50, 75, 95, 99, 100)
_LISTED = 20


@dataclass(frozen=True)
class Profile:
    """Findings about a table. Row numbers are `Example.id` (the row's index in the table).

    `characters` and `words` are quantiles (per cent -> length; a CJK character is a word), `balance` rows per label,
    `value` quantiles of a numeric target. `duplicates` and `near_duplicates` are groups and pairs of rows, `leaks`
    pairs (train row, test row) with a given test.
    """

    schema: Schema
    reasons: tuple[str, ...]
    rows: int
    used: int
    rejected: tuple[Rejection, ...]
    unlabelled: int
    languages: Mapping[str, float]
    characters: Mapping[str, float]
    words: Mapping[str, float]
    balance: Mapping[str, int]
    value: Mapping[str, float]
    twins: tuple[labels.Twin, ...]
    contradictions: tuple[labels.Contradiction, ...]
    suspicious: tuple[Suspicion, ...]
    duplicates: tuple[tuple[int, ...], ...]
    near_duplicates: tuple[tuple[int, int, float], ...]
    leaks: tuple[tuple[int, int], ...]
    near_leaks: tuple[tuple[int, int], ...]
    unseen_labels: tuple[str, ...]
    pii: Mapping[str, int]
    deep: bool = True

    def duplicates_among(self, found: Sequence[Example]) -> dup.Duplicates | None:
        """The duplicates as places in `found` (this table's examples), for `make_split`; None when only exact ones
        were looked for."""
        if not self.deep:
            return None
        place = {example.id: number for number, example in enumerate(found)}
        exact = tuple(tuple(place[id_] for id_ in group) for group in self.duplicates)
        near = tuple(dup.Pair(place[a], place[b], score) for a, b, score in self.near_duplicates)
        return dup.Duplicates(exact, near)

    def to_dict(self) -> dict[str, Any]:
        """Everything as JSON-able values."""
        found: dict[str, Any] = _plain(asdict(self))
        return {**found, "warnings": self.warnings()}

    def warnings(self) -> list[str]:
        """What a person should look at, one sentence each."""
        return [*self._row_warnings(), *self._label_warnings(), *self._leak_warnings()]

    def _row_warnings(self) -> list[str]:
        found = []
        if broken := len(self.rejected) - self.unlabelled:
            first = next(r for r in self.rejected if not r.reason.startswith(UNLABELLED))
            found.append(f"{broken} rows cannot be used; the first, at line {first.line}: {first.reason}")
        if self.unlabelled:
            found.append(f"{self.unlabelled} rows have no target and are kept aside")
        if surplus := sum(len(group) - 1 for group in self.duplicates):
            found.append(f"{surplus} rows repeat another row exactly ({len(self.duplicates)} groups)")
        if self.near_duplicates:
            found.append(f"{len(self.near_duplicates)} pairs of rows are near duplicates")
        if self.pii:
            held = ", ".join(f"{kind} in {n}" for kind, n in self.pii.items())
            found.append(f"personal data by pattern: {held} rows")
        if len(self.languages) > 1:
            found.append(f"languages: {languages.told(self.languages)}")
        return found

    def _label_warnings(self) -> list[str]:
        found = [
            f"{twin.rare!r} ({twin.rare_rows}) and {twin.common!r} ({twin.common_rows}) look alike ({twin.difference})"
            for twin in self.twins[:_LISTED]
        ]
        if self.contradictions:
            rows = sum(len(contradiction.ids) for contradiction in self.contradictions)
            found.append(
                f"{rows} rows share their text with a row of another target ({len(self.contradictions)} texts)"
            )
        if self.suspicious:
            like = "rows have another label than rows with words like theirs; some may be wrong (none was changed)"
            found.append(f"{len(self.suspicious)} {like}")
        rare = [label for label, n in self.balance.items() if n < 4]
        if rare:
            found.append(f"{len(rare)} labels have fewer than 4 rows: {', '.join(map(repr, rare[:5]))}")
        if len(self.balance) == 1 and self.schema.task != "token-classification":
            found.append(f"all rows have the same label {next(iter(self.balance))!r}; there is nothing to learn")
        if self.unseen_labels:
            found.append(f"labels that only the test has: {', '.join(map(repr, self.unseen_labels[:5]))}")
        return found

    def _leak_warnings(self) -> list[str]:
        found = []
        if self.leaks:
            found.append(f"{len({test for _, test in self.leaks})} test rows are also in train")
        if self.near_leaks:
            found.append(f"{len({test for _, test in self.near_leaks})} test rows have a near twin in train")
        return found


def profile(
    table: Table,
    *,
    goal: str = "",
    columns: Columns | None = None,
    test: Table | None = None,
    ask: Ask | None = None,
    deep: bool = True,
    doubts: bool = True,
) -> Profile:
    """Infer how the table is read and look at every row. `deep=False` leaves out near duplicates and suspicious labels.

    `doubts=False` leaves out suspicious labels alone.

    `test` is a separate test table; without one, rows that the table itself names as test are compared to the others.
    """
    inference = infer(table, goal=goal, columns=columns, ask=ask)
    schema = inference.schema
    task = registry.get("tasks", schema.task)
    table = expanded(table, schema, task)
    found, rejected = examples(table, schema, task)
    texts = [inputs_text(example.inputs) for example in found]
    leaks, unseen = _against_test(table, found, texts, schema, test)
    repeated = dup.find(texts, near=deep)
    counts = labels.balance([example.target for example in found], task.output)
    return Profile(
        schema=schema,
        reasons=inference.reasons,
        rows=len(table.read or table) + len(table.rejected) + (table.read or table).left,
        used=row_count(table, found),
        rejected=(*table.rejected, *rejected),
        unlabelled=sum(rejection.reason.startswith(UNLABELLED) for rejection in rejected),
        languages=languages.shares(texts),
        characters=_quantiles([len(text) for text in texts]),
        words=_quantiles(
            [len(example.inputs.get("tokens") or words(text)) for example, text in zip(found, texts, strict=True)]
        ),
        balance=counts,
        value=_quantiles([example.target for example in found]) if task.output == "value" else {},
        twins=tuple(labels.twins(counts)),
        contradictions=tuple(labels.contradictions(found, task.output)),
        suspicious=tuple(suspicious(found, output=task.output)) if deep and doubts else (),
        duplicates=tuple(tuple(found[place].id for place in group) for group in repeated.exact),
        near_duplicates=tuple(
            (found[p.a].id, found[p.b].id, round(p.similarity, 4))
            for p in repeated.near
            if not _one_row(table, found[p.a].id, found[p.b].id)
        ),
        leaks=leaks[0],
        near_leaks=leaks[1],
        unseen_labels=unseen,
        pii=pii.count(texts),
        deep=deep,
    )


def _one_row(table: Table, one: int, other: int) -> bool:
    """Whether two examples were made of the same row, and are alike for that reason."""
    return bool(table.made) and table.made[one] == table.made[other]


def _against_test(
    table: Table, found: Sequence[Example], texts: Sequence[str], schema: Schema, test: Table | None
) -> tuple[tuple[tuple[tuple[int, int], ...], tuple[tuple[int, int], ...]], tuple[str, ...]]:
    """Exact and near leaks as pairs of row numbers, and the labels that only the test has."""
    task = registry.get("tasks", schema.task)
    if test is not None:
        train_rows, train_texts = list(found), list(texts)
        test_rows, _ = examples(expanded(test, schema, task), schema, task)
    else:
        given = given_splits(table, schema)
        train_rows = [example for example in found if given[example.id] != "test"]
        test_rows = [example for example in found if given[example.id] == "test"]
        train_texts = [inputs_text(example.inputs) for example in train_rows] if test_rows else []
    if not test_rows or not train_rows:
        return ((), ()), ()
    both = dup.leaks(train_texts, [inputs_text(example.inputs) for example in test_rows])
    pairs = [tuple((train_rows[p.a].id, test_rows[p.b].id) for p in side) for side in (both.exact, both.near)]
    seen = labels.balance([example.target for example in train_rows], task.output)
    met = labels.balance([example.target for example in test_rows], task.output)
    return (pairs[0], pairs[1]), tuple(label for label in met if label not in seen)


def _quantiles(values: Sequence[float]) -> dict[str, float]:
    if not values:
        return {}
    found = np.percentile(np.asarray(values, dtype=np.float64), _QUANTILES)
    return {str(q): round(float(value), 4) for q, value in zip(_QUANTILES, found, strict=True)}


def _plain(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {str(key): _plain(part) for key, part in value.items()}
    if isinstance(value, (list, tuple, Counter)):
        return [_plain(part) for part in value]
    return value
