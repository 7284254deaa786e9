"""The product's settings with the reference view behind the same address."""

from config.settings import *  # noqa: F403

ROOT_URLCONF = "bench.drf"

# It would serve webhooks with the product's own view.
MIDDLEWARE = [one for one in MIDDLEWARE if one != "tenovi.inbound.middleware.WebhookShortcut"]  # noqa: F405
