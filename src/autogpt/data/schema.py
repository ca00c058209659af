"""From a table and one sentence to a `Schema`: which columns are text and target, and which task it is.

Nothing is guessed silently: every choice has a reason, every choice can be set by a flag, and where two readings are
close, `AmbiguityError` lists them (or `ask` is called with it and answers).
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace

from autogpt import registry
from autogpt.config import Columns
from autogpt.core import Schema, Table
from autogpt.data import goal as goals
from autogpt.data import targets
from autogpt.data.association import NOTHING, SOMETHING, association
from autogpt.data.columns import Facts, describe
from autogpt.data.goal import Goal
from autogpt.data.structures import writing
from autogpt.data.targets import CLASSES, LABELS, PATHS, VALUE, Candidate
from autogpt.data.text_columns import beside, choose_text, text_candidates, topic
from autogpt.errors import AmbiguityError, SchemaError
from autogpt.sources import split_of

Ask = Callable[[AmbiguityError], str]

PLAIN = (CLASSES, LABELS, VALUE, PATHS)
"""Tasks whose rows are texts and an answer, with no structure beside it."""

ENOUGH, ALONE = 40.0, 15.0
MARGIN = 25.0
"""A reading is taken when it has `ENOUGH` points (`ALONE` if no other exists), over `MARGIN` more than the next."""

SUPPORTED = (
    "supported are: a text (or two) with a label, with a path of labels, with several labels, or with a number; "
    "tokens with tags; text with spans; a text with two marked spans and a label; a text with choices; "
    "a question and a text with answers; texts with candidates to be ranked; queries with passages that answer them; "
    "a text and one that is written to it (a translation, a summary, an answer); "
    "dialogues, as lists of turns or a turn a row"
)
_GROUP_NAMES = (
    "user", "author", "customer", "patient", "session", "conversation", "dialog", "thread", "document", "speaker",
    "account", "client", "group", "用户", "作者", "客户", "患者", "会话", "对话", "文档",
)  # fmt: skip


@dataclass(frozen=True)
class Inference:
    """The schema with a plain sentence for every choice, and what every column holds."""

    schema: Schema
    reasons: tuple[str, ...]
    facts: Mapping[str, Facts]


def infer(table: Table, *, goal: str = "", columns: Columns | None = None, ask: Ask | None = None) -> Inference:
    """The schema of a table. `columns` overrides any choice; `ask` answers an open question (at most five)."""
    columns = columns or Columns()
    if columns.task:
        registry.get("tasks", columns.task)  # names those that there are, where it is none
    if not table.rows:
        raise SchemaError(f"{table.origin}: there are no rows; a table needs at least one row with text")
    facts = describe(table)
    for _ in range(6):
        try:
            return _infer(table, facts, goals.read(goal), columns)
        except AmbiguityError as error:
            if ask is None:
                raise
            if error.question not in ("task", "text", "target"):
                raise
            columns = replace(columns, **{error.question: ask(error)})
    raise SchemaError(f"{table.origin}: the answers did not settle how to read the columns; set --text and --target")


def resolve(table: Table, value: str, flag: str) -> tuple[str, ...]:
    """The columns that an override names: one name, or several with commas between. SchemaError lists near names."""
    if value in table.columns:
        return (value,)
    names = tuple(name.strip() for name in re.split(r"[,+]", value) if name.strip())
    for name in names or (value,):
        if name not in table.columns:
            near = difflib.get_close_matches(name, table.columns, n=3, cutoff=0.4) or list(table.columns)[:8]
            raise SchemaError(
                f"{table.origin}: {flag} names {name!r}, which is no column; "
                f"did you mean {' or '.join(map(repr, near))}? (columns: {', '.join(map(repr, table.columns))})"
            )
    return names


def _joins(told: str, names: Sequence[str]) -> bool:
    """Whether the columns that the user named are one text: `a+b`, or more than two, which cannot be a pair."""
    return len(names) > 2 or (len(names) == 2 and "," not in told)


def _infer(table: Table, facts: Mapping[str, Facts], goal: Goal, columns: Columns) -> Inference:
    reasons: list[str] = []
    ignored = set(resolve(table, columns.ignore, "--ignore")) if columns.ignore else set()
    split = _split_column(table, facts, columns, reasons)
    group = resolve(table, columns.group, "--group")[0] if columns.group else None
    time = resolve(table, columns.time, "--time")[0] if columns.time else None
    side = ignored | {name for name in (split, group, time) if name}
    usable = {name: fact for name, fact in facts.items() if name not in side}
    text = resolve(table, columns.text, "--text") if columns.text else ()
    if not text:
        _refuse_media(table, usable, goal)
    chosen = _choose_target(table, usable, goal, columns, text)
    reasons += [why for why in chosen.why if why]
    joined = chosen.task in PLAIN and _joins(columns.text or "", text)
    if not text:
        text = chosen.text or choose_text(table, usable, goal=goal, target=chosen.target, reasons=reasons)
        alone = len(text) == 1 and chosen.task in PLAIN and not goal.reads_only(text[0])
        title = beside(table, usable, text[0], chosen.target) if alone else None
        if title:
            reasons.append(f"{title!r} and {text[0]!r} are read as one text: the first is the other's title")
            text, joined = (title, *text), True
        about = (
            topic(table, usable, text[0], chosen.target[0]) if alone and not title and chosen.task == CLASSES else None
        )
        if about:
            reasons.append(f"the same {text[0]!r} has several labels, and {about!r} tells which: it is read as well")
            text, joined = (text[0], about), False
    controls = _controls(chosen, facts, goal, text, beside={*text, *chosen.target, *side}, told=bool(columns.text))
    if controls:
        text = tuple(name for name in text if name not in controls)
        reasons.append(f"what is written is told {' and '.join(map(repr, controls))} as well (controls)")
    if columns.text:
        reasons.append(f"text is {(' + ' if joined else ', ').join(map(repr, text))}, as told")
    for both in set(text) & set(chosen.target):
        raise SchemaError(f"{table.origin}: column {both!r} cannot be text and target at once; set --text or --target")
    roles = {*text, *chosen.target, *chosen.spans, *chosen.choices, *controls, *side}
    group = group or chosen.group or _group_column(facts, roles, reasons)
    time = time or _time_column(facts, roles, goal, reasons)
    metadata = tuple(name for name in table.columns if name not in {*roles, group, time} | ignored)
    if metadata:
        reasons.append(f"not used: {', '.join(map(repr, metadata))}")
    schema = Schema(
        task=chosen.task, text=text, target=chosen.target, group=group, time=time, split=split, metadata=metadata,
        separator=chosen.separator, spans=chosen.spans, choices=chosen.choices, numbering=chosen.numbering,
        joined=joined, turns=chosen.turns, controls=controls,
    )  # fmt: skip
    return Inference(schema, tuple(reasons), facts)


def _controls(
    chosen: Candidate, facts: Mapping[str, Facts], goal: Goal, text: Sequence[str], *, beside: set[str], told: bool
) -> tuple[str, ...]:
    """What a written answer is told beside its text."""
    if chosen.task not in writing.TASKS:
        return ()
    return writing.controls(facts, goal, taken=beside, told=text if told else ())


def _reads(reading: Candidate, text: Sequence[str]) -> bool:
    """Whether a reading is of the columns that the user named, of which some may be controls of what is written."""
    return set(reading.text) == set(text) or (reading.task in writing.TASKS and set(reading.text) < set(text))


def _choose_target(
    table: Table, facts: Mapping[str, Facts], goal: Goal, columns: Columns, text: Sequence[str]
) -> Candidate:
    """The best reading, if it is clearly the best; otherwise AmbiguityError or SchemaError."""
    if columns.target:
        return _told_target(table, facts, goal, columns)
    found = targets.candidates(table, facts, goal=goal, separator=columns.separator)
    found = [reading for reading in found if not set(reading.target) & set(text)]
    found = [reading for reading in found if not (text and reading.text and not _reads(reading, text))]
    if columns.task:
        found = [reading for reading in found if reading.task == columns.task]
    found = _relevance(table, facts, found, text, goal)
    if not found:
        raise _nothing_fits(table, facts, columns)
    plain = found[0].task in PLAIN  # no structure speaks for it
    if goal.token and not (goal.classes or goal.multi or goal.value) and plain and not columns.task:
        raise AmbiguityError(
            f"{table.origin}: the goal sounds like finding words in the text, but no column has a tag per token, or "
            f"spans with start and end; {_listed(found)}; set --task and --target, or add such a column",
            question="target", candidates=_names(found), flag="--target",
        )  # fmt: skip
    written = writing.asked(goal)
    if written and plain and not (goal.any_task or columns.task or any(map(goal.mentions, found[0].target))):
        raise AmbiguityError(
            f"{table.origin}: the goal sounds like {written}, but no column holds what is to be written; "
            f"{_listed(found)}; set --task and --target, or add such a column",
            question="target", candidates=_names(found), flag="--target",
        )  # fmt: skip
    close = _closest(found)
    best, rivals = close[0], close[1:]
    if not rivals and best.points >= (ENOUGH if len(found) > 1 else ALONE):
        return best
    same_target = [reading for reading in rivals if reading.target == best.target]
    if same_target and len(same_target) == len(rivals) and best.points >= ENOUGH:
        raise AmbiguityError(
            f"{table.origin}: column {best.target[0]!r} can be learned as {best.task} or as "
            f"{', '.join(reading.task for reading in same_target)}; set --task, or say in the goal which one you want",
            question="task", candidates=(best.task, *(r.task for r in same_target)), flag="--task",
        )  # fmt: skip
    raise AmbiguityError(
        f"{table.origin}: it is not clear which column is to be predicted; {_listed([best, *rivals])}; "
        "set --target, or name it in the goal",
        question="target", candidates=_names([best, *rivals]), flag="--target",
    )  # fmt: skip


def _closest(found: Sequence[Candidate]) -> list[Candidate]:
    """The best reading with those near it; of them only those that the goal means most clearly."""
    close = [reading for reading in found if found[0].points - reading.points <= MARGIN]
    clearest = max(reading.asked for reading in close)
    return [reading for reading in close if reading.asked == clearest]


def _told_target(table: Table, facts: Mapping[str, Facts], goal: Goal, columns: Columns) -> Candidate:
    """The reading of a target that the user named; only the task may still be open."""
    assert columns.target is not None  # noqa: S101 - narrows the type
    everything = targets.candidates(table, facts, goal=goal, separator=columns.separator)
    fields = {reading.target for reading in everything if reading.turns and reading.target[0] not in table.columns}
    within = {name[0] for name in fields if columns.target in (name[0], name[0].rpartition(".")[2])}
    names = tuple(within) if len(within) == 1 else resolve(table, columns.target, "--target")
    told = f"target is {', '.join(map(repr, names))}, as told"
    found = [reading for reading in everything if set(reading.target) == set(names)]
    if len(names) > 1:
        found = [reading for reading in found if reading.task == PATHS] or [Candidate(LABELS, names, 100, ())]
    if columns.task:
        fitting = [reading for reading in found if reading.task == columns.task]
        separator = columns.separator if columns.task in (LABELS, PATHS) else None
        if not fitting and registry.get("tasks", columns.task).output == "choices":
            raise _nothing_fits(table, facts, columns)
        found = fitting or [Candidate(columns.task, names, 100, (), separator=separator)]
    if not found:
        fact = facts.get(names[0])
        number = (
            fact is not None and (fact.kind == "number" or (fact.kind == "id" and fact.integer)) and fact.unique > 2
        )
        found = [Candidate(VALUE if number else CLASSES, names, 100, ())]
    best, rivals = found[0], [reading for reading in found[1:] if found[0].points - reading.points <= MARGIN]
    if rivals:
        raise AmbiguityError(
            f"{table.origin}: column {names[0]!r} can be learned as {best.task} or as "
            f"{', '.join(reading.task for reading in rivals)}; set --task, or say in the goal which one you want",
            question="task", candidates=(best.task, *(r.task for r in rivals)), flag="--task",
        )  # fmt: skip
    return replace(best, why=(told, *best.why))


def _relevance(
    table: Table, facts: Mapping[str, Facts], found: list[Candidate], text: Sequence[str], goal: Goal
) -> list[Candidate]:
    """Close rivals told apart by what the text can predict: a column it says nothing about is hardly the target.

    Without a goal only numbers (a fold, a batch) step back so; a label that is hard to predict may be what is wanted.
    """
    close = [r for r in found if found[0].points - r.points <= MARGIN + 20 and r.task in (CLASSES, LABELS)]
    close = [r for r in close if len(r.target) == 1 and facts[r.target[0]].kind in ("category", "number")]
    if len({reading.target for reading in close}) < 2:
        return found
    source = text or [name for name, _ in text_candidates(facts, exclude={r.target[0] for r in close})[:1]]
    if not source:
        return found
    kappa = {r.target: association(table, source[0], r.target[0]) for r in close}
    if max((value for value in kappa.values() if value is not None), default=0.0) < SOMETHING:
        return found
    # What the goal or the name speaks for may be hard to predict; it keeps its points.
    own = {reading.target: reading.named for reading in close}
    dull = {t for t, value in kappa.items() if value is not None and value <= NOTHING and not own[t]}
    dull = {t for t in dull if goal.text or facts[t[0]].kind == "number"}
    judged = [
        reading.plus(-40, f"the text says nothing about {reading.target[0]!r}") if reading.target in dull else reading
        for reading in found
    ]
    return sorted(judged, key=lambda reading: (-reading.points, reading.target, reading.task))


def _nothing_fits(table: Table, facts: Mapping[str, Facts], columns: Columns) -> SchemaError:
    kinds = ", ".join(f"{name!r} ({fact.kind})" for name, fact in facts.items())
    wanted = f"no column fits --task {columns.task}" if columns.task else "no column looks like something to predict"
    bare = all(fact.kind in ("text", "empty", "id") for fact in facts.values())
    todo = "name its labels with --labels, or label rows with `autogpt label`" if bare else "set --target to use one"
    return SchemaError(f"{table.origin}: {wanted} (columns: {kinds}); {todo}; {SUPPORTED}")


def _refuse_media(table: Table, facts: Mapping[str, Facts], goal: Goal) -> None:
    """A text beside a picture, a sound or a document may be its caption, unless the goal speaks of the text."""
    media = [name for name, fact in facts.items() if fact.kind == "media"]
    text = [name for name, _ in text_candidates(facts, exclude=())]
    if media and text and not any(map(goal.mentions, text)):
        raise AmbiguityError(
            f"{table.origin}: column {media[0]!r} names image, sound or document files, which no task reads yet; "
            f"set --text {text[0]} to learn from that column alone",
            question="text", candidates=text, flag="--text",
        )  # fmt: skip


def _split_column(table: Table, facts: Mapping[str, Facts], columns: Columns, reasons: list[str]) -> str | None:
    """The column that names each row's split: all its values are split names, and `train` is one of several."""
    if columns.split == "none":
        return None
    if columns.split:
        return resolve(table, columns.split, "--split")[0]
    for name, fact in facts.items():
        read = {split_of(value) for value in fact.counts}
        if fact.kind in ("category", "short") and None not in read and "train" in read and len(read) > 1:
            reasons.append(f"split is column {name!r}: it holds {', '.join(sorted(fact.counts))}")
            return name
    return None


def _group_column(facts: Mapping[str, Facts], roles: set[str], reasons: list[str]) -> str | None:
    """A column of repeating codes (or of a name such as `user_id`) whose rows belong together."""
    for name, fact in facts.items():
        if name in roles or fact.kind not in ("category", "number", "id", "short") or fact.filled_share < 0.9:
            continue
        named = fact.words <= 3 and any(word in name.lower() for word in _GROUP_NAMES)
        codes = fact.codes and fact.kind == "category" and fact.unique >= 20
        repeats = fact.filled / max(1, fact.unique)
        if (codes or named) and repeats >= 1.05 and fact.unique >= 10 and fact.integer <= named:
            reasons.append(f"rows with the same {name!r} stay together ({fact.unique} values, {repeats:.1f} rows each)")
            return name
    return None


def _time_column(facts: Mapping[str, Facts], roles: set[str], goal: Goal, reasons: list[str]) -> str | None:
    dated = [name for name, fact in facts.items() if fact.kind == "date" and name not in roles]
    if not goal.future or not dated:
        return None
    reasons.append(f"split by time on {dated[0]!r}: the goal is about the future")
    return dated[0]


def _names(found: Sequence[Candidate]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(",".join(reading.target) for reading in found))


def _listed(found: Sequence[Candidate]) -> str:
    parts: dict[str, list[str]] = {}
    for reading in found:
        parts.setdefault(",".join(reading.target), []).append(reading.task)
    return "candidates: " + "; ".join(f"{name!r} ({' or '.join(tasks)})" for name, tasks in parts.items())
