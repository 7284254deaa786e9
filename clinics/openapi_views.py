"""Where the OpenAPI description is served. Apart from `clinics.openapi`, which drf-spectacular's views
load by themselves when they are imported."""

from __future__ import annotations

from drf_spectacular.views import SpectacularAPIView
from rest_framework.authentication import SessionAuthentication
from rest_framework.permissions import IsAuthenticated

from clinics.api import ApiTokenAuthentication
from common.api_base import JsonOnly


class ApiDescription(SpectacularAPIView):
    """The API described as OpenAPI, for everybody who may call it."""

    authentication_classes = [ApiTokenAuthentication, SessionAuthentication]
    permission_classes = [IsAuthenticated]
    content_negotiation_class = JsonOnly
