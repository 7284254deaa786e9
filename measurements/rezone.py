"""Another time zone of a clinic or a patient puts readings on other dates: works them all out anew.

The clinic's row remembers the zone its readings were judged by, and a patient's row that judging is
due. Until that is put right the work is due, so it survives everything that may interrupt it. It is
done in slices: a large clinic takes an hour, and other work must have its turn.
"""

from __future__ import annotations

import itertools
import time
import uuid
from collections.abc import Iterable, Iterator

from django.db.models import F

from clinics.models import Clinic
from common.locks import MOST_NAMES
from devices.models import Device
from measurements.reclassify import reclassify_patient, reclassify_unassigned
from patients.models import Patient

SLICE = 15.0  # seconds of the 30 between two runs


def follow_time_zones(*, seconds: float = SLICE) -> int:
    """Judge again what was judged by another zone, for about `seconds`. Returns how many clinics and
    patients were brought up to date. Patients whose own record changed go first: somebody waits."""
    ends = time.monotonic() + seconds
    done = 0
    for patient in Patient.objects.across_clinics().filter(judging_due=True).select_related("clinic"):
        done += _follow_patient(patient)
        if time.monotonic() >= ends:
            return done
    for clinic in Clinic.objects.exclude(judged_timezone=F("timezone")).order_by("id"):
        done += _follow(clinic, ends)
    return done


def _follow_patient(patient: Patient) -> int:
    reclassify_patient(patient.clinic, patient)
    # Unless the record was changed once more in the meantime.
    unchanged = Patient.objects.for_clinic(patient.clinic).filter(id=patient.id, version=patient.version)
    return unchanged.update(judging_due=False)


def _follow(clinic: Clinic, ends: float) -> int:
    """Go on where the last slice ended, for one patient at least; whether the clinic is done.

    Everything here is of the clinic as it was read: once its zone is changed again nothing more is
    marked, and the next run begins anew."""
    same = Clinic.objects.filter(pk=clinic.pk, timezone=clinic.timezone)
    if clinic.judging_timezone != clinic.timezone:
        clinic.judging_timezone, clinic.judged_until = clinic.timezone, None
        same.update(judging_timezone=clinic.timezone, judged_until=None)
    # A change forgets what is being judged, also one back to this zone: others came in by another meanwhile.
    unchanged = same.filter(judging_timezone=clinic.timezone)
    patients = Patient.objects.for_clinic(clinic).order_by("id")
    if clinic.judged_until:
        patients = patients.filter(id__gt=clinic.judged_until)
    for patient in patients.iterator(chunk_size=200):
        reclassify_patient(clinic, patient)
        if not unchanged.update(judged_until=patient.id) or time.monotonic() >= ends:
            return 0
    # All devices, one after another: a reading of nobody's may be on its way in from any of them.
    devices = Device.objects.for_clinic(clinic).order_by("hwi_device_id")
    for hwi_device_ids in _batched(devices.values_list("hwi_device_id", flat=True), MOST_NAMES):
        reclassify_unassigned(clinic, hwi_device_ids)
    # Unless somebody changed it once more in the meantime.
    return unchanged.update(judged_timezone=clinic.timezone, judging_timezone="", judged_until=None)


def _batched(ids: Iterable[uuid.UUID], size: int) -> Iterator[list[uuid.UUID]]:
    remaining = iter(ids)
    while batch := list(itertools.islice(remaining, size)):
        yield batch
