from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest


@pytest.fixture
def folder() -> Iterator[Path]:
    """A folder that PostgreSQL's user can reach too; pytest's own are closed to it."""
    path = Path(tempfile.mkdtemp(prefix="vitaldays-launcher-"))
    path.chmod(0o711)
    yield path
    shutil.rmtree(path)
