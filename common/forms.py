"""A form whose fields know how they are labelled and described."""

from __future__ import annotations

from typing import Any

from django import forms


class StyledForm(forms.Form):
    """Tabler's look on every field."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        for field in self.fields.values():
            look = "form-check-input" if isinstance(field.widget, forms.CheckboxInput) else "form-control"
            look = "form-select" if isinstance(field.widget, forms.Select) else look
            field.widget.attrs.setdefault("class", look)
