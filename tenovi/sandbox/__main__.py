"""Start the sandbox: `python -m tenovi.sandbox --port 8010 --clinic-url http://127.0.0.1:8000`.

Prints one line with its address once it listens. With `--clinic-url` the clinic's webhooks are registered
from the start. Otherwise nothing is posted before some are. Secrets may come from the environment, under
the names that `manage.py add_clinic` uses.
"""

from __future__ import annotations

import argparse
import base64
import logging
import os
import signal
import sys
from datetime import UTC, datetime
from pathlib import Path
from types import FrameType

from tenovi.sandbox.live_readings import Live
from tenovi.sandbox.server import SandboxServer
from tenovi.sandbox.simulation import Clinic
from tenovi.sandbox.state import State
from tenovi.sandbox.webhooks import Webhooks, for_every_event, read_kept


def arguments(argv: list[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m tenovi.sandbox", description="Plays the vendor over HTTP."
    )
    add = parser.add_argument
    add("--port", type=int, default=0, help="0 takes a free port (default)")
    add("--domain", default="demo", help="the client domain in the path")
    add("--api-key", default=os.environ.get("TENOVI_API_KEY", "sandbox-key"))
    add("--clinic-url", default="", help="where the product listens, to register its webhooks")
    add("--clinic", default="demo", help="slug of the clinic that gets the readings")
    add("--webhook-user", default=os.environ.get("WEBHOOK_USERNAME", ""))
    add("--webhook-password", default=os.environ.get("WEBHOOK_PASSWORD", ""))
    add(
        "--keep-webhooks", type=Path, default=None, help="file in which registered webhooks outlive a restart"
    )
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
    state = State(clinic, given.domain, [given.api_key], webhooks(given))
    live = Live(state, given.live_seconds, given.rhythm_hours)
    signal.signal(signal.SIGTERM, _leave)
    with SandboxServer(given.port, state, live) as server:
        print(f"Sandbox listening on http://127.0.0.1:{server.server_port}", flush=True)
        if given.live_seconds > 0:
            live.start()
        try:
            server.serve_forever()
        except KeyboardInterrupt:
            pass
        finally:
            live.stop()


def webhooks(given: argparse.Namespace) -> Webhooks:
    """Return the webhooks that an earlier run kept, else those of `--clinic-url` with the given secret."""
    path: Path | None = given.keep_webhooks
    if path and (earlier := read_kept(path, given.clinic_url)) is not None:
        return Webhooks(earlier, path)
    if not given.clinic_url:
        return Webhooks((), path)
    secret = base64.b64encode(f"{given.webhook_user}:{given.webhook_password}".encode()).decode()
    url = f"{given.clinic_url.rstrip('/')}/webhooks/{given.clinic}/measurements/"
    return Webhooks(for_every_event(url, "Authorization", f"Basic {secret}"), path)


def _leave(signum: int, frame: FrameType | None) -> None:
    raise SystemExit(0)


if __name__ == "__main__":
    main(sys.argv[1:])
