"""Keep secrets and addresses of `make run` and `make serve` in `.local/`, for later commands."""

from __future__ import annotations

import json
import os
import secrets
import socket
from pathlib import Path
from urllib.parse import urlsplit

ROOT = Path(__file__).resolve().parent.parent
LOCAL = ROOT / ".local"
SECRETS = LOCAL / "secrets"
SERVERS = LOCAL / "servers.json"
LOGS = LOCAL / "log"
SANDBOX_WEBHOOKS = LOCAL / "sandbox-webhooks.json"
"""The webhooks registered with the demo's sandbox. They belong to the demo's database."""

SECRET_NAMES = ("SECRET_KEY", "CREDENTIALS_KEY")


def local_environment(folder: Path = LOCAL) -> dict[str, str]:
    """Read the secrets and the addresses of embedded servers that the launcher wrote, if any.

    An address is returned only while a server listens there. So a stale file of a crashed run gives
    "connection settings missing" instead of a long time-out.
    """
    return read_secrets(folder / SECRETS.name) | {
        name: url for name, url in read_servers(folder / SERVERS.name).items() if _listens(url)
    }


def read_secrets(path: Path = SECRETS) -> dict[str, str]:
    """Read the `NAME=value` lines of the secrets file, if there is one."""
    lines = path.read_text().splitlines() if path.exists() else []
    pairs = (line.partition("=") for line in lines)
    return {name.strip(): value.strip() for name, separator, value in pairs if separator}


def read_servers(path: Path = SERVERS) -> dict[str, str]:
    """Read addresses by environment name. A file cut short by a power failure counts as none."""
    try:
        servers: dict[str, str] = json.loads(path.read_text())
    except (FileNotFoundError, json.JSONDecodeError):
        return {}
    return servers


def keep_secrets(
    environment: dict[str, str], path: Path = SECRETS, names: tuple[str, ...] = SECRET_NAMES
) -> dict[str, str]:
    """Create the secrets that neither the environment nor the file has. Returns those of the file.

    A secret is never replaced: vendor keys at rest are encrypted with CREDENTIALS_KEY.
    """
    kept = read_secrets(path)
    missing = [
        name
        for name in names
        if name not in kept and not environment.get(name) and not environment.get(f"{name}_FILE")
    ]
    if missing:
        kept |= {name: secrets.token_urlsafe(48) for name in missing}
        write_private(path, "".join(f"{name}={value}\n" for name, value in kept.items()))
    return kept


def write_private(path: Path, text: str) -> Path:
    """Write a file that only its owner can read, whole or not at all."""
    path.parent.mkdir(parents=True, exist_ok=True)
    draft = path.with_name(f"{path.name}.{os.getpid()}")
    draft.unlink(missing_ok=True)
    with open(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())
    draft.replace(path)
    return path


def _listens(url: str) -> bool:
    address = urlsplit(url)
    try:
        socket.create_connection((address.hostname, address.port), timeout=0.5).close()
    except OSError:
        return False
    return True
