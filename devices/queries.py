"""Reading devices, assignments and gateways."""

from __future__ import annotations

import datetime
import itertools
import uuid
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Self

from django.db import connection
from django.db.models import Case, CharField, F, IntegerField, OuterRef, Q, Value, When
from django.db.models.expressions import RawSQL
from django.db.models.functions import Cast

from clinics.models import Clinic
from clinics.tenancy import TenantQuerySet
from devices.hardware import RECOVERED_FROM, SILENT_AFTER, WEAK_BELOW, Standing, normal_hardware_id

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
        """Not deleted there."""
        return self.filter(deleted_at__isnull=True)

    def locked_in_order(self) -> Self:
        """Lock the rows in the one order of everybody who locks several (`devices.locks`)."""
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
        """Assigned here to somebody else than there, or to nobody by a person's decision: a person has to
        say who is right."""
        return self.filter(id__in=RawSQL(ANOTHER_PATIENT_AT_THE_VENDOR, []))


class PeriodQuerySet(TenantQuerySet["Assignment"]):
    """Who had a device when, with the periods in which nobody did because a person said so."""

    def to_nobody(self) -> Self:
        return self.filter(patient__isnull=True)

    def in_force_at(self, moment: datetime.datetime | OuterRef) -> Self:
        return self.filter(starts_at__lte=moment).filter(Q(ends_at__isnull=True) | Q(ends_at__gt=moment))

    def lasting_after(self, moment: datetime.datetime) -> Self:
        """In force at that moment, or beginning later."""
        return self.filter(Q(ends_at__isnull=True) | Q(ends_at__gt=moment))

    def during(self, start: datetime.datetime, end: datetime.datetime) -> Self:
        """In force at some moment of the half-open span `start`..`end`."""
        return self.filter(starts_at__lt=end).filter(Q(ends_at__isnull=True) | Q(ends_at__gt=start))


class AssignmentQuerySet(PeriodQuerySet):
    """Without the periods of nobody: whoever looks for the assignment in force finds none in these."""

    def for_clinic(self, clinic: Clinic) -> Self:
        return super().for_clinic(clinic).filter(patient__isnull=False)

    def across_clinics(self) -> Self:
        return super().across_clinics().filter(patient__isnull=False)

    def of_patient(self, patient: Patient) -> Self:
        return self.filter(patient=patient)

    def of_patients_matching(self, word: str) -> Self:
        """Of patients with this word in their name or id."""
        return self.filter(Q(patient__name__icontains=word) | Q(patient__external_id__icontains=word))


class GatewayQuerySet(TenantQuerySet["Gateway"]):
    def with_standing(self, held: AssignmentQuerySet, now: datetime.datetime) -> Self:
        """`standing`, a `Standing`; `held` are the assignments by which a gateway is in use."""
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
        """How this normal id is sent: as the vendor writes it, which may mind the case; else as a person
        `typed` it from the label, else as it is. An IMEI has one spelling only."""
        return self.spellings([hardware_id]).get(hardware_id) or typed or hardware_id

    def spellings(self, hardware_ids: Iterable[str]) -> dict[str, str]:
        """Those of these normal ids that the vendor has written, as it does."""
        written = self.filter(gateway_id__in=list(hardware_ids)).exclude(spelling="")
        return dict(written.values_list("gateway_id", "spelling"))

    def worst_first(self) -> Self:
        """By `standing`: the longest silent first, then by signal, the weakest first."""
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
        """All entries, oldest first, of each device that ever got or lost this normal hardware id."""
        theirs = self.of_hardware(hardware_id).order_by()
        found = self.filter(hwi_device_id__in=theirs.values("hwi_device_id"))
        return found.order_by("hwi_device_id", F("changed_at").asc(nulls_first=True), "id")


@dataclass(frozen=True, slots=True)
class Holding:
    """One assignment as the way in needs it. Without a patient a person has said that nobody had the device."""

    patient_id: uuid.UUID | None
    external_id: str
    timezone: str
    starts_at: datetime.datetime
    ends_at: datetime.datetime | None
    reaches_back: bool
    misnamed_as: str
    misnamed_until: datetime.datetime | None
    agreed_at: datetime.datetime | None

    def goes_by(self, named_patient: str, moment: datetime.datetime) -> bool:
        """Whether what was measured at that moment and names this patient is the holder's."""
        named = named_patient.casefold()
        late = self.misnamed_until is not None and moment >= self.misnamed_until
        return named == self.external_id.casefold() or (not late and named == self.misnamed_as.casefold())

    def follows(self, moment: datetime.datetime, named_patient: str) -> bool:
        """Whether this patient got the device after that moment, by our record and the vendor's."""
        is_agreed = self.patient_id is not None and self.agreed_at is not None
        return (
            is_agreed and moment < self.starts_at and self.external_id.casefold() == named_patient.casefold()
        )

    def covers(self, moment: datetime.datetime) -> bool:
        return self.starts_at <= moment and (self.ends_at is None or moment < self.ends_at)


@dataclass(frozen=True, slots=True)
class KnownDevice:
    """A registered device with everybody who ever had it, and the time zone of its clinic, all as of now."""

    id: uuid.UUID
    kind: str
    sensor_code: str
    clinic_timezone: str
    holdings: tuple[Holding, ...]

    def holding_at(self, moment: datetime.datetime, named_patient: str) -> Holding | None:
        """Whose reading this is: the assignment in force, or the imported first one reaching back
        for a reading that names its patient. None for nobody's."""
        for holding in self.holdings:
            if holding.covers(moment):
                return holding if holding.patient_id else None
        for holding in self.holdings:
            if (
                holding.reaches_back
                and moment < holding.starts_at
                and named_patient
                and named_patient.casefold() == holding.external_id.casefold()
            ):
                return holding
        return None

    def is_later_holder(
        self,
        named_patient: str,
        taken_at: datetime.datetime,
        named_from: datetime.datetime,
        named_until: datetime.datetime,
    ) -> bool:
        """Whether a handover explains that something taken at `taken_at` names this patient.

        The vendor names its present patient for everything a device uploads, and wrote the name at some
        moment from `named_from` to `named_until`. So the patient must have got the device after
        `taken_at`, by both sides, and must have been the one at the vendor at such a moment. Both ends of
        the span count.
        """
        for holding, following in itertools.zip_longest(self.holdings, self.holdings[1:]):
            if holding.follows(taken_at, named_patient) and holding.starts_at <= named_until:
                ends_at = holding.ends_at
                if ends_at and following and following.misnamed_as.casefold() == named_patient.casefold():
                    ends_at = following.misnamed_until  # the vendor learned of the next handover only then
                if ends_at is None or named_from < ends_at:
                    return True
        return False


KNOWN_DEVICES = """
SELECT d.hwi_device_id, d.id, d.kind, d.sensor_code, c.timezone,
       a.patient_id, coalesce(p.external_id, ''), coalesce(p.timezone, ''), a.starts_at, a.ends_at, a.reaches_back,
       a.misnamed_as, a.misnamed_until, a.agreed_at
FROM devices_device d
JOIN clinics_clinic c ON c.id = d.clinic_id
LEFT JOIN devices_assignment a ON a.device_id = d.id
LEFT JOIN patients_patient p ON p.id = a.patient_id
WHERE d.clinic_id = %s AND d.hwi_device_id = ANY(%s::uuid[])
ORDER BY d.id, a.starts_at
"""


def known_devices(clinic: Clinic, hwi_device_ids: Iterable[uuid.UUID]) -> dict[uuid.UUID, KnownDevice]:
    """The registered ones among these devices, in one query of constant text (it runs for every
    webhook, so it is worth being prepared by the database)."""
    with connection.cursor() as cursor:
        cursor.execute(KNOWN_DEVICES, [clinic.id, list(hwi_device_ids)])
        rows = cursor.fetchall()
    found: dict[uuid.UUID, KnownDevice] = {}
    for hwi_device_id, of_device in itertools.groupby(rows, key=lambda row: row[0]):
        held = list(of_device)
        _, device_id, kind, sensor_code, timezone, *_ = held[0]
        holdings = tuple(Holding(*row[5:]) for row in held if row[8] is not None)
        found[hwi_device_id] = KnownDevice(device_id, kind, sensor_code, timezone, holdings)
    return found


WEAK_SINCE = """
SELECT s.gateway_id, min(s.taken_at)
FROM devices_gatewaysample s
LEFT JOIN (
    SELECT gateway_id, max(taken_at) AS at FROM devices_gatewaysample
    WHERE clinic_id = %(clinic)s AND gateway_id = ANY(%(gateways)s) AND signal_strength >= %(recovered)s
    GROUP BY gateway_id
) last_good ON last_good.gateway_id = s.gateway_id
WHERE s.clinic_id = %(clinic)s AND s.gateway_id = ANY(%(gateways)s) AND s.signal_strength < %(weak)s
  AND (last_good.at IS NULL OR s.taken_at > last_good.at)
GROUP BY s.gateway_id
"""


def weak_since(clinic: Clinic, gateway_ids: Iterable[uuid.UUID]) -> dict[uuid.UUID, datetime.datetime]:
    """Since when the signal of these gateways has been weak; only of those whose signal fell and has
    not recovered. Reads each sample once, of however many years."""
    gateways = list(gateway_ids)
    limits = {"weak": WEAK_BELOW, "recovered": RECOVERED_FROM}
    with connection.cursor() as cursor:
        cursor.execute(WEAK_SINCE, {"clinic": clinic.id, "gateways": gateways, **limits})
        return dict(cursor.fetchall())
