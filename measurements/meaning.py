"""From a reading to a row: whose it is, what it means, on which date it counts."""

from __future__ import annotations

import datetime
import uuid
import zoneinfo
from collections.abc import Callable
from decimal import Decimal

from clinics.models import Clinic
from devices.queries import Holding, KnownDevice
from measurements.identity import identity_of, slot_of
from measurements.local_date import local_date
from measurements.reading import Doubtful, Reading
from measurements.store import Row
from tenovi import catalogue

ProgramOf = Callable[[uuid.UUID, datetime.date], str]
"""The program that peak-flow readings of this patient belong to on this date."""


def row_for(reading: Reading, device: KnownDevice | None, clinic: Clinic, program_of: ProgramOf) -> Row:
    """Raises `Doubtful` when the reading cannot be trusted to mean what it seems to."""
    if device is None:
        raise Doubtful("unknown_device", reading.hwi_device_id)
    metric = catalogue.meaning(reading.metric, device.kind, reading.sensor_code or device.sensor_code)
    value_2 = _checked_values(reading, metric)
    holding = device.holding_at(reading.taken_at, reading.patient_id)
    _check_patient(reading, holding)
    zone = zoneinfo.ZoneInfo(holding.timezone) if holding and holding.timezone else None
    date, rule = local_date(reading.taken_at, reading.timezone_offset, zone, clinic.zone)
    control = reading.is_control_solution
    program = metric.program
    if program == "enrollment":
        program = program_of(holding.patient_id, date) if holding else "RPM"
    return Row(
        device_id=device.id,
        hwi_device_id=reading.hwi_device_id,
        patient_id=holding.patient_id if holding else None,
        metric=metric.name,
        value_1=reading.value_1,
        value_2=value_2,
        taken_at=reading.taken_at,
        identity=identity_of(reading, keeps_greatest=metric.keeps_greatest),
        slot=slot_of(reading, keeps_greatest=metric.keeps_greatest),
        keeps_greatest=metric.keeps_greatest,
        local_date=date,
        local_date_rule=rule,
        program=program,
        vital=metric.vital,
        counts=metric.vital is True and not control,
        control=control,
        estimated=reading.estimated,
        named_patient=reading.patient_id,
        sensor_code=reading.sensor_code,
        hardware_uuid=reading.hardware_uuid,
        timezone_offset=reading.timezone_offset,
        vendor_created=reading.vendor_created,
        context=reading.context,
    )


def _checked_values(reading: Reading, metric: catalogue.Metric) -> Decimal | None:
    """The second value in its one spelling: absent where the metric has none, 0 where it has one
    and the payload does not (identity treats the two alike, so the row must too)."""
    if metric.name == "blood_pressure" and reading.value_2 is None:
        raise Doubtful("diastolic_missing", reading.hwi_device_id)
    value_2 = reading.value_2
    if metric.value_2 is not None:
        value_2 = value_2 if value_2 is not None else Decimal("0.00")
    elif not metric.known:
        value_2 = value_2 or None
    else:
        value_2 = None
    for value, means in ((reading.value_1, metric.value_1), (value_2, metric.value_2)):
        if value is not None and means is not None and not means.allows(value):
            raise Doubtful("value_impossible", reading.hwi_device_id)
    return value_2


def _check_patient(reading: Reading, holding: Holding | None) -> None:
    named = reading.patient_id
    if holding and named and named.casefold() != holding.external_id.casefold():
        raise Doubtful("wrong_patient", reading.hwi_device_id)
