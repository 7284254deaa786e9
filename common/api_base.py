"""Build the views of the REST API: the parts that know no clinic."""

from __future__ import annotations

from typing import Any

from rest_framework.exceptions import NotFound
from rest_framework.negotiation import DefaultContentNegotiation
from rest_framework.renderers import JSONRenderer
from rest_framework.request import Request
from rest_framework.views import APIView


class JsonOnly(DefaultContentNegotiation):
    """JSON whatever the caller says it accepts: a picky Accept header is no reason for a 406."""

    def select_renderer(
        self, request: Request, renderers: Any, format_suffix: str | None = None
    ) -> tuple[JSONRenderer, str]:
        return JSONRenderer(), JSONRenderer.media_type


class NoSuchPath(APIView):
    """404 in the API's own style for a path below `/api/` that means nothing."""

    authentication_classes = []
    permission_classes = []
    content_negotiation_class = JsonOnly

    def initial(self, request: Request, *args: Any, **kwargs: Any) -> None:
        raise NotFound
