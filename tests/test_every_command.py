"""What every management command keeps to: an error is one line, `--json` ends with one object."""

from __future__ import annotations

import json
from io import StringIO

import pytest
from django.core.management import CommandError, call_command

from clinics.models import Clinic
from measurements.models import Measurement, Reconciliation, VitalDay
from patients.models import Patient
from tests.factories import deliver, element, held_device
from tests.vendor import vendor_clinic

SEED = ("seed_demo", "--patients=1", "--days=2", "--until=2026-10-14T12:00:00Z")

pytestmark = [pytest.mark.django_db, pytest.mark.clock]


@pytest.fixture
def clinic() -> Clinic:
    clinic = vendor_clinic()
    deliver(clinic, element(held_device(clinic)))
    return clinic


def run(*arguments: str) -> str:
    said = StringIO()
    call_command(*arguments, stdout=said, stderr=said)
    return said.getvalue()


@pytest.mark.parametrize(
    ("arguments", "members"),
    [
        (("settle_deliveries", "--all"), {"tried", "pending", "quarantined"}),
        (("rebuild_vital_days", "--clinic=alpha"), {"clinic", "differs"}),
        (("rebuild_vital_days", "--clinic=alpha", "--check"), {"clinic", "differs"}),
        (("sync_vendor", "--clinic=alpha"), {"devices", "patients", "gateways", "requests", "failed"}),
        (
            ("reconcile", "--clinic=alpha"),
            {"devices", "requests", "fetched", "missing", "stored", "unverified"},
        ),
        (
            ("export_vital_days", "--clinic=alpha", "--month=2026-10"),
            {"clinic", "month", "window", "rows", "output"},
        ),
        ((*SEED, "--clinic=seeded"), {"clinic", "patients", "devices", "readings", "seconds"}),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, tuple) else "",
)
def test_with_json_the_last_line_is_one_object(
    clinic: Clinic, arguments: tuple[str, ...], members: set[str]
) -> None:
    told = json.loads(run(*arguments, "--json").splitlines()[-1])
    assert members <= told.keys()
    assert not run(*arguments).splitlines()[-1].startswith("{")


@pytest.mark.parametrize(
    ("arguments", "error"),
    [
        (("seed_demo", "--clinic=Demo Clinic!"), "Slug: "),
        ((*SEED[:2], "--days=0"), "at least 1"),
        ((*SEED[:2], "--until=yesterday"), "“yesterday” is not a moment"),
        ((*SEED[:2], "--until=0001-01-01T00:00:00+14:00"), "is not a moment"),
        ((*SEED[:2], "--until=2016-01-01", "--days=366"), "366 days before 2016-01-01 is before 2015-01-01"),
        ((*SEED[:2], "--days=999999999999"), "is before 2015"),
        (("reconcile", "--clinic=alpha", "--since=yesterday"), "“yesterday” is not a moment"),
        (("reconcile", "--clinic=alpha", "--since=9999-12-31T23:59:59-14:00"), "is not a moment"),
        (("reconcile", "--clinic=alpha", "--since=2999-01-01"), "is not between 2015-01-01 and now"),
        (("reconcile", "--clinic=alpha", "--since=2014-12-31"), "is not between 2015-01-01 and now"),
        (("reconcile", "--clinic=alpha", "--patient=nobody"), "no patient with the id “nobody”"),
        (("reconcile", "--clinic=nowhere"), "There is no clinic “nowhere”"),
        (("sync_vendor", "--clinic=nowhere"), "There is no clinic “nowhere”"),
        (("rebuild_vital_days", "--clinic=nowhere"), "There is no clinic “nowhere”"),
        (("export_vital_days", "--clinic=nowhere", "--month=2026-10"), "There is no clinic “nowhere”"),
        (("export_vital_days", "--clinic=alpha", "--month=2026-13"), "“2026-13” is not a month"),
        (
            ("export_vital_days", "--clinic=alpha", "--month=2026-10", "--format=xlsx", "--json"),
            "--json needs --output",
        ),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, tuple) else "",
)
def test_what_is_wrong_is_one_line_and_nothing_is_made(
    clinic: Clinic, arguments: tuple[str, ...], error: str
) -> None:
    with pytest.raises(CommandError) as caught:
        run(*arguments)
    assert error in str(caught.value)
    assert "\n" not in str(caught.value)
    assert (Clinic.objects.count(), Patient.objects.for_clinic(clinic).count()) == (1, 1)
    assert not Reconciliation.objects.for_clinic(clinic).exists()


def test_a_check_of_vital_days_that_fails_says_so_in_json_too(clinic: Clinic) -> None:
    VitalDay.objects.for_clinic(clinic).update(readings=0)
    said = StringIO()
    with pytest.raises(CommandError, match="differ") as caught:
        call_command("rebuild_vital_days", "--clinic=alpha", "--check", "--json", stdout=said)
    assert caught.value.returncode == 1
    assert json.loads(said.getvalue())["differs"] is True
    assert VitalDay.objects.for_clinic(clinic).get().readings == 0
    assert "Corrected" in run("rebuild_vital_days", "--clinic=alpha")
    assert VitalDay.objects.for_clinic(clinic).get().readings == 1


def test_seeding_twice_adds_nothing_and_seeding_more_keeps_what_is_there(clinic: Clinic) -> None:
    def added(*options: str) -> tuple[int, int]:
        told = json.loads(run(*SEED, "--clinic=seeded", "--json", *options).splitlines()[-1])
        return told["patients"], told["readings"]

    patients, readings = added()
    assert patients == 1
    assert readings > 0
    seeded = Clinic.objects.get(slug="seeded")
    before = set(Measurement.objects.for_clinic(seeded).values_list("id", flat=True))
    assert added() == (0, 0)
    assert added("--patients=2")[0] == 1
    assert before < set(Measurement.objects.for_clinic(seeded).values_list("id", flat=True))
