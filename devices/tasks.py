"""Background work of the devices room. PostgreSQL is the queue; these only look at it."""

from __future__ import annotations

from celery import shared_task

from devices import actions, sync


@shared_task(name="devices.settle_unknown")
def settle_unknown() -> None:
    """Settle readings whose device has become known, and have the vendor asked about the others."""
    actions.settle_what_became_known()
    actions.ask_about_unknown_devices()


@shared_task(name="devices.sync_vendor")
def sync_vendor() -> None:
    """Read the vendor's account where that is due, and ask about gateways."""
    sync.start_due()
    sync.poll_gateways()
    sync.poll_properties()
