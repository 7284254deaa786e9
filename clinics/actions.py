"""Writing clinics, people and their keys. Each action leaves its line in the audit record."""

from __future__ import annotations

from django.contrib.auth.password_validation import validate_password
from django.db import transaction
from knox.models import AuthToken

from clinics import audit, webhook_secrets
from clinics.models import Clinic, Membership, User


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
    changed = [
        field
        for field, value in (("name", name), ("timezone", timezone), ("tenovi_domain", tenovi_domain))
        if getattr(clinic, field) != value
    ]
    clinic.name, clinic.timezone, clinic.tenovi_domain = name, timezone, tenovi_domain
    if api_key is not None:
        clinic.tenovi_api_key = api_key
        changed.append("tenovi_api_key")
    clinic.full_clean(exclude=["tenovi_api_key_encrypted"])
    clinic.save()
    audit.record(
        "clinic_created" if created else "clinic_changed",
        by=by,
        clinic=clinic,
        target=clinic,
        detail={"fields": changed},
    )
    return clinic, created


@transaction.atomic
def add_webhook_secret(*, clinic: Clinic, header: str, username: str, password: str, by: User | None) -> None:
    """Accept a secret at the doors: HTTP Basic, or `password` in a header of the clinic's choosing."""
    if header:
        webhook_secrets.add_header(clinic, header, password)
    else:
        webhook_secrets.add_basic(clinic, username, password)
    audit.record("webhook_secret_added", by=by, clinic=clinic, detail={"header": header or "Authorization"})


@transaction.atomic
def save_user(*, email: str, password: str | None, is_operator: bool, by: User | None) -> tuple[User, bool]:
    """Create a person, or make an existing one an operator; whether the person is new.

    `password` is needed for a new person only. Raises ValidationError for a weak one.
    """
    email = email.strip().lower()
    user = User.objects.filter(email=email).first()
    if user is None:
        user = User(email=email, is_operator=is_operator)
        validate_password(password or "", user)
        user.set_password(password)
        user.full_clean()
        user.save()
        audit.record("user_created", by=by, target=user, detail={"operator": is_operator})
        return user, True
    if is_operator and not user.is_operator:
        user.is_operator = True
        user.save(update_fields=["is_operator"])
        audit.record("operator_granted", by=by, target=user)
    return user, False


@transaction.atomic
def grant_role(*, user: User, clinic: Clinic, role: str, by: User | None) -> Membership:
    """Give a person a role in a clinic, in place of any other role there."""
    membership, _ = Membership.objects.update_or_create(user=user, clinic=clinic, defaults={"role": role})
    audit.record("role_granted", by=by, clinic=clinic, target=user, detail={"role": role})
    return membership


@transaction.atomic
def create_token(*, user: User, by: User | None) -> str:
    """A new API token for this person. Only its digest is kept: show it now or never."""
    _, token = AuthToken.objects.create(user=user)
    audit.record("token_created", by=by, target=user)
    return str(token)
