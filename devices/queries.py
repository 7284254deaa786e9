"""Reading devices and assignments."""

from __future__ import annotations

import datetime
from typing import TYPE_CHECKING, Self

from django.db.models import Q

from clinics.tenancy import TenantQuerySet

if TYPE_CHECKING:
    from devices.models import Assignment, Device  # noqa: F401
    from patients.models import Patient


class DeviceQuerySet(TenantQuerySet["Device"]):
    pass


class AssignmentQuerySet(TenantQuerySet["Assignment"]):
    def in_force_at(self, moment: datetime.datetime) -> Self:
        return self.filter(starts_at__lte=moment).filter(Q(ends_at__isnull=True) | Q(ends_at__gt=moment))

    def during(self, start: datetime.datetime, end: datetime.datetime) -> Self:
        """In force at some moment of the half-open span `start`..`end`."""
        return self.filter(starts_at__lt=end).filter(Q(ends_at__isnull=True) | Q(ends_at__gt=start))

    def of_patient(self, patient: Patient) -> Self:
        return self.filter(patient=patient)
