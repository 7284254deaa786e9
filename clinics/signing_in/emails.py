"""Letters to people: an invitation, a link to choose a new password. They hold no patient data."""

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
from django.utils.encoding import force_bytes
from django.utils.http import urlsafe_base64_encode

from clinics.models import Clinic, Invitation, User

logger = logging.getLogger(__name__)
THREAD = "letter"


def password_link(user: User) -> str:
    """Where this person chooses a password: good once, for `PASSWORD_RESET_TIMEOUT` seconds."""
    uid = urlsafe_base64_encode(force_bytes(user.pk))
    token = default_token_generator.make_token(user)
    return f"{settings.PUBLIC_URL}{reverse('password-choose', args=[uid, token])}"


def send_password_link(user: User) -> None:
    facts = {"link": password_link(user), "hours": settings.PASSWORD_RESET_TIMEOUT // 3600}
    _send(user.email, "Choose a new password for Vitaldays", "clinics/letters/password.txt", facts)


def send_invitation(invitation: Invitation, token: str, days: int) -> None:
    """Ask whoever reads the mail of this address, with the link to answer: the same letter for
    somebody new and somebody known, so that nobody learns from it who has an account."""
    path = reverse("invitation-link", args=[invitation.id, token])
    facts = {
        "clinic": invitation.clinic,
        "role": invitation.get_role_display().lower(),
        "inviter": invitation.invited_by,
        "link": f"{settings.PUBLIC_URL}{path}",
        "days": days,
    }
    subject = f"{invitation.clinic.name} invites you to Vitaldays"
    _send(invitation.email, subject, "clinics/letters/invitation.txt", facts)


def send_waiting(user: User, clinic: Clinic, elements: int, why: str) -> None:
    """Tell an admin that something Tenovi sent waits for them: how much and why, and not whose."""
    link = f"{settings.PUBLIC_URL}{reverse('deliveries-waiting', args=[clinic.slug])}"
    facts = {"clinic": clinic, "elements": elements, "why": why, "link": link}
    _send(
        user.email,
        f"{clinic.name}: something from Tenovi waits for you",
        "clinics/letters/waiting.txt",
        facts,
    )


def _send(address: str, subject: str, template: str, facts: dict[str, Any]) -> None:
    """Send the letter beside the answer: the time taken must not tell whether somebody exists."""
    letter = EmailMessage(" ".join(subject.split()), render_to_string(template, facts), to=[address])
    threading.Thread(target=_deliver, args=[letter], name=THREAD).start()


def _deliver(letter: EmailMessage) -> None:
    try:
        letter.send()
    except (OSError, smtplib.SMTPException) as error:
        logger.error("A letter could not be sent: %s", type(error).__name__)
