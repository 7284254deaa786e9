"""The devices page: which device needs somebody? The same few queries for 10, 50 or 10,000."""

from __future__ import annotations

import datetime
import itertools
import uuid
from collections import defaultdict
from functools import partial
from typing import Any

from django.db.models import (
    BooleanField,
    Count,
    Exists,
    ExpressionWrapper,
    F,
    OuterRef,
    Q,
    QuerySet,
    Subquery,
    Value,
)
from django.db.models.functions import Coalesce, Lower, NullIf
from django.http import QueryDict
from django.urls import reverse
from django.utils.http import urlencode

from clinics.models import Clinic
from common.pages import page_of
from common.wording import Choice
from dashboard.devices.hardware_search import hardware_search
from dashboard.devices.stock import in_stock
from dashboard.devices.summaries import DeviceFigures, figures_of, readings_of_each
from devices.hardware import normal_hardware_id
from devices.models import Assignment, Device, Gateway, HardwareChange
from fulfillment.models import FulfillmentEvent
from fulfillment.vendor_statuses import Stage, names_of
from patients.models import Patient
from tenovi import catalogue

PAGE_SIZE = 50
SILENT_DAYS = 3
NOT_IN_HAND = [
    name for stage in (Stage.NEEDS_YOU, Stage.PREPARING, Stage.TRAVELLING) for name in names_of(stage)
]
UNLINKED = Q(unlinked_at__isnull=False) | Q(status__iexact="unlinked") | Q(deleted_at__isnull=False)
SORTS = {"patient": "sort_patient", "name": "sort_name", "status": "status", "last": "last_reading_at"}
SHOWN = {
    "in-use": ("In use", Q(is_held=True, is_unlinked=False) & ~Q(status__in=NOT_IN_HAND)),
    "shipping": ("Being shipped", Q(is_held=True, is_unlinked=False, status__in=NOT_IN_HAND)),
    "silent": ("Silent", Q(is_held=True, is_unlinked=False, is_silent=True)),
    "unassigned": ("Without a patient", Q(is_held=False, is_unlinked=False)),
    "unlinked": ("Unlinked", Q(is_unlinked=True)),
    "differs": ("Another patient at Tenovi", Q(is_elsewhere=True)),
}
"""Choices of the page: label, and which devices. A device can be in several or in none."""


def context(clinic: Clinic, query: QueryDict, now: datetime.datetime) -> dict[str, Any]:
    """What `dashboard/devices.html` documents."""
    text = query.get("search", "").replace("\0", "").strip()
    show, sort = query.get("show", ""), query.get("sort", "patient")
    show = show if show in SHOWN else ""
    sort = sort if sort.lstrip("-") in SORTS else "patient"
    devices = _with_standing(clinic, now)
    if text:
        devices = devices.matching(text, _held(clinic, now), partial(_once_had, clinic))
    counts = devices.aggregate(
        all=Count("id"), **{key: Count("id", filter=chosen) for key, (_, chosen) in SHOWN.items()}
    )
    chosen = devices.filter(SHOWN[show][1]) if show else devices
    page = page_of(
        _sorted(clinic, chosen, sort, now),
        query.get("page"),
        PAGE_SIZE,
        lambda found: _rows(clinic, found, now, text),
    )
    return {
        "summary": {"devices": counts["all"], "silent": counts["silent"], "days": SILENT_DAYS},
        "tabs": tabs(clinic, "devices"),
        "text": text,
        "show": show,
        "filters": _filters(query, show, counts),
        "sort": sort,
        "page": page,
        "hardware_search": None if counts["all"] else hardware_search(clinic, text),
        "zone": clinic.zone,
    }


def is_silent(
    device: Device, held: Assignment, last_reading_at: datetime.datetime | None, now: datetime.datetime
) -> bool:
    """A device somebody has had for days, without a reading in them, whatever it says of its battery;
    not one that is still on its way."""
    limit = now - datetime.timedelta(SILENT_DAYS)
    has_read = last_reading_at is not None and last_reading_at >= limit
    return held.starts_at < limit and not has_read and device.status not in NOT_IN_HAND


def _held(clinic: Clinic, now: datetime.datetime) -> Any:
    return Assignment.objects.for_clinic(clinic).in_force_at(now)


def _once_had(clinic: Clinic, part: str) -> Q:
    """Devices that had a hardware id with this part, by the vendor's log or by its news of parcels."""
    logged = HardwareChange.objects.for_clinic(clinic).naming(part).order_by()
    told = FulfillmentEvent.objects.for_clinic(clinic).naming(part).order_by()
    return Q(hwi_device_id__in=logged.values("hwi_device_id")) | Q(id__in=told.values("device"))


def _with_standing(clinic: Clinic, now: datetime.datetime) -> Any:
    """Devices with what `SHOWN` asks for; `is_silent` by the rule of the function."""
    limit = now - datetime.timedelta(SILENT_DAYS)
    held = _held(clinic, now).order_by()
    recent = readings_of_each(clinic).of_use().filter(taken_at__gte=limit)
    devices = Device.objects.for_clinic(clinic)
    return devices.annotate(
        is_held=_is(Q(id__in=held.values("device"))),
        is_unlinked=_is(UNLINKED),
        is_elsewhere=_is(Q(id__in=devices.with_another_patient_at_the_vendor().values("id"))),
        is_silent=_is(
            Q(id__in=held.filter(starts_at__lt=limit).values("device"))
            & ~Q(status__in=NOT_IN_HAND)
            & ~Exists(recent)
        ),
    )


def _is(condition: Any) -> ExpressionWrapper[Any]:
    return ExpressionWrapper(condition, output_field=BooleanField())


def _sorted(clinic: Clinic, devices: Any, sort: str, now: datetime.datetime) -> QuerySet[Device]:
    """With `holder`, the id of the patient who has it, or None."""
    held = _held(clinic, now).filter(device=OuterRef("pk"))
    patient = held.values(n=Lower(Coalesce(NullIf("patient__name", Value("")), "patient__external_id")))
    devices = devices.annotate(
        holder=Subquery(held.values("patient")[:1]),
        sort_name=Lower("name"),
        sort_patient=Subquery(patient[:1]),
    )
    key = sort.lstrip("-")
    if key == "last":
        devices = devices.annotate(
            last_reading_at=Subquery(readings_of_each(clinic).of_use().values("taken_at")[:1])
        )
    field = F(SORTS[key])
    never = {"nulls_first": True} if key == "last" else {"nulls_last": True}
    order = field.desc(nulls_last=True) if sort.startswith("-") else field.asc(**never)
    found: QuerySet[Device] = devices.order_by(order, "sort_patient", "sort_name", "id")
    return found


def _filters(query: QueryDict, show: str, counts: dict[str, int]) -> list[Choice]:
    choices = [Choice("All", _url(query, ""), not show, counts["all"])]
    for key, (label, _) in SHOWN.items():
        choices.append(Choice(label, _url(query, key), show == key, counts[key]))
    return choices


def _url(query: QueryDict, show: str) -> str:
    """This page with another choice: search and order stay."""
    kept = {name: query.get(name, "") for name in ("search", "sort")}
    return "?" + urlencode({name: value for name, value in {"show": show, **kept}.items() if value})


def _rows(clinic: Clinic, found: list[Any], now: datetime.datetime, text: str) -> list[dict[str, Any]]:
    figures = figures_of(clinic, [device.id for device in found], now)
    holders = {device.holder for device in found if device.holder}
    patients = Patient.objects.for_clinic(clinic).in_bulk(holders)
    gateways = gateways_of(clinic, found)
    had = _had(clinic, found, text)
    stocked = in_stock(clinic, [device.id for device in found])
    return [
        _row(clinic, device, figures[device.id], patients, gateways)
        | {
            "had": sorted(had[device.hwi_device_id] - {device.hardware_uuid}),
            "in_stock": device.id in stocked and not device.is_unlinked,
        }
        for device in found
    ]


def _had(clinic: Clinic, devices: list[Any], text: str) -> defaultdict[uuid.UUID, set[str]]:
    """By the vendor's id of a device, the hardware ids it ever had that a word of `text` names. Two queries."""
    had: defaultdict[uuid.UUID, set[str]] = defaultdict(set)
    parts = [part for word in text.split() if (part := normal_hardware_id(word))]
    if parts:
        log = HardwareChange.objects.for_clinic(clinic)
        changes = log.filter(hwi_device_id__in=[device.hwi_device_id for device in devices])
        news = FulfillmentEvent.objects.for_clinic(clinic).filter(device__in=devices)
        members = ("hardware_uuid", "replaced_hardware_uuid", "former_hardware_uuid")
        for key, *ids in itertools.chain(
            changes.values_list("hwi_device_id", "old_hardware_uuid", "new_hardware_uuid"),
            news.values_list("device__hwi_device_id", *members).distinct(),
        ):
            had[key] |= {one for one in ids if any(part in one for part in parts)}
    return had


def _row(
    clinic: Clinic,
    device: Any,
    figures: DeviceFigures,
    patients: dict[uuid.UUID, Patient],
    gateways: dict[str, Gateway],
) -> dict[str, Any]:
    patient, gateway = patients.get(device.holder), gateways.get(device.hardware_uuid)
    kind = catalogue.kind(device.kind)
    return {
        "url": reverse("device", args=[clinic.slug, device.id]),
        "name": device.name or (kind.label if kind else "Device"),
        "hwi_device_id": device.hwi_device_id,
        "patient": patient,
        "patient_url": reverse("patient", args=[clinic.slug, patient.id]) if patient else "",
        "status": device.status,
        "is_unlinked": device.is_unlinked,
        "is_silent": device.is_silent and device.is_held and not device.is_unlinked,
        "figures": figures,
        "gateway": gateway,
        "gateway_url": reverse("gateway", args=[clinic.slug, gateway.id]) if gateway else "",
        "is_cellular": kind is not None and kind.transport == "cellular",
    }


def gateways_of(clinic: Clinic, devices: list[Any]) -> dict[str, Gateway]:
    """The gateways these devices send through, by Gateway ID. One query."""
    named = {device.hardware_uuid for device in devices}
    return {one.gateway_id: one for one in Gateway.objects.for_clinic(clinic).filter(gateway_id__in=named)}


def tabs(clinic: Clinic, current: str) -> list[Choice]:
    """Devices, and the gateways most of them send through."""
    pages = (("devices", "Devices"), ("gateways", "Gateways"))
    return [Choice(label, reverse(name, args=[clinic.slug]), name == current) for name, label in pages]
