"""What the vendor shows at our doors, kept as salted digests and compared in constant time.

The vendor offers one header per webhook (its API overview: "Header-based authentication methods
(e.g. Basic Auth)"); there is no signature. Two secrets may be valid while one replaces the other.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import secrets
from collections.abc import Mapping

from django.db import transaction

from clinics.models import Clinic, WebhookSecret

VALID_AT_ONCE = 2


def add_basic(clinic: Clinic, username: str, password: str) -> WebhookSecret:
    """Accept HTTP Basic with these credentials from now on, beside the newest earlier secret."""
    return _add(clinic, "Authorization", _basic(f"{username}:{password}".encode()))


def add_header(clinic: Clinic, header: str, value: str) -> WebhookSecret:
    """Accept `value` in the header of this name from now on, beside the newest earlier secret."""
    return _add(clinic, header, _plain(value.encode()))


def clinic_shown_by(slug: str, headers: Mapping[str, str]) -> tuple[Clinic | None, bool]:
    """The clinic of this slug (None when there is none) and whether the headers prove it."""
    clinic = Clinic.objects.filter(slug=slug).prefetch_related("webhook_secrets").first()
    if clinic is None:
        return None, False
    proven = False
    for secret in clinic.webhook_secrets.all():
        shown = _presented(secret.header, headers.get(secret.header, ""))
        proven |= hmac.compare_digest(_digest(bytes(secret.salt), shown), bytes(secret.digest))
    return clinic, proven


@transaction.atomic
def _add(clinic: Clinic, header: str, proof: bytes) -> WebhookSecret:
    salt = secrets.token_bytes(16)
    added = WebhookSecret.objects.create(clinic=clinic, header=header, salt=salt, digest=_digest(salt, proof))
    newest = clinic.webhook_secrets.order_by("-id").values("id")[:VALID_AT_ONCE]
    clinic.webhook_secrets.exclude(id__in=newest).delete()
    return added


def _presented(header: str, value: str) -> bytes:
    """The proof inside a header as it came over the wire (latin-1, as WSGI decodes it)."""
    raw = value.encode("latin-1", "replace")
    scheme, _, rest = raw.partition(b" ")
    if header.lower() == "authorization" and scheme.lower() == b"basic":
        try:
            return _basic(base64.b64decode(rest.strip(), validate=True))
        except binascii.Error:
            return b""
    return _plain(raw)


def _basic(user_and_password: bytes) -> bytes:
    return b"basic\0" + user_and_password


def _plain(value: bytes) -> bytes:
    return b"header\0" + value


def _digest(salt: bytes, proof: bytes) -> bytes:
    return hashlib.sha256(salt + proof).digest()
