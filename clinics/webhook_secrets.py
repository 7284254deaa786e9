"""Keep and check the secrets that the vendor presents: salted digests, compared in constant time.

The vendor offers one header per webhook (its API overview: "Header-based authentication methods
(e.g. Basic Auth)"); there is no signature. Two secrets may be valid while one replaces the other.
A retired one opens nothing, and is known for a while: so it can be said that it is still shown.
"""

from __future__ import annotations

import base64
import binascii
import contextlib
import datetime
import hashlib
import hmac
import secrets
from collections.abc import Mapping
from dataclasses import dataclass

from django.db import connection, transaction
from django.db.models import F, Q
from django.db.models.functions import Now

from clinics.models import Clinic, WebhookSecret

AUTHORIZATION = "Authorization"
VALID_AT_ONCE = 2
RETIRED_KEPT = 3
LATELY = datetime.timedelta(days=1)
"""A secret used within it counts as in use."""
NOTED_EVERY = datetime.timedelta(minutes=10)
"""How often a secret's use is written down: what comes in must not wait for more."""
_CLINIC = [field.attname for field in Clinic._meta.concrete_fields]
_WITH_SECRETS = f"""
SELECT {", ".join(f"c.{name}" for name in _CLINIC)}, s.id, s.header, s.salt, s.digest, s.retired_at IS NULL,
       coalesce(s.last_used_at, '-infinity') < statement_timestamp() - make_interval(secs => %s)
FROM {Clinic._meta.db_table} c
LEFT JOIN {WebhookSecret._meta.db_table} s ON s.clinic_id = c.id
WHERE c.slug = %s
"""


class TwoAreValid(ValueError):
    """A third secret would retire one that the vendor may be showing."""

    def __init__(self) -> None:
        super().__init__("Two secrets are valid already. Retire the one that Tenovi does not use first.")


@dataclass(frozen=True, slots=True)
class Shown:
    """What a call shows: the clinic of its address, None for none; and one of its secrets, None for none
    that is known. `is_due`: the use of the secret is to be written down."""

    clinic: Clinic | None
    secret: int | None = None
    is_valid: bool = False
    is_due: bool = False

    @property
    def is_retired(self) -> bool:
        return self.secret is not None and not self.is_valid


def add_basic(clinic: Clinic, username: str, password: str, *, name: str = "") -> WebhookSecret:
    """Accept HTTP Basic with these credentials from now on, beside the one that is valid. Raises TwoAreValid."""
    if not password:
        raise ValueError("An empty password would open the door to anybody.")
    return _add(clinic, AUTHORIZATION, _basic(f"{username}:{password}".encode()), name)


def add_header(clinic: Clinic, header: str, value: str, *, name: str = "") -> WebhookSecret:
    """Accept `value` in the header of this name from now on, beside the one that is valid. Raises TwoAreValid."""
    if not value.strip():
        raise ValueError("An empty value would open the door to anybody.")
    return _add(clinic, header, _proof(header, value.strip().encode()), name)


def shown_by(slug: str, headers: Mapping[str, str]) -> Shown:
    """Find the clinic of this slug and the secret that the headers prove."""
    if not slug.isprintable():  # PostgreSQL would refuse to look for some of these
        return Shown(None)
    with connection.cursor() as cursor:
        cursor.execute(_WITH_SECRETS, [NOTED_EVERY.total_seconds(), slug])
        rows = cursor.fetchall()
    if not rows:
        return Shown(None)
    clinic = Clinic.from_db(connection.alias, _CLINIC, rows[0][: len(_CLINIC)])
    found = Shown(clinic)
    for secret, header, salt, digest, is_valid, is_due in (row[len(_CLINIC) :] for row in rows):
        if header is not None:
            # WSGI decodes headers as latin-1; the proof is about the bytes on the wire.
            value = headers.get(header, "").encode("latin-1", "replace")
            if _matches(salt, digest, _proof(header, value)) and not found.is_valid:
                found = Shown(clinic, secret, is_valid, is_due)
    return found


def note_use(secret: int) -> None:
    """Write down that this secret has just opened a door; of several calls at once, one does."""
    stale = Q(last_used_at=None) | Q(last_used_at__lt=Now() - NOTED_EVERY)
    WebhookSecret.objects.filter(stale, id=secret).update(last_used_at=Now())


def in_use(clinic: Clinic) -> list[int]:
    """The secrets that opened a door lately."""
    lately = clinic.webhook_secrets.valid().filter(last_used_at__gte=Now() - LATELY)
    return list(lately.values_list("id", flat=True))


def least_used_of_two(clinic: Clinic) -> WebhookSecret | None:
    """Find the one to give up for a new one: never used, or used longest ago. None while there is room."""
    valid = clinic.webhook_secrets.valid().order_by(F("last_used_at").asc(nulls_first=True), "id")
    return valid.first() if is_full(clinic) else None


def idle_of_two(clinic: Clinic) -> WebhookSecret | None:
    """Find the one to give up for a new one; None while there is room, or where both are in use."""
    least = least_used_of_two(clinic)
    return None if least is None or least.id in in_use(clinic) else least


def is_full(clinic: Clinic) -> bool:
    """Whether a further secret, new or accepted again, must wait until one is retired."""
    return clinic.webhook_secrets.valid().count() >= VALID_AT_ONCE


def require_room(clinic: Clinic) -> None:
    """Raise TwoAreValid where a further secret must wait. Holds the clinic, so that it stays true."""
    Clinic.objects.select_for_update(no_key=True).get(pk=clinic.pk)
    if is_full(clinic):
        raise TwoAreValid


def retire(secret: WebhookSecret) -> None:
    """Let it open nothing any more. The last few are known when they are shown all the same."""
    secret.retired_at = Now()
    secret.save(update_fields=["retired_at"])
    retired = secret.clinic.webhook_secrets.retired()
    retired.exclude(id__in=retired.order_by("-retired_at", "-id").values("id")[:RETIRED_KEPT]).delete()


@transaction.atomic
def _add(clinic: Clinic, header: str, proof: bytes, name: str) -> WebhookSecret:
    """Setting a valid secret again changes nothing; a retired one is valid again."""
    Clinic.objects.select_for_update(no_key=True).get(pk=clinic.pk)
    known = None
    for earlier in clinic.webhook_secrets.filter(header__iexact=header):
        if _matches(bytes(earlier.salt), bytes(earlier.digest), proof):
            known = earlier
    if known and known.retired_at is None:
        return known
    require_room(clinic)
    if known:
        known.retired_at = None
        known.save(update_fields=["retired_at"])
        return known
    salt = secrets.token_bytes(16)
    name = name or _next_name(clinic)
    return WebhookSecret.objects.create(
        clinic=clinic, name=name, header=header, salt=salt, digest=_digest(salt, proof)
    )


def _next_name(clinic: Clinic) -> str:
    """`secret-3`: short, because retiring it may ask to type it."""
    taken = set(clinic.webhook_secrets.values_list("name", flat=True))
    numbers = [int(name[7:]) for name in taken if name.startswith("secret-") and name[7:].isdecimal()]
    return f"secret-{max(numbers, default=0) + 1}"


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
