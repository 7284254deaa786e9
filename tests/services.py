"""A PostgreSQL and a Valkey of their own for the test session, started before Django's settings load.

Loaded by `-p tests.services` (see pyproject.toml). The same launcher as in `make run` starts them,
with durability traded for speed, unless DATABASE_URL and REDIS_URL name real ones. Where a run is spread
over processes (`-n`), each of them has its own; the one that only hands out tests has none.
"""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Generator
from pathlib import Path

import pytest

from launcher.servers import Servers
from tests.cluster import copy_cluster

SECRETS = {
    "SECRET_KEY": "a-key-for-tests-only-3f9c1d7be2a84650",
    "CREDENTIALS_KEY": "another-key-for-tests-only-8d2e6b1c04f7",
}
NOWHERE = {"DATABASE_URL": "postgresql://127.0.0.1:9/none", "REDIS_URL": "redis://127.0.0.1:9/0"}
UNWANTED = ("DEBUG", "PUBLIC_URL", "PORT", "TENOVI_BASE_URL", "TRUSTED_PROXY", "EMAIL_URL", "ALLOWED_HOSTS")


class Services:
    """The session's servers; also what tests of worker processes hand to those."""

    def __init__(self) -> None:
        self.folder = Path(tempfile.mkdtemp(prefix="vitaldays-tests-"))
        self.folder.chmod(0o711)  # PostgreSQL runs as another user when the tests run as root
        self.servers = Servers(self.folder, dict(os.environ), durable=False)
        self.migrated = not {"DATABASE_URL", "DATABASE_URL_FILE"} & os.environ.keys()

    def start(self) -> None:
        for name in UNWANTED:
            os.environ.pop(name, None)
        os.environ.update(SECRETS)
        os.environ["DJANGO_ALLOW_ASYNC_UNSAFE"] = "1"  # Playwright runs an event loop beside the tests
        if self.migrated:
            copy_cluster(self.folder, SECRETS)
        os.environ.update(self.servers.start())

    def stop(self) -> None:
        self.servers.stop()
        shutil.rmtree(self.folder, ignore_errors=True)


_services: list[Services] = []


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_load_initial_conftests(early_config: pytest.Config) -> Generator[None]:
    """Start the servers, or, where tests are handed out to other processes, only let the settings load."""
    spread = getattr(early_config.known_args_namespace, "numprocesses", None)  # unless xdist is missing
    if spread and "PYTEST_XDIST_WORKER" not in os.environ:
        if NOWHERE.keys() & os.environ.keys():
            raise pytest.UsageError(
                "Tests on servers that the environment names run in one process: without -n."
            )
        os.environ.update(SECRETS | NOWHERE)
    else:
        services = Services()
        _services.append(services)
        services.start()
    yield


def pytest_configure(config: pytest.Config) -> None:
    """Let pytest-django take the test database that was copied, which then ends with its cluster."""
    if any(services.migrated for services in _services):
        config.option.reuse_db = True


def pytest_sessionstart() -> None:
    """Before other processes are started: each looks for servers in the environment it is given."""
    if not _services:
        for name in NOWHERE:
            del os.environ[name]


@pytest.hookimpl(trylast=True)
def pytest_unconfigure() -> None:
    while _services:
        _services.pop().stop()
