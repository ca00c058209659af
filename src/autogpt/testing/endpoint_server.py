"""A language model's endpoint on this machine, for tests: the protocol, a small deterministic brain, and every fault.

    with Server() as server: ... server.address ...

The brain answers like the demonstration whose words are most like the question's; without one, with the label of the
list in its instruction that stands in the question, and else with the first. It bills as hard as the protocol allows:
a token for each byte.
"""

from __future__ import annotations

import json
import re
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from itertools import pairwise
from typing import Any, Self

FRAME_TOKENS = 4
Messages = Sequence[Mapping[str, str]]


def brain(messages: Messages) -> str:
    """The answer of the tiny model."""
    asked = _words(messages[-1]["content"])
    known = [
        (len(asked & _words(one["content"])) / len(asked | _words(one["content"])), answer["content"])
        for one, answer in pairwise(messages)
        if one["role"] == "user" and answer["role"] == "assistant"
    ]
    if known:
        return max(known, key=lambda pair: pair[0])[1]
    listed = re.findall(r"^\[.*\]$", messages[0]["content"], re.MULTILINE)
    labels = [str(label) for line in listed[:1] for label in json.loads(line)]
    spoken = messages[-1]["content"].casefold()
    return next((label for label in labels if label.casefold() in spoken), labels[0] if labels else "nothing")


def knowing(meanings: Mapping[str, str]) -> Callable[[Messages], str]:
    """A brain that knows what words mean, and of demonstrations learns what a meaning is called: it answers as most of
    those with the question's meaning do (of equals as the first), and where it was shown none with the first label."""

    def meant(text: str) -> str:
        return next((meanings[word] for word in sorted(_words(text)) if word in meanings), "")

    def think(messages: Messages) -> str:
        asked = meant(messages[-1]["content"])
        shown = [
            answer["content"]
            for one, answer in pairwise(messages)
            if one["role"] == "user" and answer["role"] == "assistant" and meant(one["content"]) == asked
        ]
        return max(shown, key=shown.count) if shown else brain([messages[0], {"role": "user", "content": ""}])

    return think


def _words(text: str) -> set[str]:
    return set(re.findall(r"[a-z0-9]+|[\u4e00-\u9fff]", text.casefold()))


@dataclass
class Server:
    """`think` answers messages. `fault(number)` says what is wrong with the request of this number (from 1): a status
    (with `retry_after`), `slow`, `drip`, `huge`, `nonsense`, `silent` (it is cut off), `no-usage`, or nothing.

    `billed` are the tokens of every answer that was worked out, also of those that never arrived.
    """

    think: Callable[[Messages], str] = brain
    fault: Callable[[int], int | str | None] = lambda number: None
    logprobs: bool = True
    key: str = ""
    seconds: float = 0.0
    retry_after: str = ""
    refuses: frozenset[str] = frozenset()
    polls: int = 1
    outcome: str = "succeeded"
    read: int = 0
    written: int = 0
    requests: list[dict[str, Any]] = field(default_factory=list)
    headers: list[dict[str, str]] = field(default_factory=list)
    answered: list[str] = field(default_factory=list)
    files: dict[str, bytes] = field(default_factory=dict)
    jobs: dict[str, dict[str, Any]] = field(default_factory=dict)

    def __enter__(self) -> Self:
        self._lock = threading.Lock()
        self._http = ThreadingHTTPServer(("127.0.0.1", 0), type("Handler", (_Handler,), {"model": self}))
        self._http.daemon_threads = True
        threading.Thread(target=self._http.serve_forever, args=(0.02,), daemon=True).start()
        return self

    def __exit__(self, *problem: object) -> None:
        self._http.shutdown()
        self._http.server_close()

    @property
    def address(self) -> str:
        """Where it listens."""
        return f"http://127.0.0.1:{self._http.server_address[1]}/v1"

    def cost(self, price_in: float, price_out: float) -> float:
        """What the user is billed, at prices for a million tokens."""
        return (self.read * price_in + self.written * price_out) / 1e6

    def complete(self, body: Mapping[str, Any]) -> dict[str, Any]:
        """A chat completion, billed."""
        think, messages = self.think, list(body["messages"])
        if str(body["model"]).startswith("ft:"):  # it knows what its file said
            messages[:1] = self.lessons(str(body["model"]).rsplit(":", 1)[-1])
        most = int(body.get("max_tokens") or body.get("max_completion_tokens") or 10**9)
        text = think(messages).encode()[:most].decode("utf-8", "ignore")
        count = int(body.get("n", 1))
        read = sum(len(m["content"].encode()) + FRAME_TOKENS for m in body["messages"])
        written = count * len(text.encode())
        with self._lock:
            self.read, self.written = self.read + read, self.written + written
            self.answered.append(json.dumps(body, sort_keys=True))
        choice: dict[str, Any] = {"message": {"role": "assistant", "content": text}, "finish_reason": "stop"}
        if self.logprobs and body.get("logprobs"):
            choice["logprobs"] = {"content": [{"token": c, "logprob": -0.01} for c in text]}
        usage = {"prompt_tokens": read, "completion_tokens": written, "total_tokens": read + written}
        return {"object": "chat.completion", "choices": [choice] * count, "usage": usage}

    def lessons(self, job: str) -> list[dict[str, str]]:
        """All messages of the file that a job learns from."""
        content = self.files[self.jobs[job]["training_file"]]
        return [message for line in content.splitlines() for message in json.loads(line)["messages"]]

    def job(self, name: str) -> dict[str, Any]:
        """A fine-tuning job, a step further each time it is looked at."""
        job = self.jobs[name]
        job["looks"] += 1
        if job["looks"] >= self.polls and job["status"] == "running":
            tokens = job["hyperparameters"]["n_epochs"] * len(self.files[job["training_file"]])
            job |= {"status": self.outcome, "fine_tuned_model": f"ft:{job['model']}:{name}", "trained_tokens": tokens}
        return job


class _Handler(BaseHTTPRequestHandler):
    """What comes over the line. `model` is whose it is."""

    model: Server

    def do_POST(self) -> None:
        content = self.rfile.read(int(self.headers["Content-Length"]))
        if self._is_barred():
            return
        if self.path.endswith("/files"):
            name = f"file-{len(self.model.files)}"
            self.model.files[name] = content.split(b"\r\n\r\n")[2].rsplit(b"\r\n--", 1)[0]
            self._give({"id": name, "object": "file"})
        elif self.path.endswith("/fine_tuning/jobs"):
            name = f"job-{len(self.model.jobs)}"
            self.model.jobs[name] = {"id": name, "status": "running", "looks": 0, **json.loads(content)}
            self._give(self.model.jobs[name])
        elif self.path.endswith("/cancel"):
            job = self.model.jobs[self.path.split("/")[-2]]
            job["status"] = "cancelled"
            self._give(job)
        else:
            self._chat(json.loads(content))

    def do_GET(self) -> None:
        if self._is_barred():
            return
        if self.path.endswith("/jobs"):
            self._give({"object": "list", "data": list(self.model.jobs.values())})
        else:
            self._give(self.model.job(self.path.rsplit("/", 1)[-1]))

    def _is_barred(self) -> bool:
        with self.model._lock:
            self.model.headers.append(dict(self.headers))
        barred = bool(self.model.key) and self.headers["Authorization"] != f"Bearer {self.model.key}"
        if barred:
            said = self.headers["Authorization"] or "nothing"
            self._give({"error": {"message": f"Incorrect API key provided: {said}"}}, 401)
        return barred

    def _chat(self, body: dict[str, Any]) -> None:
        with self.model._lock:
            self.model.requests.append(body)
            fault = self.model.fault(len(self.model.requests))
        time.sleep(self.model.seconds)
        if refused := sorted(self.model.refuses & body.keys()):
            self._give({"error": {"message": f"Unsupported parameter: '{refused[0]}'"}}, 400)
        elif isinstance(fault, int):
            self._give({"error": {"message": "no"}}, fault)
        elif fault == "nonsense":
            self.model.complete(body)
            self._send(b"<html>It works!</html>")
        elif fault == "huge":
            self.model.complete(body)
            self._send(b'{"choices": [{"message": {"content": "' + b"a" * 3_000_000 + b'"}}]}')
        elif fault in ("silent", "slow", "drip"):
            self._hold(body, fault)
        else:
            found = self.model.complete(body)
            if fault == "no-usage":
                del found["usage"]
            self._give(found)

    def _hold(self, body: dict[str, Any], fault: str) -> None:
        """Work it out, and let nobody have it (in time)."""
        self.model.complete(body)
        if fault == "silent":
            self.close_connection = True
            return
        self.send_response(200)
        self.end_headers()
        for _ in range(100):
            time.sleep(0.1)
            if fault == "drip":
                self.wfile.write(b" ")
                self.wfile.flush()

    def _give(self, content: Any, status: int = 200) -> None:
        self._send(json.dumps(content).encode(), status)

    def _send(self, content: bytes, status: int = 200) -> None:
        self.send_response(status)
        if status == 429 and self.model.retry_after:
            self.send_header("Retry-After", self.model.retry_after)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def handle(self) -> None:
        try:
            super().handle()
        except OSError:  # the caller is gone
            return

    def log_message(self, format: str, *args: Any) -> None:
        return
