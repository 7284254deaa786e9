"""One reading as the row that `measurements.store` writes."""

from __future__ import annotations

import datetime
import uuid
from dataclasses import dataclass
from decimal import Decimal
from typing import Any


@dataclass(frozen=True, slots=True)
class Row:
    """A reading whose device, patient, meaning and date are decided. Columns of `Measurement`."""

    device_id: uuid.UUID
    hwi_device_id: uuid.UUID
    patient_id: uuid.UUID | None
    metric: str
    value_1: Decimal
    value_2: Decimal | None
    taken_at: datetime.datetime
    identity: uuid.UUID
    slot: uuid.UUID | None
    log_entry: uuid.UUID | None
    keeps_greatest: bool
    local_date: datetime.date
    local_date_rule: str
    program: str
    vital: bool | None
    counts: bool
    control: bool
    is_invalid: bool
    estimated: bool
    named_patient: str
    sensor_code: str
    hardware_uuid: str
    timezone_offset: Decimal | None
    vendor_created: datetime.datetime | None
    context: dict[str, Any]
