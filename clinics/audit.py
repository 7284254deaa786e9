"""Writing the record of what people did and looked at. Append-only: see `AuditEvent`."""

from __future__ import annotations

import uuid
from collections.abc import Iterable
from datetime import timedelta
from typing import Any

from django.db import transaction
from django.utils import timezone

from clinics.models import AuditEvent, Clinic, User
from common import request_facts
from common.locks import hold

NOBODY = "not signed in"
COMMAND = "command line"
BACKGROUND = "Vitaldays itself"
VENDOR = "Tenovi"
SAME_LOOK = timedelta(minutes=10)
LOOKS = ("_viewed", "_exported")
"""How the actions end that say what somebody looked at or took away."""


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
    if action.endswith(LOOKS):
        _note_look()
    nobody = VENDOR if by_vendor else BACKGROUND if in_background else ""
    return _write(action, by, clinic, _kind_of(target), _key_of(target), detail, nobody)


def _write(
    action: str,
    by: User | None,
    clinic: Clinic | None,
    kind: str,
    key: str,
    detail: dict[str, Any] | None,
    nobody: str = "",
) -> AuditEvent:
    """`nobody` is what did it without a person and without a request."""
    request = request_facts.current.get()
    return AuditEvent.objects.create(
        action=action,
        actor_id=by.id if by else None,
        actor_label=by.email if by else nobody or _nobody(),
        clinic_id=clinic.id if clinic else None,
        target_kind=kind,
        target_id=key,
        detail=detail or {},
        address=request.address if request and not nobody else None,
    )


def _nobody() -> str:
    return NOBODY if request_facts.current.get() else COMMAND


def record_view(
    action: str,
    *,
    by: User,
    clinic: Clinic,
    target: Any = None,
    kind: str = "",
    key: str = "",
    detail: dict[str, Any] | None = None,
) -> None:
    """Record a look at a page: at most one line in `SAME_LOOK` for each person, target and detail,
    because open pages ask for themselves again. The target is a row, or named by `kind` and `key`."""
    _note_look()
    kind, key = (_kind_of(target), _key_of(target)) if target is not None else (kind, key)
    seen = AuditEvent.objects.filter(
        clinic_id=clinic.id,
        at__gt=timezone.now() - SAME_LOOK,
        actor_id=by.id,
        action=action,
        target_id=key,
        detail=detail or {},
    )
    if seen.exists():
        return
    with transaction.atomic():
        hold(clinic.id, [f"{action} {by.id} {key}".encode()])
        if not seen.all().exists():  # two tabs at once are one look
            _write(action, by, clinic, kind, key, detail)


def has_looked() -> bool:
    """Whether the answer to the present request has its line already."""
    request = request_facts.current.get()
    return request is not None and request.looked


def _note_look() -> None:
    if request := request_facts.current.get():
        request.looked = True


def changes(row: Any, before: dict[str, Any], fields: Iterable[str]) -> dict[str, list[Any]]:
    """`{field: [before, after]}` of the fields whose value differs, for `detail`. Plain fields only."""
    return {
        name: [_plain(before[name]), _plain(getattr(row, name))]
        for name in fields
        if before[name] != getattr(row, name)
    }


def _plain(value: Any) -> Any:
    return value if value is None or isinstance(value, bool | int | str) else str(value)


def _kind_of(target: Any) -> str:
    return "" if target is None else type(target).__name__.lower()


def _key_of(target: Any) -> str:
    key: uuid.UUID | int | None = getattr(target, "pk", None)
    return "" if key is None else str(key)
