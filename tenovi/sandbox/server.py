"""Serve the sandbox over HTTP: check the key and the rate, spoil answers as ordered, write them."""

from __future__ import annotations

import json
import re
import socket
import time
from dataclasses import replace
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qsl, urlsplit

from tenovi.sandbox import responses, routes
from tenovi.sandbox.control import Control
from tenovi.sandbox.faults import Fault, Faults, Reply
from tenovi.sandbox.live_readings import Live
from tenovi.sandbox.state import Exchange, State

CLIENT_PATH = re.compile(r"/clients/(?P<domain>[^/]+)(?P<path>/.*)")
LOOPBACK_TWINS = {"127.0.0.1": "localhost", "localhost": "127.0.0.1"}


class SandboxServer(ThreadingHTTPServer):
    """Listen on 127.0.0.1 alone. Port 0 takes a free one, see `server_port`."""

    daemon_threads = True
    request_queue_size = 128

    def __init__(self, port: int, state: State, live: Live) -> None:
        super().__init__(("127.0.0.1", port), Handler)
        self.state = state
        self.faults = Faults()
        self.control = Control(state, self.faults, live)


class Handler(BaseHTTPRequestHandler):
    server: SandboxServer
    protocol_version = "HTTP/1.1"
    server_version = "tenovi-sandbox"
    disable_nagle_algorithm = True

    def serve(self) -> None:
        arrived = time.monotonic()
        url = urlsplit(self.path)
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        if url.path.startswith("/_sandbox/"):
            self._send(self._controlled(url.path.removeprefix("/_sandbox/"), body))
            return
        key = self.headers.get("Authorization", "")
        exchange = Exchange(
            arrived,
            self.command,
            url.path,
            dict(parse_qsl(url.query, keep_blank_values=True)),
            key.removeprefix("Api-Key "),
            self.headers.get("Host", ""),
        )
        with self.server.state.lock:
            self.server.state.exchanges.append(exchange)
        reply = self._answered(exchange, url.query, body)
        exchange.status = None if reply.dropped else reply.status
        exchange.done = True
        self._send(reply)

    do_GET = do_POST = do_PUT = do_PATCH = do_DELETE = serve

    def log_message(self, format: str, *args: Any) -> None:
        """Log nothing: every request is in `GET /_sandbox/requests`."""

    def _answered(self, exchange: Exchange, query: str, body: bytes) -> Reply:
        state = self.server.state
        match = CLIENT_PATH.fullmatch(exchange.path)
        if match is None or match["domain"] != state.domain:
            return _reply(responses.not_found())
        if not exchange.path.endswith("/") and routes.knows(f"{match['path']}/"):
            return self._with_slash(exchange.path, query)
        refused = self._refused(exchange)
        if refused:
            return _reply(refused)
        try:
            content = json.loads(body) if body else None
        except ValueError:
            return _reply(responses.refuse(HTTPStatus.BAD_REQUEST, "JSON parse error."))
        request = responses.Request(match["domain"], exchange.method, match["path"], exchange.query, content)
        with_query = f"{match['path']}?{query}" if query else match["path"]
        with state.lock:
            fault = self.server.faults.take(exchange.method, with_query)
        return _spoiled(fault, request, state)

    def _refused(self, exchange: Exchange) -> responses.Answer | None:
        state = self.server.state
        given = self.headers.get("Authorization", "")
        with state.lock:
            if not given.startswith("Api-Key ") or exchange.key not in state.keys:
                return responses.refuse(HTTPStatus.FORBIDDEN, "Authentication credentials were not provided.")
            if not state.within_rate(exchange.key, exchange.monotonic):
                wait = {"Retry_After": "1"} if state.settings.retry_after else {}
                return responses.refuse(HTTPStatus.TOO_MANY_REQUESTS, "Request was throttled.", **wait)
        if self.headers.get("Content-Length") not in (None, "0"):
            kind = self.headers.get("Content-Type", "")
            if not kind.startswith("application/json"):
                return responses.refuse(
                    HTTPStatus.UNSUPPORTED_MEDIA_TYPE, f'Unsupported media type "{kind}" in request.'
                )
        return None

    def _with_slash(self, path: str, query: str) -> Reply:
        """Redirect to another name of this machine, so that HTTP clients drop the key as they do at the vendor."""
        host, _, port = self.headers.get("Host", "").partition(":")
        target = f"http://{LOOPBACK_TWINS.get(host, host)}:{port}{path}/{f'?{query}' if query else ''}"
        return Reply(HTTPStatus.MOVED_PERMANENTLY, b"", headers={"Location": target})

    def _controlled(self, call: str, body: bytes) -> Reply:
        try:
            order = json.loads(body) if body else None
        except ValueError:
            return _reply(responses.refuse(HTTPStatus.BAD_REQUEST, "JSON parse error."))
        status, answer = self.server.control.answer(self.command, call, order)
        return _reply(responses.Answer(status, answer))

    def _send(self, reply: Reply) -> None:
        if reply.dropped:
            self.close_connection = True
            self.connection.shutdown(socket.SHUT_RDWR)
            return
        if reply.declared is not None:
            self.close_connection = True
        self.send_response(reply.status)
        self.send_header("Content-Type", reply.content_type)
        self.send_header("Content-Length", str(len(reply.body) if reply.declared is None else reply.declared))
        for name, value in reply.headers.items():
            self.send_header(name, value)
        try:
            self.end_headers()
            self._write(reply)
        except ConnectionError:  # the client has lost patience
            self.close_connection = True

    def _write(self, reply: Reply) -> None:
        if not reply.pause:
            self.wfile.write(reply.body)
            return
        for place in range(len(reply.body)):
            time.sleep(reply.pause)
            self.wfile.write(reply.body[place : place + 1])
            self.wfile.flush()


def _spoiled(fault: Fault | None, request: responses.Request, state: State) -> Reply:
    if fault is None:
        return _answered(request, state)
    return fault.spoil(Reply(HTTPStatus.OK, b"{}") if fault.before else _answered(request, state))


def _answered(request: responses.Request, state: State) -> Reply:
    answer = routes.answer(state, request)
    with state.lock:
        return _reply(replace(answer, body=state.spelled(answer.body)))


def _reply(answer: responses.Answer) -> Reply:
    body = b"" if answer.body is None else json.dumps(answer.body).encode()
    return Reply(answer.status, body, headers=answer.headers)
