"""Migrate the database and fill the demo, in one process: `python -m launcher.prepare [--demo]`."""

from __future__ import annotations

import io
import os
import sys

import django
from django.apps import apps
from django.core.checks import Tags, run_checks
from django.core.management import call_command
from django.db import DEFAULT_DB_ALIAS, connection, transaction
from django.db.migrations.executor import MigrationExecutor

from launcher.local import SANDBOX_WEBHOOKS
from launcher.say import say


def is_fit() -> bool:
    """Whether the database may be used. Prints what is wrong with it."""
    messages = run_checks(databases=[DEFAULT_DB_ALIAS], tags=[Tags.database])
    problems = [message for message in messages if message.is_serious()]
    for problem in problems:
        say(f"{problem.msg} {problem.hint or ''}")
    return not problems


def migrate() -> None:
    """Run pending migrations. Checking first makes a later start a second faster."""
    executor = MigrationExecutor(connection)
    if pending := executor.migration_plan(executor.loader.graph.leaf_nodes()):
        say(f"Migrating the database ({len(pending)} steps)")
        call_command("migrate", interactive=False, verbosity=0)


def fill_demo() -> None:
    """Load the demo clinic unless it exists: all of it or, when interrupted, nothing."""
    clinics = apps.get_model("clinics", "Clinic")._default_manager
    if not clinics.filter(slug="demo").exists():
        say("Filling the demo clinic with its history")
        SANDBOX_WEBHOOKS.unlink(missing_ok=True)  # their secrets belong to a clinic that is gone
        with transaction.atomic():
            call_command("seed_demo", "--with-people", stdout=io.StringIO())


if __name__ == "__main__":
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
    django.setup()
    if not is_fit():
        sys.exit(1)
    migrate()
    if "--demo" in sys.argv[1:]:
        fill_demo()
