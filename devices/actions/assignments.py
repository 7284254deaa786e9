"""Write who has a device, as a person decides it, and have the vendor notified.

Readings follow in `measurements.actions.reassignment`, which is what pages call.
"""

from __future__ import annotations

import datetime
import uuid
from dataclasses import dataclass

from django.db.models import Q
from django.utils import timezone

from clinics.models import Clinic, User
from devices.models import Assignment, Device
from patients.models import Patient
from tenovi.models import Priority, RequestKind
from tenovi.outbound.enqueue import enqueue


@dataclass(frozen=True, slots=True)
class Change:
    """The effect of a new assignment on those there are: the one in force then ends (`ended`); those that
    began later were a mistake and go (`removed`)."""

    ended: Assignment | None
    removed: tuple[Assignment, ...]

    @property
    def patients(self) -> set[uuid.UUID]:
        """Return the ids of the patients who lose the device, at least for a time."""
        return {
            assignment.patient_id
            for assignment in (self.ended, *self.removed)
            if assignment and assignment.patient_id
        }


def change_from(device: Device, since: datetime.datetime) -> Change:
    """Return what an assignment from `since` on would change, newest first."""
    later = Assignment.periods.for_clinic(device.clinic).filter(device=device).lasting_after(since)
    rows = list(later.select_related("patient").order_by("-starts_at"))
    ended = next((row for row in rows if row.starts_at < since), None)
    return Change(ended, tuple(row for row in rows if row.starts_at >= since))


def apply(
    device: Device, change: Change, patient: Patient | None, since: datetime.datetime, by: User
) -> None:
    """Write the change and give the device to `patient` from then on; None says that no patient has it.

    Must be called with the device's lock held. Does not attach readings: callers do. "No patient" is a row
    too: without it the next list of the vendor would give the device back.
    """
    Assignment.periods.for_clinic(device.clinic).filter(
        id__in=[assignment.id for assignment in change.removed]
    ).delete()
    if change.ended:
        goes_on = change.ended.patient_id == (patient.id if patient else None)
        change.ended.ends_at = None if goes_on else since
        change.ended.save(update_fields=["ends_at"])
        if goes_on:
            return
    Assignment.periods.create(
        clinic=device.clinic,
        device=device,
        patient=patient,
        starts_at=since,
        claimed_at=timezone.now(),
        decided_by=by,
        misnamed_as=_misnamed(device, patient) if patient else "",
        agreed_at=timezone.now() if patient and _is_agreed(device, patient) else None,
    )


def overrule(device: Device, assignment: Assignment, patient: Patient) -> None:
    """Confirm the assignment to `patient`: readings that name the vendor's patient are theirs."""
    assignment.misnamed_as, assignment.misnamed_until = _misnamed(device, patient), None
    assignment.save(update_fields=["misnamed_as", "misnamed_until"])


def tell_vendor(device: Device) -> None:
    """Have the present assignment sent to the vendor.

    Nothing is sent for a device that no patient has, or that the vendor has forgotten.
    """
    if device.deleted_at:
        return
    target = str(device.hwi_device_id)
    enqueue(device.clinic, RequestKind.DEVICE_UPDATE, target, priority=Priority.PERSON, insist=True)


def note_told(*, clinic: Clinic, hwi_device_id: str) -> None:
    """Note that the vendor knows the assignment: readings taken from now on name the right patient."""
    Assignment.objects.for_clinic(clinic).filter(
        device__hwi_device_id=hwi_device_id, ends_at=None, misnamed_until=None
    ).exclude(misnamed_as="").update(misnamed_until=timezone.now())


def note_agreed(device: Device) -> None:
    """Note that the vendor's record names our patient, and have waiting readings settled again.

    Must be called with the device locked. These are readings that waited until both sides knew.
    """
    open_assignments = Assignment.objects.for_clinic(device.clinic).filter(
        device=device, ends_at=None, agreed_at=None
    )
    if device.vendor_patient_id:
        agreed = open_assignments.filter(patient__external_id__iexact=device.vendor_patient_id)
        agreed.update(agreed_at=timezone.now(), resettle_due=~Q(reaches_back=True))


def _is_agreed(device: Device, patient: Patient) -> bool:
    return device.vendor_patient_id.casefold() == patient.external_id.casefold()


def _misnamed(device: Device, patient: Patient) -> str:
    named = device.vendor_patient_id
    return "" if named.casefold() == patient.external_id.casefold() else named
