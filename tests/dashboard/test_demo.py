"""The demo clinic has something to show on every page."""

from __future__ import annotations

import datetime

import pytest

from clinics.models import Clinic
from dashboard import demo
from devices.models import Gateway, GatewaySample
from tenovi.sandbox import simulation
from tests.factories import make_clinic

pytestmark = [pytest.mark.django_db, pytest.mark.clock]

NOW = datetime.datetime(2026, 10, 14, 12, tzinfo=datetime.UTC)


@pytest.fixture
def account() -> simulation.Clinic:
    return simulation.Clinic(demo.SEED, 24, 2, NOW)


@pytest.fixture
def clinic(account: simulation.Clinic) -> Clinic:
    clinic = make_clinic("demo")
    demo.add_account(clinic, account)
    demo.add_signals(clinic, account)
    return clinic


def test_every_gateway_was_asked_about_for_a_month(clinic: Clinic) -> None:
    gateways = Gateway.objects.for_clinic(clinic)
    assert gateways.count() > 15
    assert not gateways.filter(polled_at=None).exists()
    samples = GatewaySample.objects.for_clinic(clinic)
    assert samples.count() == gateways.count() * demo.SIGNALS
    assert samples.order_by("taken_at")[0].taken_at < NOW - datetime.timedelta(days=25)


def test_one_gateway_is_weak_and_one_was_never_heard(clinic: Clinic) -> None:
    levels = [gateway.signal_level for gateway in Gateway.objects.for_clinic(clinic)]
    assert (levels.count("poor"), levels.count("not known yet")) == (1, 1)
    assert {"fair", "good", "excellent"} <= set(levels)


def test_seeding_again_adds_nothing(clinic: Clinic, account: simulation.Clinic) -> None:
    before = GatewaySample.objects.for_clinic(clinic).count()
    assert demo.add_account(clinic, account) == (0, 0)
    assert demo.add_signals(clinic, account) == 0
    assert GatewaySample.objects.for_clinic(clinic).count() == before
