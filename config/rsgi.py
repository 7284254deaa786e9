"""What granian serves: Django's WSGI application, to which a request comes once its body is here.

A thread that reads a body waits for its sender. With a few slow senders no thread would be left for
anybody else, so bodies are read on granian's event loop, where waiting costs nothing, and a request
takes a seat only when all of it has arrived. A seat is a thread that keeps its own connection to
PostgreSQL. Webhooks have their own: no crowd of exports keeps the vendor waiting, and there are few of
them, because threads beyond what the machine does at once only overtake each other, while in the queue
for a seat the first to come is the first to be served.
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

SEATS_FOR_PAGES = 16
SEATS_FOR_WEBHOOKS = 6
SECONDS_FOR_A_BODY = 20.0
SECONDS_FOR_THE_DATABASE = 10.0  # for one answer to a page; the webhooks' doors wait less

deadline.limit_everywhere(SECONDS_FOR_THE_DATABASE)
page_seats = ThreadPoolExecutor(SEATS_FOR_PAGES, thread_name_prefix="page")
webhook_seats = ThreadPoolExecutor(SEATS_FOR_WEBHOOKS, thread_name_prefix="webhook")


class Head:
    """What PEP 3333 calls `start_response`: keeps the status and the headers."""

    def __call__(self, line: str, headers: list[tuple[str, str]], _: Any = None, /) -> Callable[[bytes], Any]:
        self.status, self.headers = int(line[:3]), headers
        return lambda data: None


class EndedEarly(io.RawIOBase):
    """In place of a body that did not come whole: whoever wants to read it is told so."""

    def read(self, size: int = -1) -> bytes:
        raise OSError("The body ended early, or took too long.")


async def application(scope: Scope, protocol: HTTPProtocol) -> None:
    """Answer one request."""
    loop, environ = asyncio.get_running_loop(), environ_of(scope)
    environ["wsgi.input"] = await _body_of(environ, protocol)
    seats = webhook_seats if scope.path.startswith("/webhooks/") else page_seats
    await loop.run_in_executor(seats, _answer, environ, protocol, loop)


def environ_of(scope: Scope) -> dict[str, Any]:
    """The request as PEP 3333 has it, but for its body.

    A header with an underscore in its name is left out: it would pass for the one with a hyphen,
    which a proxy may have vouched for.
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
    """The whole body; of one over the limit at most a little more than that, which is never used."""
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
