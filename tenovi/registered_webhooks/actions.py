"""Our doors as webhooks at the vendor: registered, replaced, looked at, removed.

No page of the vendor's has a call that changes a webhook: one that is to be other than it is gets a successor,
and is removed once that is there. One secret serves all of them: two are valid at a door, so that there is room for one new one alone. Source: https://docs.tenovi.com/hwi-api/webhooks/ (members of a webhook) and declarations in
public integrations (paths).
"""

from __future__ import annotations

import base64
import datetime
import secrets
from dataclasses import dataclass

from django.conf import settings
from django.db import transaction
from django.utils.datastructures import CaseInsensitiveMapping

from clinics import audit
from clinics.actions.clinic_settings import add_webhook_secret, make_room_for_secret
from clinics.models import Clinic, User, WebhookSecret
from clinics.webhook_secrets import shown_by
from tenovi.models import Call, Priority, Request, RequestKind, RequestState, VendorWebhook, WebhookDraft
from tenovi.outbound.enqueue import enqueue
from tenovi.querysets import RequestQuerySet

DOORS = {"MEASUREMENT": "measurements", "FULFILLMENT": "fulfillment", "SPECIAL_ORDER": "special-orders"}
"""The vendor's events, and the door each is for."""
USERNAME = "tenovi"
SECRET_BYTES = 24  # 192 random bits
TELLING = (RequestKind.WEBHOOK_CREATE,)
CHANGING = (*TELLING, RequestKind.WEBHOOK_DELETE)


class StillTelling(Exception):
    """The vendor is being told already: a further secret would lock out the one under way."""


def endpoint_of(clinic: Clinic, event: str) -> str:
    return f"{settings.PUBLIC_URL.rstrip('/')}/webhooks/{clinic.slug}/{DOORS[event]}/"


def ours(clinic: Clinic) -> dict[str, list[VendorWebhook]]:
    """The registered webhooks that lead to our doors, by event."""
    found: dict[str, list[VendorWebhook]] = {event: [] for event in DOORS}
    for webhook in VendorWebhook.objects.for_clinic(clinic).order_by("vendor_id"):
        if leads_to(clinic, webhook.event, webhook.endpoint):
            found[webhook.event].append(webhook)
    return found


def leads_to(clinic: Clinic, event: str, endpoint: str) -> bool:
    """Whether that is our door for the event; the slash at the end is optional."""
    return event in DOORS and endpoint.rstrip("/") == endpoint_of(clinic, event).rstrip("/")


@transaction.atomic
def register(*, clinic: Clinic, by: User) -> WebhookSecret | None:
    """Have the vendor post each event to our door with a new secret, as arrays, by default. What is there for
    it already is removed once its successor is registered. A secret the vendor has not taken yet is used again.

    Returns the secret that was not in use and is retired for the new one, None where there was room. What
    the vendor has must have been read just before. Raises StillTelling, and TwoAreValid while both are in use.
    """
    Clinic.objects.select_for_update(no_key=True).get(pk=clinic.pk)
    if _asked(clinic).filter(kind__in=TELLING).exists():
        raise StillTelling
    retired = None
    left = WebhookDraft.objects.for_clinic(clinic).order_by("created_at").first()
    if left and shown_by(clinic.slug, CaseInsensitiveMapping({left.header: left.value})).is_valid:
        header, value = left.header, left.value
    else:
        retired = make_room_for_secret(clinic=clinic, by=by)
        header, password = "Authorization", secrets.token_urlsafe(SECRET_BYTES)
        value = "Basic " + base64.b64encode(f"{USERNAME}:{password}".encode()).decode()
        add_webhook_secret(clinic=clinic, header="", username=USERNAME, password=password, by=by)
    replaced = []
    for event, there in ours(clinic).items():
        draft, _ = WebhookDraft.objects.for_clinic(clinic).get_or_create(clinic=clinic, event=event)
        draft.header, draft.value = header, value
        draft.save(update_fields=["header", "value_encrypted"])
        _tell(clinic, RequestKind.WEBHOOK_CREATE, event, replaces=[str(one.vendor_id) for one in there])
        if there:
            replaced.append(event)
    detail = {"created": list(DOORS), "replaced": replaced, "header": header}
    audit.record("webhooks_registered", by=by, clinic=clinic, detail=detail)
    return retired


def are_changing(clinic: Clinic) -> bool:
    """Whether the vendor is being told where to post and what to show there, or where no longer."""
    return _asked(clinic).exists()


def changed_since(clinic: Clinic, moment: datetime.datetime) -> datetime.datetime | None:
    """Find when the vendor last changed one as it was told, if that was after the moment."""
    done = Call.objects.for_clinic(clinic).filter(kind__in=CHANGING, outcome=Call.Outcome.ANSWERED)
    return done.filter(at__gt=moment).newest_first().values_list("at", flat=True).first()


def _asked(clinic: Clinic) -> RequestQuerySet:
    return Request.objects.for_clinic(clinic).filter(kind__in=CHANGING).unanswered()


@transaction.atomic
def remove(*, webhook: VendorWebhook, by: User) -> None:
    """Have the vendor post to this address no longer."""
    ask_to_remove(webhook.clinic, str(webhook.vendor_id))
    detail = {"endpoint": webhook.endpoint, "event": webhook.event}
    audit.record("webhook_removed", by=by, clinic=webhook.clinic, detail=detail)


def ask_to_remove(clinic: Clinic, vendor_id: str) -> None:
    """Have the vendor asked to remove one, without a line in the record."""
    _tell(clinic, RequestKind.WEBHOOK_DELETE, vendor_id)


def ask_what_is_there(clinic: Clinic) -> None:
    """Have the vendor asked for its webhooks, and for the devices that are pinned to one."""
    _tell(clinic, RequestKind.WEBHOOKS, "")
    _tell(clinic, RequestKind.DEVICES_WITH_PROPERTY, "measurement_webhook_id")


@dataclass(frozen=True, slots=True)
class Telling:
    """Something about webhooks that is being asked of the vendor, or was refused."""

    sentence: str
    refused: bool


def telling(clinic: Clinic) -> list[Telling]:
    kinds = (*TELLING, RequestKind.WEBHOOK_DELETE, RequestKind.WEBHOOKS)
    rows = Request.objects.for_clinic(clinic).filter(kind__in=kinds).order_by("created_at", "target")
    return [_told(row) for row in rows]


def _told(row: Request) -> Telling:
    what = RequestKind(row.kind).label
    if row.state in (RequestState.PARKED, RequestState.UNKNOWN):
        return Telling(f"{what}: {row.reason}", refused=True)
    return Telling(f"{what}: waits for Tenovi’s answer. {row.reason}".strip(), refused=False)


def _tell(clinic: Clinic, kind: str, target: str, **params: list[str]) -> None:
    enqueue(clinic, kind, target, priority=Priority.PERSON, params=params, insist=True)
