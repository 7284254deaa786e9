"""Say when a call may go out: what the client asks of whoever keeps the vendor's rate."""

from __future__ import annotations

from typing import Protocol


class Gate(Protocol):
    """Asked by the client around the bytes of each request."""

    def confirm(self) -> None:
        """Returns in the instant the request may be sent; raises `NotSent` when it may not."""

    def sent(self) -> None:
        """The bytes have left, or may have."""

    def answered(self) -> None:
        """The answer has come, or none will."""


class NoLimit:
    """A gate that lets everything through, for a vendor without a limit (a test's stub)."""

    def confirm(self) -> None: ...

    def sent(self) -> None: ...

    def answered(self) -> None: ...
