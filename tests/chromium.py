"""A real Chromium, and pages that fail their test when the browser complains.

`page` belongs to one test: it starts signed out, at 1440 × 900, and after the test no console
error, uncaught exception or breach of the Content-Security-Policy may have been seen.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from playwright.sync_api import Browser, BrowserContext, ConsoleMessage, Page, expect, sync_playwright
from pytest_django.live_server_helper import LiveServer

from launcher import browser as chromium

QUIET = [
    *("--disable-background-networking", "--disable-component-update", "--disable-sync", "--no-first-run"),
    *(
        "--disable-default-apps",
        "--disable-dev-shm-usage",
        "--disable-features=MediaRouter,OptimizationHints",
    ),
    "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1, EXCLUDE localhost",
]
PATIENCE = 60_000  # milliseconds: a busy machine is slow, not wrong
TELL_BREACHES = """
document.addEventListener("securitypolicyviolation", (breach) =>
  console.error(`refused by the content policy: ${breach.violatedDirective} ${breach.blockedURI}`));
"""


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    """One browser for the session; Playwright's own Node needs a library that minimal systems lack."""
    program = chromium.find()
    if program is None:
        raise RuntimeError("No Chromium on this machine: `make test` installs one.")
    if node := shutil.which("node"):
        os.environ["PLAYWRIGHT_NODEJS_PATH"] = node
    expect.set_options(timeout=PATIENCE)
    as_root = ["--no-sandbox"] if os.geteuid() == 0 else []
    with (
        sync_playwright() as playwright,
        playwright.chromium.launch(executable_path=program, args=[*QUIET, *as_root]) as running,
    ):
        yield running


@pytest.fixture
def complaints() -> list[str]:
    """What the browser complained about so far; a test that provokes an error clears it."""
    return []


@contextmanager
def profile(
    browser: Browser, server: LiveServer, complaints: list[str], **options: Any
) -> Iterator[BrowserContext]:
    """A browser profile of its own. Without a locale the charts' dates would fail."""
    with browser.new_context(
        base_url=server.url,
        locale="en-US",
        timezone_id="America/New_York",
        viewport={"width": 1440, "height": 900},
        reduced_motion="reduce",
        **options,
    ) as context:
        context.set_default_timeout(PATIENCE)
        context.add_init_script(TELL_BREACHES)
        context.on("console", lambda message: _note(message, complaints))
        context.on("weberror", lambda error: complaints.append(f"uncaught: {error.error}"))
        yield context
    assert not complaints, "\n".join(complaints)


@pytest.fixture
def context(browser: Browser, live_server: LiveServer, complaints: list[str]) -> Iterator[BrowserContext]:
    """The profile of this test."""
    with profile(browser, live_server, complaints) as context:
        yield context


@pytest.fixture
def page(context: BrowserContext) -> Page:
    """The first tab of this test's profile."""
    return context.new_page()


def _note(message: ConsoleMessage, complaints: list[str]) -> None:
    if message.type == "error":
        complaints.append(f"console: {message.text} ({message.location.get('url', '')})")
