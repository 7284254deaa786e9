"""The patient page: charts or table, the days of the month, the devices."""

from __future__ import annotations

import calendar
import datetime
import json
from dataclasses import dataclass
from typing import Any

from django.http import QueryDict
from django.urls import reverse
from django.utils.http import urlencode

from billing.pace import Pace, pace
from billing.report import vital_days
from billing.windows import Window
from common.formats import day_month, day_span, first_weekday, short_date, weekdays, zone_words
from common.iso_dates import month_key, read_date
from common.pages import page_of
from common.wording import Choice, DayCell
from dashboard.patients.alerts import alerts_of, alerts_version
from dashboard.patients.charts import charts, table_only
from dashboard.patients.devices import devices_of
from dashboard.patients.latest_values import last_heard, latest_values
from dashboard.patients.metric_summaries import MetricSummary, summaries_of
from dashboard.patients.shipping_panel import parcels_of
from measurements.limits import beyond_words, thresholds_of
from measurements.models import Measurement, Threshold
from measurements.shown.change_token import readings_version
from measurements.shown.day_evidence import DateEvidence, evidence
from measurements.shown.metrics import display_of, for_scripts
from measurements.shown.presentation import marks_of, meaning_of, remarks_of, unit_text, value_text
from measurements.shown.uses import TableRow, table_rows
from patients.actions.archiving import deletion_request
from patients.models import Patient
from patients.presentation import record_card, record_version

SPANS = (7, 30, 90, 365)
DEFAULT_SPAN = 30
PAGE_SIZE = 100


@dataclass(frozen=True)
class Span:
    """Local dates shown, both included, and the view of them."""

    first: datetime.date
    last: datetime.date
    days: int | None  # one of SPANS ending today, None for other dates
    view: str

    @classmethod
    def asked(cls, query: QueryDict, today: datetime.date) -> Span:
        """Read the span from the address: 30 days up to today unless it has a valid one."""
        view = "table" if query.get("view") == "table" else "charts"
        try:
            first, last = read_date(query.get("from", "")), read_date(query.get("to", ""))
            if first <= last <= today + datetime.timedelta(2):
                return cls(first, last, None, view)
        except ValueError:
            pass
        days = int(query.get("days", "")) if query.get("days", "") in map(str, SPANS) else DEFAULT_SPAN
        return cls(today - datetime.timedelta(days - 1), today, days, view)

    @property
    def query(self) -> str:
        return f"days={self.days}" if self.days else f"from={self.first}&to={self.last}"

    @property
    def words(self) -> str:
        if self.days:
            return f"{self.days} days to {day_month(self.last)}"
        return f"{short_date(self.first)} to {short_date(self.last)}"

    def moments(self, patient: Patient) -> tuple[datetime.datetime, datetime.datetime]:
        """Return midnight before the first date and midnight after the last, where the patient lives."""
        midnight = datetime.time(tzinfo=patient.zone)
        return (
            datetime.datetime.combine(self.first, midnight),
            datetime.datetime.combine(self.last + datetime.timedelta(1), midnight),
        )


def page_version(patient: Patient) -> str:
    """Return a token that changes whenever the page would look different."""
    return f"{readings_version(patient)}-{record_version(patient)}-{alerts_version(patient)}"


def context(patient: Patient, query: QueryDict, now: datetime.datetime) -> dict[str, Any]:
    """Return what `dashboard/patient.html` documents."""
    version = page_version(patient)  # before anything else is read: whatever comes in between is new
    today = patient.today(now)
    span = Span.asked(query, today)
    start, end = span.moments(patient)
    latest = latest_values(patient.clinic, [patient.id]).get(patient.id, [])
    last_reading_at, last_signal_at = last_heard(patient)
    summaries = summaries_of(patient, start, end)
    thresholds = thresholds_of(patient)
    standing = _standing(patient, Window.of_month(month_key(today)), today, now)
    drawn = charts(patient, summaries, thresholds, start, end) if span.view == "charts" else []
    return {
        "patient": patient,
        "zone": patient.zone,
        "card": {
            "age": _age(patient.date_of_birth, today),
            "programs": [row.program for row in standing],
            "latest": [
                item | {"beyond": beyond_words(thresholds.get(item["metric"]), *item["numbers"])}
                for item in latest
            ],
            "pace": standing,
            "last_reading_at": last_reading_at,
            "last_signal_at": last_signal_at,
        },
        "span": {
            "view": span.view,
            "is_custom": span.days is None,
            "first": span.first,
            "last": span.last,
            "words": span.words,
            "start": int(start.timestamp()),
            "end": int(end.timestamp()),
            "this_year": str(today.year),
            "zone_names": json.dumps(zone_words(start, end, patient.zone)),
            "charts_url": f"?{span.query}",
            "table_url": f"?{span.query}&view=table",
            "choices": [
                Choice(f"{days} days", f"?days={days}&view={span.view}", days == span.days) for days in SPANS
            ],
        },
        "live": {
            "url": reverse("patient-news", args=[patient.clinic.slug, patient.id]),
            "version": version,
        },
        "charts": drawn,
        "chart_facts": for_scripts(name for chart in drawn for name in chart["metrics"]),
        "table_only": table_only(summaries),
        "readings": _readings(patient, summaries, thresholds, span, query) if span.view == "table" else None,
        "calendar": _calendar(patient, query, today, standing, span),
        "devices": devices_of(patient, now),
        "shipping": parcels_of(patient),
        "record": record_card(patient),
        "deletion": deletion_request(patient) if patient.archived_at else None,
        "alerts": alerts_of(patient),
    }


def _age(born: datetime.date | None, today: datetime.date) -> int | None:
    if born is None:
        return None
    return today.year - born.year - ((today.month, today.day) < (born.month, born.day))


def _standing(patient: Patient, window: Window, today: datetime.date, now: datetime.datetime) -> list[Pace]:
    return [
        pace(row.program, row.days, window, today, has_today=today in row.dates)
        for row in vital_days(patient.clinic, window, now=now, patient=patient)
    ]


def _readings(
    patient: Patient,
    summaries: dict[str, MetricSummary],
    thresholds: dict[str, Threshold],
    span: Span,
    query: QueryDict,
) -> dict[str, Any]:
    """Return the rows of the table, of one metric or of all, and the choice between them."""
    sent = {
        name: summary
        for name, summary in summaries.items()
        if summary.rows and not display_of(name).is_beside_device
    }
    chosen = query.get("metric", "")
    chosen = chosen if chosen in sent else ""
    readings = (
        Measurement.objects.of_patient(patient)
        .events()
        .taken_between(*span.moments(patient))
        .filter(metric__in=[chosen] if chosen else list(sent))
        .select_related("device")
        .order_by("-taken_at", "metric", "-id")
    )
    address = f"?{span.query}&view=table"
    choices = [Choice("Everything", address, not chosen, sum(summary.rows for summary in sent.values()))]
    choices += [
        Choice(summary.metric.label, f"{address}&{urlencode({'metric': name})}", name == chosen, summary.rows)
        for name, summary in sorted(
            sent.items(), key=lambda item: (display_of(item[0]).rank, item[1].metric.label)
        )
    ]
    page = page_of(
        readings,
        query.get("page"),
        PAGE_SIZE,
        lambda shown: [_row(patient, row, thresholds) for row in table_rows(shown)],
        group=lambda reading: reading.taken_at,
    )
    return {"page": page, "choices": choices if len(sent) > 1 else []}


def _row(patient: Patient, row: TableRow, thresholds: dict[str, Threshold]) -> dict[str, Any]:
    reading = row.reading
    day = reverse("patient-day", args=[patient.clinic.slug, patient.id, reading.local_date])
    return _reading(reading, thresholds) | {
        "at": reading.taken_at,
        "device": reading.device.name,
        "day_url": f"{day}#reading-{reading.id}",
        "parts": [_reading(part, thresholds) for part in row.parts],
    }


def _reading(reading: Measurement, thresholds: dict[str, Threshold]) -> dict[str, Any]:
    metric = meaning_of(reading)
    beyond = beyond_words(thresholds.get(reading.metric), reading.value_1, reading.value_2)
    return {
        "label": metric.label,
        "value": value_text(metric, reading.value_1, reading.value_2),
        "unit": unit_text(metric),
        "remarks": remarks_of(reading, metric)
        + [beyond] * bool(beyond)
        + [reading.exclusion_reason or ""] * reading.excluded,
        "marks": marks_of(reading),
    }


def _calendar(
    patient: Patient, query: QueryDict, today: datetime.date, standing: list[Pace], span: Span
) -> dict[str, Any]:
    try:
        window = Window.of_month(query.get("month", ""))
    except ValueError:
        window = Window.of_month(month_key(today))
    programs: dict[datetime.date, list[DateEvidence]] = {}
    for program in evidence(patient, window.first, window.last):
        programs.setdefault(program.date, []).append(program)
    cells = {date: _cell(patient, date, programs.get(date, []), today) for date in window.dates}
    weeks = calendar.Calendar(first_weekday()).monthdatescalendar(window.first.year, window.first.month)
    is_current = window.first <= today <= window.last
    view = f"&{span.query}&view={span.view}"
    return {
        "title": window.title,
        "previous": _month_url(window.previous_month(), view),
        "next": "" if window.last >= today else _month_url(window.next_month(), view),
        "pace": standing if is_current else [],
        "weekdays": weekdays(),
        "weeks": [[cells.get(date) for date in week] for week in weeks],
        "notes": _notes(
            {date: _joined(programs[date]) for date in programs if cells[date].state == "uncounted"}, cells
        ),
    }


def _month_url(window: Window | None, view: str) -> str:
    return f"?month={window.month}{view}" if window else ""


def _notes(reasons: dict[datetime.date, str], cells: dict[datetime.date, DayCell]) -> list[dict[str, str]]:
    """Write one note for dates in a row that have the same reason: `3–9 Nov`."""
    notes: list[dict[str, str]] = []
    first = previous = None
    for date in sorted(reasons):
        if (
            first
            and previous
            and date - previous == datetime.timedelta(1)
            and reasons[date] == reasons[previous]
        ):
            notes[-1]["label"] = day_span(first, date)
        else:
            first = date
            notes.append({"label": day_month(date), "url": cells[date].url, "reason": reasons[date]})
        previous = date
    return notes


def _cell(
    patient: Patient, date: datetime.date, programs: list[DateEvidence], today: datetime.date
) -> DayCell:
    return DayCell.of(
        date,
        url=reverse("patient-day", args=[patient.clinic.slug, patient.id, date]),
        today=today,
        counted=any(program.counted for program in programs),
        words=_joined(programs),
    )


def _joined(programs: list[DateEvidence]) -> str:
    if len(programs) == 1:
        return programs[0].words
    return "; ".join(f"{program.program} {program.words}" for program in programs)
