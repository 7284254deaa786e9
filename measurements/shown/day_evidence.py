"""The evidence behind a count: each date of a patient, and why it counts or not."""

from __future__ import annotations

import datetime
from dataclasses import dataclass
from typing import Any

from django.contrib.postgres.aggregates import ArrayAgg
from django.db.models import Count, Q

from measurements.models import Measurement
from measurements.shown.metrics import display_of
from patients.models import Patient
from tenovi import catalogue


@dataclass(frozen=True)
class DateEvidence:
    """One local date with data, in one program; `counted` readings earn the day."""

    date: datetime.date
    program: str
    readings: int
    counted: int
    reason: str  # why the date does not count, "" when it does

    @property
    def words(self) -> str:
        noun = "reading" if self.counted == 1 else "readings"
        return f"counted, {self.counted} {noun}" if self.counted else f"does not count: {self.reason}"


def evidence(patient: Patient, first: datetime.date, last: datetime.date) -> list[DateEvidence]:
    """Return the dates from `first` to `last`, both included, on which the patient has any reading, in order."""
    rows = (
        Measurement.objects.of_patient(patient)
        .events()
        .filter(local_date__range=(first, last))
        .values("local_date", "program")
        .annotate(
            readings=Count("id"),
            counted=Count("id", filter=Q(counts=True)),
            vital_readings=Count("id", filter=Q(vital=True)),
            excluded_readings=Count("id", filter=Q(vital=True, excluded=True)),
            control_readings=Count("id", filter=Q(vital=True, control=True, excluded=False)),
            invalid_readings=Count("id", filter=Q(vital=True, is_invalid=True, excluded=False)),
            metrics=ArrayAgg("metric", distinct=True),
        )
        .order_by("local_date", "program")
    )
    return [
        DateEvidence(
            row["local_date"],
            row["program"],
            row["readings"],
            row["counted"],
            "" if row["counted"] else _reason(dict(row)),
        )
        for row in rows
    ]


def _reason(row: dict[str, Any]) -> str:
    vital = row["vital_readings"]
    if vital and row["excluded_readings"] == vital:
        return "every vital reading was excluded"
    if vital and row["control_readings"] == vital:
        return "only control solution was measured"
    if vital and row["invalid_readings"] == vital:
        return "the sensor marks every reading as not valid"
    if vital and row["invalid_readings"]:
        return "only readings that are excluded or not valid"
    if vital:
        return "only excluded readings and control solution"
    names = set(row["metrics"])
    if len(names) == 1 and (reason := display_of(*names).only):
        return reason
    watch = catalogue.kind("tenovi-watch")
    if watch and {name.casefold() for name in names} <= watch.metrics.keys():
        return "watch data never counts"
    return "no vital reading, only events and status"
