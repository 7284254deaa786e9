"""The date from which 30-day periods are counted: written once, and moved only by a person."""

from __future__ import annotations

import datetime
import threading
from typing import Any

import pytest
import time_machine
from django.db import close_old_connections, connection
from django.utils import timezone

from billing.anchors import write_due_anchors
from billing.tasks import write_anchors
from billing.windows import Window
from clinics.models import AuditEvent, Clinic, Role
from measurements.models import DeviceCheck, Measurement, Reconciliation, VitalDay
from patients.models import Patient, PeriodAnchor
from tests.billing.test_export import exported, measure
from tests.factories import assign, enroll, held_device, make_clinic, make_device, make_patient, make_user
from tests.pages import signed_in, text_of

pytestmark = pytest.mark.django_db

LATER = "2026-06-01T12:00:00Z"


@pytest.fixture
def clinic() -> Clinic:
    return make_clinic()


def anchors(patient: Patient) -> list[tuple[str, str, int | None]]:
    rows = PeriodAnchor.objects.for_clinic(patient.clinic).filter(patient=patient).order_by("anchor_on")
    return [(str(row.anchor_on), row.source, row.enrollment_id) for row in rows]


def windows(month: str) -> list[tuple[str, str, str]]:
    rows = exported(month, "--window", "30-day")
    return [(row["window_start"], row["window_end"], row["vital_days"]) for row in rows]


def patient_of(clinic: Clinic) -> Patient:
    return Patient.objects.for_clinic(clinic).get()


def test_a_late_reading_moves_no_period_and_is_asked_about(clinic: Clinic) -> None:
    device = held_device(clinic)
    measure(clinic, device, "2026-02-10", "2026-03-11")
    before = windows("2026-03"), windows("2026-04")
    assert before[0] == [("2026-02-10", "2026-03-11", "2")]
    measure(clinic, device, "2026-02-01")
    assert (windows("2026-03"), windows("2026-04")) == before
    assert anchors(patient_of(clinic)) == [("2026-02-10", "first_reading", None)]
    page = text_of(signed_in(clinic, Role.BILLING).get("/c/alpha/billing/?month=2026-03"))
    assert "1 question about where 30-day periods begin: mrn-7781" in page


def test_an_excluded_reading_moves_no_period_and_is_asked_about(clinic: Clinic) -> None:
    measure(clinic, held_device(clinic), "2026-02-10", "2026-02-12")
    patient, care = patient_of(clinic), signed_in(clinic, Role.CARE_MANAGER)
    assert windows("2026-03") == [("2026-02-10", "2026-03-11", "2")]
    first = Measurement.objects.for_clinic(clinic).earliest("taken_at")
    address = f"/c/alpha/patients/{patient.id}/2026-02-10/readings/{first.id}/exclude/"
    assert care.post(address, {"reason": "Measured wrongly"}).status_code == 302
    assert windows("2026-03") == [("2026-02-10", "2026-03-11", "1")]
    page = text_of(signed_in(clinic, Role.BILLING).get(f"/c/alpha/billing/{patient.id}/periods/"))
    assert "February 10, 2026, from which they are counted, does not count any more." in page


def test_an_enrolment_that_is_entered_later_keeps_the_periods(clinic: Clinic) -> None:
    measure(clinic, held_device(clinic), "2026-02-10", "2026-03-20")
    before = windows("2026-03")
    patient = patient_of(clinic)
    answer = signed_in(clinic, Role.CARE_MANAGER).post(
        f"/c/alpha/patients/{patient.id}/programs/", {"program": "RPM", "starts_on": "2026-03-15"}
    )
    assert answer.status_code == 302
    ((anchor_on, source, enrollment),) = anchors(patient)
    assert (anchor_on, source) == ("2026-02-10", "first_reading")
    assert enrollment is not None
    assert windows("2026-03") == before
    assert AuditEvent.objects.get(action="program_started").detail["periods_from"] == "2026-02-10"


def test_an_earlier_enrolment_that_is_entered_later_moves_no_period(clinic: Clinic) -> None:
    measure(clinic, held_device(clinic), "2026-01-03", "2026-02-10", "2026-03-20")
    patient = patient_of(clinic)
    enroll(patient, "RPM", starts_on=datetime.date(2026, 2, 1))
    assert windows("2026-03") == [("2026-02-10", "2026-03-11", "1")]
    enroll(patient, "RPM", starts_on=datetime.date(2026, 1, 1), ends_on=datetime.date(2026, 1, 20))
    assert windows("2026-03") == [("2026-02-10", "2026-03-11", "1")]


def test_a_program_that_begins_again_later_is_counted_anew_and_cuts_the_running_period_short(
    clinic: Clinic,
) -> None:
    patient = make_patient(clinic, "mrn-7781")
    device = make_device(clinic)
    assign(device, patient)
    enroll(patient, "RPM", starts_on=datetime.date(2026, 1, 1), ends_on=datetime.date(2026, 1, 20))
    measure(clinic, device, "2026-01-05")
    with time_machine.travel("2026-01-06T12:00:00Z"):
        write_anchors()
    second = enroll(patient, "RPM", starts_on=datetime.date(2026, 3, 12))
    measure(clinic, device, "2026-02-10", "2026-03-20", "2026-03-28")
    with time_machine.travel("2026-03-28T23:00:00Z"):
        assert windows("2026-03") == [
            ("2026-02-04", "2026-03-05", "1"),
            ("2026-03-06", "2026-03-19", "0"),
        ]
        assert windows("2026-04") == [("2026-03-20", "2026-04-18", "2")]
    assert anchors(patient)[1] == ("2026-03-20", "first_reading", second.id)


def test_a_program_that_begins_again_within_the_running_period_goes_on_with_it(clinic: Clinic) -> None:
    patient = make_patient(clinic, "mrn-7781")
    device = make_device(clinic)
    assign(device, patient)
    enroll(patient, "RPM", starts_on=datetime.date(2026, 1, 1), ends_on=datetime.date(2026, 1, 20))
    measure(clinic, device, "2026-01-05", "2026-01-30")
    assert windows("2026-02") == [("2026-01-05", "2026-02-03", "2")]
    second = enroll(patient, "RPM", starts_on=datetime.date(2026, 1, 28))
    assert windows("2026-02") == [("2026-01-05", "2026-02-03", "2")]
    assert anchors(patient) == [("2026-01-05", "first_reading", second.id)]


def test_an_enrolment_entered_late_leaves_the_periods_that_are_over(clinic: Clinic) -> None:
    patient = make_patient(clinic, "mrn-7781")
    device = make_device(clinic)
    assign(device, patient)
    enroll(patient, "RPM", starts_on=datetime.date(2026, 1, 1), ends_on=datetime.date(2026, 1, 20))
    measure(clinic, device, "2026-01-05", "2026-02-20", "2026-03-10", "2026-03-25", "2026-04-20")
    with time_machine.travel("2026-05-01T12:00:00Z"):
        before = windows("2026-02"), windows("2026-03"), windows("2026-04")
        answer = signed_in(clinic, Role.CARE_MANAGER).post(
            f"/c/alpha/patients/{patient.id}/programs/", {"program": "RPM", "starts_on": "2026-03-08"}
        )
        assert answer.status_code == 302
        assert (windows("2026-02"), windows("2026-03"), windows("2026-04")) == before
    assert anchors(patient)[1][:2] == ("2026-04-05", "set_up")


def test_the_scheduler_writes_the_anchor_of_who_is_in_no_program(clinic: Clinic) -> None:
    measure(clinic, held_device(clinic), "2026-02-10")
    write_anchors()
    assert anchors(patient_of(clinic)) == [("2026-02-10", "first_reading", None)]


def test_a_date_that_has_not_begun_is_no_anchor(clinic: Clinic) -> None:
    device = held_device(clinic)
    with time_machine.travel("2026-03-10T22:00:00Z", tick=False):
        measure(clinic, device, "2026-03-11")
        write_anchors()
        assert anchors(patient_of(clinic)) == []
    with time_machine.travel("2026-03-11T04:30:00Z", tick=False):  # half past midnight in New York
        write_anchors()
        assert [row[0] for row in anchors(patient_of(clinic))] == ["2026-03-11"]


@pytest.mark.django_db(transaction=True)
def test_whoever_comes_first_writes_it_and_all_others_find_it() -> None:
    clinic = make_clinic()
    for number in range(20):
        device = held_device(clinic, external_id=f"p{number}")
        patient = Patient.objects.for_clinic(clinic).get(external_id=f"p{number}")
        VitalDay.objects.create(
            clinic=clinic,
            patient=patient,
            program="RPM",
            local_date=datetime.date(2026, 2, 10),
            readings=1,
            estimated_readings=0,
            vendor_readings=1,
        )
        assert device.id
    together, errors = threading.Barrier(4), []

    def write() -> None:
        together.wait(10)
        try:
            write_due_anchors(clinic, timezone.now())
        except Exception as error:
            errors.append(error)
        finally:
            connection.close()

    threads = [threading.Thread(target=write) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    close_old_connections()
    assert errors == []
    assert PeriodAnchor.objects.for_clinic(clinic).count() == 20


def set_date(client: Any, patient: Patient, **data: Any) -> Any:
    return client.post(f"/c/alpha/billing/{patient.id}/periods/set/", {"program": "RPM", **data})


def test_billing_staff_answer_the_question_with_a_reason_that_stays(clinic: Clinic) -> None:
    device = held_device(clinic)
    measure(clinic, device, "2026-02-10", "2026-03-11")
    windows("2026-03")
    measure(clinic, device, "2026-02-01")
    patient, billing = patient_of(clinic), signed_in(clinic, Role.BILLING)
    anchor = PeriodAnchor.objects.for_clinic(clinic).get()
    shown = text_of(billing.get(f"/c/alpha/billing/{patient.id}/periods/"))
    assert "One counted day, February 1, 2026, lies before the first period and is in none." in shown
    assert "Counted from February 10, 2026 First counted day" in shown
    assert set_date(billing, patient, anchor=anchor.id, anchor_on="2026-02-01").status_code == 200
    kept = {"anchor": anchor.id, "anchor_on": "2026-02-10", "reason": "January was a test"}
    assert set_date(billing, patient, **kept).status_code == 302
    shown = text_of(billing.get(f"/c/alpha/billing/{patient.id}/periods/"))
    assert "is in none" not in shown
    assert "billing@alpha.test" in shown
    assert "January was a test" in shown
    assert windows("2026-03") == [("2026-02-10", "2026-03-11", "2")]
    moved = kept | {"anchor_on": "2026-02-01", "reason": "It was the first day"}
    assert set_date(billing, patient, **moved).status_code == 302
    assert windows("2026-03") == [("2026-02-01", "2026-03-02", "2")]
    detail = AuditEvent.objects.filter(action="periods_set").latest("id").detail
    assert detail["anchor_on"] == ["2026-02-10", "2026-02-01"]
    assert detail["reason"] == "It was the first day"


@pytest.mark.parametrize(
    ("anchor_on", "message"),
    [
        ("2026-06-02", "This day has not come yet."),
        ("2014-12-31", "Say a day between January 1, 2015 and December 31, 2999."),
        ("0001-01-01", "Say a day between January 1, 2015 and December 31, 2999."),
        ("soon", "Enter a valid date."),
        ("", "This field is required."),
    ],
)
@time_machine.travel(LATER)
def test_a_date_that_cannot_be_is_refused_beside_its_field(
    clinic: Clinic, anchor_on: str, message: str
) -> None:
    patient = make_patient(clinic)
    answer = set_date(signed_in(clinic, Role.BILLING), patient, anchor_on=anchor_on, reason="Set-up")
    assert message in text_of(answer)
    assert anchors(patient) == []


@time_machine.travel(LATER)
def test_a_person_may_set_the_date_before_anything_counts(clinic: Clinic) -> None:
    patient = make_patient(clinic)
    enroll(patient, "RPM", starts_on=datetime.date(2026, 5, 1))
    answer = set_date(
        signed_in(clinic, Role.BILLING), patient, anchor_on="2026-05-04", reason="Set-up was on this day"
    )
    assert answer.status_code == 302
    assert anchors(patient)[0][:2] == ("2026-05-04", "person")
    write_anchors()
    assert len(anchors(patient)) == 1


def test_only_billing_staff_change_it_and_others_see_it(clinic: Clinic) -> None:
    measure(clinic, held_device(clinic), "2026-02-10")
    care = make_user("care@alpha.test", clinic, Role.CARE_MANAGER)
    assert care
    patient, client = patient_of(clinic), signed_in(clinic, Role.CLINIC_ADMIN)
    shown = text_of(client.get(f"/c/alpha/billing/{patient.id}/periods/"))
    assert "Counted from February 10, 2026" in shown
    assert "Keep or change" not in shown
    assert set_date(client, patient, anchor_on="2026-02-11", reason="x").status_code == 403


def test_every_period_opens_to_its_dates_and_they_to_their_readings(clinic: Clinic) -> None:
    measure(clinic, held_device(clinic), "2026-02-10", "2026-02-12")
    with time_machine.travel("2026-03-20T12:00:00Z"):
        billing = signed_in(clinic, Role.BILLING)
        patient = patient_of(clinic)
        answer = billing.get(f"/c/alpha/billing/{patient.id}/periods/")
    shown = text_of(answer)
    assert "Mar 12, 2026 – Apr 10, 2026 0 days running" in shown
    assert "Feb 10, 2026 – Mar 11, 2026 2 days over" in shown
    assert f"/c/alpha/billing/{patient.id}/2026-02-12/" in answer.content.decode()
    assert Window.of_month("2026-02").first == datetime.date(2026, 2, 1)


@pytest.mark.parametrize(
    ("age", "waits"), [(datetime.timedelta(0), True), (datetime.timedelta(days=2), False)]
)
def test_while_the_history_of_a_new_device_is_fetched_no_date_is_fixed_too_early(
    clinic: Clinic, age: datetime.timedelta, waits: bool
) -> None:
    """Its days come in any order; for ever nothing waits, and an export never does."""
    device = held_device(clinic)
    moment = timezone.now() - age
    run = Reconciliation.objects.create(
        clinic=clinic, cause="person", since=moment, until=moment, started_at=moment
    )
    check = DeviceCheck.objects.create(
        clinic=clinic, reconciliation=run, device=device, target="x", since=moment
    )
    measure(clinic, device, "2026-03-10")
    write_anchors()
    assert (anchors(patient_of(clinic)) == []) is waits
    measure(clinic, device, "2026-02-10")
    DeviceCheck.objects.for_clinic(clinic).filter(id=check.id).update(state="verified")
    write_anchors()
    assert [row[0] for row in anchors(patient_of(clinic))] == ["2026-02-10" if waits else "2026-03-10"]


def test_an_export_fixes_the_dates_that_it_is_cut_by_whatever_is_being_fetched(clinic: Clinic) -> None:
    device = held_device(clinic)
    now = timezone.now()
    run = Reconciliation.objects.create(clinic=clinic, cause="person", since=now, until=now)
    DeviceCheck.objects.create(clinic=clinic, reconciliation=run, device=device, target="x", since=now)
    measure(clinic, device, "2026-03-10")
    windows("2026-04")
    assert [row[0] for row in anchors(patient_of(clinic))] == ["2026-03-10"]
