"""Long tests that break servers on purpose: they run when this folder is named (`make test-faults`)."""

from __future__ import annotations

from pathlib import Path

import pytest


def pytest_ignore_collect(collection_path: Path, config: pytest.Config) -> bool | None:
    return None if any("faults" in argument for argument in config.args) else True
