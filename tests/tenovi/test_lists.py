"""A list of the vendor's counts as read only when its end is proven, whatever the list is of."""

from __future__ import annotations

import datetime
import uuid
from typing import Any

import pytest
from django.db.models.functions import Now
from django.test import Client
from django.utils import timezone

from clinics.models import Clinic, Role
from measurements.models import DeviceCheck, Verification
from measurements.reconcile import start
from tenovi.client.endpoints import TenoviClient
from tenovi.client.gate import NoLimit
from tenovi.client.records import Page
from tenovi.models import Call, ParkedKey, Request, RequestKind
from tenovi.outbound.calls import CALLS, FETCHES
from tenovi.outbound.enqueue import enqueue
from tenovi.outbound.sender import drain
from tests.factories import held_device, make_user
from tests.vendor import vendor_clinic, wire_page
from tests.vendor_stub import DOMAIN, KEY, Reply, VendorStub

pytestmark = pytest.mark.django_db(transaction=True)

DEVICE = str(uuid.UUID(int=7))
LISTS: dict[str, str] = {
    RequestKind.DEVICES: "",
    RequestKind.DEVICES_OF_PATIENT: "mrn-1",
    RequestKind.DEVICES_ON_HARDWARE: "0123456789AB",
    RequestKind.DEVICES_WITH_PROPERTY: "step_goal",
    RequestKind.PATIENTS: "",
    RequestKind.MEASUREMENTS: f"{DEVICE}@20261101T0000-20261102T000000",
    RequestKind.MEASUREMENTS_OF_PATIENT: f"{DEVICE}-0@20261101T0000-20261102T000000",
    RequestKind.DEVICE_TYPES: "",
    RequestKind.GATEWAYS: "",
    RequestKind.HARDWARE_LOG: "",
    RequestKind.HARDWARE_SEARCH: "A1B2C3D4E5F6",
    RequestKind.PROPERTIES: DEVICE,
    RequestKind.WEBHOOKS: "",
    RequestKind.REPLACEMENTS: "",
    RequestKind.BULK_ORDERS: "",
    RequestKind.SUPPLY_TYPES: "",
    RequestKind.SUPPLY_REQUESTS: "",
}
"""Every kind of request that is answered with a list, and a target for it."""

ROW, OTHER, THIRD = {"n": 1}, {"n": 2}, {"n": 3}
GONE = Reply(404, {"detail": "Invalid page."})
UNPROVEN = {
    "the next page is gone": ([wire_page(ROW, then=2), GONE], "no longer had page 2"),
    "a page comes twice": ([wire_page(ROW, then=2), wire_page(ROW, then=3)], "the same page twice"),
    "an empty page names another": ([wire_page(ROW, then=2), wire_page(then=3)], "an empty page named"),
    "an array may have been cut": ([Reply(body=[ROW] * 1000)], "without pages"),
    "fewer rows than counted": ([wire_page(ROW, total=2000)], "counted 2,000 rows and sent 1."),
    "the page says nothing": ([Reply(body={"results": [ROW]})], "did not say"),
    "an array instead of page two": ([wire_page(ROW, then=2), Reply(body=[OTHER])], "did not say"),
}
PROVEN = {
    "a null next": [wire_page(ROW, then=2), wire_page(OTHER, THIRD)],
    "a null next without a count": [Reply(body={"next": None, "results": [ROW]})],
    "as many rows as counted, and the next page is gone": [wire_page(ROW, OTHER, THIRD, then=2), GONE],
    "as many rows as counted, and an empty page": [wire_page(ROW, OTHER, THIRD, then=2), wire_page(then=3)],
    "a short array": [Reply(body=[ROW])],
    "nothing at all": [Reply(body=[])],
}


@pytest.fixture
def clinic(stub: VendorStub) -> Clinic:
    return vendor_clinic()


def params_of(kind: str) -> dict[str, Any]:
    if kind not in FETCHES:
        return {}
    now = timezone.now()
    since = now - datetime.timedelta(days=3)
    span = {"created_gte": f"{since:%Y-%m-%dT%H:%M:%SZ}", "created_lt": f"{now:%Y-%m-%dT%H:%M:%SZ}"}
    return span | ({} if kind == RequestKind.MEASUREMENTS else {"external_id": "mrn-1"})


def read_list(clinic: Clinic, stub: VendorStub, kind: str, replies: list[Reply]) -> None:
    """Ask for a list that the vendor answers like this however often, until nothing is due any more."""
    enqueue(clinic, kind, LISTS[kind], params=params_of(kind))
    for _ in range(3):
        stub.reply_to_everything(*replies)
        drain()
        mine = Request.objects.for_clinic(clinic).filter(kind=kind)
        mine.filter(state="waiting").update(not_before=Now())


def test_every_list_that_is_called_stands_in_this_table(stub: VendorStub) -> None:
    stub.reply_to_everything(Reply(body=[]))
    client = TenoviClient(stub.url, DOMAIN, KEY, gate=NoLimit())
    lists = set()
    for kind, call in CALLS.items():
        try:
            answer = call(client, Request(kind=kind, target=DEVICE, params=params_of(kind)))
        except Exception:  # one thing, which an empty list is not
            continue
        if isinstance(answer, Page):
            lists.add(kind)
    assert lists == set(LISTS)


CASES_OF_ONE = [(RequestKind.DEVICES, case) for case in UNPROVEN]
ONE_OF_EACH_KIND = [(kind, "the next page is gone") for kind in LISTS]


@pytest.mark.parametrize(("kind", "case"), sorted({*CASES_OF_ONE, *ONE_OF_EACH_KIND}))
def test_an_end_that_is_not_proven_is_told_in_words_and_read_again(
    clinic: Clinic, stub: VendorStub, kind: str, case: str
) -> None:
    replies, words = UNPROVEN[case]
    read_list(clinic, stub, kind, replies)
    told = Call.objects.for_clinic(clinic).newest_first()[0]
    assert words in told.reason
    assert len(stub.asked) == 3 * len(replies)  # each time from the first page
    assert not Request.objects.for_clinic(clinic).filter(kind=kind).exclude(state="parked").exists()
    assert not ParkedKey.objects.exists()  # one odd list says nothing about the vendor


@pytest.mark.parametrize("kind", sorted(LISTS))
def test_a_proven_end_of_any_kind_is_the_end(clinic: Clinic, stub: VendorStub, kind: str) -> None:
    replies = PROVEN["a null next"]
    read_list(clinic, stub, kind, replies)
    assert not Request.objects.for_clinic(clinic).filter(kind=kind).exists()
    assert len(stub.asked) == len(replies)


@pytest.mark.parametrize("case", PROVEN)
def test_an_end_is_proven_by_a_null_next_or_by_as_many_rows_as_counted(
    clinic: Clinic, stub: VendorStub, case: str
) -> None:
    read_list(clinic, stub, RequestKind.DEVICES, PROVEN[case])
    assert not Request.objects.for_clinic(clinic).filter(kind=RequestKind.DEVICES).exists()
    assert len(stub.asked) == len(PROVEN[case])


def test_a_device_with_none_of_2000_rows_is_not_verified_and_the_page_says_why(
    clinic: Clinic, stub: VendorStub, client: Client
) -> None:
    device = held_device(clinic)
    rows = [{"metric": "weight", "hwi_device_id": str(device.hwi_device_id), "n": n} for n in range(2)]
    since = timezone.now() - datetime.timedelta(days=3)
    run = start(clinic=clinic, cause="person", since=since, by=None)
    assert run is not None
    for _ in range(3):
        stub.reply_to_everything(wire_page(*rows, then=2, total=2000), GONE)
        drain()
        Request.objects.for_clinic(clinic).filter(state="waiting").update(not_before=Now())
    assert not Verification.objects.for_clinic(clinic).exists()
    check = DeviceCheck.objects.for_clinic(clinic).get()
    assert (check.state, check.fetched) == ("unverified", 2)
    run.refresh_from_db()
    assert run.finished_at
    client.force_login(make_user("admin@alpha.test", clinic, Role.CLINIC_ADMIN))
    page = client.get("/c/alpha/completeness/").content.decode()
    assert "was not read to its end, so nothing counts as compared: it no longer had page 2." in page


def test_readings_that_came_without_pages_are_not_verified_beyond_thirty_days(
    clinic: Clinic, stub: VendorStub
) -> None:
    held_device(clinic)
    stub.reply_to_everything(Reply(body=[]))
    for days, states in ((29, {"verified"}), (31, {"verified", "waiting"})):
        start(clinic=clinic, cause="person", since=timezone.now() - datetime.timedelta(days=days), by=None)
        drain()
        found = DeviceCheck.objects.for_clinic(clinic).values_list("state", flat=True)
        assert set(found) == states
