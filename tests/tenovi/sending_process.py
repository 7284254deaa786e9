"""One process of several that share a key: `python -m tests.tenovi.sending_process URL REDIS_URL COUNT`."""

from __future__ import annotations

import sys
import time

from tenovi.client.endpoints import TenoviClient
from tenovi.client.errors import NotSent
from tenovi.outbound.limiter import Limiter
from tests.vendor_stub import DOMAIN, KEY


def main(url: str, redis_url: str, count: str) -> None:
    slot = Limiter.at(redis_url).slot(KEY)
    client = TenoviClient(url, DOMAIN, KEY, gate=slot)
    sent = 0
    while sent < int(count):
        try:
            if slot.reserve():
                client.devices()
                sent += 1
        except NotSent:
            time.sleep(0.05)


if __name__ == "__main__":
    main(*sys.argv[1:])
