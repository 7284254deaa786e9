"""Late is the vendor's receipt against the time taken; what reached us late is told apart."""

from __future__ import annotations

import datetime
from typing import Any

import pytest
from django.utils import timezone

from clinics.models import Clinic, Role
from devices.models import Device
from measurements.models import Measurement
from measurements.shown.presentation import marks_of
from tests.factories import deliver, element, held_device, make_clinic, vendor_time
from tests.pages import signed_in, text_of

pytestmark = pytest.mark.django_db

HOUR = datetime.timedelta(hours=1)


@pytest.fixture
def clinic() -> Clinic:
    return make_clinic("alpha")


@pytest.fixture
def device(clinic: Clinic) -> Device:
    return held_device(clinic)


def sent(device: Device, taken: datetime.timedelta, created: datetime.timedelta | None) -> Measurement:
    """A reading taken so long ago, which the vendor received so long ago."""
    now = timezone.now()
    changes: dict[str, Any] = {"timestamp": vendor_time(now - taken)}
    changes["created"] = vendor_time(now - created) if created is not None else None
    deliver(device.clinic, element(device, **changes))
    return Measurement.objects.for_clinic(device.clinic).select_related("device").get()


@pytest.mark.parametrize(
    ("taken", "created", "marks"),
    [
        (2 * HOUR, 1 * HOUR, []),
        (72 * HOUR, 1 * HOUR, ["late"]),
        (72 * HOUR, 71 * HOUR, ["delayed"]),
        (120 * HOUR, 60 * HOUR, ["late", "delayed"]),
        (72 * HOUR, 72 * HOUR, ["late"]),  # `created` repeats the time taken, and says nothing
        (72 * HOUR, None, ["late"]),
    ],
)
def test_a_reading_is_late_by_the_vendors_receipt_and_delayed_by_ours(
    device: Device, taken: datetime.timedelta, created: datetime.timedelta | None, marks: list[str]
) -> None:
    assert marks_of(sent(device, taken, created)) == marks


def test_the_day_shows_when_tenovi_received_it_and_when_it_was_here(clinic: Clinic, device: Device) -> None:
    reading = sent(device, 72 * HOUR, 71 * HOUR)
    nurse = signed_in(clinic, Role.CARE_MANAGER)
    page = f"/c/alpha/patients/{reading.patient_id}/{reading.local_date.isoformat()}/"
    text = text_of(nurse.get(page))
    assert "Received by Tenovi" in text and "reached us late" in text
