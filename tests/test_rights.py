"""Who may open what: every address there is, for every role, for nobody, and in somebody else's clinic.

The table is what a reviewer reads. A route that is missing from it fails the first test, so nothing
new is open, or closed, by accident.
"""

from __future__ import annotations

import dataclasses
import datetime
import re
from collections.abc import Iterator
from typing import Any

import pytest
from django.db import connection, transaction
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import URLPattern, get_resolver

from clinics.actions import invitations
from clinics.models import AuditEvent, Clinic, Membership, Role, User
from fulfillment.models import Replacement, SupplyRequest
from measurements.models import Measurement
from patients.models import Alert
from tenovi.models import Request, RequestKind
from tenovi.outbound import enqueue as queue
from tests.factories import (
    deliver,
    element,
    enroll,
    held_device,
    make_clinic,
    make_gateway,
    make_order,
    make_patient,
    make_user,
)
from tests.fulfillment.vendor import make_asked, order, tell_order, the_order

pytestmark = pytest.mark.django_db

TABLE = """
care admin billing operator
  ✔    ✔      –      –      GET   c/<slug:clinic>/patients/
  ✔    ✔      –      –      GET   c/<slug:clinic>/patients/new/
  ✔    ✔      –      –      POST  c/<slug:clinic>/patients/new/
  ✔    ✔      –      –      GET   c/<slug:clinic>/patients/<uuid:patient_id>/
  ✔    ✔      –      –      GET   c/<slug:clinic>/patients/<uuid:patient_id>/edit/
  ✔    ✔      –      –      POST  c/<slug:clinic>/patients/<uuid:patient_id>/edit/
  ✔    ✔      –      –      GET   c/<slug:clinic>/patients/<uuid:patient_id>/confirm-address/
  ✔    ✔      –      –      POST  c/<slug:clinic>/patients/<uuid:patient_id>/confirm-address/
  ✔    ✔      –      –      GET   c/<slug:clinic>/patients/<uuid:patient_id>/programs/
  ✔    ✔      –      –      POST  c/<slug:clinic>/patients/<uuid:patient_id>/programs/
  ✔    ✔      –      –      POST  c/<slug:clinic>/patients/<uuid:patient_id>/programs/<int:enrollment_id>/end/
  ✔    ✔      –      –      POST  c/<slug:clinic>/patients/<uuid:patient_id>/send/
  ✔    ✔      –      –      GET   c/<slug:clinic>/patients/<uuid:patient_id>/news/
  ✔    ✔      –      –      POST  c/<slug:clinic>/patients/<uuid:patient_id>/alerts/<uuid:alert_id>/seen/
  ✔    ✔      –      –      GET   c/<slug:clinic>/patients/<uuid:patient_id>/<iso:day>/
  ✔    ✔      –      –      POST  c/<slug:clinic>/patients/<uuid:patient_id>/<iso:day>/readings/<int:reading_id>/exclude/
  ✔    ✔      –      –      POST  c/<slug:clinic>/patients/<uuid:patient_id>/<iso:day>/readings/<int:reading_id>/restore/
  –    ✔      –      –      GET   c/<slug:clinic>/patients/<uuid:patient_id>/discharge/
  –    ✔      –      –      POST  c/<slug:clinic>/patients/<uuid:patient_id>/discharge/
  ✔    ✔      –      –      GET   c/<slug:clinic>/patients/archived/
  –    ✔      –      –      GET   c/<slug:clinic>/patients/<uuid:patient_id>/delete/
  –    ✔      –      –      POST  c/<slug:clinic>/patients/<uuid:patient_id>/delete/
  –    ✔      –      –      POST  c/<slug:clinic>/patients/<uuid:patient_id>/restore/
  ✔    ✔      –      –      GET   c/<slug:clinic>/patients/<uuid:patient_id>/limits/
  ✔    ✔      –      –      POST  c/<slug:clinic>/patients/<uuid:patient_id>/limits/
  ✔    ✔      –      –      GET   c/<slug:clinic>/devices/
  ✔    ✔      –      –      POST  c/<slug:clinic>/devices/hardware-log/search/
  ✔    ✔      –      –      GET   c/<slug:clinic>/devices/<uuid:device_id>/
  –    ✔      –      –      GET   c/<slug:clinic>/devices/<uuid:device_id>/holder/
  –    ✔      –      –      POST  c/<slug:clinic>/devices/<uuid:device_id>/holder/
  –    ✔      –      –      GET   c/<slug:clinic>/devices/<uuid:device_id>/properties/
  –    ✔      –      –      POST  c/<slug:clinic>/devices/<uuid:device_id>/properties/
  –    ✔      –      –      GET   c/<slug:clinic>/devices/<uuid:device_id>/end/
  –    ✔      –      –      POST  c/<slug:clinic>/devices/<uuid:device_id>/end/
  –    ✔      –      –      GET   c/<slug:clinic>/devices/<uuid:device_id>/hardware/
  –    ✔      –      –      POST  c/<slug:clinic>/devices/<uuid:device_id>/hardware/
  ✔    ✔      –      –      GET   c/<slug:clinic>/gateways/
  ✔    ✔      –      –      GET   c/<slug:clinic>/gateways/<uuid:gateway_id>/
  ✔    ✔      –      –      GET   c/<slug:clinic>/orders/<uuid:order_id>/
  –    ✔      –      –      POST  c/<slug:clinic>/orders/<uuid:order_id>/decide/
  –    ✔      –      –      POST  c/<slug:clinic>/orders/<uuid:order_id>/told/
  ✔    ✔      –      –      GET   c/<slug:clinic>/fulfillment/
  ✔    ✔      –      –      GET   c/<slug:clinic>/fulfillment/export.csv
  ✔    ✔      –      –      GET   c/<slug:clinic>/fulfillment/orders/
  –    ✔      –      –      GET   c/<slug:clinic>/fulfillment/orders/new/
  –    ✔      –      –      GET   c/<slug:clinic>/fulfillment/orders/new/stock/
  –    ✔      –      –      POST  c/<slug:clinic>/fulfillment/orders/new/stock/
  –    ✔      –      –      POST  c/<slug:clinic>/orders/<uuid:order_id>/shipped/
  ✔    ✔      –      –      GET   c/<slug:clinic>/fulfillment/to-ship/
  –    ✔      –      –      GET   c/<slug:clinic>/patients/<uuid:patient_id>/order/
  –    ✔      –      –      POST  c/<slug:clinic>/patients/<uuid:patient_id>/order/
  ✔    ✔      –      –      GET   c/<slug:clinic>/fulfillment/special-orders/
  ✔    ✔      –      –      GET   c/<slug:clinic>/fulfillment/special-orders/<uuid:special_order_id>/
  ✔    ✔      –      –      GET   c/<slug:clinic>/fulfillment/replacements/
  ✔    ✔      –      –      GET   c/<slug:clinic>/fulfillment/replacements/<uuid:replacement_id>/
  –    ✔      –      –      POST  c/<slug:clinic>/fulfillment/replacements/<uuid:replacement_id>/act/
  –    ✔      –      –      GET   c/<slug:clinic>/devices/<uuid:device_id>/replace/
  –    ✔      –      –      POST  c/<slug:clinic>/devices/<uuid:device_id>/replace/
  ✔    ✔      –      –      GET   c/<slug:clinic>/fulfillment/supplies/
  ✔    ✔      –      –      GET   c/<slug:clinic>/fulfillment/supplies/<uuid:supply_id>/
  –    ✔      –      –      POST  c/<slug:clinic>/fulfillment/supplies/<uuid:supply_id>/act/
  –    ✔      –      –      GET   c/<slug:clinic>/patients/<uuid:patient_id>/supplies/
  –    ✔      –      –      POST  c/<slug:clinic>/patients/<uuid:patient_id>/supplies/
  ✔    ✔      ✔      –      GET   c/<slug:clinic>/billing/
  ✔    ✔      ✔      –      GET   c/<slug:clinic>/billing/<uuid:patient_id>/<iso:day>/
  ✔    ✔      ✔      –      GET   c/<slug:clinic>/billing/<uuid:patient_id>/periods/
  –    –      ✔      –      POST  c/<slug:clinic>/billing/<uuid:patient_id>/periods/set/
  –    –      ✔      –      GET   c/<slug:clinic>/billing/vital-days.<slug:form>
  –    ✔      –      ✔      GET   c/<slug:clinic>/people/
  –    ✔      –      ✔      POST  c/<slug:clinic>/people/
  –    ✔      –      ✔      GET   c/<slug:clinic>/settings/
  –    ✔      –      ✔      POST  c/<slug:clinic>/settings/
  –    ✔      –      ✔      GET   c/<slug:clinic>/vendor-key/
  –    ✔      –      ✔      POST  c/<slug:clinic>/vendor-key/
  –    ✔      –      ✔      GET   c/<slug:clinic>/account-sync/
  –    ✔      –      ✔      POST  c/<slug:clinic>/account-sync/
  –    ✔      –      ✔      GET   c/<slug:clinic>/webhooks/
  –    ✔      –      ✔      POST  c/<slug:clinic>/webhooks/
  –    ✔      –      ✔      GET   c/<slug:clinic>/webhooks/vendor/
  –    ✔      –      ✔      POST  c/<slug:clinic>/webhooks/vendor/
  –    ✔      –      ✔      GET   c/<slug:clinic>/record/
  –    ✔      –      ✔      GET   c/<slug:clinic>/record/export.csv
  –    –      –      ✔      GET   operator/clinics/
  –    –      –      ✔      POST  operator/clinics/
  –    ✔      –      ✔      GET   c/<slug:clinic>/deliveries/
  –    ✔      –      ✔      GET   c/<slug:clinic>/deliveries/<uuid:delivery_id>/
  –    ✔      –      ✔      GET   c/<slug:clinic>/deliveries/<uuid:delivery_id>/raw/
  –    ✔      –      ✔      POST  c/<slug:clinic>/deliveries/<uuid:delivery_id>/settle/
  –    ✔      –      ✔      POST  c/<slug:clinic>/deliveries/settle/
  –    ✔      –      ✔      GET   c/<slug:clinic>/deliveries/waiting/
  –    ✔      –      ✔      POST  c/<slug:clinic>/deliveries/waiting/
  –    ✔      –      –      POST  c/<slug:clinic>/deliveries/waiting/accept/
  –    ✔      –      ✔      GET   c/<slug:clinic>/completeness/
  –    ✔      –      ✔      POST  c/<slug:clinic>/completeness/compare/
  –    ✔      –      ✔      GET   c/<slug:clinic>/operations/
  –    ✔      –      ✔      POST  c/<slug:clinic>/operations/<uuid:request_id>/retry/
  –    ✔      –      ✔      POST  c/<slug:clinic>/operations/<uuid:request_id>/cancel/
  –    ✔      –      ✔      GET   api/v1/clinics/<slug:clinic>/queue/
  ✔    ✔      –      –      GET   api/v1/clinics/<slug:clinic>/patients/
  ✔    ✔      –      –      GET   api/v1/clinics/<slug:clinic>/patients/<any:external_id>/
  ✔    ✔      –      –      GET   api/v1/clinics/<slug:clinic>/patients/<any:external_id>/measurements/
  ✔    ✔      –      –      GET   api/v1/clinics/<slug:clinic>/patients/<any:external_id>/series/
  ✔    ✔      –      –      GET   api/v1/clinics/<slug:clinic>/devices/
  ✔    ✔      –      –      GET   api/v1/clinics/<slug:clinic>/devices/<str:hwi_device_id>/
  ✔    ✔      –      –      GET   api/v1/clinics/<slug:clinic>/gateways/
  ✔    ✔      –      –      GET   api/v1/clinics/<slug:clinic>/gateways/<str:gateway_id>/
  ✔    ✔      –      –      GET   api/v1/clinics/<slug:clinic>/orders/
  –    ✔      –      –      POST  api/v1/clinics/<slug:clinic>/orders/
  ✔    ✔      –      –      GET   api/v1/clinics/<slug:clinic>/orders/<uuid:order_id>/
  ✔    ✔      –      –      GET   api/v1/clinics/<slug:clinic>/fulfillment-events/
  ✔    ✔      –      –      GET   api/v1/clinics/<slug:clinic>/special-orders/
  ✔    ✔      –      –      GET   api/v1/clinics/<slug:clinic>/replacements/
  –    ✔      –      –      POST  api/v1/clinics/<slug:clinic>/replacements/
  ✔    ✔      –      –      GET   api/v1/clinics/<slug:clinic>/replacements/<uuid:replacement_id>/
  –    ✔      –      –      DELETE api/v1/clinics/<slug:clinic>/replacements/<uuid:replacement_id>/
  ✔    ✔      –      –      GET   api/v1/clinics/<slug:clinic>/supplies/
  –    ✔      –      –      POST  api/v1/clinics/<slug:clinic>/supplies/
  ✔    ✔      –      –      GET   api/v1/clinics/<slug:clinic>/supplies/<uuid:supply_id>/
  –    ✔      –      –      DELETE api/v1/clinics/<slug:clinic>/supplies/<uuid:supply_id>/
  ✔    ✔      –      –      GET   api/v1/clinics/<slug:clinic>/supply-types/
  ✔    ✔      ✔      –      GET   api/v1/clinics/<slug:clinic>/vital-days/
  –    ✔      –      ✔      GET   api/v1/clinics/<slug:clinic>/deliveries/
  –    ✔      –      ✔      GET   api/v1/clinics/<slug:clinic>/deliveries/<uuid:delivery_id>/raw/
"""
OPEN = """
healthz
readyz
sign-in/
sign-in/code/
sign-out/
password/
password/<str:uidb64>/<str:token>/
invitation/<uuid:invitation_id>/<str:token>/
api/schema/
^api/
^webhooks/(?P<clinic>[^/]+)/measurements/?$
^webhooks/(?P<clinic>[^/]+)/fulfillment/?$
^webhooks/(?P<clinic>[^/]+)/special-orders/?$
"""
"""Open to anybody: they show nothing of a clinic. Webhooks ask for their own secret (see test_webhook_views)."""
OWN = """
GET
account/
account/password/
account/sessions/
account/invitations/
account/tokens/
account/second-factor/
account/second-factor/recovery-codes/
account/second-factor/remove/
"""
"""For whoever is signed in, about themselves; `GET` is the front page, whose address is empty."""

ROLES = (Role.CARE_MANAGER, Role.CLINIC_ADMIN, Role.BILLING, "operator")
DAY = datetime.date(2025, 3, 4)
QUERIES = {"series/": "?metric=pulse", "vital-days/": "?month=2025-03"}


@dataclasses.dataclass(frozen=True)
class Right:
    """A line of the table: who may send this method to this route."""

    method: str
    route: str
    roles: frozenset[str]

    @property
    def parameters(self) -> list[str]:
        return re.findall(r"<\w+:(\w+)>", self.route)

    def __str__(self) -> str:
        return f"{self.method} {self.route}"


def rights() -> list[Right]:
    found = []
    for line in TABLE.strip().splitlines()[1:]:
        *marks, method, route = line.split()
        roles = (role for role, mark in zip(ROLES, marks, strict=True) if mark == "✔")
        found.append(Right(method, route, frozenset(roles)))
    return found


RIGHTS = rights()


@dataclasses.dataclass
class World:
    """A clinic with one of everything, and a person in each role."""

    clinic: Clinic
    values: dict[str, Any]
    people: dict[str, Client]

    def path(self, right: Right, **others: Any) -> str:
        values = self.values | others
        filled = re.sub(r"<\w+:(\w+)>", lambda found: str(values[found[1]]), right.route)
        query = next((query for end, query in QUERIES.items() if right.route.endswith(end)), "")
        return f"/{filled}{query}"


def make_world(slug: str, gateway_id: str) -> World:
    clinic = make_clinic(slug)
    device = held_device(clinic, external_id=f"of-{slug}")
    gateway = make_gateway(clinic, gateway_id)
    delivery = deliver(clinic, element(device, timestamp=f"{DAY}T15:09:00Z")).json()["delivery"]
    queue.enqueue(clinic, RequestKind.DEVICES, wake=False)
    Request.objects.for_clinic(clinic).update(state="parked")
    reading = Measurement.objects.for_clinic(clinic).get()
    assert reading.patient
    alert = Alert.objects.create(
        clinic=clinic, patient=reading.patient, kind="gateway_silent", about=gateway.id, words="Silent"
    )
    tell_order(clinic, order(patient_id=f"of-{slug}"))
    values = {
        "alert_id": alert.id,
        "clinic": slug,
        "patient_id": reading.patient_id,
        "external_id": f"of-{slug}",
        "day": DAY,
        "reading_id": reading.id,
        "enrollment_id": enroll(reading.patient, "RPM").id,
        "device_id": device.id,
        "hwi_device_id": device.hwi_device_id,
        "gateway_id": gateway.id,
        "delivery_id": delivery,
        "order_id": make_order(make_patient(clinic, f"ordered-of-{slug}")).id,
        "request_id": Request.objects.for_clinic(clinic).get().id,
        "form": "csv",
        "special_order_id": the_order(clinic).id,
        "replacement_id": make_asked(Replacement, clinic, device, parts=["Gateway"]).id,
        "supply_id": make_asked(SupplyRequest, clinic, device, supply_name="Lancets").id,
    }
    return World(clinic, values, {role: browser_of(person(clinic, role)) for role in ROLES})


def person(clinic: Clinic, role: str) -> User:
    if role == "operator":
        return make_user(f"operator@{clinic.slug}.test", is_operator=True)
    return make_user(f"{role}@{clinic.slug}.test", clinic, role)


def browser_of(user: User) -> Client:
    client = Client()
    client.force_login(user)
    return client


@pytest.fixture
def alpha() -> World:
    return make_world("alpha", "A1A1A1A1A1A1")


@pytest.fixture
def beta() -> World:
    return make_world("beta", "B2B2B2B2B2B2")


def gateway_in(right: Right, world: World) -> dict[str, Any]:
    """The API knows a gateway by the vendor's id, a page by ours."""
    ids = {"alpha": "A1A1A1A1A1A1", "beta": "B2B2B2B2B2B2"}
    return {"gateway_id": ids[world.clinic.slug]} if right.route.startswith("api/") else {}


def send(client: Client, right: Right, path: str) -> int:
    """The status; whatever the request changed is undone, so that each line is tried on the same world."""
    with transaction.atomic():
        status = int(client.generic(right.method, path).status_code)
        transaction.set_rollback(True)
    return status


def callbacks() -> Iterator[tuple[str, Any]]:
    def walk(patterns: list[Any], before: str) -> Iterator[tuple[str, Any]]:
        for pattern in patterns:
            route = before + str(pattern.pattern)
            if isinstance(pattern, URLPattern):
                yield route, pattern.callback
            else:
                yield from walk(pattern.url_patterns, route)

    yield from walk(get_resolver().url_patterns, "")


def test_every_route_is_in_the_table() -> None:
    own = {"" if route == "GET" else route for route in OWN.split()}
    named = {right.route for right in RIGHTS} | set(OPEN.split()) | own
    routes = {route for route, _ in callbacks()}
    assert routes - named == set(), "Routes nobody decided about"
    assert named - routes == set(), "Routes that are gone"


def test_every_route_of_a_clinic_declares_the_right_it_takes() -> None:
    table = {right.route for right in RIGHTS}
    for route, view in callbacks():
        of_api = getattr(view, "cls", None)
        declared = (
            getattr(view, "required_permission", None)
            or getattr(view, "operators_only", None)
            or getattr(of_api, "permission", None)
        )
        assert bool(declared) == (route in table), route


@pytest.mark.parametrize("role", ROLES)
def test_a_role_opens_what_its_column_says(alpha: World, role: str) -> None:
    wrong = {}
    for right in RIGHTS:
        status = send(alpha.people[role], right, alpha.path(right, **gateway_in(right, alpha)))
        opened = status < 400 if right.method == "GET" else status not in (401, 403, 404, 405)
        if opened != (role in right.roles) or (not opened and status != 403):
            wrong[str(right)] = status
    assert wrong == {}


def test_nobody_is_sent_to_sign_in(alpha: World) -> None:
    for right in RIGHTS:
        answer = Client().generic(right.method, alpha.path(right, **gateway_in(right, alpha)))
        if right.route.startswith("api/"):
            assert answer.status_code == 401, right
        else:
            assert answer["Location"].startswith("/sign-in/?next="), right
    for route in OWN.split():
        answer = Client().get("/" if route == "GET" else f"/{route}")
        assert answer["Location"].startswith("/sign-in/?next="), route


@pytest.mark.parametrize("role", ROLES[:3])
def test_the_clinic_of_others_does_not_exist(alpha: World, beta: World, role: str) -> None:
    for right in (right for right in RIGHTS if "clinic" in right.parameters):
        path = beta.path(right, **gateway_in(right, beta))
        assert send(alpha.people[role], right, path) == 404, right


def test_who_belongs_to_two_clinics_has_in_each_the_rights_of_that_one(alpha: World, beta: World) -> None:
    """An admin of beta is a care manager in alpha and no more; what is beta's is not seen from alpha."""
    user = User.objects.get(email="clinic_admin@beta.test")
    Membership.objects.create(user=user, clinic=alpha.clinic, role=Role.CARE_MANAGER)
    client, wrong = browser_of(user), {}
    for right in (right for right in RIGHTS if "clinic" in right.parameters):
        for world, role in (alpha, Role.CARE_MANAGER), (beta, Role.CLINIC_ADMIN):
            status = send(client, right, world.path(right, **gateway_in(right, world)))
            opened = status < 400 if right.method == "GET" else status not in (401, 403, 404, 405)
            if opened != (role in right.roles):
                wrong[str(right), role] = status
        for name in set(right.parameters) - {"clinic", "day", "form"}:
            foreign = {name: (beta.values | gateway_in(right, beta))[name]}
            path = alpha.path(right, **gateway_in(right, alpha) | foreign)
            assert send(client, right, path) == (404 if Role.CARE_MANAGER in right.roles else 403), right
    assert wrong == {}


@pytest.mark.parametrize("elsewhere", [True, False], ids=["admin elsewhere", "of no clinic"])
def test_who_is_invited_opens_nothing_before_accepting(alpha: World, beta: World, elsewhere: bool) -> None:
    mail = "clinic_admin@beta.test"
    user = User.objects.get(email=mail) if elsewhere else make_user("new@home.test")
    admin = User.objects.get(email="clinic_admin@alpha.test")
    invitations.invite(email=user.email, clinic=alpha.clinic, role=Role.CLINIC_ADMIN, by=admin)
    client = browser_of(user)
    for right in RIGHTS:
        status = send(client, right, alpha.path(right, **gateway_in(right, alpha)))
        assert status == (404 if "clinic" in right.parameters else 403), right
    assert client.get("/account/invitations/").status_code == 200


@pytest.mark.parametrize("role", ROLES)
def test_the_objects_of_others_do_not_exist_in_ones_own_clinic(alpha: World, beta: World, role: str) -> None:
    """Each parameter by itself is replaced with what the other clinic has there."""
    tried = 0
    for right in RIGHTS:
        own = gateway_in(right, alpha)
        for name in set(right.parameters) - {"clinic", "day", "form"}:
            foreign = {name: (beta.values | gateway_in(right, beta))[name]}
            status = send(alpha.people[role], right, alpha.path(right, **own | foreign))
            assert status == (404 if role in right.roles else 403), (right, name)
            tried += 1
    assert tried > 15


def test_another_clinics_data_is_in_no_list_search_or_export(alpha: World, beta: World) -> None:
    for right in RIGHTS:
        if right.method == "GET":
            for role in right.roles - {"operator"}:
                path = alpha.path(right, **gateway_in(right, alpha))
                answer = alpha.people[role].get(
                    path, {"q": "beta", "search": "beta"} if "?" not in path else {}
                )
                content = b"".join(answer) if answer.streaming else answer.content
                assert b"of-beta" not in content, right
                assert b"B2B2B2B2B2B2" not in content, right


def test_looking_changes_nothing(alpha: World) -> None:
    """State changes take a POST. What people look at goes into the record, and a session is noted; where
    30-day periods begin is written once, by whoever needs it first, and follows from the readings alone."""
    noted = ("clinics_auditevent", "clinics_session", "patients_periodanchor")
    for right in RIGHTS:
        path = alpha.path(right, **gateway_in(right, alpha))
        role = sorted(right.roles)[0]
        if right.method != "GET":
            looks = any(other.route == right.route and other.method == "GET" for other in RIGHTS)
            assert looks or alpha.people[role].get(path).status_code == 405, right
            continue
        with CaptureQueriesContext(connection) as queries:
            alpha.people[role].get(path)
        writes = [query["sql"] for query in queries if re.match(r"(INSERT|UPDATE|DELETE)", query["sql"])]
        assert [sql for sql in writes if not any(table in sql for table in noted)] == [], right


def test_what_was_refused_is_in_the_record(alpha: World) -> None:
    alpha.people[Role.BILLING].get("/c/alpha/patients/")
    alpha.people[Role.BILLING].get("/api/v1/clinics/alpha/patients/")
    denied = AuditEvent.objects.filter(action="access_denied", clinic_id=alpha.clinic.id)
    assert [(event.actor_label, event.address) for event in denied] == [
        ("billing@alpha.test", "127.0.0.1")
    ] * 2


def test_an_id_in_a_query_opens_nothing_of_others(alpha: World, beta: World) -> None:
    names = ("q", "search", "sort", "page", "state", "cursor", "month", "metric", "open", "patient", "device")
    for right in (right for right in RIGHTS if right.method == "GET" and Role.CLINIC_ADMIN in right.roles):
        path = alpha.path(right, **gateway_in(right, alpha)).partition("?")[0]
        for value in (str(beta.values["patient_id"]), str(beta.values["device_id"])):
            for query in (dict.fromkeys(names, value), {"patient": value}):
                answer = alpha.people[Role.CLINIC_ADMIN].get(path, query)
                assert answer.status_code < 500, right
                assert b"of-beta" not in b"".join(answer), right
