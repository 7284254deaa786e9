"""Copy the front-end files that pages use from `node_modules/` to `static-packages/`.

Only files named here are served: a whole package would add some hundred megabytes, and source maps that
the manifest storage refuses. `static/icons.txt` names the icons, one a line (`heartbeat`, or
`filled/heart`). They become one sprite, `vendor/icons.svg`, used as
`<svg><use href="…icons.svg#heartbeat"/></svg>`.
"""

from __future__ import annotations

import re
import shutil
from pathlib import Path

FILES = {
    "@tabler/core/dist/css/tabler.min.css": "vendor/tabler.min.css",
    "@tabler/core/dist/js/tabler.min.js": "vendor/tabler.min.js",
    "uplot/dist/uPlot.min.css": "vendor/uPlot.min.css",
    "uplot/dist/uPlot.iife.min.js": "vendor/uPlot.iife.min.js",
}
ICON_LIST = "static/icons.txt"
ICON_FOLDER = "@tabler/icons/icons"
SPRITE = "vendor/icons.svg"

_SOURCE_MAP = re.compile(rb"^(?://|/\*)[#@] sourceMappingURL=.*$", re.MULTILINE)
_ICON = re.compile(r"<svg[^>]*>(.*)</svg>", re.DOTALL)
_BOUNDING_BOX = '<path stroke="none" d="M0 0h24v24H0z" fill="none" />'


def copy_front_end(root: Path) -> None:
    """Write `static-packages/` anew under `root`. Raises FileNotFoundError naming a missing file."""
    packages, target = root / "node_modules", root / "static-packages"
    shutil.rmtree(target, ignore_errors=True)
    for source, name in FILES.items():
        path = target / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(_SOURCE_MAP.sub(b"", (packages / source).read_bytes()).rstrip() + b"\n")
    (target / SPRITE).write_text(icon_sprite(icon_names(root), packages / ICON_FOLDER))


def icon_names(root: Path) -> list[str]:
    """Read the names of icons that pages use, without blank lines and `#` comments."""
    path = root / ICON_LIST
    lines = path.read_text().splitlines() if path.exists() else []
    return [name for line in lines if (name := line.partition("#")[0].strip())]


def icon_sprite(names: list[str], folder: Path) -> str:
    """Build one SVG with a symbol per icon. A symbol's id is the icon's name without its folder."""
    symbols = [_symbol(name, folder) for name in names]
    return '<svg xmlns="http://www.w3.org/2000/svg">\n' + "\n".join(symbols) + "\n</svg>\n"


def _symbol(name: str, folder: Path) -> str:
    style, _, icon = name.rpartition("/")
    drawing = _ICON.search((folder / (style or "outline") / f"{icon}.svg").read_text())
    if drawing is None:
        raise ValueError(f"{name} is not an SVG icon")
    paths = " ".join(drawing[1].replace(_BOUNDING_BOX, "").split())
    if style == "filled":
        paint = 'fill="currentColor"'
    else:
        paint = 'fill="none" stroke="currentColor" stroke-width="2" stroke-linecap="round" stroke-linejoin="round"'
    return f'<symbol id="{icon}" viewBox="0 0 24 24" {paint}>{paths}</symbol>'
