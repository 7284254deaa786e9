from django.urls import URLPattern, path, re_path

from tenovi.inbound import views as inbound_views
from tenovi.pages import views

webhooks: list[URLPattern] = [
    re_path(r"^webhooks/(?P<clinic>[^/]+)/measurements/?$", inbound_views.MeasurementsDoor.as_view()),
    re_path(r"^webhooks/(?P<clinic>[^/]+)/fulfillment/?$", inbound_views.FulfillmentDoor.as_view()),
    re_path(r"^webhooks/(?P<clinic>[^/]+)/special-orders/?$", inbound_views.SpecialOrdersDoor.as_view()),
]
urlpatterns = [
    *webhooks,
    path("c/<slug:clinic>/deliveries/", views.deliveries, name="deliveries"),
    path("c/<slug:clinic>/deliveries/<uuid:delivery_id>/", views.delivery, name="delivery"),
    path("c/<slug:clinic>/deliveries/<uuid:delivery_id>/raw/", views.raw, name="delivery-raw"),
    path("c/<slug:clinic>/deliveries/<uuid:delivery_id>/settle/", views.settle, name="delivery-settle"),
    path("c/<slug:clinic>/deliveries/settle/", views.settle_all, name="deliveries-settle"),
    path("c/<slug:clinic>/operations/", views.operations_page, name="operations"),
    path("c/<slug:clinic>/operations/<uuid:request_id>/retry/", views.retry, name="request-retry"),
    path("c/<slug:clinic>/operations/<uuid:request_id>/cancel/", views.cancel, name="request-cancel"),
]
