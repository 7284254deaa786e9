"""Group what waits in quarantine by device and reason, with what can be done about it."""

from __future__ import annotations

import datetime
import uuid
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from django.db.models import Count, Max, Min, Q
from django.urls import reverse
from django.utils import timezone

from clinics.access import ClinicAccess
from dashboard.quarantine.contents import Contents, Named, contents_by_group
from devices.models import Assignment, Device
from patients.models import Patient
from tenovi.inbound.element import Untrusted, patient_id_of
from tenovi.inbound.reasons import sentence
from tenovi.inbound.remedies import NEEDS, Remedy, remedies_for
from tenovi.models import DeliveryItem, RequestKind
from tenovi.models.ledger import DeliveryKind
from tenovi.outbound.enqueue import why_unanswered
from tenovi.pages.operations import TOO_LONG
from tenovi.querysets import DeliveryItemQuerySet
from tenovi.strict_json import JsonObject, value_of

GROUPS_SHOWN = 100
LOOKED_INTO = 20  # elements of a group that are read for whom they name
TAKEN_BACK_FOR = datetime.timedelta(days=30)
WAITING_BY = ("hwi_device_id", "delivery__kind", "reason")
DISCARDED_BY = (*WAITING_BY, "decided_by", "note")
"""Identify a group: its elements have all of this in common."""


@dataclass(frozen=True)
class WaitingGroup:
    """Elements of one device that wait for one reason. `device` is None for one that is not known here.

    `contents`: what the newest few say. `named`: the patients whom the first of them name, and `holder` the
    patient who has the device now, for people who may see patients. `asked`: why the vendor has not
    answered.
    """

    hwi_device_id: uuid.UUID | None
    kind: str
    kind_label: str
    reason: str
    sentence: str
    count: int
    oldest: datetime.datetime
    newest: datetime.datetime
    is_too_old: bool
    device: Device | None
    device_url: str
    holder_url: str
    asked: str
    contents: tuple[Contents, ...]
    named: tuple[Named, ...]
    holder: Patient | None
    remedies: tuple[Remedy, ...]


@dataclass(frozen=True)
class DiscardedGroup:
    """Elements of one device that one person discarded for one reason."""

    hwi_device_id: uuid.UUID | None
    kind: str
    kind_label: str
    reason: str
    sentence: str
    count: int
    newest: datetime.datetime
    decided_by: str
    note: str
    contents: tuple[Contents, ...]


@dataclass(frozen=True)
class Context:
    """Hold what all groups of a page are made from, read once. `asked`: why the vendor has not answered."""

    access: ClinicAccess
    devices: dict[uuid.UUID, Device]
    holders: dict[uuid.UUID, Patient]
    asked: dict[str, str]
    contents: dict[tuple[Any, ...], tuple[Contents, ...]]


def waiting_groups(access: ClinicAccess) -> list[WaitingGroup]:
    """Return what waits, the longest first."""
    items = DeliveryItem.objects.for_clinic(access.clinic).quarantined()
    groups = items.values(*WAITING_BY).annotate(
        count=Count("id"), oldest=Min("delivery__received_at"), newest=Max("delivery__received_at")
    )
    rows: list[dict[str, Any]] = [dict(group) for group in groups.order_by("oldest")[:GROUPS_SHOWN]]
    named = {group["hwi_device_id"] for group in rows if group["hwi_device_id"]}
    devices = {
        device.hwi_device_id: device
        for device in Device.objects.for_clinic(access.clinic).filter(hwi_device_id__in=named)
    }
    here = Context(
        access,
        devices,
        _holders(access, devices.values()),
        why_unanswered(access.clinic, RequestKind.DEVICE, map(str, named)),
        contents_by_group(access, _of_these(items, named), WAITING_BY),
    )
    return [_group(here, group) for group in rows]


def discarded_groups(access: ClinicAccess) -> list[DiscardedGroup]:
    """Return what was discarded lately, and may be taken back."""
    since = timezone.now() - TAKEN_BACK_FOR
    items = DeliveryItem.objects.for_clinic(access.clinic).discarded().filter(decided_at__gte=since)
    groups = items.values(*DISCARDED_BY).annotate(count=Count("id"), newest=Max("decided_at"))
    rows: list[dict[str, Any]] = [dict(group) for group in groups.order_by("-newest")[:GROUPS_SHOWN]]
    named = {group["hwi_device_id"] for group in rows if group["hwi_device_id"]}
    contents = contents_by_group(access, _of_these(items, named), DISCARDED_BY)
    return [
        DiscardedGroup(
            hwi_device_id=group["hwi_device_id"],
            kind=group["delivery__kind"],
            kind_label=DeliveryKind(group["delivery__kind"]).label,
            reason=group["reason"],
            sentence=sentence(group["reason"]),
            count=group["count"],
            newest=group["newest"],
            decided_by=group["decided_by"],
            note=group["note"],
            contents=contents.get(tuple(group[name] for name in DISCARDED_BY), ()),
        )
        for group in rows
    ]


def _of_these(items: DeliveryItemQuerySet, devices: Iterable[uuid.UUID]) -> DeliveryItemQuerySet:
    """Keep elements that name one of these devices, or none."""
    return items.filter(Q(hwi_device_id__in=devices) | Q(hwi_device_id=None))


def _group(here: Context, group: dict[str, Any]) -> WaitingGroup:
    access, hwi_device_id = here.access, group["hwi_device_id"]
    kind, reason = group["delivery__kind"], group["reason"]
    device, slug = here.devices.get(hwi_device_id), access.clinic.slug
    may_see = access.may_view_patients and device is not None
    return WaitingGroup(
        hwi_device_id=hwi_device_id,
        kind=kind,
        kind_label=DeliveryKind(kind).label,
        reason=reason,
        sentence=sentence(reason),
        count=group["count"],
        oldest=group["oldest"],
        newest=group["newest"],
        is_too_old=timezone.now() - group["oldest"] > TOO_LONG,
        device=device,
        device_url=reverse("device", args=[slug, device.id]) if device and may_see else "",
        holder_url=reverse("device-holder", args=[slug, device.id]) if device and may_see else "",
        asked=here.asked.get(str(hwi_device_id), "") if reason == "unknown_device" else "",
        named=_named(access, hwi_device_id, kind, reason) if reason == "wrong_patient" else (),
        contents=here.contents.get((hwi_device_id, kind, reason), ()),
        holder=here.holders.get(device.id) if device else None,
        remedies=tuple(_offered(access, remedies_for(reason, kind), device)),
    )


def _offered(access: ClinicAccess, remedies: Iterable[Remedy], device: Device | None) -> Iterable[Remedy]:
    """Return what this person may do, and can; others learn who can."""
    for remedy in remedies:
        makes_sense = {
            Remedy.TELL: access.role == "operator",
            Remedy.ASSIGN: device is not None,
            Remedy.ACCEPT: device is not None,
        }
        if access.may(NEEDS[remedy]) and makes_sense.get(remedy, True):
            yield remedy


def _named(access: ClinicAccess, hwi_device_id: uuid.UUID, kind: str, reason: str) -> tuple[Named, ...]:
    if not access.may_view_patients:
        return ()
    items = DeliveryItem.objects.for_clinic(access.clinic).quarantined()
    waiting = items.filter(hwi_device_id=hwi_device_id, delivery__kind=kind, reason=reason)
    pieces = waiting.exclude(raw=None).order_by("-id").values_list("raw", flat=True)[:LOOKED_INTO]
    ids = sorted({_patient_named_in(bytes(piece)) for piece in pieces if piece} - {""})
    return tuple(_person(access, external_id) for external_id in ids)


def _holders(access: ClinicAccess, devices: Iterable[Device]) -> dict[uuid.UUID, Patient]:
    """Return the patient who has each of these devices now, for people who may see patients."""
    if not access.may_view_patients:
        return {}
    now = Assignment.objects.for_clinic(access.clinic).in_force_at(timezone.now())
    assignments = now.filter(device__in=devices, patient__isnull=False).select_related("patient")
    return {assignment.device_id: assignment.patient for assignment in assignments if assignment.patient}


def _patient_named_in(piece: bytes) -> str:
    element = value_of(piece)
    try:
        return patient_id_of(element.get("patient_id")) if isinstance(element, JsonObject) else ""
    except Untrusted:
        return ""


def _person(access: ClinicAccess, external_id: str) -> Named:
    patient = Patient.objects.for_clinic(access.clinic).with_external_id(external_id).first()
    if patient is None:
        return Named(external_id, "nobody here", "")
    return Named(external_id, str(patient), reverse("patient", args=[access.clinic.slug, patient.id]))
