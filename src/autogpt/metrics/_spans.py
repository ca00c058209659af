"""Entities that a tag sequence spells, by seqeval, and their counts per row. Not a metric itself.

Two readings. *Default* (seqeval's own, the rules of the CoNLL-2000/2003 script, which published NER scores use): an
`I-x` without a beginning starts an entity, so BIO, BIOES and BILOU can be mixed. *Strict*: only well-formed entities of
the scheme that the gold tags follow (found by seqeval) count. Tags without a prefix ("NOUN") are entities of one token.
"""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from autogpt.errors import ConfigError
from autogpt.metrics._labels import count_rows

if TYPE_CHECKING:
    from autogpt.core import Array

OUTSIDE = "O"
Entity = tuple[str, int, int]
"""Label, first token, token after the last."""


def check_lengths(gold: Sequence[Any], predicted: Sequence[Any]) -> None:
    """Every row needs as many predicted tags as gold tags."""
    for row, (truth, answer) in enumerate(zip(gold, predicted, strict=True)):
        if len(truth) != len(answer):
            raise ConfigError(f"row {row}: {len(answer)} predicted tags for {len(truth)} tokens; give one per token")


def normal(tags: Sequence[str]) -> list[str]:
    """Tags in seqeval's letters: BILOU's L and U as E and S, a tag without prefix as S, a missing tag as O."""
    letters = {"B": "B", "I": "I", "E": "E", "S": "S", "L": "E", "U": "S"}
    found = []
    for tag in tags:
        prefix, _, name = (tag or OUTSIDE).partition("-")
        if prefix in letters and name:
            found.append(f"{letters[prefix]}-{name}")
        else:
            found.append(OUTSIDE if not tag or tag == OUTSIDE else f"S-{tag}")
    return found


def entities(tags: Sequence[str]) -> list[Entity]:
    """Entities of one row under the default reading."""
    from seqeval.metrics.sequence_labeling import get_entities

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return [(label, start, end + 1) for label, start, end in get_entities(normal(tags))]


def strict_entities(columns: Sequence[Sequence[Any]], gold: Sequence[Any]) -> list[list[list[Entity]]]:
    """Well-formed entities of each row, for each column, in the scheme of the gold tags."""
    from seqeval.scheme import IOB2, Entities, auto_detect

    truth = [normal(tags) for tags in gold]
    try:
        scheme = auto_detect(truth) if any(tag != OUTSIDE for tags in truth for tag in tags) else IOB2
    except ValueError:
        raise ConfigError(
            "metric entity-f1-strict needs gold tags in one scheme (BIO, IOE or BIOES); use entity-f1"
        ) from None
    return [
        [
            [(e.tag, e.start, e.end) for e in row]
            for row in Entities([_foreign_out(normal(tags), scheme) for tags in column], scheme=scheme).entities
        ]
        for column in columns
    ]


def _foreign_out(tags: list[str], scheme: Any) -> list[str]:
    """Predicted tags whose letter the scheme does not have cannot be part of a well-formed entity."""
    allowed = {letter.name for letter in scheme.allowed_prefix}
    return [tag if tag[0] in allowed else OUTSIDE for tag in tags]


def entity_counts(gold: Sequence[Any], predicted: Sequence[Any], *, strict: bool = False) -> tuple[list[str], Array]:
    """(labels, [N, 3 L]): entities right, predicted and gold, per row and label. A right one matches label and span."""
    check_lengths(gold, predicted)
    if strict:
        answers, truths = strict_entities([predicted, gold], gold)
    else:
        answers, truths = [entities(t) for t in predicted], [entities(t) for t in gold]
    labels = sorted({label for column in (answers, truths) for row in column for label, _, _ in row})
    place = {label: i for i, label in enumerate(labels)}
    counts = np.zeros((len(gold), 3, len(labels)))
    for row, (answer, truth) in enumerate(zip(answers, truths, strict=True)):
        for block, found in enumerate((set(answer) & set(truth), set(answer), set(truth))):
            for label, _, _ in found:
                counts[row, block, place[label]] += 1
    return labels, counts.reshape(len(gold), -1)


def tag_counts(gold: Sequence[Any], predicted: Sequence[Any]) -> tuple[list[str], Array]:
    """(tags without O, [N, 3 L]): tokens right, predicted and gold, per row and tag."""
    check_lengths(gold, predicted)
    flat_gold = [tag for row in gold for tag in row]
    flat_predicted = [tag or OUTSIDE for row in predicted for tag in row]
    tags = sorted({*flat_gold, *flat_predicted})
    kept = [i for i, tag in enumerate(tags) if tag != OUTSIDE]
    per_token = count_rows(flat_gold, flat_predicted).tocsc()
    columns = [block * len(tags) + i for block in range(3) for i in kept]
    counts = np.zeros((len(gold), len(columns)))
    starts = np.cumsum([0, *(len(row) for row in gold)])
    running = np.vstack([np.zeros((1, len(columns))), np.cumsum(per_token[:, columns].toarray(), axis=0)])
    counts[:] = running[starts[1:]] - running[starts[:-1]]
    return [tags[i] for i in kept], counts
