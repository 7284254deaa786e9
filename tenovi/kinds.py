"""Which call of the client each kind of request makes."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from tenovi.client import TenoviClient
from tenovi.models import Request, RequestKind

CALLS: dict[str, Callable[[TenoviClient, Request], Any]] = {
    RequestKind.DEVICES: lambda client, request: client.devices(request.cursor),
    RequestKind.DEVICE: lambda client, request: client.device(request.target),
    RequestKind.PATIENTS: lambda client, request: client.patients(request.cursor),
    RequestKind.MEASUREMENTS: lambda client, request: client.measurements_of_device(
        request.target.partition("@")[0], cursor=request.cursor, **request.params
    ),
    RequestKind.PATIENT: lambda client, request: client.patient(request.target),
}
