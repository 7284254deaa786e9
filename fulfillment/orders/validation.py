"""What may be ordered: everything is found out before a byte is sent, and said in words beside its field.

Facts: https://tenovi.com/api-docs/ (activating devices: names, sensor codes, use cases, one device per
sensor code and gateway) and https://tenovi.com/hwi-device-overview/ (the passkey of a Trividia meter).
"""

from __future__ import annotations

import datetime
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, replace

from django.core.exceptions import ValidationError
from django.core.validators import validate_email
from django.utils import timezone

from clinics.models import Clinic
from devices.hardware import bare_hardware_id, is_gateway_id, is_imei, normal_hardware_id
from devices.models import UNLINKED, Assignment, Device, DeviceType
from devices.queries import gateways_of
from devices.querysets import DeviceQuerySet
from fulfillment.models import Order, ShipBy
from fulfillment.querysets import OrderQuerySet
from patients.models import Patient

PASSKEY_LENGTH = 6
RECENTLY = datetime.timedelta(days=30)
ADDRESS = {
    "name": "name",
    "address": "street",
    "city": "city",
    "state": "state",
    "zip_code": "ZIP code",
}
"""What a parcel needs of the patient's record, in words."""


@dataclass(frozen=True, slots=True)
class Wanted:
    """One device to order. `device_name` is one of the account's; `hardware_uuid` the Gateway ID or IMEI
    in any spelling. Without one, a shipped device joins the patient's gateway at home where it can,
    unless `new_gateway`. `notify_emails` are separated by commas."""

    device_name: str
    ship_by: str
    hardware_uuid: str = ""
    new_gateway: bool = False
    gateway_only: bool = False
    sensor_id: str = ""
    bluetooth_passkey: str = ""
    require_signature: bool = False
    notify_emails: str = ""
    shipping_notes: str = ""


@dataclass(frozen=True, slots=True)
class Problem:
    """Why a line of an order cannot be placed: `field` of `Wanted`, or "patient", and a sentence."""

    line: int
    field: str
    text: str


class CannotOrder(Exception):
    """Nothing was ordered; `problems` says why."""

    def __init__(self, problems: Sequence[Problem]) -> None:
        super().__init__("This cannot be ordered.")
        self.problems = tuple(problems)

    def of_line(self, line: int) -> dict[str, list[str]]:
        """The problems of one line, by field."""
        found: defaultdict[str, list[str]] = defaultdict(list)
        for problem in self.problems:
            if problem.line == line:
                found[problem.field].append(problem.text)
        return dict(found)


@dataclass(frozen=True, slots=True)
class Line:
    """A line that may be ordered: `wanted` with ids in our spelling, its device type, and the hardware id as
    it was given."""

    number: int
    wanted: Wanted
    type: DeviceType
    hardware_typed: str = ""


def checked(clinic: Clinic, patient: Patient | None, wanted: Sequence[Wanted]) -> list[Line]:
    """The lines as they may be ordered, for stock without a patient. Raises `CannotOrder` with everything that
    is wrong."""
    types = {each.name: each for each in DeviceType.objects.for_clinic(clinic).filter(is_offered=True)}
    problems: list[Problem] = []
    lines: list[Line] = []
    for number, one in enumerate(wanted):
        device_type = types.get(one.device_name)
        if device_type is None:
            text = "Choose one of the devices that Tenovi offers to this account."
            problems.append(Problem(number, "device_name", text))
            continue
        line = Line(
            number,
            _normal(clinic, patient, one, device_type),
            device_type,
            bare_hardware_id(one.hardware_uuid)[:40],
        )
        found = [*_of_kind(line), *_of_way(line, patient), *_of_hardware(clinic, line), *_of_sending(line)]
        problems += [Problem(number, field, text) for field, text in found]
        lines.append(line)
    if not wanted:
        problems.append(Problem(0, "device_name", "Choose a device."))
    problems += _of_each_other(lines)
    if problems:
        raise CannotOrder(problems)
    return lines


def warnings(clinic: Clinic, patient: Patient | None, lines: Sequence[Line]) -> list[str]:
    """What somebody should know before placing this: none of it forbids anything."""
    said = _about_patient(clinic, patient, lines) if patient else []
    whose = "Another patient’s" if patient else "A patient’s"
    for line in lines:
        if not line.type.in_stock and line.wanted.ship_by == ShipBy.TENOVI:
            said.append(f"Tenovi has no {line.type.name} in stock at the moment.")
        if _is_of_somebody_else(clinic, patient, line.wanted.hardware_uuid):
            said.append(f"{whose} device sends through {line.wanted.hardware_uuid}.")
    return said


def _about_patient(clinic: Clinic, patient: Patient, lines: Sequence[Line]) -> list[str]:
    said = []
    names = {line.type.name for line in lines}
    shipped = any(line.wanted.ship_by != ShipBy.ON_SITE for line in lines)
    recent = Order.objects.for_clinic(clinic).of_patient(patient).exclude(state__in=["refused", "cancelled"])
    recent = recent.filter(device_name__in=names, created_at__gt=timezone.now() - RECENTLY)
    for name in sorted(set(recent.values_list("device_name", flat=True))):
        said.append(f"{name} was ordered for this patient within the last {RECENTLY.days} days.")
    if shipped and patient.address_status != "Verified" and not patient.confirm_address:
        said.append("Tenovi has not verified the address: the order may wait until somebody confirms it.")
    if patient.gets_texts_without_consent:
        said.append(
            "Tenovi sends this patient text messages, and no consent is recorded here. The order leaves "
            "that as it is: record the consent, or switch them off, in the patient’s record."
        )
    elif patient.consented_on is None:
        said.append("No consent of this patient is on record.")
    return said


def in_the_way(clinic: Clinic, hardware_id: str, sensor_code: str, sensor_id: str = "") -> DeviceQuerySet:
    """Devices that keep another one of this sensor code from this gateway, or from this IMEI. Those
    that are told apart by a sensor id are in nobody's way."""
    devices = Device.objects.for_clinic(clinic).filter(hardware_uuid=hardware_id, sensor_code=sensor_code)
    devices = devices.exclude(status=UNLINKED)
    return devices.filter(sensor_id__in=["", sensor_id]) if sensor_id else devices


def _normal(clinic: Clinic, patient: Patient | None, wanted: Wanted, device_type: DeviceType) -> Wanted:
    hardware_id = normal_hardware_id(wanted.hardware_uuid)
    joins = not (hardware_id or wanted.new_gateway or wanted.gateway_only or device_type.is_cellular)
    if joins and patient and wanted.ship_by != ShipBy.ON_SITE:
        free = (
            each
            for each in gateways_of(clinic, patient)
            if not in_the_way(clinic, each, device_type.sensor_code, wanted.sensor_id).exists()
            and not _ordered_for(clinic, each, device_type.sensor_code, wanted.sensor_id).exists()
        )
        hardware_id = next(free, "")
    emails = (email.strip() for email in wanted.notify_emails.split(","))
    return replace(
        wanted,
        hardware_uuid=hardware_id,
        sensor_id=wanted.sensor_id.strip(),
        bluetooth_passkey=wanted.bluetooth_passkey.strip(),
        notify_emails=",".join(email for email in emails if email),
        shipping_notes=wanted.shipping_notes.strip(),
    )


Found = list[tuple[str, str]]


def _of_kind(line: Line) -> Found:
    """What this kind of device needs or does not take."""
    wanted, found = line.wanted, []
    if line.type.sensor_id_required and not wanted.sensor_id:
        found.append(("sensor_id", "Enter the serial number printed on the sensor."))
    if wanted.sensor_id and not line.type.takes_sensor_id:
        found.append(("sensor_id", "This device has no sensor id: leave it empty."))
    if len(wanted.sensor_id) > 60:
        found.append(("sensor_id", "This is too long for a serial number."))
    passkey = wanted.bluetooth_passkey
    if passkey and not line.type.takes_passkey:
        found.append(("bluetooth_passkey", "This device needs no passkey: leave it empty."))
    elif passkey and not (len(passkey) == PASSKEY_LENGTH and passkey.isascii() and passkey.isdigit()):
        found.append(("bluetooth_passkey", "The passkey is the last 6 digits of the serial number."))
    return found


def _of_way(line: Line, patient: Patient | None) -> Found:
    """What the way to the patient needs."""
    wanted, found = line.wanted, []
    if wanted.ship_by not in ShipBy.values:
        return [("ship_by", "Say who ships it: tenovi, clinic or on_site.")]
    if patient is None and wanted.ship_by != ShipBy.ON_SITE:
        return [
            ("patient", "Only a device that is here, on_site, can be for no patient: a parcel goes to one.")
        ]
    if wanted.gateway_only and wanted.ship_by != ShipBy.TENOVI:
        found.append(("gateway_only", "Only Tenovi sends a gateway alone."))
    elif wanted.gateway_only and line.type.is_cellular:
        found.append(("gateway_only", "This device works without a gateway."))
    elif wanted.gateway_only and wanted.hardware_uuid:
        found.append(("gateway_only", "A gateway is ordered, so leave the Gateway ID empty."))
    if wanted.ship_by == ShipBy.ON_SITE:
        for field in ("require_signature", "notify_emails", "shipping_notes"):
            if getattr(wanted, field):
                found.append((field, "Nothing is shipped, so leave this out."))
    elif missing := [words for name, words in ADDRESS.items() if not getattr(patient, name).strip()]:
        found.append(("patient", f"The patient’s record lacks what a parcel needs: {', '.join(missing)}."))
    return found


def _of_hardware(clinic: Clinic, line: Line) -> Found:
    wanted = line.wanted
    hardware_id, cellular = wanted.hardware_uuid, line.type.is_cellular
    if not hardware_id:
        if wanted.ship_by != ShipBy.ON_SITE:
            return []
        word = "the IMEI printed on the device" if cellular else "the Gateway ID printed on the gateway"
        return [("hardware_uuid", f"Enter {word}.")]
    if cellular and wanted.ship_by != ShipBy.ON_SITE:
        return [("hardware_uuid", "This device works without a gateway: leave it empty.")]
    if cellular and not is_imei(hardware_id):
        return [("hardware_uuid", "This is no IMEI: it has 15 digits, and the last one checks the others.")]
    if not cellular and not is_gateway_id(hardware_id):
        return [("hardware_uuid", "This is no Gateway ID: it has 12 characters, 0 to 9 and A to F.")]
    return _taken(clinic, line)


def _taken(clinic: Clinic, line: Line) -> Found:
    hardware_id, code, sensor_id = line.wanted.hardware_uuid, line.type.sensor_code, line.wanted.sensor_id
    other = in_the_way(clinic, hardware_id, code, sensor_id).first()
    if other is None and not _ordered_for(clinic, hardware_id, code, sensor_id).exists():
        return []
    if line.type.is_cellular:
        return [("hardware_uuid", "The device with this IMEI is in use. Unlink it first.")]
    name = other.name if other else line.type.name
    text = f"Gateway {hardware_id} has a device of this kind already ({name}); it can have only one."
    return [("hardware_uuid", f"{text} Unlink or replace that one first.")]


def _ordered_for(clinic: Clinic, hardware_id: str, sensor_code: str, sensor_id: str) -> OrderQuerySet:
    """Open orders that hold this place on a gateway, or this IMEI."""
    ordered = Order.objects.for_clinic(clinic).with_hardware(hardware_id).filter(sensor_code=sensor_code)
    return ordered.filter(sensor_id__in=["", sensor_id]) if sensor_id else ordered


def _of_sending(line: Line) -> Found:
    """What the members that are sent as they are may hold."""
    wanted, found = line.wanted, []
    for email in wanted.notify_emails.split(",") if wanted.notify_emails else []:
        try:
            validate_email(email)
        except ValidationError:
            found.append(("notify_emails", "Enter e-mail addresses, separated by commas."))
            break
    for field in ("notify_emails", "shipping_notes"):
        if len(getattr(wanted, field)) > 500:
            found.append((field, "Keep this below 500 characters."))
    return found


def _of_each_other(lines: Sequence[Line]) -> list[Problem]:
    """Two lines of one order that stand in each other's way."""
    problems: list[Problem] = []
    names, slots = set(), set()
    for line in lines:
        slot = (line.wanted.hardware_uuid, line.type.sensor_code, line.wanted.sensor_id)
        if line.type.name in names:
            problems.append(Problem(line.number, "device_name", f"{line.type.name} is in this order twice."))
        elif line.wanted.hardware_uuid and slot in slots:
            text = "Another device of this kind in the same order goes to this gateway."
            problems.append(Problem(line.number, "hardware_uuid", text))
        names.add(line.type.name)
        slots.add(slot)
    return problems


def _is_of_somebody_else(clinic: Clinic, patient: Patient | None, hardware_id: str) -> bool:
    held = Assignment.objects.for_clinic(clinic).filter(ends_at=None, device__hardware_uuid=hardware_id)
    others = held.exclude(patient=patient) if patient else held
    return bool(hardware_id) and others.exclude(device__status=UNLINKED).exists()
