"""The way in against pgbench, a bare WSGI application and a plain DRF view, in interleaved rounds."""

from __future__ import annotations

import json
import os
import random
import statistics
import time
import uuid
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from http.client import HTTPConnection
from pathlib import Path
from typing import Any

from django.db import connection

from bench import clinic
from bench.load import Load, Plan, post, send
from bench.size import Size
from bench.statements import PgBench, caught
from bench.table import Line
from clinics.models import Clinic
from launcher import children, processes
from launcher.local import ROOT
from launcher.ports import free_port
from launcher.say import say

CONNECTIONS = 32
THREADS = 6  # what config/rsgi.py has for webhooks, and limits for how long a process waits for the database
REPEATED = 0.1
START_LIMIT = 60.0  # seconds
LIKELY_RATE = 2000.0  # deliveries/s; bodies are made in advance, for twice as many
SAME_ROWS = {
    "readings": """
        SELECT hwi_device_id, taken_at, identity, slot, patient_id, device_id, metric, value_1, value_2,
               local_date, local_date_rule, program, vital, counts, control, estimated, excluded, conflict,
               named_patient, sensor_code, hardware_uuid, timezone_offset, vendor_created, source, context
        FROM measurements_measurement WHERE clinic_id = %s ORDER BY hwi_device_id, taken_at, identity
    """,
    "days": """
        SELECT patient_id, program, local_date, readings, estimated_readings, vendor_readings
        FROM measurements_vitalday WHERE clinic_id = %s ORDER BY patient_id, program, local_date
    """,
    "latest values": """
        SELECT patient_id, metric, device_id, value_1, value_2, taken_at, identity, estimated
        FROM measurements_latestreading WHERE clinic_id = %s ORDER BY patient_id, metric
    """,
    "deliveries": """
        SELECT kind, raw, size, elements, state, reason, attempts
        FROM tenovi_delivery WHERE clinic_id = %s ORDER BY raw
    """,
}
TABLES = (
    "measurements_measurement",
    "measurements_vitalday",
    "measurements_latestreading",
    "tenovi_deliveryitem",
    "tenovi_delivery",
)


@dataclass
class Server:
    """An application behind granian, with as many processes and threads as the product has."""

    name: str
    command: list[str]
    port: int
    settings: str = "config.settings"
    repeated: float = 0.0
    rounds: list[Load] = field(default_factory=list)
    is_exact: bool = True

    @contextmanager
    def running(self, log: Path) -> Iterator[None]:
        environment = {**os.environ, "DJANGO_SETTINGS_MODULE": self.settings}
        with log.open("ab") as output:
            process = children.start(self.command, output=output, environment=environment, folder=ROOT)
            try:
                self._wait_until_it_answers()
                yield
            finally:
                children.stop(process, within=10)

    def take_a_round(self, tenant: Clinic, size: Size) -> None:
        """Load it; `is_exact` says whether each distinct reading sent was stored once."""
        fastest = max([LIKELY_RATE, *(load.rate for load in self.rounds)])
        enough = int(2 * fastest * (size.warm_up + size.seconds))
        dice = random.Random(time.time_ns())
        bodies = clinic.bodies(enough, dice, size.patients, repeated=self.repeated)
        before = _count_readings(tenant)
        load = send(
            [post(clinic.PATH, clinic.AUTHORIZATION, body) for body in bodies],
            Plan(self.port, CONNECTIONS, size.warm_up, size.seconds),
        )
        self.rounds.append(load)
        distinct = len({bodies[place] for place in load.sent})
        self.is_exact &= _count_readings(tenant) - before == 3 * distinct

    def post(self, body: bytes) -> None:
        client = HTTPConnection("127.0.0.1", self.port, timeout=30)
        headers = {"Authorization": clinic.AUTHORIZATION, "Content-Type": "application/json"}
        client.request("POST", clinic.PATH, body, headers)
        answer = client.getresponse()
        if answer.status != 200:
            raise RuntimeError(f"{self.name} answers {answer.status}: {answer.read()!r}")
        client.close()

    def _wait_until_it_answers(self) -> None:
        deadline = time.monotonic() + START_LIMIT
        while time.monotonic() < deadline:
            client = HTTPConnection("127.0.0.1", self.port, timeout=START_LIMIT)
            try:
                client.request("GET", "/")
                client.getresponse()
                return
            except OSError:
                time.sleep(0.05)
            finally:
                client.close()
        raise RuntimeError(f"{self.name} does not answer.")


def compare(tenant: Clinic, size: Size, folder: Path) -> list[Line]:
    """Run all rounds; the lines of the table."""
    _run("ANALYZE")  # an installation that has run for a day knows its tables
    statements = caught(size.patients)
    (folder / "statements.json").write_text(json.dumps([one.sql for one in statements]))
    ports = [free_port() for _ in range(3)]
    product = Server("Vitaldays", processes.web(ports[0]), ports[0])
    again = Server("Vitaldays, repeats", [], ports[0], repeated=REPEATED)
    raw = Server("bare WSGI + psycopg", _bare(ports[1]), ports[1])
    drf = Server("DRF + object mapper", processes.web(ports[2]), ports[2], settings="bench.drf_settings")
    pgbench, limits = PgBench(statements, size.patients, folder), []
    with ExitStack() as stack:
        for server in (product, raw, drf):
            stack.enter_context(server.running(folder / "web.log"))
        _check_that_they_do_the_same(tenant, [product, raw, drf], size)
        dice = random.Random(1)
        for number in range(1, size.rounds + 1):
            turns = [product, raw, drf, again, None]
            dice.shuffle(turns)
            for turn in turns:
                _run("CHECKPOINT")  # or a round would pay for pages that another one touched
                if turn:
                    turn.take_a_round(tenant, size)
                else:
                    limits.append(pgbench.rate(connections=CONNECTIONS, seconds=size.seconds))
            say(f"Way in, round {number} of {size.rounds}: {product.rounds[-1].rate:.0f} deliveries/s")
    return _lines(product, raw, drf, again, limits)


def _bare(port: int) -> list[str]:
    """`bench/raw.py` with the processes and threads that the product has."""
    command = processes.web(port)
    place = command.index("rsgi")
    return [
        *command[:place],
        "wsgi",
        "bench.raw:application",
        *command[place + 2 :],
        "--blocking-threads",
        f"{THREADS}",
    ]


def _lines(product: Server, raw: Server, drf: Server, again: Server, limits: list[float]) -> list[Line]:
    ours = _rates(product)
    rates = f"{statistics.median(ours):.0f}/s; pgbench {statistics.median(limits):.0f}/s, " + ", ".join(
        f"{one.name} {statistics.median(_rates(one)):.0f}/s" for one in (raw, drf)
    )
    median = statistics.median(load.median for load in product.rounds) * 1000
    p99 = statistics.median(load.p99 for load in product.rounds) * 1000
    exactly = (
        "each reading stored once" if product.is_exact and again.is_exact else "ROWS ARE MISSING OR TWICE"
    )
    return [
        Line(
            "Webhook of 3 readings ÷ pgbench, same SQL", "%", _ratios(ours, limits), at_least=0.25, note=rates
        ),
        Line("… ÷ bare WSGI + psycopg, same SQL", "%", _ratios(ours, _rates(raw)), at_least=0.70),
        Line("… ÷ DRF serializer + object mapper", "×", _ratios(ours, _rates(drf)), at_least=4),
        Line(
            f"… 99th percentile ÷ median, {CONNECTIONS} connections",
            "×",
            [load.p99 / load.median for load in product.rounds],
            at_most=3,
            note=f"{median:.0f} ms, {p99:.0f} ms",
        ),
        Line(
            f"… kept with {REPEATED:.0%} repeated deliveries",
            "%",
            _ratios(_rates(again), ours),
            at_least=0.90,
            note=exactly,
        ),
    ]


def _rates(server: Server) -> list[float]:
    return [load.rate for load in server.rounds]


def _ratios(ours: list[float], theirs: list[float]) -> list[float]:
    return [mine / other for mine, other in zip(ours, theirs, strict=True)]


def _check_that_they_do_the_same(tenant: Clinic, servers: list[Server], size: Size) -> None:
    """Raises RuntimeError unless the same bodies leave the same rows, whoever stored them."""
    bodies = clinic.bodies(30, random.Random(2), size.patients, repeated=REPEATED)
    expected: dict[str, list[tuple[Any, ...]]] = {}
    for server in servers:
        for table in TABLES:
            _run(f"DELETE FROM {table} WHERE clinic_id = %s", tenant.id)
        for body in bodies:
            server.post(body)
        for name, query in SAME_ROWS.items():
            rows = _run(query, tenant.id)
            if rows != expected.setdefault(name, rows):
                raise RuntimeError(f"{server.name} stores other {name} than {servers[0].name}.")


def _count_readings(tenant: Clinic) -> int:
    ((count,),) = _run("SELECT count(*) FROM measurements_measurement WHERE clinic_id = %s", tenant.id)
    return int(count)


def _run(statement: str, *values: uuid.UUID) -> list[tuple[Any, ...]]:
    with connection.cursor() as cursor:
        cursor.execute(statement, values)
        return cursor.fetchall() if cursor.description else []
