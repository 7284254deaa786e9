"""The patients page: who needs a call? The same few queries for 10, 50 or 10,000 patients."""

from __future__ import annotations

import datetime
import uuid
from collections.abc import Callable
from typing import Any

from django.http import QueryDict
from django.urls import reverse
from django.utils.http import urlencode

from billing.pace import dates_left
from billing.windows import Window
from clinics.models import Clinic
from common.formats import month_name
from common.pages import page_of
from common.wording import Choice
from dashboard.devices.state import NO_DEVICE, device_states
from dashboard.patients.alerts import urgent_readings, words_about_patients
from dashboard.patients.latest_values import irregular_pressure, latest_values
from dashboard.patients.roster import Entry, furthest_behind, roster
from dashboard.patients.sparklines import sparklines
from measurements.shown.metrics import display_of
from patients.models import Patient, Program

PAGE_SIZE = 50
CHIPS = 4
NOT_TAKEN_SHOWN = 5
LONG_AGO = datetime.datetime(1, 1, 1, tzinfo=datetime.UTC)
SORTS: dict[str, Callable[[Entry], Any]] = {
    "name": lambda entry: entry.label.casefold(),
    "days": lambda entry: entry.days,
    "last": lambda entry: entry.last_reading_at or LONG_AGO,
}
Test = Callable[[Entry, datetime.datetime], bool]
SHOWN: dict[str, tuple[str, Test]] = {
    "behind": ("Behind", lambda entry, now: entry.stands("behind")),
    "out-of-reach": ("Out of reach", lambda entry, now: entry.stands("out of reach")),
    "attention": ("Needs attention", lambda entry, now: entry.needs_attention),
    "quiet": ("No reading for 3 days", lambda entry, now: entry.is_quiet(now)),
}


def context(clinic: Clinic, query: QueryDict, now: datetime.datetime) -> dict[str, Any]:
    """Return what `dashboard/patients.html` documents. Days are those of the clinic's current month."""
    window = Window.current_month(clinic, now)
    today = clinic.today(now)
    text = query.get("q", "").replace("\0", "").strip()
    show = query.get("show", "") if query.get("show") in SHOWN else ""
    program = query.get("program", "") if query.get("program") in Program.values else ""
    sort = query.get("sort", "name")
    sort = sort if sort.lstrip("-") in SORTS else "name"
    entries = roster(clinic, window, now)
    named = [entry for entry in entries if entry.matches(text)] if text else entries
    in_program = [entry for entry in named if not program or program in entry.programs]
    chosen = [entry for entry in in_program if SHOWN[show][1](entry, now)] if show else in_program
    kept = {"q": text, "sort": query.get("sort", ""), "show": show, "program": program}
    return {
        "summary": {
            "patients": len(chosen),
            "month": month_name(window.first),
            "left": dates_left(window, today, False),
            "is_part": bool(text or show or program),
        },
        "urgent": urgent_readings(clinic) if any(entry.needs_attention for entry in entries) else None,
        "attention_url": _url(kept | {"q": "", "program": ""}, show="attention"),
        "behind": [] if text or show or program else _furthest_behind(clinic, entries),
        "not_taken": [] if text or show or program else _not_taken(clinic),
        "filters": _standing_choices(in_program, kept, now),
        "programs": _program_choices(
            [entry for entry in named if SHOWN[show][1](entry, now)] if show else named, kept
        ),
        "sort": sort,
        "page": page_of(
            _sorted(chosen, sort),
            query.get("page"),
            PAGE_SIZE,
            lambda listed: _rows(clinic, listed, today, now),
        ),
    }


def _sorted(entries: list[Entry], sort: str) -> list[Entry]:
    """Sort, by name where equal; patients without a program come last when sorted by days."""
    key = SORTS[sort.lstrip("-")]
    ranked = [entry for entry in entries if key(entry) is not None]
    rest = [entry for entry in entries if key(entry) is None]
    return [*sorted(ranked, key=key, reverse=sort.startswith("-")), *rest]


def _url(kept: dict[str, str], **changes: str) -> str:
    """Return the address of this page with other choices; the page number alone is not kept."""
    return "?" + urlencode({name: value for name, value in (kept | changes).items() if value})


def _standing_choices(entries: list[Entry], kept: dict[str, str], now: datetime.datetime) -> list[Choice]:
    choices = [Choice("All", _url(kept, show=""), not kept["show"], len(entries))]
    for key, (label, test) in SHOWN.items():
        count = sum(test(entry, now) for entry in entries)
        choices.append(Choice(label, _url(kept, show=key), kept["show"] == key, count))
    return choices


def _program_choices(entries: list[Entry], kept: dict[str, str]) -> list[Choice]:
    """Offer each program; the chosen entry leads back to all."""
    choices = []
    for program in Program.values:
        count = sum(program in entry.programs for entry in entries)
        is_chosen = kept["program"] == program
        choices.append(Choice(program, _url(kept, program="" if is_chosen else program), is_chosen, count))
    return choices


def _rows(
    clinic: Clinic, listed: list[Entry], today: datetime.date, now: datetime.datetime
) -> list[dict[str, Any]]:
    ids = [entry.patient_id for entry in listed]
    latest = latest_values(clinic, ids)
    main: dict[uuid.UUID, str] = {
        patient: value["metric"]
        for patient, values in latest.items()
        for value in reversed(values)
        if display_of(value["metric"]).daily
    }
    trends = sparklines(clinic, main, today)
    states = device_states(clinic, ids, now)
    alerts = words_about_patients(clinic, [entry.patient_id for entry in listed if entry.needs_attention])
    return [
        {
            "url": reverse("patient", args=[clinic.slug, entry.patient_id]),
            "name": entry.label,
            "external_id": entry.external_id,
            "zone": entry.timezone or clinic.timezone,
            "last_reading_at": entry.last_reading_at,
            "last_signal_at": entry.last_signal_at,
            "alert": alerts.get(entry.patient_id),
            **_latest(latest.get(entry.patient_id, [])),
            "trend": trends.get(entry.patient_id),
            "devices": states.get(entry.patient_id, NO_DEVICE),
            "programs": entry.standings,
        }
        for entry in listed
    ]


def _latest(values: list[dict[str, Any]]) -> dict[str, Any]:
    """Return the chips of a row, and when the latest pressure came with an irregular heartbeat.

    Words tell of that heartbeat, so it has no chip.
    """
    irregular_at = irregular_pressure(values)
    chips = [value for value in values if not irregular_at or value["metric"] != "irregular_heartbeat"]
    return {"irregular_at": irregular_at, "latest": chips[:CHIPS]}


def _furthest_behind(clinic: Clinic, entries: list[Entry]) -> list[dict[str, str]]:
    return [
        {
            "url": reverse("patient", args=[clinic.slug, entry.patient_id]),
            "name": entry.label,
            "words": f"{standing.days} days, {standing.words}",
        }
        for entry, standing in furthest_behind(entries)
    ]


def _not_taken(clinic: Clinic) -> list[dict[str, str]]:
    refused = Patient.objects.for_clinic(clinic).not_taken_by_vendor().order_by("name", "id")
    return [
        {"url": reverse("patient", args=[clinic.slug, patient.id]) + "#record", "name": str(patient)}
        for patient in refused[:NOT_TAKEN_SHOWN]
    ]
