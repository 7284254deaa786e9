"""How each metric is shown: one entry a metric, read by charts, tables, lists and words.

What a metric means (label, unit, bounds, vital or not) is the vendor's and stands in `tenovi.catalogue`. All
that we decide about showing it stands here. The order of the entries is that of the charts on a page.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import asdict
from typing import Any

from measurements.shown.display import VALUES, Chart, Daily, Look, MetricDisplay
from measurements.shown.flags import BITS, MARKS, MEALS

PRESSURE = Chart(size="tall")
PILLBOX = Chart("Pillbox")
INHALER = Chart("Inhaler: doses and flow of breath")
CAP = Chart("Bottle cap", "low")
EMPTY_ROWS = ("", "", "")
OPENINGS = Daily("count", "openings a day", bars=True)

_ENTRIES = (
    MetricDisplay(
        "blood_pressure",
        chart=PRESSURE,
        look=Look("bars", "chart-pressure"),
        least_span=60,
        layer="",
        key=(("bars", "systolic to diastolic"),),
        rank=10,
        limits="Limits",
    ),
    MetricDisplay(
        "pulse",
        second="± {}",
        chart=PRESSURE,
        look=Look("line", "chart-pulse"),
        least_span=20,
        layer="pulse",
        adds_to_title=" and pulse",
        key=(("line", "pulse"),),
        is_silent_beside=True,
        rank=30,
        limits="Pulse limits",
        row_of="blood_pressure",
    ),
    MetricDisplay(
        "irregular_heartbeat",
        happened="detected",
        chart=PRESSURE,
        look=Look("beats", "attention", on="pulse"),
        layer="irregular heartbeat",
        key=(("irregular", "irregular heartbeat"),),
        sentence="Irregular heartbeat detected {count:time}, last on {when}.",
        rank=20,
        latest_label="Irregular heartbeat",
        daily=None,  # an event that has no height
        row_of="blood_pressure",
    ),
    MetricDisplay(
        "glucose",
        chart=Chart(),
        look=Look("meals", "chart-glucose"),
        least_span=60,
        key=(
            ("fasting", "fasting"),
            ("before_meal", "before meal"),
            ("after_meal", "after meal"),
            ("normal", "not said"),
        ),
        rank=40,
        limits="Limits",
    ),
    MetricDisplay(
        "weight",
        chart=Chart(),
        look=Look("line", "chart-weight", joins=4),
        least_span=4,
        compares_week=True,
        rank=50,
        limits="Limits",
    ),
    MetricDisplay(
        "spO2",
        second="± {}",
        chart=Chart(),
        look=Look("line", "chart-oxygen", most=100),
        least_span=6,
        rank=60,
        limits="Limits",
    ),
    MetricDisplay(
        "perfusion_index",
        second="± {}",
        chart=Chart(),
        look=Look("line", "chart-oxygen"),
        least_span=4,
        is_latest=False,
        limits="Limits",
    ),
    MetricDisplay(
        "temperature",
        chart=Chart(),
        look=Look("line", "chart-pulse"),
        least_span=3,
        rank=70,
        limits="Limits",
    ),
    MetricDisplay(
        "peak_expiratory_flow",
        chart=Chart("Peak expiratory flow (PEF)"),
        look=Look("line", "chart-before-meal"),
        least_span=100,
        rank=80,
        limits="Limits",
    ),
    MetricDisplay(
        "forced_expiratory_volume",
        chart=Chart("Forced expiratory volume (FEV)"),
        look=Look("line", "chart-before-meal"),
        rank=90,
        limits="Limits",
    ),
    MetricDisplay(
        "pillbox_opened",
        compartment="opened",
        has_own_day=True,
        chart=PILLBOX,
        look=Look("compartments", "counted", rows=("AM", "PM", "refill")),
        layer="",
        key=(
            ("own_day", "opened on its own day"),
            ("other_day", "another day’s compartment"),
            ("unopened", "not opened"),
        ),
        sentence="{count:compartment} opened{strays}; latest {latest} on {when}.",
        rank=100,
        latest_label="Pillbox opened",
        daily=OPENINGS,
    ),
    MetricDisplay(
        "pillbox_refilled",
        compartment="refilled",
        chart=PILLBOX,
        look=Look("refills", "chart-pressure"),
        layer="",
        key=(("refill", "refilled"),),
        sentence="Refilled on {days:day}, last on {when}.",
        is_latest=False,
        daily=OPENINGS,
    ),
    MetricDisplay(
        "pillbox_refill_initiated",
        happened="started",
        chart=PILLBOX,
        look=Look("refills", "chart-pressure"),
        layer="refill",
        sentence="",
        is_latest=False,
    ),
    MetricDisplay(
        "hailie_respiratory_flow_log",
        second="mean {} L/min",
        chart=INHALER,
        look=Look("flows", "chart-pressure", zero=True),
        least_span=40,
        layer="flow",
        key=(("flow", "mean to maximum flow, L/min"),),
        sentence="Maximum flow {range}.",
    ),
    MetricDisplay(
        "hailie_medication_event",
        happened="dose",
        chart=INHALER,
        look=Look("ticks", "chart-weight"),
        layer="inhaler",
        key=(("tick", "dose"),),
        sentence="{count:dose} on {days:day}; latest on {when}.",
        rank=110,
        latest_label="Inhaler",
        daily=Daily("sum", "doses a day", bars=True),
    ),
    MetricDisplay(
        "hailie_respiratory_timing_log",
        second="peak after {} s",
        chart=Chart("Inhaler: length of breath"),
        look=Look("breaths", "chart-pressure", zero=True),
        least_span=2,
        key=(("breath", "length of breath, s"), ("notch", "time to its peak")),
        sentence=VALUES.replace("reading", "breath"),
        is_latest=False,
    ),
    MetricDisplay(
        "patchcap_open_close_event",
        chart=CAP,
        look=Look("ticks", "chart-weight", rows=EMPTY_ROWS),
        layer="",
        key=(("tick", "opened"), ("closed", "closed")),
        sentence="Opened {ones:time} on {days:day}; latest event on {when}.",
        rank=120,
        latest_label="Bottle cap",
        daily=Daily("sum", "openings a day", bars=True),
    ),
    MetricDisplay(
        "no_measurement_event",
        happened="reported",
        chart=CAP,
        look=Look("nothings", "chart-glucose", rows=EMPTY_ROWS),
        key=(("nothing", "nothing measured"),),
        sentence="Reported {count:time} that nothing was measured.",
        is_latest=False,
    ),
    MetricDisplay(
        "steps",
        chart=Chart("Hourly steps"),
        look=Look("hours", "chart-weight", zero=True, covers="hour"),
        least_span=100,
        sentence="{total} steps in {count:hour}; latest hour began on {when}.",
        daily=Daily("sum", "steps a day", bars=True),
    ),
    MetricDisplay(
        "heart_rate_statistics",
        second="maximum {} bpm",
        chart=Chart("Hourly heart rate"),
        look=Look("spans", "chart-pulse", covers="hour"),
        least_span=40,
        key=(("mean", "mean"), ("most", "up to the maximum")),
        sentence=VALUES.replace("reading", "hour"),
        daily=Daily("mean", "bpm on average"),
    ),
    MetricDisplay(
        "sleep",
        chart=Chart(),
        look=Look("nights", "chart-oxygen", zero=True, covers="day"),
        least_span=4,
        sentence=VALUES.replace("reading", "sleep"),
        daily=Daily(bars=True),
    ),
    MetricDisplay(
        "battery_percentage",
        is_latest=False,
        is_beside_device=True,
        not_vital="a battery level is not vital",
        only="only the battery reported",
    ),
    MetricDisplay("low_battery_event", happened="low", is_latest=False),
    MetricDisplay("hailie_turbohaler_rotation_event", is_latest=False),
    MetricDisplay("hailie_shake_detection_event", second="shaken for {} s", is_latest=False),
    MetricDisplay("hailie_inhaler_installed_event", is_latest=False),
    MetricDisplay("hailie_medication_cap_event", is_latest=False),
    MetricDisplay("patchcap_time_updated_event", happened="updated", is_latest=False),
    MetricDisplay("patchcap_bluetooth_event", is_latest=False),
)
METRICS = {entry.name: entry for entry in _ENTRIES}


def display_of(name: str) -> MetricDisplay:
    """Return the entry of this metric; a metric that the catalogue does not know is a plain number."""
    return METRICS.get(name) or MetricDisplay(name, chart=Chart(size="low"))


def charts_in_order() -> list[list[str]]:
    """Return the metrics of each chart, in the order of a page, the leading one first."""
    charts: dict[Chart, list[str]] = {}
    for entry in METRICS.values():
        if entry.chart:
            charts.setdefault(entry.chart, []).append(entry.name)
    return list(charts.values())


def limited_metrics() -> list[MetricDisplay]:
    """Return the metrics that may have limits, in the order of the page that sets them."""
    return sorted((entry for entry in METRICS.values() if entry.limits), key=lambda entry: entry.rank)


def for_scripts(names: Iterable[str]) -> dict[str, Any]:
    """Return what `chart-metrics.js` needs to draw and word the readings of these metrics."""
    return {
        "metrics": {name: _for_script(display_of(name)) for name in names},
        "flags": BITS,
        "flagWords": [(flag.bit, flag.word) for flag in (*MEALS.values(), *MARKS.values()) if flag.bit],
    }


def _for_script(display: MetricDisplay) -> dict[str, Any]:
    """Return the facts of one metric; what is empty is left out."""
    words = {"isCompartment": bool(display.compartment), "hasOwnDay": display.has_own_day}
    return {key: value for key, value in (asdict(display.look) | words).items() if value}
