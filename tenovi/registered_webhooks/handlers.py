"""Store the vendor's answers about registered webhooks."""

from __future__ import annotations

from clinics.models import Clinic
from tenovi.client.order_records import Webhook
from tenovi.client.records import Page
from tenovi.models import Call, Priority, Request, RequestKind, RequestState, VendorWebhook, WebhookDraft
from tenovi.outbound.enqueue import enqueue
from tenovi.registered_webhooks.actions import TELLING, ours
from tenovi.registered_webhooks.registration import store_webhook
from tenovi.registry import Handler


def store_removed(request: Request, answer: None) -> int:
    VendorWebhook.objects.for_clinic(request.clinic).filter(vendor_id=request.target).delete()
    return 0


def store_webhooks(request: Request, answer: Page[Webhook]) -> int:
    """Store a page of the list. A whole list shows which webhooks are gone. The end of the list shows what
    became of a registration whose answer was lost."""
    clinic = request.clinic
    if _was_changed_since(request):  # it may be missing from this list, or be in it still
        enqueue(clinic, RequestKind.WEBHOOKS, priority=Priority.PERSON, anew=True)
        return 0
    for webhook in answer.results:
        store_webhook(clinic, webhook)
    known = VendorWebhook.objects.for_clinic(clinic)
    if answer.is_all:
        known.exclude(vendor_id__in=[webhook.id for webhook in answer.results]).delete()
    opened = [event for event, webhooks in ours(clinic).items() if any(webhook.opens for webhook in webhooks)]
    WebhookDraft.objects.for_clinic(clinic).filter(event__in=opened).exclude(
        event__in=_unanswered_events(clinic)
    ).delete()
    if not answer.ended:
        return 0
    lost = Request.objects.for_clinic(clinic).filter(kind=RequestKind.WEBHOOK_CREATE)
    # It is there, or it may be asked for again; a list that was read before says neither.
    lost.filter(state=RequestState.UNKNOWN, begun_at__lte=request.begun_at).delete()
    return 0


def _was_changed_since(request: Request) -> bool:
    """Whether the vendor has answered to a change of webhooks since it was asked for this list."""
    calls = Call.objects.for_clinic(request.clinic).filter(kind__in=[*TELLING, RequestKind.WEBHOOK_DELETE])
    return request.asked_at is not None and calls.filter(at__gt=request.asked_at).exists()


def _unanswered_events(clinic: Clinic) -> list[str]:
    requests = Request.objects.for_clinic(clinic).filter(kind__in=TELLING).unanswered()
    return list(requests.values_list("target", flat=True))


REQUESTS = {
    RequestKind.WEBHOOKS: Handler(answer=store_webhooks),
    RequestKind.WEBHOOK_DELETE: Handler(answer=store_removed),
}
"""What answers to a registration (`WEBHOOK_CREATE`) is in the room of devices: they follow their webhook."""
