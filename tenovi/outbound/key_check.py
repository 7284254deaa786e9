"""Trying an API key with a harmless read before it replaces the one in use."""

from __future__ import annotations

from contextlib import closing

from django.conf import settings

from tenovi.client.endpoints import TenoviClient
from tenovi.client.errors import LimiterAway, VendorError
from tenovi.outbound.limiter import Limiter


def why_key_fails(domain: str, api_key: str) -> str:
    """Ask for the device types with this key; the vendor's complaint in a sentence, "" when it is taken.

    The call takes a second of the key's own line like every other.
    """
    with closing(Limiter.at(settings.REDIS_URL, spacing=settings.TENOVI_SPACING_SECONDS)) as limiter:
        slot = limiter.slot(api_key)
        try:
            if not slot.reserve():
                return "This key is busy just now; try again in a minute."
            client = TenoviClient(settings.TENOVI_BASE_URL, domain, api_key, gate=slot)
            client.device_types()
        except LimiterAway:
            return "Redis is away, so nothing can be asked; try again later."
        except VendorError as error:
            return str(error)
    return ""
