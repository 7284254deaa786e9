"""Post readings as they happen, as webhooks, each once.

The vendor documents no repetition of a webhook that failed, so the sandbox repeats none. What the
receiver missed is still in the measurement lists.
"""

from __future__ import annotations

import json
import logging
import re
import threading
from contextlib import closing
from datetime import UTC, datetime, timedelta
from http.client import HTTPConnection, HTTPException, HTTPSConnection
from random import Random
from typing import Any
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo

from tenovi.sandbox.order_progress import advance_all, note_reading
from tenovi.sandbox.records import Json
from tenovi.sandbox.simulation import Device
from tenovi.sandbox.special_order_progress import advance_parcels
from tenovi.sandbox.state import State

log = logging.getLogger(__name__)

ANSWER_WITHIN = 10.0  # seconds
AWAKE = range(6, 23)  # o'clock where the patient lives
NEVER = datetime.min.replace(tzinfo=UTC)


class Live(threading.Thread):
    """Use one device every `seconds` and post its reading, whose times are now.

    With a `rhythm`, in hours, a device is used again only after so long, and not at night where its patient
    lives: people measure a few times a day. When no device is due, nothing is posted.
    """

    def __init__(self, state: State, seconds: float, rhythm: float = 0) -> None:
        super().__init__(name="live readings", daemon=True)
        self._state = state
        self._seconds = seconds
        self._rhythm = timedelta(hours=rhythm)
        self._used: dict[str, datetime] = {}
        self._stopped = threading.Event()
        self._random = Random(state.clinic.seed)
        self._held_back: dict[str, list[bytes]] = {}  # by webhook
        self._turn = 0
        self._lost = 0

    def run(self) -> None:
        while not self._stopped.wait(self._seconds):
            if due := self.due(datetime.now(UTC)):
                self.read(due.id)
            with self._state.lock:
                advance_all(self._state)
                advance_parcels(self._state)
            self.post_news()

    def stop(self) -> None:
        self._stopped.set()

    def read(self, device_id: str | None = None) -> tuple[list[Json], list[int | None]]:
        """Take one reading now and post it to every webhook that is registered for it.

        Returns its rows, and the receiver's status for each POST, None where it could not be reached. Raises
        KeyError for an unknown device, ValueError for one out of service.
        """
        with self._state.lock:
            device = self._state.simulated[device_id] if device_id else self._next()
            if not self._state.is_in_service(device.id):
                raise ValueError("A device that is unlinked or has no hardware yet sends nothing.")
            rows = self._state.add_live(self._state.clinic.live_reading(device, datetime.now(UTC)))
            note_reading(self._state, device.id)
            spelled = self._state.spelled(rows)
            webhooks = self._state.webhooks.for_readings(self._state.pin_of(device.id))
            posts = [(webhook, body) for webhook in webhooks for body in self._bodies(webhook, spelled)]
        statuses = [post(webhook, body) for webhook, body in posts]
        self._report(statuses)
        return rows, statuses

    def post_news(self) -> list[int | None]:
        """Post the queued news about parcels to the webhooks registered for them. Returns the statuses."""
        with self._state.lock:
            news, self._state.unposted = self._state.spelled(self._state.unposted), []
            posts = [(webhook, item) for item in news for webhook in self._state.webhooks.for_news(item)]
        return [post(webhook, json.dumps(item).encode()) for webhook, item in posts]

    def _report(self, statuses: list[int | None]) -> None:
        """Log one line when the receiver stops taking readings, and one when it is back."""
        for status in statuses:
            lost = status != 200
            if lost and not self._lost:
                log.warning(
                    "The receiver %s: readings are lost.", f"answers {status}" if status else "is away"
                )
            elif self._lost and not lost:
                log.warning("The receiver is back; %s posts were lost.", self._lost)
            self._lost = self._lost + 1 if lost else 0

    def due(self, now: datetime) -> Device | None:
        """Return the device to use next: of those that are due, the one unused for longest."""
        with self._state.lock:
            if not self._rhythm:
                return self._next()
            waiting = [device for device in self._state.devices_in_use() if self._is_due(device, now)]
            chosen = min(waiting, key=lambda device: self._used.get(device.id, NEVER), default=None)
            if chosen:
                self._used[chosen.id] = now
            return chosen

    def _is_due(self, device: Device, now: datetime) -> bool:
        # Each is used once after the start, so that a demo shows readings at any hour.
        used = self._used.get(device.id)
        awake = now.astimezone(ZoneInfo(device.patient.timezone)).hour in AWAKE
        return used is None or (awake and now - used >= self._rhythm)

    def _next(self) -> Device:
        devices = self._state.devices_in_use()
        self._turn += 1
        return devices[self._turn % len(devices)]

    def _bodies(self, webhook: Json, rows: list[Json]) -> list[bytes]:
        """Return the bodies to post for these rows, after withholding, doubling and disorder as set."""
        settings, random = self._state.settings, self._random
        payloads: list[Any] = [rows] if settings.push == "array" and webhook["post_as_array"] else list(rows)
        bodies: list[bytes] = []
        for payload in payloads:
            if random.random() < settings.withhold:
                continue
            body = written(payload, settings.values == "numbers", settings.created_equals_timestamp)
            bodies += [body, body] if random.random() < settings.duplicate else [body]
        if random.random() < settings.disorder:
            self._held_back.setdefault(webhook["id"], []).extend(bodies)
            return []
        return bodies + self._held_back.pop(webhook["id"], [])


def written(payload: Any, numbers: bool, created_equals_timestamp: bool) -> bytes:
    """Write the body of a webhook. As numbers, values keep two decimals: the vendor prints 120.00."""
    if created_equals_timestamp:
        rows = payload if isinstance(payload, list) else [payload]
        rows = [row | {"created": row["timestamp"]} for row in rows]
        payload = rows if isinstance(payload, list) else rows[0]
    text = json.dumps(payload)
    if numbers:
        text = re.sub(r'("value_[12]": )"(-?[0-9.]+)"', r"\1\2", text)
    return text.encode()


def post(webhook: Json, body: bytes) -> int | None:
    """Post a body. Returns the receiver's status, None without an answer."""
    target = urlsplit(webhook["endpoint"])
    headers = {"Content-Type": "application/json"}
    if webhook["auth_header"]:
        headers[webhook["auth_header"]] = webhook["auth_key"] or ""
    connect = HTTPSConnection if target.scheme == "https" else HTTPConnection
    try:
        with closing(connect(target.netloc, timeout=ANSWER_WITHIN)) as connection:
            connection.request("POST", target.path or "/", body, headers)
            return connection.getresponse().status
    except (OSError, HTTPException, ValueError):
        return None
