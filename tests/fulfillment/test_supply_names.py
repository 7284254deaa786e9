"""Supplies of an account to which the vendor gives no list: they are asked for by name."""

from __future__ import annotations

import json
from collections.abc import Iterator

import pytest
from django.db.models.functions import Now
from pytest_django import Settings

from clinics.models import Clinic, Role
from fulfillment.models import SupplyModule, SupplyRequest
from patients.models import Patient
from tenovi.models import Request, RequestKind
from tenovi.outbound.enqueue import enqueue
from tenovi.outbound.sender import drain
from tests.factories import make_patient, make_user
from tests.pages import signed_in, text_of
from tests.rest import api_client
from tests.vendor import stub_as_vendor, vendor_clinic
from tests.vendor_stub import Reply, VendorStub

pytestmark = pytest.mark.django_db(transaction=True)

TYPES, SUPPLIES = "/asr/supply-types/", "/devices/supply-requests/"
NUMBER, NAME = "7a0e7c11-93d4-4c1e-8f0d-0c3f5a1b7d99", "Trividia strips (50 ct)"


@pytest.fixture
def stub(settings: Settings) -> Iterator[VendorStub]:
    """The list of types stands on no page of the vendor, and this account has none."""
    with stub_as_vendor(settings) as running:
        running.reply(TYPES, Reply(404, {"detail": "Not found."}))
        running.reply(SUPPLIES, Reply(201, {"id": NUMBER, "supply_name": NAME}))
        yield running


@pytest.fixture
def clinic(stub: VendorStub) -> Clinic:
    clinic = vendor_clinic()
    enqueue(clinic, RequestKind.SUPPLY_TYPES)
    work(clinic)
    return clinic


@pytest.fixture
def patient(clinic: Clinic) -> Patient:
    address = {"address": "1 Main St", "city": "Irvine", "state": "CA", "zip_code": "92614"}
    return make_patient(clinic, name="Ada", address_status="Verified", **address)


def work(clinic: Clinic) -> None:
    """The queue is worked off, whatever rests for a while."""
    for _ in range(2):
        Request.objects.for_clinic(clinic).update(not_before=Now())
        drain()


def test_a_missing_list_closes_nothing_and_is_no_failure(clinic: Clinic) -> None:
    assert not Request.objects.for_clinic(clinic).exists()
    assert not SupplyModule.objects.for_clinic(clinic).exists()


def test_the_name_is_typed_and_goes_to_the_path_of_the_vendors_page(
    stub: VendorStub, clinic: Clinic, patient: Patient
) -> None:
    admin, page = signed_in(clinic, Role.CLINIC_ADMIN), f"/c/alpha/patients/{patient.id}/supplies/"
    assert "as your account representative at Tenovi gave it to you" in text_of(admin.get(page))
    assert "Enter the name of what is needed." in text_of(admin.post(page, {"token": "one"}))
    assert admin.post(page, {"name": NAME, "token": "one"}).status_code == 302
    work(clinic)
    assert [asked.method for asked in stub.asked if "supply-requests" in asked.path] == ["POST"]
    (sent,) = (json.loads(asked.body) for asked in stub.asked if asked.method == "POST")
    assert sent["supply_name"] == NAME
    assert SupplyRequest.objects.for_clinic(clinic).get().state == "confirmed"


def test_a_script_names_what_it_needs(clinic: Clinic, patient: Patient) -> None:
    script = api_client(make_user("script@alpha.test", clinic, Role.CLINIC_ADMIN))
    body = {"patient": patient.external_id, "supply_name": NAME}
    answer = script.post(
        "/api/v1/clinics/alpha/supplies/", body, headers={"Idempotency-Key": "one"}, format="json"
    )
    assert (answer.status_code, answer.json()["supply_name"]) == (201, NAME)
