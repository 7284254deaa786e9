"""Send letters to people: an invitation, a link to choose a new password. They hold no patient data.

Their texts are marked for `gettext`. There is no catalogue yet: each is sent as it is written here.
"""

from __future__ import annotations

import logging
import smtplib
import threading
from typing import Any

from django.conf import settings
from django.contrib.auth.tokens import default_token_generator
from django.core.mail import EmailMessage
from django.template.loader import render_to_string
from django.urls import reverse
from django.utils import translation
from django.utils.encoding import force_bytes
from django.utils.http import urlsafe_base64_encode
from django.utils.translation import gettext as _

from clinics.models import Clinic, Invitation, User

logger = logging.getLogger(__name__)
THREAD = "letter"


def password_link(user: User) -> str:
    """Return where this person chooses a password: good once, for `PASSWORD_RESET_TIMEOUT` seconds."""
    uid = urlsafe_base64_encode(force_bytes(user.pk))
    token = default_token_generator.make_token(user)
    return f"{settings.PUBLIC_URL}{reverse('password-choose', args=[uid, token])}"


def send_password_link(user: User) -> None:
    facts = {"link": password_link(user), "hours": settings.PASSWORD_RESET_TIMEOUT // 3600}
    with translation.override(settings.LANGUAGE_CODE):
        _send(user.email, _("Choose a new password for Vitaldays"), "clinics/letters/password.txt", facts)


def send_invitation(invitation: Invitation, token: str, days: int) -> None:
    """Send an invitation with the link to answer it.

    The letter is the same for an address with an account and one without, so that it does not reveal
    which addresses have one.
    """
    path = reverse("invitation-link", args=[invitation.id, token])
    facts = {
        "clinic": invitation.clinic,
        "role": invitation.get_role_display().lower(),
        "inviter": invitation.invited_by,
        "link": f"{settings.PUBLIC_URL}{path}",
        "days": days,
    }
    with translation.override(invitation.clinic.locale):
        subject = _("%(clinic)s invites you to Vitaldays") % {"clinic": invitation.clinic.name}
        _send(invitation.email, subject, "clinics/letters/invitation.txt", facts)


def send_waiting(user: User, clinic: Clinic, elements: int, why: str) -> None:
    """Ask an admin to look at what Tenovi sent: how much waits and why, but not whose it is."""
    link = f"{settings.PUBLIC_URL}{reverse('deliveries-waiting', args=[clinic.slug])}"
    facts = {"clinic": clinic, "elements": elements, "why": why, "link": link}
    with translation.override(clinic.locale):
        subject = _("%(clinic)s: something from Tenovi waits for you") % {"clinic": clinic.name}
        _send(user.email, subject, "clinics/letters/waiting.txt", facts)


def _send(address: str, subject: str, template: str, facts: dict[str, Any]) -> None:
    """Send the letter beside the answer: the time taken must not tell whether somebody exists."""
    letter = EmailMessage(" ".join(subject.split()), render_to_string(template, facts), to=[address])
    threading.Thread(target=_deliver, args=[letter], name=THREAD).start()


def _deliver(letter: EmailMessage) -> None:
    try:
        letter.send()
    except (OSError, smtplib.SMTPException) as error:
        logger.error("A letter could not be sent: %s", type(error).__name__)
