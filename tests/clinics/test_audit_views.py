"""Looking at a page that asks for itself again is one look."""

from __future__ import annotations

import datetime

import pytest
import time_machine

from clinics import audit
from clinics.models import AuditEvent
from tests.factories import make_clinic, make_patient, make_user

pytestmark = pytest.mark.django_db

NOON = datetime.datetime(2025, 11, 19, 12, tzinfo=datetime.UTC)


def test_a_person_leaves_one_line_for_a_patient_in_ten_minutes() -> None:
    clinic = make_clinic()
    alice, bob = (make_user(f"{name}@alpha.test", clinic) for name in ("alice", "bob"))
    ada, bea = make_patient(clinic, "ada"), make_patient(clinic, "bea")
    looks = [(0, alice, ada), (9, alice, ada), (9, bob, ada), (9, alice, bea), (11, alice, ada)]
    for minutes, person, patient in looks:
        with time_machine.travel(NOON + datetime.timedelta(minutes=minutes), tick=False):
            audit.record_view("patient_viewed", by=person, clinic=clinic, target=patient)
    told = AuditEvent.objects.order_by("id").values_list("at__minute", "actor_label", "target_id")
    assert list(told) == [
        (0, alice.email, str(ada.id)),
        (9, bob.email, str(ada.id)),
        (9, alice.email, str(bea.id)),
        (11, alice.email, str(ada.id)),
    ]
