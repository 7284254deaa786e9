"""Serve Django's WSGI application on granian, and hand it a request once the body is here.

A thread that reads a body waits for its sender: a few slow senders would take all threads. So bodies are
read on granian's event loop, where waiting costs nothing, and a request takes a seat only when all of it
has arrived. A seat is a thread that keeps its own connection to PostgreSQL. Webhooks have seats of their
own, so that many exports do not delay the vendor. They are few: more threads than the machine runs at
once only overtake each other, while the queue for a seat serves in order of arrival.
"""

from __future__ import annotations

import asyncio
import io
import sys
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from django.conf import settings
from granian.rsgi import HTTPProtocol, ProtocolClosed, ProtocolError, Scope  # type: ignore[attr-defined]

from common.database import deadline
from config.wsgi import application as django
from tenovi.inbound.urls import is_webhook

SEATS_FOR_PAGES = 16
SEATS_FOR_WEBHOOKS = 6
SECONDS_FOR_A_BODY = 20.0
SECONDS_FOR_THE_DATABASE = 10.0  # for one answer to a page; webhooks wait less

deadline.limit_everywhere(SECONDS_FOR_THE_DATABASE)
page_seats = ThreadPoolExecutor(SEATS_FOR_PAGES, thread_name_prefix="page")
webhook_seats = ThreadPoolExecutor(SEATS_FOR_WEBHOOKS, thread_name_prefix="webhook")


class Head:
    """Keeps the status and the headers: the `start_response` of PEP 3333."""

    def __call__(self, line: str, headers: list[tuple[str, str]], _: Any = None, /) -> Callable[[bytes], Any]:
        self.status, self.headers = int(line[:3]), headers
        return lambda data: None


class EndedEarly(io.RawIOBase):
    """Stands in for a body that arrived incomplete. Reading it raises OSError."""

    def read(self, size: int = -1) -> bytes:
        raise OSError("The body ended early, or took too long.")


async def application(scope: Scope, protocol: HTTPProtocol) -> None:
    """Answer one request."""
    loop, environ = asyncio.get_running_loop(), environ_of(scope)
    environ["wsgi.input"] = await _body_of(environ, protocol)
    seats = webhook_seats if is_webhook(scope.path) else page_seats
    await loop.run_in_executor(seats, _answer, environ, protocol, loop)


def environ_of(scope: Scope) -> dict[str, Any]:
    """Build the environ of PEP 3333, without the body.

    A header with an underscore in its name is left out: it would pass for the one with a hyphen, which a
    proxy may have vouched for.
    """
    host, _, port = scope.server.rpartition(":")
    environ = {
        "REQUEST_METHOD": scope.method,
        "SCRIPT_NAME": "",
        "PATH_INFO": scope.path.encode().decode("latin-1"),
        "QUERY_STRING": scope.query_string,
        "SERVER_NAME": host,
        "SERVER_PORT": port,
        "SERVER_PROTOCOL": f"HTTP/{scope.http_version}",
        "REMOTE_ADDR": scope.client.rpartition(":")[0].strip("[]"),
        "wsgi.version": (1, 0),
        "wsgi.url_scheme": scope.scheme,
        "wsgi.errors": sys.stderr,
        "wsgi.multithread": True,
        "wsgi.multiprocess": True,
        "wsgi.run_once": False,
    }
    for name, value in scope.headers.items():
        if "_" not in name:
            key = name.upper().replace("-", "_")
            key = key if key in ("CONTENT_TYPE", "CONTENT_LENGTH") else f"HTTP_{key}"
            environ[key] = f"{environ[key]},{value}" if key in environ else value
    return environ


async def _body_of(environ: dict[str, Any], protocol: HTTPProtocol) -> io.IOBase:
    """Read the whole body. Of one over the limit only a little more than the limit, which is never used."""
    limit = settings.DATA_UPLOAD_MAX_MEMORY_SIZE
    try:
        async with asyncio.timeout(SECONDS_FOR_A_BODY):
            if "HTTP_TRANSFER_ENCODING" in environ:
                return await _in_pieces(protocol, limit)
            if 0 < int(environ.get("CONTENT_LENGTH", 0)) <= limit:
                return io.BytesIO(await protocol())
    except (TimeoutError, ProtocolClosed, ProtocolError):
        return EndedEarly()
    return io.BytesIO()


async def _in_pieces(protocol: HTTPProtocol, limit: int) -> io.BytesIO:
    body = io.BytesIO()
    async for piece in protocol:
        if body.write(piece) and body.tell() > limit:
            break
    body.seek(0)
    return body


def _answer(environ: dict[str, Any], protocol: HTTPProtocol, loop: asyncio.AbstractEventLoop) -> None:
    head = Head()
    response: Any = django(environ, head)
    try:
        if not response.streaming:
            protocol.response_bytes(head.status, head.headers, b"".join(response))
            return
        stream = protocol.response_stream(head.status, head.headers)
        for piece in response:
            asyncio.run_coroutine_threadsafe(_pass_on(stream, piece), loop).result()
    except ProtocolError:
        return  # the client hung up
    finally:
        response.close()


async def _pass_on(stream: Any, piece: bytes) -> None:
    await stream.send_bytes(piece)
