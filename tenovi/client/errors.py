"""Define what can go wrong in a call to the vendor, as one tree.

    VendorError
    ├── NotSent               no byte left this machine
    │   ├── Unreachable       no connection
    │   ├── SlotLost          another request has our slot
    │   ├── LockLost          another process may send with this key by now
    │   └── LimiterAway       Redis is away, so nothing may be sent
    ├── Refused               the vendor answered, and did nothing
    │   ├── KeyRefused        401, 403
    │   ├── DomainUnknown     404 on the client domain itself
    │   ├── NotFound          404 on one object
    │   ├── PathUnknown       404 on a path that the vendor's pages do not agree on
    │   ├── NotAllowed        403 on a module that not every account has
    │   ├── Unaddressable     never sent: a name that cannot stand in a path
    │   └── Invalid           any other 4xx
    └── Unclear               it may have had an effect
        ├── TooManyRequests   429
        ├── NoAnswer          the answer was lost, or later than the deadline
        ├── ServerFailed      5xx
        ├── Redirected        3xx, never followed
        ├── UnreadableAnswer  an answer that is not what the vendor documents
        └── TooLarge          an answer beyond the size cap

`effect` says whether the same call may be sent again. The text of every error is a sentence for
people. It never quotes the key, the address or the body.
"""

from __future__ import annotations

import enum
from typing import ClassVar


class Effect(enum.Enum):
    """What a failed call means for sending it again."""

    RETRYABLE = "retryable"
    """Nothing happened at the vendor: the same call may be sent again."""
    PERMANENT = "permanent"
    """Nothing happened, and the same call would be refused again."""
    DOUBTFUL = "doubtful"
    """It may have happened: a read may be repeated, a write never by software."""


class VendorError(Exception):
    """A call without a usable answer. `status` is the HTTP status, None without one."""

    effect: ClassVar[Effect]

    def __init__(self, sentence: str, *, status: int | None = None) -> None:
        super().__init__(sentence)
        self.sentence = sentence
        self.status = status


class NotSent(VendorError):
    effect = Effect.RETRYABLE


class Unreachable(NotSent):
    pass


class SlotLost(NotSent):
    pass


class LockLost(NotSent):
    pass


class LimiterAway(NotSent):
    pass


class Refused(VendorError):
    effect = Effect.PERMANENT


class KeyRefused(Refused):
    effect = Effect.RETRYABLE  # once the key is repaired


class DomainUnknown(Refused):
    effect = Effect.RETRYABLE  # once the domain is corrected


class NotFound(Refused):
    pass


class PathUnknown(Refused):
    pass


class Invalid(Refused):
    """The vendor refuses the content of the request. `complaints` are (member, text).

    They may quote what we sent: for the room that sent it, never for a log.
    """

    def __init__(
        self, sentence: str, *, status: int | None = None, complaints: tuple[tuple[str, str], ...] = ()
    ) -> None:
        super().__init__(sentence, status=status)
        self.complaints = complaints


class NotOffered(Invalid):
    """The path does not take this method (405)."""


class NotAllowed(Refused):
    pass


class Unaddressable(Refused):
    pass


class Unclear(VendorError):
    effect = Effect.DOUBTFUL


class TooManyRequests(Unclear):
    """`retry_after` is the pause that the vendor asks for, in seconds; None when it names none."""

    def __init__(self, sentence: str, *, status: int, retry_after: float | None) -> None:
        super().__init__(sentence, status=status)
        self.retry_after = retry_after


class NoAnswer(Unclear):
    pass


class ServerFailed(Unclear):
    pass


class Redirected(Unclear):
    pass


class UnreadableAnswer(Unclear):
    pass


class TooLarge(Unclear):
    pass
