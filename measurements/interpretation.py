"""From a reading to a row: whose it is, what it means, on which date it counts."""

from __future__ import annotations

import datetime
import uuid
import zoneinfo
from collections.abc import Callable
from dataclasses import dataclass
from decimal import Decimal

from devices.queries import AssignmentPeriod, RegisteredDevice
from measurements.identity import identity_of, log_entry_of, slot_of
from measurements.local_date import local_date
from measurements.payload import Reading, is_invalid
from measurements.row import Row
from patients.models import Enrollment
from tenovi import catalogue
from tenovi.inbound.element import Untrusted

ProgramOf = Callable[[uuid.UUID, datetime.date], str]
"""The program that peak-flow readings of this patient belong to on this date."""


@dataclass(frozen=True, slots=True)
class Classification:
    """What follows from a reading's meaning, patient and zone, and may change with them."""

    local_date: datetime.date
    local_date_rule: str
    program: str
    vital: bool | None
    counts: bool


def classify(
    metric: catalogue.Metric,
    taken_at: datetime.datetime,
    offset: Decimal | None,
    *,
    patient_id: uuid.UUID | None,
    timezone: str,
    clinic_zone: zoneinfo.ZoneInfo,
    never_counts: bool,
    program_of: ProgramOf,
) -> Classification:
    """Date, program and worth of a reading. `timezone` is the patient's own zone, "" for none;
    `never_counts` is for control solution and excluded readings."""
    zone = zoneinfo.ZoneInfo(timezone) if timezone else None
    date, rule = local_date(taken_at, offset, zone, clinic_zone)
    program = metric.program
    if program == "enrollment":
        program = program_of(patient_id, date) if patient_id else "RPM"
    return Classification(date, rule, program, metric.vital, metric.vital is True and not never_counts)


def interpret(
    reading: Reading,
    device: RegisteredDevice | None,
    program_of: ProgramOf,
    *,
    received_at: datetime.datetime,
) -> Row:
    """Raises `Untrusted` when the reading cannot be trusted to mean what it seems to."""
    if device is None:
        raise Untrusted("unknown_device", reading.hwi_device_id)
    metric = catalogue.meaning(reading.metric, device.kind, reading.sensor_code or device.sensor_code)
    value_2 = _checked_values(reading, metric)
    try:
        holding = owner_of(
            device,
            reading.patient_id,
            taken_at=reading.taken_at,
            uploaded_at=reading.vendor_created,
            received_at=received_at,
        )
    except Untrusted as doubt:
        raise Untrusted(doubt.reason, reading.hwi_device_id) from None
    patient_id = holding.patient_id if holding else None
    judgement = classify(
        metric,
        reading.taken_at,
        reading.timezone_offset,
        patient_id=patient_id,
        timezone=holding.timezone if holding else "",
        clinic_zone=zoneinfo.ZoneInfo(device.clinic_timezone),
        never_counts=reading.is_control_solution or is_invalid(metric, reading.context),
        program_of=program_of,
    )
    return Row(
        device_id=device.id,
        hwi_device_id=reading.hwi_device_id,
        patient_id=patient_id,
        metric=metric.name,
        value_1=reading.value_1,
        value_2=value_2,
        taken_at=reading.taken_at,
        identity=identity_of(reading, keeps_greatest=metric.keeps_greatest),
        slot=slot_of(reading, keeps_greatest=metric.keeps_greatest),
        log_entry=None if metric.keeps_greatest else log_entry_of(reading),
        keeps_greatest=metric.keeps_greatest,
        local_date=judgement.local_date,
        local_date_rule=judgement.local_date_rule,
        program=judgement.program,
        vital=judgement.vital,
        counts=judgement.counts,
        control=reading.is_control_solution,
        is_invalid=is_invalid(metric, reading.context),
        estimated=reading.estimated,
        named_patient=reading.patient_id,
        sensor_code=reading.sensor_code,
        hardware_uuid=reading.hardware_uuid,
        timezone_offset=reading.timezone_offset,
        vendor_created=reading.vendor_created,
        context=reading.context,
    )


def program_enrolled_in(patient_id: uuid.UUID, date: datetime.date) -> str:
    """RTM when that is the only program the patient is enrolled in on that date, else RPM."""
    enrolled = Enrollment.objects.across_clinics().filter(patient_id=patient_id).during(date, date)
    return "RTM" if set(enrolled.values_list("program", flat=True)) == {"RTM"} else "RPM"


def _checked_values(reading: Reading, metric: catalogue.Metric) -> Decimal | None:
    """The second value in its one spelling: absent where the metric has none, 0 where it has one
    and the payload does not (identity treats the two alike, so the row must too)."""
    if metric.is_pair and reading.value_2 is None:
        raise Untrusted("diastolic_missing", reading.hwi_device_id)
    value_2 = reading.value_2
    if metric.value_2 is not None:
        value_2 = value_2 if value_2 is not None else Decimal("0.00")
    elif not metric.known:
        value_2 = value_2 or None
    else:
        value_2 = None
    for value, means in ((reading.value_1, metric.value_1), (value_2, metric.value_2)):
        if value is not None and means is not None and not means.allows(value):
            raise Untrusted("value_impossible", reading.hwi_device_id)
        if value is not None and means is not None and not means.can_exist(value):
            raise Untrusted("value_beyond_any_body", reading.hwi_device_id)
    return value_2


def owner_of(
    device: RegisteredDevice,
    named: str,
    *,
    taken_at: datetime.datetime,
    uploaded_at: datetime.datetime | None,
    received_at: datetime.datetime,
) -> AssignmentPeriod | None:
    """Return the assignment that a reading belongs to, None for nobody's.

    Raises `Untrusted` for one that names another patient than had the device when it was taken, unless it
    came after a handover that both sides know of: the assignment at that time wins then. `uploaded_at` is
    the vendor's receipt, None where it does not say; it wrote the name between that and ours.
    """
    holding = device.assignment_at(taken_at, named)
    if holding is None or not named or holding.goes_by(named, taken_at):
        return holding
    named_from = min(uploaded_at or received_at, received_at)
    if not device.is_later_holder(named, taken_at, named_from, received_at):
        raise Untrusted("wrong_patient")
    return holding
