"""The vendor's hardware device overview, typed off its page in the page's own words and order.

The page (https://tenovi.com/hwi-device-overview/, read beside https://docs.tenovi.com/guides/device-overview)
prints no heading over most of its 18 sections; `name` is the one that the sensor code and the
metrics of the section admit. The catalogue is compared with this table, so the table must never be
generated from the catalogue. `VENDOR_NAMES` is the list on the vendor's page about activation.
"""

from __future__ import annotations

from typing import NamedTuple


class Row(NamedTuple):
    metric: str
    value_1: str
    value_2: str
    vital: str


class Section(NamedTuple):
    name: str
    transfer: str
    sensor_code: str
    storage: str
    several_per_gateway: str
    rows: tuple[Row, ...]
    filter_params: tuple[str, ...] = ()
    properties: tuple[str, ...] = ("measurement_webhook_id",)


READING = "Via Tenovi Gateway, whenever a reading is taken"
CELLULAR = "Via Direct Cellular Connection, whenever a reading is taken"
ONCE_A_DAY = "Via Tenovi Gateway, once per day"
PILLBOX = "Via Tenovi Gateway, whenever a compartment is opened or a refill event occurs"
GLUCOSE_CONTEXT = ("alert", "meal_context", "measurement_location")

BATTERY = Row("battery_percentage", "Battery Life (%)", "N/A", "NO")
PRESSURE = Row("blood_pressure", "Systolic BP (mmHG)", "Diastolic BPM (mmHG)", "YES")
PULSE = Row("pulse", "Pulse (beats/minute)", "N/A", "YES")
IRREGULAR = Row(
    "irregular_heartbeat",
    "1 (measurement is only sent if an irregular heartbeat is detected)",
    "N/A",
    "YES",
)
WITH_DEVIATION = (
    Row("spO2", "Oxygen Saturation (%)", "Standard Deviation (N/A)", "YES"),
    Row("pulse", "Pulse (beats/minute)", "Standard Deviation (N/A)", "YES"),
    Row("perfusion_index", "Perfusion Index (%)", "Standard Deviation (N/A)", "YES"),
)

VENDOR_TABLE = (
    Section(
        name="Tenovi BPM – L",
        transfer=READING,
        sensor_code="10",
        storage="Yes",
        several_per_gateway="No",
        rows=(PRESSURE, PULSE, IRREGULAR, BATTERY),
        filter_params=("measurement_index",),
    ),
    Section(
        name="Tenovi Pulse Ox",
        transfer=READING,
        sensor_code="11",
        storage="No",
        several_per_gateway="No",
        rows=WITH_DEVIATION,
        filter_params=("measurement_index",),
    ),
    Section(
        name="Tenovi Glucometer",
        transfer=READING,
        sensor_code="12",
        storage="Yes",
        several_per_gateway="No",
        rows=(Row("glucose", "Glucose Level (in mg/dL)", "N/A", "YES"), BATTERY),
        filter_params=GLUCOSE_CONTEXT,
    ),
    Section(
        name="Tenovi Scale",
        transfer=READING,
        sensor_code="13",
        storage="No",
        several_per_gateway="No",
        rows=(Row("weight", "Weight (in US pounds)", "N/A", "YES"), BATTERY),
    ),
    Section(
        name="Tenovi Thermometer",
        transfer=READING,
        sensor_code="14",
        storage="No",
        several_per_gateway="No",
        rows=(Row("temperature", "Temperature (in °F)", "N/A", "YES"), BATTERY),
    ),
    Section(
        name="Tenovi Watch",
        transfer=ONCE_A_DAY,
        sensor_code="15",
        storage="Yes",
        several_per_gateway="No",
        rows=(
            Row("steps", "Hourly Steps (steps)", "N/A", "NO"),
            Row("heart_rate_statistics", "Average Pulse (bpm)", "Maximum Pulse (bpm)", "NO"),
            Row("sleep", "Hours of Sleep (hours)", "N/A", "NO"),
            BATTERY,
        ),
        filter_params=("average_heart_rate", "max_heart_rate", "min_heart_rate"),
        properties=("step_goal", "measurement_webhook_id"),
    ),
    Section(
        name="Tenovi Peak Flow Meter",
        transfer=READING,
        sensor_code="17",
        storage="No",
        several_per_gateway="No",
        rows=(
            Row("peak_expiratory_flow", "PEF (in L/min)", "N/A", "YES"),
            Row("forced_expiratory_volume", "FEV (in L)", "N/A", "YES"),
        ),
        filter_params=("measurement_index",),
    ),
    Section(
        name="Tenovi Pillbox",
        transfer=PILLBOX,
        sensor_code="21",
        storage="YES",
        several_per_gateway="No",
        rows=(
            Row(
                "pillbox_opened",
                "Day of Compartment (1=Sun, 7=Sat)",
                "AM vs PM Compartment (1=AM, 2=PM)",
                "YES**",
            ),
            Row("pillbox_refill_initiated", "1 (N/A)", "0 (N/A)", "YES**"),
            Row(
                "pillbox_refilled",
                "Day of Compartment (1=Sun, 7=Sat)",
                "AM vs PM Compartment (1=AM, 2=PM)",
                "YES**",
            ),
            BATTERY,
        ),
        filter_params=("compartment",),
    ),
    Section(
        name="Tenovi Cellular BPM – S",
        transfer=CELLULAR,
        sensor_code="N/A",
        storage="Yes",
        several_per_gateway="N/A",
        rows=(
            PRESSURE,
            Row("pulse", "Pulse (beats/min)", "N/A", "YES"),
            Row("irregular_heartbeat", "1 (N/A)", "N/A", "YES"),
            BATTERY,
        ),
    ),
    Section(
        name="Tenovi Cellular Glucometer",
        transfer=CELLULAR,
        sensor_code="N/A",
        storage="Yes",
        several_per_gateway="N/A",
        rows=(Row("glucose", "Glucose Level (mg/dL)", "N/A", "YES"), BATTERY),
    ),
    Section(
        name="Tenovi Cellular Scale",
        transfer=CELLULAR,
        sensor_code="N/A",
        storage="Yes",
        several_per_gateway="N/A",
        rows=(Row("weight", "Weight (US pounds)", "N/A", "YES"), BATTERY),
    ),
    Section(
        name="Tenovi Cellular Pulse Ox",
        transfer=CELLULAR,
        sensor_code="N/A",
        storage="No",
        several_per_gateway="N/A",
        rows=WITH_DEVIATION,
    ),
    Section(
        name="Omron BPM",
        transfer=READING,
        sensor_code="10",
        storage="Yes",
        several_per_gateway="No",
        rows=(PRESSURE, PULSE, IRREGULAR, BATTERY),
        filter_params=("measurement_index",),
    ),
    Section(
        name="A&D Scale",
        transfer=READING,
        sensor_code="13",
        storage="Yes",
        several_per_gateway="No",
        rows=(Row("weight", "Weight (in US pounds)", "N/A", "YES"), BATTERY),
    ),
    Section(
        name="Nonin Pulse Ox",
        transfer=READING,
        sensor_code="24",
        storage="Yes",
        several_per_gateway="No",
        rows=(
            Row("spO2", "Oxygen Saturation (%)", "N/A", "YES"),
            Row("pulse", "Pulse (beats/minute)", "N/A", "YES"),
            Row("perfusion_index", "Perfusion Index (%)", "N/A", "YES"),
            BATTERY,
        ),
        filter_params=("measurement_index",),
    ),
    Section(
        name="Trividia Glucometer",
        transfer=READING,
        sensor_code="12",
        storage="Yes",
        several_per_gateway="No",
        rows=(Row("glucose", "Glucose Level (in mg/dL)", "N/A", "YES"), BATTERY),
        filter_params=GLUCOSE_CONTEXT,
        properties=("bluetooth_passkey", "measurement_webhook_id"),
    ),
    Section(
        name="Omron Wrist BPM",
        transfer=READING,
        sensor_code="10",
        storage="Yes",
        several_per_gateway="No",
        rows=(PRESSURE, PULSE, BATTERY),
        filter_params=("measurement_index",),
    ),
    Section(
        name="Hailie Sensor",
        transfer=READING,
        sensor_code="25",
        storage="Yes",
        several_per_gateway="Yes (required)",
        rows=(
            Row("hailie_medication_event", "1", "N/A", "Yes"),
            Row("low_battery_event", "1 or 0 (critical/low)", "N/A", "No"),
            Row("hailie_turbohaler_rotation_event", "1 or 0 (click/non-click)", "N/A", "No"),
            Row("hailie_respiratory_flow_log", "Max Flow Rate (L/M)", "Avg Flow Rate (L/M)", "Yes"),
            Row("hailie_respiratory_timing_log", "Duration (s)", "Time to Peak (s)", "Yes"),
            Row(
                "hailie_shake_detection_event",
                "1 or 0 (valid shake or not)",
                "Shake Duration (s)",
                "No",
            ),
            Row("hailie_inhaler_installed_event", "1 or 0 (installed or removed)", "N/A", "No"),
            Row("hailie_medication_cap_event", "1 or 0 (cap on/cap off)", "N/A", "No"),
        ),
        filter_params=("angle", "flags", "serial_number", "device_log_index"),
    ),
)

VENDOR_NAMES = {
    "Tenovi BPM – S": "10",
    "Tenovi BPM – L": "10",
    "Omron BPM": "10",
    "Omron Wrist BPM": "10",
    "Tenovi Pulse Ox": "11",
    "Tenovi Glucometer": "12",
    "Trividia Glucometer": "12",
    "Tenovi Scale": "13",
    "Tenovi Thermometer": "14",
    "Tenovi Peak Flow Meter": "17",
    "Tenovi Pillbox": "21",
    "Tenovi Cellular BPM – S": None,
    "Tenovi Cellular BPM – L": None,
    "Tenovi Cellular Glucometer": None,
    "Tenovi Cellular Scale": None,
    "TeleRPM BPM": None,
    "TeleRPM Scale": None,
}
