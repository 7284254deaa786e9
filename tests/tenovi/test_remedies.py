"""Each reason to wait has something that ends it, for whoever sees that it waits."""

from __future__ import annotations

import re

import pytest

from clinics.access import OPERATOR_PERMISSIONS, ROLE_PERMISSIONS, Permission
from tenovi.inbound.reasons import QUARANTINED
from tenovi.inbound.remedies import ENDS_IT, NEEDS, REMEDIES, Remedy, remedies_for
from tenovi.models.ledger import DeliveryKind
from tests.test_architecture import ROOT

WHO_SEES = {
    str(role): permissions
    for role, permissions in [*ROLE_PERMISSIONS.items(), ("operator", OPERATOR_PERMISSIONS)]
    if Permission.VIEW_DELIVERIES in permissions
}


def test_the_reasons_with_remedies_are_those_we_give() -> None:
    assert REMEDIES.keys() == QUARANTINED.keys()
    assert NEEDS.keys() == set(Remedy)


@pytest.mark.parametrize("reason", QUARANTINED)
def test_each_reason_has_something_that_ends_it_for_everybody_who_sees_it(reason: str) -> None:
    assert WHO_SEES
    for role, permissions in WHO_SEES.items():
        for kind in DeliveryKind.values:
            may = {remedy for remedy in remedies_for(reason, kind) if NEEDS[remedy] in permissions}
            assert may & ENDS_IT, f"{reason} of {kind} cannot be ended by {role}"


def test_what_concerns_a_patient_is_not_for_an_operator() -> None:
    for_patients = {Remedy.ACCEPT, Remedy.ASSIGN}
    assert not any(NEEDS[remedy] in OPERATOR_PERMISSIONS for remedy in for_patients)


def test_the_documented_remedies_are_those_there_are() -> None:
    page = (ROOT / "docs" / "reasons.md").read_text(encoding="utf-8")
    rows = dict(re.findall(r"^\| `(\w+)` \| ([^|]+) \|$", page, re.MULTILINE))
    assert rows == {
        code: ", ".join(remedy.label for remedy in remedies) for code, remedies in REMEDIES.items()
    }
