"""The devices page and the page of one device: who has it, is it used, what needs a person."""

from __future__ import annotations

import datetime
import html
import re
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from clinics.models import AuditEvent, Clinic, Role
from devices.models import Assignment, Device, HardwareChange, HardwareLogRead
from tenovi.models import Request, RequestKind
from tenovi.outbound.enqueue import enqueue
from tests.factories import (
    ABSENT,
    GATEWAY_ID,
    LONG_AGO,
    assign,
    deliver,
    element,
    held_device,
    make_clinic,
    make_device,
    make_gateway,
    make_patient,
    settled,
    vendor_time,
)
from tests.fulfillment.vendor import news, tell
from tests.pages import signed_in, text_of

pytestmark = pytest.mark.django_db

URL = "/c/alpha/devices/"
DAY = datetime.timedelta(days=1)


@pytest.fixture
def clinic() -> Clinic:
    return make_clinic("alpha", timezone="UTC")


@pytest.fixture
def alice(clinic: Clinic) -> Client:
    return signed_in(clinic, Role.CARE_MANAGER)


def names(answer: Any) -> list[str]:
    """The devices in the rows of the list, from the top."""
    assert answer.status_code == 200
    return re.findall(r'<th scope="row"><a [^>]*>([^<]+)</a>', answer.content.decode())


def page_of(device: Device) -> str:
    return f"{URL}{device.id}/"


def held(clinic: Clinic, name: str, patient: str = "", *, since: datetime.datetime = LONG_AGO) -> Device:
    """A device of this name that a patient of the same name has."""
    device = make_device(clinic, name=name, status="Connected")
    assign(device, make_patient(clinic, patient or name.lower(), name=patient or name), since)
    return device


def measured(device: Device, at: datetime.datetime, metric: str = "blood_pressure", **changes: Any) -> None:
    row = element(device, metric=metric, timestamp=vendor_time(at), timezone_offset=0, **changes)
    assert settled(deliver(device.clinic, row)) == {"stored": 1}


@pytest.mark.parametrize(
    ("role", "status"), [(Role.CARE_MANAGER, 200), (Role.CLINIC_ADMIN, 200), (Role.BILLING, 403)]
)
def test_who_looks_after_patients_sees_devices(clinic: Clinic, role: str, status: int) -> None:
    client = signed_in(clinic, role)
    for url in (URL, page_of(held(clinic, "Cuff"))):
        assert client.get(url).status_code == status


def test_another_clinics_devices_do_not_exist(clinic: Clinic, alice: Client) -> None:
    beta = make_clinic("beta")
    device = held(beta, "Theirs")
    assert names(alice.get(URL)) == []
    assert alice.get(page_of(device)).status_code == 404
    assert alice.get(f"/c/beta/devices/{device.id}/").status_code == 404


def test_an_empty_clinic_says_how_devices_come(alice: Client) -> None:
    assert "No devices yet" in text_of(alice.get(URL))


def test_a_row_tells_patient_status_battery_last_reading_and_gateway(clinic: Clinic, alice: Client) -> None:
    make_gateway(clinic, signal_strength=8, last_seen_at=timezone.now())
    device = held(clinic, "Tenovi BPM - L", "Ada Lark")
    Device.objects.for_clinic(clinic).update(hardware_uuid=GATEWAY_ID)
    measured(device, timezone.now() - DAY / 12)
    measured(device, timezone.now() - DAY, "battery_percentage", value_1=15, value_2=ABSENT)
    text = text_of(alice.get(URL))
    assert f"Tenovi BPM - L {device.hwi_device_id} Ada Lark" in text
    assert "Connected 15 %, low 2 h ago" in text
    assert f"{GATEWAY_ID} poor 8" in text


@pytest.fixture
def one_of_each(clinic: Clinic) -> None:
    now = timezone.now()
    measured(held(clinic, "Used"), now - DAY)
    measured(held(clinic, "Quiet"), now - 5 * DAY)
    held(clinic, "Fresh", since=now - DAY)
    shipped = held(clinic, "Travelling")
    shipped.status = "Shipped"
    shipped.save()
    make_device(clinic, name="Nobody's")
    unlinked = held(clinic, "Detached")
    unlinked.unlinked_at = now - DAY
    unlinked.save()


@pytest.mark.parametrize(
    ("show", "expected"),
    [
        ("", ["Detached", "Fresh", "Quiet", "Travelling", "Used", "Nobody's"]),
        ("in-use", ["Fresh", "Quiet", "Used"]),
        ("shipping", ["Travelling"]),
        ("silent", ["Quiet"]),
        ("unassigned", ["Nobody's"]),
        ("unlinked", ["Detached"]),
        ("nonsense", ["Detached", "Fresh", "Quiet", "Travelling", "Used", "Nobody's"]),
    ],
)
def test_a_choice_shows_its_devices_and_counts_them(
    alice: Client, one_of_each: None, show: str, expected: list[str]
) -> None:
    answer = alice.get(URL, {"show": show})
    assert [html.unescape(name) for name in names(answer)] == expected
    chosen = re.search(
        r'aria-current="true">[^<]+ <span class="num filter-count">(\d+)',
        answer.content.decode().split("Which of them")[1],
    )
    assert chosen is not None
    assert int(chosen[1]) == len(expected)


@pytest.mark.parametrize(
    "text",
    ["cuff", "ADA lark", "p-17", "a1b2-c3d4", GATEWAY_ID.lower(), "12345678-abcd", "sn-9", "cuff lark"],
)
def test_a_search_finds_by_name_patient_and_any_id(clinic: Clinic, alice: Client, text: str) -> None:
    device = make_device(clinic, name="Cuff", hardware_uuid=GATEWAY_ID, sensor_id="SN-9")
    Device.objects.for_clinic(clinic).update(hwi_device_id="12345678-abcd-1234-abcd-1234567890ab")
    assign(device, make_patient(clinic, "P-17", name="Ada Lark"))
    held(clinic, "Scale", "Bo Finch")
    assert names(alice.get(URL, {"search": text})) == ["Cuff"]


@pytest.mark.parametrize("text", ["nobody", "cuff finch", "\0", "%", "_"])
def test_a_search_without_a_match_says_so(clinic: Clinic, alice: Client, text: str) -> None:
    held(clinic, "Cuff", "Ada Lark")
    held(clinic, "Scale", "Bo Finch")
    answer = alice.get(URL, {"search": text})
    assert ("No device found" in text_of(answer)) == (text != "\0")


@pytest.mark.parametrize(
    "sort", ["patient", "-patient", "name", "-name", "status", "-status", "last", "-last", "x"]
)
def test_every_order_shows_every_device_once(alice: Client, one_of_each: None, sort: str) -> None:
    assert len(set(names(alice.get(URL, {"sort": sort})))) == 6


def test_by_last_reading_those_never_used_come_first(alice: Client, one_of_each: None) -> None:
    assert names(alice.get(URL, {"sort": "last"}))[-2:] == ["Quiet", "Used"]
    assert names(alice.get(URL, {"sort": "-last"}))[:2] == ["Used", "Quiet"]


def queries(client: Client, url: str) -> int:
    client.get(url)  # the first request of a session notes its time
    with CaptureQueriesContext(connection) as made:
        assert client.get(url).status_code == 200
    return len(made)


def test_the_list_takes_the_same_queries_for_any_number(clinic: Clinic, alice: Client) -> None:
    taken = set()
    for first, last in ((0, 10), (10, 50), (50, 200)):
        for number in range(first, last):
            device = held(clinic, f"Cuff {number}", f"P {number}")
            Device.objects.for_clinic(clinic).filter(id=device.id).update(hardware_uuid=f"{number:012X}")
            make_gateway(clinic, f"{number:012X}")
        assert len(names(alice.get(URL))) == min(last, 50)
        taken.add(queries(alice, URL))
    assert len(taken) == 1
    assert taken.pop() <= 12


def test_a_devices_page_tells_who_had_it_when(clinic: Clinic, alice: Client) -> None:
    device, now = make_device(clinic, name="Cuff"), timezone.now()
    assign(device, make_patient(clinic, "P-1", name="Ada Lark"), LONG_AGO, now - 9 * DAY)
    assign(device, make_patient(clinic, "P-2", name="Bo Finch"), now - 9 * DAY)
    answer = alice.get(page_of(device))
    assert names(answer)[:2] == ["Bo Finch", "Ada Lark"]
    assert "Bo Finch has it since" in text_of(answer)
    assert str(device.hwi_device_id) in text_of(answer)


def test_a_devices_page_shows_times_and_never_a_value(clinic: Clinic, alice: Client) -> None:
    device = held(clinic, "Cuff", "Ada Lark")
    measured(device, timezone.now() - DAY, value_1=187, value_2=113)
    text = text_of(alice.get(page_of(device)))
    assert "Blood pressure" in text
    assert "187" not in text


def test_looking_at_a_device_is_written_down(clinic: Clinic, alice: Client) -> None:
    device = held(clinic, "Cuff")
    alice.get(page_of(device))
    event = AuditEvent.objects.get(action="device_viewed")
    assert (event.target_kind, event.target_id, event.clinic_id) == ("device", str(device.id), clinic.id)


def test_a_device_in_order_needs_nobody(clinic: Clinic, alice: Client) -> None:
    device = held(clinic, "Cuff")
    measured(device, timezone.now() - DAY)
    assert "Needs a person" not in text_of(alice.get(page_of(device)))


def test_readings_without_a_patient_are_work_with_a_next_step(clinic: Clinic, alice: Client) -> None:
    device = make_device(clinic, name="Cuff")
    measured(device, timezone.now() - DAY)
    assert "1 reading without a patient" in text_of(alice.get(URL))
    text = text_of(alice.get(page_of(device)))
    assert "1 reading belongs to no patient (taken " in text
    assert ") and counts for nobody." in text
    assert "Next step: Say who has it, and since when" in text


def test_readings_from_before_an_assignment_ask_who_used_it_then(clinic: Clinic, alice: Client) -> None:
    now = timezone.now()
    device = held(clinic, "Cuff", since=now - DAY)
    for days in (2, 3):
        measured(device, now - days * DAY, filter_params={"measurement_index": days})
    text = text_of(alice.get(page_of(device)))
    assert "2 readings belong to no patient (taken from " in text
    assert "Next step: Find out who used it then." in text


def test_readings_after_an_assignment_ended_ask_who_has_it_now(clinic: Clinic, alice: Client) -> None:
    device = held(clinic, "Cuff")
    Assignment.objects.for_clinic(clinic).update(ends_at=timezone.now() - 2 * DAY)
    measured(device, timezone.now() - DAY)
    assert "Next step: Find out who has it now, and since when" in text_of(alice.get(page_of(device)))


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ({"vendor_patient_id": "p-2"}, "Tenovi has this device under p-2, here it belongs to P-1."),
        ({"unlinked_at": LONG_AGO}, "It is unlinked at Tenovi, so no reading can come"),
        ({"kind": "something-new"}, "Vitaldays does not know this kind of device."),
        ({}, "In use for more than 3 days without a single reading."),
    ],
)
def test_what_is_wrong_with_a_device_is_said(
    clinic: Clinic, alice: Client, change: dict[str, Any], sentence: str
) -> None:
    device = held_device(clinic, external_id="P-1")
    Device.objects.for_clinic(clinic).update(**change)
    text = text_of(alice.get(page_of(device)))
    assert sentence in text
    assert "Next step:" in text


def test_the_same_patient_in_another_case_is_no_contradiction(clinic: Clinic, alice: Client) -> None:
    device = held_device(clinic, external_id="P-1")
    Device.objects.for_clinic(clinic).update(vendor_patient_id="p-1")
    assert "Tenovi has this device under" not in text_of(alice.get(page_of(device)))


def test_a_low_battery_is_work(clinic: Clinic, alice: Client) -> None:
    device = held(clinic, "Cuff")
    measured(device, timezone.now() - DAY, "battery_percentage", value_1=20, value_2=ABSENT)
    assert "Its battery is at 20 %." in text_of(alice.get(page_of(device)))


def test_a_battery_warning_is_told_where_a_percent_would_stand(clinic: Clinic, alice: Client) -> None:
    device = held(clinic, "Hailie Sensor")
    Device.objects.for_clinic(clinic).update(kind="hailie-sensor")
    measured(device, timezone.now() - DAY, "low_battery_event", value_1=1, value_2=ABSENT)
    assert "Connected critical" in text_of(alice.get(URL))
    assert "Its battery is critical." in text_of(alice.get(page_of(device)))


def test_a_silent_device_behind_a_silent_gateway_points_at_the_gateway(clinic: Clinic, alice: Client) -> None:
    device = held(clinic, "Cuff")
    measured(device, timezone.now() - 5 * DAY)
    Device.objects.for_clinic(clinic).update(hardware_uuid=GATEWAY_ID)
    make_gateway(clinic, last_seen_at=timezone.now() - 4 * DAY)
    text = text_of(alice.get(page_of(device)))
    assert "No reading for 5 days. Its gateway has been silent since" in text
    assert "Ask the patient whether the gateway is plugged in" in text


def test_a_devices_page_takes_the_same_queries_for_any_history(clinic: Clinic, alice: Client) -> None:
    device = held(clinic, "Cuff")
    taken = set()
    for first, last in ((0, 1), (1, 40)):
        for number in range(first, last):
            measured(device, timezone.now() - number * DAY / 24)
        taken.add(queries(alice, page_of(device)))
    assert len(taken) == 1


@pytest.mark.parametrize("text", ["A1B2C3D4E5F6", "a1b2-c3d4-e5f6", "a1:b2:c3:d4:e5:f6", "lark c3d4"])
def test_a_search_finds_a_device_by_any_hardware_id_it_ever_had(
    clinic: Clinic, alice: Client, text: str
) -> None:
    """Hardware that is in somebody's hand leads to its device, and the list says that it was before."""
    device, other = held(clinic, "Cuff", "Ada Lark"), held(clinic, "Scale", "Bo Finch")
    changed(device, GATEWAY_ID, "")
    changed(other, "", "FFFFFFFFFFFF")
    elsewhere = make_device(make_clinic("beta"), name="Foreign", hwi_device_id=other.hwi_device_id)
    changed(elsewhere, GATEWAY_ID, "")
    answer = alice.get(URL, {"search": text})
    assert names(answer) == ["Cuff"]
    assert f"once had {GATEWAY_ID}" in text_of(answer)
    assert "once had" not in text_of(alice.get(URL))


@pytest.mark.parametrize("text", ["A1B2C3D4E5F6", "a1b2-c3d4-e5f6", "e5f6"])
@pytest.mark.parametrize("names_the_old_one", [True, False])
def test_a_search_finds_a_device_by_an_id_that_only_the_news_of_its_parcel_named(
    clinic: Clinic, alice: Client, text: str, names_the_old_one: bool
) -> None:
    """The vendor's log is read in the night; what was replaced today stands in the news alone."""
    device = held(clinic, "Cuff", "Ada Lark")
    Device.objects.for_clinic(clinic).update(hardware_uuid=GATEWAY_ID)
    held(clinic, "Scale", "Bo Finch")
    old = {"device_id": GATEWAY_ID.lower()} if names_the_old_one else {}
    said = news(device, "Replaced", hardware_uuid="c0ffee000001", patient_id="Ada Lark", **old)
    assert tell(clinic, said) == {"stored": 1}
    answer = alice.get(URL, {"search": text})
    assert names(answer) == ["Cuff"]
    assert f"once had {GATEWAY_ID}" in text_of(answer)
    assert not HardwareChange.objects.for_clinic(clinic).exists()


def test_a_search_takes_the_same_queries_for_any_number(clinic: Clinic, alice: Client) -> None:
    taken = set()
    for first, last in ((0, 2), (2, 40)):
        for number in range(first, last):
            device = held(clinic, f"Cuff {number}", f"P {number}")
            changed(device, GATEWAY_ID, "")
            new = {"hardware_uuid": f"{number:012x}", "device_id": GATEWAY_ID}
            assert tell(clinic, news(device, "Replaced", patient_id=f"P {number}", **new)) == {"stored": 1}
        assert len(names(alice.get(URL, {"search": GATEWAY_ID}))) == last
        taken.add(queries(alice, f"{URL}?search={GATEWAY_ID}"))
    assert len(taken) == 1


def test_a_devices_page_says_whether_its_log_is_asked_for_and_when_it_was_read(
    clinic: Clinic, alice: Client
) -> None:
    device, now = held(clinic, "Cuff"), timezone.now()
    assert "Tenovi’s log has not been read yet" in text_of(alice.get(page_of(device)))
    HardwareLogRead.objects.create(clinic=clinic, target="", read_at=now - DAY / 8)
    elsewhere = make_clinic("beta")
    HardwareLogRead.objects.create(clinic=elsewhere, target="", read_at=now)
    assert "Tenovi’s log was last read 3 h ago" in text_of(alice.get(page_of(device)))
    HardwareLogRead.objects.create(clinic=clinic, target=str(device.hwi_device_id), read_at=now - DAY / 12)
    enqueue(clinic, RequestKind.HARDWARE_LOG, str(device.hwi_device_id), wake=False)
    answer = alice.get(page_of(device))
    assert "Tenovi is being asked for the log of its hardware." in text_of(answer)
    assert "Tenovi’s log was last read 2 h ago" in text_of(answer)
    assert b'id="hardware" data-live data-under-way' in answer.content
    Request.objects.for_clinic(clinic).update(state="parked", reason="Tenovi did not answer in time.")
    said = text_of(alice.get(page_of(device)))
    assert "Tenovi’s log of its hardware could not be read. Tenovi did not answer in time." in said
    assert b'id="hardware" data-live data-under-way' not in alice.get(page_of(device)).content


def changed(device: Device, old: str, new: str) -> None:
    HardwareChange.objects.create(
        clinic=device.clinic,
        vendor_id=str(HardwareChange.objects.across_clinics().count()),
        hwi_device_id=device.hwi_device_id,
        old_hardware_uuid=old,
        new_hardware_uuid=new,
        changed_at=timezone.now(),
    )
