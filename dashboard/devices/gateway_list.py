"""List the gateways, those that cannot send first, in the same few queries for any number."""

from __future__ import annotations

import datetime
import uuid
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from django.db.models import Count, Exists, OuterRef, Q
from django.http import QueryDict
from django.urls import reverse
from django.utils.http import urlencode

from clinics.models import Clinic
from common.pages import page_of
from common.wording import Choice
from dashboard.devices.device_list import tabs
from dashboard.devices.gateway_alerts import words_about
from devices.hardware import WEAK_BELOW, Standing, hardware_id_in, newest_firmware
from devices.models import Assignment, Device, Gateway, GatewaySample
from patients.models import Alert

PAGE_SIZE = 50
TREND = datetime.timedelta(days=30)
SHOWN = {
    "attention": ("Needs attention", Q(is_unseen=True)),
    "silent": ("Silent", Q(standing=Standing.SILENT)),
    "never": ("Never heard", Q(standing=Standing.NEVER_HEARD)),
    "weak": ("Weak signal", Q(signal_strength__lt=WEAK_BELOW) & ~Q(standing=Standing.UNUSED)),
    "unused": ("Nobody behind", Q(standing=Standing.UNUSED)),
}
"""Choices of the page: label, and which gateways. A silent one can be weak as well."""


@dataclass(frozen=True)
class Behind:
    """A patient who sends through a gateway."""

    name: str
    url: str


def context(clinic: Clinic, query: QueryDict, now: datetime.datetime) -> dict[str, Any]:
    """Return the context that `dashboard/gateways.html` documents."""
    text = query.get("search", "").replace("\0", "").strip()
    show = query.get("show", "")
    show = show if show in SHOWN else ""
    assignments = Assignment.objects.for_clinic(clinic).in_force_at(now)
    unseen = Alert.objects.for_clinic(clinic).unseen().filter(about=OuterRef("pk"))
    everything = (
        Gateway.objects.for_clinic(clinic).with_standing(assignments, now).annotate(is_unseen=Exists(unseen))
    )
    gateways = everything.matching(text, assignments) if text else everything
    counts = gateways.aggregate(
        all=Count("id"), **{key: Count("id", filter=chosen) for key, (_, chosen) in SHOWN.items()}
    )
    chosen = gateways.filter(SHOWN[show][1]) if show else gateways
    page = page_of(chosen.worst_first(), query.get("page"), PAGE_SIZE, lambda rows: _rows(clinic, rows, now))
    return {
        "summary": {"gateways": counts["all"], "silent": counts["silent"], "weak": counts["weak"]},
        "tabs": tabs(clinic, "gateways"),
        "text": text,
        "show": show,
        "filters": [
            Choice("All", _url(text, ""), not show, counts["all"]),
            *(Choice(label, _url(text, key), show == key, counts[key]) for key, (label, _) in SHOWN.items()),
        ],
        "page": page,
        "devices_url": "" if counts["all"] else _search_of_devices(clinic, text),
        "zone": clinic.zone,
    }


def samples_of(
    clinic: Clinic, gateway_ids: Iterable[uuid.UUID], now: datetime.datetime
) -> dict[uuid.UUID, list[GatewaySample]]:
    """Return the vendor's samples of each gateway's signal in the last 30 days, oldest first. One query."""
    by_gateway: defaultdict[uuid.UUID, list[GatewaySample]] = defaultdict(list)
    samples = GatewaySample.objects.for_clinic(clinic).filter(gateway_id__in=list(gateway_ids))
    for sample in samples.filter(taken_at__gt=now - TREND).order_by("taken_at"):
        by_gateway[sample.gateway_id].append(sample)
    return by_gateway


def newest_firmware_of(clinic: Clinic) -> str:
    """Return the newest firmware any gateway of this clinic has, "" while none is known."""
    versions = Gateway.objects.for_clinic(clinic).order_by().values_list("firmware_version", flat=True)
    return newest_firmware(versions.distinct())


def _url(text: str, show: str) -> str:
    return "?" + urlencode({name: value for name, value in {"show": show, "search": text}.items() if value})


def _search_of_devices(clinic: Clinic, text: str) -> str:
    """Return the search of the devices page for this id: it knows all that devices ever had."""
    if hardware_id := hardware_id_in(text):
        return f"{reverse('devices', args=[clinic.slug])}?{urlencode({'search': hardware_id})}"
    return ""


def _rows(clinic: Clinic, gateways: list[Any], now: datetime.datetime) -> list[dict[str, Any]]:
    samples = samples_of(clinic, [gateway.id for gateway in gateways], now)
    devices, people = _behind(clinic, [gateway.gateway_id for gateway in gateways], now)
    newest = newest_firmware_of(clinic)
    alerts = words_about(clinic, [gateway.id for gateway in gateways])
    return [
        {
            "url": reverse("gateway", args=[clinic.slug, gateway.id]),
            "gateway": gateway,
            "samples": samples[gateway.id],
            "alert": alerts.get(gateway.id, ""),
            "is_old_firmware": gateway.firmware_version not in ("", newest),
            "devices": devices[gateway.gateway_id],
            "patients": people[gateway.gateway_id],
        }
        for gateway in gateways
    ]


def _behind(
    clinic: Clinic, gateway_ids: list[str], now: datetime.datetime
) -> tuple[dict[str, int], dict[str, list[Behind]]]:
    """Return, by Gateway ID, how many devices send through it, and their patients."""
    devices: defaultdict[str, int] = defaultdict(int)
    behind = Device.objects.for_clinic(clinic).filter(hardware_uuid__in=gateway_ids).order_by()
    devices.update(behind.values_list("hardware_uuid").annotate(n=Count("id")))
    people: defaultdict[str, list[Behind]] = defaultdict(list)
    assignments = Assignment.objects.for_clinic(clinic).in_force_at(now).select_related("patient", "device")
    for assignment in assignments.filter(device__hardware_uuid__in=gateway_ids).order_by("patient__name"):
        patient, named = assignment.holder, people[assignment.device.hardware_uuid]
        person = Behind(str(patient), reverse("patient", args=[clinic.slug, patient.id]))
        if person not in named:
            named.append(person)
    return devices, people
