"""What happens around every request: limits of sessions, one line in the log."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable

from django.conf import settings
from django.contrib.auth import logout
from django.http import HttpRequest, HttpResponse

from clinics import audit
from clinics.models import User
from clinics.signing_in import sessions
from common import request_facts
from common.client_address import caller_address

BACKGROUND = "X-Background"
"""The header with which our pages mark what no person asked for; it does not count as activity."""

NO_ROUTE = "none"
PERMISSIONS = "camera=(), microphone=(), geolocation=(), payment=(), usb=()"
logger = logging.getLogger("vitaldays.request")


class RequestLog:
    """One line for every request: who, in which clinic, by which route, and how it ended.

    Never the path or the query: both may name a patient.
    """

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        facts = request_facts.RequestFacts(caller_address(request.META))
        token, began = request_facts.current.set(facts), time.monotonic()
        try:
            response = self.get_response(request)
        finally:
            request_facts.current.reset(token)
        response["X-Request-ID"] = facts.id
        response["Permissions-Policy"] = PERMISSIONS
        response.setdefault("Cache-Control", "no-store")  # nothing below here is for everybody
        self._log(request, response, facts.id, began)
        return response

    def _log(self, request: HttpRequest, response: HttpResponse, request_id: str, began: float) -> None:
        match = request.resolver_match
        access = getattr(request, "access", None)
        logger.info(
            "request",
            extra={
                "facts": {
                    "request": request_id,
                    "actor": str(getattr(request, "actor_id", "") or ""),
                    "clinic": access.clinic.slug if access else "",
                    "method": request.method,
                    "route": f"/{match.route}" if match else NO_ROUTE,
                    "status": response.status_code,
                    "ms": round((time.monotonic() - began) * 1000),
                }
            },
        )


class SessionLimits:
    """Ends sessions that were idle or lasted too long, before any view sees their person."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        if settings.SESSION_COOKIE_NAME in request.COOKIES and isinstance(request.user, User):
            request.actor_id = request.user.id  # type: ignore[attr-defined]  # for the log
            self._judge(request, request.user)
        return self.get_response(request)

    def _judge(self, request: HttpRequest, user: User) -> None:
        session = request.session
        if sessions.SINCE not in session:  # signed in without the form, as tests do
            agent = request.headers.get("User-Agent", "")
            sessions.begin(session, address=caller_address(request.META), agent=agent)
        elif sessions.has_ended(session, user):
            audit.record("session_ended", by=user, detail={"why": "idle or too long"})
            logout(request)
        elif BACKGROUND not in request.headers:
            sessions.note_activity(session)
