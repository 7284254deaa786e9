"""Loading a long history at once: the same judgement as a webhook's, written by COPY.

For histories that come from one trustworthy place in one piece (the demo clinic). Readings that
are stored already are left alone; days and latest values are derived for the whole clinic at the
end. Contradictions within one slot are not looked for.
"""

from __future__ import annotations

import dataclasses
import datetime
import itertools
import json
import uuid
from collections import defaultdict
from collections.abc import Iterable, Iterator
from typing import Any

from django.db import connection, transaction

from clinics.models import Clinic
from devices.actions import note_gateway_contacts
from devices.hardware import is_gateway_id
from devices.models import Device
from devices.queries import known_devices
from measurements.meaning import ProgramOf, row_for
from measurements.reading import read
from measurements.recount import recount_clinic
from measurements.store import Row
from patients.models import Enrollment
from tenovi.wire import Members

BATCH = 100_000
COLUMNS = [field.name for field in dataclasses.fields(Row)]
FIXED = ["clinic_id", "source", "excluded", "conflict", "received_at"]
NAMES = ", ".join([*COLUMNS, *FIXED])
STAGE = "CREATE TEMPORARY TABLE arriving (LIKE measurements_measurement) ON COMMIT DROP"
MOVE = f"""
INSERT INTO measurements_measurement ({NAMES}) SELECT {NAMES} FROM arriving
ON CONFLICT (clinic_id, hwi_device_id, taken_at, identity) DO NOTHING
"""

Arrival = tuple[dict[str, Any], datetime.datetime]
"""A measurement element as the vendor writes it, and when it was received (aware)."""


def load(clinic: Clinic, arrivals: Iterable[Arrival]) -> int:
    """Store a history of registered devices; how many readings are new."""
    ids = Device.objects.for_clinic(clinic).values_list("hwi_device_id", flat=True)
    heard: dict[str, datetime.datetime] = {}
    rows = _judged(clinic, arrivals, list(ids), heard)
    new = 0
    for batch in iter(lambda: list(itertools.islice(rows, BATCH)), []):
        with transaction.atomic(), connection.cursor() as cursor:
            cursor.execute(STAGE)
            cursor.execute("ALTER TABLE arriving ALTER id DROP NOT NULL, ALTER id DROP IDENTITY IF EXISTS")
            with cursor.copy(f"COPY arriving ({NAMES}) FROM STDIN") as copy:
                for row in batch:
                    copy.write_row(row)
            cursor.execute(MOVE)
            new += cursor.rowcount
    note_gateway_contacts(clinic, {name: at for name, at in heard.items() if is_gateway_id(name)})
    recount_clinic(clinic)
    return new


def _judged(
    clinic: Clinic, arrivals: Iterable[Arrival], ids: list[uuid.UUID], heard: dict[str, datetime.datetime]
) -> Iterator[list[Any]]:
    """Rows to copy; `heard` collects when each piece of hardware last sent something."""
    devices = known_devices(clinic, ids)
    program_of = _programs(clinic)
    for element, received_at in arrivals:
        reading = read(Members(list(element.items())), received_at=received_at)
        row = row_for(reading, devices.get(reading.hwi_device_id), clinic, program_of)
        heard[row.hardware_uuid] = max(received_at, heard.get(row.hardware_uuid, received_at))
        values = [getattr(row, name) for name in COLUMNS]
        values[-1] = json.dumps(values[-1])  # context
        yield [*values, clinic.id, "webhook", False, False, received_at]


def _programs(clinic: Clinic) -> ProgramOf:
    """`meaning.program_enrolled_in`, answered from memory."""
    enrolled: defaultdict[uuid.UUID, list[Enrollment]] = defaultdict(list)
    for enrollment in Enrollment.objects.for_clinic(clinic):
        enrolled[enrollment.patient_id].append(enrollment)

    def program_of(patient_id: uuid.UUID, date: datetime.date) -> str:
        held = {
            one.program
            for one in enrolled[patient_id]
            if one.starts_on <= date and (one.ends_on is None or date <= one.ends_on)
        }
        return "RTM" if held == {"RTM"} else "RPM"

    return program_of
