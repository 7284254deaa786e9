"""What makes two payloads the same reading. The vendor gives readings no id, so content decides.

Version 1. Part of the identity: metric, sensor serial number, the device's log index or else the
measurement index, and both values at two decimals (the precision of the vendor's fetch); a
missing second value equals 0. Watch bins leave the values out: a later upload of the same hour
replaces the earlier one. Never part of it: receipt time, gateway, patient, sensor code, names;
the same reading arrives with different ones.
"""

from __future__ import annotations

import contextlib
import hashlib
import uuid
from collections.abc import Mapping
from decimal import ROUND_HALF_UP, Decimal, InvalidOperation
from typing import Any

from measurements.payload import CENT, Reading
from tenovi.inbound.element import moment_of

VERSION = "1"


def identity_of(reading: Reading, *, keeps_greatest: bool) -> uuid.UUID:
    """The reading's identity; with device and time taken it is unique in a clinic."""
    values = [] if keeps_greatest else [f"{reading.value_1:.2f}", f"{reading.value_2 or Decimal(0):.2f}"]
    return _hash("identity", *_place_of(reading), *values)


def slot_of(reading: Reading, *, keeps_greatest: bool) -> uuid.UUID | None:
    """Where a device with an index filed the reading: two readings in one slot are in conflict.

    None for readings without an index (two glucose values in one minute are two readings) and
    for watch bins (the greatest replaces the others).
    """
    return None if keeps_greatest or not reading.log_index else _hash("slot", *_place_of(reading))


def log_entry_of(reading: Reading) -> uuid.UUID | None:
    """The entry of the device's own log, None for readings that name no device and entry.

    The vendor's `device_log_index` "can be used to determine if a log entry is unique or a duplicate".
    The measurement index is none: cuffs use their numbers again.
    """
    if not reading.serial_number or not reading.device_log_index:
        return None
    entry = reading.metric.casefold(), reading.serial_number, reading.device_log_index
    return _hash("entry", *entry, f"{reading.value_1:.2f}")


def content_of(element: Any) -> uuid.UUID:
    """What an element says that may be no reading: the same by webhook and by fetch, whatever either adds."""
    if not isinstance(element, Mapping):
        return _hash("element", repr(element))
    params = element.get("filter_params")
    params = params if isinstance(params, Mapping) else {}
    place = params.get("device_log_index") or params.get("measurement_index")
    metric, device = element.get("metric"), element.get("hwi_device_id")
    moment = moment_of(element.get("timestamp"))
    return _hash(
        "element",
        repr(metric.strip().casefold() if isinstance(metric, str) else metric),
        repr(device.replace("-", "").lower() if isinstance(device, str) else device),
        moment.isoformat() if moment else repr(element.get("timestamp")),
        _spelling(element.get("value_1")),
        _spelling(element.get("value_2") or 0),
        _spelling(place),
    )


def _spelling(value: Any) -> str:
    """A number in one spelling, at the precision of the vendor's fetch; anything else as it is."""
    if isinstance(value, str | int | Decimal) and not isinstance(value, bool):
        with contextlib.suppress(InvalidOperation, ValueError):
            return f"{Decimal(value).quantize(CENT, ROUND_HALF_UP) + 0:f}"
    return repr(value)


def _place_of(reading: Reading) -> tuple[str, str, str]:
    return reading.metric.casefold(), reading.serial_number, reading.log_index


def _hash(*parts: str) -> uuid.UUID:
    digest = hashlib.blake2b("\x1f".join((VERSION, *parts)).encode("utf-8", "replace"), digest_size=16)
    return uuid.UUID(bytes=digest.digest())
