"""Build the parts of a request body that name a device or its patient."""

from __future__ import annotations

from typing import Any

from devices.models import Device, Gateway
from patients.models import Patient

CARRIED = ("name", "phone_number", "email", "physician", "clinic_name", "care_manager")
"""The fields of a patient that the vendor's record of a device carries."""


def nested_device(device: Device) -> dict[str, Any]:
    """Return a device as it is nested in the vendor's record, as far as a call may write it."""
    spelled = Gateway.objects.for_clinic(device.clinic).spelling_of(device.hardware_uuid)
    nested = {"name": device.name, "hardware_uuid": spelled or None}
    return nested | ({"sensor_id": device.sensor_id} if device.sensor_id else {})


def carried_patient(patient: Patient) -> dict[str, Any]:
    """Return a patient as the vendor's record of a device carries them.

    It changes the one record that the vendor keeps of the patient. `sms_opt_in` is sent where this creates
    that record, since the vendor's default is yes, and where it was changed here. A patient the vendor
    knows is linked by the id alone (https://tenovi.com/api-docs/, patients); their consent there stays.
    """
    carried = {name: getattr(patient, name) for name in CARRIED if getattr(patient, name)}
    if not patient.at_vendor or "sms_opt_in" in patient.unsent:
        carried["sms_opt_in"] = patient.as_told("sms_opt_in")
    return {"external_id": patient.external_id, **carried}
