"""Register our addresses as webhooks at the vendor, replace, read and remove them.

The vendor documents no call that changes a webhook. So one that must change gets a successor, and is
removed once that is registered. All share one secret: a clinic may have two valid secrets, which leaves
room for a single new one. Sources: https://docs.tenovi.com/hwi-api/webhooks/ (members of a webhook) and
declarations in public integrations (paths).
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

PATH_PARTS = {"MEASUREMENT": "measurements", "FULFILLMENT": "fulfillment", "SPECIAL_ORDER": "special-orders"}
"""The part of our address that each event of the vendor is posted to."""
USERNAME = "tenovi"
SECRET_BYTES = 24  # 192 random bits
CHANGING = (RequestKind.WEBHOOK_CREATE, RequestKind.WEBHOOK_DELETE)


class RegistrationUnderWay(Exception):
    """A registration is under way: a further secret would lock out the one it carries."""


def endpoint_of(clinic: Clinic, event: str) -> str:
    return f"{settings.PUBLIC_URL.rstrip('/')}/webhooks/{clinic.slug}/{PATH_PARTS[event]}/"


def ours(clinic: Clinic) -> dict[str, list[VendorWebhook]]:
    """Return the registered webhooks that lead to this clinic, by event."""
    by_event: dict[str, list[VendorWebhook]] = {event: [] for event in PATH_PARTS}
    for webhook in VendorWebhook.objects.for_clinic(clinic).order_by("vendor_id"):
        if leads_to(clinic, webhook.event, webhook.endpoint):
            by_event[webhook.event].append(webhook)
    return by_event


def leads_to(clinic: Clinic, event: str, endpoint: str) -> bool:
    """Whether that is our address for the event. The slash at the end is optional."""
    return event in PATH_PARTS and endpoint.rstrip("/") == endpoint_of(clinic, event).rstrip("/")


@transaction.atomic
def register(*, clinic: Clinic, by: User) -> WebhookSecret | None:
    """Queue the registration of a webhook for each event, with a new secret, as arrays, by default.

    A webhook that leads here already is removed once its successor is registered. A secret that the vendor
    has not taken yet is used again. The list of the vendor's webhooks must have been read just before.
    Returns the idle secret that was retired for the new one, None where there was room. Raises
    RegistrationUnderWay, and TwoAreValid while both secrets are in use. Locks the clinic.
    """
    Clinic.objects.select_for_update(no_key=True).get(pk=clinic.pk)
    if _changes(clinic).filter(kind=RequestKind.WEBHOOK_CREATE).exists():
        raise RegistrationUnderWay
    retired = None
    draft_left = WebhookDraft.objects.for_clinic(clinic).order_by("created_at").first()
    if draft_left and _is_valid(clinic, draft_left):
        header, value = draft_left.header, draft_left.value
    else:
        retired = make_room_for_secret(clinic=clinic, by=by)
        header, password = "Authorization", secrets.token_urlsafe(SECRET_BYTES)
        value = "Basic " + base64.b64encode(f"{USERNAME}:{password}".encode()).decode()
        add_webhook_secret(clinic=clinic, header="", username=USERNAME, password=password, by=by)
    replaced = []
    for event, webhooks in ours(clinic).items():
        draft, _ = WebhookDraft.objects.for_clinic(clinic).get_or_create(clinic=clinic, event=event)
        draft.header, draft.value = header, value
        draft.save(update_fields=["header", "value_encrypted"])
        _enqueue(
            clinic,
            RequestKind.WEBHOOK_CREATE,
            event,
            replaces=[str(webhook.vendor_id) for webhook in webhooks],
        )
        if webhooks:
            replaced.append(event)
    detail = {"created": list(PATH_PARTS), "replaced": replaced, "header": header}
    audit.record("webhooks_registered", by=by, clinic=clinic, detail=detail)
    return retired


def are_changing(clinic: Clinic) -> bool:
    """Whether a registration or a removal is under way."""
    return _changes(clinic).exists()


def changed_since(clinic: Clinic, moment: datetime.datetime) -> datetime.datetime | None:
    """Return when the vendor last confirmed a change of a webhook, None if not after `moment`."""
    done = Call.objects.for_clinic(clinic).filter(kind__in=CHANGING, outcome=Call.Outcome.ANSWERED)
    return done.filter(at__gt=moment).newest_first().values_list("at", flat=True).first()


def _is_valid(clinic: Clinic, draft: WebhookDraft) -> bool:
    return shown_by(clinic.slug, CaseInsensitiveMapping({draft.header: draft.value})).is_valid


def _changes(clinic: Clinic) -> RequestQuerySet:
    return Request.objects.for_clinic(clinic).filter(kind__in=CHANGING).unanswered()


@transaction.atomic
def remove(*, webhook: VendorWebhook, by: User) -> None:
    """Queue the removal of a webhook."""
    enqueue_removal(webhook.clinic, str(webhook.vendor_id))
    detail = {"endpoint": webhook.endpoint, "event": webhook.event}
    audit.record("webhook_removed", by=by, clinic=webhook.clinic, detail=detail)


def enqueue_removal(clinic: Clinic, vendor_id: str) -> None:
    """Queue the removal of a webhook without an audit row."""
    _enqueue(clinic, RequestKind.WEBHOOK_DELETE, vendor_id)


def enqueue_reads(clinic: Clinic) -> None:
    """Queue reads of the vendor's webhooks, and of the devices that are pinned to one."""
    _enqueue(clinic, RequestKind.WEBHOOKS, "")
    _enqueue(clinic, RequestKind.DEVICES_WITH_PROPERTY, "measurement_webhook_id")


@dataclass(frozen=True, slots=True)
class RequestProgress:
    """A request about webhooks that is under way, or was refused."""

    sentence: str
    refused: bool


def requests_under_way(clinic: Clinic) -> list[RequestProgress]:
    kinds = (*CHANGING, RequestKind.WEBHOOKS)
    rows = Request.objects.for_clinic(clinic).filter(kind__in=kinds).order_by("created_at", "target")
    return [_progress(row) for row in rows]


def _progress(row: Request) -> RequestProgress:
    what = RequestKind(row.kind).label
    if row.state in (RequestState.PARKED, RequestState.UNKNOWN):
        return RequestProgress(f"{what}: {row.reason}", refused=True)
    return RequestProgress(f"{what}: waits for Tenovi’s answer. {row.reason}".strip(), refused=False)


def _enqueue(clinic: Clinic, kind: str, target: str, **params: list[str]) -> None:
    enqueue(clinic, kind, target, priority=Priority.PERSON, params=params, insist=True)
