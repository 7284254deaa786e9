"""How PostgreSQL finds the readings that a delivery may contradict."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest
from django.db import connection

from measurements.store import STORE
from tests.factories import deliver, element, held_device, make_clinic

TABLE = "measurements_measurement"
INDEXES = ("measurements_measurement_pkey", "reading_stored_once")

pytestmark = pytest.mark.django_db


def steps(plan: dict[str, Any]) -> Iterator[dict[str, Any]]:
    yield plan
    for inner in plan.get("Plans", []):
        yield from steps(inner)


def test_readings_are_looked_up_by_key_even_while_the_planner_believes_there_are_none() -> None:
    clinic = make_clinic()
    plans: list[dict[str, Any]] = []

    def explain(execute: Any, sql: str, values: Any, many: bool, context: Any) -> Any:
        if sql == STORE:
            with connection.cursor() as cursor:
                cursor.execute(f"EXPLAIN (FORMAT JSON) {sql}", values)
                ((told,),) = cursor.fetchall()
            plans.append((told if isinstance(told, list) else json.loads(told))[0]["Plan"])
        return execute(sql, values, many, context)

    with connection.execute_wrapper(explain):
        assert deliver(clinic, element(held_device(clinic))).json()["stored"] == 1
    (plan,) = plans
    kinds = {step["Node Type"] for step in steps(plan) if step.get("Relation Name") == TABLE}
    assert "Seq Scan" not in kinds
    looked_up = [step["Index Cond"] for step in steps(plan) if step.get("Index Name") in INDEXES]
    assert len(looked_up) >= 2
    for condition in looked_up:
        assert any(key in condition for key in ("taken_at", "id = ANY", "like_id)")), condition
