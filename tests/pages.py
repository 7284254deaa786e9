"""Asking for pages as a signed-in person, and reading what they say."""

from __future__ import annotations

import html
import re
from typing import Any

from django.test import Client

from clinics.models import Clinic
from tests.factories import make_user


def signed_in(clinic: Clinic, role: str) -> Client:
    """A client of somebody with this role in the clinic; "operator" is nobody's member."""
    if role == "operator":
        user = make_user("operator@host.test", is_operator=True)
    else:
        user = make_user(f"{role}@{clinic.slug}.test", clinic, role)
    client = Client()
    client.force_login(user)
    return client


def text_of(answer: Any) -> str:
    """The words of a page, without its tags and with single blanks."""
    assert answer.status_code == 200
    return " ".join(html.unescape(re.sub(r"<[^>]+>", " ", answer.content.decode())).split())
