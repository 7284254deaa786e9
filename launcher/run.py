"""Run everything Vitaldays needs in the foreground, on one machine: `python -m launcher.run run|serve`."""

from __future__ import annotations

import fcntl
import json
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from http.client import HTTPConnection, HTTPException

import environ

from launcher import processes
from launcher.binaries import Missing
from launcher.local import LOCAL, ROOT, SANDBOX_WEBHOOKS, SERVERS, keep_secrets, write_private
from launcher.ports import free_port, is_free
from launcher.postgres import Unavailable
from launcher.say import line, say
from launcher.servers import Servers
from launcher.supervisor import Child, Supervisor

DEMO_PASSWORD = "vitaldays-demo"
DEMO_PEOPLE = ("care@demo.test", "admin@demo.test", "billing@demo.test", "operator@demo.test")


class CannotRun(Exception):
    """Vitaldays cannot start. The text says why in one line."""


@dataclass(frozen=True)
class Plan:
    """What to run.

    The demo has a database of its own, so that its well-known passwords are never in that of `make serve`.
    """

    demo: bool
    port: int

    @property
    def database(self) -> str:
        return "vitaldays_demo" if self.demo else "vitaldays"

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"


def run(plan: Plan) -> None:
    """Start everything, keep it running until asked to stop, and stop it. Raises CannotRun."""
    supervisor = Supervisor()
    supervisor.catch_signals()
    with _only_one(plan):
        if not is_free(plan.port):
            raise CannotRun(f"Port {plan.port} is taken. Choose another one: PORT={plan.port + 1}")
        secrets = keep_secrets(dict(os.environ))
        servers = Servers(LOCAL, dict(os.environ), database=plan.database)
        try:
            _start_servers(servers)
            environment = _environment(plan, secrets | servers.urls)
            _announce(plan, servers.urls, environment)
            _start_processes(supervisor, plan, environment)
            supervisor.run(servers.revive)
        finally:
            say("Stopping")
            supervisor.stop()
            servers.stop()
            SERVERS.unlink(missing_ok=True)
            say("Stopped")


@contextmanager
def _only_one(plan: Plan) -> Iterator[None]:
    """Allow one launcher per checkout. The kernel drops the lock with the process, however that ends."""
    LOCAL.mkdir(exist_ok=True)
    with (LOCAL / "lock").open("a+") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            lock.seek(0)
            raise CannotRun(f"Already running in this folder: {lock.read().strip()}") from None
        lock.truncate(0)
        lock.write(f"make {'run' if plan.demo else 'serve'} as process {os.getpid()}, {plan.url}\n")
        lock.flush()
        yield


def _start_servers(servers: Servers) -> None:
    say("Starting PostgreSQL and Redis")
    started = servers.start()
    for name in ("DATABASE_URL", "REDIS_URL"):
        if name not in started:
            say(f"Using the server that {name} names")


def _environment(plan: Plan, local: dict[str, str]) -> dict[str, str]:
    """Build the environment of every process: the given one, completed by that of this checkout."""
    environment = {**local, **os.environ, "PORT": str(plan.port), "PYTHONUNBUFFERED": "1"}
    environment |= {"DEBUG": "0", "DEMO": "1" if plan.demo else "0"}
    if plan.demo:
        environment.setdefault("LOG_LEVEL", "WARNING")
        environment["TENOVI_BASE_URL"] = f"http://127.0.0.1:{free_port()}"
        environment |= keep_secrets({}, LOCAL / "sandbox", names=("TENOVI_API_KEY", "WEBHOOK_PASSWORD"))
        environment["WEBHOOK_USERNAME"] = "tenovi"
    return environment


def _announce(plan: Plan, urls: dict[str, str], environment: dict[str, str]) -> None:
    """Let `manage.py`, in another terminal, find the servers that run here."""
    addresses = urls | ({"TENOVI_BASE_URL": environment["TENOVI_BASE_URL"]} if plan.demo else {})
    write_private(SERVERS, json.dumps(addresses, indent=1) + "\n")


def _start_processes(supervisor: Supervisor, plan: Plan, environment: dict[str, str]) -> None:
    prepared = supervisor.run_once(processes.prepare(demo=plan.demo), environment)
    if supervisor.stopping:
        return
    if not prepared:
        raise CannotRun("The database could not be prepared; the lines above say why.")
    say("Starting the web server")
    supervisor.start(Child("web", processes.web(plan.port), environment))
    if not supervisor.wait_until(lambda: _answers(plan.port), seconds=120):
        if supervisor.stopping:
            return
        raise CannotRun("The web server does not answer; the lines above say why.")
    say(f"Starting the workers{', the scheduler and the sandbox' if plan.demo else ' and the scheduler'}")
    for child in _behind_the_web(plan, environment):
        supervisor.start(child)
    _greet(plan)


def _behind_the_web(plan: Plan, environment: dict[str, str]) -> Iterator[Child]:
    """Yield the other processes. They start last: pages come up seconds earlier, and no reading is lost."""
    level = environment.get("LOG_LEVEL", "INFO")
    for name, queue in (("worker", "default"), ("vendor", "vendor")):
        yield Child(name, processes.worker(queue, log_level=level), environment, stage=1)
    yield Child("beat", processes.beat(LOCAL / "beat", log_level=level), environment)
    if plan.demo:
        port = int(environment["TENOVI_BASE_URL"].rpartition(":")[2])
        site = environment.get("PUBLIC_URL") or plan.url
        yield Child("sandbox", processes.sandbox(port, site, SANDBOX_WEBHOOKS), environment)


def _answers(port: int) -> bool:
    connection = HTTPConnection("127.0.0.1", port, timeout=10)
    try:
        connection.request("GET", "/healthz")
        return connection.getresponse().status < 500  # 400: it answers, but not under this host name
    except (OSError, HTTPException):
        return False
    finally:
        connection.close()


def _greet(plan: Plan) -> None:
    say(f"Ready: {plan.url}  (Ctrl-C stops everything)")
    if plan.demo:
        line(f"          Sign in as {', '.join(DEMO_PEOPLE)}")
        line(f"          with the password {DEMO_PASSWORD}")


def main(arguments: list[str]) -> int:
    environ.Env.read_env(ROOT / ".env")
    try:
        plan = Plan(demo=arguments[0] == "run", port=int(os.environ.get("PORT") or 8000))
        run(plan)
    except (CannotRun, Missing, Unavailable) as error:
        say(str(error))
        return 1
    except PermissionError as error:
        say(f"{error.filename} cannot be written: was Vitaldays started by another user before?")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
