"""Room is used as it is there: short rows on a phone, the width of a desk, buttons that look like buttons."""

from __future__ import annotations

from playwright.sync_api import Page, ViewportSize, expect

from clinics.models import Clinic, User
from devices.models import DeviceType
from patients.models import Alert
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
