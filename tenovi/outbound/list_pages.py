"""Prove that a list of the vendor has been read to its end. Every page passes through here.

A null `next`, or as many rows as the vendor counted, proves the end. Any other list may have been cut
short, and a missing row must not pass for an object that the vendor does not have.
Pagination: https://docs.tenovi.com/hwi-api/ (a call without `page` is cut to 1,000 rows, and for
readings to 30 days).
"""

from __future__ import annotations

import datetime
from dataclasses import replace
from typing import Any

from django.utils import timezone
from django.utils.dateparse import parse_datetime

from tenovi.client.records import Page, PageEnd
from tenovi.models import Request

CUT_ROWS = 1000  # a list without pages is cut there
CUT_AGE = datetime.timedelta(days=30)  # and one of readings has nothing older
MOST_PAGES = 10_000
FROM_THE_FIRST_PAGE: dict[str, Any] = {"cursor": "", "pages": 0, "rows": 0, "digests": [], "total": None}
"""The columns of a request whose list is begun anew."""

UNPROVEN = "Tenovi’s list was not read to its end, so nothing counts as compared: {}"


def check_end(request: Request, page: Page[Any]) -> tuple[Page[Any], str]:
    """Mark on a page whether the list ends with it.

    Returns the page, and a sentence why it can neither be followed nor be the end; "" when it can.
    """
    problem = _problem_with(request, page)
    ended = not problem and not follows(request, page)
    is_all = ended and request.pages == 0 and page.unusable == 0
    return replace(page, ended=ended, is_all=is_all), UNPROVEN.format(problem) if problem else ""


def follows(request: Request, page: Page[Any]) -> bool:
    """Whether the list has a page after this one."""
    return page.end is PageEnd.FOLLOWED and not (page.rows == 0 and _is_as_counted(request, page))


def _problem_with(request: Request, page: Page[Any]) -> str:
    if page.digest and page.digest in request.digests:
        return "it sent the same page twice."
    if page.end is PageEnd.BARE and request.pages == 0:
        return _cut(request, page)
    if page.end is PageEnd.FOLLOWED and page.rows:
        ends = request.pages + 1 < MOST_PAGES
        return "" if ends else f"it did not end after {MOST_PAGES:,} pages."
    if _is_as_counted(request, page) or (page.end is PageEnd.LAST and page.total is None):
        return ""
    match page.end:
        case PageEnd.GONE:
            return f"it no longer had page {request.pages + 1}."
        case PageEnd.FOLLOWED:
            return "an empty page named another one."
        case PageEnd.LAST:
            return f"it counted {page.total:,} rows and sent {request.rows + page.rows:,}."
        case PageEnd.BARE | PageEnd.UNSTATED:
            return "the last page did not say that it was the last."


def _is_as_counted(request: Request, page: Page[Any]) -> bool:
    """Whether all rows that the vendor counted last have come. A bare array has no count of its own."""
    total = None if page.end is PageEnd.BARE else page.total
    counted = request.total if total is None else total
    return counted is not None and request.rows + page.rows >= counted


def _cut(request: Request, page: Page[Any]) -> str:
    if page.rows >= CUT_ROWS:
        return f"it came without pages and may have been cut after {CUT_ROWS:,} rows."
    since = parse_datetime(str(request.params.get("created_gte", "")))
    if since is not None and since < timezone.now() - CUT_AGE:
        return f"it came without pages and may have been cut after {CUT_AGE.days} days."
    return ""
