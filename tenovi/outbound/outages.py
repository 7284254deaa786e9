"""Tell an outage of the vendor from one request that it cannot answer.

A request without an answer is charged an attempt, alone. When several different ones have failed in a
row, or the only one that is due, a probe asks the vendor for something harmless. No answer to the probe
is an outage: nothing but probes is sent until one is answered.
"""

from __future__ import annotations

import itertools
import logging
import uuid

from clinics.models import Clinic
from tenovi.client import errors
from tenovi.client.endpoints import DEVICE_TYPES, DEVICES, PATIENTS, CallRecord
from tenovi.models import Call, RequestKind
from tenovi.outbound.api_keys import Cause, VendorKey, clinics_that_may_call, end_outage, has_outage, park

log = logging.getLogger(__name__)

PROBE = "probe"
PROBE_DEADLINE = 8.0  # seconds: it asks for one row
LATEST = 12  # calls that are considered
DIFFERENT = 2  # requests that failed in a row, before an outage is suspected

PROBES = {
    RequestKind.PATIENTS: PATIENTS,
    RequestKind.DEVICES: DEVICES,
    RequestKind.DEVICE_TYPES: DEVICE_TYPES,
}
"""Cheap reads that every account has. A kind that has just failed itself is no probe."""


def is_suspected(key: VendorKey, *, nothing_else_is_due: bool) -> bool:
    """Whether a probe must go out before anything else is sent."""
    if has_outage(key):
        return True
    failed = {request_id for request_id, _ in _failed_in_a_row(key)}
    return len(failed) >= DIFFERENT or (bool(failed) and nothing_else_is_due)


def probe_for(key: VendorKey) -> tuple[Clinic, str] | None:
    """Return the clinic and the path to probe with, None while no account of this key may be used."""
    clinics = clinics_that_may_call(key)
    if not clinics:
        return None
    failing = {kind for _, kind in _failed_in_a_row(key)}
    sound = [path for kind, path in PROBES.items() if kind not in failing]
    return clinics[0], (sound or list(PROBES.values()))[0]


def store_probe(
    key: VendorKey, clinic: Clinic, error: errors.VendorError | None, record: CallRecord
) -> float:
    """Log a probe, and park or unpark the key by its result.

    Returns the seconds for which all calls must wait.
    """
    if isinstance(error, errors.SlotLost | errors.LockLost | errors.LimiterAway):
        return 0
    Call.objects.create(
        clinic=clinic,
        request_id=uuid.uuid4(),
        kind=PROBE,
        method=record.method,
        path=record.path,
        status=record.status,
        milliseconds=record.milliseconds,
        outcome=error.effect.value if error else Call.Outcome.ANSWERED,
        reason=error.sentence if error else "",
    )
    match error:
        case errors.TooManyRequests():
            return park(key.budget, Cause.SLOW_DOWN, error.sentence, seconds=error.retry_after)
        case errors.Unreachable():
            park(key.budget, Cause.UNREACHABLE, error.sentence)
        case errors.Unclear():
            park(key.budget, Cause.OUTAGE, f"Tenovi seems to have an outage: {error.sentence}")
        case _:  # any answer shows that the vendor is there
            end_outage(key)
    return 0


def _failed_in_a_row(key: VendorKey) -> list[tuple[uuid.UUID, str]]:
    """Return (request id, kind) of the latest calls in a row without a usable answer. A 429 is an answer."""
    calls = Call.objects.across_clinics().filter(clinic__in=key.clinics).newest_first()
    latest = calls.values_list("outcome", "status", "request_id", "kind")[:LATEST]
    failed = itertools.takewhile(lambda call: call[0] == Call.Outcome.DOUBTFUL and call[1] != 429, latest)
    return [(request_id, kind) for _, _, request_id, kind in failed]
