"""Four workers, two schedulers and three comparisons at once: the vendor's second, the budget and a click.

The sandbox plays the vendor at its real rate. Each test prints its figures (`-s` shows them).
"""

from __future__ import annotations

import datetime
import itertools
import random
import signal
import time
from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial

import pytest
from django.utils import timezone

from clinics.models import Clinic, Role, User
from dashboard import demo
from devices.actions.ending import unlink_device
from devices.models import Device
from launcher import processes
from measurements.elements import settle
from measurements.models import Cause, DeviceCheck, Reconciliation
from measurements.reconcile import start
from tenovi.models import Request, RequestKind
from tenovi.sandbox import simulation
from tenovi.strict_json import JsonObject
from tests.factories import make_clinic, make_user
from tests.faults.house import House, eventually, send
from tests.sandbox_server import Sandbox, end, start_sandbox

pytestmark = pytest.mark.timeout(900)

PATIENTS, DAYS = 24, 40
BACK = (3, 10, 35)  # days, of the three comparisons
WORKERS = ("vendor", "vendor-2", "vendor-3", "vendor-4")
SCHEDULERS = ("beat", "beat-2")
WINDOW = 40  # requests in a row, over which the share of the budget is measured


@pytest.fixture(scope="module")
def until() -> datetime.datetime:
    return timezone.now()


@pytest.fixture(scope="module")
def sandbox(until: datetime.datetime) -> Iterator[Sandbox]:
    process, running = start_sandbox(
        f"--patients={PATIENTS}", f"--days={DAYS}", f"--until={until.isoformat()}"
    )
    yield running
    end(process)


@pytest.fixture(scope="module")
def account(until: datetime.datetime) -> simulation.Clinic:
    return simulation.Clinic(demo.SEED, PATIENTS, DAYS, until)


@pytest.fixture(scope="module")
def clinic(house: House, sandbox: Sandbox, account: simulation.Clinic) -> Clinic:
    """The sandbox's account with no reading of it here yet, and everything that works for it."""
    clinic = make_clinic("demo", tenovi_domain=sandbox.domain)
    clinic.tenovi_api_key = sandbox.api_key
    clinic.save()
    demo.add_account(clinic, account)
    house.environment["TENOVI_BASE_URL"] = sandbox.url
    house.start_workers()
    for name in WORKERS[1:]:
        house.start(name, processes.worker("vendor", log_level="WARNING"))
    house.start(SCHEDULERS[1], processes.beat(house.folder / "beat-2", log_level="WARNING"))
    return clinic


@pytest.fixture(scope="module")
def admin(clinic: Clinic) -> User:
    return make_user("admin@demo.test", clinic, Role.CLINIC_ADMIN)


@dataclass(frozen=True)
class Figures:
    """What the vendor saw. Seconds, and the best share over `WINDOW` requests."""

    requests: int
    smallest_gap: float
    share: float
    refused: int

    @classmethod
    def of(cls, sandbox: Sandbox) -> Figures:
        seen = sandbox.requests()
        times = sorted(each["monotonic"] for each in seen)
        spans = (times[place + WINDOW] - times[place] for place in range(len(times) - WINDOW))
        return cls(
            requests=len(times),
            smallest_gap=min(later - earlier for earlier, later in itertools.pairwise(times)),
            share=WINDOW / min(spans),
            refused=sum(each["status"] == 429 for each in seen),
        )


def compare_three_times(clinic: Clinic, until: datetime.datetime) -> None:
    for days in BACK:
        assert start(clinic=clinic, cause=Cause.PERSON, since=until - datetime.timedelta(days), by=None)


def is_compared(clinic: Clinic) -> bool:
    return not Reconciliation.objects.for_clinic(clinic).under_way().filter(cause=Cause.PERSON).exists()


def click(clinic: Clinic, admin: User, sandbox: Sandbox) -> float:
    """Unlink a device that still serves somebody; the seconds until that is on the wire."""
    device = Device.objects.for_clinic(clinic).filter(unlinked_at=None).order_by("hwi_device_id").first()
    assert device is not None
    clicked = time.monotonic()
    unlink_device(device=device, by=admin)
    path = f"/unlink-gateway/{device.hwi_device_id}/"

    def sent() -> list[float]:
        return [each["monotonic"] for each in sandbox.requests() if path in each["path"]]

    assert eventually(lambda: bool(sent()), seconds=240)
    return sent()[0] - clicked


def has_moved_on(sandbox: Sandbox, requests: int) -> bool:
    return len(sandbox.requests()) >= requests


def nothing_is_missing(clinic: Clinic, account: simulation.Clinic) -> bool:
    """Whether everything the vendor holds since the earliest comparison is here, by storing it again."""
    since = account.until - datetime.timedelta(max(BACK))
    rows = (
        row.wire() for device in account.devices for row in account.rows_of(device) if row.created >= since
    )
    results = settle(
        clinic, [JsonObject(list(row.items())) for row in rows], received_at=timezone.now(), source="fetch"
    )
    return not any(result.state == "stored" for result in results)


def test_the_second_is_kept_the_budget_used_and_a_click_goes_first(
    clinic: Clinic, admin: User, sandbox: Sandbox, account: simulation.Clinic
) -> None:
    compare_three_times(clinic, account.until)
    assert eventually(lambda: len(sandbox.requests()) > 5, seconds=240)
    delays = []
    for _ in range(5):
        delays.append(click(clinic, admin, sandbox))
        assert eventually(partial(has_moved_on, sandbox, len(sandbox.requests()) + 10), seconds=240)
        assert Request.objects.for_clinic(clinic).filter(kind=RequestKind.MEASUREMENTS).exists()
    assert eventually(lambda: is_compared(clinic), seconds=400)
    figures = Figures.of(sandbox)
    print(f"\n{figures}, unlink on the wire after {', '.join(f'{one:.2f}' for one in delays)} s")
    assert figures.smallest_gap >= 1.0
    assert figures.refused == 0
    assert figures.share >= 0.93
    assert max(delays) < 3
    assert not DeviceCheck.objects.for_clinic(clinic).filter(state="unverified").exists()
    assert nothing_is_missing(clinic, account)


def test_with_workers_redis_and_schedulers_dying_it_is_all_done_all_the_same(
    house: House, clinic: Clinic, admin: User, sandbox: Sandbox, account: simulation.Clinic
) -> None:
    sandbox.control("requests", method="DELETE")
    already = set(Reconciliation.objects.for_clinic(clinic).values_list("id", flat=True))
    compare_three_times(clinic, timezone.now())
    chance, killed = random.Random(1), 0
    deadline = time.monotonic() + 600
    while not is_compared(clinic) and time.monotonic() < deadline:
        time.sleep(chance.uniform(5, 9))
        victim = chance.choice([*WORKERS, *SCHEDULERS, "valkey"])
        process = house.valkey.process if victim == "valkey" else house.running[victim]
        assert process is not None
        send(process, signal.SIGKILL)
        process.wait()
        if killed == 1:
            unlink_device(device=Device.objects.for_clinic(clinic).filter(unlinked_at=None)[0], by=admin)
        killed += 1
        house.tend()
    figures = Figures.of(sandbox)
    print(f"\n{figures}, {killed} processes killed")
    assert is_compared(clinic)
    assert killed > 5
    assert figures.smallest_gap >= 1.0
    assert figures.refused == 0
    waiting = Request.objects.for_clinic(clinic).filter(kind=RequestKind.DEVICE_UNLINK)
    assert eventually(lambda: not waiting.exists(), seconds=300)
    checks = DeviceCheck.objects.for_clinic(clinic).exclude(reconciliation__in=already)
    assert set(checks.values_list("state", flat=True)) == {"verified"}
    assert nothing_is_missing(clinic, account)
