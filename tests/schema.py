"""Asking the API everything its own description allows, and holding each answer to it."""

from __future__ import annotations

import contextlib
from collections.abc import Iterable, Iterator
from typing import Any

import schemathesis
from django.core.handlers.wsgi import WSGIHandler
from django.core.signals import request_finished, request_started
from django.db import close_old_connections
from drf_spectacular.generators import SchemaGenerator
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis.strategies import one_of
from schemathesis import Case, GenerationMode
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from clinics.models import Clinic
from devices.models import Device
from fulfillment.models import Order, Replacement, SupplyRequest
from patients.models import Patient
from tenovi.models import Delivery
from tests.factories import GATEWAY_ID, deliver, element, held_device, make_clinic, make_gateway, make_order
from tests.fulfillment.vendor import make_asked

DOORS = tuple(f"/webhooks/{{clinic}}/{kind}/" for kind in ("measurements", "fulfillment", "special-orders"))
CHECKS: list[Any] = [
    not_a_server_error,
    status_code_conformance,
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
]


def described() -> dict[str, Any]:
    """The API's description as it is served."""
    schema: dict[str, Any] = SchemaGenerator().get_schema(public=True)  # type: ignore[no-untyped-call]
    return schema


def world(slug: str) -> Clinic:
    """A clinic with a bit of everything the API tells about."""
    clinic = make_clinic(slug)
    device = held_device(clinic)
    make_gateway(clinic, signal_strength=8)
    Device.objects.for_clinic(clinic).update(hardware_uuid=GATEWAY_ID)
    make_order(Patient.objects.for_clinic(clinic).get())
    make_asked(Replacement, clinic, device, parts=["Gateway"], state="confirmed", vendor_id="1")
    make_asked(SupplyRequest, clinic, device, supply_name="Lancets (100)")
    deliver(clinic, [element(device), element(device, metric="pulse", value_1=71, value_2=0), {"odd": 1}])
    return clinic


def ask_everything(
    clinic: Clinic, headers: dict[str, str], *, examples: int, only: Iterable[str] = ()
) -> dict[str, set[int]]:
    """Call each operation `examples` times with generated queries, bodies and paths, valid and not;
    the statuses answered, by path. The same calls each time. An answer that is not as described raises."""
    there = {
        "clinic": clinic.slug,
        "external_id": "mrn-7781",
        "hwi_device_id": str(Device.objects.for_clinic(clinic).get().hwi_device_id),
        "gateway_id": GATEWAY_ID,
        "order_id": str(Order.objects.for_clinic(clinic).get().id),
        "replacement_id": str(Replacement.objects.for_clinic(clinic)[0].id),
        "supply_id": str(SupplyRequest.objects.for_clinic(clinic)[0].id),
        "delivery_id": str(Delivery.objects.for_clinic(clinic).order_by("received_at")[0].id),
    }
    schema = schemathesis.openapi.from_dict(described())
    schema.app = WSGIHandler()
    answered: dict[str, set[int]] = {}
    with connections_left_open():
        found: Any
        for found in schema.get_all_operations():
            operation = found.ok()
            if not only or operation.path in only:
                answered.setdefault(operation.path, set()).update(_ask(operation, there, headers, examples))
    return answered


def _ask(operation: Any, there: dict[str, str], headers: dict[str, str], examples: int) -> set[int]:
    statuses = set()
    known = {parameter.name: there[parameter.name] for parameter in operation.path_parameters}
    cases = one_of(
        operation.as_strategy(path_parameters=known),
        operation.as_strategy(path_parameters=known, generation_mode=GenerationMode.NEGATIVE),
        operation.as_strategy(),
    )

    @settings(
        max_examples=examples,
        derandomize=True,
        database=None,
        deadline=None,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    @given(case=cases)
    def call(case: Case[Any]) -> None:
        answer = case.call(headers=headers)
        statuses.add(answer.status_code)
        case.validate_response(answer, checks=CHECKS)

    call()
    return statuses


@contextlib.contextmanager
def connections_left_open() -> Iterator[None]:
    """Each request would begin by closing the test's connection, with its transaction."""
    signals = (request_started, request_finished)
    for signal in signals:
        signal.disconnect(close_old_connections)
    try:
        yield
    finally:
        for signal in signals:
            signal.connect(close_old_connections)
