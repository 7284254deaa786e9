"""What browsers are told, what cookies are like, and two habits that a scanner cannot judge."""

from __future__ import annotations

import ast
import inspect
import json
import os
import re
import subprocess
import sys
from collections.abc import Iterator

import pytest
from django.test import Client
from pytest_django.fixtures import Settings

from clinics.models import Role
from config.celery import app
from tests.factories import make_clinic, make_user
from tests.test_architecture import MODULES, ROOT, imports_of, named, tree

HEADERS = {
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Permissions-Policy": "camera=(), microphone=(), geolocation=(), payment=(), usb=()",
    "Strict-Transport-Security": "max-age=31536000; includeSubDomains",
}
POLICY = {
    "default-src": "'self'",
    "script-src": "'self'",
    "style-src": "'self'",
    "img-src": "'self' data:",
    "font-src": "'self'",
    "connect-src": "'self'",
    "object-src": "'none'",
    "base-uri": "'none'",
    "frame-ancestors": "'none'",
    "form-action": "'self'",
}
PAGES = ("/", "/sign-in/", "/password/", "/account/", "/c/alpha/patients/", "/nowhere/", "/c/beta/patients/")
DATA = ("/c/alpha/record/export.csv", "/api/v1/clinics/alpha/patients/")


@pytest.fixture
def browser() -> Client:
    client = Client()
    client.force_login(make_user("admin@alpha.test", make_clinic("alpha"), Role.CLINIC_ADMIN))
    return client


@pytest.mark.django_db
@pytest.mark.parametrize("path", PAGES + DATA)
def test_every_answer_has_the_headers(browser: Client, settings: Settings, path: str) -> None:
    settings.SECURE_HSTS_SECONDS, settings.SECURE_HSTS_INCLUDE_SUBDOMAINS = 365 * 24 * 3600, True
    answer = browser.get(path, secure=True)
    assert {name: answer[name] for name in HEADERS} == HEADERS
    policy = (part.strip().partition(" ") for part in answer["Content-Security-Policy"].split(";"))
    assert {name: value for name, _, value in policy} == POLICY
    assert "no-store" in answer["Cache-Control"]


@pytest.mark.django_db
def test_there_is_no_admin_site_and_no_browsable_api(browser: Client) -> None:
    assert browser.get("/admin/").status_code == 404
    answer = browser.get("/api/v1/clinics/alpha/patients/", headers={"Accept": "text/html"})
    assert answer["Content-Type"] == "application/json"


@pytest.mark.django_db
def test_a_post_without_its_token_changes_nothing(browser: Client) -> None:
    strict = Client(enforce_csrf_checks=True)
    strict.cookies = browser.cookies
    assert strict.post("/c/alpha/people/", {"do": "invite"}).status_code == 403
    assert strict.post("/sign-in/", {}).status_code == 403


def told_by(**environment: str) -> subprocess.CompletedProcess[str]:
    """What the settings say in a process of this environment."""
    names = "SESSION_COOKIE_NAME CSRF_COOKIE_NAME SESSION_COOKIE_SECURE CSRF_COOKIE_SECURE DEBUG DEMO "
    names += "SESSION_COOKIE_HTTPONLY CSRF_COOKIE_HTTPONLY SESSION_COOKIE_SAMESITE CSRF_COOKIE_SAMESITE "
    names += "SECURE_HSTS_SECONDS"
    program = (
        "import json; from django.conf import settings;"
        f"print(json.dumps([getattr(settings, name) for name in {names.split()!r}]))"
    )
    inherited = {name: value for name, value in os.environ.items() if name not in ("PUBLIC_URL", "DEBUG")}
    return subprocess.run(
        [sys.executable, "-c", program],
        cwd=ROOT,
        env={**inherited, "DJANGO_SETTINGS_MODULE": "config.settings", **environment},
        capture_output=True,
        text=True,
        check=False,
    )


def test_cookies_are_for_this_host_over_tls_and_out_of_reach_of_scripts() -> None:
    told = json.loads(told_by(PUBLIC_URL="https://vitaldays.example").stdout)
    assert told == [
        *("__Host-session", "__Host-csrf", True, True, False, False),
        *(True, True, "Lax", "Lax", 365 * 24 * 3600),
    ]


def test_the_demo_is_for_this_machine_alone() -> None:
    refused = told_by(PUBLIC_URL="https://vitaldays.example", DEMO="1")
    assert "DEMO is for 127.0.0.1 alone" in refused.stderr
    assert told_by(DEMO="1").returncode == 0


def calls(*names: str) -> Iterator[tuple[str, ast.expr]]:
    """Each call of a function of these names in our code, as `file:line`, and its first argument."""
    for path in MODULES:
        for node in ast.walk(tree(path)):
            if isinstance(node, ast.Call) and node.args:
                name = getattr(node.func, "id", None) or getattr(node.func, "attr", None)
                if name in names:
                    yield f"{named(path)}:{node.lineno}", node.args[0]


def test_only_constant_markup_is_called_safe() -> None:
    """One exception: the QR code that segno draws from a secret."""
    loose = [place for place, text in calls("mark_safe", "SafeString") if not isinstance(text, ast.Constant)]
    assert [place for place in loose if not place.startswith("clinics/signing_in/second_factor.py:")] == []


def test_no_value_is_put_into_the_text_of_a_query() -> None:
    """What is executed is named or constant; texts that are put together are so at import."""
    made = (ast.JoinedStr, ast.BinOp, ast.Call)
    allowed = [
        place
        for place, text in calls("execute", "executemany", "RawSQL", "raw")
        if isinstance(text, made) and not place.startswith("launcher/")
    ]
    assert allowed == []


def test_nothing_is_made_of_bytes_but_data() -> None:
    """Formats that run code while they are read, and code made of text."""
    running = {"pickle", "marshal", "shelve", "dill", "yaml", "joblib"}
    assert {
        (named(path), name) for path in MODULES for name in imports_of(tree(path)) if name in running
    } == set()
    assert [place for place, _ in calls("eval", "exec") if not place.startswith("launcher/")] == []


def test_no_name_that_a_browser_sent_becomes_a_name_in_a_query() -> None:
    """`filter(**request.GET)` would let anybody ask through any relation."""
    unpacked = [
        f"{named(path)}:{node.value.lineno}"
        for path in MODULES
        for node in ast.walk(tree(path))
        if isinstance(node, ast.keyword)
        and node.arg is None
        and {"GET", "POST", "data", "query_params"}
        & {getattr(part, "attr", "") for part in ast.walk(node.value)}
    ]
    assert unpacked == []


def test_certificates_are_always_checked() -> None:
    unchecked = [
        f"{named(path)}:{node.value.lineno}"
        for path in MODULES
        for node in ast.walk(tree(path))
        if isinstance(node, ast.keyword)
        and node.arg == "verify"
        and getattr(node.value, "value", None) is False
    ]
    assert unchecked == []


def test_only_letters_are_written_without_escaping() -> None:
    unescaped = {
        str(path.relative_to(ROOT / "templates").parent)
        for path in (ROOT / "templates").rglob("*.*")
        if re.search(r"\|\s*safe\b|autoescape off", path.read_text(encoding="utf-8"))
    }
    assert unescaped == {"clinics/letters"}


def test_what_is_installed_is_named_by_its_hash() -> None:
    for name in ("requirements.txt", "requirements-dev.txt"):
        pins = re.split(r"\n(?=\S)", (ROOT / name).read_text(encoding="utf-8"))
        pinned = [pin for pin in pins if re.match(r"[\w.-]+(\[\w+\])?==", pin)]
        assert pinned
        assert [pin.splitlines()[0] for pin in pinned if "--hash=sha256:" not in pin] == []


def test_a_wake_up_carries_nothing_and_brings_nothing_back() -> None:
    """So the broker never holds a patient: tasks look for their work in PostgreSQL."""
    app.loader.import_default_modules()
    tasks = {name: task for name, task in app.tasks.items() if not name.startswith("celery.")}
    assert len(tasks) > 5
    for name, task in tasks.items():
        signature = inspect.signature(inspect.unwrap(task.run))
        assert (list(signature.parameters), signature.return_annotation) == ([], "None"), name
    assert (app.conf.task_serializer, app.conf.accept_content) == ("json", ["json"])
    assert app.conf.task_ignore_result is True


@pytest.mark.django_db
@pytest.mark.parametrize("path", ["/healthz", "/readyz", "/nowhere/", "/sign-in/"])
def test_nobody_learns_what_runs_here(path: str) -> None:
    answer = Client().get(path)
    said = f"{answer.headers} {answer.content.decode()}"
    assert re.search(r"(django|python|postgres|granian|celery|redis)\W{0,3}\d", said, re.IGNORECASE) is None
    assert not {"Server", "X-Powered-By"} & set(answer.headers)
