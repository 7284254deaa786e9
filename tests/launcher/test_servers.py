"""Embedded servers: data survives, leftovers of a crash do not block, given servers are used."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import psycopg
from redis import Redis

from launcher import children, postgres
from launcher.servers import Servers


def started(folder: Path) -> Servers:
    servers = Servers(folder, {}, durable=False)
    servers.start()
    return servers


def eventually(happened: Callable[[], bool], *, seconds: float = 120) -> bool:
    deadline = time.monotonic() + seconds
    while not happened() and time.monotonic() < deadline:
        time.sleep(0.02)
    return happened()


def test_rows_survive_a_stop_and_a_start(folder: Path) -> None:
    servers = started(folder)
    with psycopg.connect(servers.urls["DATABASE_URL"]) as database:
        database.execute("CREATE TABLE kept AS SELECT 42 AS number")
    servers.stop()
    servers.start()
    with psycopg.connect(servers.urls["DATABASE_URL"]) as database:
        assert database.execute("SELECT number FROM kept").fetchone() == (42,)
    servers.stop()


def test_both_want_a_password(folder: Path) -> None:
    servers = started(folder)
    urls = dict(servers.urls)
    refused = 0
    try:
        psycopg.connect(urls["DATABASE_URL"].replace("vitaldays:", "vitaldays:wrong"))
    except psycopg.OperationalError as error:
        refused += "password authentication failed" in str(error)
    with socket.create_connection(("127.0.0.1", int(urls["REDIS_URL"].rpartition(":")[2][:-2]))) as stranger:
        stranger.sendall(b"PING\r\n")
        refused += stranger.recv(100).startswith(b"-NOAUTH")
    servers.stop()
    assert refused == 2


def test_a_killed_database_comes_back_on_the_same_address(folder: Path) -> None:
    servers = started(folder)
    url = servers.urls["DATABASE_URL"]
    process = servers._postgres.process
    assert process is not None
    process.kill()
    process.wait()

    def answers() -> bool:
        servers.revive()
        try:
            psycopg.connect(url).close()
        except psycopg.OperationalError:
            return False
        return True

    assert eventually(answers)
    servers.stop()


def test_the_pid_of_another_program_does_not_block_the_start(folder: Path) -> None:
    """After a power cut the pid in the file may be anybody's; PostgreSQL alone would refuse to start."""
    started(folder).stop()
    bystander = children.start(["sleep", "60"], output=subprocess.DEVNULL, user=postgres.server_user())
    pid_file = folder / "postgres" / "data" / "postmaster.pid"
    pid_file.write_text(f"{bystander.pid}\n{pid_file.parent}\n1\n1\n\n127.0.0.1\n\nready\n")
    if owner := postgres.server_user():
        os.chown(pid_file, *owner)
    servers = started(folder)
    with psycopg.connect(servers.urls["DATABASE_URL"]) as database:
        assert database.execute("SELECT 1").fetchone() == (1,)
    servers.stop()
    assert bystander.poll() is None
    children.stop(bystander, within=5)


def test_a_server_that_outlived_its_launcher_is_ended_first(folder: Path) -> None:
    orphaned, successor = started(folder), Servers(folder, {}, durable=False)
    successor.start()
    process = orphaned._postgres.process
    assert process is not None
    assert process.wait(timeout=60) == 0
    successor.stop()
    orphaned.stop()


def test_a_start_that_was_interrupted_leaves_no_half_a_cluster(folder: Path) -> None:
    (folder / "postgres" / "data.new" / "base").mkdir(parents=True)
    servers = started(folder)
    assert not (folder / "postgres" / "data.new").exists()
    servers.stop()


def test_servers_that_the_environment_names_are_not_started(folder: Path) -> None:
    given = {"DATABASE_URL": "postgresql://db.example/vitaldays", "REDIS_URL_FILE": "/run/secrets/redis"}
    servers = Servers(folder, given)
    assert servers.start() == {}
    assert not (folder / "postgres").exists()
    assert not (folder / "valkey").exists()


def test_redis_answers_at_its_url(folder: Path) -> None:
    servers = started(folder)
    with Redis.from_url(servers.urls["REDIS_URL"]) as client:
        assert client.ping()
    servers.stop()


def test_stopping_by_the_kernel_reaches_the_servers_of_a_killed_launcher(folder: Path) -> None:
    program = (
        "import sys, time; from pathlib import Path; from launcher.servers import Servers; "
        "s = Servers(Path(sys.argv[1]), {}, durable=False); s.start(); "
        "Path(sys.argv[1], 'pids').write_text(f'{s._postgres.process.pid} {s._valkey.process.pid}'); time.sleep(60)"
    )
    launcher = children.start([sys.executable, "-c", program, folder], output=subprocess.DEVNULL)
    assert eventually(lambda: (folder / "pids").exists())
    pids = (folder / "pids").read_text().split()
    launcher.send_signal(signal.SIGKILL)
    launcher.wait()
    assert eventually(lambda: not any(Path("/proc", pid).exists() for pid in pids))
