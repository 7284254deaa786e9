"""Try an API key with a harmless read before it replaces the one in use."""

from __future__ import annotations

from contextlib import closing

from django.conf import settings

from tenovi.client.endpoints import TenoviClient
from tenovi.client.errors import LimiterAway, VendorError
from tenovi.outbound.limiter import Limiter


def why_key_fails(domain: str, api_key: str) -> str:
    """Read the device types with this key. Returns why that fails in a sentence, "" when it works.

    The call takes a slot of the key, like every other.
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
