"""List all addresses, grouped by the room that answers them."""

from django.urls import URLPattern, URLResolver, include, path, re_path

from billing.api import urls_api as billing_api
from clinics.openapi_views import ApiDescription
from common.api_base import NoSuchPath
from devices.api import urls_api as devices_api
from fulfillment.orders.api import urls_api as orders_api
from fulfillment.shipments.api import urls_api as fulfillment_api
from fulfillment.special_orders.api import urls_api as special_orders_api
from measurements.api import urls_api as measurements_api
from patients.api import urls_api as patients_api
from tenovi.pages.api import urls_api as tenovi_api

# Readings before patients: an external id may hold slashes, and the longer address goes first.
api = [
    *billing_api,
    *measurements_api,
    *fulfillment_api,
    *orders_api,
    *special_orders_api,
    *devices_api,
    *patients_api,
    *tenovi_api,
]

urlpatterns: list[URLPattern | URLResolver] = [
    path("", include("dashboard.urls")),
    path("", include("clinics.urls")),
    path("", include("billing.urls")),
    path("", include("fulfillment.urls")),
    path("", include("measurements.urls")),
    path("", include("devices.urls")),
    path("", include("patients.urls")),
    path("", include("tenovi.urls")),
    path("api/v1/clinics/<slug:clinic>/", include(api)),
    path("api/schema/", ApiDescription.as_view(), name="schema"),
    re_path(r"^api/", NoSuchPath.as_view()),
]
