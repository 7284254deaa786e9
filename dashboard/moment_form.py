"""Ask since when, by the clinic's clock."""

from __future__ import annotations

import datetime
from typing import Any

from django import forms
from django.utils import timezone

from clinics.models import Clinic
from common.forms import StyledForm
from common.iso_dates import DayField


class MomentForm(StyledForm):
    """`since` is the entered moment, None while there is none."""

    day = DayField(label="From this date")
    time = forms.TimeField(label="and this time", widget=forms.TimeInput({"type": "time"}, format="%H:%M"))

    def __init__(self, clinic: Clinic, *args: Any, **kwargs: Any) -> None:
        now = timezone.now().astimezone(clinic.zone)
        kwargs["initial"] = {"day": clinic.today(now), "time": now.time().replace(second=0, microsecond=0)}
        super().__init__(*args, **kwargs)
        self.clinic = clinic

    def clean(self) -> dict[str, Any]:
        if self.since and self.since > timezone.now():
            self.add_error("day", "This has not come yet. Say it when it has happened.")
        return self.cleaned_data

    @property
    def since(self) -> datetime.datetime | None:
        day, time = self.cleaned_data.get("day"), self.cleaned_data.get("time")
        return datetime.datetime.combine(day, time, self.clinic.zone) if day and time else None
