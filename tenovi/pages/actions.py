"""Act on requests that have stopped, and on elements in quarantine."""

from __future__ import annotations

import uuid
from functools import partial
from typing import Any

from django.db import transaction
from django.db.models.functions import Now

from clinics import audit
from clinics.models import Clinic, Membership, Role, User
from clinics.signing_in import emails
from tenovi.inbound import deliveries as inbound_deliveries
from tenovi.inbound.reasons import sentence
from tenovi.inbound.remedies import Remedy, remedies_for
from tenovi.models import Delivery, DeliveryItem, Priority, Request, RequestKind, RequestState
from tenovi.models.ledger import ItemState
from tenovi.outbound.enqueue import DRAIN, enqueue
from tenovi.outbound.list_pages import FROM_THE_FIRST_PAGE
from tenovi.outbound.wakeup import wake_worker
from tenovi.querysets import DeliveryItemQuerySet

MOST_AT_ONCE = 10_000


@transaction.atomic
def retry_request(*, request: Request, by: User) -> bool:
    """Send a parked request again, with all its attempts. False when it is parked no longer."""
    parked = Request.objects.for_clinic(request.clinic).parked().filter(id=request.id)
    if not parked.update(
        state=RequestState.WAITING, attempts=0, restarts=0, not_before=Now(), **FROM_THE_FIRST_PAGE
    ):
        return False
    _record("vendor_request_retried", request, by)
    wake_worker(DRAIN)
    return True


@transaction.atomic
def cancel_request(*, request: Request, by: User) -> bool:
    """Delete a parked request. False when it is parked no longer."""
    if not Request.objects.for_clinic(request.clinic).parked().filter(id=request.id).delete()[0]:
        return False
    _record("vendor_request_cancelled", request, by)
    return True


@transaction.atomic
def discard_elements(*, clinic: Clinic, items: DeliveryItemQuerySet, why: str, by: User) -> int:
    """Discard elements in quarantine. Returns how many.

    They stay in the ledger with their bytes, and can be taken back.
    """
    chosen = _locked(clinic, items.quarantined())
    rows = DeliveryItem.objects.for_clinic(clinic).filter(id__in=[item.id for item in chosen])
    rows.update(state=ItemState.DISCARDED, note=why, decided_by=by.email, decided_at=Now())
    inbound_deliveries.tell_what_waits({item.delivery_id for item in chosen})
    _record_decision("elements_discarded", clinic, chosen, by, why=why, state=["quarantined", "discarded"])
    return len(chosen)


@transaction.atomic
def take_back_elements(*, clinic: Clinic, items: DeliveryItemQuerySet, by: User) -> int:
    """Put discarded elements back into quarantine, for the same reason. Returns how many."""
    chosen = _locked(clinic, items.discarded())
    rows = DeliveryItem.objects.for_clinic(clinic).filter(id__in=[item.id for item in chosen])
    rows.update(state=ItemState.QUARANTINED, note="", decided_by="", decided_at=None)
    inbound_deliveries.tell_what_waits({item.delivery_id for item in chosen})
    _record_decision("elements_taken_back", clinic, chosen, by, state=["discarded", "quarantined"])
    return len(chosen)


@transaction.atomic
def accept_for_holder(*, clinic: Clinic, items: DeliveryItemQuerySet, why: str, by: User) -> int:
    """Assign readings to the patient who had the device then, whichever patient the vendor names.

    Returns how many. The caller settles them after the commit.
    """
    chosen = [
        item
        for item in _locked(clinic, items.quarantined())
        if Remedy.ACCEPT in remedies_for(item.reason, item.delivery.kind)
    ]
    rows = DeliveryItem.objects.for_clinic(clinic).filter(id__in=[item.id for item in chosen])
    rows.update(goes_by_holder=True, note=why, decided_by=by.email, decided_at=Now())
    _record_decision(
        "elements_accepted_for_holder", clinic, chosen, by, why=why, goes_by_holder=[False, True]
    )
    return len(chosen)


@transaction.atomic
def ask_about_device(*, clinic: Clinic, hwi_device_id: uuid.UUID, by: User) -> None:
    """Queue a read of this device, before other requests."""
    enqueue(clinic, RequestKind.DEVICE, str(hwi_device_id), priority=Priority.PERSON, insist=True)
    detail = {"device": str(hwi_device_id)}
    audit.record("vendor_asked_about_device", by=by, clinic=clinic, detail=detail)


@transaction.atomic
def tell_clinic(*, clinic: Clinic, items: DeliveryItemQuerySet, by: User) -> int:
    """E-mail the clinic's admins that elements wait for them, without patient data. Returns how many e-mails."""
    chosen = _locked(clinic, items.quarantined())
    if not chosen:
        return 0
    admins = Membership.objects.filter(clinic=clinic, role=Role.CLINIC_ADMIN, user__is_active=True)
    people = [member.user for member in admins.select_related("user")]
    why = sentence(chosen[0].reason)
    _record_decision("clinic_told_of_waiting", clinic, chosen, by, letters=len(people))
    for person in people:
        transaction.on_commit(partial(emails.send_waiting, person, clinic, len(chosen), why))
    return len(people)


def _locked(clinic: Clinic, items: DeliveryItemQuerySet) -> list[DeliveryItem]:
    """Lock the deliveries first, in the order in which settling does. Returns the elements as they are then."""
    chosen = list(items.filter(clinic=clinic).order_by("id")[:MOST_AT_ONCE])
    deliveries = Delivery.objects.for_clinic(clinic).filter(id__in={item.delivery_id for item in chosen})
    list(deliveries.order_by("id").select_for_update(no_key=True).values_list("id"))
    again = items.filter(clinic=clinic, id__in=[item.id for item in chosen]).select_related("delivery")
    return list(again.order_by("id"))


def _record_decision(action: str, clinic: Clinic, items: list[DeliveryItem], by: User, **detail: Any) -> None:
    """Write an audit row with the number of elements and the first ids. The ledger has the rest."""
    if items:
        named = [f"{item.delivery_id}/{item.index}" for item in items[:20]]
        audit.record(action, by=by, clinic=clinic, detail={"elements": len(items), "first": named, **detail})


def _record(action: str, request: Request, by: User) -> None:
    detail = {"request": str(request.id), "kind": request.kind, "target": request.target}
    audit.record(action, by=by, clinic=request.clinic, detail=detail)
