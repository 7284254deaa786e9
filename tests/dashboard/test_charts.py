"""The patient page draws every metric as what it is, and its table holds the same readings."""

from __future__ import annotations

import datetime
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from clinics.models import Clinic, Role
from devices.models import Device
from measurements.actions.exclusion import exclude_reading
from measurements.limits import limited
from measurements.models import Measurement
from patients.models import Patient
from tenovi import catalogue
from tests.factories import (
    deliver,
    element,
    held_device,
    make_clinic,
    make_patient,
    make_user,
    settled,
    vendor_time,
)
from tests.measurements.made_up import add_made_up_metric

pytestmark = pytest.mark.django_db

NOON = timezone.now().replace(hour=12, minute=0, second=0, microsecond=0) - datetime.timedelta(days=2)


@pytest.fixture
def clinic() -> Clinic:
    return make_clinic("alpha", timezone="UTC")


@pytest.fixture
def care_manager(clinic: Clinic, client: Client) -> Client:
    client.force_login(make_user("alice@alpha.test", clinic))
    return client


def sent(device: Device, *rows: tuple[str, float, float | None], days_ago: float = 0, **changes: Any) -> None:
    """Readings of one moment, by default two days ago at noon."""
    moment = vendor_time(NOON - datetime.timedelta(days=days_ago))
    elements = [
        element(
            device,
            metric=metric,
            value_1=value_1,
            value_2=value_2,
            timestamp=moment,
            **({"timezone_offset": 0, "filter_params": {}} | changes),
        )
        for metric, value_1, value_2 in rows
    ]
    assert settled(deliver(device.clinic, elements)) == {"stored": len(rows)}


def opened(client: Client, clinic: Clinic, **query: str) -> Any:
    patient = Patient.objects.for_clinic(clinic).get()
    return client.get(reverse("patient", args=[clinic.slug, patient.id]), query).context


def summary_of(client: Client, clinic: Clinic, title: str) -> str:
    charts = opened(client, clinic)["charts"]
    return next(str(chart["summary"]) for chart in charts if chart["title"] == title)


KINDS = {kind.slug: kind for kind in catalogue.kinds()}


def everything(kind: catalogue.DeviceKind) -> list[tuple[str, float, float | None]]:
    """A value that can exist of each metric."""
    return [
        (metric.name, float(metric.value_1.least or 1), 1 if metric.value_2 else None)
        for metric in kind.metrics.values()
    ]


@pytest.mark.parametrize("slug", KINDS)
def test_every_metric_of_a_device_is_drawn_or_named_beside_the_charts(
    slug: str, clinic: Clinic, care_manager: Client
) -> None:
    sent(held_device(clinic, slug), *everything(KINDS[slug]))
    page = opened(care_manager, clinic)
    drawn = {layer["metric"] for chart in page["charts"] for layer in chart["layers"]}
    named = {label for label, _ in page["table_only"]}
    left = [metric for metric in KINDS[slug].metrics.values() if metric.name not in drawn]
    assert {metric.label for metric in left if metric.name != "battery_percentage"} == named
    assert all(metric.shape in ("event", "status") for metric in left)


@pytest.mark.parametrize("slug", KINDS)
def test_the_table_holds_exactly_the_points_of_the_charts(
    slug: str, clinic: Clinic, care_manager: Client
) -> None:
    device = held_device(clinic, slug)
    for days_ago in (0, 1, 40):
        sent(device, *everything(KINDS[slug]), days_ago=days_ago)
    for chart in opened(care_manager, clinic)["charts"]:
        for layer in chart["layers"]:
            points = care_manager.get(layer["src"]).json()
            table = opened(care_manager, clinic, view="table", metric=layer["metric"])["readings"]["page"]
            rows = [int(row["at"].timestamp()) for row in reversed(table.object_list)]
            assert (rows, len(rows)) == (points["t"], 2)


def test_pulse_and_irregular_heartbeats_are_drawn_with_the_pressure(
    clinic: Clinic, care_manager: Client
) -> None:
    sent(held_device(clinic), ("blood_pressure", 131, 82), ("pulse", 71, None), ("irregular_heartbeat", 1, 0))
    (chart,) = opened(care_manager, clinic)["charts"]
    assert (chart["title"], chart["metrics"]) == (
        "Blood pressure and pulse",
        ["blood_pressure", "pulse", "irregular_heartbeat"],
    )
    assert "Irregular heartbeat detected 1 time" in chart["summary"]


def test_a_pulse_keeps_its_deviation_beside_a_newer_one_without(clinic: Clinic, care_manager: Client) -> None:
    sent(held_device(clinic, "tenovi-pulse-ox"), ("pulse", 72, 1.12), days_ago=1)
    sent(held_device(clinic, "third-party-bpm-ihb"), ("blood_pressure", 131, 82), ("pulse", 71, None))
    (chart,) = opened(care_manager, clinic)["charts"]
    pulse = next(layer for layer in chart["layers"] if layer["metric"] == "pulse")
    assert (pulse["words"], pulse["second"]) == ("{1} bpm", "± {2}")


def test_a_metric_nobody_knows_is_drawn_under_its_name(clinic: Clinic, care_manager: Client) -> None:
    sent(held_device(clinic), ('gait "<speed>', 1.25, None))
    (chart,) = opened(care_manager, clinic)["charts"]
    assert chart["title"] == 'gait "<speed>'
    assert chart["summary"].startswith("1 reading, 1.25 to 1.25; latest 1.25 on ")
    assert care_manager.get(chart["layers"][0]["src"]).json()["v1"] == [1.25]


def test_a_new_metric_is_shown_everywhere_by_its_one_entry(
    clinic: Clinic, care_manager: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    add_made_up_metric(monkeypatch)
    device = held_device(clinic)
    sent(device, ("grip_strength", 31.5, None), ("pulse", 71, None))
    sent(device, ("grip_strength", 30, None), days_ago=1)
    page = opened(care_manager, clinic)
    chart = page["charts"][-1]
    assert (chart["title"], chart["size"], chart["layers"][0]["least"]) == ("Grip strength", "low", 10)
    assert chart["summary"].startswith("2 readings, 30.0 to 31.5 kg; latest 31.5 on ")
    assert page["chart_facts"]["metrics"]["grip_strength"] == {
        "shape": "line",
        "colour": "chart-weight",
        "joins": 2,
    }
    latest = [(item["label"], item["value"], item["unit"]) for item in page["card"]["latest"]]
    assert latest == [("Grip strength", "31.5", "kg"), ("Heart rate", "71", "bpm")]
    table = opened(care_manager, clinic, view="table", metric="grip_strength")["readings"]["page"]
    assert [(row["label"], row["value"], row["unit"]) for row in table] == [
        ("Grip strength", "31.5", "kg"),
        ("Grip strength", "30.0", "kg"),
    ]
    (row,) = care_manager.get(reverse("patients", args=[clinic.slug])).context["page"]
    assert row["trend"].words == "Grip strength, 30 days: 30.0 to 31.5 kg on 2 days"
    assert "grip_strength_1" in [one.key for one in limited()]


def test_no_device_can_fill_the_page_with_charts(clinic: Clinic, care_manager: Client) -> None:
    sent(held_device(clinic), *((f"made_up_{number:02}", number, None) for number in range(15)))
    page = opened(care_manager, clinic)
    assert len(page["charts"]) == 12
    assert page["table_only"] == [("made_up_12", 1), ("made_up_13", 1), ("made_up_14", 1)]


def test_openings_of_another_days_compartment_are_counted(clinic: Clinic, care_manager: Client) -> None:
    weekday = NOON.isoweekday() % 7 + 1
    pillbox = held_device(clinic, "tenovi-pillbox")
    sent(pillbox, ("pillbox_opened", weekday, 1), ("pillbox_opened", weekday % 7 + 1, 1))
    summary = summary_of(care_manager, clinic, "Pillbox")
    assert summary.startswith("2 compartments opened, 1 of them not on the compartment’s own day; latest ")


def test_a_weight_is_compared_with_that_of_a_week_before(clinic: Clinic, care_manager: Client) -> None:
    scale = held_device(clinic, "tenovi-scale")
    for days_ago, weight in ((0, 183.4), (6, 190), (7, 180), (9, 170)):
        sent(scale, ("weight", weight, None), days_ago=days_ago)
    assert summary_of(care_manager, clinic, "Weight").endswith("3.4 lb more than 7 days before.")


def test_a_check_of_the_meter_is_in_the_table_only(clinic: Clinic, care_manager: Client) -> None:
    meter = held_device(clinic, "tenovi-glucometer")
    sent(meter, ("glucose", 110, None))
    control = {"measurement_location": "control solution"}
    sent(meter, ("glucose", 300, None), days_ago=1, filter_params=control)
    page = opened(care_manager, clinic)
    assert page["charts"][0]["summary"].startswith("1 reading, 110 to 110 mg/dL;")
    assert page["table_only"] == [("Control solution", 1)]
    assert len(opened(care_manager, clinic, view="table")["readings"]["page"]) == 2


def test_an_excluded_reading_stays_on_the_chart_and_out_of_its_words(
    clinic: Clinic, care_manager: Client
) -> None:
    scale = held_device(clinic, "tenovi-scale")
    sent(scale, ("weight", 180, None))
    sent(scale, ("weight", 90, None), days_ago=1)
    wrong = Measurement.objects.for_clinic(clinic).select_related("clinic").get(value_1=90)
    exclude_reading(reading=wrong, by=make_user("bob@alpha.test"), reason="not hers")
    summary = summary_of(care_manager, clinic, "Weight")
    assert summary.startswith("1 reading, 180.0 to 180.0 lb;") and summary.endswith("1 excluded.")


def test_a_chart_stays_while_its_span_is_empty(clinic: Clinic, care_manager: Client) -> None:
    sent(held_device(clinic, "tenovi-scale"), ("weight", 180, None), days_ago=40)
    assert summary_of(care_manager, clinic, "Weight") == "No readings in these days."


def news(client: Client, clinic: Clinic) -> str:
    patient = Patient.objects.for_clinic(clinic).get(external_id="mrn-7781")
    answer = client.get(reverse("patient-news", args=[clinic.slug, patient.id]))
    version: str = answer.json()["version"]
    return version


def test_an_open_page_hears_of_a_late_reading_and_of_nothing_else(
    clinic: Clinic, care_manager: Client
) -> None:
    scale = held_device(clinic, "tenovi-scale")
    sent(scale, ("weight", 180, None))
    first = news(care_manager, clinic)
    assert opened(care_manager, clinic)["live"]["version"] == first == news(care_manager, clinic)
    sent(held_device(clinic, "tenovi-scale", "mrn-2"), ("weight", 180, None))
    assert news(care_manager, clinic) == first
    sent(scale, ("weight", 181, None), days_ago=5)
    assert news(care_manager, clinic) != first


def test_news_of_a_patient_are_not_for_billing(clinic: Clinic, client: Client) -> None:
    patient = make_patient(clinic)
    client.force_login(make_user("bob@alpha.test", clinic, Role.BILLING))
    assert client.get(reverse("patient-news", args=[clinic.slug, patient.id])).status_code == 403
