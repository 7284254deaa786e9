"""Check from outside whether the address that the vendor gets leads here."""

from __future__ import annotations

import ipaddress
from urllib.parse import urlsplit

import requests

SECONDS = 5.0


def why_unreachable(endpoint: str) -> str:
    """Post without a secret. Returns "" when that is refused as it must be, else the problem in a sentence."""
    with requests.Session() as session:
        session.trust_env = False  # straight, as a stranger would
        try:
            answer = session.post(endpoint, data=b"", timeout=SECONDS, allow_redirects=False)
        except requests.Timeout:
            return f"Nothing answered within {SECONDS:.0f} seconds."
        except requests.RequestException as error:
            return f"It cannot be reached ({type(error).__name__})."
    if answer.status_code == 401 and answer.headers.get("WWW-Authenticate") == 'Basic realm="webhooks"':
        return ""
    if 300 <= answer.status_code < 400:
        return "It redirects elsewhere. PUBLIC_URL must be the address itself."
    return f"Something else answers there ({answer.status_code}): look at the proxy and at PUBLIC_URL."


def is_public(endpoint: str) -> bool:
    """Whether the vendor could reach it: https, and no name or address of a private network."""
    url = urlsplit(endpoint)
    host = url.hostname or ""
    try:
        return url.scheme == "https" and ipaddress.ip_address(host).is_global
    except ValueError:
        return url.scheme == "https" and "." in host and not host.endswith((".local", ".internal"))
