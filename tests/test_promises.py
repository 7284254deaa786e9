"""The pages of promises name tests that exist, and every promise has one."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
PROMISES = (ROOT / "docs" / "promises.md").read_text(encoding="utf-8")
NUMBERED = re.findall(r"^\| (P\d+) \| .+? \| (.+) \|$", PROMISES, re.MULTILINE)
MEASURES = re.findall(
    r"^\| (.+?) \| (`.+) \|$", (ROOT / "docs" / "security.md").read_text(encoding="utf-8"), re.MULTILINE
)


@pytest.mark.parametrize(
    ("promise", "held_by"), NUMBERED + MEASURES, ids=[promise[:40] for promise, _ in NUMBERED + MEASURES]
)
def test_a_promise_is_held_by_tests_that_exist(promise: str, held_by: str) -> None:
    named = re.findall(r"`([^`]+)`", held_by)
    assert named
    for path, _, test in (name.partition("::") for name in named):
        tree = ast.parse((ROOT / path).read_text(encoding="utf-8"))
        assert test in {node.name for node in ast.walk(tree) if isinstance(node, ast.FunctionDef)}, path


def test_each_promise_stands_there_once() -> None:
    for rows in (NUMBERED, MEASURES):
        promises = [promise for promise, _ in rows]
        assert len(promises) > 20
        assert len(set(promises)) == len(promises)


def test_every_test_that_breaks_servers_holds_a_promise() -> None:
    """A long test that no promise names is one that nobody knows the reason of."""
    unnamed = {
        path.name
        for path in (ROOT / "tests" / "faults").glob("test_*.py")
        if f"{path.name}::" not in PROMISES
    }
    assert unnamed == set()
