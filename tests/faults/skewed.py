"""A Celery process whose clock is wrong: `python -m tests.faults.skewed SECONDS worker ...`."""

from __future__ import annotations

import datetime
import sys

import time_machine
from celery.__main__ import main

if __name__ == "__main__":
    wrong_by = datetime.timedelta(seconds=float(sys.argv.pop(1)))
    with time_machine.travel(datetime.datetime.now(datetime.UTC) + wrong_by):
        sys.exit(main())
