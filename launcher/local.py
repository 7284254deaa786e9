"""What `make run` and `make serve` leave in `.local/` for later commands to find."""

from __future__ import annotations

import json
import socket
from pathlib import Path
from urllib.parse import urlsplit

ROOT = Path(__file__).resolve().parent.parent
LOCAL = ROOT / ".local"
SECRETS = LOCAL / "secrets"
SERVERS = LOCAL / "servers.json"


def local_environment() -> dict[str, str]:
    """Secrets and addresses of embedded servers written by the launcher, if any.

    An address is returned only while something listens there, so that a stale file
    from a crashed run gives "connection settings missing" instead of a long time-out.
    """
    found: dict[str, str] = {}
    if SECRETS.exists():
        for line in SECRETS.read_text().splitlines():
            name, separator, value = line.partition("=")
            if separator:
                found[name.strip()] = value.strip()
    if SERVERS.exists():
        servers: dict[str, str] = json.loads(SERVERS.read_text())
        found.update({name: url for name, url in servers.items() if _listens(url)})
    return found


def _listens(url: str) -> bool:
    address = urlsplit(url)
    try:
        socket.create_connection((address.hostname, address.port), timeout=0.5).close()
    except OSError:
        return False
    return True
