"""Calling the REST API as a script would."""

from __future__ import annotations

import datetime
from typing import Any

from rest_framework.test import APIClient

from clinics.actions import people
from clinics.models import ApiToken, User

Row = dict[str, Any]
LONG_FROM_NOW = datetime.datetime(9000, 1, 1, tzinfo=datetime.UTC)


def token_of(user: User) -> str:
    """The `Authorization` header of a script of this person."""
    return f"Token {people.create_token(user=user, by=None)}"


def api_client(user: User) -> APIClient:
    """Calls with a token of this person."""
    client = APIClient()
    client.credentials(HTTP_AUTHORIZATION=token_of(user))
    return client


def note_no_use() -> None:
    """Take the use of every token for noted, so that the queries of a call can be counted.

    A call notes the use of its token only where the last note is older than a minute: without this the
    count would depend on how long a test takes.
    """
    ApiToken.objects.update(last_used_at=LONG_FROM_NOW)


def results(answer: Any) -> list[Row]:
    """The rows of one page of a list."""
    assert answer.status_code == 200, answer.content
    body = answer.json()
    assert list(body) == ["next", "previous", "results"]
    rows: list[Row] = body["results"]
    return rows


def walk(api: APIClient, url: str, page_size: int, **query: Any) -> list[Row]:
    """Every row of a list, page by page to its end; the way back must meet the same rows."""
    page = api.get(url, {"page_size": page_size, **query})
    there = results(page)
    while page.json()["next"]:
        page = api.get(page.json()["next"])
        there += results(page)
    back = results(page)
    while page.json()["previous"]:
        page = api.get(page.json()["previous"])
        back = results(page) + back
    assert back == there
    return there
