"""Write logs without patients in them: one JSON object a line, and no text that came from outside."""

from __future__ import annotations

import datetime
import json
import logging
import traceback
from pathlib import Path
from types import TracebackType

from django.http import HttpRequest

NO_ROUTE = "an address without a page"
ROOT = Path(__file__).resolve().parent.parent


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


class JsonLine(logging.Formatter):
    """A record as one JSON object, in UTC. JSON escapes control characters, so nobody forges a line.

    Of an exception it has the type and the places in our code, never the message: a database names
    the row it refused, and rows are patients.
    """

    def format(self, record: logging.LogRecord) -> str:
        line: dict[str, object] = {
            "time": datetime.datetime.fromtimestamp(record.created, datetime.UTC).isoformat(),
            "level": record.levelname,
            "logger": record.name,
            "message": _message(record),
        }
        line |= getattr(record, "facts", {})
        if record.exc_info and record.exc_info[0]:
            line["error"] = record.exc_info[0].__name__
            line["where"] = places(record.exc_info[2])
        return json.dumps(line, ensure_ascii=True)


def places(trace: TracebackType | None) -> list[str]:
    """Return `tenovi/inbound/deliveries.py:93 settle` for each step, outermost first."""
    return [f"{_short(frame.filename)}:{frame.lineno} {frame.name}" for frame in traceback.extract_tb(trace)]


def _short(filename: str) -> str:
    path = Path(filename)
    return str(path.relative_to(ROOT) if path.is_relative_to(ROOT) else path.name)


def _message(record: logging.LogRecord) -> str:
    """Return the message, with the exceptions in it named by their type alone."""
    arguments = record.args
    if isinstance(arguments, dict):
        # Celery's words on a failed task hold the exception, its traceback and the task's arguments.
        kept = {name: value for name, value in arguments.items() if name in ("name", "id", "description")}
        if "exc" in arguments:
            return f"Task {kept.get('name')}[{kept.get('id')}] {kept.get('description')}"
    if isinstance(arguments, tuple):
        cleaned = tuple(type(one).__name__ if isinstance(one, BaseException) else one for one in arguments)
        if cleaned != arguments:
            return str(record.msg) % cleaned
    return record.getMessage()
