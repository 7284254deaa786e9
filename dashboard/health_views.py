"""Answer whether Vitaldays is alive, and whether it can do all of its work.

Both pages answer without signing in and say nothing about patients, addresses or versions.
"""

from __future__ import annotations

import datetime
from typing import Any

import redis
from celery import current_app
from django.conf import settings
from django.db import Error, connection
from django.db.migrations.executor import MigrationExecutor
from django.db.models.functions import Now
from django.http import HttpRequest, JsonResponse
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe

from tenovi.inbound import refusals
from tenovi.models import Heartbeat

QUEUES = {"default", "vendor"}
LONGEST_SILENCE = datetime.timedelta(minutes=3)  # the scheduler has a row written each minute
_SECONDS = 1.0


@require_safe
@never_cache
def alive(request: HttpRequest) -> JsonResponse:
    """Answer that this process lives. Nothing else is checked, so that a slow database restarts no web
    server."""
    return JsonResponse({"status": "ok"})


@require_safe
@never_cache
def ready(request: HttpRequest) -> JsonResponse:
    """Answer 200 when everything works, else 503 with the parts that do not in `not_ready`."""
    missing = _missing_in_database() + _missing_in_redis()
    answer = {"status": "ok", "not_ready": missing, "refused_calls_last_hour": _refused_calls()}
    if missing:
        return JsonResponse({**answer, "status": "not ready"}, status=503)
    return JsonResponse(answer)


def _refused_calls() -> int | None:
    """Return how many webhook calls of the last hour, of all clinics, had no valid secret.

    That is no reason to be not ready, and one to look. None while the database is away.
    """
    try:
        return refusals.calls_of_last_hour()
    except Error:
        return None


def _missing_in_database() -> list[str]:
    try:
        executor = MigrationExecutor(connection)
        if executor.migration_plan(executor.loader.graph.leaf_nodes()):
            return ["migrations"]
        recent = Heartbeat.objects.filter(minute__gt=Now() - LONGEST_SILENCE)
        return [] if recent.exists() else ["scheduler"]
    except Error:
        return ["database"]


def _missing_in_redis() -> list[str]:
    limits = {"socket_timeout": _SECONDS, "socket_connect_timeout": _SECONDS}
    try:
        with redis.Redis.from_url(settings.REDIS_URL, **limits) as client:
            client.ping()
        return [] if _all_queues_are_served() else ["workers"]
    except (redis.RedisError, OSError):
        return ["redis"]


def _all_queues_are_served() -> bool:
    """Whether living workers read every queue.

    One worker per queue answers in milliseconds; to find out that one is missing takes the whole second.
    """
    for expected in (len(QUEUES), None):
        answers = _ask_workers(expected)
        if {queue["name"] for answer in answers for queues in answer.values() for queue in queues} >= QUEUES:
            return True
        if len(answers) < len(QUEUES):
            return False
    return False


def _ask_workers(expected: int | None) -> list[dict[str, list[dict[str, Any]]]]:
    limits = {"socket_timeout": _SECONDS, "socket_connect_timeout": _SECONDS, "max_retries": 0}
    with current_app.connection_for_write(connect_timeout=_SECONDS, transport_options=limits) as link:
        return (
            current_app.control.broadcast(
                "active_queues", reply=True, timeout=_SECONDS, limit=expected, connection=link
            )
            or []
        )
