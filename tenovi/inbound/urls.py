from django.urls import URLPattern, re_path

from tenovi.inbound import views

urlpatterns: list[URLPattern] = [
    re_path(r"^webhooks/(?P<clinic>[^/]+)/measurements/?$", views.MeasurementsWebhook.as_view()),
    re_path(r"^webhooks/(?P<clinic>[^/]+)/fulfillment/?$", views.FulfillmentWebhook.as_view()),
    re_path(r"^webhooks/(?P<clinic>[^/]+)/special-orders/?$", views.SpecialOrdersWebhook.as_view()),
]
