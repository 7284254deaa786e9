"""The product's settings with the reference view behind the same address."""

from config.settings import *  # noqa: F403

ROOT_URLCONF = "bench.drf"
