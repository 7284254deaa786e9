"""The page of promises names tests that exist, and every promise has one."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
ROWS = re.findall(
    r"^\| (P\d+) \| (.+?) \| (.+) \|$",
    (ROOT / "docs" / "promises.md").read_text(encoding="utf-8"),
    re.MULTILINE,
)


@pytest.mark.parametrize(("number", "promise", "held_by"), ROWS, ids=[row[0] for row in ROWS])
def test_a_promise_is_held_by_tests_that_exist(number: str, promise: str, held_by: str) -> None:
    named = re.findall(r"`([^`]+)`", held_by)
    assert named
    for path, _, test in (name.partition("::") for name in named):
        tree = ast.parse((ROOT / path).read_text(encoding="utf-8"))
        assert test in {node.name for node in ast.walk(tree) if isinstance(node, ast.FunctionDef)}, path


def test_each_promise_stands_there_once() -> None:
    numbers = [number for number, _, _ in ROWS]
    assert numbers
    assert len(set(numbers)) == len(numbers)


def test_every_test_that_breaks_servers_holds_a_promise() -> None:
    """A long test that no promise names is one that nobody knows the reason of."""
    page = (ROOT / "docs" / "promises.md").read_text(encoding="utf-8")
    unnamed = {
        path.name for path in (ROOT / "tests" / "faults").glob("test_*.py") if f"{path.name}::" not in page
    }
    assert unnamed == set()
