"""What was set here and Tenovi has otherwise is work on the device's page."""

from __future__ import annotations

import pytest

from clinics.models import Role
from devices.models import DeviceProperty
from tests.factories import held_device, make_clinic
from tests.pages import signed_in, text_of

pytestmark = pytest.mark.django_db


def test_a_property_that_tenovi_does_not_have_as_it_was_set_is_work_and_shows_no_value() -> None:
    clinic = make_clinic("alpha")
    device = held_device(clinic, "tenovi-watch")
    fields = {"key": "step_goal", "wanted": "6000", "said": "7654"}
    row = DeviceProperty.objects.create(clinic=clinic, device=device, **fields)
    page, care_manager = f"/c/alpha/devices/{device.id}/", signed_in(clinic, Role.CARE_MANAGER)
    said = text_of(care_manager.get(page))
    assert "Tenovi does not have what was set here: Step goal." in said
    assert "A clinic admin can: open the properties." in said
    assert "7654" not in said
    assert "Open the properties" in text_of(signed_in(clinic, Role.CLINIC_ADMIN).get(page))
    row.said = "6000"
    row.save()
    assert "what was set here" not in text_of(care_manager.get(page))
