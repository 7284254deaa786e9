"""Signing in as a person does: through the form, step by step."""

from __future__ import annotations

import re
import threading
import time
from typing import Any

import pyotp
from django.core import mail
from django.test import Client

from clinics.models import User
from clinics.signing_in.emails import THREAD
from tests.factories import PASSWORD


def try_sign_in(email: str, password: str = PASSWORD, client: Client | None = None, **extra: Any) -> Any:
    return (client or Client()).post("/sign-in/", {"username": email, "password": password}, **extra)


def signed_in(user: User, secret: str = "", **extra: Any) -> Client:
    """A browser in which this person has just signed in."""
    client = Client(**extra)
    answer = try_sign_in(user.email, client=client)
    if secret:
        assert answer["Location"].startswith("/sign-in/code/")
        answer = client.post("/sign-in/code/", {"code": code_of(secret)})
    assert answer.status_code == 302, answer.content.decode()
    return client


def is_signed_in(client: Client, **headers: str) -> bool:
    return bool(client.get("/account/", headers=headers).status_code == 200)


def code_of(secret: str, steps: int = 0) -> str:
    return pyotp.TOTP(secret).at(int(time.time()) + 30 * steps)


def letters_to(address: str) -> list[str]:
    """The letters sent so far to this address."""
    for thread in threading.enumerate():
        if thread.name == THREAD:
            thread.join()
    return [str(letter.body) for letter in mail.outbox if letter.to == [address]]


def link_in(letter: str) -> str:
    """The path of the link to choose a password."""
    found = re.search(r"https?://[^/\s]+(/password/\S+)", letter)
    assert found, letter
    return found[1]
