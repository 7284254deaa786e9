from django.urls import path

from devices import views

urlpatterns = [
    path("c/<slug:clinic>/devices/<uuid:device_id>/end/", views.end_service, name="device-end"),
]
