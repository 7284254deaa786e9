"""A load generator for webhooks: a few processes with many kept connections each, over bare sockets.

It costs some 50 µs of a core for each request, a fraction of what any of the servers costs.
"""

from __future__ import annotations

import multiprocessing
import re
import selectors
import socket
import statistics
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from multiprocessing.queues import Queue
from multiprocessing.synchronize import Barrier
from typing import cast

PROCESSES = 2
LENGTH = re.compile(rb"content-length: *(\d+)", re.IGNORECASE)
ANSWER_LIMIT = 30.0  # seconds
AT_LEAST = 20  # answers a process: on a busy machine a round takes longer instead of measuring nothing


@dataclass(frozen=True)
class Load:
    """What one round saw: answered requests per second, and seconds until half and 99 % had answers."""

    rate: float
    median: float
    p99: float
    sent: list[int]  # the places of the requests that went out


@dataclass(frozen=True)
class Plan:
    """`connections` requests are under way at 127.0.0.1:`port` for `warm_up` + `seconds`, or longer."""

    port: int
    connections: int
    warm_up: float
    seconds: float


@dataclass(frozen=True)
class Report:
    """One process: seconds each request answered after the warm-up took, within how many seconds, how
    many were sent, and what ended it early ("" for nothing)."""

    waits: list[float] = field(default_factory=list)
    seconds: float = 0.0
    sent: int = 0
    failure: str = ""


def post(path: str, authorization: str, body: bytes) -> bytes:
    """A request as it goes over the wire, on a connection that is kept."""
    head = (
        f"POST {path} HTTP/1.1\r\nHost: 127.0.0.1\r\nAuthorization: {authorization}\r\n"
        f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n"
    )
    return head.encode() + body


def send(requests: Sequence[bytes], plan: Plan) -> Load:
    """Every answer must be a 200. Raises RuntimeError for any other, or when `requests` do not last."""
    context = multiprocessing.get_context("fork")
    reports: Queue[tuple[int, Report]] = context.Queue()
    together = context.Barrier(PROCESSES)
    senders = [
        context.Process(target=_send, args=(number, requests[number::PROCESSES], plan, together, reports))
        for number in range(PROCESSES)
    ]
    for sender in senders:
        sender.start()
    found = dict(reports.get(timeout=plan.warm_up + plan.seconds + 2 * ANSWER_LIMIT) for _ in senders)
    for sender in senders:
        sender.join()
    if failures := [report.failure for report in found.values() if report.failure]:
        raise RuntimeError("; ".join(failures))
    waits = sorted(wait for report in found.values() for wait in report.waits)
    return Load(
        rate=sum(len(report.waits) / report.seconds for report in found.values()),
        median=statistics.median(waits),
        p99=waits[len(waits) * 99 // 100],
        sent=[n + PROCESSES * place for n, report in found.items() for place in range(report.sent)],
    )


def _send(
    number: int, requests: Sequence[bytes], plan: Plan, together: Barrier, reports: Queue[tuple[int, Report]]
) -> None:
    try:
        reports.put((number, _Sender(requests, plan).run(together)))
    except Exception as error:
        reports.put((number, Report(failure=f"{type(error).__name__}: {error}")))
        together.abort()


class _Sender:
    def __init__(self, requests: Sequence[bytes], plan: Plan) -> None:
        self.plan = plan
        self.requests = iter(requests)
        self.selector = selectors.DefaultSelector()
        self.sent_at: dict[socket.socket, float] = {}
        self.parts: dict[socket.socket, bytes] = {}
        self.sent = 0
        connections = plan.connections // PROCESSES
        self.sockets = [socket.create_connection(("127.0.0.1", plan.port)) for _ in range(connections)]
        for each in self.sockets:
            each.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            self.selector.register(each, selectors.EVENT_READ)

    def run(self, together: Barrier) -> Report:
        together.wait(ANSWER_LIMIT)
        begin = time.perf_counter() + self.plan.warm_up
        end = begin + self.plan.seconds
        waits: list[float] = []
        for each in self.sockets:
            self._send_next(each)
        while self.sent_at:
            ready = self.selector.select(ANSWER_LIMIT)
            if not ready:
                raise RuntimeError(f"no answer within {ANSWER_LIMIT:.0f} s")
            for key, _ in ready:
                answered = cast(socket.socket, key.fileobj)
                if not self._is_answered(answered):
                    continue
                now, sent_at = time.perf_counter(), self.sent_at.pop(answered)
                if now >= end and len(waits) >= AT_LEAST:
                    continue
                if now >= begin:
                    waits.append(now - sent_at)
                    end = max(end, now)
                self._send_next(answered)
        return Report(waits, end - begin, self.sent)

    def _send_next(self, to: socket.socket) -> None:
        try:
            request = next(self.requests)
        except StopIteration:
            raise RuntimeError("the prepared requests did not last") from None
        self.sent_at[to] = time.perf_counter()
        self.sent += 1
        to.sendall(request)

    def _is_answered(self, of: socket.socket) -> bool:
        piece = of.recv(65536)
        if not piece:
            raise RuntimeError("the server closed the connection")
        answer = self.parts.pop(of, b"") + piece
        head, found, body = answer.partition(b"\r\n\r\n")
        length = LENGTH.search(head)
        if not found or not length or len(body) < int(length[1]):
            self.parts[of] = answer
            return False
        if answer[9:12] != b"200":
            raise RuntimeError(f"answered {answer[:300]!r}")
        return True
