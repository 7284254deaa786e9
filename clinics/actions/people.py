"""Writing clinics, people and their keys. Each action leaves its line in the audit record."""

from __future__ import annotations

import datetime
from typing import Any

from django.contrib.auth.password_validation import validate_password
from django.db import transaction
from django.utils import timezone

from clinics import audit
from clinics.models import ApiToken, Clinic, Membership, Role, User
from clinics.signing_in import second_factor, sessions

TOKEN_VALID_FOR = datetime.timedelta(days=365)


class LastAdmin(Exception):
    """A clinic whose last admin left could be run by nobody in it."""


class BelongsElsewhere(Exception):
    """The person is of another clinic too, or runs the server: only an operator may do this."""


class OperatorIsNoMember(Exception):
    """A person would be both an operator and a member of a clinic; the message says which is in the way."""


@transaction.atomic
def save_user(*, email: str, password: str | None, is_operator: bool, by: User | None) -> tuple[User, bool]:
    """Create a person, or make an existing one an operator; whether the person is new.

    `password` is needed for a new person only. Raises ValidationError for a weak one, and
    OperatorIsNoMember.
    """
    email = email.strip().lower()
    user = User.objects.select_for_update(no_key=True).filter(email=email).first()
    if user is None:
        user = User(email=email, is_operator=is_operator)
        validate_password(password or "", user)
        user.set_password(password)
        user.full_clean()
        user.save()
        audit.record("user_created", by=by, target=user, detail={"operator": is_operator})
        return user, True
    if is_operator and not user.is_operator:
        clinics = ", ".join(user.memberships.order_by("clinic__slug").values_list("clinic__slug", flat=True))
        if clinics:
            raise OperatorIsNoMember(f"{email} is a member of {clinics}, and a member is never an operator.")
        user.is_operator = True
        user.save(update_fields=["is_operator"])
        audit.record("operator_granted", by=by, target=user)
    return user, False


@transaction.atomic
def grant_role(*, user: User, clinic: Clinic, role: str, by: User | None) -> Membership:
    """Give a person a role in a clinic, in place of any other role there, and sign them out.

    `by=None` is the command line. Raises LastAdmin when the clinic would be left without an admin,
    and OperatorIsNoMember.
    """
    if User.objects.select_for_update(no_key=True).get(pk=user.pk).is_operator:
        raise OperatorIsNoMember(
            f"{user.email} is an operator, and an operator is never a member of a clinic."
        )
    before = Membership.objects.select_for_update().filter(user=user, clinic=clinic).first()
    if before and before.role == role:
        return before
    _keep_an_admin(clinic, before, role)
    given = {"role": role, "role_since": timezone.now()}
    membership, _ = Membership.objects.update_or_create(user=user, clinic=clinic, defaults=given)
    _end_access(user, clinic, by)
    detail = {"role": [before.role if before else None, role]}
    audit.record("role_granted", by=by, clinic=clinic, target=user, detail=detail)
    return membership


@transaction.atomic
def remove_member(*, membership: Membership, by: User) -> None:
    """Take a person's role away and sign them out. Raises LastAdmin."""
    _keep_an_admin(membership.clinic, membership, "")
    user, role = membership.user, membership.role
    membership.delete()
    _end_access(user, membership.clinic, by)
    audit.record("role_removed", by=by, clinic=membership.clinic, target=user, detail={"role": [role, None]})


def may_touch_account(by: User | None, user: User, clinic: Clinic) -> bool:
    """Whether `by`, for this clinic, may touch what a person has everywhere: sessions, second factor.

    A clinic's admin may for somebody who belongs to no other clinic and does not run the server; an
    operator and the command line may for everybody.
    """
    if by is None or by.is_operator:
        return True
    return not user.is_operator and not user.memberships.exclude(clinic=clinic).exists()


def _end_access(user: User, clinic: Clinic, by: User | None) -> None:
    """End every session and API token of somebody whose rights changed. Who belongs elsewhere too keeps
    them there: what may be opened here is asked of the membership at every request."""
    if may_touch_account(by, user, clinic):
        sessions.end_sessions(user)
        _end_tokens(user)


def _end_tokens(user: User) -> int:
    """End every API token of a person. Returns how many there were."""
    ended: int = ApiToken.objects.filter(user=user).delete()[0]
    return ended


def _keep_an_admin(clinic: Clinic, leaving: Membership | None, role: str) -> None:
    if leaving is None or leaving.role != Role.CLINIC_ADMIN or role == Role.CLINIC_ADMIN:
        return
    admins = Membership.objects.select_for_update().filter(clinic=clinic, role=Role.CLINIC_ADMIN)
    if len(admins) == 1:
        raise LastAdmin


@transaction.atomic
def set_password(*, user: User, password: str, by: User, keep_session: str | None = None) -> None:
    """A new password, judged by the caller; every API token ends, and every session but `keep_session`."""
    user.set_password(password)
    user.save(update_fields=["password"])
    sessions.end_sessions(user, keep=keep_session)
    detail = {"tokens_ended": ended} if (ended := _end_tokens(user)) else {}
    audit.record("password_changed", by=by, target=user, detail=detail)


@transaction.atomic
def create_token(
    *, user: User, by: User | None, name: str = "", valid_for: datetime.timedelta | None = TOKEN_VALID_FOR
) -> str:
    """A new API token for this person. Only its digest is kept: show it now or never.

    `valid_for=None` is for ever.
    """
    row, token = ApiToken.objects.create(user=user, expiry=valid_for, name=name)
    ends = row.expiry.isoformat() if row.expiry else "never"
    audit.record("token_created", by=by, target=user, detail={"token": name, "ends": ends})
    return str(token)


@transaction.atomic
def revoke_token(*, token: ApiToken, by: User) -> None:
    """End an API token at once."""
    token.delete()
    audit.record("token_revoked", by=by, target=token.user, detail={"token": token.name})


@transaction.atomic
def sign_out_member(*, membership: Membership, by: User) -> None:
    """End every session of a person. Raises BelongsElsewhere."""
    user = _touchable(membership, by)
    _record_everywhere("sessions_ended", user, by, {"ended": sessions.end_sessions(user)})


@transaction.atomic
def reset_second_factor(*, membership: Membership, by: User) -> None:
    """Let somebody who lost the phone and the recovery codes begin anew; signs them out everywhere.
    Raises BelongsElsewhere."""
    user = _touchable(membership, by)
    second_factor.remove(user)
    sessions.end_sessions(user)
    _record_everywhere("second_factor_removed", user, by, {})


def _touchable(membership: Membership, by: User) -> User:
    """The member, locked, so that nobody joins another clinic meanwhile."""
    user = User.objects.select_for_update(no_key=True).get(pk=membership.user_id)
    if not may_touch_account(by, user, membership.clinic):
        raise BelongsElsewhere
    return user


def _record_everywhere(action: str, user: User, by: User, detail: dict[str, Any]) -> None:
    """Write the line into the record of every clinic that the person belongs to."""
    for clinic in Clinic.objects.filter(memberships__user=user).order_by("slug"):
        audit.record(action, by=by, clinic=clinic, target=user, detail=detail)
