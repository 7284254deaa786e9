"""Query sets of measurements and vital days."""

from __future__ import annotations

import datetime
from typing import TYPE_CHECKING, Self

from django.db.models import Exists, OuterRef, Q

from clinics.tenancy import TenantQuerySet
from devices.models import Assignment
from tenovi import catalogue

if TYPE_CHECKING:
    from measurements.models import DeviceCheck, Measurement, Reconciliation, VitalDay  # noqa: F401
    from patients.models import Patient


ONE_EVENT = datetime.timedelta(seconds=60)
"""As in `measurements.store`."""


class MeasurementQuerySet(TenantQuerySet["Measurement"]):
    def of_patient(self, patient: Patient) -> Self:
        return self.for_clinic(patient.clinic).filter(patient=patient)

    def unassigned(self) -> Self:
        """Filter to readings without patient, but for times at which a person assigned the device to nobody."""
        unheld = Assignment.periods.across_clinics().to_nobody().filter(device=OuterRef("device"))
        at_that_time = unheld.in_force_at(OuterRef("taken_at"))
        return self.filter(patient__isnull=True).exclude(Exists(at_that_time))

    def of_metric(self, name: str) -> Self:
        """Filter by metric, whatever its case; a metric the catalogue knows is stored in its spelling."""
        named = catalogue.meaning(name, "")
        return self.filter(metric=named.name) if named.known else self.filter(metric__iexact=named.name)

    def taken_together_with(self, reading: Measurement) -> Self:
        """Filter to the readings of its device at that moment, itself included.

        They are of one use or, within a minute, of several; `measurements.shown.uses` tells them apart.
        """
        return self.filter(hwi_device_id=reading.hwi_device_id, taken_at=reading.taken_at)

    def copies_of(self, reading: Measurement) -> Self:
        """Filter to the same reading sent in other words, itself included.

        Same device, moment, metric and values, or the same entry of the device's log within a minute.
        """
        same = Q(
            taken_at=reading.taken_at,
            metric=reading.metric,
            value_1=reading.value_1,
            value_2=reading.value_2,
        )
        if reading.log_entry:
            span = (reading.taken_at - ONE_EVENT, reading.taken_at + ONE_EVENT)
            same |= Q(log_entry=reading.log_entry, taken_at__range=span)
        return self.filter(same, hwi_device_id=reading.hwi_device_id)

    def of_use(self) -> Self:
        """Filter to readings that show that the device was used: no battery level, no control solution."""
        return self.filter(excluded=False, control=False).exclude(metric__in=catalogue.signal_names())

    def events(self) -> Self:
        """Leave out the repeats of a device's log: each event once."""
        return self.filter(is_repeat=False)

    def taken_between(
        self, start: datetime.datetime | None = None, end: datetime.datetime | None = None
    ) -> Self:
        """Filter to the half-open span `start`..`end`; None leaves that side open."""
        readings = self
        if start:
            readings = readings.filter(taken_at__gte=start)
        if end:
            readings = readings.filter(taken_at__lt=end)
        return readings


class VitalDayQuerySet(TenantQuerySet["VitalDay"]):
    def of_patient(self, patient: Patient) -> Self:
        return self.for_clinic(patient.clinic).filter(patient=patient)

    def within(self, first: datetime.date, last: datetime.date) -> Self:
        """Filter to local dates from `first` to `last`, both included."""
        return self.filter(local_date__gte=first, local_date__lte=last)


class ReconciliationQuerySet(TenantQuerySet["Reconciliation"]):
    def unplanned(self) -> Self:
        return self.filter(planned_at__isnull=True)

    def under_way(self) -> Self:
        return self.filter(finished_at__isnull=True)


class DeviceCheckQuerySet(TenantQuerySet["DeviceCheck"]):
    def waiting(self) -> Self:
        return self.filter(state="waiting")
