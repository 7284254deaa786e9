"""The product's settings with the reference view behind the same address."""

from config.settings import *  # noqa: F403

ROOT_URLCONF = "bench.drf"

# Webhooks would be led past it, to the product's own door.
MIDDLEWARE = [one for one in MIDDLEWARE if one != "tenovi.inbound.middleware.WebhookShortcut"]  # noqa: F405
