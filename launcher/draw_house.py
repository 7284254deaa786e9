"""`python -m launcher.draw_house [--check]`: draw the rooms and their packages in docs/house.md from the imports."""

from __future__ import annotations

import ast
import re
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path

from launcher.local import ROOT

PAGE = ROOT / "docs" / "house.md"
DRAWN = re.compile(r"(<!-- drawn: rooms -->\n).*?(<!-- end -->)", re.DOTALL)
NO_PACKAGES = {"migrations", "management", "templatetags"}  # Django's own: it finds them by these names

Arrows = dict[str, set[str]]


def redrawn(page: str) -> str:
    """Return the page with everything between `<!-- drawn: rooms -->` and `<!-- end -->` drawn anew."""
    lines = "\n".join(_picture())
    return DRAWN.sub(lambda match: f"{match[1]}{lines}\n{match[2]}", page)


def _picture() -> Iterator[str]:
    rooms = {room: _packages_of(room) for room in _rooms_from_the_top()}
    arrows = _arrows(rooms)
    yield from ("```mermaid", "flowchart TD")
    for room, packages in rooms.items():
        if packages:
            yield f"    subgraph {room}"
            yield from (f"        {_key(package)}[{package.partition('.')[2]}]" for package in packages)
            yield "    end"
        else:
            yield f"    {room}"
    between_rooms = {room: {target for target in arrows[room] if target in rooms} - {room} for room in rooms}
    for packages in rooms.values():
        inside = {package: arrows[package] & set(packages) - {package} for package in packages}
        yield from (f"    {_key(start)} --> {_key(end)}" for start, end in _without_detours(inside))
    yield from (f"    {start} --> {end}" for start, end in _without_detours(between_rooms))
    yield "```"


def _rooms_from_the_top() -> list[str]:
    """Return the rooms in the order that import-linter holds."""
    settings = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    contracts = settings["tool"]["importlinter"]["contracts"]
    floors = next(contract["layers"] for contract in contracts if contract["id"] == "house")
    return [room.strip() for floor in floors for room in floor.split("|")]


def _packages_of(room: str) -> list[str]:
    folders = sorted(file.parent for file in (ROOT / room).glob("*/__init__.py"))
    return [f"{room}.{folder.name}" for folder in folders if folder.name not in NO_PACKAGES]


def _arrows(rooms: dict[str, list[str]]) -> Arrows:
    """Return what each room and each package imports: rooms and packages."""
    places = {*rooms, *(package for packages in rooms.values() for package in packages)}
    arrows: Arrows = {place: set() for place in places}
    for room in rooms:
        for path in (ROOT / room).rglob("*.py"):
            names = [".".join(parts) for parts in _heads(path.relative_to(ROOT).with_suffix("").parts)]
            targets = {".".join(parts) for name in _imports(path) for parts in _heads(tuple(name.split(".")))}
            for start in places.intersection(names):
                arrows[start] |= targets & places
    return arrows


def _heads(parts: tuple[str, ...]) -> list[tuple[str, ...]]:
    return [parts[:1], parts[:2]]


def _imports(path: Path) -> Iterator[str]:
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def _without_detours(arrows: Arrows) -> Iterator[tuple[str, str]]:
    """Yield the arrows that do not follow from others: with a → b → c, a → c goes without saying."""
    for start, targets in arrows.items():
        implied = {end for target in targets for end in _reached(arrows, target)}
        yield from ((start, end) for end in sorted(targets - implied))


def _reached(arrows: Arrows, start: str) -> set[str]:
    reached: set[str] = set()
    ahead = list(arrows[start])
    while ahead:
        place = ahead.pop()
        if place not in reached:
            reached.add(place)
            ahead += arrows[place]
    return reached


def _key(package: str) -> str:
    return package.replace(".", "_")


def main(*, check: bool) -> int:
    before = PAGE.read_text(encoding="utf-8")
    after = redrawn(before)
    if check and after != before:
        print("docs/house.md is older than the imports: run python -m launcher.draw_house.")
        return 1
    if after != before:
        PAGE.write_text(after, encoding="utf-8")
    print("docs/house.md is as it was." if after == before else "docs/house.md is drawn.")
    return 0


if __name__ == "__main__":
    sys.exit(main(check="--check" in sys.argv[1:]))
