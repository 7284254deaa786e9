"""Raise and resolve alerts."""

from __future__ import annotations

import datetime
import uuid
from collections.abc import Collection, Iterable, Mapping
from dataclasses import asdict, dataclass
from decimal import Decimal
from typing import NamedTuple

from django.db import transaction
from django.utils import timezone

from clinics.models import Clinic
from patients.models import Alert, AlertKind


class Cause(NamedTuple):
    """The cause of an alert; at most one stands for each."""

    kind: str
    patient_id: uuid.UUID
    about: uuid.UUID | None


@dataclass(frozen=True, slots=True)
class UrgentReading:
    """A copy of a reading that a person must see; `words` name its value and why it is urgent."""

    reading_id: int
    patient_id: uuid.UUID
    metric: str
    value_1: Decimal
    value_2: Decimal | None
    taken_at: datetime.datetime
    words: str


@transaction.atomic
def settle_alerts(*, clinic: Clinic, kinds: Collection[str], found: Mapping[Cause, str]) -> None:
    """Let exactly the alerts of these kinds stand whose cause was `found`, with these words.

    Safe to run twice at once. Writes no audit row: no person did it, and the alert itself has the time.
    """
    standing = Alert.objects.for_clinic(clinic).standing().filter(kind__in=kinds).select_for_update()
    alerts = {Cause(alert.kind, alert.patient_id, alert.about): alert for alert in standing.order_by("id")}
    over = [alert.id for cause, alert in alerts.items() if cause not in found]
    Alert.objects.for_clinic(clinic).filter(id__in=over).update(resolved_at=timezone.now())
    changed = [alert for cause, alert in alerts.items() if cause in found and alert.words != found[cause]]
    for alert in changed:
        alert.words = found[Cause(alert.kind, alert.patient_id, alert.about)]
    Alert.objects.for_clinic(clinic).bulk_update(changed, ["words"], 500)
    new = (Alert(clinic=clinic, **cause._asdict(), words=found[cause]) for cause in found.keys() - alerts)
    Alert.objects.bulk_create(new, batch_size=500, ignore_conflicts=True)


def raise_reading_alerts(*, clinic: Clinic, found: Iterable[UrgentReading]) -> None:
    """Raise an alert for each of these readings, unless there was one for it and this patient before.

    One that ended without a person stands again; an acknowledged one stays so. Must be called in the
    transaction that stores the reading. Writes no audit row: no person did it.
    """
    urgent = sorted(found, key=lambda reading: reading.reading_id)
    Alert.objects.bulk_create(
        (Alert(clinic=clinic, kind=AlertKind.URGENT_READING, **asdict(reading)) for reading in urgent),
        batch_size=500,
        ignore_conflicts=True,
    )
    raised = Alert.objects.for_clinic(clinic).about_readings().filter(acknowledged_at__isnull=True)
    for reading in urgent:
        raised.filter(
            reading_id=reading.reading_id, patient_id=reading.patient_id, resolved_at__isnull=False
        ).update(resolved_at=None, resolution="")


def resolve_alert(alert: Alert, resolution: str) -> None:
    """End an alert that no person has seen; `resolution` says why, in words."""
    standing = Alert.objects.for_clinic(alert.clinic).standing().filter(id=alert.id)
    standing.update(resolved_at=timezone.now(), resolution=resolution)
