"""One *today*, the patient's: every page and answer counts the same dates at the same moment."""

from __future__ import annotations

import ast
import datetime
from collections.abc import Iterator

import pytest
import time_machine

from clinics.models import Clinic, Role
from patients.models import Patient
from tests.billing.test_export import exported
from tests.factories import assign, deliver, element, make_clinic, make_device, make_patient, vendor_time
from tests.pages import signed_in
from tests.test_architecture import MODULES, named, tree

TURNS_MOMENTS_INTO_DATES = {"common/local_day.py", "measurements/local_date.py"}
"""The dates of readings have a rule of their own, which is stored with each."""


def clocks_asked(path: str, node: ast.AST) -> Iterator[str]:
    """Calls that ask a clock for a date, or cut a moment to one."""
    for each in ast.walk(node):
        if isinstance(each, ast.Call) and isinstance(each.func, ast.Attribute):
            name = each.func.attr
            owner = each.func.value
            of_date = isinstance(owner, ast.Name | ast.Attribute) and ast.unparse(owner).endswith("date")
            cuts = name == "date" and not each.args and not each.keywords
            if cuts or name == "localdate" or (name == "today" and of_date):
                yield f"{path}, line {each.lineno}: {ast.unparse(each)}"
        if isinstance(each, ast.Constant) and isinstance(each.value, str) and "CURRENT_DATE" in each.value:
            yield f"{path}, line {each.lineno}: CURRENT_DATE"


def test_nothing_else_turns_a_moment_into_a_date() -> None:
    asked = [
        calls
        for path in MODULES
        if "sandbox" not in path.parts and named(path) not in TURNS_MOMENTS_INTO_DATES
        for calls in clocks_asked(named(path), tree(path))
    ]
    assert asked == []


@pytest.fixture
def clinic() -> Clinic:
    return make_clinic()


ZONES = ["Pacific/Auckland", "Pacific/Honolulu", "", "Asia/Kolkata"]


@pytest.mark.django_db
@pytest.mark.parametrize("zone", ZONES)
@pytest.mark.parametrize("hour", [1, 6, 11, 13, 20])
def test_all_pages_count_the_same_days_at_the_same_moment(clinic: Clinic, zone: str, hour: int) -> None:
    now = datetime.datetime(2026, 3, 15, hour, 30, tzinfo=datetime.UTC)
    patient, device = make_patient(clinic, timezone=zone), make_device(clinic)
    assign(device, patient)
    for n in range(9):
        # Nine of them reach into dates that have not begun: a clock may run ahead.
        taken = now + datetime.timedelta(hours=40 - 12 * n)
        with time_machine.travel(now, tick=False):
            deliver(
                clinic, element(device, timestamp=vendor_time(taken), timezone_offset=None, value_1=100 + n)
            )
    client = signed_in(clinic, Role.CLINIC_ADMIN)
    with time_machine.travel(now, tick=False):
        (row,) = exported("2026-03")
        page = client.get(f"/c/alpha/billing/?open={patient.id}-RPM")
        (shown,) = page.context["page"].object_list
        listed = client.get("/c/alpha/patients/").context["page"].object_list[0]
        own = client.get(f"/c/alpha/patients/{patient.id}/")
        (answer,) = client.get("/api/v1/clinics/alpha/vital-days/?month=2026-03").json()["results"]
    days = int(row["vital_days"])
    assert days > 1
    assert (shown["days"], answer["days"]) == (days, days)
    assert [one.days for one in listed["programs"]] == [days]
    assert [one.days for one in own.context["calendar"]["pace"]] == [days]
    assert [one.words for one in own.context["calendar"]["pace"]] == [shown["words"]]
    counted = {cell.number for cell in shown["cells"] if cell.state == "counted"}
    assert counted == {int(date[-2:]) for date in row["dates"].split(";")}
    (today,) = (cell.number for cell in shown["cells"] if cell.today)
    assert today == Patient.objects.for_clinic(clinic).get().today(now).day
