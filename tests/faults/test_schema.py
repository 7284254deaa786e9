"""Thousands of calls that the API's description allows, or nearly: every answer is as described."""

from __future__ import annotations

import pytest

from clinics.models import Role
from tests.factories import credentials, make_user
from tests.rest import token_of
from tests.schema import DOORS, ask_everything, world

pytestmark = [pytest.mark.django_db, pytest.mark.timeout(1800)]

EXAMPLES = 200


@pytest.mark.parametrize("role", Role.values)
def test_people_are_answered_as_described(role: str) -> None:
    clinic = world("alpha")
    ask_everything(
        clinic, {"Authorization": token_of(make_user("a@alpha.test", clinic, role))}, examples=EXAMPLES
    )


def test_the_vendor_is_answered_as_described() -> None:
    clinic = world("alpha")
    ask_everything(clinic, {"Authorization": credentials(clinic)}, examples=EXAMPLES, only=DOORS)
