"""Hostile texts come in through every door, and come out as text everywhere.

Pages and forms are found by the routes themselves (see the table of tests/test_rights.py): a new
page is looked at, and its forms are filled in, without being listed here.
"""

from __future__ import annotations

import csv
import datetime
import io
import itertools
import json
import re
from collections.abc import Iterator
from copy import copy
from email import message_from_bytes
from typing import Any
from urllib.parse import quote, urlencode

import openpyxl
import pytest
import time_machine
from django.core import mail
from django.db import transaction
from django.test import Client
from pytest_django.fixtures import Settings

from clinics.models import Clinic, Invitation, Role
from clinics.signing_in import emails
from devices.models import Device, Gateway
from patients.models import Patient
from tests.clinics.signing_in import letters_to
from tests.factories import make_user
from tests.hostile import TEXTS, Form, Reader, is_run, plant
from tests.test_rights import DAY, QUERIES, RIGHTS, ROLES, Right, World, browser_of, gateway_in, make_world
from tests.vendor import stub_as_vendor
from tests.vendor_stub import DOMAIN, KEY, VendorStub

SAMPLES = 4
NOON = datetime.time(20)
MANY: dict[str, tuple[Any, str]] = {
    "patient_id": (Patient, "external_id"),
    "external_id": (Patient, "external_id"),
    "device_id": (Device, "hwi_device_id"),
    "hwi_device_id": (Device, "hwi_device_id"),
    "gateway_id": (Gateway, "gateway_id"),
}
FORM = "application/x-www-form-urlencoded"
LETTER_HEADERS = {
    *("Subject", "From", "To", "Date", "Message-ID"),
    *("Content-Type", "MIME-Version", "Content-Transfer-Encoding"),
}
SENT = ("".join(TEXTS[:8]), TEXTS[-1], "x\0\r\n")
"""By forms and queries. Each goes into every field at once."""
SHOWN_ON = ("patients/", "devices/", "billing/", "fulfillment/?stage=other", "fulfillment/special-orders/")
"""Lists on which each text must be found: that they came in is what the other tests rest on."""


@pytest.fixture
def vendor(settings: Settings) -> Iterator[VendorStub]:
    with stub_as_vendor(settings) as stub:
        yield stub


@pytest.fixture
def plain_world(db: None) -> World:
    return make_world("alpha", "A1A1A1A1A1A1")


@pytest.fixture
def world(transactional_db: None, vendor: VendorStub) -> Iterator[World]:
    """A clinic whose vendor sends nothing but hostile texts, on the day after its readings."""
    world = make_world("alpha", "A1A1A1A1A1A1")
    world.clinic.tenovi_domain, world.clinic.tenovi_api_key = DOMAIN, KEY
    world.clinic.save()
    device = Device.objects.for_clinic(world.clinic).get(id=world.values["device_id"])
    plant(world.clinic, vendor, device, DAY)
    with time_machine.travel(datetime.datetime.combine(DAY, NOON, datetime.UTC), tick=True):
        yield world


def addresses(world: World, right: Right, of_each: int) -> Iterator[str]:
    """Where this route is: for so many objects of each kind that it may show, and for both forms of files."""
    own = world.values | gateway_in(right, world)
    query = next((query for end, query in QUERIES.items() if right.route.endswith(end)), "")
    choices = {name: [own[name]] for name in right.parameters}
    for name in choices.keys() & MANY.keys():
        model, order = MANY[name]
        column = order if right.route.startswith("api/") else "id"
        found = model.objects.for_clinic(world.clinic).order_by(order).values_list(column, flat=True)
        choices[name] = list(found)[:: max(1, len(found) // of_each)]
    for chosen in itertools.product(*choices.values()):
        address = f"/{right.route}{query}"
        for name, value in zip(choices, chosen, strict=True):
            address = re.sub(rf"<\w+:{name}>", quote(str(value), safe=""), address)
        yield address


def looks(world: World, of_each: int = 1) -> Iterator[tuple[str, Any]]:
    """Every page, file and answer of the API, opened by one who may: where, and the answer."""
    for right in (right for right in RIGHTS if right.method == "GET"):
        client = world.people[min(right.roles, key=ROLES.index)]
        for address in addresses(world, right, of_each):
            yield address, client.get(address)


def content_of(answer: Any) -> bytes:
    return b"".join(answer) if answer.streaming else answer.content


def breaches(answer: Any) -> list[str]:
    """What an answer did with a text but show it."""
    if answer.status_code >= 500:
        return [f"an answer {answer.status_code}"]
    if "\n" in repr(answer.headers) or "hostile" in answer.cookies:
        return ["a header"]
    kind, content = answer.get("Content-Type", "").partition(";")[0], content_of(answer)
    if kind == "application/json":
        json.loads(content)
    return Reader(content.decode()).breaches if kind == "text/html" else []


def plain(text: str) -> str:
    """What can be recognised of a text on a page: its beginning, with blanks as HTML has them."""
    return " ".join(re.sub("[\0\ud800]", "\ufffd", text).split())[:18]


def test_every_page_and_answer_shows_them_as_text(world: World) -> None:
    wrong = {}
    for address, answer in looks(world, SAMPLES):
        if found := breaches(answer) or answer.status_code != 200:
            wrong[address] = found
    assert wrong == {}
    for page in SHOWN_ON:
        answer = world.people[Role.CLINIC_ADMIN].get(f"/c/alpha/{page}")
        words = " ".join(Reader(answer.content.decode()).words.split())
        assert [text for text in TEXTS if plain(text) not in words] == [], page


def test_no_file_holds_what_a_spreadsheet_would_run(world: World) -> None:
    billing, admin = (world.people[role] for role in (Role.BILLING, Role.CLINIC_ADMIN))
    formula = browser_of(make_user("=1+1@alpha.test", world.clinic))
    assert formula.get("/c/alpha/patients/").status_code == 200
    file = f"/c/alpha/billing/vital-days.%s?month={DAY:%Y-%m}"
    book = openpyxl.load_workbook(io.BytesIO(billing.get(file % "xlsx").content))
    cells = [str(cell.value or "") for row in book.worksheets[0].iter_rows() for cell in row]
    assert {cell.data_type for row in book.worksheets[0].iter_rows() for cell in row} == {"s", "n"}
    for path, client in (file % "csv", billing), ("/c/alpha/record/export.csv", admin):
        rows = csv.reader(io.StringIO(content_of(client.get(path)).decode(), newline=""), strict=True)
        cells += [cell for row in rows for cell in row]
    assert [cell for cell in cells if is_run(cell)] == []
    assert sum(cell.startswith("'") for cell in cells) > 10


def test_every_form_takes_them_and_gives_them_back_as_text(plain_world: World) -> None:
    tried, wrong = set(), []
    for address, page in looks(plain_world):
        if page.get("Content-Type", "").startswith("text/html"):
            for form in Reader(page.content.decode()).forms:
                target = form.action or address
                signature = target, form.method, *form.controls, *form.buttons
                if signature not in tried and not target.startswith(("/sign-out", "/account")):
                    tried.add(signature)
                    wrong += [(target, found) for found in filled_in(page.client, target, form)]
    assert wrong == []
    assert {"/c/alpha/people/", "/c/alpha/settings/"} <= {signature[0] for signature in tried}


def filled_in(person: Client, target: str, form: Form) -> Iterator[list[str]]:
    """What goes wrong when each text is sent with each button; what was kept is forgotten again."""
    for text, button in itertools.product(SENT, form.buttons or [("", "")]):
        data = urlencode(form.filled(text) | dict([button]))
        client = Client()
        client.cookies = copy(person.cookies)
        with transaction.atomic():
            if form.method == "get":
                answer = client.get(f"{target.partition('?')[0]}?{data}")
            else:
                answer = client.post(target, data, FORM)
            found = breaches(answer)
            if answer.status_code == 302:
                found += breaches(client.get(answer["Location"]))
            transaction.set_rollback(True)
        if found:
            yield found


def test_a_query_of_them_finds_nothing_and_breaks_nothing(plain_world: World) -> None:
    names = ("q", "search", "sort", "page", "state", "stage", "show", "month", "from", "to", "view", "open")
    wrong = {}
    for address, page in looks(plain_world):
        for text in SENT:
            answer = page.client.get(address.partition("?")[0], dict.fromkeys(names, text))
            if found := breaches(answer):
                wrong[address, text[:40]] = found
    assert wrong == {}


@pytest.mark.django_db
def test_a_letter_has_the_headers_we_gave_it_and_no_more() -> None:
    address = "ada@alpha.test"
    for number, text in enumerate(TEXTS):
        clinic = Clinic(slug=f"clinic-{number}", name=text.replace("\ud800", ""))
        emails.send_invitation(Invitation(clinic=clinic, email=address, role=Role.BILLING), "token", 7)
    assert len(letters_to(address)) == len(TEXTS)
    arrived = [message_from_bytes(letter.message().as_bytes()) for letter in mail.outbox]
    assert {name for letter in arrived for name in letter} == LETTER_HEADERS
