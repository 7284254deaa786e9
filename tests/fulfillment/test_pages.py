"""The shipping pages and the patient's shipping card: who sees what, and nothing runs that the vendor sent."""

from __future__ import annotations

import html
import re
from typing import Any

import pytest
from django.test import Client

from clinics.models import Clinic, Role
from devices.models import Device
from fulfillment.vendor_statuses import STATUSES, Stage, names_of
from tests.factories import assign, held_device, make_clinic, make_device, make_patient
from tests.fulfillment.vendor import NEW, OLD, news, order, tell, tell_order
from tests.pages import signed_in, text_of

pytestmark = pytest.mark.django_db

SHIPMENTS = "/c/alpha/fulfillment/"
ORDERS = "/c/alpha/fulfillment/special-orders/"
HOSTILE = [
    "javascript:alert(1)",
    '"><script>alert(1)</script>',
    "https://ups.com.evil.example/",
    "https://evil.example/?ups.com",
]


@pytest.fixture
def clinic() -> Clinic:
    return make_clinic("alpha")


@pytest.fixture
def alice(clinic: Clinic) -> Client:
    return signed_in(clinic, Role.CARE_MANAGER)


def names(answer: Any) -> list[str]:
    """The patients in the rows of a page, from the top."""
    return re.findall(r'<th scope="row"><a [^>]*>([^<]+)</a>', answer.content.decode())


def told_device(clinic: Clinic, name: str, *statuses: str, **changes: Any) -> Device:
    device = make_device(clinic, name="Tenovi BPM - L")
    assign(device, make_patient(clinic, name.lower(), name=name))
    for status in statuses:
        tell(clinic, news(device, status, patient_id="", **changes))
    return device


@pytest.mark.parametrize("url", [SHIPMENTS, ORDERS])
@pytest.mark.parametrize(
    ("role", "status"),
    [(Role.CARE_MANAGER, 200), (Role.CLINIC_ADMIN, 200), (Role.BILLING, 403), ("operator", 403)],
)
def test_who_looks_after_patients_sees_parcels(clinic: Clinic, url: str, role: str, status: int) -> None:
    assert signed_in(clinic, role).get(url).status_code == status


@pytest.mark.parametrize("url", [SHIPMENTS, ORDERS])
def test_another_clinics_parcels_do_not_exist(clinic: Clinic, url: str) -> None:
    told_device(clinic, "Ada", "Shipped")
    tell_order(clinic, order())
    charlie = signed_in(make_clinic("beta"), Role.CLINIC_ADMIN)
    assert charlie.get(url).status_code == 404
    assert "SO-1234" not in text_of(charlie.get(url.replace("alpha", "beta")))
    assert names(charlie.get(url.replace("alpha", "beta"))) == []


def test_a_row_says_who_what_where_and_what_is_next(clinic: Clinic, alice: Client) -> None:
    told_device(clinic, "Ada", "Client Action Required", tracking_link="ups.com/track?1Z")
    page = alice.get(SHIPMENTS)
    words = text_of(page)
    for expected in (
        "Ada ada",
        "Tenovi BPM - L",
        OLD,
        "Correct or confirm the patient’s address.",
        "just now",
    ):
        assert expected in words
    assert "1 device needs you" in words
    assert '#alert-triangle"/></svg>Client Action Required' in page.content.decode()
    assert '<a class="tracking" href="https://ups.com/track?1Z"' in page.content.decode()


@pytest.mark.parametrize("link", HOSTILE)
def test_a_hostile_tracking_link_is_shown_as_text(clinic: Clinic, alice: Client, link: str) -> None:
    patient_id = told_device(clinic, "Ada", "Shipped", tracking_link=link) and "ada"
    tell_order(clinic, order(tracking_link=link, patient_id=patient_id, status=f"{link}!"))
    card = re.search(r'href="(/c/alpha/patients/[^"]+)"', alice.get(SHIPMENTS).content.decode())
    assert card
    for url in (SHIPMENTS, ORDERS, card[1]):
        page = alice.get(url).content.decode()
        assert html.escape(link) in page
        assert "<script>alert" not in page
        assert not re.search(r'href="[^"?]*(javascript|evil)', page)


def test_each_stage_has_a_filter_with_its_count(clinic: Clinic, alice: Client) -> None:
    for status in STATUSES:
        told_device(clinic, status.name, status.name)
    told_device(clinic, "Unheard Of", "Teleported")
    words = text_of(alice.get(SHIPMENTS))
    for stage in Stage:
        expected = names_of(stage) or ["Unheard Of"]
        assert f"{stage.label} {len(expected)}" in words
        page = alice.get(SHIPMENTS, {"stage": stage.value})
        assert sorted(names(page)) == sorted(expected)
        assert f'href="?stage={stage.value}" aria-current="true"' in page.content.decode()


@pytest.mark.parametrize("stage", ["nonsense", "\0", "' OR 1=1"])
def test_a_stage_that_does_not_exist_shows_everything(clinic: Clinic, alice: Client, stage: str) -> None:
    told_device(clinic, "Ada", "Shipped")
    assert names(alice.get(SHIPMENTS, {"stage": stage})) == ["Ada"]


def test_parcels_are_found_by_patient_hardware_and_tracking(clinic: Clinic, alice: Client) -> None:
    told_device(clinic, "Ada", "Shipped", hardware_uuid=OLD, tracking_link="ups.com/1Z1")
    bob = told_device(clinic, "Bob", "Shipped", hardware_uuid="FFFFFFFFFFFF", tracking_link="usps.com/2Z2")
    tell(clinic, news(bob, "Replaced", patient_id="", hardware_uuid=NEW, device_id="FFFFFFFFFFFF"))
    for text, found in {
        "ada": ["Ada"],
        "a1-b2-c3 ": ["Bob", "Ada"],
        "ffff-ffff": ["Bob"],
        "2z2": ["Bob"],
        "1Z1": ["Ada"],
        "100%": [],
        "_": [],
        "\0": ["Bob", "Ada"],
    }.items():
        assert names(alice.get(SHIPMENTS, {"search": text})) == found, text


def test_a_parcel_is_found_by_the_old_hardware_that_no_news_named(clinic: Clinic, alice: Client) -> None:
    """*Replaced* need not say what was replaced: our record of the device had it."""
    device = told_device(clinic, "Ada", "Shipped", hardware_uuid=None)
    told_device(clinic, "Bob", "Shipped")
    Device.objects.for_clinic(clinic).filter(id=device.id).update(hardware_uuid="EEEEEEEEEEEE")
    tell(clinic, news(device, "Replaced", patient_id="", hardware_uuid="c0ffee000001"))
    assert names(alice.get(SHIPMENTS, {"search": "eeee-eeee-eeee"})) == ["Ada"]


def test_a_device_that_changed_hands_is_shown_with_who_has_it_last(clinic: Clinic, alice: Client) -> None:
    device = make_device(clinic)
    before, after = make_patient(clinic, "before", name="Ada"), make_patient(clinic, "after", name="Bob")
    first = assign(device, before)
    tell(clinic, news(device, patient_id=""))
    first.ends_at = first.starts_at.replace(year=2021)
    first.save()
    assign(device, after, starts_at=first.ends_at)
    assert names(alice.get(SHIPMENTS)) == ["Bob"]
    assert names(alice.get(SHIPMENTS, {"search": "ada"})) == []


def test_the_link_of_a_special_order_outlives_messages_that_have_none(clinic: Clinic, alice: Client) -> None:
    for day, status, link in (
        (1, "Shipped", "https://www.ups.com/track?tracknum=1Z"),
        (2, "Delivered", None),
    ):
        tell_order(clinic, order(status=status, updated_on=f"2026-03-0{day}T12:00:00Z", tracking_link=link))
    assert 'href="https://www.ups.com/track?tracknum=1Z"' in alice.get(ORDERS).content.decode()


def test_special_orders_with_contents_steps_and_whom_they_are_for(clinic: Clinic, alice: Client) -> None:
    make_patient(clinic, "ada", name="Ada")
    tell_order(clinic, order(status="Pending", updated_on="2025-03-04T10:00:00Z"))
    tell_order(clinic, order(tracking_link="ups.com/1"))
    tell_order(
        clinic, order(request_id="2", order_number=None, order_type="re", patient_id="ADA", contents=None)
    )
    tell_order(
        clinic, order(request_id="3", order_number="SU-3", patient_id="not-here", manifest={"imeis": 5})
    )
    words = text_of(alice.get(ORDERS))
    for expected in (
        "SO-1234 Bulk the clinic 2 × Tenovi BPM - L 2 × Gateway 2 units listed",
        "2 Replacement Ada ada not said",
        "SU-3 Bulk not-here",
    ):
        assert expected in words
    assert re.search(r"Pending \d+ \w+ ago .*Shipped \d+ \w+ ago", words)
    assert "All 3 Pending 0 Shipped 3 Delivered 0 Returned 0" in words
    assert "SO-1234" in text_of(alice.get(ORDERS, {"search": "so-12"}))
    assert "No special order mentions that" in text_of(alice.get(ORDERS, {"search": "zzz\0"}))
    assert "No order has this status" in text_of(alice.get(ORDERS, {"status": "Returned"}))


def test_empty_pages_say_what_to_do(clinic: Clinic, alice: Client) -> None:
    assert "Nothing has been shipped yet" in text_of(alice.get(SHIPMENTS))
    assert "No special orders yet" in text_of(alice.get(ORDERS))
    assert "No parcel mentions that" in text_of(alice.get(SHIPMENTS, {"search": "x"}))
    assert "No device is there now" in text_of(alice.get(SHIPMENTS, {"stage": "ended"}))


def test_the_patient_page_shows_what_is_under_way_or_came_last(clinic: Clinic, alice: Client) -> None:
    device = held_device(clinic)
    link = f"/c/alpha/patients/{make_patient(clinic, 'other').id}/"
    assert "Tenovi has not told about a parcel for this patient" in text_of(alice.get(link))
    tell(clinic, news(device, "Connected"))
    [page] = re.findall(r'href="(/c/alpha/patients/[^"]+)"', alice.get(SHIPMENTS).content.decode())
    assert "Connected just now" in shipping_card(alice.get(page))
    another = make_device(clinic, name="Tenovi Scale")
    assign(another, make_patient(clinic, "third"))
    for under_way in (device, another):
        tell(clinic, news(under_way, "Shipped", patient_id="", hardware_uuid=NEW))
    tell_order(clinic, order(patient_id="mrn-7781"))
    card = shipping_card(alice.get(page))
    assert re.search(r"Shipped just now .* The carrier delivers it\.", card)
    assert "SO-1234 Shipped" in card
    assert "Tenovi Scale" not in card


def shipping_card(answer: Any) -> str:
    return text_of(answer).rpartition(" Shipping ")[2]


def test_the_number_of_queries_does_not_grow_with_the_page(
    clinic: Clinic, alice: Client, django_assert_max_num_queries: Any
) -> None:
    for number in range(30):
        told_device(clinic, f"P {number}", "Shipped")
        tell_order(clinic, order(request_id=str(number), patient_id=f"p {number}"))
    for url in (SHIPMENTS, f"{SHIPMENTS}?search=p", ORDERS):
        alice.get(url)  # the first look at it goes into the record
        with django_assert_max_num_queries(12):
            alice.get(url)
