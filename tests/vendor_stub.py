"""A vendor over real HTTP that answers what a test tells it to, and remembers when it was asked.

The sandbox plays the vendor as documented; this one plays a vendor that is broken.
"""

from __future__ import annotations

import contextlib
import itertools
import json
import math
import threading
import time
from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import urlsplit

KEY = "Kd83hQz1.vN7bT5wYc0RfLm2P"
DOMAIN = "test-client"


@dataclass(frozen=True)
class Reply:
    """One answer. `raw` sends bytes as they are, status line included; `pause` seconds lie
    between its bytes, and the connection closes after the last."""

    status: int = 200
    body: Any = None
    headers: dict[str, str] = field(default_factory=dict)
    raw: bytes = b""
    pause: float = 0.0
    before: Callable[[], None] = lambda: None


@dataclass(frozen=True)
class Asked:
    at: float
    method: str
    path: str
    query: str
    headers: dict[str, str]
    body: bytes = b""


class VendorStub:
    """`stub.reply("/hwi/hwi-devices/", ...)`: answers are used up in order, the last one stays."""

    def __init__(self) -> None:
        self.asked: list[Asked] = []
        self._replies: dict[str, list[Reply]] = defaultdict(list)
        self._lock = threading.Lock()
        stub = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_GET(self) -> None:
                at = time.monotonic()
                address = urlsplit(self.path)
                body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
                asked = Asked(at, self.command, address.path, address.query, dict(self.headers), body)
                with contextlib.suppress(ConnectionError):  # the client may have given up
                    stub._answer(self, stub._remember(asked))

            do_POST = do_PUT = do_PATCH = do_DELETE = do_GET

            def log_message(self, format: str, *args: Any) -> None:
                """Quiet."""

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}"
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True)

    def reply(self, path: str, *replies: Reply) -> None:
        with self._lock:
            self._replies[f"/clients/{DOMAIN}{path}"] = list(replies)

    def reply_to_everything(self, *replies: Reply) -> None:
        with self._lock:
            self._replies.clear()
            self._replies["*"] = list(replies)

    @property
    def work(self) -> list[Asked]:
        """What was asked, save whether the vendor answers at all."""
        return [asked for asked in self.asked if not asked.query.endswith("page_size=1")]

    def paths(self) -> list[str]:
        """Where that work went, in order, without the client's part."""
        return [asked.path.removeprefix(f"/clients/{DOMAIN}") for asked in self.work]

    def smallest_gap(self) -> float:
        """Seconds between the two closest requests; endless while there are fewer."""
        times = sorted(asked.at for asked in self.asked)
        return min((later - earlier for earlier, later in itertools.pairwise(times)), default=math.inf)

    def _remember(self, asked: Asked) -> Reply:
        with self._lock:
            self.asked.append(asked)
            replies = self._replies.get(asked.path) or self._replies.get("*")
            if not replies:
                return Reply(404, {"detail": "Not found."})
            return replies.pop(0) if len(replies) > 1 else replies[0]

    def _answer(self, handler: BaseHTTPRequestHandler, reply: Reply) -> None:
        reply.before()
        handler.close_connection = True
        if reply.raw:
            for start in range(len(reply.raw)) if reply.pause else [0]:
                handler.wfile.write(reply.raw[start : start + 1] if reply.pause else reply.raw)
                time.sleep(reply.pause)
            return
        body = reply.body if isinstance(reply.body, bytes) else json.dumps(reply.body).encode()
        handler.send_response(reply.status)
        for name, value in {
            "Content-Type": "application/json",
            "Content-Length": str(len(body)),
            **reply.headers,
        }.items():
            handler.send_header(name, value)
        handler.end_headers()
        handler.wfile.write(body)

    def __enter__(self) -> VendorStub:
        self._thread.start()
        return self

    def __exit__(self, *error: object) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()
