"""Tell which date it is where each patient of a clinic lives: the only *today* of a count."""

from __future__ import annotations

import datetime
from collections.abc import Iterable

from clinics.models import Clinic
from patients.models import Patient


def todays_of(clinic: Clinic, now: datetime.datetime) -> dict[str, datetime.date]:
    """Return the date it is at `now` in each time zone that patients of the clinic have, as it is stored.

    "" is the clinic's own, which is always there.
    """
    zones = Patient.objects.for_clinic(clinic).order_by().values_list("timezone", flat=True).distinct()
    return todays_in(clinic, {"", *zones}, now)


def todays_in(clinic: Clinic, zones: Iterable[str], now: datetime.datetime) -> dict[str, datetime.date]:
    """Return the same for these zones, without looking for others."""
    return {zone: Patient(clinic=clinic, timezone=zone).today(now) for zone in zones}
