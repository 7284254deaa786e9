"""The sandbox as a process of its own, started once for the whole run: fixtures for any test."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import requests
from requests import Response

ROOT = Path(__file__).parent.parent


@dataclass(frozen=True, slots=True)
class Sandbox:
    """A running sandbox. `url` is the vendor's base URL without `/clients/<domain>`."""

    url: str
    domain: str = "demo"
    api_key: str = "sandbox-key"

    def control(self, call: str, order: Any = None, method: str = "POST") -> Any:
        """One call of `tenovi/sandbox/control.py`; raises when the sandbox refuses the order."""
        answer = requests.request(method, f"{self.url}/_sandbox/{call}", json=order, timeout=120)
        answer.raise_for_status()
        return answer.json()

    def requests(self) -> list[dict[str, Any]]:
        """Every request the API has seen since the test began, oldest first."""
        seen: list[dict[str, Any]] = self.control("requests", method="GET")["requests"]
        return seen

    def call(
        self, path: str, *, key: str | None = None, method: str = "GET", body: Any = None, **query: Any
    ) -> Response:
        """A request to the API as a client would send it, redirects not followed."""
        return requests.request(
            method,
            f"{self.url}/clients/{self.domain}{path}",
            params=query,
            json=body,
            headers={"Authorization": f"Api-Key {key or self.api_key}"},
            allow_redirects=False,
            timeout=120,
        )


def start_sandbox(*arguments: str) -> tuple[subprocess.Popen[str], Sandbox]:
    """A sandbox with its own arguments; the caller ends the process."""
    process = subprocess.Popen(
        [sys.executable, "-m", "tenovi.sandbox", "--live-seconds=0", *arguments],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    assert process.stdout is not None
    line = process.stdout.readline()
    if not line:
        raise RuntimeError(f"The sandbox ended at once with code {process.wait()}.")
    return process, Sandbox(line.split()[-1])


def end(process: subprocess.Popen[str]) -> tuple[int, str]:
    """Ends it as `kill` would; its exit code and the rest of what it said."""
    process.terminate()
    said, _ = process.communicate(timeout=60)
    return process.returncode, said


@pytest.fixture(scope="session")
def sandbox_process() -> Iterator[Sandbox]:
    process, sandbox = start_sandbox()
    yield sandbox
    end(process)


@pytest.fixture
def sandbox(sandbox_process: Sandbox) -> Sandbox:
    """The sandbox as after its start: no faults, no requests seen, nobody has used up this second."""
    sandbox_process.control("reset")
    return sandbox_process
