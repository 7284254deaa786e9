"""List the devices, those that need a person first. The same few queries for 10, 50 or 10,000."""

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
from dashboard.devices.summaries import DeviceSummary, readings_of_each, summaries_of
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
    """Return the context that `dashboard/devices.html` documents."""
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
        lambda shown: _rows(clinic, shown, now, text),
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
    device: Device, assignment: Assignment, last_reading_at: datetime.datetime | None, now: datetime.datetime
) -> bool:
    """Whether a device that a patient has had for days has sent no reading in them.

    What it says of its battery is no reading. One that is still on its way is not silent.
    """
    limit = now - datetime.timedelta(SILENT_DAYS)
    has_read = last_reading_at is not None and last_reading_at >= limit
    return assignment.starts_at < limit and not has_read and device.status not in NOT_IN_HAND


def _held(clinic: Clinic, now: datetime.datetime) -> Any:
    return Assignment.objects.for_clinic(clinic).in_force_at(now)


def _once_had(clinic: Clinic, part: str) -> Q:
    """Match devices that had a hardware id with this part, by the vendor's log or its fulfillment events."""
    logged = HardwareChange.objects.for_clinic(clinic).naming(part).order_by()
    events = FulfillmentEvent.objects.for_clinic(clinic).naming(part).order_by()
    return Q(hwi_device_id__in=logged.values("hwi_device_id")) | Q(id__in=events.values("device"))


def _with_standing(clinic: Clinic, now: datetime.datetime) -> Any:
    """Add what `SHOWN` asks for; `is_silent` by the rule of the function."""
    limit = now - datetime.timedelta(SILENT_DAYS)
    assignments = _held(clinic, now).order_by()
    recent = readings_of_each(clinic).of_use().filter(taken_at__gte=limit)
    devices = Device.objects.for_clinic(clinic)
    return devices.annotate(
        is_held=_is(Q(id__in=assignments.values("device"))),
        is_unlinked=_is(UNLINKED),
        is_elsewhere=_is(Q(id__in=devices.with_another_patient_at_the_vendor().values("id"))),
        is_silent=_is(
            Q(id__in=assignments.filter(starts_at__lt=limit).values("device"))
            & ~Q(status__in=NOT_IN_HAND)
            & ~Exists(recent)
        ),
    )


def _is(condition: Any) -> ExpressionWrapper[Any]:
    return ExpressionWrapper(condition, output_field=BooleanField())


def _sorted(clinic: Clinic, devices: Any, sort: str, now: datetime.datetime) -> QuerySet[Device]:
    """Order the devices; adds `holder`, the id of the patient who has it, or None."""
    assignments = _held(clinic, now).filter(device=OuterRef("pk"))
    patient = assignments.values(
        n=Lower(Coalesce(NullIf("patient__name", Value("")), "patient__external_id"))
    )
    devices = devices.annotate(
        holder=Subquery(assignments.values("patient")[:1]),
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
    ordered: QuerySet[Device] = devices.order_by(order, "sort_patient", "sort_name", "id")
    return ordered


def _filters(query: QueryDict, show: str, counts: dict[str, int]) -> list[Choice]:
    choices = [Choice("All", _url(query, ""), not show, counts["all"])]
    for key, (label, _) in SHOWN.items():
        choices.append(Choice(label, _url(query, key), show == key, counts[key]))
    return choices


def _url(query: QueryDict, show: str) -> str:
    """Return this page with another choice: search and order stay."""
    kept = {name: query.get(name, "") for name in ("search", "sort")}
    return "?" + urlencode({name: value for name, value in {"show": show, **kept}.items() if value})


def _rows(clinic: Clinic, devices: list[Any], now: datetime.datetime, text: str) -> list[dict[str, Any]]:
    summaries = summaries_of(clinic, [device.id for device in devices], now)
    holders = {device.holder for device in devices if device.holder}
    patients = Patient.objects.for_clinic(clinic).in_bulk(holders)
    gateways = gateways_of(clinic, devices)
    had = _had(clinic, devices, text)
    stocked = in_stock(clinic, [device.id for device in devices])
    return [
        _row(clinic, device, summaries[device.id], patients, gateways)
        | {
            "had": sorted(had[device.hwi_device_id] - {device.hardware_uuid}),
            "in_stock": device.id in stocked and not device.is_unlinked,
        }
        for device in devices
    ]


def _had(clinic: Clinic, devices: list[Any], text: str) -> defaultdict[uuid.UUID, set[str]]:
    """Return the hardware ids that a device once had and a word of `text` names, by vendor's id. Two
    queries."""
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
            had[key] |= {hardware_id for hardware_id in ids if any(part in hardware_id for part in parts)}
    return had


def _row(
    clinic: Clinic,
    device: Any,
    figures: DeviceSummary,
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
    """Return the gateways these devices send through, by Gateway ID. One query."""
    named = {device.hardware_uuid for device in devices}
    return {
        gateway.gateway_id: gateway
        for gateway in Gateway.objects.for_clinic(clinic).filter(gateway_id__in=named)
    }


def tabs(clinic: Clinic, current: str) -> list[Choice]:
    """Return the tabs of the list: devices, and the gateways most of them send through."""
    pages = (("devices", "Devices"), ("gateways", "Gateways"))
    return [Choice(label, reverse(name, args=[clinic.slug]), name == current) for name, label in pages]
