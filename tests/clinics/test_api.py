"""What holds for every REST endpoint: who may ask, of which clinic, and that nothing breaks it."""

from __future__ import annotations

import base64
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

import pytest
from django.conf import settings
from django.test import Client
from django.urls import get_resolver
from rest_framework.test import APIClient

from clinics.models import AuditEvent, Clinic, Role
from fulfillment.models import Replacement, SupplyRequest
from patients.models import Patient
from tenovi.models import Delivery
from tests.factories import (
    GATEWAY_ID,
    deliver,
    element,
    held_device,
    make_clinic,
    make_gateway,
    make_order,
    make_user,
)
from tests.fulfillment.vendor import make_asked
from tests.rest import api_client

pytestmark = pytest.mark.django_db

PATIENT_DATA = {
    "patients/",
    "patients/mrn-7781/",
    "patients/mrn-7781/measurements/",
    "patients/mrn-7781/series/?metric=pulse",
    "devices/",
    "devices/{device}/",
    "orders/",
    "orders/{order}/",
    "fulfillment-events/",
    "special-orders/",
    "replacements/",
    "replacements/{replacement}/",
    "supplies/",
    "supplies/{supply}/",
    "supply-types/",
    "gateways/",
    "gateways/{gateway}/",
}
TAKES_POST = {"replacements/", "supplies/"}
VITAL_DAYS = {"vital-days/?month=2025-03"}
LEDGER = {"deliveries/", "deliveries/{delivery}/raw/", "queue/"}
EVERYTHING = PATIENT_DATA | VITAL_DAYS | LEDGER
MAY_OPEN = {
    Role.CARE_MANAGER: PATIENT_DATA | VITAL_DAYS,
    Role.CLINIC_ADMIN: EVERYTHING,
    Role.BILLING: VITAL_DAYS,
    "operator": LEDGER,
}


@dataclass
class World:
    """A clinic with one patient, device, gateway, reading, delivery and order."""

    clinic: Clinic
    device: str
    delivery: str
    order: str
    replacement: str
    supply: str

    def url(self, path: str) -> str:
        filled = path.format(**vars(self), gateway=GATEWAY_ID)
        return f"/api/v1/clinics/{self.clinic.slug}/{filled}"


def make_world(slug: str) -> World:
    clinic = make_clinic(slug)
    device = held_device(clinic)
    make_gateway(clinic)
    deliver(clinic, element(device))
    delivery = Delivery.objects.for_clinic(clinic).get()
    order = make_order(Patient.objects.for_clinic(clinic).get())
    return World(
        clinic,
        str(device.hwi_device_id),
        str(delivery.id),
        str(order.id),
        str(make_asked(Replacement, clinic, device, parts=["Gateway"]).id),
        str(make_asked(SupplyRequest, clinic, device, supply_name="Lancets").id),
    )


@pytest.fixture
def alpha() -> World:
    return make_world("alpha")


def caller(world: World, role: str) -> APIClient:
    if role == "operator":
        return api_client(make_user("operator@host.test", is_operator=True))
    return api_client(make_user(f"{role}@alpha.test", world.clinic, role))


def statuses(api: Any, world: World) -> dict[str, int]:
    return {path: api.get(world.url(path)).status_code for path in sorted(EVERYTHING)}


def test_the_table_of_rights_names_every_endpoint() -> None:
    routes = {name for name in get_resolver().reverse_dict if str(name).startswith("api-")}
    assert len(routes) == len(EVERYTHING)


def test_the_documentation_names_every_endpoint() -> None:
    text = (settings.BASE_DIR / "docs" / "api.md").read_text(encoding="utf-8")
    names = {
        "mrn-7781": "<external_id>",
        "{device}": "<hwi_device_id>",
        "{gateway}": "<gateway_id>",
        "{delivery}": "<id>",
        "{order}": "<id>",
        "{replacement}": "<id>",
        "{supply}": "<id>",
    }
    paths = {path.partition("?")[0] for path in EVERYTHING}
    for ours, documented in names.items():
        paths = {path.replace(ours, documented) for path in paths}
    assert {path for path in paths if f"`{path}`" not in text} == set()


@pytest.mark.parametrize("role", MAY_OPEN)
def test_a_role_opens_what_the_table_allows_and_nothing_else(alpha: World, role: str) -> None:
    expected = {path: 200 if path in MAY_OPEN[role] else 403 for path in EVERYTHING}
    assert statuses(caller(alpha, role), alpha) == expected


def test_without_token_or_session_everything_is_401(alpha: World) -> None:
    assert set(statuses(APIClient(), alpha).values()) == {401}


def test_a_401_names_the_scheme(alpha: World) -> None:
    assert APIClient().get(alpha.url("patients/"))["WWW-Authenticate"] == "Token"


@pytest.mark.parametrize(
    "credentials", ["Token", "Token 0123456789abcdef", "Token a b", "Token \xff\xfe", "Token é"]
)
def test_a_bad_token_is_401(alpha: World, credentials: str) -> None:
    api = APIClient()
    api.credentials(HTTP_AUTHORIZATION=credentials)
    assert api.get(alpha.url("patients/")).status_code == 401


def test_a_token_of_somebody_who_left_is_401(alpha: World) -> None:
    user = make_user("alice@alpha.test", alpha.clinic)
    api = api_client(user)
    user.is_active = False
    user.save()
    assert api.get(alpha.url("patients/")).status_code == 401


def test_the_browser_session_serves_as_well(alpha: World) -> None:
    browser = Client()
    browser.force_login(make_user("alice@alpha.test", alpha.clinic))
    assert browser.get(alpha.url("patients/")).status_code == 200


@pytest.mark.parametrize("role", [Role.CARE_MANAGER, Role.CLINIC_ADMIN, Role.BILLING])
def test_another_clinic_does_not_exist(alpha: World, role: str) -> None:
    charlie = api_client(make_user("charlie@beta.test", make_clinic("beta"), role))
    assert set(statuses(charlie, alpha).values()) == {404}


def test_objects_of_another_clinic_are_not_found_in_ones_own(alpha: World) -> None:
    beta = make_clinic("beta")
    charlie = api_client(make_user("charlie@beta.test", beta, Role.CLINIC_ADMIN))
    in_beta = replace(alpha, clinic=beta)
    assert {path: status for path, status in statuses(charlie, in_beta).items() if status != 200} == {
        "patients/mrn-7781/": 404,
        "patients/mrn-7781/measurements/": 404,
        "patients/mrn-7781/series/?metric=pulse": 404,
        "devices/{device}/": 404,
        "gateways/{gateway}/": 404,
        "replacements/{replacement}/": 404,
        "supplies/{supply}/": 404,
        "deliveries/{delivery}/raw/": 404,
        "orders/{order}/": 404,
    }
    for path in ("devices/", "gateways/", "orders/"):
        assert charlie.get(in_beta.url(path)).json()["results"] == []


def test_a_refusal_is_written_down(alpha: World) -> None:
    caller(alpha, Role.BILLING).get(alpha.url("patients/"))
    event = AuditEvent.objects.get(action="access_denied")
    assert (event.actor_label, event.clinic_id) == ("billing@alpha.test", alpha.clinic.id)


@pytest.mark.parametrize("path", sorted(EVERYTHING | {"patients/nobody/"}))
def test_no_answer_is_kept_by_a_browser_or_proxy(alpha: World, path: str) -> None:
    answer = caller(alpha, Role.CLINIC_ADMIN).get(alpha.url(path))
    assert answer["Cache-Control"] == "no-store"


WRITABLE = {
    "delete": {"replacements/{replacement}/", "supplies/{supply}/"},
    "post": {"patients/", "orders/", *TAKES_POST},
    "patch": {"patients/mrn-7781/"},
}


@pytest.mark.parametrize("method", ["post", "put", "patch", "delete", "options"])
def test_nothing_else_can_be_written(alpha: World, method: str) -> None:
    api = caller(alpha, Role.CLINIC_ADMIN)
    paths = EVERYTHING - WRITABLE.get(method, set())
    assert {getattr(api, method)(alpha.url(path)).status_code for path in paths} == {405}


@pytest.mark.parametrize("path", sorted(TAKES_POST))
def test_what_is_posted_by_whoever_may_must_be_whole(alpha: World, path: str) -> None:
    api = caller(alpha, Role.CLINIC_ADMIN)
    bodies: list[Any] = [{}, [], "text", None]
    for body in bodies:
        assert api.post(alpha.url(path), body, format="json").status_code == 400
    assert caller(alpha, Role.CARE_MANAGER).post(alpha.url(path), {}, format="json").status_code == 403


@pytest.mark.parametrize("accept", ["text/html", "application/xml", "nonsense"])
def test_the_answer_is_json_whatever_the_caller_accepts(alpha: World, accept: str) -> None:
    answer = caller(alpha, Role.CLINIC_ADMIN).get(
        alpha.url("patients/?format=api"), headers={"Accept": accept}
    )
    assert (answer.status_code, answer["Content-Type"]) == (200, "application/json")


def test_a_path_that_means_nothing_is_answered_in_the_apis_style() -> None:
    answer = Client().get("/api/v1/clinics/alpha/nothing/")
    assert (answer.status_code, answer.json()) == (404, {"detail": "Not found."})


@pytest.mark.parametrize(
    "cursor", ["x", "\0", "cD0yMDI1LTAzLTA0", "a:b:c", base64.b64encode(b"r=1&p=9").decode(), "0" * 5000]
)
def test_a_cursor_that_is_not_ours_is_a_field_error(alpha: World, cursor: str) -> None:
    api = caller(alpha, Role.CLINIC_ADMIN)
    for path in (
        *("patients/", "patients/mrn-7781/measurements/", "vital-days/"),
        *("devices/", "gateways/", "deliveries/", "orders/"),
    ):
        answer = api.get(alpha.url(path), {"month": "2025-03", "cursor": cursor})
        assert (answer.status_code, list(answer.json())) == (400, ["cursor"])


def test_a_cursor_of_another_list_is_a_field_error(alpha: World) -> None:
    held_device(alpha.clinic, "tenovi-scale")
    admin = caller(alpha, Role.CLINIC_ADMIN)
    foreign = admin.get(alpha.url("devices/"), {"page_size": 1}).json()["next"].partition("cursor=")[2]
    assert admin.get(alpha.url(f"patients/?cursor={foreign}")).status_code == 400


@pytest.mark.parametrize("page_size", ["0", "-1", "1001", "many", "1e3", "\0"])
def test_a_bad_page_size_is_a_field_error(alpha: World, page_size: str) -> None:
    answer = caller(alpha, Role.CLINIC_ADMIN).get(alpha.url("devices/"), {"page_size": page_size})
    assert (answer.status_code, list(answer.json())) == (400, ["page_size"])


JUNK = [
    "%00",
    "mrn%00",
    "%FF%FE",
    "%ED%A0%80",
    "%0A",
    "%2e%2e",
    "'%22--",
    "a%2Fb",
    "%F0%9F%92%8A",
    "x" * 3000,
]
QUERIES = {
    "patients/": ("page_size", "cursor"),
    "patients/mrn-7781/measurements/": ("metric", "taken_after", "taken_before"),
    "patients/mrn-7781/series/": ("metric", "from", "to"),
    "vital-days/": ("month",),
    "deliveries/": ("state",),
}


def junk_paths() -> Iterator[str]:
    for junk in JUNK:
        yield f"patients/{junk}/"
        yield f"patients/{junk}/measurements/"
        yield f"patients/{junk}/series/?metric=pulse"
        yield f"devices/{junk}/"
        yield f"gateways/{junk}/"
        yield f"orders/{junk}/"
        yield f"deliveries/{junk}/raw/"
        for path, names in QUERIES.items():
            for name in names:
                yield f"{path}?{name}={junk}"


def test_junk_is_never_an_error_of_ours(alpha: World) -> None:
    api = caller(alpha, Role.CLINIC_ADMIN)
    answers = {path: api.get(alpha.url("") + path).status_code for path in junk_paths()}
    assert {path: status for path, status in answers.items() if status not in (200, 400, 404)} == {}


def test_a_junk_clinic_is_not_found(alpha: World) -> None:
    api = caller(alpha, Role.CLINIC_ADMIN)
    assert {api.get(f"/api/v1/clinics/{junk}/patients/").status_code for junk in JUNK} == {404}


def test_errors_never_name_a_patient(alpha: World) -> None:
    api = caller(alpha, Role.CLINIC_ADMIN)
    for path in ("patients/jane-doe/", "vital-days/?month=jane-doe", "deliveries/?state=\0"):
        assert b"jane" not in api.get(alpha.url(path)).content
