"""Keep which request is being answered, for the audit record and the log."""

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
    """Whether the view has recorded by itself who looked at what."""


current: ContextVar[RequestFacts | None] = ContextVar("request", default=None)
"""None outside a request: in a command or a worker."""
