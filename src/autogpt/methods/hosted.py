"""A training job at the endpoint's server: the rows are sent there, and the tuned model answers there.

Files, job and looking at it are those of the OpenAI protocol. What the job may cost is put aside before it is begun
(every byte a token, every pass counted); its name is written down, so that a run that was killed looks at the same job
again. Named by the user or never tried.
"""

from __future__ import annotations

import hashlib
import json
import re
import time
from collections.abc import Generator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from autogpt import files
from autogpt.core import Job, Scorer, Step
from autogpt.endpoint import Remote
from autogpt.errors import AutoGPTError, ConfigError, EndpointError, ResourceError
from autogpt.methods._endpoint import ASKED, opened, validated, with_votes

FIRST_LOOK, LONGEST_LOOK = 1.0, 30.0
"""Seconds between two looks at the job: they grow from the first to the longest."""
TIME_SHARE = 0.7
"""Of the time that is left, the job may take; the rest is for answers of the tuned model."""
JOBS = "fine_tuning/jobs"
ENDED = frozenset({"succeeded", "failed", "cancelled"})


@dataclass(frozen=True, slots=True)
class Options:
    """`epochs`: passes over the rows."""

    epochs: int = field(default=3, metadata={"help": "passes over the rows", "search": (1, 10)})

    def __post_init__(self) -> None:
        if not 1 <= self.epochs <= 50:
            raise ConfigError(f"hosted: epochs is {self.epochs}; it must be between 1 and 50")


class Hosted:
    """See `core.Method`."""

    name = "hosted"
    summary = "a model that the endpoint's server tunes on the rows (they are sent there), by its training jobs"
    needs_backbone = False
    needs_endpoint = True
    outputs = ASKED
    options = Options

    def fit(self, job: Job) -> Generator[Step, None, Scorer]:
        options, remote = job.options or Options(), job.remote()
        plain = opened(job, remote)
        if not job.validation:  # a refit: a second job would cost as much again
            chosen: Scorer = plain.with_options(model=job.settled["model"], votes=int(job.settled["votes"]))
            return chosen
        training = _Training(job, remote, plain.lessons(), options.epochs)
        tuned = yield from training.run(plain.most_cost(len(job.validation) + remote.later_rows, job.validation))
        scorer = with_votes(plain.with_options(model=tuned), job.validation[0])
        job.validated.append(validated(scorer, job, {}))
        job.chosen.update(model=tuned, votes=scorer.asking.votes)
        if scorer.unreadable:
            job.notes.append(f"{scorer.unreadable} of {scorer.answered} answers could not be read")
        job.notes.append(f"asked so far: {remote.client.ledger.told()}")
        fitted: Scorer = scorer
        return fitted


class _Training:
    """A job from its file to its model. What is known of it stands in `hosted.json` of the trial."""

    def __init__(self, job: Job, remote: Remote, lessons: bytes, epochs: int) -> None:
        self.job, self.client, self.lessons, self.epochs = job, remote.client, lessons, epochs
        self.path: Path = job.folder / "hosted.json"
        self.known: dict[str, str] = json.loads(self.path.read_text("utf-8")) if self.path.is_file() else {}

    def run(self, later: float) -> Generator[Step, None, str]:
        """The tuned model's name. ResourceError where it and the answers after it (`later`) cost too much."""
        ledger, price = self.client.ledger, self.client.price_training
        if price is None and ledger.prices.known:
            raise ResourceError("a hosted training cannot be counted against --max-cost without a price; "
                                "give --price-training")  # fmt: skip
        cost = (price or 0.0) * len(self.lessons) * self.epochs / 1e6
        if "begun" not in self.known:
            if cost + later > ledger.left:
                raise ResourceError(
                    f"a training may cost {cost:.4f} and the answers after it {later:.4f}, "
                    f"{ledger.left:.4f} of --max-cost are left"
                )
            self._keep(begun=ledger.begin("hosted", read=0, written=0, fixed=cost))
        ended = yield from self._watched(self._named())
        if "ended" not in self.known:
            ledger.end(self.known["begun"], read=0, written=0, fixed=self._paid(ended, cost, price))
            self._keep(ended=str(ended["status"]))
        tuned = ended.get("fine_tuned_model")
        if ended["status"] != "succeeded" or not isinstance(tuned, str) or not 0 < len(tuned) < 300:
            why = ended.get("error")
            said = f": {str(why.get('message'))[:200]}" if isinstance(why, Mapping) and why.get("message") else ""
            name = self.known["job"]
            raise EndpointError(f"endpoint {self.client.address}: job {name} ended as {ended['status']}{said}")
        return tuned

    def _named(self) -> str:
        """The job's name; a new one is begun only where there is none for this file."""
        if "file" not in self.known:
            self._keep(file=_id(self._uploaded()))
        if "job" not in self.known:
            found = self._begun_before() or self._begin()
            self._keep(job=_id(found))
        rows = self.lessons.count(b"\n")
        self.job.notes.append(f"job {self.known['job']} trains on {rows} rows")
        return self.known["job"]

    def _uploaded(self) -> dict[str, Any]:
        line = f"autogpt-{hashlib.sha256(self.lessons).hexdigest()[:32]}"
        head = (
            f'--{line}\r\nContent-Disposition: form-data; name="purpose"\r\n\r\nfine-tune\r\n--{line}\r\n'
            'Content-Disposition: form-data; name="file"; filename="lessons.jsonl"\r\n'
            "Content-Type: application/jsonl\r\n\r\n"
        )
        body = head.encode() + self.lessons + f"\r\n--{line}--\r\n".encode()
        return self.client.call("files", method="POST", body=body, kind=f"multipart/form-data; boundary={line}")

    def _begun_before(self) -> dict[str, Any] | None:
        """The job of this file, where a kill came between its beginning and the note of its name."""
        listed = self.client.call(JOBS).get("data")
        rows = listed if isinstance(listed, list) else []
        return next((r for r in rows if isinstance(r, dict) and r.get("training_file") == self.known["file"]), None)

    def _begin(self) -> dict[str, Any]:
        wanted = {
            "training_file": self.known["file"],
            "model": self.client.model,
            "hyperparameters": {"n_epochs": self.epochs},
            "seed": self.job.seed,
        }
        return self.client.call(JOBS, method="POST", body=json.dumps(wanted).encode(), again=False)

    def _watched(self, name: str) -> Generator[Step, None, dict[str, Any]]:
        """The job once it has ended; cancelled where the time ends before."""
        started, pause, looks = time.monotonic(), FIRST_LOOK, 0
        allowed = TIME_SHARE * self.job.remaining()
        while True:
            found = self.client.call(f"{JOBS}/{name}")
            status, looks = str(found.get("status"))[:40], looks + 1
            if status in ENDED:
                return {**found, "status": status}
            took = time.monotonic() - started
            if took + pause > allowed:
                self._cancel(name)
                raise ResourceError(f"the time ended while job {name} was {status}; it was cancelled")
            yield Step(looks, looks + 1, 0.0, 0, 0, took, note=f"job {name}: {status}")
            self.client.wait(pause)
            pause = min(2 * pause, LONGEST_LOOK)

    def _cancel(self, name: str) -> None:
        """What it has cost until now nobody tells: all that was put aside counts as spent."""
        try:
            self.client.call(f"{JOBS}/{name}/cancel", method="POST", body=b"{}")
        except AutoGPTError as problem:
            self.job.notes.append(f"job {name} could not be cancelled: {problem}")

    def _paid(self, ended: Mapping[str, Any], cost: float, price: float | None) -> float:
        """What the job cost, by the tokens that the server says it was trained on; without them, the most."""
        tokens = ended.get("trained_tokens")
        return tokens * (price or 0.0) / 1e6 if type(tokens) is int and tokens >= 0 else cost

    def _keep(self, **known: str) -> None:
        self.known |= known
        files.write_json(self.path, self.known)


def _id(found: Mapping[str, Any]) -> str:
    """The name that the server gave to a file or job; it becomes part of addresses."""
    name = found.get("id")
    if not isinstance(name, str) or not re.fullmatch(r"[A-Za-z0-9_.:-]{1,200}", name):
        raise EndpointError("the endpoint gave a file or job no usable id; it may not speak the fine-tuning protocol")
    return name


plugin = Hosted()
