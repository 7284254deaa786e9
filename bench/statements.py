"""The statements that one delivery costs the database: caught in the act, and as a script for pgbench."""

from __future__ import annotations

import json
import os
import random
import re
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from django.db import connection
from django.test import Client

from bench import clinic
from launcher.binaries import postgres_programs

DEVICE = "lpad(to_hex(:n::int), 12, '0')"
HWI_DEVICE = f"('{str(clinic.hwi_device_id(0))[:24]}' || {DEVICE})::uuid"
READING = "lpad(to_hex(:r::bigint), 12, '0')"
TAKEN = f"to_timestamp({clinic.FIRST_MINUTE.timestamp():.0f} + 60 * :minute::int)"
PARAMETERS = {
    "question": [":noted_every", ":slug"],
    "keep": [
        *("gen_random_uuid()", ":clinic::uuid", ":kind", "convert_to(:body, 'UTF8')", ":size::int"),
        *(":content_type", ":address::inet", ":elements::int", ":state", "false", ":longest_wait"),
    ],
    "lock": ["0", "ARRAY[:n]"],
    "known": [":clinic::uuid", f"ARRAY[{HWI_DEVICE}]"],
    "store": [
        *(":clinic", "now()", ":source", "gen_random_uuid()"),
        f"replace(replace(replace(replace(:readings, '@device', {DEVICE}), '@reading', {READING}),"
        f" '@taken', {TAKEN}::text), '@date', ({TAKEN} - interval '5 hours')::date::text)",
    ],
    "contacts": [f"ARRAY[upper({DEVICE})]", "ARRAY[now()]", ":clinic::uuid"],
}
"""Each statement of a delivery in its order, and what pgbench puts for each parameter: device, minute and
identity differ from call to call, the rest is as caught."""


@dataclass(frozen=True)
class Statement:
    name: str
    sql: str
    values: tuple[Any, ...]


def caught(patients: int) -> list[Statement]:
    """Catch the statements that the webhook view runs for a delivery of three readings.

    Raises ValueError when that is no longer what `PARAMETERS` and `bench/raw.py` know.
    """
    seen: list[tuple[str, tuple[Any, ...]]] = []

    def note(execute: Any, sql: str, values: Any, many: bool, context: Any) -> Any:
        seen.append((sql, tuple(values or ())))
        return execute(sql, values, many, context)

    first, body = clinic.bodies(2, random.Random(0), patients)
    headers = {"Host": "127.0.0.1", "Authorization": clinic.AUTHORIZATION}
    Client().post(clinic.PATH, first, content_type="application/json", headers=headers)  # its secret is noted
    with connection.execute_wrapper(note):
        answer = Client().post(clinic.PATH, body, content_type="application/json", headers=headers)
    if answer.status_code != 200:
        raise RuntimeError(answer.content)
    if [sql.count("%s") for sql, _ in seen] != [len(values) for values in PARAMETERS.values()]:
        raise ValueError(
            "The webhook view runs other statements now: bench/statements.py and bench/raw.py differ."
        )
    named = zip(PARAMETERS, seen, strict=True)
    return [Statement(name, sql, values) for name, (sql, values) in named]


class PgBench:
    """`pgbench` running `statements` with prepared statements, and nothing beside the database."""

    def __init__(self, statements: list[Statement], patients: int, folder: Path) -> None:
        self.script = folder / "delivery.sql"
        self.script.write_text(_script(statements, patients))
        values = {one.name: one.values for one in statements}
        _, clinic_id, kind, body, size, content_type, address, elements, state, _, wait = values["keep"]
        self.variables = {
            "noted_every": values["question"][0],
            "slug": clinic.SLUG,
            "clinic": clinic_id,
            "kind": kind,
            "body": body.decode(),
            "size": size,
            "content_type": content_type,
            "address": address,
            "elements": elements,
            "state": state,
            "longest_wait": wait,
            "source": "webhook",
            "readings": _template(values["store"][-1]),
        }

    def rate(self, *, connections: int, seconds: int) -> float:
        """Transactions per second."""
        server = urlsplit(os.environ["DATABASE_URL"])
        answer = subprocess.run(
            [
                *(postgres_programs() / "pgbench", "--no-vacuum", "--protocol=prepared"),
                *(f"--file={self.script}", f"--client={connections}", "--jobs=2", f"--time={seconds}"),
                *(f"--host={server.hostname}", f"--port={server.port}", f"--username={server.username}"),
                *(f"--define={name}={value}" for name, value in self.variables.items()),
                server.path.removeprefix("/"),
            ],
            env={"PGPASSWORD": server.password or ""},
            capture_output=True,
            text=True,
            check=False,
        )
        found = re.search(r"^tps = ([\d.]+)", answer.stdout, re.MULTILINE)
        if answer.returncode or not found:
            raise RuntimeError(answer.stderr[-2000:])
        return float(found[1])


def _script(statements: list[Statement], patients: int) -> str:
    lines = [
        f"\\set n random(1, {patients})",
        f"\\set minute random(0, {clinic.MINUTES})",
        "\\set r random(1, 281474976710655)",
    ]
    for one in statements:
        pieces = zip(one.sql.split("%s"), [*PARAMETERS[one.name], ""], strict=True)
        statement = "".join(piece + value for piece, value in pieces).strip()
        lines += ["BEGIN;"] * (one.name == "keep") + [f"{statement};"]
    return "\n".join([*lines, "COMMIT;", ""])


def _template(readings: str) -> str:
    """The document that the store statement takes, with marks where calls differ."""
    rows = json.loads(readings)
    for place, row in enumerate(rows):
        row |= {
            "device_id": f"{str(clinic.device_id(0))[:24]}@device",
            "patient_id": f"{str(clinic.patient_id(0))[:24]}@device",
            "hwi_device_id": f"{str(clinic.hwi_device_id(0))[:24]}@device",
            "identity": f"0000000{place}-0000-4000-8000-@reading",
            "slot": f"1000000{place}-0000-4000-8000-@reading",
            "taken_at": "@taken",
            "vendor_created": "@taken",
            "local_date": "@date",
        }
    return json.dumps(rows)
