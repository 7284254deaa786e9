"""Let simulated patients use the devices that calls have activated, like those of the personas."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime
from random import Random
from typing import Any

from tenovi import catalogue
from tenovi.sandbox import demo_patients
from tenovi.sandbox.simulation import Clinic, Device, Patient, number_of
from tenovi.sandbox.vitals import Body


def adopt(clinic: Clinic, record: dict[str, Any], now: datetime) -> Device:
    """Make a device of this record that can be measured with. It has no history.

    Raises ValueError for one that the catalogue does not know.
    """
    kind = catalogue.kind_for(record["device"]["name"], record["device"]["sensor_code"])
    if kind is None:
        raise ValueError(f"{record['device']['name']} is not in the catalogue.")
    device = clinic.device_of(_user_of(clinic, record), (*kind.names, *kind.other_names)[0])
    device.id, device.inner_id = record["id"], record["device"]["id"]
    device.name, device.kind = record["device"]["name"], kind
    device.hardware_uuid = record["device"]["hardware_uuid"] or ""
    device.sensor_id = record["device"]["sensor_id"]
    device.created = now
    device.patient.devices.append(device)
    return device


def _user_of(clinic: Clinic, record: dict[str, Any]) -> Patient:
    """Return the patient of the record, or a new one for an id that only calls have named."""
    external_id = str(record["patient_id"] or record["id"]).casefold()
    for patient in clinic.patients:
        if patient.external_id.casefold() == external_id:
            return patient
    number = number_of(clinic.seed, external_id)
    stranger = clinic.patient_numbered(len(demo_patients.PERSONAS) + number % 10_000)
    return replace(
        stranger,
        external_id=record["patient_id"],
        persona=demo_patients.STEADY,
        body=Body.of(Random(number), worrying=False),
        devices=[],
    )
