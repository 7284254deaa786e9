"""Assignments are written in few places, so that each can be held to a person's decision."""

from __future__ import annotations

import ast
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
ROOMS = ("billing", "clinics", "dashboard", "devices", "fulfillment", "measurements", "patients", "tenovi")
CREATES = {"create", "bulk_create", "get_or_create", "update_or_create"}
WHERE = {
    "devices/from_vendor.py": "the first patient the vendor names, where nobody has decided anything",
    "devices/actions/assignments.py": "what a person says",
    "dashboard/demo.py": "the sample clinic, devices that are new",
}


def calls(path: Path) -> set[str]:
    """Names of methods that create rows, called on a manager of assignments."""
    names = set()
    for node in ast.walk(ast.parse(path.read_text())):
        match node:
            case ast.Call(
                func=ast.Attribute(attr=name, value=ast.Attribute(value=ast.Name(id="Assignment")))
            ):
                names.add(name)
    return names & CREATES


def test_assignments_are_created_where_decisions_are_respected() -> None:
    sources = (
        path for room in ROOMS for path in (ROOT / room).rglob("*.py") if "migrations" not in path.parts
    )
    creating = {str(path.relative_to(ROOT)) for path in sources if calls(path)}
    assert creating == WHERE.keys()
