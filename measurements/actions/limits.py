"""Set the limits within which a patient's readings should be."""

from __future__ import annotations

from collections.abc import Mapping

from django.db import transaction
from django.db.models.functions import Now

from clinics import audit
from clinics.models import User
from common.locks import hold
from measurements.limits import Limited, Limits, limited, limits_of, thresholds_of, version_of
from measurements.models import Threshold
from patients.models import Patient


class ChangedMeanwhile(Exception):
    """Somebody else set limits since these were read."""


@transaction.atomic
def set_limits(*, patient: Patient, by: User, version: str, wanted: Mapping[str, Limits]) -> bool:
    """Let these limits hold, by `Limited.key`; whether any differed. Raises ChangedMeanwhile."""
    hold(patient.clinic.id, [b"thresholds", patient.id.bytes])
    before = thresholds_of(patient)
    if version != version_of(before):
        raise ChangedMeanwhile
    changed = _changes(limits_of(before), wanted)
    for name in sorted({one.metric for one in limited() if _is_changed(one, changed)}):
        _replace(patient, name, by, wanted)
    if changed:
        audit.record("limits_set", by=by, clinic=patient.clinic, target=patient, detail=changed)
    return bool(changed)


def _changes(before: Mapping[str, Limits], wanted: Mapping[str, Limits]) -> dict[str, list[str | None]]:
    changes = {}
    for key, limits in wanted.items():
        for side, old, new in zip(("low", "high"), before[key], limits, strict=True):
            if old != new:
                changes[f"{key}_{side}"] = [None if one is None else str(one) for one in (old, new)]
    return changes


def _is_changed(one: Limited, changed: Mapping[str, object]) -> bool:
    return f"{one.key}_low" in changed or f"{one.key}_high" in changed


def _replace(patient: Patient, metric: str, by: User, wanted: Mapping[str, Limits]) -> None:
    (low_1, high_1), (low_2, high_2) = wanted[f"{metric}_1"], wanted.get(f"{metric}_2", (None, None))
    mine = Threshold.objects.for_clinic(patient.clinic).filter(patient=patient, metric=metric)
    if low_1 is high_1 is low_2 is high_2 is None:
        mine.delete()
        return
    limits = {"low_1": low_1, "high_1": high_1, "low_2": low_2, "high_2": high_2}
    if not mine.update(**limits, set_by=by, set_at=Now()):
        Threshold.objects.create(clinic=patient.clinic, patient=patient, metric=metric, set_by=by, **limits)
