"""Read devices, assignments and gateways."""

from __future__ import annotations

import datetime
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Self

from django.db.models import Case, CharField, F, IntegerField, OuterRef, Q, Value, When
from django.db.models.expressions import RawSQL
from django.db.models.functions import Cast

from clinics.models import Clinic
from clinics.tenancy import TenantQuerySet
from devices.hardware import SILENT_AFTER, WEAK_BELOW, Standing, normal_hardware_id

if TYPE_CHECKING:
    from devices.models import Assignment, Device, Gateway, HardwareChange  # noqa: F401
    from patients.models import Patient


ANOTHER_PATIENT_AT_THE_VENDOR = """
SELECT d.id FROM devices_device d
JOIN devices_assignment a ON a.device_id = d.id AND a.ends_at IS NULL
LEFT JOIN patients_patient p ON p.id = a.patient_id
WHERE d.vendor_patient_id <> '' AND CASE WHEN p.id IS NULL
    THEN d.unlinked_at IS NULL AND d.deleted_at IS NULL AND lower(d.status) <> 'unlinked'
    ELSE lower(d.vendor_patient_id) <> lower(p.external_id) END
"""


class DeviceQuerySet(TenantQuerySet["Device"]):
    def at_the_vendor(self) -> Self:
        """Keep devices that are not deleted at the vendor."""
        return self.filter(deleted_at__isnull=True)

    def locked_in_order(self) -> Self:
        """Lock the rows in the order that all callers use (`devices.locks`)."""
        return self.order_by("hwi_device_id").locked()

    def changed_after(self, moment: datetime.datetime) -> Self:
        """Keep devices of which something changed after `moment` that no record tells us yet."""
        unread = Q(synced_at__isnull=True) | Q(synced_at__lt=F("changed_at"))
        return self.filter(unread, changed_at__gt=moment)

    def matching(self, text: str, held: AssignmentQuerySet, once_had: Callable[[str], Q]) -> Self:
        """Keep devices with every word of `text` in their name, in an id of them or of their gateway, in a
        hardware id they `once_had`, or in the name or id of their patient by `held`. `once_had` is given a
        part of a normal hardware id."""
        found = self.alias(hwi_id=Cast("hwi_device_id", CharField()))
        for word in text.split():
            named = Q(name__icontains=word) | Q(sensor_id__icontains=word) | Q(hwi_id__icontains=word)
            if hardware_id := normal_hardware_id(word):
                named |= Q(hardware_uuid__contains=hardware_id) | once_had(hardware_id)
            theirs = held.of_patients_matching(word).values("device")
            found = found.filter(named | Q(id__in=theirs))
        return found

    def with_another_patient_at_the_vendor(self) -> Self:
        """Keep devices that the vendor has under another patient than we have.

        Also those that no patient has, by a person's decision: a person has to say which side is right.
        """
        return self.filter(id__in=RawSQL(ANOTHER_PATIENT_AT_THE_VENDOR, []))


class PeriodQuerySet(TenantQuerySet["Assignment"]):
    """Assignments, and periods that a person has decided to be without a patient."""

    def to_nobody(self) -> Self:
        return self.filter(patient__isnull=True)

    def in_force_at(self, moment: datetime.datetime | OuterRef) -> Self:
        return self.filter(starts_at__lte=moment).filter(Q(ends_at__isnull=True) | Q(ends_at__gt=moment))

    def lasting_after(self, moment: datetime.datetime) -> Self:
        """Keep periods in force at that moment, or beginning later."""
        return self.filter(Q(ends_at__isnull=True) | Q(ends_at__gt=moment))

    def during(self, start: datetime.datetime, end: datetime.datetime) -> Self:
        """Keep periods in force at some moment of the half-open span `start`..`end`."""
        return self.filter(starts_at__lt=end).filter(Q(ends_at__isnull=True) | Q(ends_at__gt=start))


class AssignmentQuerySet(PeriodQuerySet):
    """Assignments to a patient alone: most readers look for the one in force."""

    def for_clinic(self, clinic: Clinic) -> Self:
        return super().for_clinic(clinic).filter(patient__isnull=False)

    def across_clinics(self) -> Self:
        return super().across_clinics().filter(patient__isnull=False)

    def of_patient(self, patient: Patient) -> Self:
        return self.filter(patient=patient)

    def of_patients_matching(self, word: str) -> Self:
        """Keep assignments of patients with this word in their name or id."""
        return self.filter(Q(patient__name__icontains=word) | Q(patient__external_id__icontains=word))


class GatewayQuerySet(TenantQuerySet["Gateway"]):
    def with_standing(self, held: AssignmentQuerySet, now: datetime.datetime) -> Self:
        """Add `standing`, a `Standing`; a gateway is in use by one of these assignments."""
        in_use = Q(gateway_id__in=held.order_by().values("device__hardware_uuid"))
        return self.annotate(
            standing=Case(
                When(~in_use, then=Value(Standing.UNUSED)),
                When(last_seen_at__lt=now - SILENT_AFTER, then=Value(Standing.SILENT)),
                When(last_seen_at__isnull=True, then=Value(Standing.NEVER_HEARD)),
                When(signal_strength__lt=WEAK_BELOW, then=Value(Standing.WEAK)),
                default=Value(Standing.HEARD),
                output_field=IntegerField(),
            )
        )

    def spelling_of(self, hardware_id: str, typed: str = "") -> str:
        """Return this normal id as it is sent: in the vendor's spelling, else as `typed` from the label,
        else as it is.

        The vendor may mind the case. An IMEI has one spelling only.
        """
        return self.spellings([hardware_id]).get(hardware_id) or typed or hardware_id

    def spellings(self, hardware_ids: Iterable[str]) -> dict[str, str]:
        """Return the vendor's spelling of those of these normal ids for which it is known."""
        written = self.filter(gateway_id__in=list(hardware_ids)).exclude(spelling="")
        return dict(written.values_list("gateway_id", "spelling"))

    def worst_first(self) -> Self:
        """Order by `standing`: the longest silent first, then by signal, the weakest first."""
        silence = Case(When(standing=Standing.SILENT, then="last_seen_at"))
        return self.order_by("standing", silence, F("signal_strength").asc(nulls_last=True), "gateway_id")

    def matching(self, text: str, held: AssignmentQuerySet) -> Self:
        """Every word of `text` is in the Gateway ID, or in the name or id of a patient who has a device
        behind it by one of the assignments `held`."""
        found = self
        for word in text.split():
            theirs = held.of_patients_matching(word).values("device__hardware_uuid")
            named = Q(gateway_id__in=theirs)
            if hardware_id := normal_hardware_id(word):
                named |= Q(gateway_id__contains=hardware_id)
            found = found.filter(named)
        return found


class HardwareChangeQuerySet(TenantQuerySet["HardwareChange"]):
    def naming(self, part: str) -> Self:
        """Keep entries of which an id, before or after, contains this part of a normal hardware id.

        Reads the clinic's own entries: 8 ms for 40,000 of them, so that no index for parts of ids pays.
        """
        return self.filter(Q(old_hardware_uuid__contains=part) | Q(new_hardware_uuid__contains=part))

    def of_hardware(self, hardware_id: str) -> Self:
        """Keep entries in which a device got or lost this normal hardware id."""
        return self.filter(Q(old_hardware_uuid=hardware_id) | Q(new_hardware_uuid=hardware_id))

    def of_devices_once_with(self, hardware_id: str) -> Self:
        """Return all entries, oldest first, of each device that ever got or lost this hardware id."""
        theirs = self.of_hardware(hardware_id).order_by()
        entries = self.filter(hwi_device_id__in=theirs.values("hwi_device_id"))
        return entries.order_by("hwi_device_id", F("changed_at").asc(nulls_first=True), "id")
