"""What the doors turn away is remembered, so that it is fetched afterwards."""

from __future__ import annotations

import datetime

import pytest
from django.db import connection
from django.db.models import F
from django.utils import timezone

from clinics.models import Clinic
from measurements import watch
from measurements.models import Reconciliation
from measurements.reconcile import OVERLAP
from tenovi import refusals
from tenovi.models import DoorCount
from tests.factories import deliver, element, held_device, make_clinic


@pytest.fixture
def clinic() -> Clinic:
    clinic = make_clinic(tenovi_domain="demo")
    clinic.tenovi_api_key = "key"
    clinic.save()
    return clinic


@pytest.mark.django_db(transaction=True)
def test_an_hour_of_503_is_written_down_with_the_next_delivery(clinic: Clinic) -> None:
    reading = element(held_device(clinic))
    with connection.cursor() as cursor:
        cursor.execute("SET default_transaction_read_only = on")
    assert deliver(clinic, reading).status_code == 503
    assert deliver(clinic, reading).status_code == 200
    assert DoorCount.objects.filter(cause="unavailable", clinic_id=None).count() == 1


def outage_runs(clinic: Clinic) -> list[Reconciliation]:
    return list(Reconciliation.objects.for_clinic(clinic).filter(cause="outage").order_by("until"))


@pytest.mark.django_db
def test_a_body_that_was_too_large_is_looked_for_at_the_vendor(clinic: Clinic) -> None:
    held_device(clinic)
    assert deliver(clinic, b" " * (1024 * 1024 + 1)).status_code == 413
    watch.look()
    watch.look()
    assert len(outage_runs(clinic)) == 1


def minutes_pass(clinic: Clinic, minutes: int) -> None:
    """What is dated by the database's clock grows older."""
    age = datetime.timedelta(minutes=minutes)
    DoorCount.objects.update(last_at=F("last_at") - age)
    Reconciliation.objects.for_clinic(clinic).update(
        until=F("until") - age, finished_at=F("finished_at") - age
    )


@pytest.mark.django_db
def test_every_time_of_refusals_is_compared_once_also_the_second_within_an_hour(clinic: Clinic) -> None:
    for minutes, refused, runs in ((0, True, 1), (1, False, 1), (4, False, 1), (15, True, 2), (5, False, 2)):
        minutes_pass(clinic, minutes)
        if refused:
            refusals.count(None, "unavailable")
        watch.look()
        began = outage_runs(clinic)
        assert len(began) == runs
        assert began[-1].since == DoorCount.objects.latest("last_at").hour - OVERLAP


@pytest.mark.django_db
def test_refusals_are_not_compared_while_the_last_comparison_is_under_way(clinic: Clinic) -> None:
    held_device(clinic)
    refusals.count(None, "unavailable")
    watch.look()
    minutes_pass(clinic, 10)
    refusals.count(None, "unavailable")
    watch.look()
    assert len(outage_runs(clinic)) == 1
    Reconciliation.objects.for_clinic(clinic).update(finished_at=timezone.now())
    watch.look()
    assert len(outage_runs(clinic)) == 2
