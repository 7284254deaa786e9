"""New hardware at the vendor stands on every device concerned at once, whichever of its pages it speaks by."""

from __future__ import annotations

import datetime
import itertools
from typing import Any

import pytest
from django.utils import timezone

from clinics.models import Clinic, Role
from devices.models import Device, Gateway
from patients.models import Patient
from tests.factories import GATEWAY_ID, assign, held_device, make_clinic, make_device, make_order, make_user
from tests.fulfillment.ordering import ADDRESS, SCALE, offer, place_one, shipped
from tests.fulfillment.vendor import NEW, news, payload, shown, tell
from tests.pages import signed_in
from tests.rest import api_client, results

pytestmark = pytest.mark.django_db

NEWEST = "A1B2C3D4E5B9"
DOCUMENTED, NAMES_THE_OLD = "fulfillment/replaced", "fulfillment/replaced-names-the-old"


@pytest.fixture
def clinic() -> Clinic:
    return make_clinic("alpha")


@pytest.fixture
def device(clinic: Clinic) -> Device:
    """A cuff in use behind a gateway, as the device list has it."""
    device = held_device(clinic)
    listed(device)
    return device


def listed(*devices: Device, hardware_uuid: str = GATEWAY_ID) -> None:
    """The device list was read an hour ago, and had this hardware."""
    read = timezone.now() - datetime.timedelta(hours=1)
    for device in devices:
        mine = Device.objects.for_clinic(device.clinic).filter(id=device.id)
        mine.update(hardware_uuid=hardware_uuid, synced_at=read, status="Connected", sensor_code="10")


def hardware(device: Device) -> str:
    return Device.objects.for_clinic(device.clinic).get(id=device.id).hardware_uuid


def replaced(device: Device, page: str = DOCUMENTED, **changes: Any) -> dict[str, Any]:
    members: dict[str, Any] = payload(page) | {"hwi_device_id": str(device.hwi_device_id)}
    return members | changes


@pytest.mark.parametrize("page", [DOCUMENTED, NAMES_THE_OLD])
def test_a_replacement_moves_every_device_behind_the_old_gateway_at_once(
    clinic: Clinic, device: Device, page: str
) -> None:
    behind, elsewhere = make_device(clinic, "tenovi-scale"), make_device(clinic)
    listed(behind)
    listed(elsewhere, hardware_uuid="FFFFFFFFFFFF")
    tell(clinic, replaced(device, page))
    assert (hardware(device), hardware(behind)) == (NEW, NEW)
    assert hardware(elsewhere) == "FFFFFFFFFFFF"
    assert shown(device).hardware_uuid == NEW
    assert Gateway.objects.for_clinic(clinic).filter(gateway_id=NEW).exists()


def test_pages_api_and_the_next_order_use_the_new_gateway(clinic: Clinic, device: Device) -> None:
    offer(clinic, SCALE)
    admin = signed_in(clinic, Role.CLINIC_ADMIN)
    patient = Patient.objects.for_clinic(clinic).get()
    Patient.objects.for_clinic(clinic).update(name="Test Person", **ADDRESS)
    tell(clinic, replaced(device))
    patient.refresh_from_db()
    for path in (f"devices/{device.id}/", "gateways/", "fulfillment/"):
        assert NEW in admin.get(f"/c/alpha/{path}").content.decode(), path
    api = api_client(make_user("reads@alpha.test", clinic, Role.CLINIC_ADMIN))
    (read,) = results(api.get("/api/v1/clinics/alpha/devices/"))
    assert read["hardware_uuid"] == NEW
    assert place_one(clinic, patient, shipped(SCALE)).hardware_uuid == NEW


def test_shipping_shows_the_new_gateway_for_every_device_behind_it(clinic: Clinic, device: Device) -> None:
    """On the page and in its file, also for a device that had no news of its own."""
    behind = make_device(clinic, "tenovi-scale")
    listed(behind)
    for each in (device, behind):
        tell(clinic, news(each, "Connected"))
    tell(clinic, replaced(device))
    admin = signed_in(clinic, Role.CLINIC_ADMIN)
    page = admin.get(f"/c/alpha/fulfillment/?q={NEW}").content.decode()
    file = b"".join(admin.get("/c/alpha/fulfillment/export.csv")).decode()
    assert (page.count(f">{NEW}<"), GATEWAY_ID in page) == (2, False)
    assert (file.count(NEW), GATEWAY_ID in file) == (2, False)


def test_an_open_order_for_the_old_gateway_goes_to_the_new_one(clinic: Clinic, device: Device) -> None:
    patient = Patient.objects.for_clinic(clinic).get()
    waiting = make_order(patient, hardware_uuid=GATEWAY_ID)
    sent = make_order(patient, hardware_uuid=GATEWAY_ID, is_open=False)
    tell(clinic, replaced(device))
    waiting.refresh_from_db()
    sent.refresh_from_db()
    assert (waiting.hardware_uuid, sent.hardware_uuid) == (NEW, GATEWAY_ID)


@pytest.mark.parametrize("status", ["Shipped", "Dropshipped", "Delivered", "Connected"])
def test_any_status_with_another_hardware_moves_its_device_and_no_other(
    clinic: Clinic, device: Device, status: str
) -> None:
    behind = make_device(clinic, "tenovi-scale")
    listed(behind)
    tell(clinic, news(device, status, hardware_uuid="a1-b2-c3-d4-e5-a7"))
    assert (hardware(device), hardware(behind)) == (NEW, GATEWAY_ID)


@pytest.mark.parametrize("order", list(itertools.permutations(range(3))))
def test_in_any_order_the_new_gateways_news_move_all_devices(clinic: Clinic, order: tuple[int, ...]) -> None:
    device, behind = held_device(clinic), make_device(clinic, "tenovi-scale")
    listed(device, behind)
    steps = [news(device, "Connected"), replaced(device), news(device, "Delivered", hardware_uuid=NEW)]
    for place in order:
        tell(clinic, steps[place])
    assert (hardware(device), hardware(behind), shown(device).hardware_uuid) == (NEW, NEW, NEW)


def test_an_older_replacement_that_comes_again_moves_nothing_back(clinic: Clinic, device: Device) -> None:
    behind = make_device(clinic, "tenovi-scale")
    listed(behind)
    tell(clinic, news(device, "Connected"))
    tell(clinic, replaced(device))
    tell(clinic, replaced(device, hardware_uuid=NEWEST.lower()))
    for late in (replaced(device), replaced(device, NAMES_THE_OLD), news(device, "Delivered")):
        tell(clinic, late)
        assert (hardware(device), hardware(behind), shown(device).hardware_uuid) == (NEWEST,) * 3


def test_a_list_that_was_read_later_has_the_last_word(clinic: Clinic, device: Device) -> None:
    tell(clinic, replaced(device))
    later = timezone.now() + datetime.timedelta(minutes=1)
    Device.objects.for_clinic(clinic).update(hardware_uuid=NEWEST, synced_at=later)
    tell(clinic, news(device, "Delivered", hardware_uuid=NEW))
    assert hardware(device) == NEWEST


def test_a_replacement_does_not_give_an_unlinked_device_hardware_again(
    clinic: Clinic, device: Device
) -> None:
    Device.objects.for_clinic(clinic).update(hardware_uuid="", unlinked_at=timezone.now())
    tell(clinic, replaced(device))
    assert hardware(device) == ""


def test_hardware_of_another_clinic_stays_where_it_is(clinic: Clinic, device: Device) -> None:
    other = held_device(make_clinic("beta"))
    listed(other)
    tell(clinic, replaced(device))
    assert hardware(other) == GATEWAY_ID


def test_the_new_hardware_is_used_for_the_patient_who_has_the_device(clinic: Clinic, device: Device) -> None:
    """A gateway that two patients share is replaced for both."""
    neighbour = make_device(clinic, "tenovi-scale")
    assign(neighbour, Patient.objects.create(clinic=clinic, external_id="mrn-2"))
    listed(neighbour)
    tell(clinic, replaced(device))
    assert hardware(neighbour) == NEW
