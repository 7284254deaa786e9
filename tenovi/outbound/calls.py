"""Map each kind of request to its call of the client, and to what may follow a failure."""

from __future__ import annotations

import enum
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any

from django.conf import settings

from tenovi.client import errors
from tenovi.client.caller import PAGE_SIZE, Body
from tenovi.client.endpoints import TenoviClient, already_exists
from tenovi.models import Request, RequestKind
from tenovi.registry import REQUESTS

CALLS: dict[str, Callable[[TenoviClient, Request], Any]] = {
    RequestKind.DEVICES: lambda client, request: client.devices(request.cursor),
    RequestKind.DEVICE: lambda client, request: client.device(request.target),
    RequestKind.DEVICES_OF_PATIENT: lambda client, request: client.devices(
        request.cursor, external_id=request.target
    ),
    RequestKind.DEVICES_ON_HARDWARE: lambda client, request: client.devices(
        request.cursor, hardware_uuid=request.target
    ),
    RequestKind.DEVICES_WITH_PROPERTY: lambda client, request: client.devices(
        request.cursor, property_key=request.target
    ),
    RequestKind.PATIENTS: lambda client, request: client.patients(request.cursor),
    RequestKind.MEASUREMENTS: lambda client, request: client.measurements_of_device(
        request.target.partition("@")[0], cursor=request.cursor, **request.params
    ),
    RequestKind.MEASUREMENTS_OF_PATIENT: lambda client, request: client.measurements_of_patient(
        cursor=request.cursor, **request.params
    ),
    RequestKind.PATIENT: lambda client, request: client.patient(request.target),
    RequestKind.DEVICE_TYPES: lambda client, request: client.device_types(request.cursor),
    RequestKind.GATEWAYS: lambda client, request: client.gateways(request.cursor),
    RequestKind.GATEWAY: lambda client, request: client.gateway(request.target),
    RequestKind.HARDWARE_LOG: lambda client, request: client.hardware_log(
        request.cursor, hwi_device_id=request.target, path=_path(request)
    ),
    RequestKind.HARDWARE_SEARCH: lambda client, request: client.hardware_log(
        request.cursor, hardware_uuid=request.params.get("search", request.target), path=_path(request)
    ),
    RequestKind.PROPERTIES: lambda client, request: client.properties(request.target, request.cursor),
    RequestKind.WEBHOOKS: lambda client, request: client.webhooks(request.cursor),
    RequestKind.REPLACEMENTS: lambda client, request: client.replacements(request.cursor),
    RequestKind.BULK_ORDERS: lambda client, request: client.bulk_orders(request.cursor),
    RequestKind.SUPPLY_TYPES: lambda client, request: client.supply_types(request.cursor),
    RequestKind.SUPPLY_REQUESTS: lambda client, request: client.supply_requests(
        request.cursor, path=_path(request)
    ),
}
"""Reads: harmless to repeat."""


@dataclass(frozen=True, slots=True)
class Write:
    """A call that changes something at the vendor.

    `again`: a second call changes nothing more, so it may be repeated when the first one's result is unknown.
    `has_body`: a room builds the body (`registry.Handler.payload`). `removes`: an object that is not there
    is the result we want.
    """

    call: Callable[[TenoviClient, Request, Body], Any]
    again: bool = True
    has_body: bool = True
    removes: bool = False


def _push_patient(client: TenoviClient, request: Request, body: Body) -> Any:
    if request.params.get("create"):
        return client.create_patient(body)
    return client.update_patient(request.target, body)


def _set_property(client: TenoviClient, request: Request, body: Body) -> Any:
    # The target is `<hwi device id>/<key>`, so that two properties of a device are two requests.
    hwi_device_id, _, key = request.target.partition("/")
    return client.set_property(hwi_device_id, key, str(body["value"]))


_create = partial(Write, again=False)
_remove = partial(Write, has_body=False, removes=True)

WRITES: dict[str, Write] = {
    RequestKind.DEVICE_CREATE: _create(lambda client, request, body: client.create_device(body)),
    RequestKind.DEVICE_UPDATE: Write(
        lambda client, request, body: client.update_device(
            request.target, body, method="PATCH" if request.params.get("patch") else "PUT"
        )
    ),
    RequestKind.DEVICE_UNLINK: Write(
        lambda client, request, body: client.unlink_gateway(request.target), has_body=False
    ),
    RequestKind.DEVICE_DELETE: _remove(lambda client, request, body: client.delete_device(request.target)),
    RequestKind.PATIENT_PUSH: Write(_push_patient),
    RequestKind.PATIENT_DELETE: _remove(lambda client, request, body: client.delete_patient(request.target)),
    RequestKind.PROPERTY_SET: Write(_set_property),
    RequestKind.WEBHOOK_CREATE: _create(lambda client, request, body: client.create_webhook(body)),
    RequestKind.WEBHOOK_DELETE: _remove(lambda client, request, body: client.delete_webhook(request.target)),
    RequestKind.REPLACEMENT_CREATE: _create(lambda client, request, body: client.create_replacement(body)),
    RequestKind.REPLACEMENT_DELETE: _remove(
        lambda client, request, body: client.delete_replacement(request.target)
    ),
    RequestKind.SUPPLY_CREATE: _create(
        lambda client, request, body: client.create_supply_request(body, path=_path(request))
    ),
    RequestKind.SUPPLY_DELETE: _remove(
        lambda client, request, body: client.delete_supply_request(request.target, path=_path(request))
    ),
}

CREATES = frozenset(kind for kind, write in WRITES.items() if not write.again)
"""Sent at most once. Software never repeats a call that may have created something."""


class Meant(enum.Enum):
    """The patient that a request concerns, and what a change of assignment before it is sent means."""

    NOBODY = "a read, or the account as a whole"
    ITS_OWN = "what its target names: a record that keeps its patient for good"
    PRESENT_HOLDER = "the patient who has the device when it is sent: it tells the vendor who that is"
    HOLDER_WHEN_ASKED = "the patient who had the device when it was queued: its room checks before it is sent"


MEANT_FOR: dict[RequestKind, Meant] = {
    **{RequestKind(kind): Meant.NOBODY for kind in CALLS},
    RequestKind.DEVICE_CREATE: Meant.ITS_OWN,
    RequestKind.DEVICE_UPDATE: Meant.PRESENT_HOLDER,
    RequestKind.DEVICE_UNLINK: Meant.HOLDER_WHEN_ASKED,
    RequestKind.DEVICE_DELETE: Meant.HOLDER_WHEN_ASKED,
    RequestKind.PATIENT_PUSH: Meant.ITS_OWN,
    RequestKind.PATIENT_DELETE: Meant.ITS_OWN,
    RequestKind.PROPERTY_SET: Meant.HOLDER_WHEN_ASKED,
    RequestKind.WEBHOOK_CREATE: Meant.NOBODY,
    RequestKind.WEBHOOK_DELETE: Meant.NOBODY,
    RequestKind.REPLACEMENT_CREATE: Meant.HOLDER_WHEN_ASKED,
    RequestKind.REPLACEMENT_DELETE: Meant.ITS_OWN,
    RequestKind.SUPPLY_CREATE: Meant.HOLDER_WHEN_ASKED,
    RequestKind.SUPPLY_DELETE: Meant.ITS_OWN,
}
"""For every kind, whether its device can be reassigned while the request waits."""


def call_of(request: Request) -> Callable[[TenoviClient], Any]:
    """Return the call this request makes. Its body is built now.

    Raises what the room's check and payload builder raise, including `NothingToSend` and `NoLongerMeant`.
    """
    write = WRITES.get(request.kind)
    if write is None:
        return lambda client: CALLS[request.kind](client, request)
    handler = REQUESTS[request.kind]
    handler.check(request)
    body = handler.payload(request) if write.has_body else {}
    return lambda client: write.call(client, request, body)


def rows_a_page(kind: str) -> int:
    """Return how many rows of this list one call brings."""
    return 1000 if kind in FETCHES else PAGE_SIZE


FETCHES = frozenset([RequestKind.MEASUREMENTS, RequestKind.MEASUREMENTS_OF_PATIENT])
FINAL_WHEN_UNKNOWN = FETCHES
"""Reads of objects that the vendor has had. A 404 is their answer, not a failure to repeat."""

DONE_WHEN_UNKNOWN = frozenset([RequestKind.PATIENT_DELETE])
"""Removals that a 404 completes. Their id is ours, so an unknown one is no mistake of the request."""

PATH_SETTINGS = {
    RequestKind.HARDWARE_LOG: "TENOVI_HARDWARE_LOG_PATHS",
    RequestKind.HARDWARE_SEARCH: "TENOVI_HARDWARE_LOG_PATHS",
    RequestKind.SUPPLY_REQUESTS: "TENOVI_SUPPLY_REQUESTS_PATHS",
    RequestKind.SUPPLY_CREATE: "TENOVI_SUPPLY_REQUESTS_PATHS",
    RequestKind.SUPPLY_DELETE: "TENOVI_SUPPLY_REQUESTS_PATHS",
}
"""The setting that lists the paths of a call, where the vendor's pages do not agree on one."""


def removes(kind: str) -> bool:
    write = WRITES.get(kind)
    return write is not None and write.removes


def other_way(request: Request, error: errors.VendorError) -> dict[str, Any] | None:
    """Return the params for another call at once after a refusal, None where none would help.

    A patient record that is missing is created; one that exists already is updated. A device that refuses
    the documented PUT is patched, as public integrations do. An unknown path gives way to the next one
    that the vendor's pages name.
    """
    params = dict(request.params)
    match error:
        case errors.NotFound() if request.kind == RequestKind.PATIENT_PUSH and not params.get("create"):
            return params | {"create": True}
        case errors.Invalid() if request.kind == RequestKind.PATIENT_PUSH and params.get("create"):
            return params | {"create": False} if already_exists(error) else None
        case errors.NotOffered() if request.kind == RequestKind.DEVICE_UPDATE and not params.get("patch"):
            return params | {"patch": True}
        case errors.PathUnknown() if params.get("path", 0) + 1 < len(_paths(request)):
            return params | {"path": params.get("path", 0) + 1}
    return None


def _paths(request: Request) -> list[str]:
    setting = PATH_SETTINGS.get(RequestKind(request.kind))
    return list(getattr(settings, setting)) if setting else []


def _path(request: Request) -> str:
    """Return the path to try now, of those in the settings."""
    paths, number = _paths(request), int(request.params.get("path", 0))
    # The setting may have been shortened since the request came to its path.
    return paths[number if number < len(paths) else 0]
