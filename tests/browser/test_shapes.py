"""What lasts, what has no height, and what a person decided: shapes that are more than a point."""

from __future__ import annotations

import datetime
from pathlib import Path

import pytest
from django.db.models import F
from django.urls import reverse
from playwright.sync_api import Locator, Page, expect

from clinics.models import Clinic, Role, User
from devices.models import Assignment, Device
from measurements.actions.exclusion import exclude_reading
from measurements.models import Measurement
from patients.models import Patient
from tests.browser.conftest import NOW, Enter
from tests.browser.steps import charts_are_drawn, path_of
from tests.factories import deliver, element, held_device, make_clinic, make_user, settled, vendor_time
from tests.measurements.made_up import add_made_up_metric

RECORDER = Path(__file__).with_name("drawn.js")
YESTERDAY = NOW.replace(hour=0, minute=0) - datetime.timedelta(days=1)  # a Tuesday; midnight in UTC


@pytest.fixture
def home(transactional_db: None, enter: Enter, page: Page) -> Clinic:
    """A clinic in UTC, where a care manager has signed in."""
    clinic = make_clinic("alpha", timezone="UTC")
    enter(make_user("alice@alpha.test", clinic, Role.CARE_MANAGER))
    return clinic


def sent(device: Device, *rows: tuple[str, float, float, float]) -> None:
    """Readings of yesterday: metric, hour of the day, and the two values."""
    elements = [
        element(
            device,
            metric=metric,
            value_1=value_1,
            value_2=value_2,
            timestamp=vendor_time(YESTERDAY + datetime.timedelta(hours=hour)),
            timezone_offset=0,
            filter_params={},
        )
        for metric, hour, value_1, value_2 in rows
    ]
    assert settled(deliver(device.clinic, elements)) == {"stored": len(rows)}
    Measurement.objects.for_clinic(device.clinic).update(
        received_at=F("taken_at")
    )  # PostgreSQL's clock is its own


def chart(page: Page, clinic: Clinic, title: str) -> Locator:
    """A chart on the page of the clinic's one patient, over seven days."""
    page.goto(path_of(Patient.objects.for_clinic(clinic).get(), "?days=7"))
    charts_are_drawn(page)
    return page.locator("section.chart").filter(has=page.get_by_role("heading", name=title, exact=True))


def pointed_at(page: Page, chart: Locator, moment: datetime.datetime) -> str:
    """What a chart says under the pointer at this moment of its time axis."""
    start, end = (
        int(page.locator("[data-charts]").get_attribute(f"data-{one}") or 0) for one in ("start", "end")
    )
    chart.scroll_into_view_if_needed()
    box = chart.locator(".u-over").bounding_box()
    assert box
    x = box["x"] + (moment.timestamp() - start) / (end - start) * box["width"]
    page.mouse.move(x, box["y"] + box["height"] / 2)
    return chart.locator("[data-readout]").inner_text()


def test_an_hour_of_a_watch_is_told_until_it_is_over(home: Clinic, page: Page) -> None:
    sent(held_device(home, "tenovi-watch"), ("steps", 9, 1420, 0), ("steps", 11, 80, 0))
    steps = chart(page, home, "Hourly steps")
    nine = YESTERDAY + datetime.timedelta(hours=9)
    told = [pointed_at(page, steps, nine + datetime.timedelta(minutes=m)) for m in (10, 50, 90, 150)]
    assert told == [
        "Tue, Nov 18, 9:00 AM UTC · 1,420 steps",
        "Tue, Nov 18, 9:00 AM UTC · 1,420 steps",
        "",
        "Tue, Nov 18, 11:00 AM UTC · 80 steps",
    ]


def test_mean_and_maximum_of_an_hour_are_told_together(home: Clinic, page: Page) -> None:
    sent(held_device(home, "tenovi-watch"), ("heart_rate_statistics", 9, 71, 95))
    rate = chart(page, home, "Hourly heart rate")
    half_past = YESTERDAY + datetime.timedelta(hours=9.5)
    assert pointed_at(page, rate, half_past) == "Tue, Nov 18, 9:00 AM UTC · 71 bpm, maximum 95 bpm"


def test_a_new_metric_is_drawn_by_its_one_entry(
    home: Clinic, page: Page, monkeypatch: pytest.MonkeyPatch
) -> None:
    add_made_up_metric(monkeypatch)
    page.add_init_script(path=RECORDER)
    sent(held_device(home), ("grip_strength", 8, 31.5, 0), ("grip_strength", 20, 33, 0))
    grip = chart(page, home, "Grip strength")
    told = [pointed_at(page, grip, YESTERDAY + datetime.timedelta(hours=h)) for h in (8, 20)]
    assert told == ["Tue, Nov 18, 8:00 AM UTC · 31.5 kg", "Tue, Nov 18, 8:00 PM UTC · 33.0 kg"]
    assert page.evaluate("drawnRange('grip_strength')") == [27.25, 37.25]


def test_a_night_is_told_anywhere_on_its_date(home: Clinic, page: Page) -> None:
    sent(held_device(home, "tenovi-watch"), ("sleep", 6, 7.4, 0))
    sleep = chart(page, home, "Sleep")
    told = [pointed_at(page, sleep, YESTERDAY + datetime.timedelta(hours=h)) for h in (2, 22, 26)]
    assert told == ["Tue, Nov 18, 6:00 AM UTC · 7.4 h", "Tue, Nov 18, 6:00 AM UTC · 7.4 h", ""]


def test_a_compartment_of_another_day_is_told_as_such(home: Clinic, page: Page) -> None:
    pillbox = held_device(home, "tenovi-pillbox")
    sent(pillbox, ("pillbox_opened", 8, 3, 1), ("pillbox_opened", 20, 2, 2))
    box = chart(page, home, "Pillbox")
    told = [pointed_at(page, box, YESTERDAY + datetime.timedelta(hours=h)) for h in (8, 20)]
    assert told == [
        "Tue, Nov 18, 8:00 AM UTC · Tuesday AM opened",
        "Tue, Nov 18, 8:00 PM UTC · Monday PM opened, not on its own day",
    ]


def test_a_day_without_an_opening_has_empty_compartments(home: Clinic, page: Page) -> None:
    page.add_init_script(path=RECORDER)
    sent(held_device(home, "tenovi-pillbox"), ("pillbox_opened", -24 * 9, 1, 1))
    chart(page, home, "Pillbox")
    assert len(page.evaluate("drawnBars('pillbox_opened')")) == 7 * 2


def test_a_returned_pillbox_has_no_compartments(home: Clinic, page: Page) -> None:
    page.add_init_script(path=RECORDER)
    pillbox = held_device(home, "tenovi-pillbox")
    sent(pillbox, ("pillbox_opened", -24 * 9, 1, 1))
    Assignment.objects.for_clinic(home).update(ends_at=YESTERDAY - datetime.timedelta(days=8))
    chart(page, home, "Pillbox")
    assert page.evaluate("drawnBars('pillbox_opened')") == []


def test_two_pressures_of_one_moment_stand_side_by_side(home: Clinic, page: Page) -> None:
    page.add_init_script(path=RECORDER)
    sent(held_device(home), ("blood_pressure", 8, 151, 97), ("blood_pressure", 8, 125, 79))
    chart(page, home, "Blood pressure and pulse")
    (left, *one), (right, *other) = page.evaluate("drawnBars('blood_pressure')")
    assert left != right
    assert sorted([one, other]) == [[125, 79], [151, 97]]


def test_an_excluded_reading_does_not_stretch_the_axis(home: Clinic, page: Page) -> None:
    page.add_init_script(path=RECORDER)
    sent(held_device(home, "tenovi-scale"), ("weight", 7, 184.2, 0), ("weight", 8, 92.4, 0))
    light = Measurement.objects.for_clinic(home).get(value_1__lt=100)
    exclude_reading(reading=light, by=User.objects.get(), reason="Her grandson stood on it")
    weight = chart(page, home, "Weight")
    low, high = page.evaluate("drawnRange('weight')")
    assert 180 < low < 184.2 < high
    assert pointed_at(page, weight, YESTERDAY + datetime.timedelta(hours=8)).endswith("92.4 lb, excluded")


def test_numbers_of_an_axis_have_the_same_decimals(home: Clinic, page: Page) -> None:
    page.add_init_script(path=RECORDER)
    meter = held_device(home, "tenovi-peak-flow-meter")
    sent(meter, ("forced_expiratory_volume", 8, 2.31, 0), ("forced_expiratory_volume", 20, 3.12, 0))
    chart(page, home, "Forced expiratory volume (FEV)")
    numbers = page.evaluate("drawnAxis('forced_expiratory_volume')")
    assert "3.00" in numbers
    assert {len(number) for number in numbers} == {4}


def test_a_chart_names_zone_and_year_as_the_table_does(home: Clinic, page: Page) -> None:
    sent(held_device(home, "tenovi-scale"), ("weight", 7, 184.2, 0))
    Patient.objects.for_clinic(home).update(timezone="Pacific/Guam")
    a_year_before = datetime.timedelta(days=365)
    Measurement.objects.for_clinic(home).update(
        taken_at=F("taken_at") - a_year_before,
        received_at=F("received_at") - a_year_before,
        vendor_created=F("vendor_created") - a_year_before,
    )
    days = "?from=2024-11-10&to=2024-11-20"
    page.goto(path_of(Patient.objects.for_clinic(home).get(), days))
    charts_are_drawn(page)
    page.locator("section.chart").get_by_role("img").press("Home")
    told = page.locator("[data-readout]").inner_text()
    page.goto(path_of(Patient.objects.for_clinic(home).get(), f"{days}&view=table"))
    when = page.locator("#readings tbody th").inner_text()
    assert told == f"{when} · 184.2 lb"
    assert when == "Mon, Nov 18, 2024, 5:00 PM ChST"


def test_an_irregular_heartbeat_is_told_with_its_pulse(home: Clinic, page: Page) -> None:
    sent(
        held_device(home),
        ("blood_pressure", 8, 131, 82),
        ("pulse", 8, 71, 0),
        ("irregular_heartbeat", 8, 1, 0),
    )
    pressure = chart(page, home, "Blood pressure and pulse")
    assert pointed_at(page, pressure, YESTERDAY + datetime.timedelta(hours=8)) == (
        "Tue, Nov 18, 8:00 AM UTC · 131/82 mmHg · pulse 71 bpm · irregular heartbeat detected"
    )


def test_a_reading_is_excluded_and_restored_by_keyboard_alone(home: Clinic, page: Page) -> None:
    sent(held_device(home, "tenovi-scale"), ("weight", 8, 92.4, 0))
    patient = Patient.objects.for_clinic(home).get()
    page.goto(reverse("patient-day", args=["alpha", patient.id, YESTERDAY.date()]))
    page.locator(".decision summary").focus()
    page.keyboard.press("Enter")
    page.keyboard.press("Tab")
    page.keyboard.type("Her grandson stood on it")
    page.keyboard.press("Enter")
    expect(page.get_by_role("status")).to_contain_text("Weight excluded. RPM: Does not count")
    expect(page.locator(".exclusion")).to_contain_text("“Her grandson stood on it”, alice@alpha.test")

    weight = chart(page, home, "Weight")
    assert pointed_at(page, weight, YESTERDAY + datetime.timedelta(hours=8)).endswith("92.4 lb, excluded")
    expect(page.locator("#calendar a.day.uncounted")).to_have_attribute(
        "title", "November 18: does not count: every vital reading was excluded"
    )

    page.locator("#calendar a.day.uncounted").click()
    page.locator(".decision summary").press("Enter")
    page.get_by_label("Why does it count again?").fill("it was her after all")
    page.get_by_role("button", name="Restore this reading").press("Enter")
    expect(page.get_by_role("status")).to_contain_text("Weight restored. RPM: Counted, 1 reading.")
