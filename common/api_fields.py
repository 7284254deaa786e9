"""Write and read moments as the REST API does."""

from __future__ import annotations

import datetime
import re
from typing import Any

from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers


class UtcField(serializers.DateTimeField):
    """A moment as `2026-10-14T07:30:00Z`."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(default_timezone=datetime.UTC, **kwargs)


@extend_schema_field({"type": "string", "anyOf": [{"format": "date"}, {"format": "date-time"}]})
class MomentField(serializers.Field[datetime.datetime, str, str, Any]):
    """A moment given as an ISO 8601 timestamp (UTC when it names no zone) or as a date.

    A date stands for its first moment in `context["zone"]`; with `whole_day` for its end, so that
    a span from one date to another has both.
    """

    default_error_messages = {
        "invalid": "Write a date such as 2026-10-14 or a timestamp such as 2026-10-14T07:30:00Z.",
    }
    DATE = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")
    TIMESTAMP = re.compile(
        r"([0-9-]{10}[Tt ][0-9]{2}:[0-9]{2}(?::[0-9]{2}(?:\.[0-9]{1,6})?)?)([Zz]|[+ -][0-9]{2}:?[0-9]{2})?"
    )

    def __init__(self, *, whole_day: bool = False, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.whole_day = whole_day

    def to_internal_value(self, data: str) -> datetime.datetime:
        try:
            if self.DATE.fullmatch(data):
                return self._edge_of(datetime.date.fromisoformat(data)).astimezone(datetime.UTC)
            if found := self.TIMESTAMP.fullmatch(data):
                zone = (found[2] or "Z").replace(" ", "+")  # a plus that nobody escaped arrives as a blank
                moment = datetime.datetime.fromisoformat(f"{found[1]}{zone}".upper())
                return moment.astimezone(datetime.UTC)
        except (ValueError, OverflowError):  # no such day, or past the ends of the calendar
            pass
        self.fail("invalid")

    def to_representation(self, value: datetime.datetime) -> str:
        return value.isoformat()

    def _edge_of(self, day: datetime.date) -> datetime.datetime:
        day += datetime.timedelta(days=self.whole_day)
        return datetime.datetime.combine(day, datetime.time(), self.context["zone"])
