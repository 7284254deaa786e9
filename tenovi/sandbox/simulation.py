"""Simulate one clinic's patients, devices and readings: the same for the same seed, on any machine.

A reading depends only on the seed, the device and the local date. So the history that `seed_demo` loads
and the one that the sandbox serves, also after a restart next week, agree on every date they share. Rows
are made for one device at a time: 10,000 patients for a year have some 13 million of them.
"""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from hashlib import blake2b
from random import Random
from typing import Any, NamedTuple
from zoneinfo import ZoneInfo

from tenovi import catalogue
from tenovi.sandbox import demo_patients
from tenovi.sandbox.local_days import local_day
from tenovi.sandbox.vitals import HABITS, HOUR, Body, Day, Habit, Sample, Watch

NAMESPACE = uuid.UUID("6f0d1c0e-8f0b-5d7a-9a3e-2f6c5b1d4e70")
SECOND = timedelta(seconds=1)
LONGEST_DELAY = 6  # days; see `_days_of_delay`
CLINIC_OPENED = datetime(2024, 1, 8, 15, tzinfo=UTC)


@dataclass(slots=True)
class Patient:
    """One patient as the vendor knows it, plus the time zone of the home (IANA name)."""

    external_id: str
    name: str
    address: str
    city: str
    state: str
    zip_code: str
    phone_number: str
    email: str
    physician: str
    clinic_name: str
    care_manager: str
    sms_opt_in: bool
    timezone: str
    persona: demo_patients.Persona
    body: Body
    seed: int
    gateway_id: str
    devices: list[Device] = field(default_factory=list, repr=False)


@dataclass(slots=True)
class Device:
    """One activation.

    `id` is the HWI device id, `created` (UTC) the time of activation. A device that is only `ordered` has
    not arrived.
    """

    id: str
    inner_id: str
    name: str
    kind: catalogue.DeviceKind
    patient: Patient = field(repr=False)
    hardware_uuid: str
    sensor_id: str | None
    created: datetime
    seed: int
    ordered: bool = False

    @property
    def habit(self) -> Habit:
        return HABITS[next(iter(self.kind.metrics.values())).name]

    @property
    def readable_live(self) -> bool:
        """Whether a reading may appear at any moment and still fit its patient's story."""
        persona = self.patient.persona
        return (
            self.kind.transfer in ("each_reading", "each_event")
            and not self.ordered
            and persona.adherence >= 0.7
            and persona.story not in ("battery", "monthly")
        )


class Row(NamedTuple):
    """One measurement row. Values are text with two decimals and times are UTC, as on the wire."""

    device: Device
    metric: str
    value_1: str
    value_2: str
    created: datetime
    timestamp: datetime
    timezone_offset: int
    estimated_timestamp: bool
    filter_params: dict[str, Any] | None

    def wire(self) -> dict[str, Any]:
        """Return the row as the vendor's measurement lists have it."""
        return {
            "metric": self.metric,
            "device_name": self.device.name,
            "hwi_device_id": self.device.id,
            "patient_id": self.device.patient.external_id,
            "hardware_uuid": self.device.hardware_uuid,
            "sensor_code": self.device.kind.sensor_code or "",
            "value_1": self.value_1,
            "value_2": self.value_2,
            "created": wire_time(self.created),
            "timestamp": wire_time(self.timestamp),
            "timezone_offset": self.timezone_offset,
            "estimated_timestamp": self.estimated_timestamp,
            "filter_params": self.filter_params,
        }


def wire_time(moment: datetime) -> str:
    """Format a UTC time as the vendor does: six decimals and a Z."""
    return f"{moment.isoformat(timespec='microseconds')[:-6]}Z"


class Clinic:
    """Patients with `days` days of readings up to `until`, which is aware, in UTC.

    `patients` is their number, or a range of their numbers: each is the same person as among all.
    """

    def __init__(self, seed: int, patients: int | range, days: int, until: datetime) -> None:
        self.seed = seed
        self.until = until
        self.since = until - timedelta(days=days)
        self.patients = [self.patient_numbered(number) for number in _numbers(patients)]
        self.devices = [device for patient in self.patients for device in patient.devices]

    def rows_of(self, device: Device) -> list[Row]:
        """Return every row of a device in the order in which the vendor received them."""
        days = range(self.since.toordinal() - 1, self.until.toordinal() + 2)
        return sorted((row for ordinal in days for row in self._day(device, ordinal)), key=_received)

    def last_received(self, device: Device) -> datetime | None:
        """Return when the vendor last got a row of that device, None for never."""
        if device.created >= self.until:
            return None
        latest: datetime | None = None
        for ordinal in range(self.until.toordinal() + 1, self.since.toordinal() - 2, -1):
            if latest and ordinal < latest.toordinal() - LONGEST_DELAY:
                break
            made = [row.created for row in self._day(device, ordinal)]
            latest = max([*made, latest] if latest else made, default=None)
        return latest

    def activate(self, patient_number: int, name: str, at: datetime) -> Device:
        """Give a patient one more device, without history. Raises ValueError for an unlisted name."""
        patient = self.patients[patient_number]
        device = self.device_of(patient, name)
        device.created = at
        patient.devices.append(device)
        return device

    def live_reading(self, device: Device, at: datetime) -> list[Row]:
        """Return the rows of a device that is used at `at` (UTC), received at once."""
        local = at.astimezone(ZoneInfo(device.patient.timezone))
        second = local.hour * HOUR + local.minute * 60.0 + local.second
        random = Random(f"{device.seed} {at.isoformat()}")
        samples = list(device.habit.measure(device.patient.body, _day_of(local.toordinal()), second, random))
        begun = _clock(device, at - max(sample.after for sample in samples) * SECOND)
        offset = local.utcoffset() or timedelta()
        index = 1000 + int(at.timestamp()) % 100_000
        return [
            Row(
                device,
                metric.name,
                *_values(sample, metric),
                created=at + timedelta(milliseconds=23 * place),
                timestamp=begun + sample.after * SECOND,
                timezone_offset=offset // timedelta(hours=1),
                estimated_timestamp=False,
                filter_params=_context(device, sample, index),
            )
            for place, sample in enumerate(samples)
            if (metric := device.kind.metrics.get(sample.metric.casefold()))
        ]

    def _day(self, device: Device, ordinal: int) -> list[Row]:
        """Return the rows of one local date that lie within the clinic's time."""
        if device.ordered:
            return []
        random = Random(device.seed * 1_000_003 + ordinal)
        delay = _days_of_delay(device, ordinal, random)
        if delay is None:
            return []
        made = _Maker(device, ordinal, random, delay).rows()
        since = max(self.since, device.created)
        return [row for row in made if row.timestamp >= since and row.created <= self.until]

    def patient_numbered(self, number: int) -> Patient:
        seed = number_of(self.seed, number)
        random = Random(seed)
        personas = demo_patients.PERSONAS
        is_named = number < len(personas)
        persona = personas[number] if is_named else random.choices(personas, [p.share for p in personas])[0]
        first = demo_patients.FIRST_NAMES[number % len(demo_patients.FIRST_NAMES)]
        last = demo_patients.LAST_NAMES[number % len(demo_patients.LAST_NAMES)]
        city, state, zip_code = demo_patients.PLACES[persona.timezone]
        patient = Patient(
            external_id=f"P-{number + 1:04}",
            name=f"{first} {last}",
            address=f"{random.randint(1, 240)} {random.choice(demo_patients.STREETS)}",
            city=city,
            state=state,
            zip_code=zip_code,
            phone_number=f"555-01{number % 100:02}",
            email=f"{first}.{last}@example.com".lower(),
            physician=random.choice(demo_patients.PHYSICIANS),
            clinic_name="Vitaldays Demo Clinic",
            care_manager=random.choice(demo_patients.CARE_MANAGERS),
            sms_opt_in=random.random() < 0.5,
            timezone=persona.timezone,
            persona=persona,
            body=Body.of(random, worrying=persona.story == "high"),
            seed=seed,
            gateway_id=f"{number_of(self.seed, number, 'gateway'):012X}",
        )
        for name in persona.devices:
            patient.devices.append(self.device_of(patient, name))
        for name in persona.ordered:
            device = self.device_of(patient, name)
            device.ordered, device.created = (
                True,
                self.until - timedelta(days=3, seconds=device.seed % 40_000),
            )
            patient.devices.append(device)
        return patient

    def device_of(self, patient: Patient, name: str) -> Device:
        kind = catalogue.kind_for(name, "")
        if kind is None:
            raise ValueError(f"{name} is not in the catalogue.")
        seed = number_of(patient.seed, name)
        place = len(patient.devices)
        cellular, named = kind.transport == "cellular", kind.sensor_id in ("required", "supported")
        return Device(
            id=str(uuid.uuid5(NAMESPACE, f"{patient.seed} {place} {name}")),
            inner_id=str(uuid.uuid5(NAMESPACE, f"{patient.seed} {place} {name} device")),
            name=name,
            kind=kind,
            patient=patient,
            hardware_uuid=f"35{seed % 10**13:013}" if cellular else patient.gateway_id,
            sensor_id=f"{seed % 0xFFFFFF:06X}" if named else None,
            created=min(CLINIC_OPENED + timedelta(days=seed % 200), self.since - timedelta(days=1)),
            seed=seed,
        )


class _Maker:
    """Makes the rows of one device and one local date. `delay` is in days, 0 for at once."""

    def __init__(self, device: Device, ordinal: int, random: Random, delay: int) -> None:
        self.device, self.random = device, random
        self.day = _day_of(ordinal)
        self.clock = local_day(device.patient.timezone, ordinal)
        self.uploaded = self.clock.at((delay * 24 + 9.5) * HOUR) if delay else None

    def rows(self) -> Iterator[Row]:
        device, body = self.device, self.device.patient.body
        if device.patient.persona.story == "battery":
            yield from self._reading(9.0 * HOUR, [self._battery()], 0)
            return
        charged = "battery_percentage" in device.kind.metrics and (self.day.ordinal + device.seed) % 6 == 0
        for place, second in enumerate(device.habit.times(self.day, self.random)):
            samples = list(device.habit.measure(body, self.day, second, self.random))
            if place == 0 and charged:
                samples.append(self._battery())
            yield from self._reading(second, samples, place)

    def _reading(self, second: float, samples: list[Sample], place: int) -> Iterator[Row]:
        taken = self.clock.at(second)
        if taken is None:
            return
        device, taken = self.device, _clock(self.device, taken)
        estimated = (
            device.kind.stores_offline and "pulse" in device.kind.metrics and self.random.random() < 0.008
        )
        lag = self.random.uniform(9, 70)
        index = (self.day.ordinal % 120) * 24 + place + 1
        for sample in samples:
            metric = device.kind.metrics.get(sample.metric.casefold())
            if metric is None:
                continue
            timestamp = taken + sample.after * SECOND if sample.after else taken
            lag += self.random.uniform(0.012, 0.045)
            yield Row(
                device,
                metric.name,
                *_values(sample, metric),
                created=self._received(second, sample, timestamp) + timedelta(seconds=lag),
                timestamp=timestamp,
                timezone_offset=self.clock.offset(taken),
                estimated_timestamp=estimated,
                filter_params=_context(device, sample, index),
            )

    def _received(self, second: float, sample: Sample, timestamp: datetime) -> datetime:
        """Return when the vendor gets a reading: at once, late, or at the device's own hours."""
        if self.uploaded is not None:
            return self.uploaded + (timestamp - self.clock.midnight) / 5000
        if self.device.kind.transfer == "once_per_day":
            tomorrow = second + HOUR > Watch.upload and not sample.partial
            return self.clock.at(Watch.upload + (24 * HOUR if tomorrow else 0)) or timestamp
        if self.device.kind.transfer == "every_12_hours":
            return timestamp.replace(hour=0, minute=0, second=0) + timedelta(
                hours=12 if timestamp.hour < 12 else 24
            )
        return timestamp

    def _battery(self) -> Sample:
        return Sample("battery_percentage", 98 - (self.day.ordinal + self.device.seed) % 100 * 4 // 5)


def _days_of_delay(device: Device, ordinal: int, random: Random) -> int | None:
    """Return how many days late this date's readings arrive, None when there are none.

    Some weeks are lost to illness. On journeys, devices that store readings send them on the day of
    return, and the others stay unused.
    """
    persona, patient = device.patient.persona, device.patient
    day, fate = ordinal % 7, number_of(patient.seed, ordinal // 7) % 1000
    if persona.story == "monthly":
        return 0 if date.fromordinal(ordinal).day == 3 + patient.seed % 24 else None
    if random.random() >= persona.adherence or fate < 25:
        return None
    if fate < 80 and 1 <= day <= 4:
        return 6 - day if device.kind.stores_offline and device.kind.transfer != "once_per_day" else None
    if persona.story == "weak":
        return random.choice((0, 0, 0, 1, 2))
    return 0


def _values(sample: Sample, metric: catalogue.Metric) -> tuple[str, str]:
    return f"{sample.value_1:.2f}", f"{sample.value_2 if metric.value_2 else 0:.2f}"


def _context(device: Device, sample: Sample, index: int) -> dict[str, Any] | None:
    params = device.kind.filter_params
    if not params:
        return {}
    if "measurement_index" in params:
        return None if sample.metric == "battery_percentage" else {"measurement_index": index}
    if sample.context is not None and "serial_number" in params:
        return sample.context | {"serial_number": device.sensor_id}
    return sample.context


def _clock(device: Device, moment: datetime) -> datetime:
    """Round a time to what the device's clock keeps: minutes for cuffs, seconds for the others."""
    moment = moment.replace(microsecond=0)
    return moment.replace(second=0) if "blood_pressure" in device.kind.metrics else moment


def _day_of(ordinal: int) -> Day:
    return Day(ordinal, (ordinal - 1) % 7)


def _numbers(patients: int | range) -> range:
    return range(patients) if isinstance(patients, int) else patients


def number_of(*parts: object) -> int:
    """Return a number below 2**48 that depends only on `parts`."""
    return int.from_bytes(blake2b(repr(parts).encode(), digest_size=6).digest(), "big")


def _received(row: Row) -> datetime:
    return row.created
