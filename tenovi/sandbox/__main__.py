"""Starts the sandbox: `python -m tenovi.sandbox --port 8010 --clinic-url http://127.0.0.1:8000`.

Prints one line with its address once it listens. Without `--clinic-url` nothing is pushed. Secrets
may come from the environment, under the names that `manage.py add_clinic` uses.
"""

from __future__ import annotations

import argparse
import base64
import logging
import os
import signal
import sys
from datetime import UTC, datetime
from types import FrameType

from tenovi.sandbox.live import Live
from tenovi.sandbox.server import SandboxServer
from tenovi.sandbox.simulation import Clinic
from tenovi.sandbox.state import State, Webhook


def arguments(argv: list[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m tenovi.sandbox", description="Plays the vendor over HTTP."
    )
    add = parser.add_argument
    add("--port", type=int, default=0, help="0 takes a free port (default)")
    add("--domain", default="demo", help="the client domain in the path")
    add("--api-key", default=os.environ.get("TENOVI_API_KEY", "sandbox-key"))
    add("--clinic-url", default="", help="where the product listens; nothing is pushed without it")
    add("--clinic", default="demo", help="slug of the clinic that gets the readings")
    add("--webhook-user", default=os.environ.get("WEBHOOK_USERNAME", ""))
    add("--webhook-password", default=os.environ.get("WEBHOOK_PASSWORD", ""))
    add("--live-seconds", type=float, default=5, help="between two readings; 0 pushes only on demand")
    add("--rhythm-hours", type=float, default=0, help="a device is used again only after so long; 0 at once")
    add("--patients", type=int, default=24)
    add("--days", type=int, default=90, help="days of history before --until")
    add("--seed", type=int, default=1)
    add(
        "--until", type=datetime.fromisoformat, default=None, help="end of the history, ISO 8601; default now"
    )
    return parser.parse_args(argv)


def main(argv: list[str]) -> None:
    given = arguments(argv)
    logging.basicConfig(format="sandbox: %(message)s", level=logging.INFO)
    until = (given.until or datetime.now(UTC)).astimezone(UTC)
    clinic = Clinic(given.seed, given.patients, given.days, until)
    state = State(clinic, given.domain, [given.api_key], webhook(given))
    live = Live(state, given.live_seconds, given.rhythm_hours)
    signal.signal(signal.SIGTERM, _leave)
    with SandboxServer(given.port, state, live) as server:
        print(f"Sandbox listening on http://127.0.0.1:{server.server_port}", flush=True)
        if state.webhook and given.live_seconds > 0:
            live.start()
        try:
            server.serve_forever()
        except KeyboardInterrupt:
            pass
        finally:
            live.stop()


def webhook(given: argparse.Namespace) -> Webhook | None:
    if not given.clinic_url:
        return None
    secret = base64.b64encode(f"{given.webhook_user}:{given.webhook_password}".encode()).decode()
    url = f"{given.clinic_url.rstrip('/')}/webhooks/{given.clinic}/measurements/"
    return Webhook(url, "Authorization", f"Basic {secret}")


def _leave(signum: int, frame: FrameType | None) -> None:
    raise SystemExit(0)


if __name__ == "__main__":
    main(sys.argv[1:])
