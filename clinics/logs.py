"""Logs without patients in them."""

from __future__ import annotations

import logging

from django.http import HttpRequest

NO_ROUTE = "an address without a page"


class RouteInsteadOfPath(logging.Filter):
    """Django logs the path of what it refused or failed on, and ours hold external ids: the log names
    the pattern of the route instead, which is what one looks for in the code anyway."""

    def filter(self, record: logging.LogRecord) -> bool:
        request = getattr(record, "request", None)
        if isinstance(request, HttpRequest) and isinstance(record.args, tuple):
            escaped = request.path.encode("unicode_escape").decode("ascii")  # as Django writes it
            route = f"/{request.resolver_match.route}" if request.resolver_match else NO_ROUTE
            record.args = tuple(route if argument == escaped else argument for argument in record.args)
        return True
