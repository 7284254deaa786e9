"""The billing export: its columns, its windows, its bytes."""

from __future__ import annotations

import csv
import datetime
import io
from pathlib import Path
from typing import Any

import openpyxl
import pytest
import time_machine
from django.core.management import CommandError, call_command
from django.utils import timezone

from billing.export import COLUMNS, export_rows
from billing.thirty_days import windows_ending_in
from billing.windows import Window
from billing.workbook import FORMATS
from clinics.models import AuditEvent, Clinic, Role
from tests.factories import (
    assign,
    deliver,
    element,
    enroll,
    held_device,
    make_clinic,
    make_device,
    make_patient,
    make_user,
    vendor_time,
)

pytestmark = [pytest.mark.django_db, pytest.mark.clock]
NOON = datetime.time(18, tzinfo=datetime.UTC)


@pytest.fixture
def clinic() -> Clinic:
    return make_clinic()


def measure(clinic: Clinic, device: Any, *dates: str, **changes: Any) -> None:
    for date in dates:
        moment = datetime.datetime.combine(datetime.date.fromisoformat(date), NOON)
        response = deliver(clinic, element(device, timestamp=vendor_time(moment), **changes))
        assert response.json()["quarantined"] == 0


def exported(month: str, *options: str) -> list[dict[str, str]]:
    out = io.StringIO()
    call_command("export_vital_days", "--clinic", "alpha", "--month", month, *options, stdout=out)
    return list(csv.DictReader(io.StringIO(out.getvalue())))


def test_the_columns_stand_in_the_published_order(clinic: Clinic) -> None:
    out = io.StringIO()
    call_command("export_vital_days", "--clinic", "alpha", "--month", "2026-03", stdout=out)
    assert out.getvalue().splitlines() == [",".join(COLUMNS)]


def test_a_row_holds_the_counted_dates_and_their_devices(clinic: Clinic) -> None:
    device = held_device(clinic)
    measure(clinic, device, "2026-03-03", "2026-03-05")
    measure(clinic, device, "2026-03-09", estimated_timestamp=True)
    (row,) = exported("2026-03")
    assert row["vital_days"] == row["vendor_vital_days"] == "3"
    assert row["dates"] == "2026-03-03;2026-03-05;2026-03-09"
    assert (row["first_day"], row["last_day"]) == ("2026-03-03", "2026-03-09")
    assert row["estimated_only_days"] == "2026-03-09"
    assert row["devices"] == str(device.hwi_device_id)
    assert (row["window_start"], row["window_end"]) == ("2026-03-01", "2026-03-31")


def test_patients_without_a_single_day_are_there_with_zero(clinic: Clinic) -> None:
    held_device(clinic, external_id="b")
    enroll(make_patient(clinic, "a"), "RTM")
    make_patient(clinic, "never given anything")
    assert [(row["external_id"], row["program"], row["vital_days"]) for row in exported("2026-03")] == [
        ("a", "RTM", "0"),
        ("b", "RPM", "0"),
    ]


def test_a_device_handed_back_before_the_month_gives_no_row(clinic: Clinic) -> None:
    patient = make_patient(clinic)
    assign(make_device(clinic), patient, ends_at=datetime.datetime(2026, 2, 27, tzinfo=datetime.UTC))
    assert exported("2026-03") == []


def test_a_date_that_has_not_begun_where_the_patient_lives_does_not_count(clinic: Clinic) -> None:
    device = held_device(clinic)
    with time_machine.travel("2026-03-10T22:00:00Z", tick=False):
        received = datetime.datetime(2026, 3, 11, 4, 30, tzinfo=datetime.UTC)  # tomorrow in New York too
        deliver(clinic, element(device, timestamp=vendor_time(received), timezone_offset=-4))
        assert exported("2026-03")[0]["vital_days"] == "0"
    with time_machine.travel("2026-03-11T12:00:00Z", tick=False):
        assert exported("2026-03")[0]["dates"] == "2026-03-11"
        assert exported("2026-04", "--window", "30-day")[0]["dates"] == "2026-03-11"


@pytest.mark.parametrize(
    ("anchor", "month", "expected"),
    [
        ("2026-03-01", "2026-03", ["2026-03-01 2026-03-30"]),
        ("2026-03-02", "2026-03", ["2026-03-02 2026-03-31"]),
        ("2026-03-03", "2026-03", []),
        ("2026-01-31", "2026-03", ["2026-01-31 2026-03-01", "2026-03-02 2026-03-31"]),
        ("2026-05-01", "2026-03", []),
    ],
)
def test_30_day_windows_follow_each_other_from_the_anchor(
    anchor: str, month: str, expected: list[str]
) -> None:
    windows = windows_ending_in(Window.of_month(month), datetime.date.fromisoformat(anchor))
    assert [f"{window.first} {window.last}" for window in windows] == expected


def test_30_day_windows_begin_with_the_first_counted_reading_after_set_up(clinic: Clinic) -> None:
    device = held_device(clinic)
    patient = make_patient(clinic, "enrolled")
    later = make_device(clinic)
    assign(later, patient)
    enroll(patient, "RPM", starts_on=datetime.date(2026, 2, 20))
    measure(clinic, device, "2026-02-10", "2026-03-11", "2026-03-12")
    measure(clinic, later, "2026-02-10", "2026-02-25", "2026-03-20")
    rows = exported("2026-03", "--window", "30-day")
    assert [(row["external_id"], row["window_start"], row["dates"]) for row in rows] == [
        ("enrolled", "2026-02-25", "2026-02-25;2026-03-20"),
        ("mrn-7781", "2026-02-10", "2026-02-10;2026-03-11"),
    ]


def test_without_a_reading_windows_begin_with_set_up_or_else_with_the_first_device(clinic: Clinic) -> None:
    enroll(make_patient(clinic, "enrolled"), "RPM", starts_on=datetime.date(2026, 2, 20))
    given = make_patient(clinic, "given")  # on 10 February in New York
    assign(make_device(clinic), given, datetime.datetime(2026, 2, 11, 4, 59, tzinfo=datetime.UTC))
    assign(make_device(clinic), given, datetime.datetime(2026, 3, 1, tzinfo=datetime.UTC))
    rows = exported("2026-03", "--window", "30-day")
    assert [(row["external_id"], row["window_start"], row["vital_days"]) for row in rows] == [
        ("enrolled", "2026-02-20", "0"),
        ("given", "2026-02-10", "0"),
    ]


def test_a_row_names_the_devices_of_its_own_window_in_order(clinic: Clinic) -> None:
    patient = make_patient(clinic, "p")
    devices = sorted((make_device(clinic) for _ in range(3)), key=lambda device: device.hwi_device_id)
    for device in devices:
        assign(device, patient)
    measure(clinic, devices[1], "2026-01-31", "2026-03-01")
    measure(clinic, devices[2], "2026-03-02", "2026-03-03")
    measure(clinic, devices[0], "2026-03-31")
    measure(clinic, devices[1], "2026-03-05", metric="battery_percentage", value_1=80)
    rows = exported("2026-03", "--window", "30-day")
    assert [row["devices"].split(";") for row in rows] == [
        [str(devices[1].hwi_device_id)],
        [str(devices[0].hwi_device_id), str(devices[2].hwi_device_id)],
    ]


@pytest.mark.parametrize("text", ["=HYPERLINK(1)", "+1", "-1", "@a", "\tx", "\rx"])
def test_text_that_a_spreadsheet_would_run_is_neutralised(clinic: Clinic, text: str) -> None:
    assign(make_device(clinic), make_patient(clinic, "p", name=text))
    assert exported("2026-03")[0]["patient_name"] == f"'{text}"
    content, _ = FORMATS["xlsx"](export_rows(clinic, Window.of_month("2026-03"), now=timezone.now()))
    (cells,) = openpyxl.load_workbook(io.BytesIO(content))["Vital days"].iter_rows(min_row=2)
    assert {cell.data_type for cell in cells} <= {"s", "n"}  # no formula, whatever it looks like
    assert str(cells[COLUMNS.index("patient_name")].value).startswith("'")


def test_the_workbook_has_the_cells_of_the_csv(clinic: Clinic, tmp_path: Path) -> None:
    measure(clinic, held_device(clinic), "2026-03-03", "2026-03-05")
    file = tmp_path / "march.xlsx"
    with time_machine.travel("2026-04-02T12:00:00Z", tick=False):
        (row,) = exported("2026-03")
        call_command(
            "export_vital_days",
            "--clinic",
            "alpha",
            "--month",
            "2026-03",
            "--format",
            "xlsx",
            "--output",
            file,
        )
    head, cells = openpyxl.load_workbook(file)["Vital days"].iter_rows(values_only=True)
    assert head == COLUMNS
    assert ["" if cell is None else str(cell) for cell in cells] == list(row.values())
    assert cells[COLUMNS.index("vital_days")] == 2


@pytest.mark.parametrize("form", FORMATS)
def test_the_same_inputs_give_the_same_bytes_whenever_they_are_written(clinic: Clinic, form: str) -> None:
    measure(clinic, held_device(clinic), "2026-03-03")
    generated_at = datetime.datetime(2026, 4, 2, 12, tzinfo=datetime.UTC)
    contents = set()
    for written in ("2026-04-02T12:00:00Z", "2031-07-05T03:04:05Z"):
        with time_machine.travel(written, tick=False):
            rows = export_rows(clinic, Window.of_month("2026-03"), now=generated_at)
            contents.add(FORMATS[form](rows))
    ((_, count),) = contents
    assert count == 1


@pytest.mark.parametrize("month", ["2026-13", "26-03", "2026-3", "march", "2026-03-01"])
def test_a_month_that_is_none_is_a_one_line_error(clinic: Clinic, month: str) -> None:
    with pytest.raises(CommandError, match=r"YYYY-MM|between"):
        exported(month)


def test_a_clinic_bills_by_its_own_window_unless_another_is_asked_for(clinic: Clinic, client: Any) -> None:
    measure(clinic, held_device(clinic), "2026-03-03")
    Clinic.objects.update(billing_window="30-day")
    client.force_login(make_user("billing@example.com", clinic, Role.BILLING))
    assert [row["window_start"] for row in exported("2026-04")] == ["2026-03-03"]
    assert [row["window_start"] for row in exported("2026-04", "--window", "month")] == ["2026-04-01"]
    page = client.get("/c/alpha/billing/?month=2026-04")
    taken = client.get(page.context["month"]["csv_url"])
    assert "vital-days-alpha-2026-04-30-day-windows.csv" in taken["Content-Disposition"]
    others = [client.get(file["url"])["Content-Disposition"] for file in page.context["month"]["other_files"]]
    names = [name.partition("2026-04")[2].strip('"') for name in others]
    assert names == ["-30-day-windows.xlsx", ".csv", ".xlsx"]


@pytest.mark.parametrize(("window", "said"), [("month", False), ("30-day", True)])
def test_the_page_says_when_its_table_counts_otherwise_than_the_clinic_bills(
    clinic: Clinic, client: Any, window: str, said: bool
) -> None:
    Clinic.objects.update(billing_window=window)
    client.force_login(make_user("billing@example.com", clinic, Role.BILLING))
    page = client.get("/c/alpha/billing/?month=2026-04").content.decode()
    assert ("the table below counts the calendar month" in page) == said


def test_taking_the_file_is_written_down_and_only_billing_may(clinic: Clinic, client: Any) -> None:
    measure(clinic, held_device(clinic), "2026-03-03")
    client.force_login(make_user("billing@example.com", clinic, Role.BILLING))
    response = client.get("/c/alpha/billing/vital-days.csv?month=2026-03")
    assert response.status_code == 200
    assert 'filename="vital-days-alpha-2026-03.csv"' in response["Content-Disposition"]
    event = AuditEvent.objects.get(action="vital_days_exported")
    assert event.detail == {"month": "2026-03", "window": "month", "rows": 1, "format": "csv"}
    client.force_login(make_user("care@example.com", clinic, Role.CARE_MANAGER))
    assert client.get("/c/alpha/billing/vital-days.csv?month=2026-03").status_code == 403
