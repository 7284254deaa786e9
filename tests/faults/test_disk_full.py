"""Promise 15: a full disk is told to the sender, and nobody has to repair anything when there is room again."""

from __future__ import annotations

import os
import re
import subprocess
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path

import pytest
from django.db import DatabaseError, connection

from clinics.models import Clinic
from launcher.postgres import server_user
from tests.faults.house import House, eventually, family
from tests.faults.ledger import Sender, check_ledger, check_readings, statuses

POSTS_A_SECOND = 20
FULL_SECONDS = 12
LARGEST_PIECE_OF_LOG = 16 * 1024 * 1024
ROOM = 64 * 1024 * 1024
CAP_SYS_ADMIN = 1 << 21

pytestmark = pytest.mark.timeout(240)


FILL = """
INSERT INTO tenovi_delivery
    (id, clinic_id, kind, raw, size, content_type, state, reason, elements, attempts)
SELECT gen_random_uuid(), clinic.id, 'measurements', convert_to(repeat('x', 7850), 'UTF8'), 7850,
       '', 'rejected', 'not_json', 0, 0
FROM clinics_clinic clinic, generate_series(1, %s)
"""
"""Each row takes a page of 8 kB, and leaves no room in it for another."""


@contextmanager
def no_room_in_files(house: House) -> Iterator[Callable[[], None]]:
    """No file of the database may become larger than the table of deliveries is now. Needs no rights,
    spares the write-ahead log, and gives "File too large" where a full disk gives "No space left"."""
    server = house.postgres.process
    assert server is not None
    uid, gid = server_user() or (os.geteuid(), os.getegid())  # even root may only limit its own

    def limit(size: str) -> None:
        for pid in family(server):  # the first passes it on; another may have ended by itself meanwhile
            command = ["prlimit", f"--fsize={size}:", f"--pid={pid}"]
            subprocess.run(
                command, user=uid, group=gid, extra_groups=[], check=pid == server.pid, capture_output=True
            )

    with connection.cursor() as cursor:
        cursor.execute("ALTER TABLE tenovi_delivery ALTER raw SET STORAGE PLAIN")
        cursor.execute(FILL, [LARGEST_PIECE_OF_LOG // 8192 + 100])
        cursor.execute("SELECT pg_relation_size('tenovi_delivery')")
        limit(str(cursor.fetchone()[0]))
        with pytest.raises(DatabaseError, match="File too large"):
            while True:
                cursor.execute(FILL, [1])
    yield lambda: limit("unlimited")


@contextmanager
def no_room_on_the_disk(house: House) -> Iterator[Callable[[], None]]:
    """The database lives on a file system of its own, and something else fills that up."""
    house.postgres.stop()
    data = house.postgres.folder / "data"
    kept = data.rename(data.with_name("data.kept"))
    size = ROOM + sum(path.stat().st_size for path in kept.rglob("*") if path.is_file())
    data.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={size}", "none", data], check=True)
    try:
        subprocess.run(["cp", "-a", f"{kept}/.", data], check=True)
        house.postgres.restart()
        filler = data / "filler"
        with filler.open("wb") as file, pytest.raises(OSError, match="No space left"):
            while True:
                file.write(b"x" * 65536)
        yield filler.unlink
    finally:
        house.postgres.stop()
        subprocess.run(["umount", "--lazy", data], check=True)
        data.rmdir()
        kept.rename(data)
        house.postgres.restart()


def may_mount() -> bool:
    """Whether we are root, and not one whose container took that right away."""
    rights = re.search(r"^CapEff:\s*(\w+)$", Path("/proc/self/status").read_text(), re.MULTILINE)
    return rights is not None and bool(int(rights[1], 16) & CAP_SYS_ADMIN)


TROUBLES = [no_room_in_files, *([no_room_on_the_disk] if may_mount() else [])]


@pytest.mark.parametrize("trouble", TROUBLES)
def test_a_full_disk_is_told_to_the_sender_and_needs_no_repair_afterwards(
    house: House,
    clinic: Clinic,
    bodies: Iterator[bytes],
    trouble: Callable[[House], AbstractContextManager[Callable[[], None]]],
) -> None:
    connection.close()
    with Sender(house, clinic) as sender, trouble(house) as make_room:
        with sender.steadily(bodies, a_second=POSTS_A_SECOND):
            supervise(house, until=lambda: False, seconds=FULL_SECONDS)
            full = list(sender.posts)
            make_room()
            supervise(house, until=lambda: sender.posts[-1].status == 200, seconds=60)
        assert statuses(full)[503] > FULL_SECONDS * POSTS_A_SECOND / 2
        assert statuses(sender.posts[len(full) :])[200] > 0
        assert statuses(sender.posts).keys() <= {200, 503}
        check_ledger(clinic, sender.posts)
        check_readings(clinic, sender.posts)


def supervise(house: House, *, until: Callable[[], bool], seconds: float) -> None:
    """What the launcher does: start PostgreSQL again whenever it has ended."""

    def done() -> bool:
        house.tend()
        return until()

    eventually(done, seconds=seconds)
