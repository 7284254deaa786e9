"""Order answers that go wrong: of the next calls to a path, so many times.

A fault spoils the answer only. The call has done its work, as when a connection breaks after the vendor
was done. With `"before": true` the call does nothing.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Any

JSON_TYPE = "application/json"


@dataclass(frozen=True, slots=True)
class Reply:
    """Bytes for the wire.

    `declared` is the Content-Length where that is not the truth, `pause` the seconds between two bytes.
    A reply that is `dropped` is never sent.
    """

    status: int
    body: bytes
    content_type: str = JSON_TYPE
    headers: dict[str, str] = field(default_factory=dict)
    declared: int | None = None
    pause: float = 0.0
    dropped: bool = False


@dataclass(slots=True)
class Fault:
    """One ordered fault.

    `path` is a part of the path with its query ("hwi-devices/?page=2&"), "" for any. `times` counts down;
    None stays for ever.
    """

    kind: str
    path: str = ""
    method: str = ""
    times: int | None = 1
    before: bool = False
    options: dict[str, Any] = field(default_factory=dict)

    def meets(self, method: str, path: str) -> bool:
        return self.path in path and self.method in ("", method)

    def spoil(self, reply: Reply) -> Reply:
        return KINDS[self.kind](reply, **self.options)


class Faults:
    """Keep the faults that are ordered. Callers hold the lock of `State`."""

    def __init__(self) -> None:
        self._waiting: list[Fault] = []

    def add(self, order: dict[str, Any]) -> None:
        """Order a fault. Raises ValueError for a fault or an option that does not exist."""
        named = {
            name: order.pop(name) for name in ("kind", "path", "method", "times", "before") if name in order
        }
        fault = Fault(**named, options=order) if named.get("kind") in KINDS else None
        if fault is None:
            raise ValueError(f"A fault is one of {', '.join(KINDS)}.")
        try:
            fault.spoil(Reply(200, b"{}"))
        except TypeError as error:
            raise ValueError(str(error)) from error
        self._waiting.append(fault)

    def clear(self) -> None:
        self._waiting.clear()

    def take(self, method: str, path: str) -> Fault | None:
        """Return the first fault ordered for this call, and count it. `path` includes the query."""
        for fault in self._waiting:
            if fault.meets(method, path):
                if fault.times is not None:
                    fault.times -= 1
                    if fault.times <= 0:
                        self._waiting.remove(fault)
                return fault
        return None


def _status(
    reply: Reply, status: int, retry_after: int | None = None, detail: str = "Out of order."
) -> Reply:
    headers = {} if retry_after is None else {"Retry-After": str(retry_after)}
    return Reply(status, json.dumps({"detail": detail}).encode(), headers=headers)


def _drop(reply: Reply) -> Reply:
    return replace(reply, dropped=True)


def _slow(reply: Reply, pause: float = 1.0) -> Reply:
    return replace(reply, pause=pause)


def _html(reply: Reply, status: int = 200) -> Reply:
    return Reply(status, b"<!doctype html><title>Maintenance</title><p>Back soon.", content_type="text/html")


def _half(reply: Reply) -> Reply:
    return replace(reply, body=reply.body[: len(reply.body) // 2])


def _cut(reply: Reply) -> Reply:
    return replace(reply, body=reply.body[: len(reply.body) // 2], declared=len(reply.body))


def _huge(reply: Reply, megabytes: int = 10) -> Reply:
    return replace(reply, body=b"[" + b"0," * (megabytes * 512 * 1024) + b"0]")


def _redirect(reply: Reply, to: str, status: int = 302) -> Reply:
    return Reply(status, b"", headers={"Location": to})


def _body(reply: Reply, body: Any) -> Reply:
    return replace(reply, body=json.dumps(body).encode())


KINDS: dict[str, Callable[..., Reply]] = {
    "status": _status,
    "drop": _drop,
    "slow": _slow,
    "html": _html,
    "half": _half,
    "cut": _cut,
    "huge": _huge,
    "redirect": _redirect,
    "body": _body,
}
