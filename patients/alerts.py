"""Raising, resolving and acknowledging alerts."""

from __future__ import annotations

import uuid
from collections.abc import Collection, Mapping
from typing import NamedTuple

from django.db import transaction
from django.utils import timezone

from clinics import audit
from clinics.models import Clinic, User
from patients.models import Alert


class Cause(NamedTuple):
    """What an alert is raised for; at most one stands for each."""

    kind: str
    patient_id: uuid.UUID
    about: uuid.UUID


@transaction.atomic
def settle_alerts(*, clinic: Clinic, kinds: Collection[str], found: Mapping[Cause, str]) -> None:
    """Have exactly the alerts of these kinds stand whose cause was `found`, with these words. Safe to
    run twice at once. No audit row: nobody did it, and the alert itself says when."""
    standing = Alert.objects.for_clinic(clinic).standing().filter(kind__in=kinds).select_for_update()
    known = {Cause(one.kind, one.patient_id, one.about): one for one in standing.order_by("id")}
    over = [one.id for cause, one in known.items() if cause not in found]
    Alert.objects.for_clinic(clinic).filter(id__in=over).update(resolved_at=timezone.now())
    changed = [one for cause, one in known.items() if cause in found and one.words != found[cause]]
    for one in changed:
        one.words = found[Cause(one.kind, one.patient_id, one.about)]
    Alert.objects.for_clinic(clinic).bulk_update(changed, ["words"], 500)
    new = (Alert(clinic=clinic, **cause._asdict(), words=found[cause]) for cause in found.keys() - known)
    Alert.objects.bulk_create(new, batch_size=500, ignore_conflicts=True)


@transaction.atomic
def acknowledge_alert(*, alert: Alert, by: User) -> None:
    """This person has seen it. Whoever was first stays noted."""
    mine = Alert.objects.for_clinic(alert.clinic).unseen().filter(id=alert.id)
    if mine.update(acknowledged_at=timezone.now(), acknowledged_by=by):
        audit.record(
            "alert_acknowledged",
            by=by,
            clinic=alert.clinic,
            target=alert.patient,
            detail={"alert": str(alert.id), "kind": alert.kind},
        )
