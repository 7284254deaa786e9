"""Find where a request comes from: the peer, or the caller that the trusted proxy names."""

from __future__ import annotations

import ipaddress
from collections.abc import Mapping
from typing import Any

from django.conf import settings


def caller_address(meta: Mapping[str, Any]) -> str | None:
    """Return the caller's IP address from a request's `META`; None when there is none, as on a Unix socket.

    `X-Forwarded-For` can be forged by anybody, so only the entry that our own proxy appended (the
    last one) is believed, and only when the peer is that proxy (`TRUSTED_PROXY`, an address or network).
    """
    peer = _address(meta.get("REMOTE_ADDR", ""))
    if peer and _is_trusted(peer):
        named = _address(meta.get("HTTP_X_FORWARDED_FOR", "").rpartition(",")[2])
        return named or peer
    return peer


def _is_trusted(peer: str) -> bool:
    if not settings.TRUSTED_PROXY:
        return False
    try:
        return ipaddress.ip_address(peer) in ipaddress.ip_network(settings.TRUSTED_PROXY, strict=False)
    except ValueError:
        return False


def _address(text: str) -> str | None:
    try:
        return str(ipaddress.ip_address(text.strip().partition("%")[0]))
    except ValueError:
        return None
