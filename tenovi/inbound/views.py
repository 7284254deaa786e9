"""The endpoints the vendor posts to: `POST /webhooks/<clinic>/<kind>/`, with or without the last slash.

Answers, in this order: 401, 405, 413, 415, 400, 200; 503 when the database cannot keep the body.
Nothing here redirects, needs Redis, or discloses anything about a patient.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any, cast

from django.conf import settings
from django.db import DatabaseError, InterfaceError, connection
from django.http import HttpRequest
from django.http.response import HttpResponseBase
from rest_framework import status
from rest_framework.authentication import BaseAuthentication
from rest_framework.exceptions import AuthenticationFailed
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from clinics import webhook_secrets
from clinics.models import Clinic
from common.api_base import JsonOnly
from common.client_address import caller_address
from common.database import deadline
from tenovi.inbound import deliveries, refusals
from tenovi.inbound.openapi import webhook_endpoint
from tenovi.inbound.reasons import sentence
from tenovi.models.ledger import RefusalCause

LARGEST_SIZE = 2**31 - 1  # what the ledger's column holds; a sender may declare any length
RETRY_AFTER_SECONDS = 30
SECONDS_FOR_THE_DATABASE = 2.0  # then it is asked whether it lives, and 503 is due within three


class WebhookSecretAuthentication(BaseAuthentication):
    """Put the clinic in `request.auth`. Of a call with a wrong or missing secret only a count is kept."""

    def authenticate(self, request: Request) -> tuple[None, Clinic]:
        slug = request.parser_context["kwargs"]["clinic"]
        shown = webhook_secrets.shown_by(slug, request.headers)
        if shown.clinic is None or not shown.is_valid:
            _try_to(partial(_count_refused, shown, request.parser_context["view"]))
            raise AuthenticationFailed("The credentials are missing or wrong.")
        request.parser_context["view"].shown = shown
        return None, shown.clinic

    def authenticate_header(self, request: Request) -> str:
        return 'Basic realm="webhooks"'


class WebhookView(APIView):
    """One endpoint. `kind` names the deliveries it keeps."""

    kind: str = ""
    shown: webhook_secrets.Shown
    authentication_classes = [WebhookSecretAuthentication]
    permission_classes = []
    throttle_classes = []
    content_negotiation_class = JsonOnly
    http_method_names = ["post"]

    def dispatch(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        with deadline.at_most(SECONDS_FOR_THE_DATABASE):
            return super().dispatch(request, *args, **kwargs)

    @webhook_endpoint
    def post(self, request: Request, clinic: str) -> Response:
        tenant = cast(Clinic, request.auth)
        body = _body_of(request)
        kept = {
            "content_type": request.META.get("CONTENT_TYPE", ""),
            "address": caller_address(request.META),
        }
        if body is None:
            size = min(int(request.META.get("CONTENT_LENGTH") or _limit() + 1), LARGEST_SIZE)
            result = deliveries.reject(tenant, self.kind, b"", reason="too_large", size=size, **kept)
            refusals.count(tenant, RefusalCause.TOO_LARGE, self.kind)  # what was in it can only be fetched
            return _refused(result, status.HTTP_413_REQUEST_ENTITY_TOO_LARGE)
        if unsupported := _unsupported(request):
            result = deliveries.reject(tenant, self.kind, body, reason=unsupported, size=len(body), **kept)
            return _refused(result, status.HTTP_415_UNSUPPORTED_MEDIA_TYPE)
        result = deliveries.receive(tenant, self.kind, body, **kept)
        refusals.write_down_outages()
        if self.shown.secret is not None and self.shown.is_due:
            _try_to(partial(webhook_secrets.note_use, self.shown.secret))
        if result.rejected:
            return _refused(result, status.HTTP_400_BAD_REQUEST)
        return Response(
            {
                "delivery": str(result.delivery),
                "received": result.received,
                "stored": result.counts["stored"],
                "updated": result.counts["updated"],
                "duplicates": result.counts["duplicate"],
                "quarantined": result.counts["quarantined"],
                "pending": result.counts["pending"],
            }
        )

    def handle_exception(self, exc: Exception) -> Response:
        if isinstance(exc, DatabaseError | InterfaceError):
            connection.close()  # whatever state it is in, the next call deserves a fresh one
            refusals.remember_outage()
            return Response(
                {"error": "The delivery could not be kept. Send it again."},
                status=status.HTTP_503_SERVICE_UNAVAILABLE,
                headers={"Retry-After": str(RETRY_AFTER_SECONDS)},
            )
        if isinstance(exc, OSError):  # the sender hung up, or was too slow
            return Response({"error": "The body ended early."}, status=status.HTTP_400_BAD_REQUEST)
        response = super().handle_exception(exc)
        assert isinstance(response, Response)
        return response


class MeasurementsWebhook(WebhookView):
    kind = "measurements"


class FulfillmentWebhook(WebhookView):
    kind = "fulfillment"


class SpecialOrdersWebhook(WebhookView):
    kind = "special-orders"


def _count_refused(shown: webhook_secrets.Shown, view: WebhookView) -> None:
    cause = RefusalCause.RETIRED if shown.is_retired else RefusalCause.SECRET
    refusals.count(shown.clinic, cause, view.kind)


def _try_to(note: Callable[[], None]) -> None:
    """Run `note`, and ignore that the database refuses it.

    So a wrong secret is answered 401 even when the database is read-only and the refusal cannot be
    counted, and a delivery that was kept stays acknowledged.
    """
    try:
        note()
    except DatabaseError:
        connection.close()


def _body_of(request: Request) -> bytes | None:
    """Return the body, or None when it is over the limit (then it is not read further)."""
    length = request.META.get("CONTENT_LENGTH")
    if length:
        return None if int(length) > _limit() else request._request.body
    # Chunked: Django takes a missing length for an empty body, the server's stream knows better.
    body: bytes = request.META["wsgi.input"].read(_limit() + 1)
    return None if len(body) > _limit() else body


def _limit() -> int:
    """Return the limit for every body, which the server (`config.rsgi`) and Django hold to as well."""
    limit: int = settings.DATA_UPLOAD_MAX_MEMORY_SIZE
    return limit


def _unsupported(request: Request) -> str:
    media_type = request.META.get("CONTENT_TYPE", "").partition(";")[0].strip().lower()
    if media_type == "application/x-www-form-urlencoded" or media_type.startswith("multipart/"):
        return "form_body"
    if request.META.get("HTTP_CONTENT_ENCODING", "identity").strip().lower() not in ("", "identity"):
        return "compressed_body"
    return ""


def _refused(result: deliveries.DeliveryResult, code: int) -> Response:
    return Response({"delivery": str(result.delivery), "error": sentence(result.rejected)}, status=code)
