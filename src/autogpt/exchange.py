"""One HTTP exchange, bounded in seconds and in bytes. Nothing here follows a redirect, so a key never travels on.

The limits are on the whole of it: a server that sends a byte now and then holds nobody longer than one that is silent.
"""

from __future__ import annotations

import threading
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING
from urllib.parse import SplitResult, urlsplit

from autogpt.errors import ConfigError

if TYPE_CHECKING:
    import http.client
    import socket

LOOPBACK = frozenset({"localhost", "127.0.0.1", "::1"})


class NeverSentError(OSError):
    """Nobody was reached: the request was not sent, and costs nothing."""


class TooLargeError(OSError):
    """The answer has more bytes than are allowed."""


@dataclass(frozen=True, slots=True)
class Answer:
    """What came back."""

    status: int
    headers: Mapping[str, str]
    content: bytes


def checked(address: str) -> str:
    """The address as it is used: http or https, a host, no user, no question; ConfigError otherwise."""
    parts = urlsplit(address.strip())
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise ConfigError(f"endpoint {address[:80]!r} is not an address; write it as http://host:port/v1")
    if parts.username or parts.password or parts.query or parts.fragment:
        raise ConfigError(
            f"the endpoint's address at {parts.hostname} holds more than a place (a name, a password, a question); "
            "write it as http://host:port/v1, and the key into the environment"
        )
    return address.strip().rstrip("/")


def is_private(address: str) -> bool:
    """Whether nobody on the way can read what is sent: encrypted, or not leaving this machine."""
    parts = urlsplit(address)
    return parts.scheme == "https" or parts.hostname in LOOPBACK


def exchange(
    method: str, address: str, *, headers: Mapping[str, str], body: bytes | None, seconds: float, most_bytes: int
) -> Answer:
    """Send and receive. NeverSentError; TimeoutError after `seconds` in all; TooLargeError; any other OSError."""
    import http.client

    parts = urlsplit(address)
    connection = _connection(parts, seconds)
    try:
        connection.connect()
    except (OSError, http.client.HTTPException, ValueError) as problem:
        connection.close()
        raise NeverSentError(f"{parts.hostname} cannot be reached ({problem or type(problem).__name__})") from problem
    is_late = threading.Event()
    watch = threading.Timer(seconds, _cut, (connection.sock, is_late))
    watch.daemon = True
    watch.start()
    try:
        connection.request(method, parts.path or "/", body, dict(headers))
        response = connection.getresponse()
        content = response.read(most_bytes + 1)
    except (OSError, http.client.HTTPException, ValueError) as problem:
        if is_late.is_set() or isinstance(problem, TimeoutError):
            raise TimeoutError(f"no answer within {seconds:.0f} s") from None
        raise OSError(f"the answer broke off ({type(problem).__name__})") from problem
    finally:
        watch.cancel()
        connection.close()
    if is_late.is_set():
        raise TimeoutError(f"no answer within {seconds:.0f} s")
    if len(content) > most_bytes:
        raise TooLargeError(f"the answer has more than {most_bytes:,} bytes")
    return Answer(response.status, {name.lower(): value for name, value in response.getheaders()}, content)


def _connection(parts: SplitResult, seconds: float) -> http.client.HTTPConnection:
    """A connection to the host itself, or through the proxy that the environment names for it."""
    import http.client
    import urllib.request

    kind = http.client.HTTPSConnection if parts.scheme == "https" else http.client.HTTPConnection
    host = parts.hostname or ""
    proxy = urllib.request.getproxies().get(parts.scheme)
    if not proxy or host in LOOPBACK or urllib.request.proxy_bypass(host):
        return kind(host, parts.port, timeout=seconds)
    through = urlsplit(proxy if "//" in proxy else f"//{proxy}")
    connection = kind(through.hostname or "", through.port, timeout=seconds)
    connection.set_tunnel(host, parts.port)
    return connection


def _cut(line: socket.socket, is_late: threading.Event) -> None:
    import socket

    is_late.set()
    try:
        line.shutdown(socket.SHUT_RDWR)
    except OSError:  # it ended in this very moment
        return
