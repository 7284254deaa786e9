"""What webhooks missed is found by asking the vendor, over real HTTP."""

from __future__ import annotations

import datetime
import io
import json
import uuid
from collections.abc import Iterator
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.db.models import Max
from django.test import Client
from django.utils import timezone
from pytest_django import Settings

from clinics.models import Clinic, Role
from dashboard import demo
from devices.from_vendor import ask_about_unknown_devices, settle_what_became_known
from devices.models import Assignment, Device
from measurements import reconcile_schedule
from measurements.elements import settle
from measurements.models import DeviceCheck, Measurement, Reconciliation, Verification
from measurements.reconcile import SETTLING, start
from tenovi.models import Delivery, DeliveryItem, Heartbeat, Priority, Request, RequestKind
from tenovi.outbound.enqueue import enqueue
from tenovi.outbound.sender import drain
from tenovi.sandbox import simulation
from tenovi.strict_json import JsonObject
from tests.factories import make_clinic, make_patient, make_user
from tests.sandbox_server import Sandbox

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.clock]
PATIENTS = 6


@pytest.fixture
def account() -> simulation.Clinic:
    return simulation.Clinic(demo.SEED, 24, 90, timezone.now())


@pytest.fixture
def clinic(settings: Settings, sandbox: Sandbox, account: simulation.Clinic) -> Iterator[Clinic]:
    """Registered devices of the sandbox's first patients, and a vendor in a hurry."""
    settings.TENOVI_SPACING_SECONDS = 0.01
    settings.TENOVI_BASE_URL = sandbox.url
    key = f"key-{uuid.uuid4()}"
    sandbox.control("settings", {"rate_seconds": 0})
    sandbox.control("keys", {"keys": [key]})
    clinic = make_clinic(tenovi_domain=sandbox.domain)
    clinic.tenovi_api_key = key
    clinic.save()
    account.patients = account.patients[:PATIENTS]
    account.devices = [device for patient in account.patients for device in patient.devices]
    demo.add_account(clinic, account)
    yield clinic
    sandbox.control("reset", {})


def reconcile(*options: str) -> dict[str, int]:
    out = io.StringIO()
    call_command(
        "reconcile", "--clinic", "alpha", "--wait", "--json", *options, stdout=out, stderr=io.StringIO()
    )
    figures: dict[str, int] = json.loads(out.getvalue().splitlines()[-1])
    return figures


def heard(clinic: Clinic, account: simulation.Clinic, since: datetime.datetime, *, all_but_every: int) -> int:
    """The webhooks that came in: all since that moment but every so-many-th; how many were withheld."""
    rows = [
        row.wire() for device in account.devices for row in account.rows_of(device) if row.created >= since
    ]
    kept = [JsonObject(list(row.items())) for n, row in enumerate(rows) if n % all_but_every]
    settle(clinic, kept, received_at=timezone.now(), source="webhook")
    return len(rows) - len(kept)


def test_what_the_webhook_missed_is_stored_and_counted(clinic: Clinic, account: simulation.Clinic) -> None:
    since = timezone.now() - datetime.timedelta(days=3)
    withheld = heard(clinic, account, since, all_but_every=5)
    known = Measurement.objects.for_clinic(clinic).count()
    figures = reconcile("--since", since.isoformat())
    found = Measurement.objects.for_clinic(clinic).count() - known
    devices = Device.objects.for_clinic(clinic).count()
    assert figures == {
        "devices": devices,
        "requests": devices,
        "fetched": figures["fetched"],
        "missing": found,
        "stored": found,
        "unverified": 0,
    }
    assert 0.9 * withheld <= found <= withheld  # a watch may have sent the same hour twice
    assert reconcile("--since", since.isoformat())["missing"] == 0
    heard(clinic, account, since, all_but_every=10**9)
    assert Measurement.objects.for_clinic(clinic).count() == known + found


def test_webhook_and_fetch_make_the_same_rows(clinic: Clinic, account: simulation.Clinic) -> None:
    since = timezone.now() - datetime.timedelta(days=3)
    reconcile("--since", since.isoformat())
    before = Measurement.objects.for_clinic(clinic).count()
    heard(clinic, account, since, all_but_every=10**9)
    assert Measurement.objects.for_clinic(clinic).count() == before > 0


def test_a_device_is_verified_up_to_shortly_before_the_run(clinic: Clinic) -> None:
    reconcile()
    run = Reconciliation.objects.for_clinic(clinic).get()
    verified = Verification.objects.for_clinic(clinic)
    assert verified.count() == Device.objects.for_clinic(clinic).count()
    assert {one.verified_to for one in verified} == {run.until - SETTLING}


def test_only_the_devices_of_a_patient_are_asked_about(clinic: Clinic, account: simulation.Clinic) -> None:
    patient = account.patients[0]
    assert reconcile("--patient", patient.external_id.lower())["devices"] == len(patient.devices)
    with pytest.raises(CommandError, match="no patient"):
        reconcile("--patient", "nobody")


def test_readings_of_a_device_we_never_knew_are_found_under_the_patients_id(
    clinic: Clinic, account: simulation.Clinic
) -> None:
    patient = account.patients[0]
    unknown = uuid.UUID(patient.devices[0].id)
    Assignment.objects.for_clinic(clinic).filter(device__hwi_device_id=unknown).delete()
    Device.objects.for_clinic(clinic).filter(hwi_device_id=unknown).delete()
    figures = reconcile("--patient", patient.external_id, "--since", "2020-01-01")
    assert (figures["devices"], figures["unverified"]) == (len(patient.devices) - 1, 0)
    waiting = DeliveryItem.objects.for_clinic(clinic).quarantined().naming_device(unknown)
    assert set(waiting.values_list("reason", flat=True)) == {"unknown_device"}
    ask_about_unknown_devices()
    drain(seconds=5)
    settle_what_became_known()
    found = Measurement.objects.for_clinic(clinic).filter(hwi_device_id=unknown)
    assert set(found.values_list("patient__external_id", flat=True)) == {patient.external_id}
    assert reconcile("--patient", patient.external_id, "--since", "2020-01-01")["missing"] == 0


def test_a_patient_that_the_vendor_does_not_know_is_told(
    clinic: Clinic, sandbox: Sandbox, client: Client
) -> None:
    make_patient(clinic, "only-here")
    sandbox.control("faults", {"kind": "status", "status": 404, "path": "only-here", "times": None})
    assert reconcile("--patient", "only-here") == {
        **dict.fromkeys(("devices", "requests", "fetched", "missing", "stored"), 0),
        "unverified": 1,
    }
    client.force_login(make_user("admin@alpha.test", clinic, Role.CLINIC_ADMIN))
    page = client.get("/c/alpha/completeness/").content.decode()
    assert "The patient’s own list: Tenovi does not know this patient." in page


def test_more_rows_than_one_page_holds_are_all_fetched(clinic: Clinic, account: simulation.Clinic) -> None:
    watch_owner = account.patients[1].external_id  # hourly bins: over 1,000 rows in 90 days
    figures = reconcile("--patient", watch_owner, "--since", "2020-01-01")
    assert figures["requests"] > figures["devices"]
    assert figures["stored"] > 1000
    account.devices = account.patients[1].devices
    heard(clinic, account, account.since, all_but_every=10**9)
    assert Measurement.objects.for_clinic(clinic).count() == figures["stored"]


def test_a_reading_that_cannot_be_trusted_is_listed_once(clinic: Clinic, sandbox: Sandbox) -> None:
    device = Device.objects.for_clinic(clinic).first()
    assert device is not None
    sandbox.control(
        "faults",
        {
            "kind": "body",
            "path": str(device.hwi_device_id),
            "times": None,
            "body": [
                {
                    "metric": "weight",
                    "hwi_device_id": str(device.hwi_device_id),
                    "timestamp": "2026-01-01T10:00:00Z",
                }
            ],
        },
    )
    assert reconcile()["missing"] > 0
    reconcile()
    listed = Delivery.objects.for_clinic(clinic).waiting_for_attention()
    assert [item.reason for one in listed for item in one.items.across_clinics()] == ["value_missing"]


def test_a_device_the_vendor_cannot_answer_for_is_named(clinic: Clinic, sandbox: Sandbox) -> None:
    device = Device.objects.for_clinic(clinic).order_by("hwi_device_id").first()
    assert device is not None
    sandbox.control(
        "faults", {"kind": "status", "status": 400, "path": str(device.hwi_device_id), "times": None}
    )
    assert reconcile()["unverified"] == 1
    check = DeviceCheck.objects.for_clinic(clinic).get(state="unverified")
    assert (check.device, check.reason) == (device, "Tenovi refused the request (400).")


def nightly(clinic: Clinic) -> Reconciliation:
    now = timezone.now()
    run = start(
        clinic=clinic, cause="nightly", since=now - datetime.timedelta(days=3), by=None, slot=str(now)
    )
    assert run is not None
    while not Reconciliation.objects.for_clinic(clinic).get(id=run.id).finished_at:
        drain(seconds=2)
        reconcile_schedule.look()
    return run


def test_a_nightly_run_skips_only_devices_with_nothing_new(clinic: Clinic, sandbox: Sandbox) -> None:
    nightly(clinic)
    used = Device.objects.for_clinic(clinic).filter(last_measurement_at__isnull=False).first()
    assert used is not None
    sandbox.control("live", {"device": str(used.hwi_device_id)})
    newest = Verification.objects.for_clinic(clinic).aggregate(at=Max("verified_to"))["at"]
    Verification.objects.for_clinic(clinic).update(verified_to=newest + SETTLING)
    run = nightly(clinic)
    checks = DeviceCheck.objects.for_clinic(clinic).filter(reconciliation=run)
    asked = set(checks.exclude(state="skipped").values_list("device", flat=True))
    silent = set(
        Device.objects.for_clinic(clinic).filter(last_measurement_at=None).values_list("id", flat=True)
    )
    assert asked == {used.id} | silent
    assert Measurement.objects.for_clinic(clinic).filter(device=used, source="fetch").exists()


def test_a_scheduled_run_happens_once_however_many_schedulers_there_are(clinic: Clinic) -> None:
    now = timezone.now()
    runs = [start(clinic=clinic, cause="weekly", since=now, by=None, slot="2026-11-22") for _ in range(3)]
    assert [run is not None for run in runs] == [True, False, False]


def test_a_click_goes_before_a_comparison_that_a_person_asked_for(clinic: Clinic) -> None:
    since = timezone.now() - datetime.timedelta(days=3)
    assert start(clinic=clinic, cause="person", since=since, by=None)
    enqueue(clinic, RequestKind.DEVICE, str(uuid.UUID(int=7)), priority=Priority.PERSON)
    first = Request.objects.for_clinic(clinic).most_urgent_first().first()
    assert first is not None
    assert first.kind == RequestKind.DEVICE


def test_a_gap_in_the_heartbeat_is_compared_once(clinic: Clinic) -> None:
    minute = timezone.now().replace(second=0, microsecond=0) - datetime.timedelta(hours=3)
    for minutes in (0, 1, 2, 9, 10):
        Heartbeat.objects.create(minute=minute + datetime.timedelta(minutes=minutes))
    reconcile_schedule.look()
    reconcile_schedule.look()
    runs: list[Any] = list(Reconciliation.objects.for_clinic(clinic).filter(cause="outage"))
    assert [run.since for run in runs] == [
        minute + datetime.timedelta(minutes=2) - datetime.timedelta(hours=48)
    ]
