"""Whose address is written down: forged headers never count, the trusted proxy's word does."""

from __future__ import annotations

import pytest

from common.client_address import caller_address


@pytest.mark.parametrize(
    ("trusted", "peer", "forwarded", "expected"),
    [
        ("", "203.0.113.9", "198.51.100.1", "203.0.113.9"),
        ("10.0.0.2", "203.0.113.9", "198.51.100.1", "203.0.113.9"),
        ("10.0.0.2", "10.0.0.2", "198.51.100.1", "198.51.100.1"),
        ("10.0.0.2", "10.0.0.2", "1.1.1.1, " * 100 + "198.51.100.1", "198.51.100.1"),
        ("10.0.0.0/24", "10.0.0.7", "2001:db8::1", "2001:db8::1"),
        ("10.0.0.2", "10.0.0.2", "198.51.100.1, <script>", "10.0.0.2"),
        ("10.0.0.2", "10.0.0.2", "", "10.0.0.2"),
        ("not an address", "10.0.0.2", "198.51.100.1", "10.0.0.2"),
        ("", "fe80::1%eth0", "", "fe80::1"),
        ("", "", "198.51.100.1", None),
    ],
)
def test_only_the_trusted_proxys_word_counts(
    settings: object, trusted: str, peer: str, forwarded: str, expected: str | None
) -> None:
    settings.TRUSTED_PROXY = trusted  # type: ignore[attr-defined]
    assert caller_address({"REMOTE_ADDR": peer, "HTTP_X_FORWARDED_FOR": forwarded}) == expected
