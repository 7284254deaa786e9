"""What the REST views of every room share: who asks, in which clinic, by which right.

Answers 401 without a token or session, 404 for a clinic that is not the caller's, 403 where the
role may not. Errors are DRF's and never quote a patient's data.
"""

from __future__ import annotations

import datetime
import re
from collections.abc import Sequence
from typing import Any, ClassVar, TypeVar

from django.conf import settings
from django.core.exceptions import PermissionDenied, RequestDataTooBig
from django.db.models import Model, QuerySet
from django.http import Http404, HttpRequest, UnreadablePostError
from django.http.response import HttpResponseBase
from django.utils import timezone, translation
from knox.auth import TokenAuthentication
from rest_framework import serializers
from rest_framework.authentication import SessionAuthentication
from rest_framework.exceptions import AuthenticationFailed, ParseError
from rest_framework.generics import GenericAPIView
from rest_framework.permissions import SAFE_METHODS
from rest_framework.request import Request
from rest_framework.response import Response

from clinics import audit
from clinics.access import ClinicAccess, Permission, access_for, lacks_second_factor, route_of
from clinics.models import ApiToken, User
from common.api_base import JsonOnly
from common.cursor_pagination import CursorPagination
from common.json_parser import TooLarge

M = TypeVar("M", bound=Model)


NOTED_EVERY = datetime.timedelta(minutes=1)
"""How exact the last use of a token is: not every call is worth a write."""


class ApiTokenAuthentication(TokenAuthentication):  # type: ignore[misc]
    """Knox's, except that it notes the last use, refuses bytes that no token can hold instead of
    failing, and keeps an expired token for its person to see."""

    def authenticate_credentials(self, token: bytes) -> Any:
        if not re.fullmatch(rb"[0-9A-Za-z]+", token):
            raise AuthenticationFailed("Invalid token.")
        user, found = super().authenticate_credentials(token)
        now = timezone.now()
        if found.last_used_at is None or now - found.last_used_at > NOTED_EVERY:
            ApiToken.objects.filter(pk=found.pk).update(last_used_at=now)
        return user, found

    def _cleanup_token(self, auth_token: ApiToken) -> bool:
        return auth_token.has_expired


class ClinicView(GenericAPIView[M]):
    """A view below `/api/v1/clinics/<slug>/`: its `access` has `permission`, and to change something
    `write_permission`. `query_shape` is what it reads of the query string."""

    permission: ClassVar[Permission]
    write_permission: ClassVar[Permission | None] = None
    query_shape: ClassVar[type[serializers.Serializer[Any]] | None] = None
    access: ClinicAccess
    authentication_classes = [ApiTokenAuthentication, SessionAuthentication]
    content_negotiation_class = JsonOnly
    http_method_names = ["get", "head"]

    def dispatch(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        """Run in the locale of the clinic, which `initial` activates: the next request of this thread
        has another."""
        with translation.override(settings.LANGUAGE_CODE):
            return super().dispatch(request, *args, **kwargs)

    def initial(self, request: Request, *args: Any, **kwargs: Any) -> None:
        super().initial(request, *args, **kwargs)
        assert isinstance(request.user, User)
        if any("\0" in str(value) for value in kwargs.values()):  # PostgreSQL has no text with NUL
            raise Http404
        self.access = access_for(request.user, kwargs["clinic"])
        translation.activate(self.access.clinic.locale)
        since = self.access.role_since
        if isinstance(request.auth, ApiToken) and since and request.auth.created < since:
            raise AuthenticationFailed("This token ended when the role of its person changed. Make another.")
        inner: Any = request._request  # what the log's line is made of
        inner.access, inner.actor_id = self.access, request.user.id
        is_read = request.method in SAFE_METHODS
        if not self.access.may(self.permission if is_read else self.write_permission or self.permission):
            audit.record(
                "access_denied",
                by=self.access.user,
                clinic=self.access.clinic,
                detail={"route": route_of(inner)},
            )
            raise PermissionDenied
        by_session = request.auth is None  # a token is a credential of its own, made on the server
        if by_session and lacks_second_factor(self.access):
            raise PermissionDenied("Set up your second factor first.")
        audit.record(
            "api_read" if is_read else "api_write",
            by=self.access.user,
            clinic=self.access.clinic,
            detail={
                "route": route_of(inner),
                **{name: str(kwargs[name])[:100] for name in kwargs if name != "clinic"},
            },
        )

    def handle_exception(self, exc: Exception) -> Response:
        if isinstance(exc, RequestDataTooBig):
            return super().handle_exception(TooLarge())
        if isinstance(exc, UnreadablePostError):  # the sender hung up, or took for ever
            return super().handle_exception(ParseError("The body ended early."))
        return super().handle_exception(exc)

    def finalize_response(self, request: Request, response: Any, *args: Any, **kwargs: Any) -> Any:
        response = super().finalize_response(request, response, *args, **kwargs)
        response["Cache-Control"] = "no-store"
        return response

    def query(self, **context: Any) -> dict[str, Any]:
        """The query string, checked; a bad value is answered 400 with a field error."""
        assert self.query_shape
        query = self.query_shape(data=self.request.query_params, context=context)
        query.is_valid(raise_exception=True)
        return dict(query.validated_data)


class ClinicListView(ClinicView[M]):
    """A list answered as `{"next", "previous", "results"}`; see `CursorPagination`."""

    cursor_key: ClassVar[tuple[str, ...]]
    newest_first: ClassVar[bool] = False
    pagination_class = CursorPagination

    def get(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        return self.paged(self.get_queryset())

    def paged(self, rows: QuerySet[M] | Sequence[Any]) -> Response:
        pages = CursorPagination()
        page = pages.paginate_queryset(rows, self.request, self)
        return pages.get_paginated_response(self.get_serializer(self.prepared(page), many=True).data)

    def prepared(self, page: list[M]) -> list[M]:
        """The rows of a page with what they need besides, read for all of them at once."""
        return page
