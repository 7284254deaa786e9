"""Writing the record of what people did and looked at. Append-only: see `AuditEvent`."""

from __future__ import annotations

import uuid
from typing import Any

from clinics.models import AuditEvent, Clinic, User


def record(
    action: str,
    *,
    by: User | None,
    clinic: Clinic | None = None,
    target: Any = None,
    detail: dict[str, Any] | None = None,
    address: str | None = None,
) -> AuditEvent:
    """One line in the record. `by=None` is a command run on the server itself.

    `detail` holds no clinical values and no names: ids, field names, counts.
    """
    return AuditEvent.objects.create(
        action=action,
        actor_id=by.id if by else None,
        actor_label=by.email if by else "command line",
        clinic_id=clinic.id if clinic else None,
        target_kind=type(target).__name__.lower() if target is not None else "",
        target_id=_key_of(target),
        detail=detail or {},
        address=address,
    )


def _key_of(target: Any) -> str:
    key: uuid.UUID | int | None = getattr(target, "pk", None)
    return "" if key is None else str(key)
