"""Read patients and enrolments."""

from __future__ import annotations

import datetime
from typing import TYPE_CHECKING, Self

from django.db.models import F, Q, Value
from django.db.models.functions import Lower
from django.db.models.lookups import Exact

from clinics.tenancy import TenantQuerySet

if TYPE_CHECKING:
    from patients.models import Alert, Enrollment, Patient  # noqa: F401


class PatientQuerySet(TenantQuerySet["Patient"]):
    def with_external_id(self, external_id: str) -> Self:
        """Keep the patient with this id, ignoring case as the vendor does."""
        # Lower on both sides, by the database: the unique index is on it, and its idea of case decides.
        return self.filter(Exact(Lower(F("external_id")), Lower(Value(external_id))))

    def present(self) -> Self:
        """Keep patients who are not archived."""
        return self.filter(archived_at__isnull=True)

    def archived(self) -> Self:
        return self.filter(archived_at__isnull=False)

    def not_taken_by_vendor(self) -> Self:
        """Keep patients whose change here the vendor did not take."""
        return self.present().exclude(refusal="")

    def matching(self, text: str) -> Self:
        """Keep patients whose name or external id contains every word of `text`."""
        patients = self
        for word in text.split():
            patients = patients.filter(Q(name__icontains=word) | Q(external_id__icontains=word))
        return patients


class EnrollmentQuerySet(TenantQuerySet["Enrollment"]):
    def during(self, first: datetime.date, last: datetime.date) -> Self:
        """Keep enrolments in force on at least one date of `first`..`last` (both included)."""
        return self.filter(starts_on__lte=last).filter(Q(ends_on__isnull=True) | Q(ends_on__gte=first))


class AlertQuerySet(TenantQuerySet["Alert"]):
    def standing(self) -> Self:
        """Keep alerts whose cause is not over."""
        return self.filter(resolved_at__isnull=True)

    def unseen(self) -> Self:
        """Keep standing alerts that no person has acknowledged."""
        return self.standing().filter(acknowledged_at__isnull=True)

    def about_readings(self) -> Self:
        """Keep alerts about single readings, not about a gateway."""
        return self.filter(reading_id__isnull=False)
