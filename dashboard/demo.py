"""The demo clinic: the simulated vendor account, as if it had been synced and heard for months."""

from __future__ import annotations

import datetime
import uuid
from collections.abc import Iterator

from django.db import transaction
from django.db.models.functions import Now

from clinics import actions
from clinics.models import Clinic, Role
from devices.models import Assignment, Device
from fulfillment.bulk import load_events, load_orders
from measurements.bulk import Arrival, load
from patients.models import Patient
from tenovi.sandbox import shipping, simulation

SEED = 1
PASSWORD = "vitaldays-demo"  # printed by `make run`, which listens on this machine only
PEOPLE = {
    "care@demo.test": Role.CARE_MANAGER,
    "admin@demo.test": Role.CLINIC_ADMIN,
    "billing@demo.test": Role.BILLING,
}
OPERATOR = "operator@demo.test"


def add_people(clinic: Clinic) -> None:
    """The demo sign-ins. Their password is public: never on a machine that others can reach."""
    for email, role in PEOPLE.items():
        user, _ = actions.save_user(email=email, password=PASSWORD, is_operator=False, by=None)
        actions.grant_role(user=user, clinic=clinic, role=role, by=None)
    actions.save_user(email=OPERATOR, password=PASSWORD, is_operator=True, by=None)


@transaction.atomic
def add_account(clinic: Clinic, account: simulation.Clinic) -> tuple[int, int]:
    """Patients, devices and assignments of a simulated account; how many patients and devices are new."""
    people = [
        Patient(
            clinic=clinic,
            external_id=one.external_id,
            name=one.name,
            date_of_birth=_born(one),
            address=one.address,
            city=one.city,
            state=one.state,
            zip_code=one.zip_code,
            phone_number=one.phone_number,
            email=one.email,
            physician=one.physician,
            clinic_name=one.clinic_name,
            care_manager=one.care_manager,
            sms_opt_in=one.sms_opt_in,
            timezone=one.timezone,
        )
        for one in account.patients
    ]
    known = set(Patient.objects.for_clinic(clinic).values_list("external_id", flat=True))
    new = [person for person in people if person.external_id not in known]
    Patient.objects.bulk_create(new, batch_size=1000)
    return len(new), _add_devices(clinic, account)


def _add_devices(clinic: Clinic, account: simulation.Clinic) -> int:
    patients = {one.external_id: one for one in Patient.objects.for_clinic(clinic)}
    known = set(Device.objects.for_clinic(clinic).values_list("hwi_device_id", flat=True))
    new = [one for one in account.devices if uuid.UUID(one.id) not in known]
    devices = [
        Device(
            clinic=clinic,
            hwi_device_id=uuid.UUID(one.id),
            name=one.name,
            kind=one.kind.slug,
            status=shipping.status_of(one),
            sensor_code=one.kind.sensor_code or "",
            sensor_id=one.sensor_id or "",
            hardware_uuid=one.hardware_uuid,
            vendor_created_at=one.created,
            vendor_patient_id=one.patient.external_id,
        )
        for one in new
    ]
    Device.objects.bulk_create(devices, batch_size=1000)
    Assignment.objects.bulk_create(
        (
            Assignment(
                clinic=clinic,
                device=device,
                patient=patients[device.vendor_patient_id],
                starts_at=one.created,
                reaches_back=True,
                claimed_at=Now(),
            )
            for device, one in zip(devices, new, strict=True)
        ),
        batch_size=1000,
    )
    return len(devices)


def add_shipping(clinic: Clinic, account: simulation.Clinic) -> int:
    """How each device came to its patient, and special orders; how many events are new."""
    orders = load_orders(clinic, shipping.special_orders(account))
    return orders + load_events(clinic, shipping.news(account))


def add_history(clinic: Clinic, account: simulation.Clinic) -> int:
    """Every reading the simulated vendor holds; how many are new."""

    def arrivals() -> Iterator[Arrival]:
        for row in account.rows():
            yield row.wire(), row.created

    return load(clinic, arrivals())


def _born(patient: simulation.Patient) -> datetime.date:
    """A date of birth that fits somebody of 45 to 84, the same for the same patient."""
    return datetime.date(1941 + patient.seed % 40, 1 + patient.seed % 12, 1 + patient.seed % 28)
