"""Letters to people: an invitation, a link to choose a new password. They hold no patient data."""

from __future__ import annotations

import logging
import smtplib
import threading

from django.conf import settings
from django.contrib.auth.tokens import default_token_generator
from django.core.mail import EmailMessage
from django.template.loader import render_to_string
from django.urls import reverse
from django.utils.encoding import force_bytes
from django.utils.http import urlsafe_base64_encode

from clinics.models import Clinic, User

logger = logging.getLogger(__name__)
THREAD = "letter"


def password_link(user: User) -> str:
    """Where this person chooses a password: good once, for `PASSWORD_RESET_TIMEOUT` seconds."""
    uid = urlsafe_base64_encode(force_bytes(user.pk))
    token = default_token_generator.make_token(user)
    return f"{settings.PUBLIC_URL}{reverse('password-choose', args=[uid, token])}"


def send_password_link(user: User) -> None:
    _send(user, "Choose a new password for Vitaldays", "clinics/letters/password.txt", None)


def send_invitation(user: User, clinic: Clinic) -> None:
    """A link for somebody new; for somebody with a password, the news and where to sign in."""
    _send(
        user, f"You can now sign in to {clinic.name} on Vitaldays", "clinics/letters/invitation.txt", clinic
    )


def _send(user: User, subject: str, template: str, clinic: Clinic | None) -> None:
    """The letter leaves beside the answer: the time taken must not tell whether somebody exists."""
    text = render_to_string(
        template,
        {
            "clinic": clinic,
            "link": password_link(user),
            "site": settings.PUBLIC_URL,
            "has_password": user.has_usable_password(),
            "hours": settings.PASSWORD_RESET_TIMEOUT // 3600,
        },
    )
    letter = EmailMessage(" ".join(subject.split()), text, to=[user.email])
    threading.Thread(target=_deliver, args=[letter], name=THREAD).start()


def _deliver(letter: EmailMessage) -> None:
    try:
        letter.send()
    except (OSError, smtplib.SMTPException) as error:
        logger.error("A letter could not be sent: %s", type(error).__name__)
