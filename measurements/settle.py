"""Settle the elements of a measurement delivery: store what is good, quarantine the others."""

from __future__ import annotations

import datetime
import uuid
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

from clinics.models import Clinic
from devices.from_vendor import note_gateway_contacts
from devices.hardware import is_gateway_id
from devices.locks import lock_devices
from devices.queries import registered_devices
from measurements.identity import content_of
from measurements.interpretation import interpret, program_enrolled_in
from measurements.payload import Reading, read
from measurements.recount import correct
from measurements.row import Row
from measurements.store import Outcome, store
from measurements.urgent import follow_numbers, urgent_among
from tenovi.inbound.element import Untrusted
from tenovi.registry import ElementResult

VERDICTS: dict[Outcome, ElementResult] = {
    "stored": ElementResult("stored"),
    "duplicate": ElementResult("duplicate", "already_stored"),
    "updated": ElementResult("updated", "newer_bin"),
    "repeat": ElementResult("duplicate", "repeated_log_entry"),
}


def settle(
    clinic: Clinic,
    elements: Sequence[Any],
    *,
    received_at: datetime.datetime,
    source: str,
    delivery_id: uuid.UUID | None = None,
) -> list[ElementResult]:
    """Store what is good of these elements; webhook and fetch both come through here."""
    verdicts: dict[int, ElementResult] = {}
    readings: dict[int, Reading] = {}
    for index, element in enumerate(elements):
        try:
            readings[index] = read(element, received_at=received_at)
        except Untrusted as doubt:
            verdicts[index] = _doubted(doubt, element)
    rows: dict[int, Row] = {}
    for index, row in _judged(clinic, readings, received_at):
        if isinstance(row, Untrusted):
            verdicts[index] = _doubted(row, elements[index])
        else:
            rows[index] = row
    stored, corrected = store(
        clinic, list(rows.values()), received_at=received_at, source=source, delivery_id=delivery_id
    )
    verdicts |= {index: VERDICTS[each.outcome] for index, each in zip(rows, stored, strict=True)}
    written = [(row, each.number) for row, each in zip(rows.values(), stored, strict=True) if each.number]
    if corrected:
        correct(clinic, corrected)
    if concerned := [*urgent_among(written), *(each.number for each in corrected)]:
        follow_numbers(clinic, concerned)
    _note_contacts(clinic, (row for row, _ in written), received_at=received_at, source=source)
    return [verdicts[index] for index in range(len(elements))]


def _doubted(doubt: Untrusted, element: Any) -> ElementResult:
    return ElementResult("quarantined", doubt.reason, doubt.hwi_device_id, content_of(element))


def _note_contacts(
    clinic: Clinic, rows: Iterable[Row], *, received_at: datetime.datetime, source: str
) -> None:
    """A gateway was alive when a reading came through it: by our clock when the vendor called, by the
    vendor's when we asked."""
    contacts: dict[str, datetime.datetime] = {}
    for row in rows:
        heard = received_at if source == "webhook" else row.vendor_created
        if heard and is_gateway_id(row.hardware_uuid):
            contacts[row.hardware_uuid] = max(heard, contacts.get(row.hardware_uuid, heard))
    if contacts:
        note_gateway_contacts(clinic, contacts)


def _judged(
    clinic: Clinic, readings: dict[int, Reading], received_at: datetime.datetime
) -> Iterator[tuple[int, Row | Untrusted]]:
    if not readings:
        return
    named = {reading.hwi_device_id for reading in readings.values()}
    lock_devices(clinic, named)
    devices = registered_devices(clinic, named)
    for index, reading in readings.items():
        try:
            yield (
                index,
                interpret(
                    reading,
                    devices.get(reading.hwi_device_id),
                    program_enrolled_in,
                    received_at=received_at,
                ),
            )
        except Untrusted as doubt:
            yield index, doubt
