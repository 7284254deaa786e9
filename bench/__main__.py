"""`make bench` ends up here, with servers of its own already running."""

from __future__ import annotations

import argparse
import os
import sys
from pathlib import Path

import django

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
django.setup()

from bench import clinic, ingest, pages  # noqa: E402
from bench.size import FULL, QUICK  # noqa: E402
from bench.table import print_table  # noqa: E402


def main(arguments: list[str]) -> int:
    parser = argparse.ArgumentParser(prog="make bench", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="a run of seconds, to see that everything works")
    size = QUICK if parser.parse_args(arguments).quick else FULL
    tenant = clinic.create(size.patients)
    print_table(
        [*ingest.compare(tenant, size, Path(os.environ["BENCH_FOLDER"])), *pages.compare(tenant, size)]
    )
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
