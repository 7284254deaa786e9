"""A device goes from one patient to another: who they are, who says so, and which days are whose."""

from __future__ import annotations

import datetime

import pytest

from clinics.models import Clinic, Role, User
from measurements.models import VitalDay
from patients.models import Patient
from tests.factories import make_patient, make_user


@pytest.fixture
def by(clinic: Clinic) -> User:
    """Who says who has a device."""
    return make_user("admin@alpha.test", clinic, Role.CLINIC_ADMIN)


@pytest.fixture
def ada(clinic: Clinic) -> Patient:
    """Has the device first."""
    return make_patient(clinic, "P-1", name="Ada Lark")


@pytest.fixture
def bo(clinic: Clinic) -> Patient:
    """Gets it from her."""
    return make_patient(clinic, "P-2", name="Bo Finch")


def on(day: int) -> datetime.datetime:
    """Noon of a day of March at the clinic, in UTC."""
    return datetime.datetime(2025, 3, day, 17, tzinfo=datetime.UTC)


def days(patient: Patient) -> list[int]:
    """The days of March that count for this patient."""
    counted = VitalDay.objects.of_patient(patient).filter(readings__gt=0).order_by("local_date")
    return [date.day for date in counted.values_list("local_date", flat=True)]
