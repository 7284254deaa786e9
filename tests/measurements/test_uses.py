"""A pressure stands in one row with its pulse and irregular heartbeat; nothing is lost, doubled or guessed."""

from __future__ import annotations

import datetime
import uuid
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse
from hypothesis import given
from hypothesis import strategies as st

from clinics.models import Clinic, Role
from dashboard.patients import context
from devices.models import Device
from measurements.models import Measurement
from measurements.shown.uses import table_rows
from patients.models import Patient
from tests.factories import ABSENT, deliver, element, held_device, make_clinic, make_user, settled
from tests.pages import text_of

DAY = datetime.date(2025, 3, 4)
NOON = datetime.datetime(2025, 3, 4, 12, tzinfo=datetime.UTC)
CUFF = Device(kind="tenovi-bpm")
METRICS = ("blood_pressure", "pulse", "irregular_heartbeat", "battery_percentage")
INDEXES = (None, 1, 2, "1", 1.0, "")

sent = st.tuples(
    st.sampled_from(METRICS), st.integers(0, 1), st.integers(0, 1), st.sampled_from(INDEXES)
)  # metric, device, minute, index


def measured(rows: list[tuple[str, int, int, Any]]) -> list[Measurement]:
    return [
        Measurement(
            id=number,
            device=CUFF,
            hwi_device_id=uuid.UUID(int=device),
            metric=metric,
            taken_at=NOON + datetime.timedelta(minutes=minute),
            context={} if index is None else {"measurement_index": index},
        )
        for number, (metric, device, minute, index) in enumerate(rows)
    ]


def index_of(row: tuple[str, int, int, Any]) -> str:
    return str(row[3] or "").removesuffix(".0")


def twin(rows: list[tuple[str, int, int, Any]]) -> list[list[int]]:
    """The rule again, pair by pair and from what was sent: numbers of each table row, head first."""

    def use(number: int) -> list[int]:
        _, device, minute, _ = rows[number]
        moment = [
            other
            for other, row in enumerate(rows)
            if row[1:3] == (device, minute) and row[0] != "battery_percentage"
        ]
        names = [rows[other][0] for other in moment]
        indexes = {index_of(rows[other]) for other in moment} - {""}
        if len(indexes) <= 1 and len(set(names)) == len(names):
            return moment
        index = index_of(rows[number])
        return [other for other in moment if index_of(rows[other]) == index] if index else [number]

    joined: dict[int, list[int]] = {}
    for number, row in enumerate(rows):
        if row[0] != "blood_pressure":
            continue
        same = use(number)
        if [rows[other][0] for other in same].count("blood_pressure") > 1:
            continue
        for name in ("pulse", "irregular_heartbeat"):
            found = [other for other in same if rows[other][0] == name]
            joined.setdefault(number, []).extend(found if len(found) == 1 else [])
    taken = {part for parts in joined.values() for part in parts}
    return [[number, *joined.get(number, [])] for number in range(len(rows)) if number not in taken]


@given(rows=st.lists(sent, max_size=9))
def test_every_reading_appears_once_in_order_and_beside_its_own_pressure(
    rows: list[tuple[str, int, int, Any]],
) -> None:
    told = [[row.reading.id, *(part.id for part in row.parts)] for row in table_rows(measured(rows))]
    assert told == twin(rows)
    assert sorted(number for row in told for number in row) == list(range(len(rows)))
    assert [row[0] for row in told] == sorted(row[0] for row in told)


@pytest.fixture
def clinic() -> Clinic:
    return make_clinic("alpha", timezone="UTC")


@pytest.fixture
def cuff(clinic: Clinic) -> Device:
    return held_device(clinic)


@pytest.fixture
def nurse(clinic: Clinic, client: Client) -> Client:
    client.force_login(make_user("nurse@alpha.test", clinic))
    return client


def used(device: Device, index: Any, *values: tuple[str, float, float], minute: int = 9) -> None:
    """One use of the cuff: all it measured in that minute, under one index."""
    params = {} if index is ABSENT else {"measurement_index": index}
    rows = [
        element(
            device,
            metric=metric,
            value_1=first,
            value_2=second,
            timestamp=f"2025-03-04T15:{minute:02}:00Z",
            timezone_offset=0,
            filter_params=params,
        )
        for metric, first, second in values
    ]
    assert settled(deliver(device.clinic, rows)) == {"stored": len(rows)}


def twice_in_a_minute(cuff: Device) -> Patient:
    used(cuff, 7, ("blood_pressure", 131, 82), ("pulse", 71, 0), ("irregular_heartbeat", 1, 0))
    used(cuff, 8, ("blood_pressure", 125, 79), ("pulse", 66, 0))
    return Patient.objects.for_clinic(cuff.clinic).get()


def day_of(patient: Patient) -> str:
    return reverse("patient-day", args=["alpha", patient.id, DAY])


def table_of(patient: Patient, **query: Any) -> str:
    asked = "".join(f"&{name}={value}" for name, value in query.items())
    return reverse("patient", args=["alpha", patient.id]) + f"?from={DAY}&to={DAY}&view=table{asked}"


def in_words(rows: Any) -> list[list[str]]:
    return [[row["value"], *(part["value"] for part in row["parts"])] for row in rows]


@pytest.mark.django_db
def test_two_uses_of_a_minute_are_two_rows_on_every_page(nurse: Client, cuff: Device) -> None:
    patient = twice_in_a_minute(cuff)
    table, day = nurse.get(table_of(patient)), nurse.get(day_of(patient))
    expected = [["125/79", "66"], ["131/82", "71", "detected"]]
    assert sorted(in_words(table.context["readings"]["page"])) == expected
    assert sorted(in_words(day.context["readings"])) == expected
    for page in (table, day):
        assert "with heart rate 71 bpm" in text_of(page)
        assert "with irregular heartbeat detected" in text_of(page)


@pytest.mark.django_db
@pytest.mark.parametrize("index", [ABSENT, 412], ids=["without index", "with index"])
def test_one_use_is_one_row_and_a_pulse_without_pressure_stands_alone(
    nurse: Client, clinic: Clinic, cuff: Device, index: Any
) -> None:
    used(cuff, index, ("blood_pressure", 131, 82), ("pulse", 71, 0), ("battery_percentage", 90, 0))
    patient = Patient.objects.for_clinic(clinic).get()
    used(held_device(clinic, "tenovi-pulse-ox"), index, ("spO2", 97, 0.5), ("pulse", 70, 0.5))
    rows = in_words(nurse.get(day_of(patient)).context["readings"])
    assert sorted(rows) == [["131/82", "71"], ["70"], ["90"], ["97"]]


@pytest.mark.django_db
def test_billing_sees_the_pairs_and_no_value(client: Client, clinic: Clinic, cuff: Device) -> None:
    patient = twice_in_a_minute(cuff)
    client.force_login(make_user("bill@alpha.test", clinic, Role.BILLING))
    page = text_of(client.get(reverse("billing-day", args=["alpha", patient.id, DAY])))
    assert page.count("with heart rate") == 2 and page.count("with irregular heartbeat") == 1
    assert "131" not in page and "71 bpm" not in page


@pytest.mark.django_db
def test_excluding_a_use_leaves_the_other_use_of_the_minute(
    nurse: Client, clinic: Clinic, cuff: Device
) -> None:
    patient = twice_in_a_minute(cuff)
    wrong = Measurement.objects.for_clinic(clinic).get(metric="blood_pressure", value_1=131)
    address = reverse("reading-exclude", args=["alpha", patient.id, DAY, wrong.id])
    nurse.post(address, {"reason": "taken by a visitor", "together": "on"})
    excluded = Measurement.objects.for_clinic(clinic).filter(excluded=True)
    assert sorted(int(one.value_1) for one in excluded) == [1, 71, 131]


@pytest.mark.django_db
def test_a_part_that_was_excluded_by_itself_says_so_in_the_row(
    nurse: Client, clinic: Clinic, cuff: Device
) -> None:
    patient = twice_in_a_minute(cuff)
    wrong = Measurement.objects.for_clinic(clinic).get(metric="pulse", value_1=71)
    nurse.post(
        reverse("reading-exclude", args=["alpha", patient.id, DAY, wrong.id]), {"reason": "cuff slipped"}
    )
    page = nurse.get(day_of(patient))
    assert sorted(in_words(page.context["readings"])) == [["125/79", "66"], ["131/82", "71", "detected"]]
    assert "Heart rate: No excluded by a person “cuff slipped”" in text_of(page)
    assert f'id="reading-{wrong.id}"' in page.content.decode()


@pytest.mark.django_db
def test_a_page_of_the_table_never_tears_a_use_apart(
    nurse: Client, cuff: Device, monkeypatch: pytest.MonkeyPatch
) -> None:
    for minute in range(7):
        used(cuff, 1, ("blood_pressure", 120 + minute, 80), ("pulse", 60 + minute, 0), minute=minute)
    patient = Patient.objects.for_clinic(cuff.clinic).get()
    monkeypatch.setattr(context, "PAGE_SIZE", 5)
    pages = [nurse.get(table_of(patient, page=number)).context["readings"]["page"] for number in (1, 2, 3)]
    assert [row for page in pages for row in in_words(page)] == [
        [f"{120 + minute}/80", str(60 + minute)] for minute in reversed(range(7))
    ]
    assert [(page.start_index(), page.end_index()) for page in pages] == [(1, 6), (7, 10), (11, 14)]
