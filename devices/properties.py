"""Tell which properties a device has at the vendor, and how far each has come.

The vendor's own keys are those of the catalogue (its device overview page names them); with these `synced`
tells whether the hardware has them. Any other key is the clinic's own and stays at the vendor.
"""

from __future__ import annotations

from dataclasses import dataclass

from devices.models import Device, DeviceProperty
from tenovi import catalogue
from tenovi.models import Priority, Request, RequestKind, RequestState
from tenovi.outbound.api_keys import why_nothing_is_sent
from tenovi.outbound.enqueue import enqueue

STEP_GOAL, PASSKEY, WEBHOOK = "step_goal", "bluetooth_passkey", "measurement_webhook_id"
VENDOR_KEYS = (STEP_GOAL, PASSKEY, WEBHOOK)
ON_RECORD = (STEP_GOAL, WEBHOOK)
"""Keys whose values may stand in the record of what people did; others may say anything."""
NONE = "none"
DEVICE_WIDE = (PASSKEY, WEBHOOK)
"""Keys that belong to the device and not to its patient: the code on its label, and where its readings go
(https://tenovi.com/device-overview/). A step goal is a patient's; a clinic's own key may be either."""


@dataclass(frozen=True, slots=True)
class PropertyState:
    """A property with how far it has come, in words."""

    property: DeviceProperty
    sentence: str
    is_done: bool
    needs_somebody: bool = False
    differs: bool = False
    """The vendor has something else than was wanted here, and nothing is under way."""


def keys_for(device: Device) -> tuple[str, ...]:
    """Return the vendor's own keys that a device of its kind takes."""
    kind = catalogue.kind(device.kind)
    return tuple(key for key in VENDOR_KEYS if key in (kind.properties if kind else (WEBHOOK,)))


def ask_again(device: Device) -> None:
    """Request the device's properties from the vendor now."""
    target = str(device.hwi_device_id)
    enqueue(device.clinic, RequestKind.PROPERTIES, target, priority=Priority.PERSON, insist=True)


def states_of(device: Device) -> list[PropertyState]:
    """Return the device's properties, the vendor's own keys first. Three queries."""
    rows = DeviceProperty.objects.for_clinic(device.clinic).filter(device=device).order_by("key")
    by_key = {
        row.target.partition("/")[2]: row
        for row in Request.objects.for_clinic(device.clinic).filter(
            kind=RequestKind.PROPERTY_SET, target__startswith=f"{device.hwi_device_id}/"
        )
    }
    stopped = why_nothing_is_sent(device.clinic)
    states = []
    for row in sorted(rows, key=lambda row: row.key not in VENDOR_KEYS):
        request = by_key.get(row.key)
        states.append(_under_way(row, request, stopped) if request else _at_rest(row))
    return states


def _under_way(row: DeviceProperty, request: Request, stopped: str) -> PropertyState:
    if request.state == RequestState.PARKED:
        return PropertyState(row, f"Tenovi did not take it. {request.reason}", False, True)
    if request.state == RequestState.SENDING:
        return PropertyState(row, "Setting it: it is being sent to Tenovi.", False)
    why = stopped or request.reason
    return PropertyState(row, f"Setting it: it waits to be sent to Tenovi. {why}".strip(), False)


def _at_rest(row: DeviceProperty) -> PropertyState:
    if row.wanted is not None and row.said != row.wanted:
        other = f"has {row.said} instead" if row.said else "does not have it"
        return PropertyState(
            row,
            f"Tenovi {other}. Save it once more{'' if row.is_at_vendor else ', or remove it'}.",
            False,
            True,
            differs=True,
        )
    if row.key not in (STEP_GOAL, PASSKEY) or row.synced is None:
        return PropertyState(row, "Tenovi has it.", True)
    if row.synced:
        return PropertyState(row, "On the device.", True)
    return PropertyState(row, "Tenovi has it; the device gets it when it next sends something.", False)
