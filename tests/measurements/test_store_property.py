"""Whatever order, repetition and split readings come in, what is stored is the same."""

from __future__ import annotations

import datetime
import json
import uuid
from dataclasses import dataclass, field
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from clinics.models import Clinic
from devices.models import Assignment, Device
from devices.queries import registered_devices
from measurements.bulk_load import load
from measurements.elements import settle
from measurements.interpretation import interpret, program_enrolled_in
from measurements.models import LatestReading, Measurement, VitalDay
from measurements.payload import read
from measurements.reclassify import claim_readings, misclassified
from measurements.recount import drifted_patients
from measurements.row import Row
from tenovi.strict_json import value_of
from tests.factories import ABSENT, assign, element, make_clinic, make_device, make_patient, vendor_time
from tests.lock_order import undone
from tests.measurements.twin import Twin

NOW = datetime.datetime(2026, 3, 31, tzinfo=datetime.UTC)
BACK = datetime.datetime(2026, 3, 5, 12, tzinfo=datetime.UTC)  # the first patient hands the device back
OUT = datetime.datetime(2026, 3, 6, 12, tzinfo=datetime.UTC)  # the second one gets it
MOMENTS = [
    datetime.datetime(2026, 3, 5, 4, 30, tzinfo=datetime.UTC),  # 23:30 in New York the day before
    datetime.datetime(2026, 3, 5, 5, 30, tzinfo=datetime.UTC),  # 00:30
    BACK,
    OUT,
]
PRESSURE, PULSE_OX, METER, WATCH, INHALER = range(5)
METRICS = {
    PRESSURE: ["pulse", "blood_pressure", "unheard_of"],
    PULSE_OX: ["pulse"],
    METER: ["glucose"],
    WATCH: ["heart_rate_statistics"],
    INHALER: ["hailie_respiratory_flow_log"],
}
SPELLINGS = ["control solution", "Control_Solution", "control-solution"]

pytestmark = pytest.mark.django_db


def tried(examples: int) -> settings:
    return settings(
        max_examples=examples, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
    )


@dataclass
class World:
    """One patient with all devices; the cuff went to another patient in between."""

    clinic: Clinic
    devices: list[Device]
    assignments: list[dict[str, Any]] = field(default_factory=list)

    def hand_out(self) -> None:
        for assignment in self.assignments:
            assign(**assignment)

    def elements(self, facts: list[dict[str, Any]]) -> list[Any]:
        return [value_of(json.dumps(self._element(**fact)).encode()) for fact in facts]

    def _element(
        self, device: int, metric: str, when: int, value: int, index: int, created: int, said: int
    ) -> Any:
        # What does not make another reading follows from what does: a repeat repeats it.
        is_bin = device == WATCH
        trait = value + when + (created if is_bin else 0)
        return element(
            self.devices[device],
            metric=metric,
            timestamp=vendor_time(
                MOMENTS[when] + datetime.timedelta(seconds=40 * said * (device == INHALER))
            ),
            value_1=60 + value,
            value_2=80 if metric == "blood_pressure" else value,
            created=vendor_time(NOW + datetime.timedelta(minutes=created)) if created else ABSENT,
            timezone_offset=[-5, 9, None][trait % 3],
            estimated_timestamp=trait % 2 == 0,
            filter_params=self._params(device, value, index, said),
        )

    def _params(self, device: int, value: int, index: int, said: int) -> dict[str, Any]:
        if device == INHALER:  # said: how long after the first; without a serial number it is no log entry
            return {
                "device_log_index": 7,
                "flags": {"flow_error": value},
                **({"serial_number": "A1B2C3"} if index else {}),
            }
        if device == METER:  # the same reading as another identity, and as control solution
            other = {"serial_number": "SN-1"} if said == 1 else {}
            return {**other, **({"measurement_location": SPELLINGS[value]} if said == 2 else {})}
        return {"measurement_index": index} if index and device != WATCH else {}

    def rows(self, elements: list[Any]) -> list[Row]:
        readings = [read(each, received_at=NOW) for each in elements]
        known = registered_devices(self.clinic, {reading.hwi_device_id for reading in readings})
        return [
            interpret(each, known[each.hwi_device_id], program_enrolled_in, received_at=NOW)
            for each in readings
        ]


@pytest.fixture
def world() -> World:
    clinic = make_clinic("alpha")
    alice, bob = make_patient(clinic, "alice"), make_patient(clinic, "bob")
    kinds = ["tenovi-bpm", "tenovi-pulse-ox", "tenovi-glucometer", "tenovi-watch", "hailie-sensor"]
    cuff, *others = devices = [make_device(clinic, kind) for kind in kinds]
    return World(
        clinic,
        devices,
        [
            {"device": cuff, "patient": alice, "ends_at": BACK},
            {"device": cuff, "patient": bob, "starts_at": OUT},
            *({"device": device, "patient": alice} for device in others),
        ],
    )


@st.composite
def fact(draw: st.DrawFn) -> dict[str, Any]:
    device = draw(st.sampled_from(sorted(METRICS)))
    return {
        "device": device,
        "metric": draw(st.sampled_from(METRICS[device])),
        "when": draw(st.integers(0, len(MOMENTS) - 1)),
        "value": draw(st.integers(0, 1)),
        "index": draw(st.integers(0, 1)),
        "created": draw(st.integers(0, 2)),
        "said": draw(st.integers(0, 3)),
    }


facts = st.lists(fact(), max_size=12)


@st.composite
def arrangements(draw: st.DrawFn, of: list[Any]) -> list[list[Any]]:
    """The same elements as deliveries: in some order, some of them repeated, cut somewhere."""
    repeats = draw(st.lists(st.sampled_from(of), max_size=4)) if of else []
    order = draw(st.permutations([*of, *repeats]))
    cuts = sorted(draw(st.sets(st.integers(1, max(1, len(order))), max_size=4)))
    return [order[start:end] for start, end in zip([0, *cuts], [*cuts, len(order)], strict=True)]


def deliver_all(world: World, deliveries: list[list[Any]]) -> list[list[str]]:
    return [
        [result.state for result in settle(world.clinic, each, received_at=NOW, source="webhook")]
        for each in deliveries
    ]


def stored(clinic: Clinic) -> tuple[Any, ...]:
    """Readings, days and latest values. The vendor's receipt time matters for watch bins only, and of
    what the copies of a reading say beside its values the first is kept; `control` is of all."""
    left_out = ("id", "received_at", "delivery_id")
    readings = []
    for row in Measurement.objects.for_clinic(clinic).values():
        created = row["vendor_created"] if row["keeps_greatest"] else None
        context = {name: said for name, said in row["context"].items() if name != "measurement_location"}
        readings.append({**row, "vendor_created": created, "context": context, **dict.fromkeys(left_out)})
    days = [{**row, "id": None} for row in VitalDay.objects.for_clinic(clinic).values()]
    latest = [{**row, "id": None} for row in LatestReading.objects.for_clinic(clinic).values()]
    return tuple(sorted(map(repr, rows)) for rows in (readings, days, latest))


@pytest.mark.parametrize("way", ["webhooks", "histories", "either"])
@tried(80)
@given(deliveries=st.lists(st.lists(fact(), max_size=6), max_size=5), data=st.data())
def test_each_way_in_does_what_its_twin_does(
    world: World, way: str, deliveries: list[list[dict[str, Any]]], data: st.DataObject
) -> None:
    """Readings come one delivery after the other, or each as a history that is loaded at once."""
    with undone():
        world.hand_out()
        twin = Twin()
        for delivery in map(world.elements, deliveries):
            told = twin.store(world.rows(delivery))
            if way == "histories" or (way == "either" and data.draw(st.booleans())):
                new = load(world.clinic, [(read(one, received_at=NOW), NOW) for one in delivery])
                assert new == told.count("stored") + twin.repeated
            else:
                assert deliver_all(world, [delivery]) == [told]
        found = {
            (each.hwi_device_id, each.taken_at, each.identity): each
            for each in Measurement.objects.for_clinic(world.clinic)
        }
        assert found.keys() == twin.readings.keys()
        for key, row in twin.rows().items():
            for name in Row.__dataclass_fields__.keys() - {"vendor_created"}:
                assert getattr(found[key], name) == getattr(row, name), name
        assert {key for key, each in found.items() if each.conflict} == twin.conflicts()
        assert {key for key, each in found.items() if each.is_repeat} == twin.repeats()
        days = VitalDay.objects.for_clinic(world.clinic)
        assert {
            (day.patient_id, day.program, day.local_date): (
                day.readings,
                day.estimated_readings,
                day.vendor_readings,
            )
            for day in days
        } == twin.days()
        latest = LatestReading.objects.for_clinic(world.clinic)
        assert {(each.patient_id, each.metric): shown(each) for each in latest} == {
            key: shown(row) for key, row in twin.latest().items()
        }


def shown(latest: LatestReading | Row) -> tuple[uuid.UUID, Any, Any, datetime.datetime, uuid.UUID, bool]:
    return (
        latest.device_id,
        latest.value_1,
        latest.value_2,
        latest.taken_at,
        latest.identity,
        latest.estimated,
    )


@tried(60)
@given(data=st.data(), facts=facts)
def test_order_repetition_and_split_change_nothing(
    world: World, data: st.DataObject, facts: list[dict[str, Any]]
) -> None:
    ends = []
    for deliveries in ([facts], data.draw(arrangements(facts))):
        with undone():
            world.hand_out()
            deliver_all(world, [world.elements(each) for each in deliveries])
            ends.append(stored(world.clinic))
    assert ends[0] == ends[1]


@tried(25)
@given(data=st.data(), facts=facts)
def test_an_assignment_made_later_changes_nothing(
    world: World, data: st.DataObject, facts: list[dict[str, Any]]
) -> None:
    """And what was moved along is what a recount from all readings gives."""
    ends = []
    for made_after in (0, data.draw(st.integers(1, 4))):
        deliveries = data.draw(arrangements(facts)) if made_after else [facts]
        with undone():
            for number, each in enumerate([*deliveries, *[[]] * 5]):
                if number == made_after:
                    world.hand_out()
                deliver_all(world, [world.elements(each)])
            claim_readings()
            assert not Assignment.objects.for_clinic(world.clinic).filter(claimed_at=None).exists()
            assert drifted_patients(world.clinic) == []
            assert list(misclassified(world.clinic)) == []
            ends.append(stored(world.clinic))
    assert ends[0] == ends[1]
