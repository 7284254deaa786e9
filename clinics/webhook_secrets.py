"""What the vendor shows at our doors, kept as salted digests and compared in constant time.

The vendor offers one header per webhook (its API overview: "Header-based authentication methods
(e.g. Basic Auth)"); there is no signature. Two secrets may be valid while one replaces the other.
"""

from __future__ import annotations

import base64
import binascii
import contextlib
import hashlib
import hmac
import secrets
from collections.abc import Mapping

from django.db import transaction

from clinics.models import Clinic, WebhookSecret

AUTHORIZATION = "Authorization"
VALID_AT_ONCE = 2


def add_basic(clinic: Clinic, username: str, password: str) -> WebhookSecret:
    """Accept HTTP Basic with these credentials from now on, beside the newest earlier secret."""
    if not password:
        raise ValueError("An empty password would open the door to anybody.")
    return _add(clinic, AUTHORIZATION, _basic(f"{username}:{password}".encode()))


def add_header(clinic: Clinic, header: str, value: str) -> WebhookSecret:
    """Accept `value` in the header of this name from now on, beside the newest earlier secret."""
    if not value.strip():
        raise ValueError("An empty value would open the door to anybody.")
    return _add(clinic, header, _proof(header, value.strip().encode()))


def clinic_shown_by(slug: str, headers: Mapping[str, str]) -> tuple[Clinic | None, bool]:
    """The clinic of this slug (None when there is none) and whether the headers prove it."""
    if not slug.isprintable():  # PostgreSQL would refuse to look for some of these
        return None, False
    clinic = Clinic.objects.filter(slug=slug).prefetch_related("webhook_secrets").first()
    if clinic is None:
        return None, False
    proven = False
    for secret in clinic.webhook_secrets.all():
        # WSGI decodes headers as latin-1; the proof is about the bytes on the wire.
        shown = _proof(secret.header, headers.get(secret.header, "").encode("latin-1", "replace"))
        proven |= _matches(secret, shown)
    return clinic, proven


@transaction.atomic
def _add(clinic: Clinic, header: str, proof: bytes) -> WebhookSecret:
    """Setting a valid secret again makes it the newest; it never costs the other its place."""
    for earlier in clinic.webhook_secrets.filter(header__iexact=header):
        if _matches(earlier, proof):
            earlier.delete()
    salt = secrets.token_bytes(16)
    added = WebhookSecret.objects.create(clinic=clinic, header=header, salt=salt, digest=_digest(salt, proof))
    newest = clinic.webhook_secrets.order_by("-id").values("id")[:VALID_AT_ONCE]
    clinic.webhook_secrets.exclude(id__in=newest).delete()
    return added


def _proof(header: str, value: bytes) -> bytes:
    """What is hashed and compared: user and password of HTTP Basic, however the word is spelt,
    and the plain value of anything else."""
    scheme, _, rest = value.partition(b" ")
    if header.lower() == AUTHORIZATION.lower() and scheme.lower() == b"basic":
        with contextlib.suppress(binascii.Error):
            return _basic(base64.b64decode(rest.strip(), validate=True))
    return b"header\0" + value


def _basic(user_and_password: bytes) -> bytes:
    return b"basic\0" + user_and_password


def _matches(secret: WebhookSecret, proof: bytes) -> bool:
    return hmac.compare_digest(_digest(bytes(secret.salt), proof), bytes(secret.digest))


def _digest(salt: bytes, proof: bytes) -> bytes:
    return hashlib.sha256(salt + proof).digest()
