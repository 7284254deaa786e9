"""Create clinics, and change their settings, keys and webhook secrets."""

from __future__ import annotations

from typing import Any

from django.db import transaction

from clinics import audit, webhook_secrets
from clinics.models import Clinic, User, WebhookSecret

SETTINGS = ("name", "timezone", "locale", "billing_window", "idle_minutes", "second_factor_required")


class SecretInUse(Exception):
    """A webhook secret of this name opened a door lately: what shows it would be turned away."""


@transaction.atomic
def save_clinic(
    *, slug: str, name: str, timezone: str, tenovi_domain: str, api_key: str | None, by: User | None
) -> tuple[Clinic, bool]:
    """Create or update a clinic; whether it is new. `api_key=None` leaves the stored key alone.

    Raises ValidationError for a bad slug, name or time zone.
    """
    clinic = Clinic.objects.filter(slug=slug).first()
    created = clinic is None
    clinic = clinic or Clinic(slug=slug)
    before = {name: getattr(clinic, name) for name in ("name", "timezone", "tenovi_domain")}
    clinic.name, clinic.timezone, clinic.tenovi_domain = name, timezone, tenovi_domain
    if clinic.timezone != before["timezone"]:
        clinic.forget_judging()
    detail: dict[str, Any] = audit.changes(clinic, before, before)
    if api_key is not None:
        clinic.tenovi_api_key = api_key
        detail["api_key"] = "replaced"
    if created:
        clinic.judged_timezone = timezone
    clinic.full_clean(exclude=["tenovi_api_key_encrypted"])
    clinic.save()
    audit.record(
        "clinic_created" if created else "clinic_changed",
        by=by,
        clinic=clinic,
        target=clinic,
        detail=detail,
    )
    return clinic, created


@transaction.atomic
def change_settings(*, clinic: Clinic, by: User, **wanted: Any) -> None:
    """Keep the `SETTINGS` of a clinic. After a change of time zone a task works out all dates anew."""
    before = {name: getattr(clinic, name) for name in SETTINGS}
    for name in SETTINGS:
        setattr(clinic, name, wanted[name])
    if clinic.timezone != before["timezone"]:
        clinic.forget_judging()
    clinic.full_clean(exclude=["tenovi_api_key_encrypted"])
    clinic.save(update_fields=[*SETTINGS, *clinic.JUDGING])
    if changed := audit.changes(clinic, before, SETTINGS):
        audit.record("clinic_changed", by=by, clinic=clinic, target=clinic, detail=changed)


@transaction.atomic
def replace_api_key(*, clinic: Clinic, tenovi_domain: str, api_key: str, by: User) -> None:
    """Use this key from now on. The record never has the key."""
    before = {"tenovi_domain": clinic.tenovi_domain}
    clinic.tenovi_domain, clinic.tenovi_api_key = tenovi_domain, api_key
    clinic.save(update_fields=["tenovi_domain", "tenovi_api_key_encrypted"])
    detail = {"api_key": "replaced", **audit.changes(clinic, before, before)}
    audit.record("api_key_replaced", by=by, clinic=clinic, target=clinic, detail=detail)


@transaction.atomic
def add_webhook_secret(
    *, clinic: Clinic, header: str, username: str, password: str, name: str = "", by: User | None
) -> WebhookSecret:
    """Accept a secret at the doors: HTTP Basic, or `password` in a header of the clinic's choosing.

    Raises webhook_secrets.TwoAreValid: see `make_room_for_secret`.
    """
    if header:
        added = webhook_secrets.add_header(clinic, header, password, name=name)
    else:
        added = webhook_secrets.add_basic(clinic, username, password, name=name)
    detail = {"secret": added.name, "header": header or "Authorization"}
    audit.record("webhook_secret_added", by=by, clinic=clinic, detail=detail)
    return added


@transaction.atomic
def make_room_for_secret(*, clinic: Clinic, by: User | None) -> WebhookSecret | None:
    """Retire the less used of two secrets; None where there was room. The caller says so to who is there.

    Raises webhook_secrets.TwoAreValid while both are in use: a person says which.
    """
    Clinic.objects.select_for_update(no_key=True).get(pk=clinic.pk)
    least = webhook_secrets.least_used_of_two(clinic)
    if least is None:
        return None
    if least.id in webhook_secrets.in_use(clinic):
        raise webhook_secrets.TwoAreValid
    _retire(least, by)
    return least


@transaction.atomic
def retire_webhook_secret(*, clinic: Clinic, secret: str, typed: str, by: User) -> WebhookSecret | None:
    """Close the door to a secret, by its id; None where there is none such, or it is the last that opens.

    Raises SecretInUse for one that was used lately, unless its name was typed.
    """
    Clinic.objects.select_for_update(no_key=True).get(pk=clinic.pk)
    found = _secret_of(clinic, secret)
    if found is None or found.retired_at or clinic.webhook_secrets.valid().count() < 2:
        return None
    if found.id in webhook_secrets.in_use(clinic) and typed.strip() != found.name:
        raise SecretInUse(found.name)
    _retire(found, by)
    return found


@transaction.atomic
def restore_webhook_secret(*, clinic: Clinic, secret: str, by: User) -> WebhookSecret | None:
    """Open the door again to a secret that was retired; None where there is none such. Raises TwoAreValid."""
    Clinic.objects.select_for_update(no_key=True).get(pk=clinic.pk)
    found = _secret_of(clinic, secret)
    if found is None or found.retired_at is None:
        return None
    webhook_secrets.require_room(clinic)
    was, found.retired_at = found.retired_at, None
    found.save(update_fields=["retired_at"])
    detail = {"secret": found.name, "retired_at": [was.isoformat(), None]}
    audit.record("webhook_secret_restored", by=by, clinic=clinic, detail=detail)
    return found


def _secret_of(clinic: Clinic, secret: str) -> WebhookSecret | None:
    if not secret.isascii() or not secret.isdecimal() or len(secret) > 18:
        return None
    return clinic.webhook_secrets.filter(id=int(secret)).first()


def _retire(secret: WebhookSecret, by: User | None) -> None:
    webhook_secrets.retire(secret)
    used = secret.last_used_at.isoformat() if secret.last_used_at else None
    detail = {"secret": secret.name, "last_used_at": used}
    audit.record("webhook_secret_retired", by=by, clinic=secret.clinic, detail=detail)
