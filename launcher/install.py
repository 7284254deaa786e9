"""Install what Vitaldays needs into the checkout: `.venv`, `node_modules` and `static-packages`.

Each step keeps a stamp, the hash of its input, and is skipped while that is the same. Runs on the system's Python, before anything is installed.
"""

from __future__ import annotations

import fcntl
import hashlib
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from launcher.assets import ICON_LIST, copy_front_end
from launcher.local import LOCAL, ROOT
from launcher.say import say

OLDEST_NODE = 20
VENV = ROOT / ".venv"
PYTHON = VENV / "bin" / "python"


class CannotInstall(Exception):
    """Something is missing on this machine. The text says what to do."""


def install(*, development: bool = False) -> None:
    """Bring the checkout up to date with its lock files. Raises CannotInstall."""
    with _one_at_a_time():
        _python_packages("requirements-dev.txt" if development else "requirements.txt")
        _front_end()


@contextmanager
def _one_at_a_time() -> Iterator[None]:
    """Let two commands in one checkout install one after the other."""
    LOCAL.mkdir(exist_ok=True)
    with (LOCAL / "install.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def _python_packages(lock: str) -> None:
    stamp, digests = VENV / "installed", {name: _digest(name) for name in ("requirements.txt", lock)}
    if PYTHON.exists() and digests.items() <= _read_stamp(stamp).items():
        return
    _make_venv()
    say(f"Installing Python packages from {lock} (a minute or so the first time)")
    stamp.unlink(missing_ok=True)
    options = [
        "--require-hashes",
        "--only-binary=:all:",
        "--no-input",
        "--disable-pip-version-check",
        "--quiet",
    ]
    _run([PYTHON, "-m", "pip", "install", *options, "-r", lock], "pip could not install the packages")
    for folder in VENV.glob("lib/python*/site-packages"):  # bare `pytest` and `celery` find the rooms
        (folder / "vitaldays.pth").write_text(f"{ROOT}\n")
    stamp.write_text("".join(f"{digest} {name}\n" for name, digest in digests.items()))


def _make_venv() -> None:
    if PYTHON.exists() and _works([PYTHON, "-m", "pip", "--version"]):
        return
    say("Creating .venv")
    if not _works([sys.executable, "-m", "ensurepip", "--version"]):
        raise CannotInstall(
            f"This Python ({sys.executable}) cannot create virtual environments. "
            "On Debian and Ubuntu: apt install python3-venv"
        )
    _run([sys.executable, "-m", "venv", "--clear", VENV], "the virtual environment could not be created")


def _front_end() -> None:
    stamp, digests = ROOT / "node_modules" / ".installed", {"package-lock.json": _digest("package-lock.json")}
    if _read_stamp(stamp) != digests:
        npm = find_npm()
        say("Installing front-end packages")
        run_npm(npm, ROOT)
        stamp.write_text("".join(f"{digest} {name}\n" for name, digest in digests.items()))
    names = ("package-lock.json", "launcher/assets.py", ICON_LIST)
    copied, digests = ROOT / "static-packages" / ".copied", {name: _digest(name) for name in names}
    if _read_stamp(copied) != digests:
        copy_front_end(ROOT)
        copied.write_text("".join(f"{digest} {name}\n" for name, digest in digests.items()))


def find_npm() -> str:
    """Find the npm of a Node that is new enough. Raises CannotInstall."""
    node, npm = shutil.which("node"), shutil.which("npm")
    if not node or not npm:
        raise CannotInstall(f"Node {OLDEST_NODE} or newer, with npm, is needed and was not found.")
    version = subprocess.run([node, "--version"], capture_output=True, text=True, check=False).stdout
    number = re.match(r"v(\d+)", version)
    if not number or int(number[1]) < OLDEST_NODE:
        raise CannotInstall(f"Node {OLDEST_NODE} or newer is needed; this is {version.strip() or 'unknown'}.")
    return npm


def run_npm(npm: str, folder: Path) -> None:
    """Install exactly what the folder's package-lock.json lists, without scripts of packages."""
    quiet = [
        "--ignore-scripts",
        "--no-audit",
        "--no-fund",
        "--no-progress",
        "--no-update-notifier",
        "--loglevel=error",
    ]
    _run([npm, "ci", *quiet], "npm could not install the packages", folder)


def install_debian_packages(what: str, *packages: str) -> None:
    """Install packages with apt where this is Debian and we are root. The caller checks the result."""
    if os.geteuid() != 0 or not shutil.which("apt-get"):
        return
    say(f"Installing {what} with apt")
    install = ["apt-get", "install", "-y", "-qq", "--no-install-recommends", *packages]
    environment = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
    for command in (["apt-get", "update", "-qq"], install):
        subprocess.run(
            command, env=environment, stdout=subprocess.DEVNULL, stdin=subprocess.DEVNULL, check=False
        )


def _run(command: list[str | Path], failure: str, folder: Path = ROOT) -> None:
    answer = subprocess.run(
        [str(part) for part in command], cwd=folder, stdin=subprocess.DEVNULL, check=False
    )
    if answer.returncode:
        raise CannotInstall(f"{failure}; the lines above say why.")


def _works(command: list[str | Path]) -> bool:
    try:
        return subprocess.run(command, capture_output=True, check=False).returncode == 0
    except OSError:
        return False


def _digest(name: str) -> str:
    path = ROOT / name
    content = path.read_bytes() if path.exists() else b""
    place = f"{ROOT} {sys.version_info[:2]}" if name.startswith("requirements") else ""
    return hashlib.sha256(content + os.fsencode(place)).hexdigest()


def _read_stamp(path: Path) -> dict[str, str]:
    lines = path.read_text().splitlines() if path.exists() else []
    return {name: digest for digest, _, name in (line.partition(" ") for line in lines)}
