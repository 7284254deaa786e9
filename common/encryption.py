"""Encrypt secrets at rest with keys from the environment, never with one in the database.

`CREDENTIALS_KEY` may list several comma-separated keys: the first encrypts, all decrypt, so a
key is rotated by putting the new one in front.
"""

from __future__ import annotations

import base64
import hashlib

from cryptography.fernet import Fernet, InvalidToken, MultiFernet
from django.conf import settings


class WrongCredentialsKey(RuntimeError):
    """A stored secret cannot be decrypted with any key in CREDENTIALS_KEY."""


def encrypt(text: str) -> bytes:
    return _box().encrypt(text.encode()) if text else b""


def decrypt(token: bytes) -> str:
    if not token:
        return ""
    try:
        return _box().decrypt(token).decode()
    except InvalidToken:
        raise WrongCredentialsKey(
            "A stored secret cannot be read: CREDENTIALS_KEY is not the key it was stored with."
        ) from None


def _box() -> MultiFernet:
    keys = [key.strip() for key in settings.CREDENTIALS_KEY.split(",") if key.strip()]
    return MultiFernet(
        [Fernet(base64.urlsafe_b64encode(hashlib.sha256(key.encode()).digest())) for key in keys]
    )
