"""Measure Vitaldays beside the least that the same work could cost: `python -m launcher.bench [--quick]`.

Starts durable servers of its own in a temporary folder and leaves nothing behind. Exits 0 whether or not
the aims are met: the figures are for a reader.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

import psycopg

from launcher import processes
from launcher.local import ROOT, keep_secrets
from launcher.servers import Servers

CONNECTIONS = 200  # the servers compared run side by side, with up to 32 connections each


def main(arguments: list[str]) -> int:
    folder = Path(tempfile.mkdtemp(prefix="vitaldays-bench-"))
    folder.chmod(0o711)  # PostgreSQL runs as another user when this runs as root
    servers = Servers(folder, {}, database="bench")
    environment = {**os.environ, **keep_secrets({}, folder / "secrets"), "DEBUG": "0", "LOG_LEVEL": "ERROR"}
    try:
        with psycopg.connect(servers.start()["DATABASE_URL"], autocommit=True) as database:
            database.execute(f"ALTER SYSTEM SET max_connections = {CONNECTIONS}")
        servers.stop()
        environment |= servers.start() | {"BENCH_FOLDER": str(folder)}
        for command in (processes.prepare(demo=False), [sys.executable, "-m", "bench", *arguments]):
            code = subprocess.run(command, cwd=ROOT, env=environment, check=False).returncode
            if code:
                return code
        return 0
    except KeyboardInterrupt:
        return 130
    finally:
        servers.stop()
        shutil.rmtree(folder, ignore_errors=True)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
