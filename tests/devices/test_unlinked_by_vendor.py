"""A device that the vendor reports as unlinked ends here as if a person here had unlinked it."""

from __future__ import annotations

import datetime
import uuid
from collections.abc import Callable

import pytest
from django.utils import timezone

from clinics.models import AuditEvent, Clinic, Role
from devices.actions.ending import unlink_device
from devices.from_vendor import store_vendor_device
from devices.models import Assignment, Device, DeviceType
from tenovi.client.records import Device as VendorDevice
from tenovi.models import Request, RequestKind
from tests.factories import assign, held_device, make_clinic, make_patient, make_user, vendor_time
from tests.fulfillment.vendor import news, shown, tell
from tests.pages import signed_in, text_of
from tests.vendor import wire_device

pytestmark = pytest.mark.django_db

HOUR = datetime.timedelta(hours=1)
SEVEN = uuid.UUID(int=7)


@pytest.fixture
def clinic() -> Clinic:
    return make_clinic("alpha")


@pytest.fixture
def device(clinic: Clinic) -> Device:
    """A cuff that a patient has, as the list had it an hour ago."""
    device = held_device(clinic)
    read = timezone.now() - HOUR
    Device.objects.for_clinic(clinic).update(
        hwi_device_id=SEVEN,
        name="Tenovi BPM - L",
        hardware_uuid="A1B2C3D4E5F6",
        status="Connected",
        synced_at=read,
    )
    DeviceType.objects.create(clinic=clinic, name="Tenovi BPM - L", monthly_cost="5.00")
    return fresh(device)


def fresh(device: Device) -> Device:
    return Device.objects.for_clinic(device.clinic).get(id=device.id)


def ended(device: Device) -> datetime.datetime | None:
    return Assignment.objects.for_clinic(device.clinic).get(device=device).ends_at


def by_webhook(device: Device) -> None:
    tell(device.clinic, news(device, "Unlinked", hardware_uuid="a1b2c3d4e5f6"))


def by_webhook_without_hardware(device: Device) -> None:
    tell(device.clinic, news(device, "Unlinked", hardware_uuid=None))


def by_list(device: Device, **members: str) -> None:
    record = {**wire_device(7, "mrn-7781", hardware_uuid=None), "status": "Unlinked", **members}
    store_vendor_device(clinic=device.clinic, record=VendorDevice.from_wire(record))


def by_list_with_its_time(device: Device) -> None:
    by_list(device, unlinked_on=vendor_time(timezone.now() - HOUR / 2))


def by_webhook_and_list(device: Device) -> None:
    by_webhook(device)
    by_list_with_its_time(device)


WAYS = [by_webhook, by_webhook_without_hardware, by_list, by_list_with_its_time, by_webhook_and_list]


@pytest.mark.parametrize("say", WAYS)
def test_the_assignment_ends_and_the_record_names_the_vendor(
    device: Device, say: Callable[[Device], None]
) -> None:
    before = timezone.now() - HOUR
    say(device)
    now_at, at = fresh(device), ended(device)
    assert at is not None and before < at <= timezone.now()
    assert (now_at.unlinked_at, now_at.hardware_uuid, now_at.status) == (at, "", "Unlinked")
    (line,) = AuditEvent.objects.filter(action="device_unlinked")
    assert (line.actor_label, line.target_id) == ("Tenovi", str(device.id))
    assert line.detail["assignment_ends_at"] == [None, at.isoformat()]


@pytest.mark.parametrize("say", WAYS)
def test_pages_and_the_api_say_so_and_name_no_charge(
    clinic: Clinic, device: Device, say: Callable[[Device], None]
) -> None:
    admin = signed_in(clinic, Role.CLINIC_ADMIN)
    assert "$5.00 a month" in text_of(admin.get(f"/c/alpha/devices/{device.id}/end/"))
    say(device)
    end = text_of(admin.get(f"/c/alpha/devices/{device.id}/end/"))
    assert "nothing is charged for it any more" in end and "$5.00" not in end
    page = text_of(admin.get(f"/c/alpha/devices/{device.id}/"))
    assert "Status unlinked" in page
    assert "Tenovi unlinked it" in page and "order another device" in page


def test_the_vendors_own_time_is_the_end(device: Device) -> None:
    at = timezone.now() - HOUR / 2
    by_list(device, unlinked_on=vendor_time(at))
    assert ended(device) == at


def test_what_somebody_here_asked_for_is_theirs_though_the_webhook_comes_first(
    clinic: Clinic, device: Device
) -> None:
    unlink_device(device=device, by=make_user("admin@alpha.test", clinic, Role.CLINIC_ADMIN))
    assert Request.objects.for_clinic(clinic).get().kind == RequestKind.DEVICE_UNLINK
    by_webhook(device)
    assert AuditEvent.objects.get(action="device_unlinked").actor_label == "admin@alpha.test"


def test_saying_it_again_ends_nothing_that_somebody_said_since(clinic: Clinic, device: Device) -> None:
    by_webhook(device)
    later = timezone.now()
    assign(device, make_patient(clinic, "mrn-2"), starts_at=later)
    by_list(device)
    tell(clinic, news(device, "Unlinked", tracking_link="ups.com/1"))
    assert Assignment.objects.for_clinic(clinic).get(starts_at=later).ends_at is None
    assert AuditEvent.objects.filter(action="device_unlinked").count() == 1


def test_a_word_that_is_older_than_the_list_ends_nothing(clinic: Clinic, device: Device) -> None:
    later = timezone.now() + HOUR
    Device.objects.for_clinic(clinic).update(synced_at=later)
    by_webhook(device)
    assert shown(device).status == "Unlinked"
    assert (fresh(device).unlinked_at, ended(device)) == (None, None)


def test_the_old_hardwares_end_is_not_the_devices(clinic: Clinic, device: Device) -> None:
    tell(clinic, news(device, "Replaced", hardware_uuid="B1B2C3D4E5F6"))
    by_webhook(device)
    assert (fresh(device).unlinked_at, ended(device)) == (None, None)
    assert fresh(device).hardware_uuid == "B1B2C3D4E5F6"


def test_an_account_is_read_with_devices_that_were_unlinked_long_ago(clinic: Clinic) -> None:
    """Their assignments have ended; no person did anything, so nothing is audited."""
    record = {**wire_device(8, "mrn-9", hardware_uuid=None), "status": "Unlinked"}
    record["unlinked_on"] = "2025-06-01T12:00:00.000000Z"
    device = store_vendor_device(clinic=clinic, record=VendorDevice.from_wire(record))
    assert ended(device) == datetime.datetime(2025, 6, 1, 12, tzinfo=datetime.UTC)
    assert not AuditEvent.objects.filter(action="device_unlinked").exists()


def test_another_clinics_device_goes_on(device: Device) -> None:
    other = held_device(make_clinic("beta"))
    by_webhook(device)
    assert ended(other) is None
