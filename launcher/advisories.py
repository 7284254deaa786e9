"""Look for published advisories on our dependencies: `python -m launcher.advisories`. Exit code 1 if any.

pip-audit calls everything clean when it cannot reach the advisory data. So it must first find those of an
old release. If it does not, the dependencies were not audited, and this says so.
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
from pathlib import Path

from launcher.local import ROOT
from launcher.say import say

CANARY = "django==4.2.0"
"""Released in April 2023, with published advisories since."""
LIMIT = 180  # seconds


def finds(requirements: Path) -> bool | None:
    """Whether pip-audit finds an advisory on one of these. None when it cannot tell."""
    command = [sys.executable, "-m", "pip_audit", "--requirement", str(requirements)]
    options = ["--no-deps", "--disable-pip", "--progress-spinner", "off"]
    try:
        answer = subprocess.run(
            [*command, *options], capture_output=True, text=True, timeout=LIMIT, check=False
        )
    except subprocess.TimeoutExpired:
        return None
    if answer.returncode == 0:
        return False
    if "known vulnerabilit" in answer.stdout + answer.stderr:
        say(answer.stdout.strip())
        return True
    return None


def main() -> int:
    with tempfile.TemporaryDirectory() as folder:
        canary = Path(folder) / "canary.txt"
        canary.write_text(f"{CANARY}\n")
        if not finds(canary):
            say(f"NOT AUDITED: no advisory on {CANARY} was found, so the data cannot be reached from here")
            return 0
    has_advisories = finds(ROOT / "requirements.txt")
    say("Advisories: see above" if has_advisories else "No advisory on any dependency")
    return 0 if has_advisories is False else 1


if __name__ == "__main__":
    sys.exit(main())
