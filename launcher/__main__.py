"""Install what is needed, then go on inside `.venv`: `python3 -m launcher run|serve|install|check|test|bench`.

Needs only Python's standard library. `make` calls it.
"""

from __future__ import annotations

import ctypes
import os
import signal
import sys

from launcher.browser import find_or_install
from launcher.install import PYTHON, CannotInstall, install
from launcher.local import ROOT
from launcher.say import say

USAGE = "usage: python3 -m launcher run | serve | install | check | test [pytest arguments] | bench [--quick]"
OLDEST_PYTHON = (3, 11)


def main(arguments: list[str]) -> int:
    command, *rest = arguments or [""]
    if command not in ("run", "serve", "install", "check", "test", "bench"):
        print(USAGE, file=sys.stderr)
        return 2
    if sys.version_info < OLDEST_PYTHON:
        say(
            f"Python {'.'.join(map(str, OLDEST_PYTHON))} or newer is needed; this is {sys.version.split()[0]}."
        )
        return 1
    os.chdir(ROOT)
    _end_with_make()
    development = command in ("install", "check", "test")
    try:
        install(development=development)
        if command == "install":
            return 0
        if command == "test":
            os.environ["VITALDAYS_CHROMIUM"] = str(find_or_install())
    except CannotInstall as error:
        say(str(error))
        return 1
    except KeyboardInterrupt:
        return 130
    modules = {
        "test": ["pytest", *rest] if rest else ["launcher.suite"],
        "check": ["launcher.check"],
        "bench": ["launcher.bench", *rest],
    }
    module = modules.get(command, ["launcher.run", command])
    os.execv(PYTHON, [str(PYTHON), "-m", *module])


def _end_with_make() -> None:
    """Stop when the `make` that called us is killed: no Ctrl-C could reach us any more."""
    if os.environ.get("MAKELEVEL") and sys.platform == "linux":
        ctypes.CDLL(None).prctl(1, int(signal.SIGTERM))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
