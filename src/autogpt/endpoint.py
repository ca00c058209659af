"""A language model behind an OpenAI-compatible endpoint: the one place that speaks the protocol.

It is asked only where the user named its address: texts leave this machine. The key is read from the environment when
a client is opened and stands nowhere else; where a server says it back, it is struck out before anybody reads it.
"""

from __future__ import annotations

import email.utils
import hashlib
import json
import math
import os
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

from autogpt.errors import ConfigError, EndpointError, Interrupted, OfflineError, ResourceError
from autogpt.exchange import NeverSentError, TooLargeError, checked, exchange, is_private
from autogpt.spending import Ledger, Prices

if TYPE_CHECKING:
    from autogpt.config import Endpoint

KEYS = ("AUTOGPT_ENDPOINT_KEY", "OPENAI_API_KEY")
"""Variables of the environment that may hold the key, where the user names none; the first that is set."""
ALLOWED = "AUTOGPT_ENDPOINT"
"""Variable that says which address saved models may ask: a model's folder never decides where texts and keys go."""
SECONDS, MOST_BYTES, TRIES = 60.0, 1_000_000, 5
FIRST_PAUSE, LONGEST_PAUSE = 0.5, 60.0
PATIENCE = 3
"""Answers in a row, with none before them, that are no answers: then nobody is asked any more."""
MESSAGE_TOKENS, REQUEST_TOKENS = 16, 32
"""What is counted for the frame of a message and of a request, at most (of the known servers: 3 to 7)."""
REFUSED = frozenset({400, 413, 422})
"""Statuses that are about one request: it has no answer, and others may have one."""
RETRIED = frozenset({408, 409, 425, 429, 500, 502, 503, 504, 529})
OPTIONAL = ("logprobs", "temperature", "n", "max_tokens")
"""Settings that some servers refuse with status 400 and their name; then they are asked without."""


@dataclass(frozen=True, slots=True)
class Question:
    """One request for `choices` answers of at most `most_tokens` tokens each."""

    messages: tuple[Mapping[str, str], ...]
    most_tokens: int
    choices: int = 1

    @property
    def most_read(self) -> int:
        """Tokens that are read, at most: no tokenizer in use makes more tokens than a text has bytes."""
        texts = sum(len(part.encode()) for message in self.messages for part in message.values())
        return texts + MESSAGE_TOKENS * len(self.messages) + REQUEST_TOKENS

    @property
    def most_written(self) -> int:
        """Tokens that are written, at most."""
        return self.choices * self.most_tokens


@dataclass(frozen=True, slots=True)
class Reply:
    """Answers to a question, with the log probabilities of their tokens where the server gives them.

    `problem`: why there is no answer (refused, nonsense, too large); the question is not asked again.
    """

    texts: tuple[str, ...]
    likely: tuple[tuple[float, ...], ...] = ()
    read: int = 0
    written: int = 0
    problem: str = ""

    @classmethod
    def of(cls, kept: Mapping[str, Any]) -> Self:
        """From plain values."""
        return cls(tuple(kept["texts"]), tuple(map(tuple, kept["likely"])), kept["read"], kept["written"],
                   kept["problem"])  # fmt: skip

    def plain(self) -> dict[str, Any]:
        """As plain values."""
        return {"texts": list(self.texts), "likely": [list(one) for one in self.likely], "read": self.read,
                "written": self.written, "problem": self.problem}  # fmt: skip


@dataclass(eq=False)
class Client:
    """Asks one model. `remaining()` are the seconds that may still be taken, `stop()` says when to stop."""

    address: str
    model: str
    ledger: Ledger
    key: str = field(default="", repr=False)
    concurrency: int = 4
    price_training: float | None = None
    remaining: Callable[[], float] = lambda: math.inf
    stop: Callable[[], bool] = lambda: False
    unwanted: set[str] = field(default_factory=set)
    _good: int = 0
    _bad: int = 0
    _failed: str = ""

    def serving(self, model: str) -> Client:
        """The same account, asking another model of the same server."""
        return self if model == self.model else replace(self, model=model, unwanted=set(), _good=0, _bad=0, _failed="")

    def digest(self, question: Question) -> str:
        """What an answer is kept under."""
        asked = [self.address, self.model, list(map(dict, question.messages)), question.most_tokens, question.choices]
        return hashlib.sha256(json.dumps(asked, ensure_ascii=False, sort_keys=True).encode()).hexdigest()

    def ask_all(self, questions: Sequence[Question]) -> list[Reply]:
        """Replies in the order of the questions, a few asked at once; equal questions are asked once.

        EndpointError when the endpoint fails, ResourceError when money or time do not suffice.
        """
        self._failed = ""
        different = {self.digest(question): question for question in questions}
        found: dict[str, Reply] = {}
        with ThreadPoolExecutor(max_workers=self.concurrency) as crew:
            waiting = {name: crew.submit(self.ask, question) for name, question in different.items()}
            try:
                for name, one in waiting.items():
                    found[name] = one.result()
            except BaseException:
                crew.shutdown(wait=True, cancel_futures=True)
                raise
        return [found[self.digest(question)] for question in questions]

    def ask(self, question: Question) -> Reply:
        """The reply to one question, from memory where it was asked before."""
        name = self.digest(question)
        kept = self.ledger.known(name)
        return Reply.of(kept) if kept is not None else self._asked(question, name)

    def call(
        self, path: str, *, method: str = "GET", body: bytes | None = None, kind: str = "", again: bool = True
    ) -> dict[str, Any]:
        """Any other part of the protocol: a JSON object, tried again (unless told) while the server is busy."""
        self._failed = ""
        found = self._tried(lambda: self._send(method, path, body, kind), most=TRIES if again else 1)
        try:
            content = json.loads(found)
        except (ValueError, RecursionError):
            content = None
        if not isinstance(content, dict):
            raise EndpointError(f"endpoint {self.address} answered {path} with something else than a JSON object")
        return content

    def _asked(self, question: Question, name: str) -> Reply:
        def once() -> Reply:
            body = self._body(question)
            begun = self.ledger.begin(name, read=question.most_read, written=question.most_written)
            spent = (question.most_read, question.most_written)  # what is counted where nobody says what it was
            try:
                reply = _read(self._send("POST", "chat/completions", json.dumps(body).encode()), spent)
            except (NeverSentError, _StatusError) as problem:  # costs nothing
                refused = getattr(problem, "status", 0) in REFUSED
                if not refused or self._learns(str(problem), body):
                    self.ledger.end(begun, read=0, written=0)
                    raise (_AdaptedError() if refused else problem) from None
                reply = Reply((), problem=str(problem))
            except TooLargeError as problem:
                reply = Reply((), (), *spent, problem=str(problem))
            except BaseException:
                self.ledger.end(begun, read=spent[0], written=spent[1])
                raise
            self.ledger.end(begun, read=reply.read, written=reply.written, question=name, answer=reply.plain())
            return reply

        reply: Reply = self._tried(once)
        self._judge(reply)
        return reply

    def _tried(self, once: Callable[[], Any], *, most: int = TRIES) -> Any:
        """What `once` gives, tried again with growing pauses, or those that the server asks for, while it is busy."""
        tries = 0
        while True:
            self._may_go_on()
            try:
                return once()
            except _AdaptedError:
                continue
            except (_StatusError, OSError) as problem:
                status, pause = getattr(problem, "status", None), getattr(problem, "pause", 0.0)
                tries += 1
                pause = max(FIRST_PAUSE * 2 ** (tries - 1), pause)
                final = status is not None and status not in RETRIED
                if final or tries == most or pause > min(LONGEST_PAUSE, self.remaining()):
                    times = "" if final else f" in {tries} tries"
                    raise self._given_up(f"gave no answer{times} ({problem}); check address, model and key") from None
                self.wait(pause)

    def wait(self, seconds: float) -> None:
        """Let some time pass, and notice when it is time to stop."""
        until = time.monotonic() + seconds
        while (left := until - time.monotonic()) > 0:
            self._may_go_on()
            time.sleep(min(left, 0.2))

    def _may_go_on(self) -> None:
        """Raises where there is a reason to ask nothing more."""
        if self.stop():
            raise Interrupted("stopped between two requests", resume="")
        if self._failed:
            raise EndpointError(self._failed)
        if self.remaining() <= 0:
            raise ResourceError(f"there is no time left to ask {self.address}; give a longer --time-limit")

    def _given_up(self, why: str) -> EndpointError:
        """The error that ends the asking, for those who ask at the same time too."""
        self._failed = f"endpoint {self.address} {why}"
        return EndpointError(self._failed)

    def _send(self, method: str, path: str, body: bytes | None, kind: str = "") -> bytes:
        headers = {"Content-Type": kind or "application/json", "Accept": "application/json"}
        if self.key:
            headers["Authorization"] = f"Bearer {self.key}"
        seconds = max(0.1, min(SECONDS, self.remaining()))
        address = f"{self.address}/{path}"
        found = exchange(method, address, headers=headers, body=body, seconds=seconds, most_bytes=MOST_BYTES)
        content = found.content.replace(self.key.encode(), b"***") if self.key else found.content
        if not 200 <= found.status < 300:
            raise _StatusError(found.status, _complaint(content), _pause(found.headers.get("retry-after", "")))
        return content

    def _body(self, question: Question) -> dict[str, Any]:
        """The request, in the words that this server understands."""
        limit = "max_completion_tokens" if "max_tokens" in self.unwanted else "max_tokens"
        body = {"model": self.model, "messages": list(question.messages), limit: question.most_tokens}
        more: dict[str, Any] = {"temperature": 0.0 if question.choices == 1 else 0.7, "logprobs": True}
        more |= {"n": question.choices} if question.choices > 1 else {}
        return body | {name: value for name, value in more.items() if name not in self.unwanted}

    def _learns(self, complaint: str, body: Mapping[str, Any]) -> bool:
        """Whether the server refused one of our settings by its name; it is asked without from now on."""
        words = set("".join(c if c.isalnum() or c == "_" else " " for c in complaint).split())
        named = {name for name in OPTIONAL if name in words and name in body}
        self.unwanted |= named
        return bool(named)

    def _judge(self, reply: Reply) -> None:
        """EndpointError once it is plain that this server gives no answers."""
        self._good, self._bad = (self._good, self._bad + 1) if reply.problem else (self._good + 1, self._bad)
        if self._bad >= PATIENCE and self._bad > self._good:
            why = reply.problem or "most are none"
            raise self._given_up(f"gives no usable answers ({why}); check address and model")


@dataclass(frozen=True, slots=True)
class Remote:
    """What a method gets of the endpoint that the user named: the client, the goal, and how many rows will have to be
    answered after it (the sealed test), for which money must be left."""

    client: Client
    goal: str = ""
    later_rows: int = 0


def none_named() -> Remote:
    """The service where the user named no endpoint."""
    raise ConfigError("this method asks a language model behind an endpoint; name one with --endpoint")


def open_client(
    settings: Endpoint,
    *,
    offline: bool,
    account: Path | None = None,
    remaining: Callable[[], float] = lambda: math.inf,
    stop: Callable[[], bool] = lambda: False,
) -> Client | None:
    """The client of the endpoint that the settings name, if they name one. Nothing is sent.

    OfflineError where the network is forbidden; ConfigError where the key's variable is named and not set.
    """
    _check_prices(settings)
    if settings.endpoint is None:
        return None
    if offline:
        raise OfflineError(f"--offline forbids asking {settings.endpoint}; leave --endpoint or --offline out")
    ledger = Ledger(Prices(settings.price_in, settings.price_out), most=settings.max_cost, path=account)
    return Client(
        settings.endpoint,
        settings.endpoint_model or "",
        ledger,
        key=key_for(settings.endpoint, settings.endpoint_key),
        concurrency=settings.concurrency,
        price_training=settings.price_training,
        remaining=remaining,
        stop=stop,
    )


def _check_prices(settings: Endpoint) -> None:
    """ConfigError where what it may cost is said by halves."""
    prices, limit = (settings.price_in, settings.price_out), settings.max_cost
    if settings.endpoint is None and (limit, *prices) != (None, None, None):
        raise ConfigError("prices and --max-cost are of an endpoint; name it with --endpoint")
    if (prices[0] is None) != (prices[1] is None):
        raise ConfigError("one price is missing; give --price-in and --price-out, per million tokens")
    if limit is not None and None in prices:
        raise ConfigError("--max-cost cannot be counted without prices; give --price-in and --price-out")
    if limit is None and any(prices):
        raise ConfigError("prices without a limit could come to anything; give --max-cost")


def key_for(address: str, variable: str | None = None) -> str:
    """The key in the environment. One that was not named for it is not sent where others could read it on the way."""
    if variable is not None:
        if not os.environ.get(variable):
            raise ConfigError(f"the environment has no {variable}; set it to the endpoint's key, or leave it out")
        return os.environ[variable]
    return next((os.environ[name] for name in KEYS if os.environ.get(name)), "") if is_private(address) else ""


_NAMED: ContextVar[Client | None] = ContextVar("endpoint", default=None)


@contextmanager
def named(client: Client | None) -> Iterator[None]:
    """Within this, saved models of the client's address ask through it: by its account, within its limits."""
    token = _NAMED.set(client)
    try:
        yield
    finally:
        _NAMED.reset(token)


def permitted(address: str, model: str) -> Client:
    """A client for a saved model: the run's own, or one whose address the environment names."""
    client = _NAMED.get()
    if client is not None and client.address == address:
        return client.serving(model)
    allowed = os.environ.get(ALLOWED, "")
    if not allowed or checked(allowed) != address:
        raise OfflineError(
            f"this model sends every text to {address}, and nobody allowed that; "
            f"set {ALLOWED}={address} if you trust it"
        )
    return Client(address, model, Ledger(Prices()), key=key_for(address))


class _StatusError(Exception):
    """An answer that is an error; `pause`: seconds that the server asks to wait."""

    def __init__(self, status: int, complaint: str, pause: float) -> None:
        super().__init__(f"HTTP {status}{': ' if complaint else ''}{complaint}")
        self.status, self.pause = status, pause


class _AdaptedError(Exception):
    """The request is worded differently from now on: it is sent again at once."""


def _complaint(content: bytes) -> str:
    """What an error says, on one line."""
    try:
        found = json.loads(content)
        said = found["error"] if isinstance(found["error"], str) else found["error"]["message"]
    except (ValueError, KeyError, TypeError, RecursionError):
        return ""
    return " ".join("".join(c if c.isprintable() else " " for c in str(said)).split())[:200]


def _pause(header: str) -> float:
    """Seconds of a Retry-After, which is a number or a date."""
    try:
        return max(0.0, float(header)) if math.isfinite(float(header)) else 0.0
    except ValueError:
        pass
    try:
        return max(0.0, email.utils.parsedate_to_datetime(header).timestamp() - time.time())
    except (ValueError, TypeError):
        return 0.0


def _read(content: bytes, spent: tuple[int, int]) -> Reply:
    """The reply in a completion; one with a `problem`, at the most that it can have cost, where there is none."""
    try:
        found = json.loads(content)
        choices = found["choices"]
        texts = tuple(one["message"]["content"] or "" for one in choices)
        if not texts or not all(isinstance(text, str) for text in texts):
            raise TypeError
    except (ValueError, KeyError, TypeError, IndexError, RecursionError):
        return Reply((), (), *spent, problem="what came back is no chat completion")
    read, written = (_tokens(found.get("usage"), name) for name in ("prompt_tokens", "completion_tokens"))
    counted = spent if read is None or written is None else (read, written)
    likely = tuple(_likely(one) for one in choices)
    return Reply(texts, likely if all(likely) else (), *counted)


def _tokens(usage: Any, name: str) -> int | None:
    found = usage.get(name) if isinstance(usage, Mapping) else None
    return found if type(found) is int and found >= 0 else None


def _likely(choice: Any) -> tuple[float, ...]:
    """Log probabilities of an answer's tokens; empty where they are not given, or are no such numbers."""
    try:
        found = tuple(float(token["logprob"]) for token in choice["logprobs"]["content"])
    except (KeyError, TypeError, ValueError):
        return ()
    return found if all(-1e6 < one <= 1e-6 for one in found) else ()
