"""What formats learn of examples: an order that all keep to, and whether more values are to be expected."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

SEEN, UNSEEN, MOST_VALUES = 20, 0.01, 50
"""Values are taken for all there are from so many on, if the next is new with so small a chance; at most so many."""
MOST_NAMES = 100
"""More names stand as they were first seen."""


def few(values: Sequence[str]) -> list[str] | None:
    """The different values, the most frequent first, if these are all there are; None otherwise.

    The chance that the next is a new one is the share of values seen once ("The Population Frequencies of Species and
    the Estimation of Population Parameters", Good 1953).
    """
    counts = Counter(values)
    once = sum(count == 1 for count in counts.values())
    if len(values) < SEEN or len(counts) > MOST_VALUES or once > UNSEEN * len(values):
        return None
    return [value for value, _ in counts.most_common()]


def order(lists: Sequence[Sequence[str]]) -> list[str]:
    """All names of the lists, so that each stands where most lists have it: before those that follow it there."""
    names = dict.fromkeys(name for one in lists for name in one)
    if len(names) > MOST_NAMES:
        return list(names)
    before: Counter[tuple[str, str]] = Counter()
    for one in map(tuple, lists):
        before.update((a, b) for place, a in enumerate(one) for b in one[place + 1 :])
    left, found = list(names), []
    while left:  # the one that the fewest of the others should precede; the first seen where that is equal
        first = min(left, key=lambda name: sum(before[other, name] > before[name, other] for other in left))
        left.remove(first)
        found.append(first)
    return found
