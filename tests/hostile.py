"""Texts that harm a page, a chart, a file or a log that trusts them, and how a page betrays that it did."""

from __future__ import annotations

import datetime
import itertools
import json
import uuid
from dataclasses import dataclass, field
from html.parser import HTMLParser
from typing import Any
from urllib.parse import urlsplit

from clinics.models import Clinic
from devices.models import Device
from tenovi.models import Request, RequestKind
from tenovi.outbound import enqueue as queue
from tenovi.outbound.sender import drain
from tests.factories import deliver, element
from tests.fulfillment.vendor import order, payload
from tests.vendor import DEVICES, PATIENTS, wire_device, wire_page
from tests.vendor_stub import VendorStub

ELEMENT = "x-hostile"
"""No page of ours has such an element: where there is one, a text became markup."""

TEXTS = (
    "<script>hostile()</script>",
    "</script></textarea></title><x-hostile>",
    '"><x-hostile onpointermove=hostile()>',
    "'><x-hostile onfocus=hostile() autofocus>",
    "x onerror=hostile() src=/x",
    "<img src=x onerror=hostile()>",
    "<svg onload=hostile()>",
    "<!--",
    "javascript:hostile()",
    "data:text/html,<x-hostile>",
    "https://ups.com.hostile.test/",
    "&lt;x-hostile&gt;&#60;x-hostile&#62;",
    "{{ 7|add:7 }}{% now 'Y' %}${7*7}",
    "%s%n%(name)s{0}{name!r}",
    "'; DROP TABLE patients_patient; --",
    "../../../etc/passwd%00",
    '=HYPERLINK("https://hostile.test","x")',
    "+1+cmd|' /C calc'!A0",
    "-1+1",
    "@SUM(1+1)",
    "\t=2+2",
    "\r=3+3",
    "\n=4+4",
    "x\r\nSet-Cookie: hostile=1",
    "x\x00=1+1",
    "\x1b[2J\x07\x08\x7f",
    "\u202emarks from right to left\u2066",
    "\u200b\ufeff\u00ad",
    "lines\u2028that\u2029end\x85oddly",
    "a lone \ud800 surrogate",
    "👩🏽\u200d⚕️ Z̴̧͝a̷l̵g̶o 𝕏 ﷽",
    "W" * 5000,
)
RUNS = ("=", "+", "-", "@", "\t", "\r", "\n", "\0")
"""What a spreadsheet program takes for the beginning of a formula, or skips before one."""


def plant(clinic: Clinic, stub: VendorStub, device: Device, day: datetime.date) -> None:
    """All of them in every text that the vendor can send: lists of patients, devices, kinds of devices,
    gateways and hardware as the API answers, and for each text webhooks with readings of `day`, a parcel
    and an order; those of `device` too."""
    account = list(enumerate(TEXTS, start=1))
    lists = {
        PATIENTS: (RequestKind.PATIENTS, [_patient(text) for text in TEXTS]),
        DEVICES: (RequestKind.DEVICES, [_device(*each) for each in account]),
        "/hwi/hwi-device-types/": (
            RequestKind.DEVICE_TYPES,
            [{"name": text, "sensor_code": text} for text in TEXTS],
        ),
        "/hwi/hwi-gateways/": (RequestKind.GATEWAYS, [_gateway(*each) for each in account]),
        "/hwi/hardware-uuid-logs/": (RequestKind.HARDWARE_LOG, [_change(*each) for each in account]),
    }
    for path, (kind, rows) in lists.items():
        stub.reply(path, wire_page(*rows, total=len(rows)))
        queue.enqueue(clinic, kind, wake=False)
    drain(seconds=20)
    assert not Request.objects.for_clinic(clinic).filter(kind__in=[kind for kind, _ in lists.values()])
    owned = [(number, uuid.UUID(int=number), text) for number, text in account]
    moments = {number: f"{day}T15:{number:02}:00Z" for number, _ in account}
    for whose in (None, device.hwi_device_id):
        readings = [_readings(whose or own, text, moments[number]) for number, own, text in owned]
        deliver(clinic, list(itertools.chain(*readings)))
        parcels = [{**_parcel(text), "hwi_device_id": str(whose or own)} for _, own, text in owned]
        deliver(clinic, parcels, kind="fulfillment")
    deliver(clinic, [_order(text) for text in TEXTS], kind="special-orders")
    deliver(clinic, "\n".join(TEXTS).encode("utf-8", "replace"))


def _patient(text: str) -> dict[str, Any]:
    names = (
        *("external_id", "name", "address", "city", "state", "zip_code", "phone_number", "email"),
        *("physician", "clinic_name", "care_manager", "address_status", "address_verified_by"),
    )
    return {**dict.fromkeys(names, text), "external_id": text[:200]}


def _device(number: int, text: str) -> dict[str, Any]:
    inner = dict.fromkeys(("name", "sensor_code", "sensor_id"), text)
    row = wire_device(number, **inner, hardware_uuid=f"AAAAAAAA{number:04}")
    return {**row, "status": text, "patient": _patient(text), "patient_id": text[:200]}


def _gateway(number: int, text: str) -> dict[str, Any]:
    return {
        "gateway_uuid": f"AAAAAAAA{number:04}",
        "firmware_version": text,
        "bootloader_version": text,
        "whitelisted_devices": [{"sensor_code": text, "mac_address": text, "whitelist_status": text}],
        "properties": [{"id": text, "key": text, "value": text}],
    }


def _change(number: int, text: str) -> dict[str, Any]:
    hardware = {"old_hardware_uuid": text, "new_hardware_uuid": text}
    return {"id": text, "hwi_device_id": str(uuid.UUID(int=number)), "changer": text, **hardware}


def _readings(device: uuid.UUID, text: str, timestamp: str) -> list[dict[str, Any]]:
    """A reading whose words are all hostile, one of a metric of that name, and one that is refused."""
    words: dict[str, Any] = {
        **dict.fromkeys(("device_name", "hardware_uuid", "sensor_code"), text),
        "filter_params": {"measurement_location": text, "meal_context": text, text: text},
        "timestamp": timestamp,
        "created": text,
        "timezone_offset": text,
    }
    return [
        element(device, **words),
        element(device, **{**words, "metric": text}),
        element(device, **{**words, "patient_id": text, "value_1": text}),
    ]


def _parcel(text: str) -> dict[str, Any]:
    names = ("status", "tracking_link", "hardware_uuid", "device_name", "device_id")
    return {**payload("fulfillment/shipped"), **dict.fromkeys(names, text), "patient_id": None}


def _order(text: str) -> dict[str, Any]:
    words = dict.fromkeys(
        ("request_id", "status", "order_number", "order_type", "client_device_id", "tracking_link"), text
    )
    contents = [{"name": text, "quantity": text, text: text}]
    return order(**{**words, "request_id": text[:100], "contents": contents, "manifest": {text: text}})


@dataclass
class Form:
    """A form of a page: where it goes, and its controls by name as (kind, value or choices)."""

    action: str
    method: str
    controls: dict[str, tuple[str, list[str]]] = field(default_factory=dict)
    buttons: list[tuple[str, str]] = field(default_factory=list)

    def filled(self, text: str) -> dict[str, str]:
        """What is sent when somebody writes `text` wherever one may write; choices stay the first."""
        kept = ("hidden", "select", "radio", "checkbox")
        return {
            name: (values[0] if values else "") if kind in kept else text
            for name, (kind, values) in self.controls.items()
        }


class Reader(HTMLParser):
    """A page as a browser would take it: its words, its forms, and what no text may bring about."""

    def __init__(self, page: str) -> None:
        super().__init__(convert_charrefs=True)
        self.breaches: list[str] = []
        self.forms: list[Form] = []
        self.words = ""
        self._script: dict[str, str] | None = None
        self._select = ""
        self.feed(page)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        attributes = {name: value or "" for name, value in attrs}
        self._judge(tag, attributes)
        self._note_control(tag, attributes)
        if tag == "script" and "src" not in attributes:
            self._script = attributes
        for name in ("value", "title", "aria-label", "placeholder"):
            self.words += f" {attributes.get(name, '')}"

    def handle_endtag(self, tag: str) -> None:
        if tag == "script":
            self._script = None
        elif tag == "select":
            self._select = ""

    def handle_data(self, data: str) -> None:
        self.words += data
        if self._script is not None:
            self._judge_script(data)

    def _judge(self, tag: str, attributes: dict[str, str]) -> None:
        if tag == ELEMENT or (tag == "svg" and "onload" in attributes):
            self.breaches.append(f"an element <{tag}>")
        self.breaches += [f"{tag} {name}" for name in attributes if name.startswith("on") or name == "style"]
        for name in {"href", "src", "action", "formaction"} & attributes.keys():
            if urlsplit(attributes[name].strip()).scheme.lower() not in ("", "https", "http"):
                self.breaches.append(f"{tag} {name}={attributes[name][:40]}")
            if urlsplit(attributes[name]).netloc.endswith("hostile.test"):
                self.breaches.append(f"a way to {attributes[name][:40]}")

    def _judge_script(self, data: str) -> None:
        """Data islands are JSON; nothing else stands in the page itself."""
        try:
            json.loads(data)
        except ValueError:
            self.breaches.append(f"a script: {data[:40]}")

    def _note_control(self, tag: str, attributes: dict[str, str]) -> None:
        if tag == "form":
            self.forms.append(Form(attributes.get("action", ""), attributes.get("method", "get").lower()))
        if not self.forms:
            return
        form, name = self.forms[-1], attributes.get("name", "")
        kind = attributes.get("type", "text").lower()
        if tag == "option" and self._select and "disabled" not in attributes:
            form.controls[self._select][1].append(attributes.get("value", ""))
        elif tag == "select":
            self._select = name
            form.controls[name] = ("select", [])
        elif tag == "button" or kind in ("submit", "button"):
            form.buttons.append((name, attributes.get("value", "")))
        elif tag in ("input", "textarea") and name:
            form.controls.setdefault(name, (kind, []))[1].append(attributes.get("value", ""))


def is_run(cell: str) -> bool:
    """Whether a spreadsheet program would run this cell, or skip what it starts with and run the rest."""
    return cell.lstrip(" ").startswith(RUNS) or "\0" in cell
