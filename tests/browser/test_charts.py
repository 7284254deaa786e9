"""A chart shows the readings of the table, no more and no fewer."""

from __future__ import annotations

import datetime
import re
from collections import Counter, defaultdict
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Locator, Page, Response, expect

from clinics.models import Clinic, User
from patients.models import Patient
from tests.browser.conftest import Enter
from tests.browser.steps import Row, charts_are_drawn, path_of, patient_named

RECORDER = Path(__file__).with_name("drawn.js")
Layer = dict[str, str]

# Cuff and scale; two meters and control solution; oximeter and thermometer; pillbox; inhaler and
# peak flow; bottle cap; late and estimated readings.
PATIENTS = ("P-0001", "P-0003", "P-0004", "P-0010", "P-0011", "P-0012", "P-0023")


@pytest.fixture
def signed_in(clinic: Clinic, care_manager: User, enter: Enter, page: Page) -> Page:
    enter(care_manager)
    return page


def open_charts(page: Page, patient: Patient, days: int) -> list[Locator]:
    """The charts of a patient's page, once each has its readings."""
    page.goto(path_of(patient, f"?days={days}"))
    charts_are_drawn(page)
    return page.locator("section.chart").all()


def table_rows(page: Page, patient: Patient, days: int, metric: str) -> list[Row]:
    """All rows of the table view of a metric, page by page; control solution, which is not the
    patient's, left out."""
    rows: list[Row] = []
    page.goto(path_of(patient, f"?days={days}&view=table&metric={metric}"))
    while True:
        rows += page.locator("#readings tbody tr").evaluate_all(
            """rows => rows.map(({ cells: [taken, label, value, unit, remarks] }) => ({
                 at: taken.querySelector("time").dateTime, words: taken.innerText,
                 value: value.innerText, unit: unit.innerText,
                 remarks: [...remarks.children].map((one) => one.innerText).join(", "),
               }))"""
        )
        following = page.get_by_role("link", name="Next", exact=True)
        if not following.count():
            return [row for row in rows if "control solution" not in row["remarks"]]
        page.goto(following.evaluate("link => link.href"))


def layers_of(chart: Locator) -> list[Layer]:
    """Which series a chart draws, and how it words their readings."""
    layers: list[Layer] = chart.locator("[data-layer]").evaluate_all(
        "layers => layers.map(({ dataset: { metric, label, words, zero } }) => ({ metric, label, words, zero }))"
    )
    return layers


def told(row: Row, layer: Layer) -> str:
    """A row of the table in the words of the chart."""
    value = f"{row['value']} {row['unit']}".strip()
    if "{1}" not in layer["words"] and value not in (layer["words"], layer["zero"]):
        value += f" {layer['words']}"  # “Monday AM” is opened, or refilled
    return sentence(f"{layer['label']} {value}, {row['remarks']}")


def sentence(words: str) -> str:
    """The parts of a reading's words in one order, whatever order they are told in."""
    return ", ".join(sorted(part.strip() for part in words.split(",") if part.strip()))


WALK = """(chart) => {
  const plot = chart.querySelector('[role="img"]'), words = chart.querySelector("[data-readout]"), said = [];
  const press = (key) => plot.dispatchEvent(new KeyboardEvent("keydown", { key, bubbles: true }));
  for (press("Home"); words.innerText !== said.at(-1); press("ArrowRight")) said.push(words.innerText);
  return said;
}"""


def read_outs(chart: Locator) -> list[str]:
    """What the chart says at each reading, walking through it with the arrow keys from the first on.

    The keys are pressed inside the page: thousands of them, each a turn between processes, took minutes.
    """
    chart.get_by_role("img").focus()
    said: list[str] = chart.evaluate(WALK)
    return said


def seconds(row: Row) -> int:
    return int(datetime.datetime.fromisoformat(row["at"]).timestamp())


@pytest.mark.parametrize("external_id", PATIENTS)
def test_walking_through_a_chart_meets_the_rows_of_the_table(
    external_id: str, clinic: Clinic, signed_in: Page
) -> None:
    patient = patient_named(clinic, external_id)
    shown = []
    for chart in open_charts(signed_in, patient, days=30):
        met: defaultdict[str, Counter[str]] = defaultdict(Counter)
        for read_out in read_outs(chart):
            words, *readings = read_out.split(" · ")
            met[words].update(map(sentence, readings))
        shown.append((chart.get_by_role("heading").inner_text(), layers_of(chart), met))
    assert shown
    for title, layers, met in shown:
        table: defaultdict[str, Counter[str]] = defaultdict(Counter)
        for layer in layers:
            for row in table_rows(signed_in, patient, 30, layer["metric"]):
                table[row["words"]][told(row, layer)] += 1
        assert met == table, title


@pytest.mark.parametrize("days", [7, 90])
def test_the_bars_on_the_canvas_are_the_pressures_of_the_table(
    days: int, clinic: Clinic, signed_in: Page
) -> None:
    signed_in.add_init_script(path=RECORDER)
    patient = patient_named(clinic, "P-0001")
    open_charts(signed_in, patient, days)
    drawn = signed_in.evaluate("drawnBars('blood_pressure')")
    rows = table_rows(signed_in, patient, days, "blood_pressure")
    assert len(rows) >= 7
    assert sorted(map(tuple, drawn)) == sorted(
        (seconds(row), *map(int, row["value"].split("/"))) for row in rows
    )


def test_the_limits_of_a_patient_are_a_band_behind_the_readings(clinic: Clinic, signed_in: Page) -> None:
    signed_in.add_init_script(path=RECORDER)
    patient = patient_named(clinic, "P-0001")
    signed_in.goto(path_of(patient, "limits/"))
    for label, limit in (
        ("Systolic pressure, lowest", "110"),
        ("Systolic pressure, highest", "125"),
        ("Pulse, highest", "75"),
    ):
        signed_in.get_by_label(label).fill(limit)
    signed_in.get_by_role("button", name="Keep").click()
    signed_in.wait_for_url(f"**{path_of(patient)}*")
    charts_are_drawn(signed_in)
    assert signed_in.evaluate("drawnBands('blood_pressure')") == [[125, 110]]
    expect(signed_in.locator(".chart-limits")).to_have_text(
        [
            re.compile(r"^Limits: 110 to 125 / none mmHg\. \d+ of \d+ beyond\.$"),
            re.compile("^Pulse limits: up to 75"),
        ]
    )


def test_the_page_fetches_the_readings_of_the_table(clinic: Clinic, signed_in: Page) -> None:
    patient = patient_named(clinic, "P-0004")
    fetched: dict[str, Any] = {}

    def keep(answer: Response) -> None:
        if "/series/" in answer.url:
            series = answer.json()
            fetched[series["metric"]] = series

    signed_in.on("response", keep)
    open_charts(signed_in, patient, days=30)
    assert fetched.keys() >= {"spO2", "pulse", "temperature"}
    for metric, series in fetched.items():
        rows = table_rows(signed_in, patient, 30, metric)
        points = zip(series["t"], series["v1"], strict=True)
        table = [(seconds(row), float(row["value"])) for row in rows]
        assert sorted(points) == [pytest.approx(point, abs=0.051) for point in sorted(table)]
