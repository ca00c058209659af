"""A language model behind an OpenAI-compatible endpoint votes: one more noisy voter, asked about a part of the pool.

It is asked only when the user names its address: texts leave this machine. The key is read from AUTOGPT_ENDPOINT_KEY.
"""

from __future__ import annotations

import http.client
import json
import os
import urllib.error
import urllib.request
from collections.abc import Sequence
from typing import Any

from autogpt.ballot import Ballot, Votes
from autogpt.errors import ConfigError, InputError
from autogpt.voters._votes import of_answers

TIMEOUT, PATIENCE = 30.0, 3
"""Seconds that an answer may take; failures in a row after which nobody is asked any more."""
MOST_BYTES = 1_000_000
KEY = "AUTOGPT_ENDPOINT_KEY"


class Endpoint:
    """See `ballot.Voter`. Options: `model`, and `rows`, how many are asked about at most."""

    name = "endpoint"
    summary = "a language model behind an OpenAI-compatible endpoint"

    def vote(self, ballot: Ballot) -> list[Votes]:
        if not ballot.source.startswith(("http://", "https://")):
            raise ConfigError(f"endpoint {ballot.source!r} is not an address; write it as http://host:port/v1")
        answers: list[str | None] = [None] * len(ballot.texts)
        failures = 0
        for row in range(min(int(ballot.options.get("rows", 200)), len(ballot.texts))):
            if ballot.remaining() < TIMEOUT:
                break
            try:
                answers[row] = _chosen(self._ask(ballot, ballot.texts[row]), ballot.labels)
                failures = 0
            except (OSError, ValueError, KeyError, IndexError, TypeError, http.client.HTTPException) as problem:
                failures += 1
                if failures == PATIENCE:
                    raise InputError(
                        f"endpoint {ballot.source} gave no answer {PATIENCE} times in a row "
                        f"({type(problem).__name__}: {problem}); check its address, model and key"
                    ) from problem
        return [of_answers(self.name, answers, ballot.labels)]

    def _ask(self, ballot: Ballot, text: str) -> str:
        """The model's words about one text."""
        listed = "\n".join(f"- {label}: {'; '.join(phrases)}" for label, phrases in ballot.phrases.items())
        system = f"Choose the label of the text. Answer with the label alone, or with none.\nLabels:\n{listed}"
        messages = [{"role": "system", "content": system}, {"role": "user", "content": text}]
        body = {"model": str(ballot.options.get("model", "")), "messages": messages, "temperature": 0}
        headers = {"Content-Type": "application/json"}
        if key := os.environ.get(KEY):
            headers["Authorization"] = f"Bearer {key}"
        address = f"{ballot.source.rstrip('/')}/chat/completions"
        request = urllib.request.Request(address, json.dumps(body).encode(), headers)  # noqa: S310 (http was checked)
        with urllib.request.urlopen(request, timeout=TIMEOUT) as response:  # noqa: S310
            found: Any = json.loads(response.read(MOST_BYTES))
        return str(found["choices"][0]["message"]["content"])


def _chosen(answer: str, labels: Sequence[str]) -> str | None:
    """The label that an answer is, but for case, quotes and a full stop; None for anything else."""
    said = answer.strip().strip("\"'`.。 ").casefold()
    return next((label for label in labels if label.casefold() == said), None)


plugin = Endpoint()
