"""Read what other rooms need to know about devices and gateways."""

from __future__ import annotations

import datetime
import itertools
import uuid
from collections.abc import Iterable
from dataclasses import dataclass

from django.db import connection

from clinics.models import Clinic
from devices.hardware import RECOVERED_FROM, WEAK_BELOW, is_gateway_id
from devices.models import UNLINKED, Assignment
from patients.models import Patient


@dataclass(frozen=True, slots=True)
class AssignmentPeriod:
    """One assignment as the way in needs it; no patient means a person's decision that none had it."""

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
        """Whether a reading taken at `moment` that names this patient belongs to the holder."""
        named = named_patient.casefold()
        late = self.misnamed_until is not None and moment >= self.misnamed_until
        return named == self.external_id.casefold() or (not late and named == self.misnamed_as.casefold())

    def follows(self, moment: datetime.datetime, named_patient: str) -> bool:
        """Whether this patient got the device after `moment`, by our record and the vendor's."""
        is_agreed = self.patient_id is not None and self.agreed_at is not None
        return (
            is_agreed and moment < self.starts_at and self.external_id.casefold() == named_patient.casefold()
        )

    def covers(self, moment: datetime.datetime) -> bool:
        return self.starts_at <= moment and (self.ends_at is None or moment < self.ends_at)


@dataclass(frozen=True, slots=True)
class RegisteredDevice:
    """A registered device with all its assignments and the time zone of its clinic, as of now."""

    id: uuid.UUID
    kind: str
    sensor_code: str
    clinic_timezone: str
    holdings: tuple[AssignmentPeriod, ...]

    def assignment_at(self, moment: datetime.datetime, named_patient: str) -> AssignmentPeriod | None:
        """Return the assignment that a reading belongs to, or None.

        That is the one in force, or the imported first one, which reaches back for readings that name its
        patient.
        """
        for period in self.holdings:
            if period.covers(moment):
                return period if period.patient_id else None
        for period in self.holdings:
            if (
                period.reaches_back
                and moment < period.starts_at
                and named_patient
                and named_patient.casefold() == period.external_id.casefold()
            ):
                return period
        return None

    def is_later_holder(
        self,
        named_patient: str,
        taken_at: datetime.datetime,
        named_from: datetime.datetime,
        named_until: datetime.datetime,
    ) -> bool:
        """Whether a handover explains that a reading taken at `taken_at` names this patient.

        The vendor names its present patient for everything a device uploads, and wrote the name at some
        moment from `named_from` to `named_until`, both included. So the patient must have got the device
        after `taken_at`, by both sides, and must have been the one at the vendor at such a moment.
        """
        for period, following in itertools.zip_longest(self.holdings, self.holdings[1:]):
            if period.follows(taken_at, named_patient) and period.starts_at <= named_until:
                ends_at = period.ends_at
                if ends_at and following and following.misnamed_as.casefold() == named_patient.casefold():
                    ends_at = following.misnamed_until  # the vendor learned of the next handover only then
                if ends_at is None or named_from < ends_at:
                    return True
        return False


REGISTERED_DEVICES = """
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


def registered_devices(
    clinic: Clinic, hwi_device_ids: Iterable[uuid.UUID]
) -> dict[uuid.UUID, RegisteredDevice]:
    """Return the registered ones among these devices, in one query.

    Its text is constant: it runs for every webhook, so that the database may keep its plan.
    """
    with connection.cursor() as cursor:
        cursor.execute(REGISTERED_DEVICES, [clinic.id, list(hwi_device_ids)])
        rows = cursor.fetchall()
    devices: dict[uuid.UUID, RegisteredDevice] = {}
    for hwi_device_id, of_device in itertools.groupby(rows, key=lambda row: row[0]):
        assignments = list(of_device)
        _, device_id, kind, sensor_code, timezone, *_ = assignments[0]
        holdings = tuple(AssignmentPeriod(*row[5:]) for row in assignments if row[8] is not None)
        devices[hwi_device_id] = RegisteredDevice(device_id, kind, sensor_code, timezone, holdings)
    return devices


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
    """Return since when the signal of these gateways has been weak, for those that have not recovered.

    Reads each sample once, of however many years.
    """
    gateways = list(gateway_ids)
    limits = {"weak": WEAK_BELOW, "recovered": RECOVERED_FROM}
    with connection.cursor() as cursor:
        cursor.execute(WEAK_SINCE, {"clinic": clinic.id, "gateways": gateways, **limits})
        return dict(cursor.fetchall())


def gateways_of(clinic: Clinic, patient: Patient) -> list[str]:
    """Return the Gateway IDs behind which this patient has a device now, the latest first."""
    assignments = Assignment.objects.for_clinic(clinic).of_patient(patient).filter(ends_at=None)
    used = assignments.exclude(device__status=UNLINKED).order_by("-starts_at")
    ids = dict.fromkeys(used.values_list("device__hardware_uuid", flat=True))
    return [hardware_id for hardware_id in ids if is_gateway_id(hardware_id)]
