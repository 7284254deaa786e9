"""`patients/<external_id>/series/`: the columns a chart draws."""

from __future__ import annotations

import datetime
import re
from typing import Any

import pytest
from django.conf import settings
from rest_framework.test import APIClient

from clinics.models import Clinic
from devices.models import Device
from measurements.actions.exclusion import exclude_reading
from measurements.models import Measurement
from measurements.shown.flags import BITS
from tests.factories import deliver, element, held_device, make_clinic, make_user, settled, vendor_time
from tests.rest import api_client, note_no_use

pytestmark = pytest.mark.django_db

URL = "/api/v1/clinics/alpha/patients/mrn-7781/series/"
NOON = datetime.datetime(2025, 3, 4, 12, tzinfo=datetime.UTC)
EPOCH = int(NOON.timestamp())


@pytest.fixture
def clinic() -> Clinic:
    return make_clinic("alpha")


@pytest.fixture
def device(clinic: Clinic) -> Device:
    return held_device(clinic)


@pytest.fixture
def api(clinic: Clinic) -> APIClient:
    return api_client(make_user("alice@alpha.test", clinic))


def taken(
    device: Device, hour: float, value_1: float = 131, value_2: float | None = 82, **changes: Any
) -> None:
    moment = vendor_time(NOON + datetime.timedelta(hours=hour))
    changes = {"timestamp": moment, "filter_params": {"measurement_index": str(hour)}} | changes
    reading = element(device, value_1=value_1, value_2=value_2, **changes)
    assert settled(deliver(device.clinic, reading)) == {"stored": 1}


def series(api: APIClient, metric: str = "blood_pressure", **query: str) -> dict[str, Any]:
    answer = api.get(URL, {"metric": metric, **query})
    assert (answer.status_code, answer["Content-Type"]) == (200, "application/json"), answer.content
    body: dict[str, Any] = answer.json()
    return body


def test_columns_in_the_order_taken(api: APIClient, device: Device) -> None:
    taken(device, 1, 128.5, 80)
    taken(device, 0)
    Measurement.objects.for_clinic(device.clinic).update(received_at=NOON)
    assert series(api) == {
        "metric": "blood_pressure",
        "unit_1": "mmHg",
        "unit_2": "mmHg",
        "t": [EPOCH, EPOCH + 3600],
        "v1": [131, 128.5],
        "v2": [82, 80],
        "flags": [0, 0],
    }


def test_a_metric_without_second_value_has_nulls(api: APIClient, clinic: Clinic) -> None:
    taken(held_device(clinic, "tenovi-scale"), 0, 182.4, None, metric="weight")
    found = series(api, "WEIGHT")
    assert (found["metric"], found["unit_1"], found["unit_2"]) == ("weight", "lb", None)
    assert (found["v1"], found["v2"]) == ([182.4], [None])


def test_units_are_those_of_the_newest_points_device(api: APIClient, clinic: Clinic) -> None:
    cuff, oximeter = held_device(clinic), held_device(clinic, "tenovi-pulse-ox")
    taken(cuff, 0, 61, None, metric="pulse")
    assert series(api, "pulse")["unit_2"] is None
    taken(oximeter, 1, 62, 1.5, metric="pulse")
    found = series(api, "pulse")
    assert (found["unit_2"], found["v2"]) == ("", [None, 1.5])


def test_a_metric_never_sent_is_empty(api: APIClient, device: Device) -> None:
    taken(device, 0)
    found = series(api, "glucose")
    assert (found["unit_1"], found["t"], found["v1"], found["v2"], found["flags"]) == (
        "mg/dL",
        [],
        [],
        [],
        [],
    )


def test_a_metric_the_catalogue_does_not_know_is_drawn_as_received(api: APIClient, device: Device) -> None:
    taken(device, 0, 1.2, None, metric="Gait_Speed")
    assert series(api, "gait_speed")["v1"] == [1.2]


@pytest.mark.parametrize(
    ("changes", "flags"),
    [
        ({"estimated_timestamp": True}, 1),
        ({"filter_params": {"alert": "sensor_result_above_range"}}, 16),
        ({"filter_params": {"meal_context": "pre-prandial"}}, 32),
        ({"filter_params": {"meal_context": "post-prandial"}}, 64),
        ({"filter_params": {"meal_context": "fasting"}}, 128),
        ({"filter_params": {"meal_context": "fasting", "alert": "sensor_result_above_range"}}, 144),
        ({"filter_params": {"meal_context": ["fasting"], "alert": None}}, 0),
        ({"filter_params": None}, 0),
    ],
)
def test_flags_of_a_payload(api: APIClient, clinic: Clinic, changes: dict[str, Any], flags: int) -> None:
    taken(held_device(clinic, "tenovi-glucometer"), 0, 110, None, metric="glucose", **changes)
    Measurement.objects.for_clinic(clinic).update(received_at=NOON)
    assert series(api, "glucose")["flags"] == [flags]


@pytest.mark.parametrize(
    ("change", "flags"),
    [
        ({"vendor_created": NOON + datetime.timedelta(hours=24)}, 0),
        ({"vendor_created": NOON + datetime.timedelta(hours=24, seconds=1)}, 2),
        ({"vendor_created": None, "received_at": NOON + datetime.timedelta(hours=24)}, 0),
        ({"vendor_created": None, "received_at": NOON + datetime.timedelta(hours=24, seconds=1)}, 2),
        ({"vendor_created": NOON, "received_at": NOON + datetime.timedelta(hours=24, seconds=1)}, 2),
    ],
)
def test_flags_of_what_became_of_a_reading(
    api: APIClient, device: Device, change: dict[str, Any], flags: int
) -> None:
    taken(device, 0)
    Measurement.objects.for_clinic(device.clinic).update(**change)
    assert series(api)["flags"] == [flags]


def test_an_excluded_reading_is_flagged(api: APIClient, device: Device) -> None:
    taken(device, 0)
    Measurement.objects.for_clinic(device.clinic).update(received_at=NOON)
    reading = Measurement.objects.for_clinic(device.clinic).select_related("clinic").get()
    exclude_reading(reading=reading, by=make_user("bob@alpha.test"), reason="not hers")
    assert series(api)["flags"] == [4]


def test_the_documentation_lists_every_flag() -> None:
    text = (settings.BASE_DIR / "docs" / "api.md").read_text(encoding="utf-8")
    listed = re.findall(r"^\| ([0-9]+(?:, [0-9]+)*) \|", text, re.MULTILINE)
    assert [int(bit) for bits in listed for bit in bits.split(", ")] == list(BITS.values())


def test_readings_that_contradict_each_other_are_flagged(api: APIClient, device: Device) -> None:
    taken(device, 0, 131)
    taken(device, 0, 141)
    Measurement.objects.for_clinic(device.clinic).update(received_at=NOON)
    found = series(api)
    assert (sorted(found["v1"]), found["flags"]) == ([131, 141], [8, 8])


def test_control_solution_is_never_drawn_as_the_patients_value(api: APIClient, clinic: Clinic) -> None:
    device = held_device(clinic, "tenovi-glucometer")
    taken(device, 0, 110, None, metric="glucose")
    control = {"measurement_location": "control solution"}
    taken(device, 1, 300, None, metric="glucose", filter_params=control)
    assert series(api, "glucose")["v1"] == [110]


@pytest.mark.parametrize(
    ("span", "hours"),
    [
        ({"from": "2025-03-05T05:00:00Z"}, [17, 18, 41]),
        ({"to": "2025-03-05T05:00:00Z"}, [16]),
        ({"from": "2025-03-05T05:00:00Z", "to": "2025-03-05T06:00:00Z"}, [17]),
        ({"from": "2025-03-05"}, [17, 18, 41]),
        ({"to": "2025-03-04"}, [16]),
        ({"from": "2025-03-05", "to": "2025-03-05"}, [17, 18]),
    ],
)
def test_a_span_of_moments_or_of_whole_dates(
    api: APIClient, device: Device, span: dict[str, str], hours: list[int]
) -> None:
    for hour in (16, 17, 18, 41):  # midnight in New York is 17 hours after noon UTC
        taken(device, hour)
    assert series(api, **span)["t"] == [EPOCH + hour * 3600 for hour in hours]


@pytest.mark.parametrize(
    ("query", "field"),
    [
        ({}, "metric"),
        ({"metric": ""}, "metric"),
        ({"metric": "pulse\0"}, "metric"),
        ({"metric": "pulse", "from": "yesterday"}, "from"),
        ({"metric": "pulse", "to": "9999-12-31"}, "to"),
    ],
)
def test_a_bad_query_is_a_field_error(
    api: APIClient, device: Device, query: dict[str, str], field: str
) -> None:
    answer = api.get(URL, query)
    assert (answer.status_code, list(answer.json())) == (400, [field])


def test_readings_of_another_patient_stay_out(api: APIClient, clinic: Clinic, device: Device) -> None:
    taken(held_device(clinic, external_id="mrn-2"), 0)
    assert series(api)["t"] == []


def test_points_take_one_query(api: APIClient, device: Device, django_assert_num_queries: Any) -> None:
    for hour in range(5):
        taken(device, hour)
    note_no_use()
    with django_assert_num_queries(5):  # token, membership, patient, points, audit line
        assert len(series(api)["t"]) == 5


def test_a_year_of_points_stays_small(api: APIClient, device: Device) -> None:
    for hour in range(50):
        taken(device, hour)
    empty, full = api.get(URL, {"metric": "pulse"}), api.get(URL, {"metric": "blood_pressure"})
    assert (len(full.content) - len(empty.content)) / 50 < 22  # bytes a point
