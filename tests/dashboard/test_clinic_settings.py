"""A clinic's settings and key by page: what is kept, refused, tried first, and worked out anew."""

from __future__ import annotations

import datetime

import pytest
from django.test import Client
from django.utils.translation import get_language

from clinics.models import AuditEvent, Clinic, Locale, Role
from measurements.models import Measurement, VitalDay
from measurements.rezone import follow_time_zones
from tests.factories import deliver, element, held_device, make_user
from tests.vendor import vendor_clinic, wire_page
from tests.vendor_stub import DOMAIN, Reply, VendorStub

pytestmark = [pytest.mark.django_db, pytest.mark.clock]

TYPES = "/hwi/hwi-device-types/"
GOOD = {
    "name": "Alpha Heart",
    "timezone": "America/Denver",
    "locale": "en-gb",
    "billing_window": "30-day",
    "idle_minutes": "10",
}


@pytest.fixture
def clinic() -> Clinic:
    return vendor_clinic()


@pytest.fixture
def page(clinic: Clinic) -> Client:
    client = Client()
    client.force_login(make_user("admin@alpha.test", clinic, Role.CLINIC_ADMIN))
    return client


def test_settings_are_kept_with_before_and_after_in_the_record(page: Client, clinic: Clinic) -> None:
    assert page.post("/c/alpha/settings/", {**GOOD, "second_factor_required": "on"}).status_code == 302
    clinic.refresh_from_db()
    assert (clinic.name, clinic.idle_minutes, clinic.second_factor_required) == ("Alpha Heart", 10, True)
    assert AuditEvent.objects.get(action="clinic_changed").detail == {
        "name": ["Alpha", "Alpha Heart"],
        "timezone": ["America/New_York", "America/Denver"],
        "locale": ["en-us", "en-gb"],
        "billing_window": ["month", "30-day"],
        "idle_minutes": [15, 10],
        "second_factor_required": [False, True],
    }


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"timezone": "Denver"}, "is not a time zone"),
        ({"timezone": "localtime"}, "is not a time zone"),
        ({"idle_minutes": "0"}, "greater than or equal to 1"),
        ({"idle_minutes": "soon"}, "whole number"),
        ({"name": ""}, "required"),
        ({"name": "A\0"}, "Null characters"),
    ],
)
def test_a_bad_setting_is_named_beside_its_field_and_nothing_typed_is_lost(
    page: Client, clinic: Clinic, wrong: dict[str, str], message: str
) -> None:
    said = page.post("/c/alpha/settings/", {**GOOD, **wrong}).content.decode()
    assert message in said
    assert 'aria-invalid="true"' in said
    typed = [text for text in {**GOOD, **wrong}.values() if "\0" not in text]
    assert all(f'value="{text}"' in said for text in typed if text)
    assert '<option value="30-day" selected>' in said
    assert Clinic.objects.get() == clinic
    assert Clinic.objects.get().name == "Alpha"


def test_another_time_zone_moves_readings_to_other_dates(page: Client, clinic: Clinic) -> None:
    """03:30 UTC is the evening before in New York and in Denver, and the same day in London."""
    device = held_device(clinic)
    moment = "2025-03-04T03:30:00Z"
    deliver(clinic, element(device, timestamp=moment, created=moment, timezone_offset=None))
    assert VitalDay.objects.for_clinic(clinic).get().local_date == datetime.date(2025, 3, 3)
    page.post("/c/alpha/settings/", {**GOOD, "timezone": "Europe/London"})
    assert "worked out anew" in page.get("/c/alpha/settings/").content.decode()
    assert follow_time_zones() == 1
    assert Measurement.objects.for_clinic(clinic).get().local_date == datetime.date(2025, 3, 4)
    assert VitalDay.objects.for_clinic(clinic).get().local_date == datetime.date(2025, 3, 4)
    assert "worked out anew" not in page.get("/c/alpha/settings/").content.decode()
    assert follow_time_zones() == 0


def test_a_key_the_vendor_takes_replaces_the_old_one(page: Client, clinic: Clinic, stub: VendorStub) -> None:
    stub.reply(TYPES, wire_page())
    answer = page.post("/c/alpha/vendor-key/", {"tenovi_domain": DOMAIN, "api_key": "brand-new-key-4711"})
    assert answer.status_code == 302
    clinic.refresh_from_db()
    assert clinic.tenovi_api_key == "brand-new-key-4711"
    said = page.get("/c/alpha/vendor-key/").content.decode()
    assert "<code>4711</code>" in said
    assert "brand-new-key" not in said
    assert "brand-new-key" not in repr(list(AuditEvent.objects.values_list("detail", flat=True)))
    assert AuditEvent.objects.get(action="api_key_replaced").detail == {"api_key": "replaced"}


@pytest.mark.parametrize("status", [403, 404, 500])
def test_a_key_the_vendor_refuses_leaves_the_old_one(
    page: Client, clinic: Clinic, stub: VendorStub, status: int
) -> None:
    before = clinic.tenovi_api_key
    stub.reply(TYPES, Reply(status))
    said = page.post("/c/alpha/vendor-key/", {"tenovi_domain": DOMAIN, "api_key": f"refused-{status}"})
    assert "The key in use stays." in said.content.decode()
    clinic.refresh_from_db()
    assert clinic.tenovi_api_key == before


@pytest.mark.parametrize("key", ["", "with blank", "schlüssel", "line\nbreak"])
def test_what_cannot_be_a_key_is_not_even_tried(page: Client, stub: VendorStub, key: str) -> None:
    said = page.post("/c/alpha/vendor-key/", {"tenovi_domain": DOMAIN, "api_key": key})
    assert 'aria-invalid="true"' in said.content.decode()
    assert stub.asked == []


def test_pages_of_a_clinic_are_in_its_locale_and_others_are_not(page: Client, clinic: Clinic) -> None:
    assert '<html lang="en-us">' in page.get("/c/alpha/settings/").content.decode()
    page.post("/c/alpha/settings/", GOOD)
    assert '<html lang="en-gb">' in page.get("/c/alpha/settings/").content.decode()
    assert '<html lang="en-us">' in page.get("/account/").content.decode()
    assert page.get("/api/v1/clinics/alpha/patients/").status_code == 200
    assert get_language() == Locale.AMERICAN
