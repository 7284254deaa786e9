"""Define how the client asks when a request may go out, and reports that it did."""

from __future__ import annotations

from typing import Protocol


class Gate(Protocol):
    """Called by the client around the bytes of each request."""

    def confirm(self) -> None:
        """Return in the instant the request may be sent. Raises `NotSent` when it may not."""

    def sent(self) -> None:
        """Note that the bytes have left, or may have."""

    def answered(self) -> None:
        """Note that the answer has come, or that none will."""


class NoLimit:
    """Let every request through, for a vendor without a limit (a test's stub)."""

    def confirm(self) -> None: ...

    def sent(self) -> None: ...

    def answered(self) -> None: ...
