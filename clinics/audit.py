"""Writing the record of what people did and looked at. Append-only: see `AuditEvent`."""

from __future__ import annotations

import uuid
from collections.abc import Iterable
from datetime import timedelta
from typing import Any

from django.db import transaction
from django.utils import timezone

from clinics import context
from clinics.locks import hold
from clinics.models import AuditEvent, Clinic, User

NOBODY = "not signed in"
COMMAND = "command line"
BACKGROUND = "Vitaldays itself"
VENDOR = "Tenovi"
SAME_LOOK = timedelta(minutes=10)


def record(
    action: str,
    *,
    by: User | None,
    clinic: Clinic | None = None,
    target: Any = None,
    detail: dict[str, Any] | None = None,
    in_background: bool = False,
    by_vendor: bool = False,
) -> AuditEvent:
    """One line in the record. `by=None` is somebody who is not signed in, or a command run on the
    server itself; `in_background`, what followed from an earlier line without anybody; `by_vendor`, what
    the vendor did of its own accord.

    `detail` holds ids, field names, counts, what somebody wrote who had to give a reason, and of what a
    person changed the values before and after: so it may identify a patient, and never goes to the log.
    """
    request = context.current.get()
    return AuditEvent.objects.create(
        action=action,
        actor_id=by.id if by else None,
        actor_label=by.email if by else VENDOR if by_vendor else _nobody(in_background),
        clinic_id=clinic.id if clinic else None,
        target_kind=type(target).__name__.lower() if target is not None else "",
        target_id=_key_of(target),
        detail=detail or {},
        address=request.address if request and not (in_background or by_vendor) else None,
    )


def _nobody(in_background: bool) -> str:
    if in_background:
        return BACKGROUND
    return NOBODY if context.current.get() else COMMAND


def record_view(action: str, *, by: User, clinic: Clinic, target: Any) -> None:
    """One line for a look at a page that asks for itself again while it is open: at most one in
    `SAME_LOOK` for each person and target."""
    with transaction.atomic():
        hold(clinic, [f"{action} {by.id} {_key_of(target)}".encode()])
        seen = AuditEvent.objects.filter(
            clinic_id=clinic.id,
            at__gt=timezone.now() - SAME_LOOK,
            actor_id=by.id,
            action=action,
            target_id=_key_of(target),
        )
        if not seen.exists():
            record(action, by=by, clinic=clinic, target=target)


def changes(row: Any, before: dict[str, Any], fields: Iterable[str]) -> dict[str, list[Any]]:
    """`{field: [before, after]}` of the fields whose value differs, for `detail`. Plain fields only."""
    return {
        name: [_plain(before[name]), _plain(getattr(row, name))]
        for name in fields
        if before[name] != getattr(row, name)
    }


def _plain(value: Any) -> Any:
    return value if value is None or isinstance(value, bool | int | str) else str(value)


def _key_of(target: Any) -> str:
    key: uuid.UUID | int | None = getattr(target, "pk", None)
    return "" if key is None else str(key)
