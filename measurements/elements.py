"""Settle the elements of a measurement delivery: store what is good, quarantine the others."""

from __future__ import annotations

import datetime
import uuid
from collections.abc import Iterable, Sequence
from dataclasses import replace
from functools import partial
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
from measurements.store import store
from measurements.urgent import follow_numbers, urgent_among
from tenovi.inbound.element import in_order, sort_out
from tenovi.registry import ElementResult


def settle(
    clinic: Clinic,
    elements: Sequence[Any],
    *,
    received_at: datetime.datetime,
    source: str,
    delivery_id: uuid.UUID | None = None,
) -> list[ElementResult]:
    """Store what is good of these elements, by webhook or fetch. Locks their devices.

    Must be called inside a transaction. Returns one result per element.
    """
    readings, unreadable = sort_out(enumerate(elements), partial(read, received_at=received_at))
    rows, unattributed = _interpreted(clinic, readings, received_at)
    stored, corrected = store(
        clinic, list(rows.values()), received_at=received_at, source=source, delivery_id=delivery_id
    )
    written = [(row, each.number) for row, each in zip(rows.values(), stored, strict=True) if each.number]
    if corrected:
        correct(clinic, corrected)
    if concerned := [*urgent_among(written), *(reading.number for reading in corrected)]:
        follow_numbers(clinic, concerned)
    _note_contacts(clinic, (row for row, _ in written), received_at=received_at, source=source)
    quarantined = {
        index: replace(result, content=content_of(elements[index]))
        for index, result in (unreadable | unattributed).items()
    }
    return in_order(quarantined | {index: each.result for index, each in zip(rows, stored, strict=True)})


def _interpreted(
    clinic: Clinic, readings: dict[int, Reading], received_at: datetime.datetime
) -> tuple[dict[int, Row], dict[int, ElementResult]]:
    """Lock the devices of these readings, then interpret each by what is registered of its device."""
    if not readings:
        return {}, {}
    named = {reading.hwi_device_id for reading in readings.values()}
    lock_devices(clinic, named)
    devices = registered_devices(clinic, named)

    def interpreted(reading: Reading) -> Row:
        device = devices.get(reading.hwi_device_id)
        return interpret(reading, device, program_enrolled_in, received_at=received_at)

    return sort_out(readings.items(), interpreted)


def _note_contacts(
    clinic: Clinic, rows: Iterable[Row], *, received_at: datetime.datetime, source: str
) -> None:
    """Note that a gateway was alive when a reading came through it: by our clock for a webhook, by the
    vendor's for a fetch."""
    contacts: dict[str, datetime.datetime] = {}
    for row in rows:
        heard = received_at if source == "webhook" else row.vendor_created
        if heard and is_gateway_id(row.hardware_uuid):
            contacts[row.hardware_uuid] = max(heard, contacts.get(row.hardware_uuid, heard))
    if contacts:
        note_gateway_contacts(clinic, contacts)
