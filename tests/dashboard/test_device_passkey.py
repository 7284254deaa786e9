"""A meter that pairs by a passkey: until it has one, its page asks for it."""

from __future__ import annotations

import datetime

import pytest
from django.utils import timezone

from clinics.models import Clinic, Role
from devices.models import Device, DeviceProperty
from tests.factories import assign, make_clinic, make_device, make_patient
from tests.pages import signed_in, text_of

pytestmark = pytest.mark.django_db
MISSING = "Its Bluetooth passkey is not set"


@pytest.fixture
def clinic() -> Clinic:
    return make_clinic("alpha")


@pytest.fixture
def meter(clinic: Clinic) -> Device:
    """Handed over just now: there is no silence yet that would tell."""
    meter = make_device(clinic, "trividia-glucometer", name="Trividia Glucometer")
    assign(meter, make_patient(clinic), timezone.now() - datetime.timedelta(hours=1))
    return meter


def test_the_page_of_a_meter_without_a_passkey_says_so_and_has_the_field_that_ends_it(
    clinic: Clinic, meter: Device
) -> None:
    admin, page = signed_in(clinic, Role.CLINIC_ADMIN), f"/c/alpha/devices/{meter.id}/"
    assert f"Needs a person {MISSING}" in text_of(admin.get(page))
    answer = admin.post(f"{page}properties/", {"do": "set", "key": "bluetooth_passkey", "value": "004711"})
    assert answer.status_code == 302
    assert MISSING not in text_of(admin.get(page))
    DeviceProperty.objects.for_clinic(clinic).delete()
    shown = admin.get(page)
    assert MISSING in text_of(shown)
    assert 'name="key" value="bluetooth_passkey"' in shown.content.decode()


def test_who_may_not_set_it_is_told_who_may(clinic: Clinic, meter: Device) -> None:
    shown = signed_in(clinic, Role.CARE_MANAGER).get(f"/c/alpha/devices/{meter.id}/")
    assert f"{MISSING}" in text_of(shown)
    assert "An admin of your clinic can enter it here." in text_of(shown)
    assert "bluetooth_passkey" not in shown.content.decode()


def test_no_other_device_is_asked_for_one(clinic: Clinic, meter: Device) -> None:
    admin = signed_in(clinic, Role.CLINIC_ADMIN)
    meter.unlinked_at = timezone.now()
    meter.save()
    for device in (meter, make_device(clinic), make_device(clinic, "tenovi-watch")):
        assert MISSING not in text_of(admin.get(f"/c/alpha/devices/{device.id}/"))
