"""What people do on the pages, and what they read there."""

from __future__ import annotations

import csv
import datetime
import io
import time
from dataclasses import dataclass, field
from pathlib import Path

import pyotp
from django.urls import reverse
from playwright.sync_api import Locator, Page, expect

from clinics.models import Clinic, SecondFactor, User
from patients.models import Patient
from tests.factories import PASSWORD

Row = dict[str, str]


def sign_in(page: Page, user: User) -> None:
    """Through the form, from the front door to the page where this person's work starts."""
    page.goto("/")
    page.get_by_label("E-mail").fill(user.email)
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Sign in").click()
    if factor := SecondFactor.objects.filter(user=user).first():
        page.get_by_label("Code").fill(pyotp.TOTP(factor.secret).at(int(time.time())))
        page.get_by_role("button", name="Sign in").click()
    expect(page.get_by_role("navigation", name="Main")).to_be_visible()
    page.wait_for_load_state()


@dataclass
class Clicks:
    """The clicks a task may take; one too many fails."""

    allowed: int
    made: list[str] = field(default_factory=list)

    def on(self, target: Locator) -> None:
        """Click it, if the budget still allows one."""
        self.made.append(target.inner_text())
        assert len(self.made) <= self.allowed, f"More than {self.allowed} clicks: {self.made}"
        target.click()


def patient_named(clinic: Clinic, external_id: str) -> Patient:
    return Patient.objects.for_clinic(clinic).get(external_id=external_id)


def path_of(patient: Patient, query: str = "") -> str:
    return reverse("patient", args=[patient.clinic.slug, patient.id]) + query


def dates_of(cells: Locator) -> list[datetime.date]:
    """The dates that cells of a calendar or strip lead to."""
    paths: list[str] = cells.evaluate_all("cells => cells.map((cell) => cell.pathname)")
    return [datetime.date.fromisoformat(path.rstrip("/").rpartition("/")[2]) for path in paths]


def rows_of_csv(file: Path | bytes) -> list[Row]:
    content = file if isinstance(file, bytes) else file.read_bytes()
    return list(csv.DictReader(io.StringIO(content.decode())))


def charts_are_drawn(page: Page) -> None:
    """Wait until they are, where the page has any."""
    if page.locator("[data-chart]").count():
        expect(page.locator("[data-live-state]")).to_have_text("Live")
