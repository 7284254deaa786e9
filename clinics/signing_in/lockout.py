"""How many failed sign-ins are too many: django-axes counts them, by account and by address.

An address is allowed more than an account: a whole clinic may sit behind one. Webhook doors have
credentials of their own and are never counted. An account that does not exist is locked like any other.
"""

from __future__ import annotations

from typing import Any

from axes.handlers.database import AxesDatabaseHandler
from axes.handlers.proxy import AxesProxyHandler
from axes.helpers import get_client_username
from axes.models import AccessAttempt
from django.conf import settings
from django.contrib.auth.backends import BaseBackend
from django.http import HttpRequest

from clinics.models import User
from clinics.signing_in import second_factor
from common.client_address import caller_address

ADDRESS_FACTOR = 10
"""Failures of an address weigh a tenth of those of an account."""


class Lockout(AxesDatabaseHandler):  # type: ignore[misc]
    """axes' record in the database, with a limit of its own for addresses."""

    def get_failures(self, request: HttpRequest, credentials: dict[str, Any] | None = None) -> int:
        by_account, by_address = (
            sum(attempts.values_list("failures_since_start", flat=True))
            for attempts in self.get_user_attempts(request, credentials)
        )
        return int(max(by_account, by_address // ADDRESS_FACTOR))

    def reset_user_attempts(self, request: HttpRequest, credentials: dict[str, Any] | None = None) -> int:
        """A good sign-in forgives the account, not the address: else whoever owns one account could
        go on trying others."""
        deleted, _ = AccessAttempt.objects.filter(username=get_client_username(request, credentials)).delete()
        return int(deleted)


class SecondFactorBackend(BaseBackend):
    """The second step of signing in, as a step of `authenticate`, so that its failures count too."""

    def authenticate(  # type: ignore[override]
        self, request: HttpRequest | None, username: str, code: str
    ) -> User | None:
        user = User.objects.filter(email=username, is_active=True).first()
        return user if user and second_factor.check(user, code) else None

    def get_user(self, user_id: Any) -> User | None:
        return User.objects.filter(pk=user_id, is_active=True).first()


def address_of(request: HttpRequest) -> str | None:
    return caller_address(request.META)


def account_of(request: HttpRequest, credentials: dict[str, Any] | None) -> str:
    """The account that is tried, however its address is typed; cut to what the column holds."""
    return str((credentials or {}).get("username") or "").strip().lower()[:255]


def is_locked(request: HttpRequest, email: str) -> bool:
    return not AxesProxyHandler.is_allowed(request, {"username": email})


def minutes() -> int:
    return int(settings.AXES_COOLOFF_TIME.total_seconds() // 60)
