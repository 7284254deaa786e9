"""What the vendor's answers about registered webhooks do to our picture of them."""

from __future__ import annotations

from typing import Any

from django.utils.datastructures import CaseInsensitiveMapping

from clinics.models import Clinic
from clinics.webhook_secrets import shown_by
from tenovi.client.errors import VendorError
from tenovi.client.order_records import Webhook
from tenovi.client.records import Page
from tenovi.models import Call, Priority, Request, RequestKind, RequestState, VendorWebhook, WebhookDraft
from tenovi.outbound.enqueue import enqueue
from tenovi.registered_webhooks.actions import TELLING, ask_to_remove, endpoint_of, leads_to, ours
from tenovi.registry import NothingToSend


def webhook_to_register(request: Request) -> dict[str, Any]:
    """Put together what is registered; the target is the event."""
    clinic, event = request.clinic, request.target
    draft = WebhookDraft.objects.for_clinic(clinic).filter(event=event).first()
    if draft is None:
        raise NothingToSend
    return {
        "endpoint": endpoint_of(clinic, event),
        "event": event,
        "auth_header": draft.header,
        "auth_key": draft.value,
        "post_as_array": True,
        "enabled_by_default": True,
    }


def store_registered(request: Request, answer: Webhook) -> int:
    """The vendor has it: the secret is needed here no longer, nor is what it replaces needed there."""
    WebhookDraft.objects.for_clinic(request.clinic).filter(event=request.target).delete()
    _store(request.clinic, answer)
    for vendor_id in replaced_by(request) - {str(answer.id)}:
        ask_to_remove(request.clinic, vendor_id)
    return 0


def replaced_by(request: Request) -> set[str]:
    """Return the vendor's ids of those that the webhook to be registered replaces."""
    return {vendor_id.lower() for vendor_id in request.params.get("replaces", ())}


def store_removed(request: Request, answer: None) -> int:
    VendorWebhook.objects.for_clinic(request.clinic).filter(vendor_id=request.target).delete()
    return 0


def store_webhooks(request: Request, answer: Page[Webhook]) -> int:
    """A page of the list. A whole one tells what is gone, and its end what became of a registration whose
    answer was lost."""
    clinic = request.clinic
    if _was_told_since(request):  # it may be missing from this list, or be in it still
        enqueue(clinic, RequestKind.WEBHOOKS, priority=Priority.PERSON, anew=True)
        return 0
    for webhook in answer.results:
        _store(clinic, webhook)
    known = VendorWebhook.objects.for_clinic(clinic)
    if answer.is_all:
        known.exclude(vendor_id__in=[webhook.id for webhook in answer.results]).delete()
    opened = [event for event, found in ours(clinic).items() if any(one.opens for one in found)]
    WebhookDraft.objects.for_clinic(clinic).filter(event__in=opened).exclude(
        event__in=_being_told(clinic)
    ).delete()
    if not answer.ended:
        return 0
    lost = Request.objects.for_clinic(clinic).filter(kind=RequestKind.WEBHOOK_CREATE)
    # It is there, or it may be asked for again; a list that was read before says neither.
    lost.filter(state=RequestState.UNKNOWN, begun_at__lte=request.begun_at).delete()
    return 0


def _was_told_since(request: Request) -> bool:
    """Whether the vendor has answered to something about webhooks since it was asked for this list."""
    told = Call.objects.for_clinic(request.clinic).filter(kind__in=[*TELLING, RequestKind.WEBHOOK_DELETE])
    return request.asked_at is not None and told.filter(at__gt=request.asked_at).exists()


def look_for_lost(request: Request, error: VendorError | None) -> None:
    """Nobody knows whether it was registered: the list tells."""
    if request.state == RequestState.UNKNOWN:
        enqueue(request.clinic, RequestKind.WEBHOOKS, priority=Priority.PERSON, insist=True)


def _being_told(clinic: Clinic) -> list[str]:
    told = Request.objects.for_clinic(clinic).filter(kind__in=TELLING).unanswered()
    return list(told.values_list("target", flat=True))


def _store(clinic: Clinic, webhook: Webhook) -> None:
    is_ours = leads_to(clinic, webhook.event, webhook.endpoint)
    VendorWebhook.objects.for_clinic(clinic).update_or_create(
        clinic=clinic,
        vendor_id=webhook.id,
        defaults={
            "endpoint": webhook.endpoint,
            "event": webhook.event,
            "auth_header": webhook.auth_header,
            "opens": _opens(clinic, webhook) if is_ours else None,
            "post_as_array": webhook.post_as_array,
            "enabled_by_default": webhook.enabled_by_default,
        },
    )


def _opens(clinic: Clinic, webhook: Webhook) -> bool | None:
    """Whether what it shows opens our door; None where the vendor hides that."""
    if not webhook.auth_header:
        return False
    if not webhook.auth_key.strip("*•. "):
        return None
    shown = CaseInsensitiveMapping({webhook.auth_header: webhook.auth_key})
    return shown_by(clinic.slug, shown).is_valid
