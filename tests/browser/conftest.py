"""One small clinic as a person meets it: six weeks of history, seen at a fixed moment.

The server runs in this process, so that moving the clock moves it for the pages too. The moment
lies in the past: PostgreSQL keeps its own clock, and to it nothing may lie in the future.
"""

from __future__ import annotations

import datetime
from collections.abc import Callable, Iterator

import pytest
import time_machine
from django.conf import settings
from django.test import Client
from playwright.sync_api import BrowserContext
from pytest_django.live_server_helper import LiveServer

from clinics.models import Clinic, Role, User
from dashboard import demo
from dashboard.devices.gateway_alerts import watch_gateways
from tenovi.sandbox import simulation
from tests.browser import snapshot
from tests.browser.snapshot import Snapshot
from tests.factories import make_clinic, make_user

NOW = datetime.datetime(2025, 11, 19, 15, tzinfo=datetime.UTC)
"""A Wednesday, ten in the morning at the clinic: 18 dates of November are over, 12 may still count."""
PATIENTS, DAYS = 24, 50

Enter = Callable[[User], None]


@pytest.fixture(autouse=True)
def clock() -> Iterator[None]:
    with time_machine.travel(NOW, tick=True):
        yield


@pytest.fixture(scope="session")
def rows_of_clinic() -> Snapshot:
    """The rows of `clinic`, once a test has made them."""
    return {}


@pytest.fixture
def clinic(clock: None, transactional_db: None, rows_of_clinic: Snapshot) -> Clinic:
    """The demo account from the first of October on, but for its watches: two thirds of the rows,
    and none of them counted."""
    if rows_of_clinic:
        snapshot.put_back(rows_of_clinic)
        return Clinic.objects.get()
    clinic = make_clinic("demo", name="Demo Clinic")
    account = simulation.Clinic(demo.SEED, PATIENTS, DAYS, NOW)
    account.devices = [device for device in account.devices if device.kind.slug != "tenovi-watch"]
    demo.add_account(clinic, account)
    demo.add_signals(clinic, account)
    demo.add_shipping(clinic, account)
    sum(demo.add_history(clinic, account))
    watch_gateways(clinic, NOW)
    rows_of_clinic.update(snapshot.take())
    return clinic


@pytest.fixture
def care_manager(clinic: Clinic) -> User:
    return make_user("care@demo.test", clinic, Role.CARE_MANAGER)


@pytest.fixture
def admin(clinic: Clinic) -> User:
    return make_user("admin@demo.test", clinic, Role.CLINIC_ADMIN)


@pytest.fixture
def billing(clinic: Clinic) -> User:
    return make_user("billing@demo.test", clinic, Role.BILLING)


@pytest.fixture
def operator(transactional_db: None) -> User:
    return make_user("operator@demo.test", is_operator=True)


@pytest.fixture
def enter(context: BrowserContext, live_server: LiveServer) -> Enter:
    """Makes the browser somebody's who has signed in already."""

    def enter(user: User) -> None:
        client = Client()
        client.force_login(user)
        session = client.cookies[settings.SESSION_COOKIE_NAME].value
        context.add_cookies(
            [{"name": settings.SESSION_COOKIE_NAME, "value": session, "url": live_server.url}]
        )

    return enter
