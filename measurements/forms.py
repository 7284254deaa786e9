"""Forms for readings: the reason of an exclusion, and the limits of a patient."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from typing import Any

from django import forms
from django.forms import BoundField

from common.forms import StyledForm
from measurements.limits import Limited, Limits, limited

EXCLUSION_REASONS = (
    "Someone else used the device",
    "Measured wrongly",
    "The device was being tried out",
    "The device was faulty",
)
RESTORATION_REASONS = ("Excluded by mistake", "The patient confirmed the reading")
"""Suggestions: a person may write any other reason."""


class ReasonForm(forms.Form):
    """The reason why a reading is excluded or restored."""

    reason = forms.CharField(
        max_length=200,
        error_messages={"required": "Say why in a few words: the next person to look will ask."},
    )
    together = forms.BooleanField(required=False)  # also the other readings of the same use


class LimitsForm(StyledForm):
    """A lowest and a highest value for every number that may have limits; empty for no limit."""

    version = forms.CharField(widget=forms.HiddenInput, max_length=20)

    def __init__(self, data: Mapping[str, Any] | None, *, limits: Mapping[str, Limits], version: str) -> None:
        initial: dict[str, Any] = {"version": version}
        for key, (low, high) in limits.items():
            initial |= {f"{key}_low": _shown(low), f"{key}_high": _shown(high)}
        super().__init__(data, initial=initial)
        for one in limited():
            for side, word in (("low", "lowest"), ("high", "highest")):
                self.fields[f"{one.key}_{side}"] = _limit_field(one, word)

    def rows(self) -> list[tuple[Limited, BoundField, BoundField]]:
        return [(one, self[f"{one.key}_low"], self[f"{one.key}_high"]) for one in limited()]

    def clean(self) -> dict[str, Any]:
        for one in limited():
            low, high = self._limits(one)
            if low is not None and high is not None and low >= high:
                self.add_error(f"{one.key}_high", "This must be more than the lowest.")
        return self.cleaned_data

    def limits(self) -> dict[str, Limits]:
        """Return the limits that were filled in, by `Limited.key`."""
        return {one.key: self._limits(one) for one in limited()}

    def _limits(self, one: Limited) -> Limits:
        return self.cleaned_data.get(f"{one.key}_low"), self.cleaned_data.get(f"{one.key}_high")


def _limit_field(one: Limited, word: str) -> forms.DecimalField:
    widget = forms.TextInput({"class": "form-control", "inputmode": "decimal", "autocomplete": "off"})
    return forms.DecimalField(
        label=f"{one.label}, {word}",
        required=False,
        min_value=one.value.low,
        max_value=one.value.high,
        max_digits=8,
        decimal_places=2,
        widget=widget,
    )


def _shown(limit: Decimal | None) -> str:
    return "" if limit is None else f"{limit.normalize():f}"
