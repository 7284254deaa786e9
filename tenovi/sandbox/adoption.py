"""Devices that calls have activated live at the played vendor like those of the cast: somebody uses them."""

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
    """The device of this record, so that it can be measured with. It has no history. Raises ValueError
    for one that the catalogue does not know."""
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
    """Whoever uses it: one of the cast, or somebody of whom only calls have spoken."""
    wanted = str(record["patient_id"] or record["id"]).casefold()
    for one in clinic.patients:
        if one.external_id.casefold() == wanted:
            return one
    number = number_of(clinic.seed, wanted)
    stranger = clinic.patient_numbered(len(demo_patients.CAST) + number % 10_000)
    return replace(
        stranger,
        external_id=record["patient_id"],
        part=demo_patients.STEADY,
        body=Body.of(Random(number), worrying=False),
        devices=[],
    )
