"""The catalogue says what the vendor's pages say, and a meaning is found by kind, not by metric name alone."""

from __future__ import annotations

import subprocess
import sys
from decimal import Decimal

import pytest

from tenovi import catalogue
from tenovi.catalogue import DeviceKind, Value
from tests.tenovi.vendor_table import (
    CELLULAR,
    ONCE_A_DAY,
    PILLBOX,
    READING,
    VENDOR_NAMES,
    VENDOR_TABLE,
    Section,
)

# How the catalogue words what the page prints: (meaning, unit), None where the page says N/A.
PAGE_WORDING = {
    "1": ("always 1", ""),
    "1 (N/A)": ("always 1", ""),
    "0 (N/A)": ("always 0", ""),
    "1 (measurement is only sent if an irregular heartbeat is detected)": ("always 1", ""),
    "1 or 0 (cap on/cap off)": ("1 cap on, 0 cap off", ""),
    "1 or 0 (click/non-click)": ("1 click, 0 non-click", ""),
    "1 or 0 (critical/low)": ("1 critical, 0 low", ""),
    "1 or 0 (installed or removed)": ("1 installed, 0 removed", ""),
    "1 or 0 (valid shake or not)": ("1 valid shake, 0 not", ""),
    "AM vs PM Compartment (1=AM, 2=PM)": ("1 AM, 2 PM", ""),
    "Average Pulse (bpm)": ("mean pulse in the hour", "beats/min"),
    "Avg Flow Rate (L/M)": ("mean flow rate", "L/min"),
    "Battery Life (%)": ("battery level", "%"),
    "Day of Compartment (1=Sun, 7=Sat)": ("day of compartment, 1 Sunday to 7 Saturday", ""),
    "Diastolic BPM (mmHG)": ("diastolic pressure", "mmHg"),
    "Duration (s)": ("duration", "s"),
    "FEV (in L)": ("forced expiratory volume", "L"),
    "Glucose Level (in mg/dL)": ("glucose", "mg/dL"),
    "Glucose Level (mg/dL)": ("glucose", "mg/dL"),
    "Hourly Steps (steps)": ("steps in the hour", "steps"),
    "Hours of Sleep (hours)": ("time asleep", "h"),
    "Max Flow Rate (L/M)": ("maximum flow rate", "L/min"),
    "Maximum Pulse (bpm)": ("maximum pulse in the hour", "beats/min"),
    "N/A": None,
    "Oxygen Saturation (%)": ("oxygen saturation", "%"),
    "PEF (in L/min)": ("peak expiratory flow", "L/min"),
    "Perfusion Index (%)": ("perfusion index", "%"),
    "Pulse (beats/min)": ("pulse", "beats/min"),
    "Pulse (beats/minute)": ("pulse", "beats/min"),
    "Shake Duration (s)": ("shake duration", "s"),
    "Standard Deviation (N/A)": ("standard deviation", ""),
    "Systolic BP (mmHG)": ("systolic pressure", "mmHg"),
    "Temperature (in °F)": ("body temperature", "°F"),
    "Time to Peak (s)": ("time to peak", "s"),
    "Weight (US pounds)": ("weight", "lb"),
    "Weight (in US pounds)": ("weight", "lb"),
}
TRANSFER_WORDING = {
    READING: ("gateway", "each_reading"),
    CELLULAR: ("cellular", "each_reading"),
    ONCE_A_DAY: ("gateway", "once_per_day"),
    PILLBOX: ("gateway", "each_event"),
}
SENSOR_ID_WORDING = {"No": "not_supported", "Yes (required)": "required", "N/A": "not_applicable"}

vendor_sections = pytest.mark.parametrize(
    ("kind", "section"),
    list(zip(catalogue.kinds(), VENDOR_TABLE, strict=False)),
    ids=[section.name for section in VENDOR_TABLE],
)


def words(value: Value | None) -> tuple[str, str] | None:
    return None if value is None else (value.meaning, value.unit)


@vendor_sections
def test_metrics_mean_what_the_vendor_says(kind: DeviceKind, section: Section) -> None:
    ours = [
        (m.name, words(m.value_1), words(m.value_2), {True: "YES", False: "NO", None: "?"}[m.vital])
        for m in kind.metrics.values()
    ]
    assert ours == [
        (row.metric, PAGE_WORDING[row.value_1], PAGE_WORDING[row.value_2], row.vital.strip("*").upper())
        for row in section.rows
    ]


@vendor_sections
def test_devices_send_and_store_as_the_vendor_says(kind: DeviceKind, section: Section) -> None:
    assert (kind.transport, kind.transfer) == TRANSFER_WORDING[section.transfer]
    assert (kind.sensor_code or "N/A") == section.sensor_code
    assert kind.stores_offline is (section.storage.upper() == "YES")
    assert kind.sensor_id == SENSOR_ID_WORDING[section.several_per_gateway]
    assert sorted(kind.properties) == sorted(section.properties)
    assert set(section.filter_params) <= set(kind.filter_params)


@vendor_sections
def test_a_section_of_the_vendor_page_is_found_by_its_name(kind: DeviceKind, section: Section) -> None:
    found = catalogue.kind_for(section.name, "")
    assert found is not None
    # One name on the list stands for two sections of the page; which one is not known.
    assert found is kind or kind.slug == "third-party-bpm-no-ihb"


def test_only_what_the_vendor_marks_for_rtm_alone_and_inhalers_and_caps_count_for_rtm() -> None:
    by_program: dict[str, set[str]] = {}
    for kind in catalogue.kinds():
        for metric in kind.metrics.values():
            by_program.setdefault(metric.program, set()).add(kind.slug)
    assert by_program["RTM"] == {"tenovi-pillbox", "hailie-sensor", "patchrx-patchcap"}
    assert by_program["enrollment"] == {"tenovi-peak-flow-meter"}
    assert len(by_program["RPM"]) == 15


def test_patchcap_is_the_nineteenth_kind_and_counts_for_no_day() -> None:
    assert len(catalogue.kinds()) == 19
    cap = catalogue.kind("patchrx-patchcap")
    assert cap is catalogue.kinds()[-1]
    assert (cap.sensor_code, cap.transfer) == ("27", "every_12_hours")
    vital = {name: metric.vital for name, metric in cap.metrics.items()}
    assert vital == {
        "patchcap_open_close_event": None,
        "no_measurement_event": None,
        "low_battery_event": False,
        "patchcap_time_updated_event": False,
        "patchcap_bluetooth_event": False,
    }


def test_only_the_watch_keeps_the_greatest_of_a_start_time() -> None:
    keeping = {m.name for kind in catalogue.kinds() for m in kind.metrics.values() if m.keeps_greatest}
    assert keeping == {"steps", "heart_rate_statistics", "sleep"}


def test_every_pressure_and_nothing_else_is_a_pair_of_numbers() -> None:
    metrics = [metric for kind in catalogue.kinds() for metric in kind.metrics.values()]
    pairs = [metric for metric in metrics if metric.is_pair]
    assert pairs == [metric for metric in metrics if metric.name == "blood_pressure"]
    assert all(metric.value_2 for metric in pairs)


@pytest.mark.parametrize(("name", "sensor_code"), VENDOR_NAMES.items())
def test_every_name_on_the_vendor_list_has_a_kind_with_its_sensor_code(
    name: str, sensor_code: str | None
) -> None:
    kind = catalogue.kind_for(name, "")
    assert kind is not None
    assert kind.sensor_code == sensor_code


@pytest.mark.parametrize(
    "spelling",
    ["Tenovi BPM - L", "Tenovi BPM – L", "tenovi bpm — l", "TENOVI  BPM-L", " Tenovi BPM\u00a0\u2011 L "],
)
def test_dashes_blanks_and_case_do_not_change_a_name(spelling: str) -> None:
    assert catalogue.fold_name(spelling) == "tenovi bpm - l"
    kind = catalogue.kind_for(spelling, "")
    assert kind is not None
    assert kind.slug == "tenovi-bpm"


@pytest.mark.parametrize(
    ("sensor_code", "slug"),
    [("10", "tenovi-bpm"), ("12", "tenovi-glucometer"), ("13", "tenovi-scale"), (" 24 ", "nonin-pulse-ox")],
)
def test_a_name_nobody_listed_is_placed_by_its_sensor_code(sensor_code: str, slug: str) -> None:
    kind = catalogue.kind_for("Brand New Device 3000", sensor_code)
    assert kind is not None
    assert kind.slug == slug


def test_a_listed_name_goes_before_the_sensor_code() -> None:
    kind = catalogue.kind_for("Trividia Glucometer", "12")
    assert kind is not None
    assert kind.slug == "trividia-glucometer"


def test_a_device_with_neither_a_listed_name_nor_a_known_code_has_no_kind() -> None:
    assert catalogue.kind_for("Brand New Device 3000", "") is None
    assert catalogue.kind_for("", "99") is None


def test_the_second_value_of_oxygen_is_a_deviation_on_code_11_and_nothing_on_24() -> None:
    for by_kind, by_code in (
        (catalogue.meaning("spO2", "tenovi-pulse-ox"), catalogue.meaning("spO2", "", "11")),
        (catalogue.meaning("spO2", "tenovi-cellular-pulse-ox"), catalogue.meaning("SPO2", "")),
    ):
        assert words(by_kind.value_2) == words(by_code.value_2) == ("standard deviation", "")
    assert catalogue.meaning("spO2", "nonin-pulse-ox").value_2 is None
    assert catalogue.meaning("spO2", "", "24").value_2 is None


def test_low_battery_means_what_the_device_means_by_it() -> None:
    assert catalogue.meaning("low_battery_event", "hailie-sensor").value_1.meaning == "1 critical, 0 low"
    assert catalogue.meaning("low_battery_event", "patchrx-patchcap").value_1.meaning == "always 1"
    assert catalogue.meaning("low_battery_event", "", "27").value_1.meaning == "always 1"


def test_the_registered_kind_goes_before_the_sensor_code_of_a_payload() -> None:
    assert catalogue.meaning("spO2", "nonin-pulse-ox", "11").value_2 is None


def test_a_metric_foreign_to_the_kind_keeps_its_default_meaning() -> None:
    metric = catalogue.meaning("weight", "tenovi-bpm", "10")
    assert (metric.known, words(metric.value_1)) == (True, ("weight", "lb"))


def test_metric_names_ignore_case_and_come_back_in_the_vendor_spelling() -> None:
    assert catalogue.meaning("SPo2 ", "tenovi-pulse-ox").name == "spO2"


def test_an_unheard_of_metric_is_shown_as_received_and_never_vital() -> None:
    metric = catalogue.meaning("Bone_Density", "tenovi-scale", "13")
    assert (metric.known, metric.name, metric.label) == (False, "Bone_Density", "Bone_Density")
    assert (metric.vital, metric.value_1.unit) == (None, "")
    assert metric.value_1.allows(Decimal("-40"))


@pytest.mark.parametrize(
    ("metric", "kind", "inside", "outside"),
    [
        ("blood_pressure", "tenovi-bpm", ["0", "299.99", "999"], ["-1"]),
        ("battery_percentage", "tenovi-bpm", ["0", "100"], ["-0.01", "100.01"]),
        ("spO2", "nonin-pulse-ox", ["0", "100"], ["101"]),
        ("pillbox_opened", "tenovi-pillbox", ["1", "7"], ["0", "8"]),
        ("hailie_medication_event", "hailie-sensor", ["0", "1"], ["2"]),
        ("temperature", "tenovi-thermometer", ["95.2", "113"], ["-3"]),
    ],
)
def test_only_the_physically_impossible_is_out_of_bounds(
    metric: str, kind: str, inside: list[str], outside: list[str]
) -> None:
    value = catalogue.meaning(metric, kind).value_1
    assert all(value.allows(Decimal(number)) for number in inside)
    assert not any(value.allows(Decimal(number)) for number in outside)


def test_the_catalogue_can_be_read_without_django() -> None:
    program = "import sys, tenovi.catalogue; sys.exit('django' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", program], check=False).returncode == 0
