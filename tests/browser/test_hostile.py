"""A browser opens what hostile texts were planted in: nothing runs, nothing is drawn but text."""

from __future__ import annotations

import datetime
from collections.abc import Iterator
from typing import Any

import pytest
from playwright.sync_api import Page, expect
from pytest_django.fixtures import Settings

from clinics.models import Clinic
from devices.models import Assignment
from fulfillment.models import Replacement, SpecialOrder, SupplyRequest
from tenovi.models import Delivery
from tests.browser.conftest import NOW, Enter
from tests.browser.every_page import routes
from tests.browser.steps import charts_are_drawn
from tests.factories import held_device, make_gateway, make_order, make_user
from tests.fulfillment.vendor import make_asked
from tests.hostile import ELEMENT, TEXTS, plant
from tests.vendor import stub_as_vendor, vendor_clinic
from tests.vendor_stub import VendorStub

DAY = NOW.date() - datetime.timedelta(days=1)
DRAWN = f"document.querySelectorAll('{ELEMENT}, [onload], [onerror], [onfocus], [onpointermove]').length"


@pytest.fixture
def vendor(settings: Settings) -> Iterator[VendorStub]:
    with stub_as_vendor(settings) as stub:
        yield stub


@pytest.fixture
def samples(transactional_db: None, vendor: VendorStub) -> dict[str, Any]:
    """A clinic in which one patient's device sent every text, and a value for each parameter of a route."""
    clinic = vendor_clinic()
    gateway, device = make_gateway(clinic), held_device(clinic)
    plant(clinic, vendor, device, DAY)
    patient = Assignment.objects.for_clinic(clinic).get(device=device).holder
    return {
        "clinic": clinic.slug,
        "patient_id": patient.id,
        "day": DAY,
        "device_id": device.id,
        "gateway_id": gateway.id,
        "order_id": make_order(patient, state="needs_person", reason=TEXTS[0]).id,
        "special_order_id": SpecialOrder.objects.for_clinic(clinic)[0].id,
        "replacement_id": make_asked(Replacement, clinic, device, parts=["Gateway"]).id,
        "supply_id": make_asked(SupplyRequest, clinic, device, supply_name=TEXTS[0]).id,
        "delivery_id": Delivery.objects.for_clinic(clinic).order_by("-size")[0].id,
    }


def test_no_page_runs_or_draws_what_was_sent(samples: dict[str, Any], enter: Enter, page: Page) -> None:
    """A breach of the content policy, an error of a script or a call of `hostile()` fails in `complaints`."""
    clinic = Clinic.objects.get()
    people = {role: make_user(f"{role}@alpha.test", clinic, role) for role in {one.role for one in routes()}}
    seen = []
    for route in sorted(routes(), key=lambda route: route.role):
        enter(people[route.role])
        page.goto(route.address(samples))
        charts_are_drawn(page)
        for plot in page.locator("[data-chart] [role=img]").all():
            plot.press("End")
        assert page.evaluate(DRAWN) == 0, page.url
        seen.append(page.locator("body").inner_text())
    assert sum(TEXTS[0] in words for words in seen) > 4


def test_a_chart_of_a_hostile_name_tells_it_as_text(
    samples: dict[str, Any], enter: Enter, page: Page
) -> None:
    clinic = Clinic.objects.get()
    enter(make_user("care@alpha.test", clinic))
    page.goto(f"/c/alpha/patients/{samples['patient_id']}/")
    charts_are_drawn(page)
    chart = page.locator("section.chart").filter(has_text="<img src=x onerror=hostile()>").first
    chart.get_by_role("img").press("End")
    expect(chart.locator("[data-readout]")).to_contain_text("131")
    assert page.evaluate(DRAWN) == 0
