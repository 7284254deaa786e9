"""What a person does about requests that have stopped."""

from __future__ import annotations

from django.db import transaction
from django.db.models.functions import Now

from clinics import audit
from clinics.models import User
from tenovi.doorbell import ring
from tenovi.lists import FROM_THE_FIRST_PAGE
from tenovi.models import Request, RequestState
from tenovi.queue import DRAIN


@transaction.atomic
def retry_request(*, request: Request, by: User) -> bool:
    """Send a parked request again, as if it had never failed. False when it is parked no longer."""
    parked = Request.objects.for_clinic(request.clinic).parked().filter(id=request.id)
    if not parked.update(
        state=RequestState.WAITING, attempts=0, restarts=0, not_before=Now(), **FROM_THE_FIRST_PAGE
    ):
        return False
    _record("vendor_request_retried", request, by)
    ring(DRAIN)
    return True


@transaction.atomic
def cancel_request(*, request: Request, by: User) -> bool:
    """Give a parked request up. False when it is parked no longer."""
    if not Request.objects.for_clinic(request.clinic).parked().filter(id=request.id).delete()[0]:
        return False
    _record("vendor_request_cancelled", request, by)
    return True


def _record(action: str, request: Request, by: User) -> None:
    detail = {"request": str(request.id), "kind": request.kind, "target": request.target}
    audit.record(action, by=by, clinic=request.clinic, detail=detail)
