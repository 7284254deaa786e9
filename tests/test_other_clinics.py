"""An id of another clinic, put where a form, a script, a search or a filter takes one, opens nothing.

Ids in addresses are in test_rights. Here two clinics are alike, and every line is sent twice: with what the
caller's own clinic has, which does something, and with what the other one has, which must not.
"""

from __future__ import annotations

import dataclasses
import json
import uuid
from collections.abc import Iterator
from typing import Any

import pytest
from django.apps import apps
from django.db import transaction
from django.test import Client
from django.utils import timezone

from clinics import webhook_secrets
from clinics.actions import invitations
from clinics.models import Clinic, Invitation, Membership, Role, WebhookSecret
from clinics.tenancy import TenantModel
from devices.models import DeviceType
from fulfillment.models import Order, SupplyRequest, SupplyType
from patients.models import Patient
from tenovi.models import Call, DeliveryItem, VendorWebhook
from tests.factories import (
    assign,
    deliver,
    element,
    make_clinic,
    make_device,
    make_gateway,
    make_order,
    make_user,
)
from tests.fulfillment.ordering import SCALE, somebody
from tests.fulfillment.vendor import make_asked, news, tell

pytestmark = pytest.mark.django_db

GATEWAYS = {"alpha": "A1A1A1A1A1A1", "beta": "B2B2B2B2B2B2"}
ROWS: list[Any] = [
    model for model in apps.get_models() if issubclass(model, TenantModel) and model is not Call
]
ROWS += [Membership, Invitation, WebhookSecret]


@dataclasses.dataclass(frozen=True)
class Line:
    """What is sent, by an admin of alpha. `[name]` is something of alpha's; `{name}` is what is tried, once
    alpha's and then beta's. `answer` is the status of beta's."""

    what: str
    path: str
    body: dict[str, str]
    answer: int

    def __str__(self) -> str:
        return self.what


API, PAGE = "/api/v1/clinics/alpha/", "/c/alpha/"
ORDER = {"patient": "[free]", "device_name": SCALE, "ship_by": "tenovi"}
SUPPLY = {"patient": "[holder]", "supply_name": "Lancets"}
ON_FORM = {"devices": "{offer_id}", "how": "tenovi", "go": "place"}
IN_HAND = {"how": "on_site", "gateway": "0123456789AB"}
GIVE = {"day": "2025-03-04", "time": "08:00", "do": "give"}
TABLE = [
    Line("order, patient", API + "orders/", ORDER | {"patient": "{free}"}, 400),
    Line("order, device type", API + "orders/", ORDER | {"device_name": "{offer}"}, 400),
    Line("replacement, device", API + "replacements/", {"device": "{hwi}", "parts": "device"}, 404),
    Line("supplies, patient", API + "supplies/", SUPPLY | {"patient": "{holder}"}, 404),
    Line("supplies, device", API + "supplies/", SUPPLY | {"device": "{hwi}"}, 404),
    Line("supplies, type", API + "supplies/", SUPPLY | {"supply_name": "{supply}"}, 400),
    Line("hand-over, patient", PAGE + "devices/[spare]/holder/", GIVE | {"patient": "{free}"}, 200),
    Line("hand-over, name", PAGE + "devices/[spare]/holder/", GIVE | {"patient": "{name}"}, 200),
    Line("order form, type", PAGE + "patients/[free_id]/order/", ON_FORM, 200),
    Line("stock form, type", PAGE + "fulfillment/orders/new/stock/", ON_FORM | IN_HAND, 200),
    Line("order, device", PAGE + "orders/[doubted]/decide/", {"do": "choose", "device": "{fitting}"}, 302),
    Line("supply form, type", PAGE + "patients/[holder_id]/supplies/", {"supply": "{supply_id}"}, 200),
    Line(
        "supply form, device",
        PAGE + "patients/[holder_id]/supplies/",
        {"supply": "[supply_id]", "hardware": "{device}"},
        200,
    ),
    Line(
        "supply, entry at the vendor",
        PAGE + "fulfillment/supplies/[asked]/act/",
        {"do": "adopt", "found": "{entry}"},
        302,
    ),
    Line("webhook", PAGE + "webhooks/vendor/", {"do": "remove", "webhook": "{webhook}"}, 404),
    Line(
        "webhook secret", PAGE + "webhooks/", {"do": "retire", "secret": "{secret}", "typed": "secret-1"}, 302
    ),
    Line(
        "element that waits",
        PAGE + "deliveries/waiting/",
        {"do": "discard", "item": "{item}", "note": "not ours"},
        302,
    ),
    Line("member", PAGE + "people/", {"do": "remove", "member": "{member}"}, 404),
    Line("invitation", PAGE + "people/", {"do": "withdraw", "invitation": "{invitation}"}, 404),
]
"""302 is back to the page one came from, with nothing done."""


@dataclasses.dataclass
class World:
    """A clinic with one of everything that can be named, and its admin."""

    clinic: Clinic
    names: dict[str, Any]
    admin: Client

    @property
    def marks(self) -> set[str]:
        """What tells this clinic's data on a page."""
        return {str(self.names[name]) for name in ("free", "holder", "name", "hwi", "gateway", "offer")}


def make_world(slug: str) -> World:
    clinic = make_clinic(slug)
    gateway, now = GATEWAYS[slug], timezone.now()
    holder = somebody(clinic, f"holder-of-{slug}", name=f"Hilda {slug.title()}son")
    free = somebody(clinic, f"free-of-{slug}", name=f"Freda {slug.title()}sen")
    device = make_device(clinic, name="Tenovi BPM - L", hardware_uuid=gateway)
    assign(device, holder)
    make_gateway(clinic, gateway)
    deliver(clinic, element(device, timestamp="2025-03-04T15:09:00Z", hardware_uuid=gateway))
    tell(clinic, news(device))
    DeviceType.objects.create(clinic=clinic, name=SCALE, sensor_code="13")
    offer = DeviceType.objects.create(clinic=clinic, name=f"Scale of {slug}", sensor_code="13")
    supply, _ = (SupplyType.objects.create(clinic=clinic, name=name) for name in (f"For {slug}", "Lancets"))
    doubt: dict[str, Any] = {"state": "needs_person", "sends": 1, "first_sent_at": now, "unconfirmed_at": now}
    doubted = make_order(somebody(clinic, "same-id"), **doubt)
    fitting = make_device(clinic, name=SCALE, sensor_code="13", vendor_patient_id="same-id")
    entry = {"supply_name": "Lancets", "state": "confirmed", "vendor_id": f"entry-of-{slug}"}
    webhook = VendorWebhook.objects.create(
        clinic=clinic, vendor_id=device.hwi_device_id, endpoint="https://x.test/"
    )
    deliver(clinic, element(uuid.uuid4()))
    waiting = DeliveryItem.objects.for_clinic(clinic).quarantined().earliest("id")
    secret = WebhookSecret.objects.get(clinic=clinic)
    webhook_secrets.add_basic(clinic, "tenovi", "the newer one")
    admin, who = Client(), make_user(f"admin@{slug}.test", clinic, Role.CLINIC_ADMIN)
    admin.force_login(who)
    invitation = invitations.invite(email=f"new@{slug}.test", clinic=clinic, role=Role.BILLING, by=who)
    names = {
        "holder": holder.external_id,
        "holder_id": holder.id,
        "free": free.external_id,
        "free_id": free.id,
        "name": free.name,
        "device": device.id,
        "hwi": device.hwi_device_id,
        "spare": make_device(clinic, "tenovi-scale").id,
        "gateway": gateway,
        "offer": offer.name,
        "offer_id": offer.id,
        "supply": supply.name,
        "supply_id": supply.id,
        "doubted": doubted.id,
        "fitting": fitting.id,
        "asked": make_asked(SupplyRequest, clinic, None, supply_name="Lancets").id,
        "entry": make_asked(SupplyRequest, clinic, None, **entry).id,
        "webhook": webhook.id,
        "secret": secret.pk,
        "item": waiting.pk,
        "member": make_user(f"nurse@{slug}.test", clinic).memberships.get().pk,
        "invitation": invitation.id,
    }
    return World(clinic, names, admin)


@pytest.fixture
def alpha() -> World:
    return make_world("alpha")


@pytest.fixture
def beta() -> World:
    return make_world("beta")


def post(world: World, path: str, body: dict[str, Any]) -> Any:
    if path.startswith(API):
        sent = {**body, "parts": [body["parts"]]} if "parts" in body else body
        headers = {"Idempotency-Key": "key-1"}
        return world.admin.post(path, json.dumps(sent), content_type="application/json", headers=headers)
    return world.admin.post(path, body)


def filled(text: str, own: World, tried: World) -> str:
    for opening, closing, names in ("[", "]", own.names), ("{", "}", tried.names):
        for name, value in names.items():
            text = text.replace(f"{opening}{name}{closing}", str(value))
    return text


def send(line: Line, own: World, tried: World) -> Any:
    body = {name: filled(value, own, tried) for name, value in line.body.items()}
    return post(own, filled(line.path, own, tried), body)


def everything() -> dict[str, list[dict[str, Any]]]:
    """Every row of both clinics, but what was asked of the vendor in the background."""
    rows = {}
    for model in ROWS:
        found = model.objects.across_clinics() if issubclass(model, TenantModel) else model.objects.all()
        rows[model._meta.label] = list(found.order_by("pk").values())
    return rows


def of(clinic: Clinic) -> dict[str, list[dict[str, Any]]]:
    return {
        label: [row for row in rows if row["clinic_id"] == clinic.id] for label, rows in everything().items()
    }


@pytest.mark.parametrize("line", TABLE, ids=str)
def test_only_what_is_ones_own_can_be_named(alpha: World, beta: World, line: Line) -> None:
    before = everything()
    with transaction.atomic():
        assert send(line, alpha, alpha).status_code < 400
        assert everything() != before, "With one's own it does something"
        transaction.set_rollback(True)
    answer = send(line, alpha, beta)
    assert answer.status_code == line.answer
    assert everything() == before
    typed = set(answer.wsgi_request.POST.values())
    assert [mark for mark in beta.marks - typed if mark in answer.content.decode()] == []


ON_SITE = ORDER | {"ship_by": "on_site", "hardware_uuid": "{gateway}"}
SAME = [
    Line("patient, script", API + "patients/", {"external_id": "{free}", "name": "Ours"}, 201),
    Line("patient, form", PAGE + "patients/new/", {"external_id": "{free}", "name": "Ours"}, 302),
    Line("order, gateway", API + "orders/", ON_SITE, 201),
]


@pytest.mark.parametrize("line", SAME, ids=str)
def test_what_others_have_under_the_same_id_is_neither_in_the_way_nor_touched(
    alpha: World, beta: World, line: Line
) -> None:
    theirs = of(beta.clinic)
    answer = send(line, alpha, beta)
    assert answer.status_code == line.answer, answer.content
    assert of(beta.clinic) == theirs
    assert str(beta.names["name"]) not in answer.content.decode()


def test_the_key_of_anothers_order_brings_ones_own(alpha: World, beta: World) -> None:
    free = Patient.objects.for_clinic(beta.clinic).get(id=beta.names["free_id"])
    theirs = make_order(free, idempotency_key="key-1")
    body = {"patient": alpha.names["free"], "device_name": SCALE, "ship_by": "tenovi"}
    answer = post(alpha, API + "orders/", body)
    assert answer.status_code == 201
    assert answer.json()["id"] != str(theirs.id)
    assert Order.objects.for_clinic(alpha.clinic).filter(id=answer.json()["id"]).exists()


LISTS = [
    *(PAGE + path for path in ("patients/", "devices/", "gateways/", "billing/", "record/", "deliveries/")),
    *(PAGE + "fulfillment/" + path for path in ("", "orders/", "orders/new/", "to-ship/", "special-orders/")),
    *(PAGE + "fulfillment/" + path for path in ("replacements/", "supplies/", "export.csv")),
    PAGE + "record/export.csv",
    *(API + path for path in ("patients/", "devices/", "gateways/", "orders/", "fulfillment-events/")),
    *(
        API + path
        for path in ("special-orders/", "replacements/", "supplies/", "supply-types/", "deliveries/")
    ),
    API + "vital-days/",
    API + "patients/{holder}/measurements/",
]
ASKED = (
    "q",
    "search",
    "patient",
    "external_id",
    "device",
    "hwi_device_id",
    "gateway",
    "clinic",
    "person",
    "open",
)


def queries(tried: World) -> Iterator[dict[str, str]]:
    for name in ("free", "holder", "name", "device", "hwi", "gateway", "doubted"):
        yield dict.fromkeys(ASKED, str(tried.names[name])) | {"clinic": tried.clinic.slug}


@pytest.mark.parametrize("path", LISTS)
def test_no_search_filter_or_export_finds_what_others_have(alpha: World, beta: World, path: str) -> None:
    month = {"month": "2025-03"} if "vital-days" in path or "billing" in path else {}
    for query in queries(beta):
        answer = alpha.admin.get(filled(path, alpha, alpha), query | month)
        assert answer.status_code in (200, 400), (query, answer.content)
        text = b"".join(answer).decode()
        assert [mark for mark in beta.marks - set(query.values()) if mark in text] == [], query


def test_the_billing_files_hold_ones_own_patients_alone(alpha: World, beta: World) -> None:
    biller = Client()
    biller.force_login(make_user("billing@alpha.test", alpha.clinic, Role.BILLING))
    for query in queries(beta):
        answer = biller.get(PAGE + "billing/vital-days.csv", query | {"month": "2025-03"})
        text = answer.content.decode()
        assert str(alpha.names["holder"]) in text
        assert [mark for mark in beta.marks if mark in text] == []
