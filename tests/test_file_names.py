"""File names that mean the same in every room: what stands in a module is what its name says."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

from tests.test_architecture import MODULES, named, tree

WRITES_THE_RECORD_ITSELF = {
    "clinics/audit.py": "writes the lines of the record for all others",
    "fulfillment/at_most_once/transitions.py": "one history for what people do and what the vendor answers",
    "measurements/reconcile.py": "the schedule starts a comparison too, for nobody",
}
"""Modules where `by` is a parameter and an audit line is written, and that are not called `actions`."""


def functions(path: Path) -> Iterator[ast.FunctionDef]:
    yield from (node for node in tree(path).body if isinstance(node, ast.FunctionDef))


def imported(path: Path) -> set[str]:
    return {
        f"{node.module}.{alias.name}"
        for node in ast.walk(tree(path))
        if isinstance(node, ast.ImportFrom) and node.module
        for alias in node.names
    }


def is_called(path: Path, name: str) -> bool:
    return path.stem == name or name in path.parts


def test_what_a_person_does_stands_in_actions() -> None:
    elsewhere = {
        named(path)
        for path in MODULES
        if not is_called(path, "actions")
        and any(
            name.startswith("clinics.audit") for name in imported(path) | {named(path)[:-3].replace("/", ".")}
        )
        for function in functions(path)
        if any(each.arg == "by" for each in (*function.args.args, *function.args.kwonlyargs))
        and not function.name.startswith("_")
    }
    assert elsewhere == set(WRITES_THE_RECORD_ITSELF)


def test_what_the_vendor_says_is_no_persons_deed() -> None:
    mixed = [
        f"{named(path)}: {function.name}"
        for path in MODULES
        if is_called(path, "from_vendor")
        for function in functions(path)
        if any(each.arg == "by" for each in function.args.kwonlyargs)
    ]
    assert mixed == []


def test_views_stand_in_modules_that_are_called_so() -> None:
    elsewhere = [
        f"{named(path)}: {function.name}"
        for path in MODULES
        if not path.stem.endswith("views")
        for function in functions(path)
        if function.args.args
        and ast.unparse(function.args.args[0].annotation or ast.Constant("")) == "HttpRequest"
        and "HttpResponse" in ast.unparse(function.returns or ast.Constant(""))
    ]
    assert elsewhere == []


def test_query_sets_stand_below_the_models_and_readers_above() -> None:
    sets = {
        named(path): [
            node.name
            for node in tree(path).body
            if isinstance(node, ast.ClassDef) and any("QuerySet" in ast.unparse(base) for base in node.bases)
        ]
        for path in MODULES
    }
    elsewhere = {path for path, names in sets.items() if names and not path.endswith("querysets.py")}
    assert elsewhere == {"clinics/tenancy.py"}, "the base of all stands with the rule that it holds"


def test_no_page_is_built_in_a_module_called_page() -> None:
    """A page has a view (`*views`), a context (`*_context`) and rows (`rows`): a `*_page` is none of them."""
    called = [named(path) for path in MODULES if path.stem.endswith("_page")]
    assert called == []
