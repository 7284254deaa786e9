"""Long tests that break servers on purpose: they run when this folder is named (`make test-faults`)."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from pytest_django import DjangoDbBlocker

from clinics.models import Clinic
from devices.models import Device
from tests.factories import held_device
from tests.faults.house import House
from tests.faults.ledger import readings
from tests.vendor import empty_account, vendor_clinic
from tests.vendor_stub import VendorStub


def pytest_ignore_collect(collection_path: Path, config: pytest.Config) -> bool | None:
    return None if any("faults" in argument for argument in config.args) else True


@pytest.fixture(scope="session")
def prepared() -> Iterator[Path]:
    """A database cluster with all tables and no rows, which every house starts from a copy of."""
    house = House()
    try:
        house.start_servers()
        house.prepare()
        house.postgres.stop()
        yield house.postgres.folder
    finally:
        house.close()


@pytest.fixture(scope="module")
def house(prepared: Path, django_db_blocker: DjangoDbBlocker) -> Iterator[House]:
    """Servers and web process of this module alone; the ORM works on them."""
    house = House(prepared)
    try:
        house.start_servers()
        house.start_web()
        with django_db_blocker.unblock(), house.as_our_database():
            yield house
    finally:
        house.close()


@pytest.fixture(scope="module")
def vendor(house: House) -> Iterator[VendorStub]:
    """The vendor of this house, and the workers that speak to it."""
    with VendorStub() as running:
        empty_account(running)
        house.environment["TENOVI_BASE_URL"] = running.url
        house.start_workers()
        yield running


@pytest.fixture(scope="module")
def clinic(house: House) -> Clinic:
    return vendor_clinic()


@pytest.fixture(scope="module")
def device(clinic: Clinic) -> Device:
    return held_device(clinic)


@pytest.fixture(scope="module")
def bodies(device: Device) -> Iterator[bytes]:
    """Deliveries of one reading each, no two in the module alike."""
    return readings(device)
