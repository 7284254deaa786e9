"""Read what billing staff enter about a patient's periods."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django import forms

from common.forms import StyledForm
from common.iso_dates import DayField
from patients.models import PeriodAnchor, Program

ANCHOR_REASONS = (
    "The readings before it came late",
    "The readings before it were tests",
    "It was billed this way before",
    "Set-up was on this day",
)
"""Suggestions: any other words will do."""


class AnchorForm(StyledForm):
    """The date from which 30-day periods are counted, and the reason."""

    program = forms.ChoiceField(choices=Program.choices, widget=forms.HiddenInput)
    anchor = forms.IntegerField(required=False, min_value=1, max_value=2**63 - 1, widget=forms.HiddenInput)
    anchor_on = DayField(label="Count from")
    reason = forms.CharField(
        label="Why",
        max_length=200,
        error_messages={"required": "Say why in a few words: who audits a claim will ask."},
        widget=forms.TextInput({"list": "anchor-reasons", "autocomplete": "off"}),
    )

    def __init__(
        self, data: Mapping[str, Any] | None, *, program: str = "", anchor: PeriodAnchor | None = None
    ) -> None:
        initial = {
            "program": program,
            "anchor": anchor and anchor.id,
            "anchor_on": anchor and anchor.anchor_on,
        }
        super().__init__(data, initial=initial, auto_id=f"id_{program}_{anchor.id if anchor else 0}_%s")
