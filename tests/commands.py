"""Management commands as a shell runs them."""

from __future__ import annotations

import os
import subprocess
import sys

from tests.web_server import ROOT, database_url


def manage(*arguments: str, **secrets: str) -> subprocess.CompletedProcess[str]:
    """Run one on the test database; what it needs must be committed, so tests use `transactional_db`."""
    return subprocess.run(
        [sys.executable, "manage.py", *arguments],
        cwd=ROOT,
        env={**os.environ, "DATABASE_URL": database_url(), **secrets},
        capture_output=True,
        text=True,
        stdin=subprocess.DEVNULL,
        timeout=500,
        check=False,
    )
