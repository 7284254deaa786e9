"""Group clinics by API key, and park a key that must not be used for now.

Two digests name a key. The *budget* (key alone) owns the one request a second. It is parked when the
vendor asks to slow down or is away. The *account* (key and client domain) is parked when the vendor
refuses it, so that a wrong domain of one clinic never stops another with the same key.
"""

from __future__ import annotations

import logging
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field

from django.db import transaction
from django.db.models import Q
from django.db.models.functions import Now

from clinics.models import Clinic
from common.encryption import WrongCredentialsKey
from tenovi.clock import seconds_from_now
from tenovi.models import KeyTurn, ParkedKey
from tenovi.outbound.limiter import key_digest

log = logging.getLogger(__name__)

Cause = ParkedKey.Cause

PAUSES: dict[str, tuple[float, float]] = {  # seconds: the first, doubling up to the last
    Cause.SLOW_DOWN: (2, 300),
    Cause.UNREACHABLE: (5, 60),
    Cause.OUTAGE: (10, 60),
    Cause.KEY_REFUSED: (900, 900),
    Cause.DOMAIN_UNKNOWN: (900, 900),
}
LONGEST_PAUSE = 3600.0  # seconds, whatever the vendor asks for
SHOWN_AFTER: dict[str, float] = {  # seconds after which every page shows the pause
    Cause.SLOW_DOWN: 60,
    Cause.UNREACHABLE: 30,
    Cause.OUTAGE: 10,
    Cause.KEY_REFUSED: 0,
    Cause.DOMAIN_UNKNOWN: 0,
}

OLDEST_EVERY = 8  # every eighth call goes to the request that has waited longest, whatever its priority

NOT_SET_UP = "No Tenovi API key and client domain are stored for this clinic."
UNREADABLE = "The stored API key cannot be read: CREDENTIALS_KEY is not the one it was stored with."


@dataclass(frozen=True, slots=True)
class VendorKey:
    """One API key and the clinics that share it."""

    api_key: str = field(repr=False)
    clinics: tuple[Clinic, ...]

    @property
    def budget(self) -> str:
        return key_digest(self.api_key)


def keys_of(clinics: Iterable[Clinic]) -> list[VendorKey]:
    """Group these clinics by key. Clinics without a readable key or without a client domain are left out."""
    sharing: dict[str, list[Clinic]] = defaultdict(list)
    for clinic in clinics:
        if key := _key_of(clinic):
            sharing[key].append(clinic)
    return [VendorKey(key, tuple(members)) for key, members in sharing.items()]


def clinics_that_may_call(key: VendorKey) -> tuple[Clinic, ...]:
    """Return the clinics of this key that are not parked."""
    scopes = {clinic.id: account_digest(key.api_key, clinic) for clinic in key.clinics}
    parked = _parked_now({key.budget, *scopes.values()})
    if key.budget in parked:
        return ()
    return tuple(clinic for clinic in key.clinics if scopes[clinic.id] not in parked)


def account_digest(api_key: str, clinic: Clinic) -> str:
    return key_digest(f"{clinic.tenovi_domain}\n{api_key}")


def is_turn_of_the_oldest(key: VendorKey) -> bool:
    """Whether the next call goes to the request that has waited longest.

    The count is in the database: the turn comes round however short a process lives, and however slow
    the vendor is.
    """
    return KeyTurn.objects.filter(budget=key.budget, calls__gte=OLDEST_EVERY - 1).exists()


def count_call(key: VendorKey) -> None:
    """Count a call with this key. Must be called with its lock held."""
    turn, _ = KeyTurn.objects.get_or_create(budget=key.budget)
    turn.calls = (turn.calls + 1) % OLDEST_EVERY
    turn.save(update_fields=["calls"])


@transaction.atomic
def park(scope: str, cause: str, reason: str, *, seconds: float | None = None) -> float:
    """Stop using this key or account for a while, twice as long as the last time.

    Returns the pause in seconds: at least `seconds`, at most `LONGEST_PAUSE`.
    """
    first, most = PAUSES[cause]
    row = ParkedKey.objects.select_for_update().filter(scope=scope, cause=cause).first()
    pause = min(row.pause * 2, most) if row else first
    pause = min(max(pause, seconds or 0), LONGEST_PAUSE)
    ParkedKey.objects.update_or_create(
        scope=scope,
        defaults={"cause": cause, "reason": reason, "pause": pause, "until": seconds_from_now(pause)},
    )
    return pause


def has_outage(key: VendorKey) -> bool:
    """Whether the vendor left calls with this key unanswered, and has not answered since."""
    return ParkedKey.objects.filter(scope=key.budget, cause=Cause.OUTAGE).exists()


def end_outage(key: VendorKey) -> None:
    """Unpark the key after any answer of the vendor."""
    ParkedKey.objects.filter(scope=key.budget, cause__in=[Cause.OUTAGE, Cause.UNREACHABLE]).delete()


def unpark(api_key: str, clinic: Clinic) -> None:
    """Unpark the key and the account after a call that succeeded."""
    ParkedKey.objects.filter(scope__in=[key_digest(api_key), account_digest(api_key, clinic)]).delete()


def why_nothing_is_sent(clinic: Clinic, *, for_seconds: float = 0) -> str:
    """Explain to an admin why nothing is sent.

    Returns "" while the key is in use, or will be again in `for_seconds`.
    """
    try:
        key = clinic.tenovi_api_key
    except WrongCredentialsKey:
        return UNREADABLE
    if not key or not clinic.tenovi_domain:
        return NOT_SET_UP
    scopes = [account_digest(key, clinic), key_digest(key)]
    rows = ParkedKey.objects.filter(scope__in=scopes, until__gt=seconds_from_now(for_seconds)).order_by(
        "-until"
    )
    return rows.values_list("reason", flat=True).first() or ""


def standing_problem(clinic: Clinic) -> str:
    """Explain a key that cannot work, or a pause that has lasted; "" for none and for a short pause."""
    try:
        key = clinic.tenovi_api_key
    except WrongCredentialsKey:
        return UNREADABLE
    if not key or not clinic.tenovi_domain:
        return NOT_SET_UP
    is_mended = ~Q(cause__in=[Cause.KEY_REFUSED, Cause.DOMAIN_UNKNOWN]) & Q(until__lte=seconds_from_now(-60))
    lasting = Q()
    for cause, seconds in SHOWN_AFTER.items():
        lasting |= Q(cause=cause, since__lte=seconds_from_now(-seconds))
    rows = ParkedKey.objects.filter(
        lasting, ~is_mended, scope__in=[account_digest(key, clinic), key_digest(key)]
    )
    return rows.order_by("-until").values_list("reason", flat=True).first() or ""


def parked_keys_of(clinic: Clinic) -> list[ParkedKey]:
    """Return the pauses of this clinic's key, including those that have ended and await a success."""
    try:
        key = clinic.tenovi_api_key
    except WrongCredentialsKey:
        return []
    return list(
        ParkedKey.objects.filter(scope__in=[account_digest(key, clinic), key_digest(key)]).order_by("since")
    )


def _parked_now(scopes: set[str]) -> set[str]:
    return set(ParkedKey.objects.filter(scope__in=scopes, until__gt=Now()).values_list("scope", flat=True))


def _key_of(clinic: Clinic) -> str:
    try:
        return clinic.tenovi_api_key if clinic.tenovi_domain else ""
    except WrongCredentialsKey:
        log.error("clinic %s: %s", clinic.slug, UNREADABLE)
        return ""
