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

from django.db import connection, transaction

from clinics.models import Clinic, WebhookSecret

AUTHORIZATION = "Authorization"
VALID_AT_ONCE = 2
_CLINIC = [field.attname for field in Clinic._meta.concrete_fields]
_WITH_SECRETS = f"""
SELECT {", ".join(f"c.{name}" for name in _CLINIC)}, s.header, s.salt, s.digest
FROM {Clinic._meta.db_table} c
LEFT JOIN {WebhookSecret._meta.db_table} s ON s.clinic_id = c.id
WHERE c.slug = %s
"""


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
    with connection.cursor() as cursor:
        cursor.execute(_WITH_SECRETS, [slug])
        rows = cursor.fetchall()
    proven = False
    for *_, header, salt, digest in rows:
        if header is not None:
            # WSGI decodes headers as latin-1; the proof is about the bytes on the wire.
            shown = headers.get(header, "").encode("latin-1", "replace")
            proven |= _matches(salt, digest, _proof(header, shown))
    clinic = Clinic.from_db(connection.alias, _CLINIC, rows[0][: len(_CLINIC)]) if rows else None
    return clinic, proven


@transaction.atomic
def _add(clinic: Clinic, header: str, proof: bytes) -> WebhookSecret:
    """Setting a valid secret again makes it the newest; it never costs the other its place."""
    for earlier in clinic.webhook_secrets.filter(header__iexact=header):
        if _matches(bytes(earlier.salt), bytes(earlier.digest), proof):
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


def _matches(salt: bytes, digest: bytes, proof: bytes) -> bool:
    return hmac.compare_digest(_digest(salt, proof), digest)


def _digest(salt: bytes, proof: bytes) -> bytes:
    return hashlib.sha256(salt + proof).digest()
