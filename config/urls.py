"""All addresses, grouped by the room that answers them."""

from django.urls import URLPattern, URLResolver, re_path

from tenovi import doors

urlpatterns: list[URLPattern | URLResolver] = [
    re_path(r"^webhooks/(?P<clinic>[^/]+)/measurements/?$", doors.MeasurementsDoor.as_view()),
]
