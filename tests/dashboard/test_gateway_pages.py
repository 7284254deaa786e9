"""The gateways page and the page of one gateway: which home cannot send?"""

from __future__ import annotations

import datetime
import re
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from clinics.models import AuditEvent, Clinic, Role
from devices.models import Device, Gateway, GatewaySample, HardwareChange
from devices.templatetags.gateways import signal_trend, trend_words
from patients.models import Patient
from tests.factories import (
    assign,
    deliver,
    element,
    make_clinic,
    make_device,
    make_gateway,
    make_patient,
    settled,
    vendor_time,
)
from tests.pages import signed_in, text_of

pytestmark = pytest.mark.django_db

URL = "/c/alpha/gateways/"
DAY = datetime.timedelta(days=1)


@pytest.fixture
def clinic() -> Clinic:
    return make_clinic("alpha", timezone="UTC")


@pytest.fixture
def alice(clinic: Clinic) -> Client:
    return signed_in(clinic, Role.CARE_MANAGER)


def ids(answer: Any) -> list[str]:
    assert answer.status_code == 200
    return re.findall(r'<a class="hardware-id" [^>]*>([^<]+)</a>', answer.content.decode())


def page_of(gateway: Gateway) -> str:
    return f"{URL}{gateway.id}/"


def used(clinic: Clinic, number: int, patient: str = "", **fields: Any) -> Gateway:
    """A gateway with a device behind it, which a patient has."""
    gateway_id = f"{number:012X}"
    device = make_device(clinic, name="Cuff", hardware_uuid=gateway_id)
    assign(device, make_patient(clinic, patient or f"P-{number}", name=patient))
    return make_gateway(clinic, gateway_id, **fields)


def sampled(gateway: Gateway, *strengths: int | None) -> None:
    """Asked once a day, the last time today."""
    now = timezone.now()
    for ago, strength in enumerate(reversed(strengths)):
        GatewaySample.objects.create(
            clinic=gateway.clinic, gateway=gateway, taken_at=now - ago * DAY, signal_strength=strength
        )


@pytest.mark.parametrize(
    ("role", "status"), [(Role.CARE_MANAGER, 200), (Role.CLINIC_ADMIN, 200), (Role.BILLING, 403)]
)
def test_who_looks_after_patients_sees_gateways(clinic: Clinic, role: str, status: int) -> None:
    client = signed_in(clinic, role)
    for url in (URL, page_of(used(clinic, 1))):
        assert client.get(url).status_code == status


def test_another_clinics_gateways_do_not_exist(clinic: Clinic, alice: Client) -> None:
    gateway = used(make_clinic("beta"), 1)
    assert ids(alice.get(URL)) == []
    assert alice.get(page_of(gateway)).status_code == 404


def test_an_empty_clinic_says_how_gateways_come(alice: Client) -> None:
    assert "No gateways yet" in text_of(alice.get(URL))


@pytest.fixture
def one_of_each(clinic: Clinic) -> None:
    now = timezone.now()
    used(clinic, 1, signal_strength=24, last_seen_at=now)
    used(clinic, 2, last_seen_at=now)
    used(clinic, 3, signal_strength=8, last_seen_at=now)
    used(clinic, 4)
    used(clinic, 5, signal_strength=30, last_seen_at=now - 2 * DAY)
    used(clinic, 6, signal_strength=9, last_seen_at=now - 7 * DAY)
    used(clinic, 7, signal_strength=14, last_seen_at=now)
    make_gateway(clinic, f"{8:012X}", signal_strength=3, last_seen_at=now - 90 * DAY)


@pytest.mark.parametrize(
    ("show", "expected"),
    [
        ("", [6, 5, 4, 3, 7, 1, 2, 8]),
        ("silent", [6, 5]),
        ("never", [4]),
        ("weak", [6, 3]),
        ("unused", [8]),
        ("nonsense", [6, 5, 4, 3, 7, 1, 2, 8]),
    ],
)
def test_the_worst_comes_first(alice: Client, one_of_each: None, show: str, expected: list[int]) -> None:
    assert [int(gateway_id, 16) for gateway_id in ids(alice.get(URL, {"show": show}))] == expected


def test_a_row_tells_signal_contact_patients_and_firmware(clinic: Clinic, alice: Client) -> None:
    now = timezone.now()
    gateway = used(
        clinic, 1, "Ada Lark", signal_strength=8, last_seen_at=now - 4 * DAY, firmware_version="2.0.3"
    )
    used(clinic, 2, firmware_version="2.10.0")
    used(clinic, 3, firmware_version="2.9.1")
    sampled(gateway, 24, 17, 8)
    answer = alice.get(URL)
    assert "silent · 4 days ago" in text_of(answer)
    assert "poor 8 Ada Lark 1 2.0.3 not the newest" in text_of(answer)
    assert "24 at first, 8 now, between 8 and 24" in answer.content.decode()
    assert "2.10.0 not the newest" not in text_of(answer)


@pytest.mark.parametrize("text", ["lark", "p-77", "0000-0000-0001", "ADA 000000000001"])
def test_a_search_finds_by_id_and_patient(clinic: Clinic, alice: Client, text: str) -> None:
    gateway = make_gateway(clinic, f"{1:012X}")
    assign(
        make_device(clinic, hardware_uuid=gateway.gateway_id), make_patient(clinic, "P-77", name="Ada Lark")
    )
    used(clinic, 2, "Bo Finch")
    assert ids(alice.get(URL, {"search": text})) == [gateway.gateway_id]


@pytest.mark.parametrize("text", ["nobody", "lark finch", "%", "_"])
def test_a_search_without_a_match_says_so(clinic: Clinic, alice: Client, text: str) -> None:
    used(clinic, 1, "Ada Lark")
    used(clinic, 2, "Bo Finch")
    assert "No gateway found" in text_of(alice.get(URL, {"search": text}))


def queries(client: Client, url: str) -> int:
    client.get(url)  # the first request of a session notes its time
    with CaptureQueriesContext(connection) as made:
        assert client.get(url).status_code == 200
    return len(made)


def test_the_list_takes_the_same_queries_for_any_number(clinic: Clinic, alice: Client) -> None:
    taken = set()
    for first, last in ((0, 10), (10, 50), (50, 200)):
        for number in range(first, last):
            sampled(used(clinic, number, signal_strength=20), 20, 21)
        assert len(ids(alice.get(URL))) == min(last, 50)
        taken.add(queries(alice, URL))
    assert len(taken) == 1
    assert taken.pop() <= 13


def test_a_gateways_page_names_the_devices_and_patients_behind_it(clinic: Clinic, alice: Client) -> None:
    gateway = used(clinic, 1, "Ada Lark", signal_strength=24, last_seen_at=timezone.now())
    scale = make_device(clinic, name="Scale", hardware_uuid=gateway.gateway_id)
    make_device(clinic, name="Elsewhere", hardware_uuid="FED091A643FF")
    row = element(scale, metric="weight", value_1=170, timestamp=vendor_time(timezone.now() - DAY / 8))
    assert settled(deliver(clinic, row)) == {"stored": 1}
    text = text_of(alice.get(page_of(gateway)))
    assert "It is heard." in text
    assert "Cuff Ada Lark" in text
    assert "Scale nobody not known yet – 3 h ago" in text
    assert "Elsewhere" not in text


@pytest.mark.parametrize(
    ("fields", "headline", "next_step"),
    [
        ({"last_seen_at": -2 * DAY}, "Silent since", "plugged in"),
        ({}, "Nothing has been heard of it yet.", "plugged in"),
        ({"last_seen_at": -DAY / 9, "signal_strength": 8}, "its signal is poor", "nearer to a window"),
    ],
)
def test_what_is_wrong_with_a_gateway_is_said(
    clinic: Clinic, alice: Client, fields: dict[str, Any], headline: str, next_step: str
) -> None:
    if "last_seen_at" in fields:
        fields = fields | {"last_seen_at": timezone.now() + fields["last_seen_at"]}
    text = text_of(alice.get(page_of(used(clinic, 1, **fields))))
    assert headline in text
    assert "Next step: Ask the patient" in text
    assert next_step in text


def test_a_patients_page_leads_to_the_gateway_and_says_how_it_is_heard(clinic: Clinic, alice: Client) -> None:
    gateway = used(clinic, 1, "Ada Lark", signal_strength=8, last_seen_at=timezone.now())
    patient = Patient.objects.for_clinic(clinic).get()
    answer = alice.get(f"/c/alpha/patients/{patient.id}/")
    assert f'<a href="{page_of(gateway)}">gateway</a>' in answer.content.decode()
    assert "gateway poor 8" in text_of(answer)
    Gateway.objects.for_clinic(clinic).update(last_seen_at=timezone.now() - 2 * DAY)
    assert "gateway silent · 2 days ago" in text_of(alice.get(f"/c/alpha/patients/{patient.id}/"))


def test_nobody_is_called_about_a_gateway_nobody_has(clinic: Clinic, alice: Client) -> None:
    text = text_of(alice.get(page_of(make_gateway(clinic, last_seen_at=timezone.now() - 9 * DAY))))
    assert "Silent since" in text
    assert "Next step" not in text
    assert "Nothing behind it" in text


def test_one_that_was_never_asked_about_says_where_its_contact_is_from(clinic: Clinic, alice: Client) -> None:
    text = text_of(alice.get(page_of(used(clinic, 1, last_seen_at=timezone.now()))))
    assert "Signal not known yet" in text
    assert "known from the readings that came through it" in text


def test_looking_at_a_gateway_is_written_down(clinic: Clinic, alice: Client) -> None:
    gateway = used(clinic, 1)
    alice.get(page_of(gateway))
    event = AuditEvent.objects.get(action="gateway_viewed")
    assert (event.target_kind, event.target_id) == ("gateway", str(gateway.id))


def test_a_gateways_page_takes_the_same_queries_for_any_number_of_devices(
    clinic: Clinic, alice: Client
) -> None:
    gateway = used(clinic, 1)
    taken = {queries(alice, page_of(gateway))}
    for number in range(8):
        assign(make_device(clinic, hardware_uuid=gateway.gateway_id), make_patient(clinic, f"Q-{number}"))
    assert taken == {queries(alice, page_of(gateway))}


def test_a_trend_is_drawn_on_a_fixed_scale_and_left_out_where_nothing_is_known(clinic: Clinic) -> None:
    gateway = make_gateway(clinic)
    sampled(gateway, 31, None, 0)
    samples = list(GatewaySample.objects.for_clinic(clinic).order_by("taken_at"))
    points = re.search(r'points="([^"]+)"', str(signal_trend(samples)))
    assert points is not None
    assert [point.split(",")[1] for point in points[1].split()] == ["2.0", "22.0"]
    assert signal_trend([sample for sample in samples if sample.signal_strength is None]) == ""


def test_a_trend_has_words_for_who_cannot_see_it() -> None:
    assert trend_words([24, 7, 8]) == "Signal in the last 30 days: 24 at first, 8 now, between 7 and 24"


GATEWAY, OTHER = f"{1:012X}", f"{2:012X}"


def changed(device: Device, old: str, new: str, moment: datetime.datetime | None) -> None:
    HardwareChange.objects.create(
        clinic=device.clinic,
        vendor_id=str(HardwareChange.objects.across_clinics().count()),
        hwi_device_id=device.hwi_device_id,
        old_hardware_uuid=old,
        new_hardware_uuid=new,
        changed_at=moment,
    )


def test_an_id_of_no_gateway_leads_to_the_search_that_asks_tenovi(clinic: Clinic, alice: Client) -> None:
    """Whoever has a gateway in their hand looks for it among the gateways first."""
    used(clinic, 1, "Ada Lark")
    answer = alice.get(URL, {"search": "c0ff-ee00-0001"})
    assert "No gateway found" in text_of(answer)
    found = re.search(r'href="(/c/alpha/devices/\?search=C0FFEE000001)"', answer.content.decode())
    assert found is not None
    assert "Search at Tenovi" in text_of(alice.get(found[1]))
    for query in ({"search": "nobody"}, {"search": f"{1:012X}", "show": "silent"}):
        assert "Search devices for it" not in text_of(alice.get(URL, query))


def former(client: Client, gateway: Gateway) -> str:
    """The words under the heading of former devices, which stands below the devices behind it now and
    above the signal; "" without one."""
    said = text_of(client.get(page_of(gateway))).partition("Devices behind it")[2]
    return said.partition("Signal, 30 days")[0].partition("Devices it had before")[2]


def test_a_gateways_page_lists_who_was_behind_it_before(clinic: Clinic, alice: Client) -> None:
    """With the dates, and the patient who had the device then: not who has it now."""
    gateway, now = make_gateway(clinic, GATEWAY), timezone.now()
    device = make_device(clinic, name="Cuff", hardware_uuid=OTHER)
    assign(device, make_patient(clinic, "P-1", name="Ada Lark"), now - 90 * DAY, now - 30 * DAY)
    assign(device, make_patient(clinic, "P-2", name="Bo Finch"), now - 10 * DAY)
    changed(device, "", GATEWAY, now - 90 * DAY)
    changed(device, GATEWAY, OTHER, now - 20 * DAY)
    said = former(alice, gateway)
    assert "Cuff" in said
    assert "Ada Lark" in said
    assert "Bo Finch" not in said
    assert "not said" not in said


def test_who_is_behind_a_gateway_now_is_not_listed_as_former(clinic: Clinic, alice: Client) -> None:
    gateway = used(clinic, 1, "Ada Lark")
    changed(Device.objects.for_clinic(clinic).get(), "", GATEWAY, timezone.now() - DAY)
    assert former(alice, gateway) == ""


def test_an_unlinked_device_is_listed_before_the_log_tells_when(clinic: Clinic, alice: Client) -> None:
    """Nobody is named then: who has it later may have it elsewhere."""
    gateway, device = make_gateway(clinic, GATEWAY), make_device(clinic, name="Cuff")
    assign(device, make_patient(clinic, name="Ada Lark"))
    changed(device, "", GATEWAY, timezone.now() - DAY)
    said = former(alice, gateway)
    assert "Cuff" in said
    assert "nobody known" in said
    assert "not said" in said


def test_a_gap_in_the_log_names_no_patient(clinic: Clinic, alice: Client) -> None:
    gateway, device, now = make_gateway(clinic, GATEWAY), make_device(clinic, name="Cuff"), timezone.now()
    assign(device, make_patient(clinic, name="Ada Lark"))
    changed(device, "", GATEWAY, now - 9 * DAY)
    changed(device, OTHER, "", now - 5 * DAY)  # how it came from the one to the other is not told
    assert "nobody known" in former(alice, gateway)


def test_the_log_may_name_a_device_that_is_not_known_here(clinic: Clinic, alice: Client) -> None:
    gateway = make_gateway(clinic, GATEWAY)
    stranger = make_device(make_clinic("beta"), name="Foreign")
    stranger.clinic = clinic
    changed(stranger, GATEWAY, "", timezone.now())
    said = former(alice, gateway)
    assert f"Not known here {stranger.hwi_device_id}" in said
    assert "Foreign" not in said


def test_former_devices_take_the_same_queries_for_any_number(clinic: Clinic, alice: Client) -> None:
    gateway, now, taken = make_gateway(clinic, GATEWAY), timezone.now(), set()
    for first, last in ((0, 1), (1, 60)):
        for number in range(first, last):
            device = make_device(clinic, name=f"Cuff {number}")
            assign(device, make_patient(clinic, f"P-{number}"))
            changed(device, GATEWAY, "", now - number * DAY)
        taken.add(queries(alice, page_of(gateway)))
    assert len(taken) == 1
    assert "10 that left earlier are not shown." in former(alice, gateway)
