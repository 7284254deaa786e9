"""Room is used as it is there: short rows on a phone, the width of a desk, buttons that look like buttons."""

from __future__ import annotations

import uuid

from playwright.sync_api import Page, ViewportSize, expect

from clinics.models import Clinic, User
from devices.models import Device, DeviceProperty, DeviceType
from patients.models import Alert
from tenovi.models import Call, RequestKind
from tests.browser.conftest import Enter
from tests.browser.steps import path_of, patient_named

PHONE: ViewportSize = {"width": 390, "height": 844}
DESK: ViewportSize = {"width": 1440, "height": 900}
ROW = 110  # pixels: a patient in three lines, or four with a long name
TEXT_ENDS = "row => [...row.children].filter((cell) => cell.scrollWidth > cell.clientWidth + 1).length"


def test_a_phone_shows_seven_patients_of_a_month_at_once(
    clinic: Clinic, billing: User, enter: Enter, page: Page
) -> None:
    enter(billing)
    page.set_viewport_size(PHONE)
    page.goto("/c/demo/billing/")
    rows = page.locator("table.billing > tbody > tr").all()
    assert len(rows) > 20
    assert max(row.evaluate("row => row.offsetHeight") for row in rows) <= ROW
    assert [row.inner_text() for row in rows if row.evaluate(TEXT_ENDS)] == [], "words that leave their cell"


def test_a_warning_breaks_its_line_on_a_phone(clinic: Clinic, admin: User, enter: Enter, page: Page) -> None:
    device = Device.objects.for_clinic(clinic)[0]
    other = {"wanted": "7" * 36, "said": "9" * 36}
    DeviceProperty.objects.create(clinic=clinic, device=device, key="measurement_webhook_id", **other)
    Call.objects.create(
        clinic=clinic,
        request_id=uuid.uuid4(),
        kind=RequestKind.WEBHOOKS,
        method="GET",
        path="/",
        milliseconds=1,
        outcome=Call.Outcome.ANSWERED,
    )
    enter(admin)
    page.set_viewport_size(PHONE)
    for address in ("webhooks/vendor/", f"devices/{device.id}/properties/"):
        page.goto(f"/c/demo/{address}")
        warnings = page.locator("main .needs")
        assert warnings.count() > 0, address
        edges = warnings.evaluate_all("all => all.map((one) => one.getBoundingClientRect().right)")
        assert max(edges) <= PHONE["width"], address


def test_an_order_uses_the_width_of_a_desk(clinic: Clinic, admin: User, enter: Enter, page: Page) -> None:
    DeviceType.objects.create(clinic=clinic, name="Tenovi Scale", sensor_code="13")
    enter(admin)
    page.set_viewport_size(DESK)
    page.goto(path_of(patient_named(clinic, "P-0003")) + "order/")
    for button in ("Continue", "Review the order", "Place the order"):
        expect(page.get_by_role("button", name=button)).to_be_visible()
        form = page.locator("form", has=page.get_by_role("button", name=button))
        assert form.evaluate("form => form.offsetWidth") > 1200
        if button == "Continue":
            page.get_by_label("Tenovi Scale").check()
        if button != "Place the order":
            page.get_by_role("button", name=button).click()


def test_what_was_seen_is_said_with_a_button_that_looks_like_one(
    clinic: Clinic, care_manager: User, enter: Enter, page: Page
) -> None:
    alert = Alert.objects.for_clinic(clinic).select_related("patient__clinic")[0]
    enter(care_manager)
    page.goto(path_of(alert.patient))
    button = page.get_by_role("button", name="I have seen this").first
    assert button.evaluate("button => parseFloat(getComputedStyle(button).borderTopWidth)") > 0
