"""Describe the webhook endpoints in the OpenAPI description of the API."""

from __future__ import annotations

from typing import Any

from drf_spectacular.extensions import OpenApiAuthenticationExtension
from drf_spectacular.openapi import AutoSchema
from drf_spectacular.utils import OpenApiResponse, extend_schema
from rest_framework import serializers

from clinics.openapi import Problem

BODY = {"oneOf": [{"type": "object"}, {"type": "array", "items": {"type": "object"}}]}


class Settled(serializers.Serializer[Any]):
    """What became of the elements; `received` is the sum of the others."""

    delivery = serializers.UUIDField()
    received = serializers.IntegerField()
    stored = serializers.IntegerField()
    updated = serializers.IntegerField()
    duplicates = serializers.IntegerField()
    quarantined = serializers.IntegerField()
    pending = serializers.IntegerField()


class Rejected(serializers.Serializer[Any]):
    """A delivery that cannot be read. Its bytes are kept, unless they are too many."""

    delivery = serializers.UUIDField()
    error = serializers.CharField()


class Away(serializers.Serializer[Any]):
    error = serializers.CharField()


class WebhookSecretScheme(OpenApiAuthenticationExtension):  # type: ignore[no-untyped-call]
    target_class = "tenovi.inbound.views.WebhookSecretAuthentication"
    name = "webhookSecret"

    def get_security_definition(self, auto_schema: AutoSchema) -> dict[str, str]:
        return {
            "type": "http",
            "scheme": "basic",
            "description": "Or a header of the clinic's choosing with a secret value.",
        }


webhook_endpoint = extend_schema(
    tags=["webhooks"],
    description="What the vendor posts: one element, or a list of them. The last slash is optional.",
    request={"application/json": BODY},
    responses={
        200: Settled,
        400: OpenApiResponse(Rejected, "Not JSON, or no object in it."),
        401: OpenApiResponse(Problem, "The secret is missing or wrong, or there is no such clinic."),
        413: OpenApiResponse(Rejected, "Over 1 MiB."),
        415: OpenApiResponse(Rejected, "A form, or compressed."),
        503: OpenApiResponse(Away, "Not kept: send it again after `Retry-After` seconds."),
    },
)
