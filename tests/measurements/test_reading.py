"""What is read strictly (metric, device, values, time, patient) and what is read leniently."""

from __future__ import annotations

import datetime
import json
import uuid
from decimal import Decimal
from typing import Any

import pytest

from clinics.models import Clinic
from measurements.models import Measurement
from measurements.payload import Reading, read
from tenovi import catalogue
from tenovi.inbound.element import Untrusted
from tenovi.inbound.reasons import QUARANTINED
from tenovi.models import DeliveryItem
from tenovi.strict_json import value_of
from tests.factories import ABSENT, assign, deliver, element, make_clinic, make_device, make_patient, settled

NOW = datetime.datetime(2026, 3, 10, 12, tzinfo=datetime.UTC)
DEVICE = uuid.UUID("0b7c1f5e-6a0d-4b1e-9a55-2f4d7a1c9e01")


def raw(**changes: Any) -> bytes:
    return json.dumps(element(DEVICE, **changes)).encode()


def spelt(member: str, token: str) -> bytes:
    """An element with this member's value in exactly this spelling."""
    return raw(**{member: "@"}).replace(b'"@"', token.encode())


def reading_of(body: bytes, now: datetime.datetime = NOW) -> Reading:
    return read(value_of(body), received_at=now)


def doubt(body: bytes) -> str:
    with pytest.raises(Untrusted) as caught:
        reading_of(body)
    return caught.value.reason


EACH_REASON: dict[str, list[Any]] = {
    "not_an_object": [None, 5, "text", True, [{"metric": "pulse"}]],
    "empty_object": [{}],
    "repeated_member": [
        b'{"metric": "pulse", "metric": "pulse"}',
        raw(extra="@").replace(b'"@"', b'[{"x": 1, " x ": 1}]'),
    ],
    "wrong_door": [
        {"metric": None, "status": "Shipped"},
        {"order_number": "SO-1"},
        {"request_id": "1", "contents": []},
    ],
    "metric_missing": [raw(metric=ABSENT), raw(metric=None), raw(metric=" "), raw(metric=5), raw(metric=["pulse"])],
    "metric_too_long": [raw(metric="m" * 101), raw(metric="m" * 5000), raw(metric="pulse" + "\n" * 200 + "x")],
    "device_id_unusable": [
        raw(hwi_device_id=bad)
        for bad in (ABSENT, None, "", 5, True, "12345678", "0b7c1f5e-6a0d-4b1e-9a55-2f4d7a1c9e0_", "१" * 32)
    ],
    "value_missing": [raw(value_1=ABSENT), raw(value_1=None), raw(value_1="")],
    "value_unusable": [
        *(raw(value_1=bad) for bad in (True, [120], {"x": 1}, "120 mmHg", "1_000", "١٢٠", "+5", ".5", "5.", "1e2", "NaN")),
        raw(value_2="high"),
        spelt("value_1", "1e99999999999999999999"),
    ],
    "value_too_large": [
        *(spelt("value_1", token) for token in ("1e400", "-1e1000000", "99999999999", "9" * 1000)),
        raw(value_1="9" * 1_000_001),
    ],
    "value_impossible": [
        raw(value_1=-1),
        raw(value_2="-0.01"),
        raw(metric="battery_percentage", value_1=100.01),
        raw(metric="spO2", value_1=101),
    ],
    "value_beyond_any_body": [
        raw(value_1=351),
        raw(value_2=251),
        raw(metric="weight", value_1=1_000_000),
        raw(metric="weight", value_1=1500.01),
        raw(metric="pulse", value_1=401),
        raw(metric="glucose", value_1=2701),
        raw(metric="temperature", value_1=55.9),
        raw(metric="temperature", value_1=116.1),
        raw(metric="peak_expiratory_flow", value_1=1201),
        raw(metric="forced_expiratory_volume", value_1=15.01),
    ],
    "diastolic_missing": [raw(value_2=ABSENT), raw(value_2=None), raw(value_2="")],
    "time_missing": [raw(timestamp=ABSENT), raw(timestamp=None), raw(timestamp="")],
    "time_unusable": [
        raw(timestamp=bad)
        for bad in (
            "2025-03-04", "2025-03-04T", "15:09:00Z", 1741100940, "2025-02-29T10:00:00Z", "2025-03-04T25:00:00Z",
            "2025-03-04T15:09:00+25:00", "Tue, 4 Mar 2025 15:09:00 GMT", "0001-01-01T00:00:00+14:00", "yesterday",
            "٢٠٢٥-03-04T15:09:00Z",
        )
    ],
    "time_before_2015": [raw(timestamp="2014-12-31T23:59:59Z"), raw(timestamp="1970-01-01T00:00:00Z")],
    "time_in_future": [raw(timestamp="2999-01-01T00:00:00Z"), raw(timestamp="9999-12-31T23:59:59Z")],
    "patient_id_unusable": [
        raw(patient_id=bad) for bad in (True, 7.5, ["mrn-7781"], {"id": "mrn-7781"}, "7" * 201)
    ],
    "unknown_device": [raw(hwi_device_id=str(uuid.UUID(int=404)))],
    "wrong_patient": [raw(patient_id="somebody-else"), raw(patient_id=7781)],
}  # fmt: skip


def as_json(member: Any) -> bytes:
    return member if isinstance(member, bytes) else json.dumps(member).encode()


@pytest.fixture
def clinic(db: None) -> Clinic:
    clinic = make_clinic("alpha")
    assign(make_device(clinic, "tenovi-bpm", DEVICE), make_patient(clinic))
    return clinic


def test_every_reason_is_tried_here_or_where_storing_fails() -> None:
    of_other_doors = {"status_missing", "request_id_unusable"}
    assert EACH_REASON.keys() == QUARANTINED.keys() - {"internal_error"} - of_other_doors


@pytest.mark.parametrize(
    ("metric", "value_1", "value_2"),
    [
        ("blood_pressure", 350, 250),
        ("weight", 1500, 0),
        ("pulse", 400, 0),
        ("glucose", 2700, 0),
        ("temperature", 56, 0),
        ("temperature", 116, 0),
        ("pulse", " 72 ", None),
        ("m" * 100, 5, 5),
    ],
)
def test_what_a_body_can_have_is_stored(clinic: Clinic, metric: str, value_1: Any, value_2: Any) -> None:
    sent = element(DEVICE, metric=metric, value_1=value_1, value_2=value_2)
    assert settled(deliver(clinic, sent)) == {"stored": 1}


def test_every_quantity_has_a_lowest_and_a_highest_value_that_can_exist() -> None:
    for kind in catalogue.kinds():
        for metric in kind.metrics.values():
            for value in filter(None, (metric.value_1, metric.value_2)):
                ends = (value.low, value.least), (value.high, value.most)
                open_ended = [one for one in ends if one == (None, None)]
                assert value.meaning == "standard deviation" or not open_ended, (kind.slug, value.meaning)


@pytest.mark.parametrize("reason", EACH_REASON)
def test_a_doubtful_element_waits_with_its_reason(clinic: Clinic, reason: str) -> None:
    bad = [as_json(member) for member in EACH_REASON[reason]]
    good = as_json(element(DEVICE, value_1=118))
    settled(deliver(clinic, b"[" + b",".join([*bad, good]) + b"]"))
    items = DeliveryItem.objects.for_clinic(clinic).order_by("index")
    assert [(item.index, item.state, item.reason) for item in items] == [
        (index, "quarantined", reason) for index in range(len(bad))
    ]
    assert Measurement.objects.for_clinic(clinic).get().value_1 == 118


@pytest.mark.parametrize("place", [0, 1, 2])
@pytest.mark.parametrize("reason", EACH_REASON)
def test_a_bad_element_costs_no_sibling_wherever_it_stands(clinic: Clinic, reason: str, place: int) -> None:
    body = [as_json(element(DEVICE, value_1=100 + each)) for each in range(3)]
    body[place] = as_json(EACH_REASON[reason][0])
    answer = deliver(clinic, b"[" + b",".join(body) + b"]")
    assert settled(answer) == {"stored": 2, "quarantined": 1}
    readings = Measurement.objects.for_clinic(clinic)
    assert {reading.value_1 for reading in readings} == {100, 101, 102} - {100 + place}


@pytest.mark.parametrize(
    ("metric", "value_1", "value_2"),
    [
        ("blood_pressure", 300, 200),
        ("blood_pressure", 0, 0),
        ("blood_pressure", 60, 120),  # swapped, or a very sick patient: not ours to decide
        ("pulse", 0, 0),
        ("pulse", 350, 0),
        ("spO2", 0, 0),
        ("spO2", 100, 0),
        ("glucose", 2656, 0),
        ("weight", "1400.00", 0),
        ("temperature", "56.70", 0),
        ("steps", 50_000, 0),
        ("never_heard_of", "-9999999999", "-0.01"),
    ],
)
def test_an_extreme_but_possible_reading_is_never_held_back(
    clinic: Clinic, metric: str, value_1: Any, value_2: Any
) -> None:
    sent = element(DEVICE, metric=metric, value_1=value_1, value_2=value_2)
    assert settled(deliver(clinic, sent)) == {"stored": 1}
    assert Measurement.objects.for_clinic(clinic).get().value_1 == Decimal(value_1)


@pytest.mark.parametrize(
    ("token", "value"),
    [
        ("120", "120.00"),
        ("120.00", "120.00"),
        ('"120.00"', "120.00"),
        ('" 00120.5 "', "120.50"),
        ("1.2e2", "120.00"),
        ("0.005", "0.01"),
        ("-0.0", "0.00"),
        ('"-0"', "0.00"),
        ("1e-1000000", "0.00"),
        ("0e1000000", "0.00"),
        ("9999999999", "9999999999.00"),
    ],
)
def test_numbers_and_numeric_texts_are_read_alike_at_two_decimals(token: str, value: str) -> None:
    assert str(reading_of(spelt("value_1", token)).value_1) == value


@pytest.mark.parametrize(
    "written",
    [
        "2025-03-04T15:09:00.000000Z",
        "2025-03-04T15:09:00Z",
        "2025-03-04t15:09z",
        "2025-03-04 15:09:00",
        "2025-03-04T10:09:00-05:00",
        "2025-03-04T20:39:00+0530",
        " 2025-03-04T15:09:00.000000000Z ",
    ],
)
def test_a_moment_is_understood_in_any_iso_spelling(written: str) -> None:
    taken = reading_of(raw(timestamp=written)).taken_at
    assert taken == datetime.datetime(2025, 3, 4, 15, 9, tzinfo=datetime.UTC)
    assert taken.utcoffset() == datetime.timedelta(0)


def test_a_clock_may_run_48_hours_ahead_and_not_a_second_more() -> None:
    assert reading_of(raw(timestamp="2026-03-12T12:00:00Z")).taken_at == NOW + datetime.timedelta(hours=48)
    assert doubt(raw(timestamp="2026-03-12T12:00:01Z")) == "time_in_future"


@pytest.mark.parametrize(
    "written",
    ["0b7c1f5e6a0d4b1e9a552f4d7a1c9e01", "0B7C1F5E-6A0D-4B1E-9A55-2F4D7A1C9E01", f" {DEVICE} "],
)
def test_a_device_id_is_one_id_in_every_spelling(written: str) -> None:
    assert reading_of(raw(hwi_device_id=written)).hwi_device_id == DEVICE


@pytest.mark.parametrize(
    ("token", "offset"),
    [
        ("-5", "-5.00"),
        ("-12", "-12.00"),
        ("14", "14.00"),
        ("5.75", "5.75"),
        ("-9.5", "-9.50"),
        ("-0.0", "0.00"),
        ("0e1000000", "0.00"),
        ("14.25", None),
        ("-12.25", None),
        ("5.1", None),
        ("-2147483648", None),
        ("1e400", None),
        ("true", None),
        ("false", None),
        ('"-5"', None),
        ("null", None),
        ("[-5]", None),
    ],
)
def test_an_offset_is_a_number_of_quarter_hours_on_earth(token: str, offset: str | None) -> None:
    found = reading_of(spelt("timezone_offset", token)).timezone_offset
    assert (None if found is None else f"{found + 0:.2f}") == offset


ADVISORY_NONSENSE: list[Any] = [
    None,
    "",
    5,
    -0.5,
    True,
    "x" * 5000,
    "\x00\ud800",
    ["deep", {"er": 1}],
    {"a": None},
]


@pytest.mark.parametrize("nonsense", ADVISORY_NONSENSE, ids=lambda value: repr(value)[:20])
def test_bad_advisory_members_never_cost_a_reading(clinic: Clinic, nonsense: Any) -> None:
    advisory = ("device_name", "hardware_uuid", "sensor_code", "created", "timezone_offset")
    sent = element(
        DEVICE, **dict.fromkeys((*advisory, "estimated_timestamp", "filter_params", "new_key"), nonsense)
    )
    assert settled(deliver(clinic, sent)) == {"stored": 1}
    sent["filter_params"] = dict.fromkeys(
        ("serial_number", "device_log_index", "measurement_index"), nonsense
    )
    sent["value_1"] = 99
    assert settled(deliver(clinic, sent)) == {"stored": 1}


def test_context_keeps_what_the_database_can_hold(clinic: Clinic) -> None:
    body = spelt(
        "filter_params",
        '{"a\\u0000": "\\ud800", "n": 1e400, "f": 1.5, "huge": 1e99999999999999999999, "l": [0e-999]}',
    )
    assert settled(deliver(clinic, body)) == {"stored": 1}
    assert Measurement.objects.for_clinic(clinic).get().context == {
        "a\ufffd": "\ufffd",
        "n": "1E+400",
        "f": 1.5,
        "huge": "Infinity",
        "l": ["0E-999"],
    }


@pytest.mark.parametrize("created", ["0001-01-01T00:00:00Z", "9999-12-31T23:59:59Z", "2014-12-31T00:00:00Z"])
def test_a_receipt_time_no_clock_can_show_is_dropped(created: str) -> None:
    assert reading_of(raw(created=created)).vendor_created is None


def test_blanks_around_member_names_are_dropped() -> None:
    assert reading_of(raw().replace(b'"metric"', b'" metric "')).metric == "blood_pressure"


@pytest.mark.parametrize(
    ("location", "is_control"),
    [
        ("control solution", True),
        (" Control Solution ", True),
        ("finger", False),
        ("", False),
        (None, False),
        (5, False),
    ],
)
def test_control_solution_is_recognised(location: Any, is_control: bool) -> None:
    assert reading_of(raw(filter_params={"measurement_location": location})).is_control_solution is is_control
