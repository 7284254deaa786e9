"""Every captured measurement payload, replayed through the real door."""

from __future__ import annotations

import datetime
import json
import uuid
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from clinics.models import Clinic
from measurements.models import Measurement, VitalDay
from tenovi import catalogue
from tenovi.models import DeliveryItem
from tests.factories import assign, deliver, enroll, make_clinic, make_device, make_patient, settled
from tests.tenovi.vendor_table import VENDOR_TABLE

PAYLOADS = Path(__file__).parent.parent / "payloads"
MADE_UP_PATIENT = "mrn-7781"
PRINTED_DEVICE = uuid.UUID("12345678-abcd-1234-abcd-1234567890ab")
PRINTED_PATIENT = "12345678-1234-12345678"
RTM_KINDS = {"tenovi-pillbox", "hailie-sensor", "patchrx-patchcap"}
PATCHCAP_HAS_NO_VITAL_METRIC = {
    "patchcap_open_close_event": None,
    "no_measurement_event": None,
    "low_battery_event": False,
    "patchcap_time_updated_event": False,
    "patchcap_bluetooth_event": False,
}

pytestmark = pytest.mark.django_db


@pytest.fixture
def clinic() -> Clinic:
    """A clinic with a device of each kind, as the made-up payloads number them, and the printed one."""
    clinic = make_clinic("alpha")
    patient, printed = make_patient(clinic, MADE_UP_PATIENT), make_patient(clinic, PRINTED_PATIENT)
    for order, kind in enumerate(catalogue.kinds(), start=1):
        device_id = uuid.UUID(f"0b7c1f5e-6a0d-4b1e-9a55-2f4d7a1c9e{order:02}")
        assign(make_device(clinic, kind.slug, device_id), patient)
    assign(make_device(clinic, "tenovi-bpm", PRINTED_DEVICE), printed)
    return clinic


def payload(name: str) -> bytes:
    return (PAYLOADS / f"{name}.json").read_bytes()


def replay(clinic: Clinic, name: str) -> dict[str, int]:
    return settled(deliver(clinic, payload(name)))


def rows_of(name: str) -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = json.loads(payload(name), parse_float=Decimal)
    return rows


def reasons(clinic: Clinic) -> list[str]:
    return list(DeliveryItem.objects.for_clinic(clinic).order_by("id").values_list("reason", flat=True))


def vendors_word(order: int) -> dict[str, tuple[bool, bool | None]]:
    """Whether each metric of the kind with this order number has a second value, and is vital."""
    if order > len(VENDOR_TABLE):
        return {metric: (False, vital) for metric, vital in PATCHCAP_HAS_NO_VITAL_METRIC.items()}
    rows = VENDOR_TABLE[order - 1].rows
    return {row.metric: (row.value_2 != "N/A", row.vital.strip("*").upper() == "YES") for row in rows}


@pytest.mark.parametrize(
    ("order", "slug"), list(enumerate((kind.slug for kind in catalogue.kinds()), start=1)), ids=str
)
def test_each_kinds_rows_are_stored_with_the_vendors_meaning(clinic: Clinic, order: int, slug: str) -> None:
    name = f"measurements/kinds/{order:02}-{slug}"
    sent = rows_of(name)
    assert replay(clinic, name) == {"stored": len(sent)}
    program = "RTM" if slug in RTM_KINDS else "RPM"
    meanings = vendors_word(order)
    expected = []
    for row in sent:
        has_second, vital = meanings[row["metric"]]
        taken_at = datetime.datetime.fromisoformat(row["timestamp"])
        second = Decimal(row["value_2"]) if has_second else None
        expected.append((row["metric"], Decimal(row["value_1"]), second, taken_at, vital, program))
    stored = Measurement.objects.for_clinic(clinic).values_list(
        "metric", "value_1", "value_2", "taken_at", "vital", "program"
    )
    assert sorted(stored, key=repr) == sorted(expected, key=repr)
    vital_dates = {row[3].date() for row in expected if row[4]}  # the samples stay clear of midnight
    days = VitalDay.objects.for_clinic(clinic).filter(readings__gt=0)
    assert {(day.local_date, day.program) for day in days} == {(date, program) for date in vital_dates}


@pytest.mark.parametrize(
    ("first", "again", "outcome"),
    [
        ("published-object", "published-object", {"duplicates": 1}),
        ("published-object", "published-array", {"stored": 1, "duplicates": 1}),
        ("published-object", "published-object-as-strings", {"duplicates": 1}),
        ("published-object", "upper-case-ids", {"duplicates": 1}),
        ("published-array", "published-object", {"duplicates": 1}),
        ("upper-case-ids", "published-object-as-strings", {"duplicates": 1}),
        ("kinds/01-tenovi-bpm", "fetched-rows", {"duplicates": 3}),
        ("fetched-rows", "kinds/01-tenovi-bpm", {"stored": 1, "duplicates": 3}),
        ("kinds/01-tenovi-bpm", "null-value-2", {"duplicates": 1}),
        ("kinds/01-tenovi-bpm", "created-equals-timestamp", {"duplicates": 1}),
        ("kinds/01-tenovi-bpm", "unknown-keys", {"duplicates": 1}),
        ("patient-id-null", "patient-id-empty", {"duplicates": 1}),
        ("null-filter-params", "timezone-offset-minimum", {"duplicates": 1}),
        ("sensor-code-absent", "sensor-code-null", {"duplicates": 1}),
        ("sensor-code-null", "sensor-code-empty", {"duplicates": 1}),
    ],
)
def test_one_reading_in_two_spellings_is_one_reading(
    clinic: Clinic, first: str, again: str, outcome: dict[str, int]
) -> None:
    replay(clinic, f"measurements/{first}")
    assert replay(clinic, f"measurements/{again}") == outcome


def test_whole_numbers_are_the_numbers_they_are(clinic: Clinic) -> None:
    sent = json.loads(payload("measurements/whole-numbers"))
    assert replay(clinic, "measurements/whole-numbers") == {"stored": 1}
    reading = Measurement.objects.for_clinic(clinic).get()
    assert (reading.value_1, reading.value_2) == (sent["value_1"], sent["value_2"])


def test_an_absurd_offset_falls_back_to_the_clinics_zone(clinic: Clinic) -> None:
    replay(clinic, "measurements/timezone-offset-minimum")
    reading = Measurement.objects.for_clinic(clinic).get()
    assert (reading.timezone_offset, reading.local_date_rule) == (None, "clinic")
    assert reading.local_date == datetime.date(2025, 3, 4)


def test_a_late_upload_counts_on_the_date_it_was_taken(clinic: Clinic) -> None:
    replay(clinic, "measurements/late-upload")
    assert VitalDay.objects.for_clinic(clinic).get().local_date == datetime.date(2025, 2, 15)


def test_an_estimated_time_counts_and_is_marked(clinic: Clinic) -> None:
    replay(clinic, "measurements/estimated-timestamp")
    day = VitalDay.objects.for_clinic(clinic).get()
    assert (day.readings, day.estimated_readings) == (1, 1)


def test_two_readings_of_one_minute_are_kept_apart(clinic: Clinic) -> None:
    assert replay(clinic, "measurements/two-readings-in-one-minute") == {"stored": 4}
    assert not Measurement.objects.for_clinic(clinic).filter(conflict=True).exists()


def test_a_metric_nobody_has_listed_is_stored_and_counts_for_nothing(clinic: Clinic) -> None:
    assert replay(clinic, "measurements/unknown-metric") == {"stored": 1}
    reading = Measurement.objects.for_clinic(clinic).get()
    assert (reading.metric, reading.vital, reading.counts) == ("signal_strength", None, False)
    assert not VitalDay.objects.for_clinic(clinic).exists()


def test_control_solution_is_stored_and_never_counts(clinic: Clinic) -> None:
    replay(clinic, "measurements/kinds/03-tenovi-glucometer")
    glucose = Measurement.objects.for_clinic(clinic).filter(metric="glucose")
    control = glucose.get(context__measurement_location="control solution")
    assert (control.control, control.vital, control.counts) == (True, True, False)
    assert not glucose.exclude(id=control.id).filter(counts=False).exists()
    day = VitalDay.objects.for_clinic(clinic).get()
    assert day.vendor_readings == day.readings + 1


def test_peak_flow_follows_the_enrolment(clinic: Clinic) -> None:
    patient = make_patient(clinic, "copd")
    enroll(patient, "RTM")
    device = make_device(clinic, "tenovi-peak-flow-meter")
    assign(device, patient)
    rows = json.loads(payload("measurements/kinds/07-tenovi-peak-flow-meter"))
    for row in rows:
        row |= {"hwi_device_id": str(device.hwi_device_id), "patient_id": "COPD"}
    deliver(clinic, rows)
    assert VitalDay.objects.for_clinic(clinic).get().program == "RTM"


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("measurements/published-response-format", "device_id_unusable"),
        ("measurements/sister-module-row", "metric_missing"),
        ("measurements/patients-page-row", "wrong_patient"),
        ("fulfillment/published-shipped", "wrong_door"),
        ("fulfillment/shipped", "wrong_door"),
        ("fulfillment/replaced", "wrong_door"),
        ("fulfillment/replaced-names-the-old", "wrong_door"),
        ("special-orders/bulk", "wrong_door"),
        ("special-orders/supply", "wrong_door"),
        ("special-orders/replacement", "wrong_door"),
    ],
)
def test_what_is_no_reading_waits_with_its_reason(clinic: Clinic, name: str, reason: str) -> None:
    assert replay(clinic, name) == {"quarantined": 1}
    assert reasons(clinic) == [reason]
    assert not Measurement.objects.for_clinic(clinic).exists()


def test_no_measurement_payload_is_left_out(clinic: Clinic) -> None:
    for path in sorted(PAYLOADS.glob("measurements/**/*.json")):
        answer = deliver(clinic, path.read_bytes())
        assert answer.status_code == 200, path.name
        assert answer.json()["pending"] == 0, path.name
