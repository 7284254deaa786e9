"""Read lists page by page, by the key of the first and last row shown.

Rows that arrive while somebody walks a list neither repeat nor hide another. Cursors are signed:
whatever is read from one is what we wrote.
"""

from __future__ import annotations

import datetime
import uuid
from collections.abc import Sequence
from typing import Any

from django.core import signing
from django.db.models import Q, QuerySet
from rest_framework import serializers
from rest_framework.exceptions import ValidationError
from rest_framework.pagination import BasePagination
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.utils.urls import replace_query_param
from rest_framework.views import APIView

Key = tuple[Any, ...]


class PageQuery(serializers.Serializer[Any]):
    page_size = serializers.IntegerField(min_value=1, max_value=1000, default=100)
    cursor = serializers.CharField(required=False)


class CursorPagination(BasePagination):
    """Pages of a queryset, or of rows in memory that are sorted by the key.

    The view says `cursor_key`, the names of attributes that make a row unique and give the
    order, and `newest_first` when that order is descending.
    """

    _here: str
    _next: str | None = None
    _previous: str | None = None

    def paginate_queryset(
        self, queryset: QuerySet[Any, Any] | Sequence[Any], request: Request, view: APIView | None = None
    ) -> list[Any]:
        names: tuple[str, ...] = view.cursor_key  # type: ignore[union-attr]
        newest_first: bool = view.newest_first  # type: ignore[union-attr]
        query = PageQuery(data=request.query_params)
        query.is_valid(raise_exception=True)
        size = query.validated_data["page_size"]
        salt = f"cursor of {type(view).__qualname__}"
        backwards, key = _read_cursor(query.validated_data.get("cursor"), salt)
        find = _find_in_database if isinstance(queryset, QuerySet) else _find_in_memory
        found = find(queryset, names, key, newest_first != backwards, size + 1)
        more, rows = len(found) > size, found[:size]
        if backwards:
            rows.reverse()
        has_next, has_previous = (True, more) if backwards else (more, key is not None)
        self._here = request.build_absolute_uri()
        if rows and has_next:
            self._next = signing.dumps([False, _key_of(rows[-1], names)], salt=salt)
        if rows and has_previous:
            self._previous = signing.dumps([True, _key_of(rows[0], names)], salt=salt)
        return rows

    def get_paginated_response(self, data: Any) -> Response:
        return Response(
            {"next": self._link(self._next), "previous": self._link(self._previous), "results": data}
        )

    def get_schema_operation_parameters(self, view: APIView) -> list[dict[str, Any]]:
        """For the OpenAPI description: what `PageQuery` reads."""
        size = {"type": "integer", "minimum": 1, "maximum": 1000, "default": 100}
        return [
            {"name": "page_size", "in": "query", "schema": size},
            {"name": "cursor", "in": "query", "schema": {"type": "string"}, "description": "See `next`."},
        ]

    def get_paginated_response_schema(self, schema: dict[str, Any]) -> dict[str, Any]:
        link = {"type": "string", "format": "uri", "nullable": True}
        return {
            "type": "object",
            "required": ["next", "previous", "results"],
            "properties": {"next": link, "previous": link, "results": schema},
        }

    def _link(self, cursor: str | None) -> str | None:
        return cursor and replace_query_param(self._here, "cursor", cursor)


def _read_cursor(cursor: str | None, salt: str) -> tuple[bool, Key | None]:
    """Return whether to go backwards, and the key to go from."""
    if cursor is None:
        return False, None
    try:
        backwards, key = signing.loads(cursor, salt=salt)
    except signing.BadSignature:
        raise ValidationError({"cursor": ["This is not a cursor of this list."]}) from None
    return backwards, tuple(key)


def _find_in_database(
    rows: Any, names: Sequence[str], key: Key | None, descending: bool, limit: int
) -> list[Any]:
    if key is not None:
        rows = rows.filter(_beyond(names, key, "lt" if descending else "gt"))
    return list(rows.order_by(*(f"-{name}" if descending else name for name in names))[:limit])


def _beyond(names: Sequence[str], key: Key, side: str) -> Q:
    """Return the condition for rows past `key` in the order of `names`, so that an index on the first serves."""
    past = Q(**{f"{names[0]}__{side}": key[0]})
    if len(names) == 1:
        return past
    return Q(**{f"{names[0]}__{side}e": key[0]}) & (past | _beyond(names[1:], key[1:], side))


def _find_in_memory(
    rows: Any, names: Sequence[str], key: Key | None, descending: bool, limit: int
) -> list[Any]:
    def is_past(row: Any) -> bool:
        own = _key_of(row, names)
        return key is None or (own < key if descending else own > key)

    return [row for row in (reversed(rows) if descending else rows) if is_past(row)][:limit]


def _key_of(row: Any, names: Sequence[str]) -> Key:
    """Return a row's key in types that JSON has."""
    return tuple(_plain(getattr(row, name)) for name in names)


def _plain(value: Any) -> Any:
    if isinstance(value, datetime.datetime):
        return value.isoformat()  # all six decimals: a rounded key would repeat or skip a row
    return str(value) if isinstance(value, uuid.UUID) else value
