"""Promise 3: what was sent while the database was away is fetched from the vendor afterwards, by itself."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator

import pytest
from django.db import connection

from clinics.models import Clinic
from devices.models import Device
from measurements.models import Measurement, Reconciliation
from tests.faults.house import House, eventually
from tests.faults.ledger import Post, Sender, check_ledger, statuses
from tests.vendor import DEVICES
from tests.vendor_stub import Reply, VendorStub

AWAY_SECONDS, POSTS_A_SECOND = 60, 20
SECONDS_TO_AGREE = 300

pytestmark = pytest.mark.timeout(600)


def test_after_an_outage_we_hold_what_the_vendor_holds_within_five_minutes(
    house: House, clinic: Clinic, device: Device, bodies: Iterator[bytes], vendor: VendorStub
) -> None:
    with Sender(house, clinic) as sender:
        assert sender.post(next(bodies)).status == 200
        connection.close()
        house.postgres.stop()
        with sender.steadily(bodies, a_second=POSTS_A_SECOND):
            time.sleep(AWAY_SECONDS)
        refused = statuses(sender.posts)[503]
        assert refused == len(sender.posts) - 1 > AWAY_SECONDS * POSTS_A_SECOND / 2
        list_at_vendor(vendor, device, sender.posts)
        house.postgres.restart()
        mended = time.monotonic()
        sender.post_until_acknowledged(next(bodies))
    stored = Measurement.objects.for_clinic(clinic)
    assert eventually(
        lambda: stored.filter(source="fetch").count() == refused,
        seconds=mended + SECONDS_TO_AGREE - time.monotonic(),
        every=1,
    )
    assert stored.count() == refused + 2
    assert Reconciliation.objects.for_clinic(clinic).filter(cause="outage").count() == 1
    check_ledger(clinic, sender.posts)


def list_at_vendor(vendor: VendorStub, device: Device, posts: list[Post]) -> None:
    """Every reading that was posted, as the vendor answers a fetch."""
    rows = [json.loads(post.body) for post in posts]
    vendor.reply(f"{DEVICES}{device.hwi_device_id}/measurements/", Reply(body=rows))
