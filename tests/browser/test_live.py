"""A reading that comes in moves the open page by itself."""

from __future__ import annotations

import datetime

import requests
import time_machine
from django.urls import reverse
from playwright.sync_api import BrowserContext, Page, expect
from pytest_django.live_server_helper import LiveServer

from clinics.models import Clinic, Session, User
from devices.models import Assignment, Device, HardwareLogRead
from fulfillment.orders.actions import cancel_order
from patients.models import Patient
from tenovi.models import Request, RequestKind
from tenovi.outbound.enqueue import enqueue
from tests.browser.conftest import NOW, Enter
from tests.browser.steps import path_of, patient_named
from tests.factories import credentials, element, make_order, vendor_time

A_TURN = 5_000  # milliseconds between two looks of an open page
MONTHLY = "P-0015"  # measures on one day a month, which is not today


def push(server: LiveServer, patient: Patient) -> None:
    """The vendor sends a blood pressure with its pulse, taken two minutes ago."""
    cuff = Assignment.objects.for_clinic(patient.clinic).of_patient(patient).get().device
    moments = {
        "timestamp": vendor_time(NOW - datetime.timedelta(minutes=2)),
        "created": vendor_time(NOW),
        "timezone_offset": -7,
    }
    answer = requests.post(
        f"{server.url}/webhooks/demo/measurements/",
        json=[
            element(cuff, value_1=163, value_2=97, **moments),
            element(cuff, metric="pulse", value_1=91, value_2=0, **moments),
        ],
        headers={"Authorization": credentials(patient.clinic)},
        timeout=60,
    )
    assert answer.json()["stored"] == 2


def test_a_reading_moves_chart_latest_value_and_calendar_without_a_reload(
    clinic: Clinic, care_manager: User, enter: Enter, page: Page, live_server: LiveServer
) -> None:
    patient = patient_named(clinic, MONTHLY)
    enter(care_manager)
    page.clock.install()
    page.goto(path_of(patient))
    expect(page.locator("[data-live-state]")).to_have_text("Live")
    page.evaluate("window.isTheSamePage = true")
    today = page.locator("#calendar .day.today")
    expect(today).to_have_accessible_name("19 November 19: no data")

    push(live_server, patient)
    page.clock.fast_forward(A_TURN)

    pressure = page.locator(".latest-item").filter(has_text="Blood pressure")
    expect(pressure.locator(".value")).to_have_text("163/97 mmHg")
    expect(today).to_have_accessible_name("19 November 19: counted, 2 readings")
    plot = page.get_by_role("img", name="Blood pressure and pulse")
    plot.press("End")
    words = page.locator("section.chart").filter(has=plot).locator("[data-readout]")
    for told in ("Wed, Nov 19, 7:58 AM MST", "163/97 mmHg", "91 bpm"):
        expect(words).to_contain_text(told)
    assert page.evaluate("window.isTheSamePage")


def test_an_open_page_does_not_keep_its_session_alive(
    clinic: Clinic, care_manager: User, enter: Enter, page: Page
) -> None:
    enter(care_manager)
    page.clock.install()
    page.goto(path_of(patient_named(clinic, MONTHLY)))
    expect(page.locator("[data-live-state]")).to_have_text("Live")
    last_click = Session.objects.get(user_id=care_manager.id).seen_at
    with (
        time_machine.travel(NOW + datetime.timedelta(minutes=10), tick=True),
        page.expect_response("**/news/*") as news,
    ):
        page.clock.fast_forward(A_TURN)
    assert news.value.status == 200
    assert Session.objects.get(user_id=care_manager.id).seen_at == last_click


def test_an_open_page_says_that_it_lost_the_server_and_recovers(
    clinic: Clinic,
    care_manager: User,
    enter: Enter,
    context: BrowserContext,
    page: Page,
    complaints: list[str],
) -> None:
    enter(care_manager)
    page.clock.install()
    page.goto(path_of(patient_named(clinic, MONTHLY)))
    state = page.locator("[data-live-state]")
    expect(state).to_have_text("Live")
    context.set_offline(True)
    page.clock.fast_forward(A_TURN)
    expect(state).to_have_text("No connection; trying again")
    context.set_offline(False)
    page.clock.fast_forward(A_TURN)
    expect(state).to_have_text("Live")
    assert all("ERR_INTERNET_DISCONNECTED" in one for one in complaints)
    complaints.clear()


def test_what_is_asked_of_the_vendor_about_a_device_leaves_its_page_when_it_is_done(
    clinic: Clinic, admin: User, enter: Enter, page: Page
) -> None:
    device = Assignment.objects.for_clinic(clinic).of_patient(patient_named(clinic, MONTHLY)).get().device
    enqueue(clinic, RequestKind.DEVICE_UNLINK, str(device.hwi_device_id), wake=False)
    enter(admin)
    page.clock.install()
    page.goto(f"/c/demo/devices/{device.id}/")
    standing = page.locator("#standing")
    expect(standing).to_contain_text("it waits to be sent to Tenovi")

    Request.objects.for_clinic(clinic).filter(target=str(device.hwi_device_id)).delete()
    Device.objects.for_clinic(clinic).filter(id=device.id).update(unlinked_at=NOW)
    page.clock.fast_forward(A_TURN)

    expect(standing).not_to_contain_text("Tenovi.")
    expect(standing).to_contain_text("unlinked")


def test_a_search_at_the_vendor_shows_its_answer_by_itself(
    clinic: Clinic, care_manager: User, enter: Enter, page: Page
) -> None:
    enqueue(clinic, RequestKind.HARDWARE_SEARCH, "FFFFFFFFFFF0", wake=False)
    enter(care_manager)
    page.clock.install()
    page.goto("/c/demo/devices/?search=ffff-ffff-fff0")
    listed = page.locator("#list")
    expect(listed).to_contain_text("Searching at Tenovi")

    Request.objects.for_clinic(clinic).filter(kind=RequestKind.HARDWARE_SEARCH).delete()
    HardwareLogRead.objects.create(clinic=clinic, target="FFFFFFFFFFF0", read_at=NOW)
    page.clock.fast_forward(A_TURN)

    expect(listed).to_contain_text("Tenovi knows no such id")
    expect(listed.get_by_role("button", name="Search again")).to_be_visible()


def test_an_order_that_is_being_placed_follows_by_itself(
    clinic: Clinic, admin: User, enter: Enter, page: Page
) -> None:
    order = make_order(patient_named(clinic, MONTHLY), admin)
    enter(admin)
    page.clock.install()
    page.goto(reverse("order", args=["demo", order.id]))
    expect(page.get_by_role("button", name="Cancel this order")).to_be_visible()

    cancel_order(order=order, by=admin)
    page.clock.fast_forward(A_TURN)

    expect(page.get_by_role("status")).to_contain_text("cancelled")
    expect(page.get_by_role("button", name="Cancel this order")).to_have_count(0)
