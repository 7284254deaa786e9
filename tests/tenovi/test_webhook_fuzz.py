"""Whatever is posted: an answer of the public table, the bytes kept, and no element left hanging."""

from __future__ import annotations

import pytest
from hypothesis import given

from clinics.models import Clinic
from tests.factories import assign, make_clinic, make_device, make_patient
from tests.tenovi.any_json import DEVICE, anything, check, nearly_readings, tried

pytestmark = pytest.mark.django_db


@pytest.fixture
def clinic() -> Clinic:
    clinic = make_clinic("alpha")
    assign(make_device(clinic, hwi_device_id=DEVICE.hwi_device_id), make_patient(clinic))
    return clinic


@tried(60)
@given(body=nearly_readings())
def test_an_element_with_anything_in_any_member(clinic: Clinic, body: bytes) -> None:
    check(clinic, body)


@tried(60)
@given(body=anything)
def test_any_json_and_any_bytes(clinic: Clinic, body: bytes) -> None:
    check(clinic, body)
