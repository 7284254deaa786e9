"""Run an embedded PostgreSQL: one cluster in one folder, reachable on 127.0.0.1 only."""

from __future__ import annotations

import os
import pwd
import secrets
import shutil
import signal
import subprocess
import time
from dataclasses import dataclass, field
from pathlib import Path

from launcher import binaries, children
from launcher.local import write_private
from launcher.ports import free_port

USER = "vitaldays"
_FAST = ["fsync=off", "full_page_writes=off", "synchronous_commit=off"]
_START_LIMIT = 60.0  # seconds; a cluster that recovers after a power cut may need a while


class Unavailable(Exception):
    """The server could not be started. The text says why and what to do."""


@dataclass
class Postgres:
    """A PostgreSQL server. `folder` holds the password and, where its user can reach it, the data.

    PostgreSQL refuses to run as root, so for root it runs as `nobody`. Where `nobody` cannot reach the
    checkout (a home directory of mode 700), programs and data are in `/var/lib`. `durable=False` trades
    safety for speed, for tests only.
    """

    folder: Path
    log: Path
    durable: bool = True
    process: subprocess.Popen[bytes] | None = field(default=None, init=False)
    _port: int = field(default=0, init=False)

    def start(self, database: str) -> str:
        """Create the cluster and the database where missing, start, and return the URL."""
        home = self._home()
        programs = self._programs(home)
        password = self._password()
        data = home / "data"
        if not data.exists():
            _create_cluster(programs, data, password, server_user(), durable=self.durable)
        self._check(data, programs)
        self._port = self._serve(programs, data)
        _create_database(programs, self._port, password, database)
        return f"postgresql://{USER}:{password}@127.0.0.1:{self._port}/{database}"

    def restart(self) -> None:
        """Start it again on its port, after it ended by itself. Raises Unavailable."""
        home = self._home()
        self._serve(self._programs(home), home / "data", self._port)

    def ended(self) -> bool:
        """Whether it was started and runs no more."""
        return self.process is not None and self.process.poll() is not None

    def stop(self) -> None:
        """Shut down fast, or immediately (with recovery at the next start) if that takes too long."""
        if self.process is None:
            return
        self.process.send_signal(signal.SIGINT)
        try:
            self.process.wait(timeout=10)
        except subprocess.TimeoutExpired:
            children.stop(self.process, signal.SIGQUIT, within=5)
        self.process = None

    def _home(self) -> Path:
        self.folder.mkdir(parents=True, exist_ok=True)
        home = self.folder
        if server_user() and not _reachable(home):
            note = home / "data-is-in"
            if not note.exists():
                write_private(note, f"/var/lib/vitaldays/{secrets.token_hex(6)}\n")
            home = Path(note.read_text().strip())
            home.mkdir(parents=True, exist_ok=True)
            home.parent.chmod(0o711)
        if server_user():
            home.chmod(0o711)
        return home

    def _programs(self, home: Path) -> Path:
        programs = binaries.postgres_programs()
        if not server_user() or _reachable(programs / "postgres"):
            return programs
        install = programs.parent
        stamp, copy = (programs / "postgres").stat().st_mtime_ns, home / "programs"
        target = copy / install.parent.name / install.name
        if not (copy / str(stamp)).exists():
            shutil.rmtree(copy, ignore_errors=True)
            shutil.copytree(install, target, symlinks=True)
            libraries = install.parent.with_name(f"{install.parent.name}.libs")
            if libraries.exists():
                shutil.copytree(libraries, copy / libraries.name, symlinks=True)
            _let_everybody_read(copy)
            (copy / str(stamp)).touch()
        return target / "bin"

    def _password(self) -> str:
        path = self.folder / "password"
        if not path.exists():
            write_private(path, secrets.token_urlsafe(24))
        return path.read_text().strip()

    def _check(self, data: Path, programs: Path) -> None:
        owner, user = data.stat().st_uid, (server_user() or (os.geteuid(), 0))[0]
        if owner != user:
            raise Unavailable(
                f"{data} belongs to user id {owner}: start Vitaldays as the user who did before."
            )
        version = (data / "PG_VERSION").read_text().strip()
        answer = subprocess.run(
            [programs / "postgres", "--version"], capture_output=True, text=True, check=True
        )
        if f" {version}." not in answer.stdout and not answer.stdout.strip().endswith(f" {version}"):
            raise Unavailable(f"{data} was written by PostgreSQL {version}, this is {answer.stdout.strip()}.")

    def _serve(self, programs: Path, data: Path, same: int = 0) -> int:
        _release(data)
        for _ in range(3):  # another program may take the free port before PostgreSQL does
            port = same or free_port()
            settings = ["listen_addresses=127.0.0.1", "unix_socket_directories=", "timezone=UTC"]
            options = [part for setting in settings + _FAST * (not self.durable) for part in ("-c", setting)]
            with self.log.open("ab") as log:
                self.process = children.start(
                    [programs / "postgres", "-D", data, "-p", str(port), *options],
                    output=log,
                    environment=_environment(),
                    folder=data.parent,
                    user=server_user(),
                    on_parent_death=signal.SIGINT,
                )
            if _becomes_ready(self.process, data):
                return port
            children.stop(self.process, signal.SIGQUIT, within=5)
        raise Unavailable(f"PostgreSQL does not start; the end of {self.log} says why.")


def server_user() -> tuple[int, int] | None:
    """Return the user and group that the server runs as, None for our own."""
    if os.geteuid() != 0:
        return None
    nobody = pwd.getpwnam("nobody")
    return nobody.pw_uid, nobody.pw_gid


def _environment() -> dict[str, str]:
    """Return the environment of PostgreSQL's programs. Nothing else of ours reaches another user's process.

    The clock of a test run (`launcher/clocks.py`) is passed on, so that the server has it too.
    """
    passed_on = {
        name: os.environ[name] for name in ("LD_PRELOAD", "CLOCK_AHEAD_SECONDS") if name in os.environ
    }
    return {"PATH": os.environ.get("PATH", os.defpath), "LC_ALL": "C.UTF-8", **passed_on}


def _create_cluster(
    programs: Path, data: Path, password: str, user: tuple[int, int] | None, *, durable: bool
) -> None:
    """Build a cluster beside and rename it, so that an interrupted start leaves no half a cluster."""
    new = data.with_name("data.new")
    shutil.rmtree(new, ignore_errors=True)
    new.mkdir(mode=0o700)
    password_file = data.with_name("password.new")
    write_private(password_file, password)
    if user:
        os.chown(new, *user)
        os.chown(password_file, *user)
    answer = subprocess.run(
        [
            *(
                programs / "initdb",
                "-D",
                new,
                "-U",
                USER,
                "--auth=scram-sha-256",
                f"--pwfile={password_file}",
            ),
            *("--locale=C.UTF-8", "-E", "UTF8", "--no-instructions", *([] if durable else ["--no-sync"])),
        ],
        capture_output=True,
        text=True,
        check=False,
        stdin=subprocess.DEVNULL,
        env=_environment(),
        cwd=data.parent,
        user=user[0] if user else None,
        group=user[1] if user else None,
        extra_groups=[] if user else None,
    )
    password_file.unlink()
    if answer.returncode:
        raise Unavailable(f"initdb failed: {answer.stderr.strip()}")
    new.rename(data)


def _create_database(programs: Path, port: int, password: str, name: str) -> None:
    """Create the database. Usually it exists already."""
    answer = subprocess.run(
        [
            programs / "createdb",
            "-h",
            "127.0.0.1",
            "-p",
            str(port),
            "-U",
            USER,
            "--maintenance-db=postgres",
            name,
        ],
        capture_output=True,
        text=True,
        check=False,
        stdin=subprocess.DEVNULL,
        env={**_environment(), "PGPASSWORD": password},
    )
    if answer.returncode and "already exists" not in answer.stderr:
        raise Unavailable(f"createdb failed: {answer.stderr.strip()}")


def _release(data: Path) -> None:
    """Clear the pid file of a server that is gone, and end one that outlived its launcher.

    After a power cut or in a new container the recorded pid may belong to some other process,
    and PostgreSQL would then refuse to start.
    """
    path = data / "postmaster.pid"
    if not path.exists():
        return
    lines = path.read_text().splitlines()
    pid = int(lines[0]) if lines and lines[0].isdigit() else 0
    if pid and _is_server_of(pid, data):
        os.kill(pid, signal.SIGINT)
        deadline = time.monotonic() + 10
        while _is_server_of(pid, data) and time.monotonic() < deadline:
            time.sleep(0.05)
        if _is_server_of(pid, data):
            raise Unavailable(f"Another PostgreSQL (process {pid}) uses {data} and does not end.")
    path.unlink(missing_ok=True)


def _is_server_of(pid: int, data: Path) -> bool:
    line = Path(f"/proc/{pid}/cmdline")
    if line.parent.parent.joinpath("self").exists():
        try:
            return str(data).encode() in line.read_bytes().split(b"\0")
        except OSError:
            return False
    answer = subprocess.run(
        ["ps", "-ww", "-o", "args=", "-p", str(pid)], capture_output=True, text=True, check=False
    )
    return f"-D {data} " in answer.stdout


def _becomes_ready(process: subprocess.Popen[bytes], data: Path) -> bool:
    """Wait until PostgreSQL writes `ready` in the last line of its pid file."""
    deadline = time.monotonic() + _START_LIMIT
    while process.poll() is None and time.monotonic() < deadline:
        try:
            lines = (data / "postmaster.pid").read_text().split()
        except OSError:
            lines = []
        if lines and lines[0] == str(process.pid) and lines[-1] == "ready":
            return True
        time.sleep(0.02)
    return False


def _let_everybody_read(folder: Path) -> None:
    """Open a copy that keeps the private modes of an installation under a strict umask."""
    for path in (folder, *folder.rglob("*")):
        if not path.is_symlink():
            mode = path.stat().st_mode
            path.chmod(mode | (0o055 if mode & 0o100 else 0o044))


def _reachable(path: Path) -> bool:
    """Whether every user may enter each folder above this path."""
    return all(parent.stat().st_mode & 0o001 for parent in path.resolve().parents)
