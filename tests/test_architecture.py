"""The shape of the house: which room may import which, and what no room may do."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from io import StringIO
from pathlib import Path

import pytest
from django.core.management import call_command
from importlinter.cli import EXIT_STATUS_SUCCESS, lint_imports

from config.celery import app
from launcher.draw_house import redrawn
from tenovi.inbound import reasons

ROOT = Path(__file__).parent.parent
ROOMS = (
    *("config", "dashboard", "billing", "measurements", "fulfillment", "devices", "patients", "tenovi"),
    *("clinics", "common", "launcher"),
)
MODULES = sorted(
    path for room in ROOMS for path in (ROOT / room).rglob("*.py") if "migrations" not in path.parts
)
SIGNALS = {"django.db.models.signals", "django.dispatch", "django.core.signals", "django.test.signals"}


def named(path: Path) -> str:
    return str(path.relative_to(ROOT))


def tree(path: Path) -> ast.Module:
    return ast.parse(path.read_text(encoding="utf-8"), named(path))


def imports_of(node: ast.AST) -> Iterator[str]:
    for each in ast.walk(node):
        if isinstance(each, ast.Import):
            yield from (alias.name for alias in each.names)
        elif isinstance(each, ast.ImportFrom):
            yield each.module or ""
            yield from (f"{each.module}.{alias.name}" for alias in each.names)


def test_every_room_imports_only_rooms_below_it(capsys: pytest.CaptureFixture[str]) -> None:
    status = lint_imports(config_filename=str(ROOT / "pyproject.toml"), no_cache=True)
    assert status == EXIT_STATUS_SUCCESS, capsys.readouterr().out


def test_nothing_is_imported_inside_a_function() -> None:
    """An import inside a function is an arrow that nobody sees. `AppConfig.ready()` has to: models
    exist only then."""
    hidden = [
        f"{named(path)}, {function.name}: {name}"
        for path in MODULES
        for function in ast.walk(tree(path))
        if isinstance(function, ast.FunctionDef | ast.AsyncFunctionDef)
        and not (path.name == "apps.py" and function.name == "ready")
        for name in imports_of(function)
    ]
    assert hidden == []


def test_only_the_registry_of_a_room_imports_its_handlers() -> None:
    """A handlers module is a table for `AppConfig.ready()`; what others use stands elsewhere."""
    importing = {
        f"{named(path)}: {name}"
        for path in MODULES
        if path.name != "apps.py"
        for name in imports_of(tree(path))
        if name.split(".")[0] in ROOMS and name.rpartition(".")[2].endswith("handlers")
    }
    assert importing == set()


def test_there_is_one_list_of_time_zones() -> None:
    """`clinics.models.time_zone_names` leaves out names that are no place."""
    asked = [named(path) for path in MODULES if "available_timezones" in path.read_text(encoding="utf-8")]
    assert asked == ["clinics/models.py"]


def test_no_room_listens_to_signals() -> None:
    listening = {named(path) for path in MODULES if SIGNALS & set(imports_of(tree(path)))}
    assert listening == set()


def test_the_sandbox_takes_nothing_of_the_product_but_the_catalogue() -> None:
    taken = {
        name
        for path in MODULES
        if "sandbox" in path.parts
        for name in imports_of(tree(path))
        if name.split(".")[0] in (*ROOMS, "django", "rest_framework")
        and not name.startswith("tenovi.sandbox")
    }
    assert taken <= {"tenovi", "tenovi.catalogue", "tenovi.sandbox"}


def test_every_task_has_a_queue_that_a_worker_reads_and_the_name_of_its_room() -> None:
    app.loader.import_default_modules()
    ours = {name for name in app.tasks if not name.startswith("celery.")}
    assert {entry["task"] for entry in app.conf.beat_schedule.values()} <= ours
    for name in ours:
        assert name.split(".")[0] in ROOMS
        assert app.amqp.router.route({}, name)["queue"].name in ("default", "vendor"), name


@pytest.mark.django_db
def test_the_models_have_no_change_without_a_migration() -> None:
    said = StringIO()
    try:
        call_command("makemigrations", check=True, dry_run=True, stdout=said, stderr=said)
    except SystemExit:
        pytest.fail(said.getvalue())


STATES_OF = {
    "rejected": reasons.REJECTED,
    "quarantined": reasons.QUARANTINED,
    "pending": reasons.PENDING,
    "updated": reasons.SETTLED,
    "duplicate": reasons.SETTLED,
}


def test_the_documented_reasons_are_the_ones_we_give() -> None:
    page = (ROOT / "docs" / "reasons.md").read_text(encoding="utf-8")
    rows = re.findall(r"^\| `(\w+)` \| (.+) \| (\w+) \|$", page, re.MULTILINE)
    assert {code: sentence for code, sentence, _ in rows} == reasons.SENTENCES
    assert len(rows) == len(reasons.SENTENCES)
    assert all(code in STATES_OF[state] for code, _, state in rows)


def test_every_reason_is_given_somewhere() -> None:
    source = "".join(path.read_text(encoding="utf-8") for path in MODULES if path.name != "reasons.py")
    unused = {code for code in reasons.SENTENCES if f'"{code}"' not in source}
    assert unused == set()


def test_the_rooms_are_drawn_from_the_imports() -> None:
    page = (ROOT / "docs" / "house.md").read_text(encoding="utf-8")
    assert redrawn(page) == page, "run python -m launcher.draw_house"


FILES = re.compile(r"`((?:[\w*<>.-]+/)+[\w*<>.-]+\.\w+)`")
MODULES_NAMED = re.compile(rf"`((?:{'|'.join(ROOMS)})(?:\.\w+)+)`")
PAGES = sorted([*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md")])
HISTORY = {"CHANGELOG.md"}  # speaks of files as they were


@pytest.mark.parametrize("page", PAGES, ids=named)
def test_a_page_names_only_files_that_exist(page: Path) -> None:
    text = page.read_text(encoding="utf-8") if page.name not in HISTORY else ""
    files = [file for file in FILES.findall(text) if "<" not in file and not file.startswith(".local")]
    missing = [file for file in files if not any(ROOT.glob(file))]
    missing += [name for name in MODULES_NAMED.findall(text) if not _is_there(name.split("."))]
    assert missing == []


def _is_there(parts: list[str]) -> bool:
    """Whether the dotted name leads to a module, or to a name that a module mentions."""
    for length in range(len(parts), 0, -1):
        path = ROOT.joinpath(*parts[:length])
        module = path / "__init__.py" if path.is_dir() else path.with_suffix(".py")
        if module.is_file():
            rest = parts[length:]
            in_room = [*path.rglob("*.py")] if path.is_dir() else [module]
            return not rest or any(rest[0] in file.read_text(encoding="utf-8") for file in in_room)
    return False
