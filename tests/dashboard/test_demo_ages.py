"""A demo that has stood for days still shows gateways as they are."""

from __future__ import annotations

import datetime
import itertools
import uuid

import pytest
from django.utils import timezone
from pytest_django import Settings

from clinics.models import Clinic
from dashboard import demo
from dashboard.devices.gateway_alerts import watch_gateways
from devices.models import Gateway
from devices.sync import poll_gateways
from patients.models import Alert
from tenovi.outbound.sender import drain
from tenovi.sandbox import simulation
from tests.factories import make_clinic
from tests.sandbox_server import Sandbox

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.clock]

DAY = datetime.timedelta(days=1)


@pytest.fixture
def clinic(settings: Settings, sandbox: Sandbox) -> Clinic:
    """Filled the day before yesterday; nothing ran since."""
    settings.TENOVI_SPACING_SECONDS = 0.01
    settings.TENOVI_BASE_URL = sandbox.url
    key = f"key-{uuid.uuid4()}"
    sandbox.control("settings", {"rate_seconds": 0})
    sandbox.control("keys", {"keys": [key]})
    clinic = make_clinic("demo", tenovi_domain=sandbox.domain)
    clinic.tenovi_api_key = key
    clinic.save()
    account = simulation.Clinic(demo.SEED, 24, 2, timezone.now() - 2 * DAY)
    demo.add_account(clinic, account)
    demo.add_signals(clinic, account)
    return clinic


def silent(clinic: Clinic) -> int:
    return sum(gateway.silent_since is not None for gateway in Gateway.objects.for_clinic(clinic))


def test_gateways_are_heard_again_and_nobody_was_called_meanwhile(clinic: Clinic) -> None:
    watch_gateways(clinic, timezone.now())
    assert silent(clinic) > 10
    assert not Alert.objects.for_clinic(clinic).filter(kind="gateway_silent").exists()
    poll_gateways()
    while drain().sent:
        pass
    assert silent(clinic) == 0


def test_a_live_reading_is_the_last_contact_of_its_gateway(sandbox: Sandbox) -> None:
    gateways = sandbox.call("/hwi/hwi-gateways/", page="1").json()["results"]
    named = {row["gateway_uuid"].upper() for row in gateways}
    read = itertools.chain.from_iterable(iter(lambda: sandbox.control("live")["rows"], None))
    row = next(row for row in read if row["hardware_uuid"].upper() in named)
    sandbox.control("settings", {"rate_seconds": 0})
    info = sandbox.call(f"/hwi/gateway-info/{row['hardware_uuid']}/").json()
    assert info["last_checkin_time"] >= row["created"]
