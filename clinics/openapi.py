"""The REST API described as OpenAPI, by the code that answers: what a view reads of the query string
and which errors it knows come from the view itself, so that no description can fall behind."""

from __future__ import annotations

from typing import Any

from drf_spectacular.extensions import OpenApiAuthenticationExtension
from drf_spectacular.openapi import AutoSchema
from drf_spectacular.utils import OpenApiResponse
from rest_framework import serializers

from clinics.api import ClinicListView, ClinicView

BAD_QUERY = {"type": "object", "additionalProperties": {"type": "array", "items": {"type": "string"}}}


class Problem(serializers.Serializer[Any]):
    """What is wrong, in a sentence that names no patient."""

    detail = serializers.CharField()


ERRORS = {
    "401": OpenApiResponse(Problem, "No token or session."),
    "403": OpenApiResponse(Problem, "The role may not."),
    "404": OpenApiResponse(Problem, "Not there, or in a clinic that is not the caller's."),
}
BAD_QUERY_ANSWER = OpenApiResponse(BAD_QUERY, "What is wrong with each parameter.")
BAD_BODY = {
    "400": OpenApiResponse(
        {"type": "object"}, "What is wrong with each member, or `detail` for a body that is not JSON."
    ),
    "413": OpenApiResponse(Problem, "Over 1 MiB."),
    "415": OpenApiResponse(Problem, "Not JSON."),
}


class ApiSchema(AutoSchema):
    """Describes views below `/api/v1/clinics/<slug>/`; others say themselves what they answer."""

    def get_override_parameters(self) -> list[Any]:
        shape = getattr(self.view, "query_shape", None)
        return [*super().get_override_parameters(), *([shape] if shape and self.method == "GET" else [])]

    def _get_response_bodies(self, direction: Any = "response") -> Any:
        bodies = super()._get_response_bodies(direction)
        if isinstance(self.view, ClinicView):
            errors = dict(ERRORS)
            if self.view.query_shape or isinstance(self.view, ClinicListView):
                errors["400"] = BAD_QUERY_ANSWER
            if self.method in ("POST", "PUT", "PATCH"):
                errors |= BAD_BODY
            for code, error in errors.items():
                body = self._get_response_for_code(error, code)  # type: ignore[no-untyped-call]
                bodies.setdefault(code, body)
        return bodies

    def _is_list_view(self, serializer: Any = None) -> bool:
        if isinstance(self.view, ClinicListView):
            return self.method == "GET"
        return bool(super()._is_list_view(serializer))


class TokenScheme(OpenApiAuthenticationExtension):  # type: ignore[no-untyped-call]
    target_class = "clinics.api.ApiTokenAuthentication"
    name = "token"

    def get_security_definition(self, auto_schema: AutoSchema) -> dict[str, str]:
        return {
            "type": "apiKey",
            "in": "header",
            "name": "Authorization",
            "description": "`Token ` and what `manage.py add_token` printed.",
        }


def always_answer_every_member(result: Any, **unused: Any) -> Any:
    """Answers never leave a member out; only what is sent to us may."""
    for name, shape in result["components"]["schemas"].items():
        if "properties" in shape and not name.endswith("Request"):
            shape["required"] = sorted(shape["properties"])
    return result
