"""Find a Chromium for the browser tests, or install Debian's or one from npm."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

from launcher.install import CannotInstall, find_npm, install_debian_packages, run_npm
from launcher.local import LOCAL, ROOT
from launcher.say import say

NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
LOCK = ROOT / "launcher" / "chromium"
FOLDER = LOCAL / "chromium"
_UNPACK = """
const fs = require("fs"), zlib = require("zlib"), [from, to] = process.argv.slice(1);
fs.writeFileSync(to, zlib.brotliDecompressSync(fs.readFileSync(from)));
"""
_WRAPPER = """#!/bin/sh
here=$(dirname "$0")
export LD_LIBRARY_PATH="$here/lib" FONTCONFIG_FILE="$here/fonts.conf"
exec "$here/chromium" "$@"
"""


_FONTS = "<fontconfig><dir prefix='relative'>fonts</dir><cachedir prefix='relative'>cache</cachedir></fontconfig>\n"


def find() -> Path | None:
    """Find the browser to use, None without one. VITALDAYS_CHROMIUM names it outright."""
    named = os.environ.get("VITALDAYS_CHROMIUM")
    if named:
        return Path(named)
    for name in NAMES:
        if program := shutil.which(name):
            return Path(program)
    unpacked = FOLDER / "run"
    return unpacked if unpacked.exists() else None


def find_or_install() -> Path:
    """Find the browser, or install one by apt (root only) or npm. Raises CannotInstall."""
    return find() or _from_debian() or _from_npm()


def _from_debian() -> Path | None:
    install_debian_packages("Chromium, for the browser tests", "chromium", "fonts-liberation")
    return find()


def _from_npm() -> Path:
    """Unpack the npm package with Node's own brotli. It brings the libraries it needs."""
    say("Installing Chromium from npm, for the browser tests")
    shutil.rmtree(FOLDER, ignore_errors=True)
    FOLDER.mkdir(parents=True)
    for name in ("package.json", "package-lock.json", ".npmrc"):
        shutil.copy(LOCK / name, FOLDER)
    run_npm(find_npm(), FOLDER)
    packed = FOLDER / "node_modules" / "@sparticuz" / "chromium" / "bin"
    _unpack(packed / "chromium.br", FOLDER / "chromium")
    (FOLDER / "chromium").chmod(0o755)
    for archive in ("al2023", "swiftshader", "fonts"):
        tar = FOLDER / f"{archive}.tar"
        _unpack(packed / f"{archive}.tar.br", tar)
        shutil.unpack_archive(tar, FOLDER)
        tar.unlink()
    shutil.rmtree(FOLDER / "node_modules")
    (FOLDER / "fonts.conf").write_text(_FONTS)
    wrapper = FOLDER / "run"
    wrapper.write_text(_WRAPPER)
    wrapper.chmod(0o755)
    return wrapper


def _unpack(source: Path, target: Path) -> None:
    node = shutil.which("node") or "node"
    if subprocess.run([node, "-e", _UNPACK, source, target], check=False).returncode:
        raise CannotInstall(f"{source.name} could not be unpacked.")
