"""A PostgreSQL cluster with the migrated test database, made once for each state of the migrations.

To create a cluster and to migrate takes longer than most test files; to copy one takes a moment.
"""

from __future__ import annotations

import fcntl
import hashlib
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path

from launcher.binaries import postgres_programs
from launcher.local import LOCAL, ROOT
from launcher.servers import Servers

DATABASE = "test_vitaldays"
"""What pytest-django calls the test database of `vitaldays`."""
KEPT = LOCAL / "test-clusters"


def copy_cluster(folder: Path, secrets: Mapping[str, str]) -> None:
    """Put a migrated cluster where `Servers(folder, ...)` looks for one; make it first where none is kept."""
    KEPT.mkdir(parents=True, exist_ok=True)
    with (KEPT / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)  # two runs in one checkout make one
        kept = KEPT / _state_of_migrations()
        if not kept.exists():
            _make(kept, secrets)
        _copy(kept, folder / "postgres")


def _state_of_migrations() -> str:
    """Digest what a migrated database depends on: migrations, Django and its packages, PostgreSQL, its user."""
    digest = hashlib.sha256(f"{postgres_programs()} {os.geteuid()}".encode())
    for path in [ROOT / "requirements.txt", *sorted(ROOT.glob("*/migrations/*.py"))]:
        digest.update(f"\0{path.relative_to(ROOT)}\0".encode() + path.read_bytes())
    return digest.hexdigest()[:16]


def _make(kept: Path, secrets: Mapping[str, str]) -> None:
    """Migrate in a new cluster, keep that one, and forget those of other states."""
    with tempfile.TemporaryDirectory(prefix="vitaldays-cluster-") as name:
        folder = Path(name)
        folder.chmod(0o711)  # PostgreSQL runs as another user when the tests run as root
        servers = Servers(folder, {}, database=DATABASE, durable=False)
        try:
            environment = {**os.environ, **secrets, **servers.start(), "DEBUG": "1"}
            command = [sys.executable, "manage.py", "migrate", "--skip-checks", "--verbosity=0"]
            subprocess.run(command, cwd=ROOT, env=environment, check=True)
        finally:
            servers.stop()
        draft = kept.with_suffix(".new")
        shutil.rmtree(draft, ignore_errors=True)
        _copy(folder / "postgres", draft)
    for other in KEPT.iterdir():
        if other.is_dir() and other != draft:
            shutil.rmtree(other)
    draft.rename(kept)


def _copy(source: Path, target: Path) -> None:
    """`cp -a`: owners and modes stay, and PostgreSQL minds both."""
    subprocess.run(["cp", "-a", source, target], check=True)
