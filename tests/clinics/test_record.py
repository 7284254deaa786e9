"""The record of a clinic: what stands in it, who sees it, and its export."""

from __future__ import annotations

import csv
import io
from typing import Any

import pytest
from django.test import Client

from clinics import audit
from clinics.models import AuditEvent, Clinic, Role, User
from common.csv_cells import csv_lines
from tests.clinics.signing_in import try_sign_in
from tests.factories import held_device, make_clinic, make_patient, make_user
from tests.rest import api_client

pytestmark = pytest.mark.django_db


@pytest.fixture
def clinic() -> Clinic:
    return make_clinic("alpha")


@pytest.fixture
def admin(clinic: Clinic) -> User:
    return make_user("admin@alpha.test", clinic, Role.CLINIC_ADMIN)


@pytest.fixture
def page(admin: User) -> Client:
    client = Client()
    client.force_login(admin)
    return client


def shown(page: Client, **query: str) -> list[dict[str, Any]]:
    return list(page.get("/c/alpha/record/", query).context["page"])


def exported(page: Client, **query: str) -> list[dict[str, str]]:
    answer = page.get("/c/alpha/record/export.csv", query)
    content = b"".join(answer.streaming_content).decode()  # type: ignore[attr-defined]
    return list(csv.DictReader(io.StringIO(content)))


def test_a_page_of_a_patient_that_was_looked_at_is_in_it(page: Client, clinic: Clinic, admin: User) -> None:
    patient = make_patient(clinic)
    page.get(f"/c/alpha/patients/{patient.id}/")
    (row,) = shown(page, action="patient viewed")
    assert (row["person"], row["target"]) == ("admin@alpha.test", f"patient {patient.id}")
    assert row["page"] == f"/c/alpha/patients/{patient.id}/"


def test_what_a_script_reads_is_in_it(page: Client, clinic: Clinic) -> None:
    held_device(clinic, external_id="mrn-7781")
    reader = make_user("script@alpha.test", clinic)
    api_client(reader).get("/api/v1/clinics/alpha/patients/mrn-7781/", REMOTE_ADDR="192.0.2.6")
    event = AuditEvent.objects.get(action="api_read")
    assert (event.actor_id, event.address) == (reader.id, "192.0.2.6")
    assert event.detail == {"route": "api-patient", "external_id": "mrn-7781"}


def test_sign_ins_and_failures_of_its_people_are_in_it_and_nobody_elses(page: Client, clinic: Clinic) -> None:
    make_user("alice@alpha.test", clinic)
    make_user("carol@beta.test", make_clinic("beta"))
    for email in ("alice@alpha.test", "carol@beta.test"):
        try_sign_in(email)
        try_sign_in(email, "wrong")
    rows = [(row["person"], row["action"]) for row in shown(page)]
    assert rows == [("not signed in", "Sign in failed"), ("alice@alpha.test", "Signed in")]


def test_it_is_filtered_by_person_and_day(page: Client, clinic: Clinic, admin: User) -> None:
    audit.record("patient_viewed", by=admin, clinic=clinic)
    assert len(shown(page, action="patient viewed", person="admin@")) == 1
    assert shown(page, action="patient viewed", person="bob") == []
    assert shown(page, last="2020-01-01") == []
    assert len(shown(page, action="patient viewed", first="2020-01-01")) == 1


@pytest.mark.parametrize(
    ("query", "message"),
    [
        ({"first": "yesterday"}, "Enter a valid date"),
        ({"first": "2025-02-02", "last": "2025-01-01"}, "before"),
    ],
)
def test_a_filter_that_makes_no_sense_says_so(page: Client, query: dict[str, str], message: str) -> None:
    said = page.get("/c/alpha/record/", query).content.decode()
    assert message in said
    assert query["first"] in said
    assert page.get("/c/alpha/record/export.csv", query).status_code == 400


def test_the_export_has_the_same_lines_and_is_itself_one(page: Client, clinic: Clinic, admin: User) -> None:
    audit.record("patient_viewed", by=admin, clinic=clinic)
    rows = exported(page, action="patient viewed")
    assert [(row["person"], row["action"]) for row in rows] == [("admin@alpha.test", "patient_viewed")]
    assert AuditEvent.objects.get(action="record_exported").actor_id == admin.id


HOSTILE = ("=HYPERLINK(1)", "+1", "-1", "@x", "\tx", " =1", "\r=1", "\0=1")


@pytest.mark.parametrize("text", HOSTILE)
def test_no_cell_is_run_by_a_spreadsheet(text: str) -> None:
    ((cell,),) = csv.reader(io.StringIO("".join(csv_lines([[text]])), newline=""))
    assert cell.startswith(("'", "␀"))


def test_hostile_text_is_shown_as_text(page: Client, clinic: Clinic, admin: User) -> None:
    script = "<script>alert(1)</script>"
    audit.record("x", by=admin, clinic=clinic, detail={"script": script})
    said = page.get("/c/alpha/record/").content.decode()
    assert script not in said
    assert "&lt;script&gt;" in said


def test_other_clinics_lines_are_not_in_it(page: Client) -> None:
    beta = make_clinic("beta")
    audit.record("patient_viewed", by=make_user("carol@beta.test", beta), clinic=beta)
    assert shown(page) == []
    own = [(row["person"], row["action"]) for row in exported(page)]
    assert own == [("admin@alpha.test", "record_exported"), ("admin@alpha.test", "record_viewed")]


def test_trying_the_door_of_another_clinic_is_in_it(clinic: Clinic, page: Client) -> None:
    make_clinic("beta")
    assert page.get("/c/beta/patients/").status_code == 404
    (row,) = shown(page, action="access denied")
    assert row["detail"] == [("clinic", "beta")]
