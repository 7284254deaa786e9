"""Serve webhooks without the middleware for browsers."""

from __future__ import annotations

from collections.abc import Callable

from django.http import HttpRequest, HttpResponse
from django.urls import Resolver404, URLResolver
from django.urls.resolvers import RegexPattern

from tenovi.inbound.urls import is_webhook, urlpatterns


class WebhookShortcut:
    """Skip the session, CSRF and CSP middleware for webhooks: most requests are webhooks and need none of it."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response
        self.webhooks = URLResolver(RegexPattern(r"^/"), urlpatterns)

    def __call__(self, request: HttpRequest) -> HttpResponse:
        if not is_webhook(request.path_info):
            return self.get_response(request)
        try:
            match = self.webhooks.resolve(request.path_info)
        except Resolver404:
            return self.get_response(request)
        request.get_host()  # refuses hosts that are not ours, as the middleware that is skipped would
        request.resolver_match = match
        response: HttpResponse = match.func(request, *match.args, **match.kwargs).render()
        return response
