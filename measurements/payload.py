"""One element of a measurement payload, read strictly where it matters and leniently elsewhere.

What decides identity or meaning (metric, device, values, time taken, patient) must be right, or
the element waits in quarantine. Everything else is advisory: bad content is dropped or cut, the
raw bytes stay in the delivery.
"""

from __future__ import annotations

import datetime
import re
import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from decimal import ROUND_HALF_UP, Decimal
from typing import Any

from tenovi import catalogue
from tenovi.inbound.element import (
    EARLIEST,
    FURTHEST_AHEAD,
    Untrusted,
    device_id_of,
    members_of,
    moment_of,
    patient_id_of,
    plausible_moment_of,
)
from tenovi.strict_json import JsonObject, storable_json, storable_text

NUMBER = re.compile(r"-?[0-9]+(\.[0-9]+)?")
CENT = Decimal("0.01")
LARGEST = Decimal("9999999999")  # what the value columns hold
OFFSETS = {Decimal(quarter) / 4 for quarter in range(-12 * 4, 14 * 4 + 1)}  # hours, in quarters
LONGEST_METRIC = 100  # what the column holds: a name that was cut would be another metric
CONTROL = "controlsolution"
SAYS_YES = {"true", "yes", "1", CONTROL}
SAYS_NO = {"false", "no", "0"}
OTHER_DOORS = {"status", "tracking_link", "request_id", "order_number", "contents"}


@dataclass(frozen=True, slots=True)
class Reading:
    """What an element says. Times are aware UTC, values rounded to two decimals, `timezone_offset`
    in hours (None when absent or absurd), `patient_id` "" when the payload names nobody."""

    metric: str
    hwi_device_id: uuid.UUID
    value_1: Decimal
    value_2: Decimal | None
    taken_at: datetime.datetime
    patient_id: str
    sensor_code: str
    hardware_uuid: str
    serial_number: str
    log_index: str
    timezone_offset: Decimal | None
    estimated: bool
    vendor_created: datetime.datetime | None
    context: dict[str, Any]
    device_log_index: str = ""

    @property
    def is_control_solution(self) -> bool:
        """A meter check with control solution: never the patient's own value."""
        for name, value in self.context.items():
            said = _letters(value)
            if _letters(name) == "measurementlocation" and said == CONTROL:
                return True
            if _letters(name) == CONTROL and said in SAYS_YES:
                return True
        return False


def is_invalid(metric: catalogue.Metric, context: Mapping[str, Any]) -> bool:
    """Whether the sensor itself says that what it measured is not valid, by the flags that the catalogue
    names for this metric: an inhaler's breath that is none, or an error of its flow sensor."""
    flags = context.get("flags")
    if not isinstance(flags, Mapping):
        return False
    return any(
        _letters(flags.get(name)) in (SAYS_YES if bad else SAYS_NO) for name, bad in metric.invalid_when
    )


def read(element: Any, *, received_at: datetime.datetime) -> Reading:
    """The reading an element states. Raises `Untrusted` with the first reason not to trust it."""
    element = members_of(element)
    metric = storable_text(element.get("metric"), LONGEST_METRIC)
    if not isinstance(element.get("metric"), str) or not metric:
        raise Untrusted("wrong_door" if OTHER_DOORS & element.keys() else "metric_missing")
    if len(element["metric"].strip()) > LONGEST_METRIC:
        raise Untrusted("metric_too_long")
    device = device_id_of(element.get("hwi_device_id"))
    try:
        return _read_fields(element, metric, device, received_at)
    except Untrusted as doubt:
        raise Untrusted(doubt.reason, device) from None


def _read_fields(
    element: JsonObject, metric: str, device: uuid.UUID, received_at: datetime.datetime
) -> Reading:
    value_1 = _value(element.get("value_1"))
    if value_1 is None:
        raise Untrusted("value_missing")
    params = element.get("filter_params")
    params = params if isinstance(params, Mapping) else {}
    return Reading(
        metric=metric,
        hwi_device_id=device,
        value_1=value_1,
        value_2=_value(element.get("value_2")),
        taken_at=_taken_at(element.get("timestamp"), received_at),
        patient_id=patient_id_of(element.get("patient_id")),
        sensor_code=storable_text(element.get("sensor_code"), 20),
        hardware_uuid=storable_text(element.get("hardware_uuid"), 64).replace("-", "").upper(),
        serial_number=_label(params.get("serial_number")).upper(),
        device_log_index=_label(params.get("device_log_index")),
        log_index=_label(params.get("device_log_index")) or _label(params.get("measurement_index")),
        timezone_offset=_offset(element.get("timezone_offset")),
        estimated=element.get("estimated_timestamp") is True,
        vendor_created=plausible_moment_of(element.get("created"), received_at),
        context=storable_json(params),
    )


def _letters(value: Any) -> str:
    """Letters and digits only, lower case: `Control-Solution` and `control_solution` are one word."""
    return "".join(sign for sign in str(value).casefold() if sign.isalnum())


def _value(value: Any) -> Decimal | None:
    """A JSON number or plain numeric text, at two decimals; None for null, absent and ""."""
    if value is None or value == "":
        return None
    if isinstance(value, str):
        text = value.strip()
        if not NUMBER.fullmatch(text):
            raise Untrusted("value_unusable")
        number = Decimal(text)
    elif isinstance(value, int | Decimal) and not isinstance(value, bool):
        number = Decimal(value)
    else:
        raise Untrusted("value_unusable")
    if not number.is_finite():
        raise Untrusted("value_unusable")
    if number.copy_abs() > LARGEST:  # abs() would overflow for 1e1000000
        raise Untrusted("value_too_large")
    return number.quantize(CENT, ROUND_HALF_UP) + 0  # + 0 turns -0.00 into 0.00


def _taken_at(value: Any, received_at: datetime.datetime) -> datetime.datetime:
    if value is None or value == "":
        raise Untrusted("time_missing")
    moment = moment_of(value)
    if moment is None:
        raise Untrusted("time_unusable")
    if moment < EARLIEST:
        raise Untrusted("time_before_2015")
    if moment > received_at + FURTHEST_AHEAD:
        raise Untrusted("time_in_future")
    return moment


def _label(value: Any) -> str:
    """An index or serial number as text; 412, 412.0 and "412" are the same."""
    if isinstance(value, Decimal) and value.is_finite() and value.adjusted() < 40 and value == int(value):
        value = int(value)
    return storable_text(value, 60)


def _offset(value: Any) -> Decimal | None:
    """Hours from UTC in quarters, −12 to +14. The vendor's schema example, −2147483648, is none."""
    if isinstance(value, bool) or not isinstance(value, int | Decimal):
        return None
    return Decimal(value).quantize(CENT) if value in OFFSETS else None
