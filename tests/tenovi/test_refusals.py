"""What the doors turn away is remembered, so that it is fetched afterwards."""

from __future__ import annotations

import datetime

import pytest
from django.db import connection
from django.db.models import F
from django.utils import timezone

from clinics.models import Clinic
from measurements import reconcile_schedule
from measurements.models import Reconciliation
from measurements.reconcile import OVERLAP
from tenovi.inbound import refusals
from tenovi.models import RefusalCount, Request, RequestKind
from tests.factories import basic, deliver, element, held_device, knock, make_clinic

pytestmark = pytest.mark.clock


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
    assert RefusalCount.objects.filter(cause="unavailable", clinic_id=None).count() == 1


def outage_runs(clinic: Clinic) -> list[Reconciliation]:
    return list(Reconciliation.objects.for_clinic(clinic).filter(cause="outage").order_by("until"))


@pytest.mark.django_db
def test_a_body_that_was_too_large_is_looked_for_at_the_vendor(clinic: Clinic) -> None:
    held_device(clinic)
    assert deliver(clinic, b" " * (1024 * 1024 + 1)).status_code == 413
    reconcile_schedule.look()
    reconcile_schedule.look()
    assert len(outage_runs(clinic)) == 1


def minutes_pass(clinic: Clinic, minutes: int) -> None:
    """What is dated by the database's clock grows older."""
    age = datetime.timedelta(minutes=minutes)
    RefusalCount.objects.update(last_at=F("last_at") - age)
    Reconciliation.objects.for_clinic(clinic).update(
        until=F("until") - age, finished_at=F("finished_at") - age
    )


@pytest.mark.django_db
def test_every_time_of_refusals_is_compared_once_also_the_second_within_an_hour(clinic: Clinic) -> None:
    for minutes, refused, runs in ((0, True, 1), (1, False, 1), (4, False, 1), (15, True, 2), (5, False, 2)):
        minutes_pass(clinic, minutes)
        if refused:
            refusals.count(None, "unavailable")
        reconcile_schedule.look()
        began = outage_runs(clinic)
        assert len(began) == runs
        assert began[-1].since == RefusalCount.objects.latest("last_at").start - OVERLAP


@pytest.mark.django_db
def test_refusals_are_not_compared_while_the_last_comparison_is_under_way(clinic: Clinic) -> None:
    held_device(clinic)
    refusals.count(None, "unavailable")
    reconcile_schedule.look()
    minutes_pass(clinic, 10)
    refusals.count(None, "unavailable")
    reconcile_schedule.look()
    assert len(outage_runs(clinic)) == 1
    Reconciliation.objects.for_clinic(clinic).update(finished_at=timezone.now())
    reconcile_schedule.look()
    assert len(outage_runs(clinic)) == 2


def refused_runs(clinic: Clinic) -> list[Reconciliation]:
    return list(Reconciliation.objects.for_clinic(clinic).filter(cause="refused").order_by("until"))


def knock_in_vain(clinic: Clinic, path: str = "measurements") -> None:
    assert knock("POST", f"/webhooks/{clinic.slug}/{path}/", basic("tenovi", "wrong")).status_code == 401


@pytest.mark.django_db
def test_calls_without_a_valid_secret_are_compared_once_they_are_let_in_again(clinic: Clinic) -> None:
    device = held_device(clinic)
    knock_in_vain(clinic)
    reconcile_schedule.look()
    assert refused_runs(clinic) == []
    deliver(clinic, element(device))
    reconcile_schedule.look()
    reconcile_schedule.look()
    (run,) = refused_runs(clinic)
    assert run.since == RefusalCount.objects.get().start - OVERLAP


@pytest.mark.django_db
def test_calls_without_a_valid_secret_are_compared_when_there_are_none_for_ten_minutes(
    clinic: Clinic,
) -> None:
    knock_in_vain(clinic)
    for minutes, runs in ((9, 0), (2, 1), (20, 1)):
        minutes_pass(clinic, minutes)
        reconcile_schedule.look()
        assert len(refused_runs(clinic)) == runs


@pytest.mark.django_db
def test_who_knocks_in_vain_all_day_does_not_have_the_vendor_asked_all_day(clinic: Clinic) -> None:
    device = held_device(clinic)
    for _ in range(24):
        knock_in_vain(clinic)
        deliver(clinic, element(device))
        reconcile_schedule.look()
        Reconciliation.objects.for_clinic(clinic).update(finished_at=timezone.now())
        minutes_pass(clinic, 5)
    assert 3 <= len(refused_runs(clinic)) <= 4  # of two hours


@pytest.mark.django_db
def test_only_the_clinic_whose_calls_were_refused_compares(clinic: Clinic) -> None:
    beta = make_clinic("beta", tenovi_domain="demo")
    knock_in_vain(beta)
    knock("POST", "/webhooks/nobody/measurements/", None)
    minutes_pass(clinic, 15)
    reconcile_schedule.look()
    assert refused_runs(clinic) == []


@pytest.mark.django_db
@pytest.mark.parametrize(("door", "asked"), [("measurements", False), ("fulfillment", True)])
def test_shipping_news_that_were_refused_are_read_from_the_list_of_devices(
    clinic: Clinic, door: str, asked: bool
) -> None:
    reconcile_schedule.look()  # the night's run asks for the list too
    Request.objects.for_clinic(clinic).delete()
    knock_in_vain(clinic, door)
    minutes_pass(clinic, 15)
    reconcile_schedule.look()
    assert len(refused_runs(clinic)) == 1
    assert Request.objects.for_clinic(clinic).filter(kind=RequestKind.DEVICES).exists() is asked


@pytest.mark.django_db
def test_calls_refused_while_nothing_could_be_asked_are_compared_however_long_that_took(
    clinic: Clinic,
) -> None:
    knock_in_vain(clinic)
    minutes_pass(clinic, 30 * 24 * 60)
    Clinic.objects.update(created_at=F("created_at") - datetime.timedelta(days=60))
    reconcile_schedule.look()
    assert len(refused_runs(clinic)) == 1
