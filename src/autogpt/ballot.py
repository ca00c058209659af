"""What voters are given and what they give back where labels are missing: between `voters/` and the regimes."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    from autogpt.core import Array


@dataclass(frozen=True, slots=True)
class Ballot:
    """What is voted on: N texts, the labels with the phrases that describe each, and what the user named for the voter.

    `vectors` [N, D] are the texts' frozen vectors, at a mean length of 1; `read` makes such vectors of other texts.
    """

    texts: Sequence[str]
    phrases: Mapping[str, tuple[str, ...]]
    vectors: Array
    read: Callable[[Sequence[str]], Array]
    source: str = ""
    options: Mapping[str, Any] = field(default_factory=dict)
    remaining: Callable[[], float] = lambda: float("inf")

    @property
    def labels(self) -> tuple[str, ...]:
        """The labels in column order."""
        return tuple(self.phrases)


@dataclass(frozen=True, slots=True)
class Votes:
    """One voter's shares [N, C] of the labels: rows sum to 1, or to 0 where it abstains.

    `scorer` is a linear head (`probe.Head`) that gives the logarithms of such shares for any vectors, if there is one.
    """

    voter: str
    shares: Array
    scorer: Any = None


class Voter(Protocol):
    """Who says without labelled rows what a text may be; several voters are joined by a label model."""

    name: str
    summary: str

    def vote(self, ballot: Ballot) -> list[Votes]:
        """The votes of everyone that this plug-in speaks for (each pattern, each function is a voter of its own)."""
