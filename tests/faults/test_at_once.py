"""Promises 4 and 10: many at once, identical or not, are each answered and none is lost."""

from __future__ import annotations

import itertools
import statistics
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from http.client import HTTPConnection

import pytest

from clinics.models import Clinic
from measurements.models import Measurement
from tenovi.models import RequestKind
from tenovi.outbound.enqueue import enqueue_each
from tests.factories import make_user
from tests.faults.house import House
from tests.faults.ledger import Sender, check_ledger, check_readings, slowest, statuses, within
from tests.rest import token_of
from tests.vendor_stub import Reply, VendorStub

READINGS, COPIES = 20, 50
BURST, SECONDS, CONNECTIONS = 10_000, 60, 50
MOST_MEMORY = 400 * 1024 * 1024
"""Of all web processes together, in bytes."""


def test_a_thousand_deliveries_of_twenty_readings_at_once_are_twenty_readings(
    house: House, clinic: Clinic, bodies: Iterator[bytes]
) -> None:
    different = list(itertools.islice(bodies, READINGS))
    before = Measurement.objects.for_clinic(clinic).count()
    together = threading.Barrier(COPIES)
    with Sender(house, clinic) as sender:

        def send_all() -> None:
            for body in different:
                together.wait()
                sender.post(body)

        senders = [threading.Thread(target=send_all) for _ in range(COPIES)]
        for thread in senders:
            thread.start()
        for thread in senders:
            thread.join()
    assert statuses(sender.posts) == {200: READINGS * COPIES}
    assert Measurement.objects.for_clinic(clinic).count() == before + READINGS
    check_ledger(clinic, sender.posts)
    check_readings(clinic, sender.posts)


@pytest.mark.timeout(900)
def test_a_burst_of_ten_thousand_deliveries_holds_nobody_up_and_loses_nothing(
    house: House, clinic: Clinic, bodies: Iterator[bytes], vendor: VendorStub
) -> None:
    patients = [f"mrn-{number}" for number in range(SECONDS)]
    for patient in patients:
        vendor.reply(f"/hwi/hwi-patients/{patient}/", Reply(body={"external_id": patient}))
    enqueue_each(clinic, RequestKind.PATIENT, patients)
    token = token_of(make_user("care@alpha.test", clinic))
    with Sender(house, clinic) as sender:
        with somebody_reads(house, clinic, token) as pages:
            sender.send_at(itertools.islice(bodies, BURST), BURST / SECONDS, CONNECTIONS)
        memory = house.memory_of("web")
    assert statuses(sender.posts) == {200: BURST}
    usual = statistics.mean(post.seconds for post in sender.posts)
    assert slowest(sender.posts) < within(1, usual)
    assert max(pages) < within(5, usual)
    assert memory < MOST_MEMORY
    check_ledger(clinic, sender.posts, seconds=600)
    check_readings(clinic, sender.posts)
    assert vendor.smallest_gap() >= 1.0


@contextmanager
def somebody_reads(house: House, clinic: Clinic, token: str) -> Iterator[list[float]]:
    """A page of patients every second in the background; how many seconds each took."""
    enough, took = threading.Event(), list[float]()

    def read() -> None:
        while not enough.wait(1):
            link = HTTPConnection("127.0.0.1", house.port, timeout=30)
            began = time.monotonic()
            link.request("GET", f"/api/v1/clinics/{clinic.slug}/patients/", headers={"Authorization": token})
            status = link.getresponse().status
            took.append(time.monotonic() - began if status == 200 else float("inf"))
            link.close()

    reading = threading.Thread(target=read)
    reading.start()
    try:
        yield took
    finally:
        enough.set()
        reading.join()
