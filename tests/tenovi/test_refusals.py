"""What the doors turn away is remembered, so that it is fetched afterwards."""

from __future__ import annotations

import pytest
from django.db import connection

from clinics.models import Clinic
from measurements import watch
from measurements.models import Reconciliation
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


@pytest.mark.django_db
def test_a_body_that_was_too_large_is_looked_for_at_the_vendor(clinic: Clinic) -> None:
    held_device(clinic)
    assert deliver(clinic, b" " * (1024 * 1024 + 1)).status_code == 413
    watch.look()
    watch.look()
    assert Reconciliation.objects.for_clinic(clinic).filter(cause="outage").count() == 1
