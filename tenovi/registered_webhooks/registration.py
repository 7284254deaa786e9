"""Register a webhook at the vendor, and store what it has registered."""

from __future__ import annotations

from typing import Any

from django.utils.datastructures import CaseInsensitiveMapping

from clinics.models import Clinic
from clinics.webhook_secrets import shown_by
from tenovi.client.errors import VendorError
from tenovi.client.order_records import Webhook
from tenovi.models import Priority, Request, RequestKind, RequestState, VendorWebhook, WebhookDraft
from tenovi.outbound.enqueue import enqueue
from tenovi.registered_webhooks.actions import endpoint_of, enqueue_removal, leads_to
from tenovi.registry import NothingToSend


def webhook_to_register(request: Request) -> dict[str, Any]:
    """Build the body of a registration. The target is the event."""
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
    """Store a registered webhook, forget its secret, and queue the removal of those it replaces."""
    WebhookDraft.objects.for_clinic(request.clinic).filter(event=request.target).delete()
    store_webhook(request.clinic, answer)
    for vendor_id in replaced_by(request) - {str(answer.id)}:
        enqueue_removal(request.clinic, vendor_id)
    return 0


def replaced_by(request: Request) -> set[str]:
    """Return the vendor's ids of the webhooks that the one to be registered replaces."""
    return {vendor_id.lower() for vendor_id in request.params.get("replaces", ())}


def look_for_lost(request: Request, error: VendorError | None) -> None:
    """Queue a read of the list, which shows whether a registration without answer succeeded."""
    if request.state == RequestState.UNKNOWN:
        enqueue(request.clinic, RequestKind.WEBHOOKS, priority=Priority.PERSON, insist=True)


def store_webhook(clinic: Clinic, webhook: Webhook) -> None:
    """Store a webhook as the vendor has it, without its secret."""
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
    """Whether our endpoint accepts the secret that it shows; None where the vendor hides that."""
    if not webhook.auth_header:
        return False
    if not webhook.auth_key.strip("*•. "):
        return None
    shown = CaseInsensitiveMapping({webhook.auth_header: webhook.auth_key})
    return shown_by(clinic.slug, shown).is_valid
