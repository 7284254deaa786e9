"""What waits can be judged where it is decided: what was measured, when, on what, and for whom."""

from __future__ import annotations

import uuid
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from clinics.models import Clinic
from tenovi.models import DeliveryItem
from tests.factories import ABSENT, assign, deliver, element, make_clinic, make_device, make_patient
from tests.pages import signed_in, text_of

pytestmark = pytest.mark.django_db

PAGE = "/c/alpha/deliveries/waiting/"
DEVICE = uuid.UUID(int=99, version=4)


@pytest.fixture
def clinic() -> Clinic:
    return make_clinic("alpha")


@pytest.fixture
def admin(clinic: Clinic) -> Client:
    return signed_in(clinic, "clinic_admin")


def test_what_is_to_be_discarded_stands_beside_the_button(clinic: Clinic, admin: Client) -> None:
    make_patient(clinic, "MRN-Otto", name="Otto Other")
    deliver(clinic, element(DEVICE, patient_id="mrn-otto"))
    said = text_of(admin.get(PAGE))
    assert (
        "Blood pressure 131/82 mmHg taken Tue, Mar 4, 2025, 10:09 AM EST by Tenovi BPM - L for Otto Other"
        in said
    )
    assert "It is not stored. What was sent is kept" in said


def test_who_has_the_device_is_named_where_the_element_names_nobody(clinic: Clinic, admin: Client) -> None:
    device = make_device(clinic, hwi_device_id=DEVICE)
    assign(device, make_patient(clinic, "holder", name="Ada Holder"))
    deliver(clinic, element(DEVICE, value_1=None))
    said = text_of(admin.get(PAGE))
    assert "Blood pressure –/82 mmHg" in said
    assert "Here it is held by Ada Holder" in said


def test_one_that_is_nobodys_patient_here_is_named_by_its_id(clinic: Clinic, admin: Client) -> None:
    deliver(clinic, element(DEVICE, patient_id="P-77"))
    assert "for P-77 , nobody here" in text_of(admin.get(PAGE))


def test_an_operator_sees_what_kind_of_thing_waits_but_neither_value_nor_patient(clinic: Clinic) -> None:
    device = make_device(clinic, hwi_device_id=DEVICE)
    assign(device, make_patient(clinic, "holder", name="Ada Holder"))
    make_patient(clinic, "mrn-otto", name="Otto Other")
    deliver(clinic, element(DEVICE, patient_id="mrn-otto"))
    operator = signed_in(clinic, "operator")
    for _ in range(2):
        said = text_of(operator.get(PAGE))
        assert "Blood pressure taken Tue, Mar 4, 2025, 10:09 AM EST" in said
        assert not any(word in said for word in ("131", "82 mmHg", "Otto", "mrn-otto", "Ada", "holder "))
        group = {"device": str(DEVICE), "kind": "measurements", "reason": "wrong_patient"}
        operator.post(PAGE, {"do": "discard", "note": "tried out", **group})


@pytest.mark.parametrize("role", ["care_manager", "billing"])
def test_who_may_not_see_deliveries_sees_none_of_it(clinic: Clinic, role: str) -> None:
    deliver(clinic, element(DEVICE))
    assert signed_in(clinic, role).get(PAGE).status_code == 403


def test_only_the_newest_few_are_shown_and_the_rest_counted(clinic: Clinic, admin: Client) -> None:
    deliver(clinic, [element(DEVICE, value_1=value) for value in range(120, 125)])
    said = text_of(admin.get(PAGE))
    assert [f"{value}/82" in said for value in range(120, 125)] == [False, False, True, True, True]
    assert "and 2 more" in said
    assert "They are not stored. What was sent is kept" in said


def test_what_was_discarded_can_be_judged_before_it_is_taken_back(clinic: Clinic, admin: Client) -> None:
    deliver(clinic, element(DEVICE))
    group = {"device": str(DEVICE), "kind": "measurements", "reason": "unknown_device"}
    admin.post(PAGE, {"do": "discard", "note": "tried out", **group})
    assert "Blood pressure 131/82 mmHg" in text_of(admin.get(PAGE))


def test_news_of_a_parcel_shows_its_status(clinic: Clinic, admin: Client) -> None:
    body = {"hwi_device_id": str(DEVICE), "status": "Shipped", "patient_id": "", "device_name": "Tenovi BPM"}
    deliver(clinic, body, kind="fulfillment")
    DeliveryItem.objects.for_clinic(clinic).update(state="quarantined", reason="unknown_device")
    assert "Shipped by Tenovi BPM" in text_of(admin.get(PAGE))


@pytest.mark.parametrize(
    "odd",
    [
        {"timestamp": "9999-12-31T23:59:59Z"},
        {"timestamp": "0001-01-01T00:00:00+14:00"},
        {"timestamp": 7},
        {"value_1": [1], "value_2": {"a": 1}},
        {"value_1": "9" * 5000},
        {"metric": "m" * 5000},
        {"metric": "<script>", "value_1": "<b>"},
        {"patient_id": [1]},
        {"patient_id": ABSENT, "device_name": 7},
    ],
)
def test_however_odd_it_is_the_page_shows_it(clinic: Clinic, admin: Client, odd: dict[str, Any]) -> None:
    deliver(clinic, element(DEVICE, **odd))
    assert DeliveryItem.objects.for_clinic(clinic).quarantined().exists()
    answer = admin.get(PAGE)
    assert answer.status_code == 200
    assert "<script>" not in answer.content.decode().partition("What was sent")[2].partition("</table>")[0]


def test_more_of_it_takes_no_more_queries(clinic: Clinic, admin: Client) -> None:
    def queries() -> int:
        with CaptureQueriesContext(connection) as seen:
            admin.get(PAGE)
        return len(seen)

    def wait(number: int) -> None:
        device = make_device(clinic, hwi_device_id=uuid.UUID(int=number, version=4))
        assign(device, make_patient(clinic, f"holder-{number}"))
        deliver(clinic, element(device, value_1=None, patient_id=f"holder-{number}"))

    wait(1)
    queries()
    one = queries()
    for number in range(2, 8):
        wait(number)
    assert queries() == one
