"""Reading patients and enrolments."""

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
        """The patient with this id, ignoring case as the vendor does."""
        # Lower on both sides, by the database: the unique index is on it, and its idea of case decides.
        return self.filter(Exact(Lower(F("external_id")), Lower(Value(external_id))))

    def present(self) -> Self:
        """Who is not archived."""
        return self.filter(archived_at__isnull=True)

    def archived(self) -> Self:
        return self.filter(archived_at__isnull=False)

    def not_taken_by_vendor(self) -> Self:
        """Whose record was changed here, and the vendor did not take it."""
        return self.present().exclude(refusal="")

    def matching(self, text: str) -> Self:
        """Name or external id contains every word of `text`."""
        found = self
        for word in text.split():
            found = found.filter(Q(name__icontains=word) | Q(external_id__icontains=word))
        return found


class EnrollmentQuerySet(TenantQuerySet["Enrollment"]):
    def during(self, first: datetime.date, last: datetime.date) -> Self:
        """Enrolments in force on at least one date of `first`..`last` (both included)."""
        return self.filter(starts_on__lte=last).filter(Q(ends_on__isnull=True) | Q(ends_on__gte=first))


class AlertQuerySet(TenantQuerySet["Alert"]):
    def standing(self) -> Self:
        """Whose cause is not over."""
        return self.filter(resolved_at__isnull=True)

    def unseen(self) -> Self:
        """Standing, and nobody has acknowledged them."""
        return self.standing().filter(acknowledged_at__isnull=True)

    def about_readings(self) -> Self:
        """About single readings, not about a gateway."""
        return self.filter(reading_id__isnull=False)
