"""What people say about a reading."""

from __future__ import annotations

from django import forms

EXCLUSION_REASONS = (
    "Someone else used the device",
    "Measured wrongly",
    "The device was being tried out",
    "The device was faulty",
)
RESTORATION_REASONS = ("Excluded by mistake", "The patient confirmed the reading")
"""Suggestions: any other words will do."""


class ReasonForm(forms.Form):
    """Why a reading is excluded or restored."""

    reason = forms.CharField(
        max_length=200,
        error_messages={"required": "Say why in a few words: the next person to look will ask."},
    )
    together = forms.BooleanField(required=False)  # also what the device measured at the same moment
