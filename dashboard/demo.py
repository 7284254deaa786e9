"""Load the demo clinic: the simulated vendor account, as if it had been synced for months."""

from __future__ import annotations

import datetime
import gc
import multiprocessing
import os
import signal
import uuid
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from decimal import Decimal
from functools import lru_cache, partial

from django.db import connection, transaction
from django.db.models.functions import Now

from clinics.actions import people as actions_people
from clinics.models import Clinic, Role
from devices.from_vendor import note_spellings
from devices.models import Assignment, Device, Gateway, GatewaySample
from fulfillment.bulk_load import load_events, load_orders
from launcher import children
from measurements.bulk_load import load
from measurements.payload import Reading
from patients.models import Patient
from tenovi.sandbox import records, shipment_history, simulation

SEED = 1
SHARE = 15  # patients whose history is loaded at once; few enough to lock each device by itself
SIGNALS, SIGNAL_STEP = 34, datetime.timedelta(hours=21)  # a month of signal, asked at changing hours
PASSWORD = "vitaldays-demo"  # printed by `make run`, which listens on this machine only
PEOPLE = {
    "care@demo.test": Role.CARE_MANAGER,
    "admin@demo.test": Role.CLINIC_ADMIN,
    "billing@demo.test": Role.BILLING,
}
OPERATOR = "operator@demo.test"


def add_people(clinic: Clinic) -> None:
    """Add the demo sign-ins. Their password is public: never on a machine that others can reach."""
    for email, role in PEOPLE.items():
        user, _ = actions_people.save_user(email=email, password=PASSWORD, is_operator=False, by=None)
        actions_people.grant_role(user=user, clinic=clinic, role=role, by=None)
    actions_people.save_user(email=OPERATOR, password=PASSWORD, is_operator=True, by=None)


@transaction.atomic
def add_account(clinic: Clinic, account: simulation.Clinic) -> tuple[int, int]:
    """Add patients, devices and assignments of a simulated account. Returns how many of each are new."""
    people = [
        Patient(
            clinic=clinic,
            external_id=persona.external_id,
            name=persona.name,
            date_of_birth=_born(persona),
            address=persona.address,
            city=persona.city,
            state=persona.state,
            zip_code=persona.zip_code,
            phone_number=persona.phone_number,
            email=persona.email,
            physician=persona.physician,
            clinic_name=persona.clinic_name,
            care_manager=persona.care_manager,
            sms_opt_in=persona.sms_opt_in,
            timezone=persona.timezone,
        )
        for persona in account.patients
    ]
    present = set(Patient.objects.for_clinic(clinic).values_list("external_id", flat=True))
    new = [person for person in people if person.external_id not in present]
    Patient.objects.bulk_create(new, batch_size=1000)
    return len(new), _add_devices(clinic, account)


def _add_devices(clinic: Clinic, account: simulation.Clinic) -> int:
    patients = {record.external_id: record for record in Patient.objects.for_clinic(clinic)}
    present = set(Device.objects.for_clinic(clinic).values_list("hwi_device_id", flat=True))
    new = [record for record in account.devices if uuid.UUID(record.id) not in present]
    devices = [
        Device(
            clinic=clinic,
            hwi_device_id=uuid.UUID(record.id),
            name=record.name,
            kind=record.kind.slug,
            status=shipment_history.status_of(record),
            sensor_code=record.kind.sensor_code or "",
            sensor_id=record.sensor_id or "",
            hardware_uuid=record.hardware_uuid,
            vendor_created_at=record.created,
            vendor_patient_id=record.patient.external_id,
            synced_at=account.until,
        )
        for record in new
    ]
    Device.objects.bulk_create(devices, batch_size=1000)
    note_spellings(clinic, {device.hardware_uuid.lower() for device in devices})  # as the played vendor does
    Assignment.objects.bulk_create(
        (
            Assignment(
                clinic=clinic,
                device=device,
                patient=patients[device.vendor_patient_id],
                starts_at=record.created,
                reaches_back=True,
                claimed_at=Now(),
            )
            for device, record in zip(devices, new, strict=True)
        ),
        batch_size=1000,
    )
    return len(devices)


def add_signals(clinic: Clinic, account: simulation.Clinic) -> int:
    """Add samples of each gateway's signal, one a day for a month. Returns how many gateways are new."""
    asked = {
        gateway.gateway_id: gateway
        for gateway in Gateway.objects.for_clinic(clinic).filter(polled_at__isnull=True)
    }
    owners = [patient for patient in account.patients if patient.gateway_id in asked]
    samples = (
        GatewaySample(
            clinic=clinic,
            gateway=asked[owner.gateway_id],
            taken_at=at,
            signal_strength=info["last_signal_strength"],
            last_seen_at=_moment(info["last_checkin_time"]),
        )
        for owner in owners
        for at in (account.until - step * SIGNAL_STEP for step in reversed(range(SIGNALS)))
        if (info := records.gateway_info(owner, at))
    )
    GatewaySample.objects.bulk_create(samples, batch_size=5000)
    for owner in owners:
        info, gateway = records.gateway_info(owner, account.until), asked[owner.gateway_id]
        gateway.polled_at = account.until
        gateway.last_seen_at = _moment(info["last_checkin_time"])
        gateway.signal_strength = info["last_signal_strength"]
        gateway.firmware_version = info["firmware_version"]
        gateway.provisioned = info["provisioned"]
        gateway.assigned_at = _moment(info["assigned_on"])
    fields = [
        "polled_at",
        "last_seen_at",
        "signal_strength",
        "firmware_version",
        "provisioned",
        "assigned_at",
    ]
    Gateway.objects.for_clinic(clinic).bulk_update(
        [asked[owner.gateway_id] for owner in owners], fields, 1000
    )
    return len(owners)


def _moment(wire_time: str | None) -> datetime.datetime | None:
    return datetime.datetime.fromisoformat(wire_time) if wire_time else None


def add_shipping(clinic: Clinic, account: simulation.Clinic) -> int:
    """Add how each device came to its patient, and special orders. Returns how many events are new."""
    orders = load_orders(clinic, shipment_history.special_orders(account))
    return orders + load_events(clinic, shipment_history.news(account))


def add_history(clinic: Clinic, account: simulation.Clinic, *, workers: int = 1) -> Iterator[int]:
    """Load every reading the simulated vendor holds of the clinic's devices, some patients at a time.

    Yields how many were new, so nothing happens before the first is asked for. Several workers are
    processes with connections of their own, so what they need must be committed. The rows are the same for
    any number.
    """
    patients, days = len(account.patients), (account.until - account.since).days
    shares = [range(at, min(at + SHARE, patients)) for at in range(0, patients, SHARE)]
    add_share = partial(_add_share, clinic, account.seed, days, account.until)
    if workers == 1:
        yield from map(add_share, shares)
        return
    connection.close()  # or the processes would share it
    context, die_too = multiprocessing.get_context("fork"), children.dies_with(os.getpid(), signal.SIGTERM)
    with ProcessPoolExecutor(workers, context, die_too) as pool:
        yield from pool.map(add_share, shares)


def _add_share(clinic: Clinic, seed: int, days: int, until: datetime.datetime, numbers: range) -> int:
    account = simulation.Clinic(seed, numbers, days, until)
    ours = Device.objects.for_clinic(clinic).filter(
        hwi_device_id__in=[record.id for record in account.devices]
    )
    present = set(ours.values_list("hwi_device_id", flat=True))
    devices = [device for device in account.devices if _device_id(device.id) in present]
    rows = (row for device in devices for row in account.rows_of(device))
    gc.disable()  # among so many objects without a circle it would take a third of the time
    try:
        return load(clinic, [(_reading(row), row.created) for row in rows])
    finally:
        gc.enable()


def _reading(row: simulation.Row) -> Reading:
    """Return what `measurements.payload.read` makes of the row on the wire, without the way there and back."""
    context = row.filter_params or {}
    return Reading(
        metric=row.metric,
        hwi_device_id=_device_id(row.device.id),
        value_1=Decimal(row.value_1),
        value_2=Decimal(row.value_2),
        taken_at=row.timestamp,
        patient_id=row.device.patient.external_id,
        sensor_code=row.device.kind.sensor_code or "",
        hardware_uuid=row.device.hardware_uuid,
        serial_number=str(context.get("serial_number") or ""),
        device_log_index=str(context.get("device_log_index", "")),
        log_index=str(context.get("device_log_index", context.get("measurement_index", ""))),
        timezone_offset=Decimal(row.timezone_offset),
        estimated=row.estimated_timestamp,
        vendor_created=row.created,
        context=context,
    )


@lru_cache(maxsize=1000)
def _device_id(text: str) -> uuid.UUID:
    return uuid.UUID(text)


def _born(patient: simulation.Patient) -> datetime.date:
    """Return a date of birth for an age of 45 to 84, the same for the same patient."""
    return datetime.date(1941 + patient.seed % 40, 1 + patient.seed % 12, 1 + patient.seed % 28)
