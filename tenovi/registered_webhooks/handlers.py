"""Store the vendor's answers about registered webhooks."""

from __future__ import annotations

from clinics.models import Clinic
from tenovi.client.order_records import Webhook
from tenovi.client.records import Page
from tenovi.models import Call, Priority, Request, RequestKind, RequestState, VendorWebhook, WebhookDraft
from tenovi.outbound.enqueue import enqueue
from tenovi.registered_webhooks.actions import CHANGING, ours
from tenovi.registered_webhooks.registration import store_webhook
from tenovi.registry import Handler


def store_removed(request: Request, answer: None) -> int:
    VendorWebhook.objects.for_clinic(request.clinic).filter(vendor_id=request.target).delete()
    return 0


def store_webhooks(request: Request, answer: Page[Webhook]) -> int:
    """Store a page of the list.

    A page that is the whole list also deletes what is gone. The end of the list settles a registration whose
    answer was lost.
    """
    clinic = request.clinic
    if _was_changed_since(request):  # the list may be older than the change
        enqueue(clinic, RequestKind.WEBHOOKS, priority=Priority.PERSON, anew=True)
        return 0
    for webhook in answer.results:
        store_webhook(clinic, webhook)
    stored = VendorWebhook.objects.for_clinic(clinic)
    if answer.is_all:
        stored.exclude(vendor_id__in=[webhook.id for webhook in answer.results]).delete()
    accepted = [
        event for event, webhooks in ours(clinic).items() if any(webhook.opens for webhook in webhooks)
    ]
    drafts = WebhookDraft.objects.for_clinic(clinic).filter(event__in=accepted)
    drafts.exclude(event__in=_unanswered_events(clinic)).delete()
    if not answer.ended:
        return 0
    lost = Request.objects.for_clinic(clinic).filter(kind=RequestKind.WEBHOOK_CREATE)
    # It is in the list, or may be queued again. A list that was begun before proves neither.
    lost.filter(state=RequestState.UNKNOWN, begun_at__lte=request.begun_at).delete()
    return 0


def _was_changed_since(request: Request) -> bool:
    """Whether the vendor has answered a change of webhooks since this list was requested."""
    calls = Call.objects.for_clinic(request.clinic).filter(kind__in=CHANGING)
    return request.asked_at is not None and calls.filter(at__gt=request.asked_at).exists()


def _unanswered_events(clinic: Clinic) -> list[str]:
    requests = Request.objects.for_clinic(clinic).filter(kind=RequestKind.WEBHOOK_CREATE).unanswered()
    return list(requests.values_list("target", flat=True))


REQUESTS = {
    RequestKind.WEBHOOKS: Handler(answer=store_webhooks),
    RequestKind.WEBHOOK_DELETE: Handler(answer=store_removed),
}
"""What answers to a registration (`WEBHOOK_CREATE`) is in the room of devices: they follow their webhook."""
