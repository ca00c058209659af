"""F1 of each relation, averaged with equal weight, without the label for "no relation"; the direction counts.

The official score of SemEval-2010 Task 8 ("SemEval-2010 Task 8: Multi-Way Classification of Semantic Relations Between
Pairs of Nominals", Hendrickx et al. 2010), for any labels: `X(e1,e2)` and `X(e2,e1)` are one relation X with two
directions. An answer is right when relation and direction are; the right relation in the wrong direction counts as
predicted and as gold, but not as right. Labels such as `Other` or `no_relation` are no relation. Relations are those in
gold or in the answers; none of either gives 0, no rows give NaN. One label per row only.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from scipy import sparse

from autogpt.core import LabelSpace
from autogpt.errors import ConfigError
from autogpt.metrics._labels import Rows, blocks, f1, indicator, is_multilabel, label_set, ratio, whole

if TYPE_CHECKING:
    from autogpt.core import Array, Scores

_DIRECTED = re.compile(
    r"(.*\S)\s*\(\s*(?:(?:e|arg|entity)?1\s*,\s*(?:e|arg|entity)?2|(?:e|arg|entity)?2\s*,\s*(?:e|arg|entity)?1"
    r"|head\s*,\s*tail|tail\s*,\s*head|subj(?:ect)?\s*,\s*obj(?:ect)?|obj(?:ect)?\s*,\s*subj(?:ect)?)\s*\)",
    re.IGNORECASE,
)
_NONE = {
    "other",
    "norelation",
    "na",
    "none",
    "null",
    "nil",
    "unrelated",
    "notrelated",
    "无",
    "无关系",
    "没有关系",
    "其他",
}


def relation(label: Any) -> str | None:
    """The relation of a label without its direction; None when the label says that there is none."""
    name = str(label)
    if re.sub(r"[\W_]+", "", name.lower()) in _NONE:
        return None
    directed = _DIRECTED.fullmatch(name.strip())
    return directed[1] if directed else name


class RelationF1:
    name = "relation-f1"
    higher_is_better = True
    decimals = 3

    def __call__(
        self, gold: Sequence[Any], predicted: Sequence[Any], probabilities: Scores | None, space: LabelSpace
    ) -> float:
        return whole(self, gold, predicted, probabilities, space)

    def rows(
        self, gold: Sequence[Any], predicted: Sequence[Any], probabilities: Scores | None, space: LabelSpace
    ) -> Rows:
        if is_multilabel(gold):
            raise ConfigError("metric relation-f1 needs one label per row; for several labels use micro-f1 or macro-f1")
        known = {label: relation(label) for label in label_set(gold, predicted)}
        relations = sorted({name for name in known.values() if name is not None})
        truth, answer = (indicator([known[label] for label in column], relations) for column in (gold, predicted))
        exact = sparse.diags([float(g == p) for g, p in zip(gold, predicted, strict=True)])
        return sparse.hstack([exact @ truth, answer, truth], format="csr")

    def score(self, rows: Rows, weights: Array) -> Array:
        right, predicted, gold = blocks(rows, weights)
        present = predicted + gold > 0
        return ratio(f1(right, predicted, gold).sum(axis=1), present.sum(axis=1))


plugin = RelationF1()
