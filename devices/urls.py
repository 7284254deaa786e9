from django.urls import path

from devices import property_views, views

urlpatterns = [
    path("c/<slug:clinic>/devices/<uuid:device_id>/end/", views.end_service, name="device-end"),
    path(
        "c/<slug:clinic>/devices/<uuid:device_id>/properties/",
        property_views.device_properties,
        name="device-properties",
    ),
]
