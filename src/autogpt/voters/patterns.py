"""Regular expressions vote: a YAML or JSON file with patterns by label; each pattern is a voter of its own."""

from __future__ import annotations

import re

from autogpt.ballot import Ballot, Votes
from autogpt.config import read
from autogpt.errors import InputError
from autogpt.voters._votes import check, of_answers


class Patterns:
    """See `ballot.Voter`."""

    name = "patterns"
    summary = "regular expressions by label, from a YAML or JSON file"

    def vote(self, ballot: Ballot) -> list[Votes]:
        found = []
        for label, listed in read(ballot.source).items():
            check(ballot.source, label, ballot.labels)
            for pattern in [listed] if isinstance(listed, str) else listed or []:
                found.append(self._voter(ballot, label, pattern))
        return found

    def _voter(self, ballot: Ballot, label: str, pattern: object) -> Votes:
        try:
            search = re.compile(str(pattern), re.IGNORECASE).search
        except re.error as problem:
            raise InputError(
                f"{ballot.source}: {pattern!r} is not a regular expression ({problem}); correct it"
            ) from None
        answers = [label if search(text) else None for text in ballot.texts]
        return of_answers(f"pattern {pattern!r}", answers, ballot.labels)


plugin = Patterns()
