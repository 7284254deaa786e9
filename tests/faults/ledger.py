"""What a sender saw, held against what the database keeps."""

from __future__ import annotations

import datetime
import itertools
import json
import threading
import time
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.client import HTTPConnection, HTTPException
from typing import Any

from django.db import connection

from clinics.models import Clinic
from devices.models import Device
from measurements.models import Measurement
from tenovi.inbound import deliveries
from tenovi.models import Delivery
from tests.factories import credentials, element, vendor_time
from tests.faults.house import House, eventually

NO_ANSWER = 0
LONGEST_IDLE = 10.0
START = datetime.datetime(2026, 3, 1, tzinfo=datetime.UTC)


@dataclass(frozen=True)
class Post:
    """One delivery as its sender saw it. `status` is `NO_ANSWER` when the connection broke."""

    body: bytes
    status: int
    began: float
    seconds: float
    delivery: str = ""
    retry_after: str = ""


@dataclass
class Sender:
    """Posts to one door of a house from several threads, over connections that stay open."""

    house: House
    clinic: Clinic
    kind: str = "measurements"
    posts: list[Post] = field(default_factory=list)
    _free: list[tuple[float, HTTPConnection]] = field(default_factory=list)

    def __post_init__(self) -> None:
        self._headers = {"Authorization": credentials(self.clinic), "Content-Type": "application/json"}
        self._path = f"/webhooks/{self.clinic.slug}/{self.kind}/"

    def post(self, body: bytes) -> Post:
        """Send once, and remember what came back."""
        link = self._link()
        began = time.monotonic()
        try:
            link.request("POST", self._path, body, self._headers)
            answer = link.getresponse()
            told = answer.read()
        except (OSError, HTTPException):
            link.close()
            post = Post(body, NO_ANSWER, began, time.monotonic() - began)
        else:
            self._free.append((time.monotonic(), link))
            delivery = json.loads(told).get("delivery", "") if told.startswith(b"{") else ""
            retry_after = answer.getheader("Retry-After", "")
            post = Post(body, answer.status, began, time.monotonic() - began, delivery, retry_after)
        self.posts.append(post)
        return post

    def _link(self) -> HTTPConnection:
        """One that stands, unless it is so old that the server may just be closing it."""
        while self._free:
            used, link = self._free.pop()
            if time.monotonic() - used < LONGEST_IDLE:
                return link
            link.close()
        return HTTPConnection("127.0.0.1", self.house.port, timeout=30)

    def post_until_acknowledged(self, body: bytes) -> None:
        """What a careful sender does; every try is remembered."""
        while self.post(body).status != 200:
            time.sleep(0.1)

    def send(self, bodies: Iterable[bytes], *, threads: int = 8) -> list[Post]:
        """Each once, as fast as this many connections can."""
        with ThreadPoolExecutor(threads) as pool:
            return list(pool.map(self.post, bodies))

    def insist(self, bodies: Iterable[bytes], *, threads: int = 8) -> None:
        """Each until it is acknowledged."""
        with ThreadPoolExecutor(threads) as pool:
            list(pool.map(self.post_until_acknowledged, bodies))

    @contextmanager
    def steadily(self, bodies: Iterator[bytes], *, a_second: float, threads: int = 64) -> Iterator[None]:
        """Send at this rate in the background, whether or not answers come."""
        enough = threading.Event()

        def wanted() -> Iterator[bytes]:
            while not enough.is_set():
                yield next(bodies)

        sending = threading.Thread(target=self.send_at, args=(wanted(), a_second, threads))
        sending.start()
        try:
            yield
        finally:
            enough.set()
            sending.join()

    def send_at(self, bodies: Iterable[bytes], a_second: float, threads: int) -> None:
        """Each once, the next one when its time has come."""
        began = time.monotonic()
        with ThreadPoolExecutor(threads) as pool:
            for number, body in enumerate(bodies):
                time.sleep(max(0.0, began + number / a_second - time.monotonic()))
                pool.submit(self.post, body)

    def __enter__(self) -> Sender:
        return self

    def __exit__(self, *error: object) -> None:
        while self._free:
            self._free.pop()[1].close()


def readings(device: Device) -> Iterator[bytes]:
    """Bodies with one reading each, no two of them alike."""
    for number in itertools.count():
        taken = vendor_time(START + number * datetime.timedelta(seconds=1))
        members = element(device, timestamp=taken, filter_params={"measurement_index": number})
        yield json.dumps(members).encode()


def slowest(posts: Sequence[Post]) -> float:
    """The seconds within which 99 of 100 posts were answered."""
    return sorted(post.seconds for post in posts)[min(len(posts) - 1, int(0.99 * len(posts)))]


def within(promised: float, usual: float) -> float:
    """The promise, or on a machine too busy to keep it, three times what is usual there. All in seconds."""
    return max(promised, 3 * usual)


def statuses(posts: Iterable[Post]) -> Counter[int]:
    return Counter(post.status for post in posts)


def check_ledger(clinic: Clinic, posts: Sequence[Post], *, seconds: float = 120) -> None:
    """What was answered is kept byte for byte, nothing else of these bodies is but what was in doubt,
    and all of it is settled within `seconds`."""
    connection.close()
    bodies = {post.body for post in posts}
    rows = {
        str(delivery): bytes(raw)
        for delivery, raw in Delivery.objects.for_clinic(clinic).values_list("id", "raw")
        if bytes(raw) in bodies
    }
    answered = {post.delivery: post.body for post in posts if post.delivery}
    assert len(answered) == sum(bool(post.delivery) for post in posts), "two answers name one delivery"
    lost = answered.keys() - rows.keys()
    assert not lost, f"{len(lost)} acknowledged deliveries are not in the database"
    assert all(rows[delivery] == body for delivery, body in answered.items())
    in_doubt = Counter(post.body for post in posts if post.status in (NO_ANSWER, 503))
    unasked = Counter(raw for delivery, raw in rows.items() if delivery not in answered) - in_doubt
    assert not unasked, f"{unasked.total()} deliveries are kept that nobody can have sent"
    assert eventually(lambda: the_sweeper_is_done(clinic), seconds=seconds), "not settled in time"


def the_sweeper_is_done(clinic: Clinic) -> bool:
    """A statement that took too long on a busy machine leaves its delivery to the sweeper, so this is it."""
    deliveries.settle_pending()
    return not Delivery.objects.for_clinic(clinic).unsettled().exists()


def check_readings(clinic: Clinic, posts: Iterable[Post]) -> None:
    """The reading of each acknowledged body is stored, and no reading is twice."""
    acknowledged = {_named(json.loads(post.body)) for post in posts if post.status == 200}
    rows = Measurement.objects.for_clinic(clinic).values_list("hwi_device_id", "taken_at")
    stored = Counter((str(device), vendor_time(taken)) for device, taken in rows)
    assert acknowledged <= stored.keys()
    assert set(stored.values()) <= {1}


def _named(reading: dict[str, Any]) -> tuple[str, str]:
    return reading["hwi_device_id"], reading["timestamp"]
