from django.urls import path

from tenovi.inbound import urls as inbound_urls
from tenovi.pages import views

urlpatterns = [
    *inbound_urls.urlpatterns,
    path("c/<slug:clinic>/deliveries/", views.deliveries, name="deliveries"),
    path("c/<slug:clinic>/deliveries/<uuid:delivery_id>/", views.delivery, name="delivery"),
    path("c/<slug:clinic>/deliveries/<uuid:delivery_id>/raw/", views.raw, name="delivery-raw"),
    path("c/<slug:clinic>/deliveries/<uuid:delivery_id>/settle/", views.settle, name="delivery-settle"),
    path("c/<slug:clinic>/deliveries/settle/", views.settle_all, name="deliveries-settle"),
    path("c/<slug:clinic>/operations/", views.operations_page, name="operations"),
    path("c/<slug:clinic>/operations/<uuid:request_id>/retry/", views.retry, name="request-retry"),
    path("c/<slug:clinic>/operations/<uuid:request_id>/cancel/", views.cancel, name="request-cancel"),
]
