"""Request the vendor's log of hardware ids: of one device, or by an id that a person typed.

A typed id is sent as the vendor spells it. Where that is not known, one spelling after the other is sent,
since the vendor may mind the case. Source: https://tenovi.com/api-docs/, "Viewing Hardware UUID Logs".
"""

from __future__ import annotations

from django.db import transaction

from clinics import audit
from clinics.models import Clinic, User
from devices.hardware import bare_hardware_id, hardware_id_in
from devices.models import Device, Gateway
from tenovi.models import Priority, RequestKind
from tenovi.outbound.enqueue import enqueue


class NoHardwareId(Exception):
    """The typed text is neither a Gateway ID nor an IMEI."""


def request_log(device: Device, by: User | None) -> None:
    """Request the log of a device whose record at the vendor names no hardware any more, or will be gone.

    May be called with the device locked: the answer locks none.
    """
    enqueue(
        device.clinic,
        RequestKind.HARDWARE_LOG,
        str(device.hwi_device_id),
        priority=Priority.PERSON if by else Priority.ROUTINE,
        anew=True,
        wake=by is not None,
    )


@transaction.atomic
def search_log(*, clinic: Clinic, typed: str, by: User) -> str:
    """Have the vendor's log searched for a hardware id.

    Returns the id in our spelling. Raises `NoHardwareId`.
    """
    hardware_id = hardware_id_in(typed)
    if not hardware_id:
        raise NoHardwareId
    first, *then = _spellings(clinic, hardware_id, typed)
    params = {"search": first, "then": then}
    enqueue(clinic, RequestKind.HARDWARE_SEARCH, hardware_id, priority=Priority.PERSON, params=params)
    audit.record("hardware_log_searched", by=by, clinic=clinic, detail={"hardware": hardware_id})
    return hardware_id


def _spellings(clinic: Clinic, hardware_id: str, typed: str) -> list[str]:
    """Return the spellings to try: the vendor's own where it is known, else as typed, as its pages print such
    ids, and as labels do."""
    written = Gateway.objects.for_clinic(clinic).spellings([hardware_id]).get(hardware_id)
    if written:
        return [written]
    return list(dict.fromkeys([bare_hardware_id(typed), hardware_id.lower(), hardware_id]))
