"""Sessions that know whose they are, and when they end.

A session ends after some idle minutes and twelve hours after its sign-in, whatever happens. Both
are judged here, on the server, from moments kept in the session itself.
"""

from __future__ import annotations

import datetime
import re
from typing import Any
from uuid import UUID

from django.conf import settings
from django.contrib.auth import SESSION_KEY
from django.contrib.sessions.backends.base import SessionBase
from django.contrib.sessions.backends.db import SessionStore as DatabaseSessions
from django.db.models import Min
from django.utils import timezone

from clinics.models import Membership, Session, User

SINCE, SEEN, ADDRESS, BROWSER = "since", "seen", "address", "browser"  # in the session, epoch seconds first
ABSOLUTE_LIMIT = datetime.timedelta(hours=12)
NOTED_EVERY = 20  # seconds: not every click is worth a write
BROWSERS = (("Edg/", "Edge"), ("Firefox/", "Firefox"), ("Chrome/", "Chrome"), ("Safari/", "Safari"))
SYSTEMS = ("Windows", "Android", "iPhone", "iPad", "Macintosh", "Linux")


class SessionStore(DatabaseSessions):
    """Django's database sessions, with a column for the person (settings.SESSION_ENGINE)."""

    @classmethod
    def get_model_class(cls) -> type[Session]:
        return Session

    def create_model_instance(self, data: dict[str, Any]) -> Any:
        row: Any = super().create_model_instance(data)
        row.user_id = UUID(data[SESSION_KEY]) if SESSION_KEY in data else None
        row.signed_in_at, row.seen_at = (_moment(data.get(name)) for name in (SINCE, SEEN))
        row.address, row.browser = data.get(ADDRESS), data.get(BROWSER, "")
        return row


def begin(session: SessionBase, *, address: str | None, agent: str) -> None:
    """Start the clocks of a session in which somebody has just signed in."""
    session[SINCE] = session[SEEN] = int(timezone.now().timestamp())
    session[ADDRESS], session[BROWSER] = address, browser_named(agent)


def has_ended(session: SessionBase, user: User) -> bool:
    """Whether this session outlived one of its limits."""
    now = timezone.now().timestamp()
    if now - session[SINCE] >= ABSOLUTE_LIMIT.total_seconds():
        return True
    idle = now - session[SEEN]
    return bool(idle >= 60 and idle >= idle_seconds(user))  # no clinic may ask for less than a minute


def note_activity(session: SessionBase) -> None:
    """A person did something: the idle clock starts again."""
    now = int(timezone.now().timestamp())
    if now - session[SEEN] >= NOTED_EVERY:
        session[SEEN] = now


def idle_seconds(user: User) -> int:
    """The strictest of the server's limit and those of the person's clinics."""
    strictest = Membership.objects.filter(user=user).aggregate(least=Min("clinic__idle_minutes"))["least"]
    limits = [settings.SESSION_IDLE_MINUTES] + ([strictest] if strictest else [])
    return int(min(limits) * 60)


def sessions_of(user: User) -> list[Session]:
    """Where this person is signed in, the latest used first."""
    mine = Session.objects.filter(user_id=user.id, expire_date__gt=timezone.now())
    since = timezone.now() - ABSOLUTE_LIMIT
    active = timezone.now() - datetime.timedelta(seconds=idle_seconds(user))
    return list(mine.filter(signed_in_at__gt=since, seen_at__gt=active).order_by("-seen_at"))


def end_sessions(user: User, *, keep: str | None = None) -> int:
    """Sign this person out everywhere (but in the session `keep`); how many sessions ended.

    A request that is under way cannot bring its session back: Django only updates rows that exist.
    """
    ended, _ = Session.objects.filter(user_id=user.id).exclude(session_key=keep or "").delete()
    return ended


def forget_expired() -> None:
    Session.objects.filter(expire_date__lt=timezone.now()).delete()


def browser_named(agent: str) -> str:
    """`Firefox on Windows`; what a person recognises, and no more of the header than that."""
    browser = next((name for sign, name in BROWSERS if sign in agent), "")
    system = next((name for name in SYSTEMS if re.search(rf"\b{name}\b", agent)), "")
    system = "Mac" if system == "Macintosh" else system
    return f"{browser or 'A browser'} on {system}" if system else browser or "A program"


def _moment(seconds: int | None) -> datetime.datetime | None:
    return None if seconds is None else datetime.datetime.fromtimestamp(seconds, datetime.UTC)
