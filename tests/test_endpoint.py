"""A client of a language model's endpoint: what it costs at most, what it survives, and where its key never stands."""

from __future__ import annotations

import http.server
import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from autogpt import endpoint, exchange
from autogpt.config import Endpoint, RunConfig, Source
from autogpt.endpoint import Client, Question
from autogpt.errors import ConfigError, EndpointError, Interrupted, OfflineError, ResourceError
from autogpt.spending import Ledger, Prices
from autogpt.testing.endpoint_server import Server

PRICES = Prices(10.0, 20.0)
KEY = "sk-test-0123456789abcdef"


@pytest.fixture(autouse=True)
def _quick_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(endpoint, "FIRST_PAUSE", 0.01)


def questions(count: int = 12) -> list[Question]:
    system = {"role": "system", "content": 'Answer with a label:\n["red", "blue"]'}
    return [
        Question((system, {"role": "user", "content": f"number {place} is {('red', 'blue')[place % 2]}"}), 16)
        for place in range(count)
    ]


def client(server: Server, *, most: float | None = None, path: Path | None = None, **more: Any) -> Client:
    return Client(server.address, "m", Ledger(PRICES, most=most, path=path), **more)


def test_answers_come_in_the_order_of_the_questions_with_what_they_cost() -> None:
    with Server() as server:
        asking = client(server)
        replies = asking.ask_all(questions())
    assert [reply.texts for reply in replies] == [("red",), ("blue",)] * 6
    assert all(reply.likely for reply in replies)
    assert asking.ledger.money == pytest.approx(server.cost(10, 20))


FAULTS = {
    "busy": lambda number: 429 if number % 3 else None,
    "broken": lambda number: (500, None, "silent", None)[number % 4],
    "nonsense": lambda number: "nonsense" if number % 4 == 1 else None,
    "huge": lambda number: "huge" if number % 4 == 2 else None,
    "usage": lambda number: "no-usage" if number % 2 else None,
    "all": lambda number: (429, None, "silent", None, "nonsense", None, "huge", None, "no-usage", None)[number % 10],
}


@pytest.mark.parametrize("fault", FAULTS.values(), ids=FAULTS)
@pytest.mark.parametrize("concurrency", [1, 8])
def test_the_bill_never_exceeds_the_limit_whatever_the_server_does(fault: Any, concurrency: int) -> None:
    with Server(fault=fault, seconds=0.002) as server:
        needed = sum(PRICES.cost(one.most_read, one.most_written) for one in questions(40))
        asking = client(server, most=needed / 4, concurrency=concurrency)
        with pytest.raises((ResourceError, EndpointError)):
            asking.ask_all(questions(400))
        assert server.answered
        assert server.cost(10, 20) <= asking.ledger.money + 1e-12 <= needed / 4 + 2e-12


def test_nothing_is_sent_that_the_money_does_not_cover() -> None:
    with Server() as server, pytest.raises(ResourceError, match=r"may cost 0\.\d+, and 0\.0001 of --max-cost"):
        client(server, most=1e-4).ask_all(questions(1))
    assert server.headers == []


def test_equal_questions_are_paid_once_and_an_answer_outlives_the_process(tmp_path: Path) -> None:
    with Server() as server:
        first = client(server, path=tmp_path / "account.jsonl")
        replies = first.ask_all([*questions(), *questions()])
        again = client(server, path=tmp_path / "account.jsonl")
        assert again.ask_all(questions()) == replies[:12]
        assert len(server.requests) == 12
        assert again.ledger.money == pytest.approx(first.ledger.money)
    kept = (tmp_path / "account.jsonl").read_text("utf-8")
    assert "number" not in kept  # answers are kept by a digest of the question


def test_after_a_kill_nothing_that_was_answered_is_asked_again_and_the_limit_holds(tmp_path: Path) -> None:
    with Server(seconds=0.05) as server:
        script = (
            "import sys, test_endpoint as t\n"
            "from pathlib import Path\n"
            "from autogpt.endpoint import Client\n"
            "from autogpt.spending import Ledger\n"
            "ledger = Ledger(t.PRICES, most=1.0, path=Path(sys.argv[1]))\n"
            f"Client({server.address!r}, 'm', ledger).ask_all(t.questions(40))"
        )
        path = tmp_path / "account.jsonl"
        environment = {**os.environ, "PYTHONPATH": os.pathsep.join([str(Path(__file__).parent), *sys.path])}
        process = subprocess.Popen([sys.executable, "-c", script, str(path)], env=environment)
        while len(server.answered) < 12 and process.poll() is None:
            time.sleep(0.01)
        process.send_signal(signal.SIGKILL)
        process.wait()
        time.sleep(0.2)
        kept = [line for line in path.read_text("utf-8").splitlines() if '"answer"' in line]
        assert 4 <= len(kept) < 40
        asking = client(server, path=path, most=1.0)
        asking.ask_all(questions(40))
        twice = len(server.answered) - len(set(server.answered))
        assert twice <= asking.concurrency  # only what was under way
        assert len(server.answered) == 40 + twice
        assert server.cost(10, 20) <= asking.ledger.money + 1e-12  # and that is counted


@pytest.mark.parametrize("fault", ["slow", "drip"])
def test_a_server_that_is_slow_or_drips_is_left_in_time(fault: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(endpoint, "SECONDS", 0.3)
    monkeypatch.setattr(endpoint, "TRIES", 2)
    with Server(fault=lambda number: fault) as server:
        asking, started = client(server), time.monotonic()
        with pytest.raises(EndpointError, match="gave no answer in"):
            asking.ask_all(questions(3))
        assert time.monotonic() - started < 3
        assert asking.ledger.money >= server.cost(10, 20)


def test_time_that_has_run_out_is_said_before_anything_is_sent() -> None:
    with Server() as server, pytest.raises(ResourceError, match="no time left"):
        client(server, remaining=lambda: 0.0).ask_all(questions())
    assert server.headers == []


def test_a_run_that_is_stopped_asks_nothing_more() -> None:
    with Server() as server, pytest.raises(Interrupted):
        client(server, stop=lambda: bool(server.requests)).ask_all(questions(50))
    assert len(server.requests) < 10


def test_the_pause_that_a_busy_server_asks_for_is_kept() -> None:
    with Server(fault=lambda number: 429 if number == 1 else None, retry_after="0.4") as server:
        started = time.monotonic()
        client(server).ask_all(questions(1))
        assert time.monotonic() - started >= 0.4
    with (
        Server(fault=lambda number: 429, retry_after="9000") as server,
        pytest.raises(EndpointError, match="gave no answer"),
    ):
        client(server).ask_all(questions(1))


@pytest.mark.parametrize("refuses", [{"logprobs"}, {"temperature"}, {"max_tokens", "temperature", "logprobs"}])
def test_a_setting_that_a_server_does_not_know_is_left_out(refuses: set[str]) -> None:
    with Server(refuses=frozenset(refuses)) as server:
        replies = client(server).ask_all(questions())
        assert [reply.texts for reply in replies] == [("red",), ("blue",)] * 6
        assert all({"max_tokens", "max_completion_tokens"} & body.keys() for body in server.requests)


@pytest.mark.parametrize("fault", ["nonsense", "huge"])
def test_a_server_that_speaks_no_protocol_is_left_after_few_requests(fault: str) -> None:
    with Server(fault=lambda number: fault) as server:
        with pytest.raises(EndpointError, match="gives no usable answers"):
            client(server).ask_all(questions(200))
        assert len(server.requests) <= 10


def test_another_part_of_the_protocol_that_is_refused_is_said_at_once() -> None:
    with Server(key="another") as server, pytest.raises(EndpointError, match="HTTP 401"):
        client(server).call("fine_tuning/jobs")
    with Server(fault=lambda number: 400) as server, pytest.raises(EndpointError, match="HTTP 400: no"):
        client(server).call("chat/completions", method="POST", body=b'{"model": "m", "messages": []}')
    assert len(server.requests) == 1


def test_one_answer_that_is_none_does_not_end_the_others() -> None:
    with Server(fault=lambda number: "huge" if number == 5 else None) as server:
        replies = client(server).ask_all(questions())
    assert [bool(reply.problem) for reply in replies].count(True) == 1


def test_a_wrong_key_is_said_at_once_and_never_shown() -> None:
    with Server(key="another") as server, pytest.raises(EndpointError, match="HTTP 401: Incorrect API key") as told:
        client(server, key=KEY).ask_all(questions())
    assert KEY not in str(told.value)
    assert KEY not in repr(client(server, key=KEY))


def test_a_key_that_a_server_says_back_is_struck_out() -> None:
    with Server(key=KEY, think=lambda messages: f"your key is {KEY}") as server:
        (reply,) = client(server, key=KEY).ask_all(
            [Question(({"role": "system", "content": "x"}, {"role": "user", "content": "y"}), 64)]
        )
    assert reply.texts == ("your key is ***",)


@pytest.fixture
def redirecting() -> Iterator[tuple[str, list[str]]]:
    """A server that sends everybody elsewhere."""
    asked: list[str] = []

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            asked.append(self.path)
            self.send_response(307)
            self.send_header("Location", f"http://127.0.0.1:{self.server.server_address[1]}/elsewhere")  # type: ignore[misc]
            self.end_headers()

        def log_message(self, format: str, *args: Any) -> None: ...

    server = http.server.HTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}/v1", asked
    server.shutdown()
    server.server_close()


def test_a_redirect_is_not_followed(redirecting: tuple[str, list[str]]) -> None:
    address, asked = redirecting
    with pytest.raises(EndpointError, match="HTTP 307"):
        Client(address, "m", Ledger(PRICES), key=KEY).ask_all(questions(1))
    assert asked == ["/v1/chat/completions"]


def test_nobody_at_the_address_costs_nothing() -> None:
    with Server() as server:
        asking = client(server)
    with pytest.raises(EndpointError, match="cannot be reached"):
        asking.ask_all(questions())
    assert asking.ledger.money == 0


@pytest.mark.parametrize(
    "address",
    ["file:///etc/passwd", "localhost:8000", "http://", "https://user:word@host/v1", "https://host/v1?key=x", ""],
)
def test_only_a_place_is_an_address(address: str) -> None:
    with pytest.raises(ConfigError) as told:
        Endpoint(endpoint=address)
    assert "user:word" not in str(told.value)


def test_offline_refuses_before_any_byte_is_sent() -> None:
    with Server() as server:
        with pytest.raises(OfflineError, match="--offline forbids"):
            RunConfig(source=Source(offline=True), remote=Endpoint(endpoint=server.address))
        with pytest.raises(OfflineError, match="--offline forbids"):
            endpoint.open_client(Endpoint(endpoint=server.address), offline=True)
        assert server.headers == []


@pytest.mark.parametrize(
    ("given", "problem"),
    [
        ({"max_cost": 2.0}, "name it with --endpoint"),
        ({"endpoint": "http://h/v1", "max_cost": 2.0}, "give --price-in and --price-out"),
        ({"endpoint": "http://h/v1", "price_in": 2.0, "max_cost": 2.0}, "one price is missing"),
        ({"endpoint": "http://h/v1", "price_in": 2.0, "price_out": 2.0}, "give --max-cost"),
        ({"endpoint": "http://h/v1", "endpoint_key": "NO_SUCH_VARIABLE"}, "has no NO_SUCH_VARIABLE"),
    ],
)
def test_what_is_said_by_halves_is_refused(given: dict[str, Any], problem: str) -> None:
    with pytest.raises(ConfigError, match=problem):
        endpoint.open_client(Endpoint(**given), offline=False)


def test_a_key_in_place_of_its_variable_is_refused_and_not_repeated() -> None:
    with pytest.raises(ConfigError, match="never the key itself") as told:
        Endpoint(endpoint="http://localhost/v1", endpoint_key=KEY)
    assert KEY not in str(told.value)


def test_a_key_that_was_not_named_does_not_travel_in_the_clear(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", KEY)
    assert endpoint.key_for("https://a.example/v1") == endpoint.key_for("http://localhost:1/v1") == KEY
    assert endpoint.key_for("http://a.example/v1") == ""
    assert endpoint.key_for("http://a.example/v1", "OPENAI_API_KEY") == KEY


def test_a_saved_model_asks_nobody_whom_the_environment_does_not_name(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(endpoint.ALLOWED, raising=False)
    with pytest.raises(OfflineError, match="nobody allowed that"):
        endpoint.permitted("http://a.example/v1", "m")
    monkeypatch.setenv(endpoint.ALLOWED, "http://b.example/v1")
    with pytest.raises(OfflineError, match="nobody allowed that"):
        endpoint.permitted("http://a.example/v1", "m")
    monkeypatch.setenv(endpoint.ALLOWED, "http://a.example/v1/")
    assert endpoint.permitted("http://a.example/v1", "m").model == "m"


def test_what_stands_in_the_account_can_be_read_by_people(tmp_path: Path) -> None:
    with Server() as server:
        client(server, path=tmp_path / "account.jsonl").ask_all(questions(1))
    begun, ended = map(json.loads, (tmp_path / "account.jsonl").read_text("utf-8").splitlines())
    assert begun["money"] >= ended["money"] > 0
    assert ended["answer"]["texts"] == ["red"]


def test_an_answer_is_read_to_its_limit_only() -> None:
    with Server(fault=lambda number: "huge") as server, pytest.raises(exchange.TooLargeError):
        exchange.exchange(
            "POST", f"{server.address}/chat/completions", headers={}, seconds=5, most_bytes=1000,
            body=json.dumps({"model": "m", "messages": [{"role": "user", "content": "x"}]}).encode(),
        )  # fmt: skip
