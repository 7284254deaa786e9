"""The short way in."""

from __future__ import annotations

from collections.abc import Callable

from django.http import HttpRequest, HttpResponse
from django.urls import Resolver404, URLResolver
from django.urls.resolvers import RegexPattern

from tenovi.inbound.urls import urlpatterns


class WebhookShortcut:
    """Leads webhooks past sessions, forms and the rules for browsers: they are most of what comes in, and
    bring none of these."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response
        self.doors = URLResolver(RegexPattern(r"^/"), urlpatterns)

    def __call__(self, request: HttpRequest) -> HttpResponse:
        try:
            door = self.doors.resolve(request.path_info)
        except Resolver404:
            return self.get_response(request)
        request.get_host()  # refuses hosts that are not ours, as the long way would
        request.resolver_match = door
        response: HttpResponse = door.func(request, *door.args, **door.kwargs).render()
        return response
