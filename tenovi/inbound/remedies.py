"""What ends the waiting of an element in quarantine: for each reason, what a person can do about it.

Which of it a person may do follows from their rights. A guard over the closed list of reasons holds that
each has something that ends it.
"""

from __future__ import annotations

from django.db import models

from clinics.access import Permission
from tenovi.inbound.reasons import QUARANTINED


class Remedy(models.TextChoices):
    """What can be done about elements that wait; the labels are the words of its button."""

    SETTLE = "settle", "Try again"
    ASK = "ask", "Ask Tenovi again"
    ASSIGN = "assign", "Say who has the device"
    ACCEPT = "accept", "It is the holder’s"
    DISCARD = "discard", "Discard"
    TELL = "tell", "Tell the clinic"


ENDS_IT = frozenset(Remedy) - {Remedy.TELL}
"""What may end the waiting; telling somebody else does not."""
NEEDS = {
    Remedy.SETTLE: Permission.VIEW_DELIVERIES,
    Remedy.ASK: Permission.VIEW_DELIVERIES,
    Remedy.ASSIGN: Permission.MANAGE_DEVICES,
    Remedy.ACCEPT: Permission.MANAGE_DEVICES,
    Remedy.DISCARD: Permission.VIEW_DELIVERIES,
    Remedy.TELL: Permission.VIEW_DELIVERIES,
}
"""The right that each takes. What concerns a patient is not for an operator, who sees none."""

_UNUSABLE = (Remedy.DISCARD, Remedy.TELL)
"""The element will not get better by itself: the reading can be taken again, or is in no doubt elsewhere."""
REMEDIES: dict[str, tuple[Remedy, ...]] = {
    "not_an_object": _UNUSABLE,
    "empty_object": _UNUSABLE,
    "repeated_member": _UNUSABLE,
    "wrong_door": _UNUSABLE,
    "metric_missing": _UNUSABLE,
    "metric_too_long": _UNUSABLE,
    "device_id_unusable": _UNUSABLE,
    "value_missing": _UNUSABLE,
    "value_unusable": _UNUSABLE,
    "value_too_large": _UNUSABLE,
    "value_impossible": _UNUSABLE,
    "value_beyond_any_body": _UNUSABLE,
    "diastolic_missing": _UNUSABLE,
    "time_missing": _UNUSABLE,
    "time_unusable": _UNUSABLE,
    "time_before_2015": _UNUSABLE,
    "time_in_future": (Remedy.SETTLE, *_UNUSABLE),
    "status_missing": _UNUSABLE,
    "request_id_unusable": _UNUSABLE,
    "patient_id_unusable": (Remedy.ACCEPT, *_UNUSABLE),
    "unknown_device": (Remedy.ASK, *_UNUSABLE),
    "wrong_patient": (Remedy.ASSIGN, Remedy.ACCEPT, *_UNUSABLE),
    "internal_error": (Remedy.SETTLE, *_UNUSABLE),
}
"""By reason, the likeliest first."""
BY_READING_ALONE = frozenset({Remedy.ACCEPT, Remedy.ASSIGN})
"""Makes sense for readings: news about shipping belong to no holder."""


def remedies_for(reason: str, kind: str) -> tuple[Remedy, ...]:
    """Find what can be done about elements of this kind of delivery that wait for this reason."""
    found = REMEDIES[reason] if reason in QUARANTINED else (Remedy.SETTLE, Remedy.DISCARD)
    return tuple(one for one in found if kind == "measurements" or one not in BY_READING_ALONE)
