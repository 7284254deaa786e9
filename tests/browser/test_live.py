"""A reading that comes in moves the open page by itself."""

from __future__ import annotations

import datetime

import requests
import time_machine
from playwright.sync_api import BrowserContext, Page, expect
from pytest_django.live_server_helper import LiveServer

from clinics.models import Clinic, Session, User
from devices.models import Assignment
from patients.models import Patient
from tests.browser.conftest import NOW, Enter
from tests.browser.steps import path_of, patient_named
from tests.factories import credentials, element, vendor_time

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
        timeout=10,
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
    expect(today).to_have_accessible_name("19 19 November: no data")

    push(live_server, patient)
    page.clock.fast_forward(A_TURN)

    pressure = page.locator(".latest-item").filter(has_text="Blood pressure")
    expect(pressure.locator(".value")).to_have_text("163/97 mmHg")
    expect(today).to_have_accessible_name("19 19 November: counted, 2 readings")
    plot = page.get_by_role("img", name="Blood pressure and pulse")
    plot.press("End")
    words = page.locator("section.chart").filter(has=plot).locator("[data-readout]")
    for told in ("Wed 19 Nov, 07:58 MST", "163/97 mmHg", "91 bpm"):
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
