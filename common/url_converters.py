"""Pieces of addresses that more than one room uses; `ClinicsConfig.ready` makes them known."""

from __future__ import annotations

import datetime

from common.iso_dates import read_date


class IsoDate:
    """A date such as 2026-10-31 in a path; 404 for one that is none or out of range."""

    regex = r"[0-9]{4}-[0-9]{2}-[0-9]{2}"

    def to_python(self, value: str) -> datetime.date:
        return read_date(value)  # ValueError: no such address

    def to_url(self, value: datetime.date) -> str:
        return value.isoformat()


class AnyText:
    """An id of the vendor: any text, with the slashes and line ends that Django's `path` leaves out."""

    regex = r"[\s\S]+"

    def to_python(self, value: str) -> str:
        return value

    def to_url(self, value: str) -> str:
        return value
