"""Nobody sees on a page what is not theirs to see."""

from __future__ import annotations

import datetime
import re

import pytest
from django.urls import reverse
from playwright.sync_api import Page, expect

from clinics.access import OPERATOR_PERMISSIONS, ROLE_PERMISSIONS
from clinics.models import Clinic, Role, User
from patients.models import Patient
from tests.browser.conftest import Enter
from tests.browser.every_page import routes, samples
from tests.browser.steps import path_of, patient_named, sign_in
from tests.factories import deliver, element, held_device, make_clinic, make_user, settled

VALUES = ("187/113", "187", "113", "209", "203.7")
"""Of the readings below; no other number on a page looks like one of them."""
DAY = datetime.date(2025, 10, 16)


@pytest.fixture
def measured(clinic: Clinic) -> Patient:
    """A patient whose values can be told from everything else on a page."""
    cuff, scale = (held_device(clinic, kind, "X-1") for kind in ("tenovi-bpm", "tenovi-scale"))
    taken = {"timestamp": f"{DAY}T13:05:00Z", "created": f"{DAY}T13:05:09Z", "timezone_offset": -4}
    answer = deliver(
        clinic,
        [
            element(cuff, value_1=187, value_2=113, **taken),
            element(cuff, metric="pulse", value_1=209, value_2=0, **taken),
            element(scale, metric="weight", value_1=203.7, value_2=0, **taken),
        ],
    )
    assert settled(answer) == {"stored": 3}
    return Patient.objects.for_clinic(clinic).get(external_id="X-1")


def values_in(source: str) -> list[str]:
    return [value for value in VALUES if re.search(rf"(?<![\w.-]){re.escape(value)}(?![\w-])", source)]


def test_billing_staff_meet_no_value_on_any_page(
    clinic: Clinic, measured: Patient, billing: User, enter: Enter, page: Page
) -> None:
    enter(billing)
    known = samples(clinic) | {"patient_id": measured.id, "day": DAY}
    theirs = [route for route in routes() if route.permission in ROLE_PERMISSIONS[Role.BILLING]]
    sources = {}
    for address in (address for route in theirs for address in route.addresses(known)):
        page.goto(address)
        sources[address] = page.content()
    assert {address: found for address, source in sources.items() if (found := values_in(source))} == {}
    day = sources[reverse("billing-day", args=[clinic.slug, measured.id, DAY])]
    assert all(word in day for word in ("Blood pressure", "Weight", "9:05 AM EDT", "vital reading"))


def test_the_care_managers_day_shows_what_billing_staff_must_not_see(
    clinic: Clinic, measured: Patient, care_manager: User, enter: Enter, page: Page
) -> None:
    enter(care_manager)
    page.goto(reverse("patient-day", args=[clinic.slug, measured.id, DAY]))
    assert values_in(page.content()) == list(VALUES)


def test_billing_staff_are_refused_where_values_are(
    clinic: Clinic, measured: Patient, billing: User, enter: Enter, page: Page, complaints: list[str]
) -> None:
    enter(billing)
    series = reverse("api-series", args=[clinic.slug, measured.external_id]) + "?metric=weight"
    assert page.request.get(series).status == 403
    page.goto(path_of(measured))
    expect(page.get_by_role("heading", level=1)).to_have_text("Your role does not open this page")
    assert values_in(page.content()) == []
    complaints.clear()  # the browser notes the 403


def test_a_patient_of_another_clinic_does_not_exist(
    clinic: Clinic, enter: Enter, page: Page, complaints: list[str]
) -> None:
    enter(make_user("admin@elsewhere.test", make_clinic("elsewhere"), Role.CLINIC_ADMIN))
    patient = patient_named(clinic, "P-0001")
    for slug in ("demo", "elsewhere"):
        page.goto(reverse("patient", args=[slug, patient.id]))
        expect(page.get_by_role("heading", level=1)).to_have_text("There is no such page")
        assert patient.name not in page.content()
    complaints.clear()  # the browser notes the 404s


def test_an_operator_sees_what_came_in_and_no_patient(clinic: Clinic, operator: User, page: Page) -> None:
    sign_in(page, operator)
    expect(page.get_by_role("heading", level=1)).to_have_text("Deliveries")
    links = page.get_by_role("navigation", name="Main").get_by_role("link").all_inner_texts()
    assert links and not {"Patients", "Devices", "Shipping", "Billing"} & set(links)
    known = samples(clinic)
    for route in routes():
        allowed = route.permission in OPERATOR_PERMISSIONS
        assert page.request.get(route.address(known)).status == (200 if allowed else 403), route


@pytest.mark.parametrize("role", Role.values)
def test_the_navigation_leads_only_where_the_role_may_go(
    role: str, clinic: Clinic, enter: Enter, page: Page
) -> None:
    enter(make_user("somebody@demo.test", clinic, role))
    page.goto("/")
    links = page.get_by_role("navigation", name="Main").get_by_role("link").all()
    assert links
    for link in links:
        assert page.request.get(link.get_attribute("href") or "").status == 200
