from django.urls import URLPattern, re_path

from tenovi.inbound import views

PREFIX = "webhooks/"

urlpatterns: list[URLPattern] = [
    re_path(rf"^{PREFIX}(?P<clinic>[^/]+)/measurements/?$", views.MeasurementsWebhook.as_view()),
    re_path(rf"^{PREFIX}(?P<clinic>[^/]+)/fulfillment/?$", views.FulfillmentWebhook.as_view()),
    re_path(rf"^{PREFIX}(?P<clinic>[^/]+)/special-orders/?$", views.SpecialOrdersWebhook.as_view()),
]


def is_webhook(path: str) -> bool:
    """Tell whether a path is for webhooks: these skip what serves browsers, and have threads of their own."""
    return path.startswith(f"/{PREFIX}")
