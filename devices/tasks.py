"""Run the background work of the devices room. PostgreSQL is the queue; tasks only look at it."""

from __future__ import annotations

from devices import from_vendor, sync
from tenovi.periodic import periodic_task


@periodic_task("devices.settle_unknown")
def settle_unknown() -> None:
    """Settle readings whose device or handover has become known, and request unknown devices."""
    from_vendor.settle_what_became_known()
    from_vendor.settle_what_a_handover_explains()
    from_vendor.ask_about_unknown_devices()


@periodic_task("devices.sync_vendor")
def sync_vendor() -> None:
    """Read the vendor's account where that is due, and poll gateways and properties."""
    sync.start_due()
    sync.poll_gateways()
    sync.poll_properties()
