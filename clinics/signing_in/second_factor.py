"""The second factor: six digits from an authenticator app (RFC 6238), or a recovery code.

A code of the app is accepted for its own 30 seconds and the 30 before and after, once. Recovery
codes have 79 random bits, so a plain hash of them cannot be searched; each works once.
"""

from __future__ import annotations

import hashlib
import re
import secrets
from typing import Final

import pyotp
import segno
from django.conf import settings
from django.db import transaction
from django.utils import timezone
from django.utils.safestring import SafeString

from clinics.models import Membership, RecoveryCode, Role, SecondFactor, User
from common.encryption import encrypt

STEP: Final = 30  # seconds
RECOVERY_CODES: Final = 10
ALPHABET: Final = "23456789abcdefghjkmnpqrstuvwxyz"  # nothing that reads like something else
LENGTH: Final = 16


def has_second_factor(user: User) -> bool:
    return SecondFactor.objects.filter(user=user, confirmed_at__isnull=False).exists()


def needs_second_factor(user: User) -> bool:
    """Whether this person must have one: operators, clinic admins, and whoever's clinic says so."""
    if settings.DEMO:
        return False
    if user.is_operator:
        return True
    memberships = Membership.objects.filter(user=user).values_list("role", "clinic__second_factor_required")
    return any(role == Role.CLINIC_ADMIN or required for role, required in memberships)


def begin(user: User) -> SecondFactor:
    """A secret for the person's app, the same one until a first code proves that the app has it."""
    factor, _ = SecondFactor.objects.get_or_create(
        user=user, defaults={"secret_encrypted": encrypt(pyotp.random_base32())}
    )
    return factor


def qr_code(factor: SecondFactor) -> SafeString:
    """The secret as inline SVG without styles, for the app's camera."""
    address = pyotp.TOTP(factor.secret).provisioning_uri(name=factor.user.email, issuer_name="Vitaldays")
    drawn = segno.make(address, error="m").svg_inline(scale=5, border=4, light="#fff", omitsize=True)
    return SafeString(drawn)  # drawn from the secret alone; it holds paths, no text


@transaction.atomic
def confirm(user: User, code: str) -> list[str]:
    """Make the factor count if this first code fits; fresh recovery codes, or [] when it does not."""
    factor = SecondFactor.objects.filter(user=user, confirmed_at__isnull=True).first()
    if factor is None or not _accept(factor, code):
        return []
    SecondFactor.objects.filter(pk=factor.pk).update(confirmed_at=timezone.now())
    return new_recovery_codes(user)


def check(user: User, code: str) -> bool:
    """Whether this is a good code of the app or a recovery code; either is used up by it."""
    factor = SecondFactor.objects.filter(user=user, confirmed_at__isnull=False).first()
    return factor is not None and (_accept(factor, code) or _use_recovery_code(user, code))


@transaction.atomic
def new_recovery_codes(user: User) -> list[str]:
    """Ten codes in place of any earlier ones. Only digests are kept: show them now or never."""
    RecoveryCode.objects.filter(user=user).delete()
    codes = ["".join(secrets.choice(ALPHABET) for _ in range(LENGTH)) for _ in range(RECOVERY_CODES)]
    RecoveryCode.objects.bulk_create(RecoveryCode(user=user, digest=_digest(user, code)) for code in codes)
    return ["-".join(code[start : start + 4] for start in range(0, LENGTH, 4)) for code in codes]


@transaction.atomic
def remove(user: User) -> None:
    SecondFactor.objects.filter(user=user).delete()
    RecoveryCode.objects.filter(user=user).delete()


def _accept(factor: SecondFactor, code: str) -> bool:
    digits = "".join(code.split())
    if not re.fullmatch(r"[0-9]{6}", digits):
        return False
    totp, now = pyotp.TOTP(factor.secret), int(timezone.now().timestamp()) // STEP
    for step in (now - 1, now, now + 1):
        if secrets.compare_digest(totp.at(step * STEP), digits):
            # Two requests with the same code: one of them finds the step taken.
            unused = SecondFactor.objects.filter(pk=factor.pk, last_step__lt=step)
            return unused.update(last_step=step) == 1
    return False


def _use_recovery_code(user: User, code: str) -> bool:
    plain = re.sub(r"[\s-]", "", code).lower()
    used, _ = RecoveryCode.objects.filter(user=user, digest=_digest(user, plain)).delete()
    return used == 1


def _digest(user: User, code: str) -> bytes:
    return hashlib.sha256(user.id.bytes + code.encode("utf-8", "replace")).digest()
