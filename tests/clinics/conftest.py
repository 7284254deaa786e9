"""Passwords that are quick to check: the tests here sign in hundreds of times."""

from __future__ import annotations

import pytest
from django.contrib.auth.hashers import Argon2PasswordHasher
from pytest_django.fixtures import Settings


class QuickArgon2(Argon2PasswordHasher):
    """The same hash at the least cost it can have."""

    time_cost, memory_cost, parallelism = 1, 8, 1


@pytest.fixture(autouse=True)
def quick_passwords(settings: Settings) -> None:
    settings.PASSWORD_HASHERS = [f"{__name__}.QuickArgon2", *settings.PASSWORD_HASHERS]
