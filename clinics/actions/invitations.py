"""Inviting people: what a clinic offers, and what the person who was asked answers."""

from __future__ import annotations

import datetime
import hashlib
import secrets
from uuid import UUID

from django.db import IntegrityError, transaction
from django.db.models import QuerySet
from django.utils import timezone

from clinics import audit
from clinics.models import Clinic, Invitation, InvitationState, Membership, User
from clinics.signing_in import emails

VALID_FOR = datetime.timedelta(days=7)


class NotInvitable(Exception):
    """Refuse to invite the person of this address; the message says why and what to do."""


class OperatorInvited(Exception):
    """Refuse to let an operator of this server join a clinic."""


class NoSuchInvitation(Exception):
    """It was answered, withdrawn or has expired, or it never was."""


@transaction.atomic
def invite(*, email: str, clinic: Clinic, role: str, by: User) -> Invitation:
    """Offer a role to an address and send the letter. It gives no right before it is accepted.

    An address that is asked again gets a new letter, and the role that was named last. Raises
    NotInvitable for a member of the clinic and for an operator.
    """
    email = email.strip().lower()
    if Membership.objects.filter(clinic=clinic, user__email=email).exists():
        raise NotInvitable(f"{email} is in this clinic already. Change the role in the list above.")
    if User.objects.filter(email=email, is_operator=True).exists():
        raise NotInvitable(
            f"{email} runs this server, and an operator sees no clinic's patients. Invite another address."
        )
    try:
        with transaction.atomic():
            invitation = Invitation(clinic=clinic, email=email, invited_by=by, role=role)
            token = _renew(invitation)
            invitation.full_clean(validate_constraints=False)
            invitation.save(force_insert=True)
    except IntegrityError:  # one waits already
        invitation = _locked(Invitation.objects.filter(clinic=clinic, email=email))
        invitation.role, invitation.invited_by = role, by
        token = _renew(invitation)
        invitation.save(update_fields=["role", "invited_by", "token_digest", "sent_at", "expires_at"])
    _send(invitation, token, by)
    return invitation


@transaction.atomic
def send_again(*, invitation: Invitation, by: User) -> None:
    """Send a new letter with a new link; the days to answer begin again. Raises NoSuchInvitation."""
    invitation = _locked(Invitation.objects.filter(id=invitation.id))
    token = _renew(invitation)
    invitation.save(update_fields=["token_digest", "sent_at", "expires_at"])
    _send(invitation, token, by)


@transaction.atomic
def withdraw(*, invitation: Invitation, by: User) -> None:
    """Take the offer back: its link is worth nothing from now on. Raises NoSuchInvitation."""
    invitation = _locked(Invitation.objects.filter(id=invitation.id))
    _answer(invitation, InvitationState.WITHDRAWN, by)


@transaction.atomic
def accept(*, invitation: Invitation, by: User) -> Clinic:
    """Join the clinic. Who has a role there by now keeps that one. Raises
    NoSuchInvitation, and OperatorInvited."""
    if User.objects.select_for_update(no_key=True).get(pk=by.pk).is_operator:
        raise OperatorInvited
    invitation = _locked(open_to(by).filter(id=invitation.id))
    _answer(invitation, InvitationState.ACCEPTED, by)
    clinic, role = invitation.clinic, invitation.role
    given = {"role": role, "role_since": timezone.now()}
    _, joined = Membership.objects.get_or_create(clinic=clinic, user=by, defaults=given)
    if joined:
        audit.record("role_granted", by=by, clinic=clinic, target=by, detail={"role": [None, role]})
    return clinic


@transaction.atomic
def accept_with_password(*, invitation: Invitation, password: str) -> User:
    """Make the account of a person who has none, with this password, and join the clinic.

    The caller has judged the password. Raises NoSuchInvitation.
    """
    invitation = _locked(Invitation.objects.filter(id=invitation.id))
    user, created = User.objects.select_for_update().get_or_create(email=invitation.email)
    if not created and user.has_usable_password():
        raise NoSuchInvitation  # made meanwhile: whoever it is signs in to answer
    user.set_password(password)
    user.save(update_fields=["password"])
    if created:
        detail = {"operator": False}
        audit.record("user_created", by=user, clinic=invitation.clinic, target=user, detail=detail)
    accept(invitation=invitation, by=user)
    return user


@transaction.atomic
def decline(*, invitation: Invitation, by: User | None) -> None:
    """Refuse the offer. `by=None` is somebody with the letter and no account. Raises NoSuchInvitation."""
    mine = Invitation.objects.filter(id=invitation.id) if by is None else open_to(by)
    _answer(_locked(mine.filter(id=invitation.id)), InvitationState.DECLINED, by)


def open_to(user: User) -> QuerySet[Invitation]:
    """Return the invitations that this person can accept or decline now, the newest first."""
    return _open(Invitation.objects.filter(email=user.email)).select_related("clinic", "invited_by")


def behind_link(invitation_id: UUID, token: str) -> Invitation | None:
    """The invitation that a letter's link stands for, while it can be answered."""
    rows = _open(Invitation.objects.filter(id=invitation_id)).select_related("clinic", "invited_by")
    found = rows.first()
    if found is None or not secrets.compare_digest(bytes(found.token_digest), _digest(token)):
        return None
    return found


def waiting_in(clinic: Clinic) -> QuerySet[Invitation]:
    """The invitations of a clinic that nobody has answered, expired ones too, by address."""
    rows = Invitation.objects.filter(clinic=clinic, state=InvitationState.WAITING)
    return rows.select_related("invited_by").order_by("email")


def _open(rows: QuerySet[Invitation]) -> QuerySet[Invitation]:
    waiting = rows.filter(state=InvitationState.WAITING, expires_at__gt=timezone.now())
    return waiting.order_by("-sent_at")


def _locked(rows: QuerySet[Invitation]) -> Invitation:
    waiting = rows.filter(state=InvitationState.WAITING).select_related("clinic")
    invitation = waiting.select_for_update(of=("self",)).first()
    if invitation is None:
        raise NoSuchInvitation
    return invitation


def _renew(invitation: Invitation) -> str:
    """Give it a new token, which ends the old link; the token."""
    token = secrets.token_urlsafe(32)
    invitation.token_digest = _digest(token)
    invitation.sent_at = timezone.now()
    invitation.expires_at = invitation.sent_at + VALID_FOR
    return token


def _digest(token: str) -> bytes:
    return hashlib.sha256(token.encode("utf-8", "replace")).digest()


def _send(invitation: Invitation, token: str, by: User) -> None:
    detail = {"email": invitation.email, "role": invitation.role}
    audit.record("invitation_sent", by=by, clinic=invitation.clinic, target=invitation, detail=detail)
    transaction.on_commit(lambda: emails.send_invitation(invitation, token, VALID_FOR.days))


def _answer(invitation: Invitation, state: str, by: User | None) -> None:
    before, invitation.state = invitation.state, state
    invitation.answered_at = timezone.now()
    invitation.save(update_fields=["state", "answered_at"])
    detail = {"email": invitation.email, "state": [before, state]}
    audit.record(f"invitation_{state}", by=by, clinic=invitation.clinic, target=invitation, detail=detail)
