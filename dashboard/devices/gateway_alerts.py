"""Raise an alert for each patient behind a gateway that costs readings, and resolve it by itself.

Such a gateway is silent, or its weak signal has left days without a reading. Silence is believed once the
vendor was asked and knew no later contact: after an outage of ours every gateway looks silent. A weak
signal that lets every day's readings through is on the gateway's page and no alert (decision 11).
"""

from __future__ import annotations

import datetime
import uuid
from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from django.utils import translation

from clinics.models import Clinic
from common.formats import near_date
from common.local_day import date_in
from devices.hardware import RECOVERED_FROM, SILENT_AFTER, silent_since
from devices.models import Assignment, Gateway
from devices.queries import weak_since
from measurements.models import Measurement
from patients.alerts import Cause, settle_alerts
from patients.models import Alert, AlertKind

KINDS = (AlertKind.GATEWAY_SILENT, AlertKind.GATEWAY_WEAK)


@dataclass(frozen=True, slots=True)
class GatewayProblem:
    """A gateway that is silent, or too weak, `since` a moment."""

    gateway: Gateway
    kind: AlertKind
    since: datetime.datetime

    def words(self, missed: int, now: datetime.datetime) -> str:
        """Return words such as `Signal 8 since 3 Nov, 4 days without a reading since`."""
        silent = self.kind == AlertKind.GATEWAY_SILENT
        start = "Gateway silent" if silent else f"Signal {self.gateway.signal_strength}"
        days = f", {missed} day{'s' * (missed != 1)} without a reading since" if missed else ""
        return f"{start} since {near_date(self.since, self.gateway.clinic.zone, now)}{days}"


def watch_gateways(clinic: Clinic, now: datetime.datetime) -> None:
    """Raise, reword and resolve this clinic's alerts about gateways. The same few queries for any number."""
    assignments = list(
        Assignment.objects.for_clinic(clinic)
        .in_force_at(now)
        .filter(device__unlinked_at__isnull=True)
        .values_list("device__hardware_uuid", "device__hwi_device_id", "patient")
    )
    devices: defaultdict[str, set[uuid.UUID]] = defaultdict(set)
    patients: defaultdict[str, set[uuid.UUID]] = defaultdict(set)
    for gateway_id, hwi_device_id, patient_id in assignments:
        devices[gateway_id].add(hwi_device_id)
        patients[gateway_id].add(patient_id)
    problems = [problem for problem in _problems(clinic, now) if problem.gateway.gateway_id in patients]
    missed = _days_without_readings(clinic, problems, devices, now)
    with translation.override(clinic.locale):
        words = {
            Cause(problem.kind, patient_id, problem.gateway.id): problem.words(
                missed[problem.gateway.id], now
            )
            for problem in problems
            if problem.kind == AlertKind.GATEWAY_SILENT or missed[problem.gateway.id]
            for patient_id in patients[problem.gateway.gateway_id]
        }
    settle_alerts(clinic=clinic, kinds=KINDS, found=words)


def _problems(clinic: Clinic, now: datetime.datetime) -> Iterator[GatewayProblem]:
    gateways = Gateway.objects.for_clinic(clinic).select_related("clinic")
    silent = set()
    for gateway in gateways.filter(last_seen_at__lt=now - SILENT_AFTER):
        silent.add(gateway.id)
        since = silent_since(gateway.last_seen_at, gateway.polled_at or now)
        if since:
            yield GatewayProblem(gateway, AlertKind.GATEWAY_SILENT, since)
    weak = list(gateways.filter(signal_strength__lt=RECOVERED_FROM).exclude(id__in=silent))
    fell = weak_since(clinic, [gateway.id for gateway in weak])
    for gateway in weak:
        if gateway.id in fell:
            yield GatewayProblem(gateway, AlertKind.GATEWAY_WEAK, fell[gateway.id])


def _days_without_readings(
    clinic: Clinic, problems: list[GatewayProblem], devices: dict[str, set[uuid.UUID]], now: datetime.datetime
) -> dict[uuid.UUID, int]:
    """Return how many whole local dates since each gateway's problem began have no reading behind it.

    What devices say of their own battery is no reading.
    """
    if not problems:
        return {}
    behind = {hwi_id for problem in problems for hwi_id in devices[problem.gateway.gateway_id]}
    first = min(problem.since for problem in problems) - datetime.timedelta(days=1)
    readings = Measurement.objects.for_clinic(clinic).filter(hwi_device_id__in=behind, taken_at__gte=first)
    dates: defaultdict[uuid.UUID, set[datetime.date]] = defaultdict(set)
    used = readings.of_use().order_by().values_list("hwi_device_id", "local_date")
    for hwi_device_id, date in used.distinct():
        dates[hwi_device_id].add(date)
    today = clinic.today(now)
    missed = {}
    for problem in problems:
        read = set().union(*(dates[hwi_id] for hwi_id in devices[problem.gateway.gateway_id]))
        begun = date_in(clinic.zone, problem.since)
        since = (begun + datetime.timedelta(day) for day in range((today - begun).days))
        missed[problem.gateway.id] = sum(date not in read for date in since)
    return missed


def words_about(clinic: Clinic, gateway_ids: Iterable[uuid.UUID]) -> dict[uuid.UUID, str]:
    """Return the words of the alert about each of these gateways, the same for all its patients. One query."""
    alerts = Alert.objects.for_clinic(clinic).standing().filter(about__in=list(gateway_ids))
    rows = alerts.order_by("raised_at", "id").values_list("about", "words")
    return {about: words for about, words in rows if about}
