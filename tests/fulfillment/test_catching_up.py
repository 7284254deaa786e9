"""Where a device is when webhooks were lost: the vendor's device list is believed too."""

from __future__ import annotations

import datetime

import pytest
from django.utils import timezone

from clinics.models import Clinic
from devices.models import Device
from fulfillment.models import FulfillmentEvent
from fulfillment.shipments.catch_up import add_missed_events
from tests.factories import held_device, make_clinic
from tests.fulfillment.vendor import NEW, OLD, history, news, shown, tell

pytestmark = [pytest.mark.django_db, pytest.mark.clock]


@pytest.fixture
def clinic() -> Clinic:
    return make_clinic("alpha")


@pytest.fixture
def device(clinic: Clinic) -> Device:
    return held_device(clinic)


def listed(device: Device, status: str, *, after: datetime.timedelta = datetime.timedelta(0)) -> None:
    """The device list was read, and said this."""
    mine = Device.objects.for_clinic(device.clinic).filter(id=device.id)
    mine.update(status=status, synced_at=timezone.now() + after)


def test_a_step_whose_webhook_was_lost_is_taken_from_the_device_list_once(
    clinic: Clinic, device: Device
) -> None:
    tell(clinic, news(device, "Shipped", tracking_link="ups.com/1"))
    listed(device, "connected")
    assert [add_missed_events(), add_missed_events()] == [1, 0]
    assert history(device) == ["Shipped", "Connected"]
    device.refresh_from_db()
    event = FulfillmentEvent.objects.for_clinic(clinic).get(status="Connected")
    assert (event.received_at, event.patient is None) == (device.synced_at, False)
    assert (shown(device).status, shown(device).tracking_link) == ("Connected", "ups.com/1")
    assert tell(clinic, news(device, "Delivered")) == {"stored": 1}  # late, and no step backwards
    assert shown(device).status == "Connected"


@pytest.mark.parametrize("said", ["Shipped", "Dropship Requested", "Packed by elves", ""])
def test_the_list_moves_nothing_backwards_and_nowhere_unknown(
    clinic: Clinic, device: Device, said: str
) -> None:
    tell(clinic, news(device, "Delivered"))
    listed(device, said)
    assert add_missed_events() == 0
    assert shown(device).status == "Delivered"


def test_a_list_that_is_older_than_the_news_moves_nothing(clinic: Clinic, device: Device) -> None:
    tell(clinic, news(device, "Shipped"))
    listed(device, "Connected", after=-datetime.timedelta(hours=1))
    assert add_missed_events() == 0


def test_the_list_is_about_the_hardware_that_is_on_its_way(clinic: Clinic, device: Device) -> None:
    tell(clinic, [news(device, "Connected"), news(device, "Replaced", hardware_uuid=NEW, device_id=OLD)])
    listed(device, "Connected")  # of the old one, perhaps
    assert add_missed_events() == 0
    tell(clinic, news(device, "Shipped", hardware_uuid=NEW))
    listed(device, "Delivered")
    assert add_missed_events() == 1
    assert (shown(device).status, shown(device).hardware_uuid) == ("Delivered", NEW)


def test_each_clinic_catches_up_by_itself(clinic: Clinic, device: Device) -> None:
    other = held_device(make_clinic("beta"))
    for one in (device, other):
        tell(one.clinic, news(one, "Shipped"))
    listed(other, "Delivered")
    assert add_missed_events() == 1
    assert (shown(device).status, shown(other).status) == ("Shipped", "Delivered")
