"""Build the records that the vendor's API answers with, from the simulated clinic.

Their members are those of the captured payloads in `tests/payloads/api/`; a test compares them.
"""

from __future__ import annotations

import uuid
from datetime import datetime, timedelta
from typing import Any

from tenovi import catalogue
from tenovi.sandbox.shipment_history import status_of
from tenovi.sandbox.simulation import NAMESPACE, Device, Patient, wire_time

Json = dict[str, Any]

PATIENT_KEYS = {
    *("external_id", "name", "address", "city", "state", "zip_code", "phone_number", "email", "physician"),
    *("clinic_name", "care_manager", "sms_opt_in", "address_status", "address_verified_by"),
    "confirm_address",
}
PATIENT_KEYS_IN_DEVICE = (
    "external_id",
    "name",
    "phone_number",
    "email",
    "physician",
    "clinic_name",
    "care_manager",
    "sms_opt_in",
)


def patient_record(patient: Patient) -> Json:
    return {
        "external_id": patient.external_id,
        "name": patient.name,
        "address": patient.address,
        "city": patient.city,
        "state": patient.state,
        "zip_code": patient.zip_code,
        "phone_number": patient.phone_number,
        "email": patient.email,
        "physician": patient.physician,
        "clinic_name": patient.clinic_name,
        "care_manager": patient.care_manager,
        "sms_opt_in": patient.sms_opt_in,
        "address_status": "Verified",
        "address_verified_by": "internal",
        "confirm_address": False,
    }


def device_record(device: Device, patient: Json, last_measurement: str | None) -> Json:
    """Build the record of a device. `patient` is the vendor's one record of its patient."""
    return {
        "id": device.id,
        "status": "Connected" if last_measurement else status_of(device),
        "device": {
            "id": device.inner_id,
            "created": wire_time(device.created),
            "name": device.name,
            "hardware_uuid": device.hardware_uuid,
            "sensor_code": device.kind.sensor_code or "",
            "shared_hardware_uuid": len(device.patient.devices) > 1 and device.kind.transport == "gateway",
            "meta_data": None,
            "fulfillment_request": None,
            "sensor_id": device.sensor_id,
            "device_type": _type_id(device.name),
            "model_number": None,
        },
        "patient": {key: patient[key] for key in PATIENT_KEYS_IN_DEVICE},
        "patient_id": patient["external_id"],
        "patient_phone_number": patient["phone_number"],
        "connected_on": wire_time(device.created + timedelta(days=4)) if last_measurement else None,
        "unlinked_on": None,
        "last_measurement": last_measurement,
    }


def device_types() -> list[Json]:
    """List the types that the account may order: the catalogue's certain names, else its likely ones."""
    return [_device_type(kind, name) for kind in catalogue.kinds() for name in kind.names or kind.other_names]


def gateway_info(patient: Patient, now: datetime) -> Json:
    """Build the record of a patient's gateway. Its signal varies by the hour.

    About 30 is excellent and about 10 poor, says the vendor.
    """
    weak, silent = patient.persona.story == "weak", patient.persona.story == "silent"
    signal = (7 if weak else 16 + patient.seed % 14) + int(now.timestamp() // 3600 + patient.seed) % 4
    seen = now - timedelta(minutes=patient.seed % 50)
    codes = sorted({device.kind.sensor_code for device in patient.devices if device.kind.sensor_code})
    return {
        "gateway_uuid": patient.gateway_id,
        "firmware_version": "2.0.3" if weak else "2.1.7",
        "provisioned": True,
        "last_signal_strength": None if silent else signal,
        "last_checkin_time": None if silent else wire_time(seen),
        "assigned_on": wire_time(min(device.created for device in patient.devices)),
        "shipped_on": None,
        "whitelisted_devices": [
            {
                "sensor_code": code,
                "mac_address": _mac_address(patient.gateway_id, code),
                "whitelist_status": "CO",
            }
            for code in codes
        ],
        "properties": [],
    }


def further_gateway(gateway_id: str, behind: list[Json], heard: str | None, now: datetime) -> Json:
    """Build the record of a gateway that a call brought: on site, in a parcel or as a replacement."""
    codes = sorted({code for record in behind if (code := record["device"]["sensor_code"])})
    begun = min((record["device"]["created"] for record in behind), default=wire_time(now))
    return {
        "gateway_uuid": gateway_id,
        "firmware_version": "2.1.7",
        "provisioned": True,
        "last_signal_strength": 16 + int(gateway_id[-2:], 16) % 14,
        "last_checkin_time": heard or begun,
        "assigned_on": begun if behind else None,
        "shipped_on": None,
        "whitelisted_devices": [
            {"sensor_code": code, "mac_address": _mac_address(gateway_id, code), "whitelist_status": "CO"}
            for code in codes
        ],
        "properties": [],
    }


def gateway_row(info: Json, last_measurement: str | None) -> Json:
    """Build a gateway as the list of all gateways has it."""
    keys = ("gateway_uuid", "last_signal_strength", "shipped_on", "assigned_on")
    return {key: info[key] for key in keys} | {"last_measurement": last_measurement}


def _device_type(kind: catalogue.DeviceKind, name: str) -> Json:
    return {
        "id": _type_id(name),
        "name": name,
        "client_sku": None,
        "stock_type": "ST",
        "sensor_code": kind.sensor_code or "",
        "image": f"https://images.example/{kind.slug}.png",
        "up_front_cost": "49.00",
        "shipping_cost": "9.00",
        "monthly_cost": "5.00",
        "sensor_id_required": kind.sensor_id == "required",
        "in_stock": True,
        "virtual": False,
        "deprecated": False,
        "metrics": [
            {
                "name": metric.name,
                "primary_display_name": metric.label,
                "primary_units": metric.value_1.unit or None,
                "secondary_display_name": metric.value_2.meaning if metric.value_2 else None,
                "secondary_units": (metric.value_2.unit or None) if metric.value_2 else None,
                "unified_display_name": None,
                "type": "PH",
            }
            for metric in kind.metrics.values()
        ],
    }


def _type_id(name: str) -> str:
    return str(uuid.uuid5(NAMESPACE, f"type {name}"))


def _mac_address(gateway_id: str, code: str) -> str:
    digits = uuid.uuid5(NAMESPACE, f"{gateway_id} {code}").hex[:12].upper()
    return ":".join(digits[start : start + 2] for start in range(0, 12, 2))
