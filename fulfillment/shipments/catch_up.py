"""What fulfillment webhooks missed: the vendor's device list says how far each device is, too."""

from __future__ import annotations

from collections import defaultdict

from django.db import transaction
from django.db.models import F

from clinics.models import Clinic
from common.locks import hold
from devices.queries import registered_devices
from fulfillment.models import Shipment
from fulfillment.shipments.attribution import attribute_event
from fulfillment.shipments.payload import ShipmentUpdate
from fulfillment.shipments.store import ShipmentEvent, store_events
from fulfillment.vendor_statuses import may_follow, status_named
from tenovi.registry import STORED


def add_missed_events() -> int:
    """Shipments whose device is further along by the vendor's list than by its events, some of which get
    lost: what the list said becomes an event at the time it was read; how many."""
    behind = Shipment.objects.across_clinics().exclude(status=F("device__status"))
    found: defaultdict[Clinic, list[Shipment]] = defaultdict(list)
    for shipment in behind.filter(device__synced_at__gt=F("since")).select_related("device", "clinic"):
        if may_follow(shipment.status, status_named(shipment.device.status).name):
            found[shipment.clinic].append(shipment)
    return sum(_catch_up(clinic, shipments) for clinic, shipments in found.items())


@transaction.atomic
def _catch_up(clinic: Clinic, shipments: list[Shipment]) -> int:
    named = {shipment.device.hwi_device_id for shipment in shipments}
    hold(clinic.id, (device.bytes for device in named))
    devices = registered_devices(clinic, named)
    events: list[ShipmentEvent] = []
    for shipment in shipments:
        if known := devices.get(shipment.device.hwi_device_id):
            assert shipment.device.synced_at  # or it would not have been found
            events.append(attribute_event(_news(shipment), known, received_at=shipment.device.synced_at))
    return store_events(clinic=clinic, events=events).count(STORED)


def _news(shipment: Shipment) -> ShipmentUpdate:
    return ShipmentUpdate(
        hwi_device_id=shipment.device.hwi_device_id,
        status=status_named(shipment.device.status).name,
        patient_id="",
        hardware_uuid=shipment.hardware_uuid,
        replaced_hardware_uuid="",
        device_name=shipment.device.name,
        tracking_link="",
    )
