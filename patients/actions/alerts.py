"""Acknowledge alerts."""

from __future__ import annotations

from django.db import transaction
from django.utils import timezone

from clinics import audit
from clinics.models import User
from patients.models import Alert


@transaction.atomic
def acknowledge_alert(*, alert: Alert, by: User) -> None:
    """Note that this person has seen the alert; the first person stays noted.

    That ends an alert about a reading: what was measured does not get better by itself. An alert about a
    gateway stands until the gateway is well.
    """
    alerts = Alert.objects.for_clinic(alert.clinic).unseen().filter(id=alert.id)
    now = timezone.now()
    ended = {"resolved_at": now, "resolution": "seen"} if alert.reading_id else {}
    if alerts.update(acknowledged_at=now, acknowledged_by=by, **ended):
        audit.record(
            "alert_acknowledged",
            by=by,
            clinic=alert.clinic,
            target=alert.patient,
            detail={"alert": str(alert.id), "kind": alert.kind},
        )
