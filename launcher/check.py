"""Run every check that is not a test: `python -m launcher.check`. Exit code 0 if all pass.

Some load the settings, so they get secrets and servers of their own for the time.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from launcher.local import ROOT, keep_secrets
from launcher.say import say
from launcher.servers import Servers

ROOMS = (
    *("config", "dashboard", "billing", "measurements", "fulfillment", "devices", "patients", "tenovi"),
    *("clinics", "common", "launcher", "manage.py"),
)
CHECKS = {
    "Format": ["ruff", "format", "--check", "."],
    "Lint": ["ruff", "check", "."],
    "Templates": ["djlint", "--lint", "--quiet", "templates"],
    "Types": ["mypy", "."],
    "Architecture": ["lint-imports"],
    "Security": ["bandit", "--quiet", "--recursive", "-ll", "--configfile", "pyproject.toml", *ROOMS],
    "Dependencies": ["python", "-m", "launcher.advisories"],
    "Migrations": ["python", "manage.py", "makemigrations", "--check", "--dry-run"],
    "Deployment": ["python", "manage.py", "check", "--deploy", "--fail-level", "WARNING"],
}


def main() -> int:
    folder = Path(tempfile.mkdtemp(prefix="vitaldays-check-"))
    folder.chmod(0o711)  # PostgreSQL runs as another user when this runs as root
    servers = Servers(folder, {}, durable=False)
    try:
        environment = {**os.environ, **keep_secrets({}, folder / "secrets"), **servers.start()}
        environment |= {"DEBUG": "0", "PUBLIC_URL": "https://vitaldays.example"}
        failed = [name for name, command in CHECKS.items() if not _passes(name, command, environment)]
    finally:
        servers.stop()
        shutil.rmtree(folder, ignore_errors=True)
    say(f"Failed: {', '.join(failed)}" if failed else "All checks pass")
    return 1 if failed else 0


def _passes(name: str, command: list[str], environment: dict[str, str]) -> bool:
    say(f"{name}: {' '.join(command)}")
    program = Path(sys.executable).parent / command[0]
    return subprocess.run([program, *command[1:]], cwd=ROOT, env=environment, check=False).returncode == 0


if __name__ == "__main__":
    sys.exit(main())
