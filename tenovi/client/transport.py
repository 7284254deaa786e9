"""Make one HTTP exchange with a total deadline, for `tenovi.client.caller` alone.

`requests` limits the time of each read, not of a call: a vendor that sends a byte now and then would
hold a worker for hours. So a watchdog shuts the socket down at the deadline, which ends any read,
TLS handshakes included.

Every exchange opens its own connection. No request can be lost on one that the vendor has just closed,
and a failure to connect proves that nothing was sent. The gate is asked between the open connection and
the first byte, so that a slow handshake never moves a request closer to the one before.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import socket
import struct
import termios
import threading
import time
from collections.abc import Mapping
from types import TracebackType
from typing import Any

import requests
from requests.adapters import HTTPAdapter
from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.connectionpool import HTTPConnectionPool, HTTPSConnectionPool

from tenovi.client.gate import Gate

CONNECT_TIMEOUT = 5.0  # seconds, for each address of the vendor's host


class Exchange:
    """The deadline and the progress of one exchange, which runs inside it as a context."""

    def __init__(self, gate: Gate, deadline: float) -> None:
        self.gate = gate
        self.began_sending = False
        self.has_left = False
        self.expired = False
        self._since = time.monotonic()
        self._sockets: list[socket.socket] = []
        self._timer = threading.Timer(deadline, self._expire)
        self._timer.daemon = True

    def __enter__(self) -> Exchange:
        self._timer.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._timer.cancel()
        self._timer.join()
        for watched in self._sockets:
            watched.close()

    def open_gate(self) -> None:
        """Wait for our slot. A request that fails after this may have reached the vendor."""
        self.gate.confirm()
        self.began_sending = True
        self._since = time.monotonic()

    def has_arrived(self) -> bool:
        """Whether the vendor's network has acknowledged every byte of the request. For any thread."""
        if not self.has_left:
            return False
        with contextlib.suppress(OSError, ValueError):  # closed meanwhile
            unacknowledged = fcntl.ioctl(self._sockets[-1].fileno(), termios.TIOCOUTQ, bytes(4))
            return struct.unpack("i", unacknowledged) == (0,)
        return False

    def milliseconds(self) -> int:
        """Return the time since the first byte left, or since the start while none has."""
        return round((time.monotonic() - self._since) * 1000)

    def watch(self, connected: socket.socket) -> None:
        # A duplicate, because TLS takes the original out of reach; shutting it down reaches both.
        self._sockets.append(socket.socket(fileno=os.dup(connected.fileno())))
        if self.expired:
            self._expire()

    def _expire(self) -> None:
        self.expired = True
        for watched in self._sockets:
            try:
                watched.shutdown(socket.SHUT_RDWR)
            except OSError:  # already closed by the vendor
                continue


class OneExchange(HTTPAdapter):
    """Sends the one request of an `Exchange`: no retries, no reuse."""

    def __init__(self, exchange: Exchange) -> None:
        self._exchange = exchange
        super().__init__(max_retries=0, pool_maxsize=1)

    def init_poolmanager(self, *args: Any, **kwargs: Any) -> None:
        super().init_poolmanager(*args, **kwargs)
        exchange = self._exchange

        class Http(_Gated, HTTPConnection):
            under = exchange

        class Https(_Gated, HTTPSConnection):
            under = exchange

        class HttpPool(HTTPConnectionPool):
            ConnectionCls = Http

        class HttpsPool(HTTPSConnectionPool):
            ConnectionCls = Https

        self.poolmanager.pool_classes_by_scheme = {"http": HttpPool, "https": HttpsPool}


class _Gated(HTTPConnection):
    """A connection that the deadline can shut down, and that asks the gate before it sends."""

    under: Exchange

    def _new_conn(self) -> socket.socket:
        connected = super()._new_conn()
        self.under.watch(connected)
        return connected

    def request(self, *args: Any, **kwargs: Any) -> None:
        if self.sock is None:
            self.connect()
        self.under.open_gate()
        try:
            super().request(*args, **kwargs)
        finally:
            self.under.gate.sent()
            self.under.has_left = True

    def getresponse(self) -> Any:
        try:
            return super().getresponse()
        finally:
            self.under.gate.answered()


def send(
    exchange: Exchange,
    method: str,
    url: str,
    *,
    headers: Mapping[str, str],
    body: bytes | None = None,
    read_timeout: float,
    size_cap: int,
) -> tuple[requests.Response, bytes | None]:
    """Send one request with a JSON `body`, or with none.

    Returns the answer and its body, None when that is larger than `size_cap` bytes. Raises what `requests`
    and the gate raise.
    """
    with requests.Session() as session:
        session.trust_env = False  # no proxies, no .netrc: the key goes where we say
        session.mount("http://", OneExchange(exchange))
        session.mount("https://", OneExchange(exchange))
        response = session.request(
            method,
            url,
            data=body,
            headers={
                **headers,
                **({} if body is None else {"Content-Type": "application/json"}),
                "Accept-Encoding": "identity",
                "Connection": "close",
            },
            timeout=(CONNECT_TIMEOUT, read_timeout),
            allow_redirects=False,
            stream=True,
        )
        with response:
            return response, _body(response, size_cap)


def _body(response: requests.Response, size_cap: int) -> bytes | None:
    if int(response.raw.headers.get("Content-Length") or 0) > size_cap:
        return None
    body = b""
    for chunk in response.raw.stream(64 * 1024, decode_content=False):
        body += chunk
        if len(body) > size_cap:
            return None
    return body
