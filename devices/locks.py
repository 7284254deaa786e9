"""Lock devices by name, so that nothing about their readings is decided twice at once.

One order for all callers, so that none waits in a circle: requests to the vendor, then devices by these
names (all at once), then rows of devices (by `hwi_device_id`), then rows of assignments. Whatever decides
about a reading is read after its device's name is held. `tests/lock_order.py` watches for it.
"""

from __future__ import annotations

import uuid
from collections.abc import Iterable

from clinics.models import Clinic
from common.locks import hold


def lock_devices(clinic: Clinic, hwi_device_ids: Iterable[uuid.UUID]) -> None:
    """Hold these devices until the transaction ends: no other process stores or claims readings of theirs.

    Call it before assignments are read. So no reading is classified by an assignment that changes
    meanwhile, and two contradicting readings always see each other.
    """
    hold(clinic.id, (device.bytes for device in hwi_device_ids))
