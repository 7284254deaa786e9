"""Start reading the vendor's whole account when a person asks for it."""

from __future__ import annotations

from django.db import transaction

from clinics import audit
from clinics.models import Clinic, User
from devices.models import NightlySync
from devices.sync import ask_for_everything, night_of


@transaction.atomic
def start_now(*, clinic: Clinic, by: User) -> None:
    """Start reading the whole account. What is under way goes on where it is."""
    ask_for_everything(clinic, insist=True)
    NightlySync.objects.for_clinic(clinic).get_or_create(clinic=clinic, night=night_of(clinic))
    audit.record("account_sync_started", by=by, clinic=clinic, target=clinic)
