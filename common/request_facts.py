"""Which request is being answered, for the record and the log."""

from __future__ import annotations

import uuid
from contextvars import ContextVar
from dataclasses import dataclass, field


@dataclass
class RequestFacts:
    """What is known of a request before any view runs."""

    address: str | None
    id: str = field(default_factory=lambda: uuid.uuid4().hex)
    looked: bool = False
    """Whether the record has who looked at what: the view has said so itself."""


current: ContextVar[RequestFacts | None] = ContextVar("request", default=None)
"""None outside a request: in a command or a worker."""
