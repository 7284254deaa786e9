"""Loading a history of parcels at once, judged like a webhook's (the demo clinic)."""

from __future__ import annotations

import datetime
import itertools
from collections.abc import Iterable
from typing import Any

from django.db import transaction

from clinics.models import Clinic
from common.locks import hold
from devices.models import Device
from devices.queries import registered_devices
from fulfillment.models import Shipment, SpecialOrder
from fulfillment.shipments.attribution import attribute_event
from fulfillment.shipments.payload import read_shipment_update
from fulfillment.shipments.store import store_events
from fulfillment.special_orders.attribution import Whose, order_name
from fulfillment.special_orders.payload import read_special_order_update
from fulfillment.special_orders.store import SpecialOrderMessage, store_special_orders_told
from tenovi.registry import STORED
from tenovi.strict_json import JsonObject

BATCH = 5000

Arrival = tuple[dict[str, Any], datetime.datetime]
"""An element as the vendor writes it, and when it was received (aware)."""


def load_events(clinic: Clinic, arrivals: Iterable[Arrival]) -> int:
    """Store the events of registered devices that have none yet; how many are new.

    `arrivals` come in the order of their times within each device.
    """
    told = Shipment.objects.for_clinic(clinic).values("device")
    untold = Device.objects.for_clinic(clinic).exclude(id__in=told).values_list("hwi_device_id", flat=True)
    devices = registered_devices(clinic, list(untold))
    news = ((read_shipment_update(JsonObject(list(element.items()))), at) for element, at in arrivals)
    events = (
        attribute_event(each, devices[each.hwi_device_id], received_at=at)
        for each, at in news
        if each.hwi_device_id in devices
    )
    stored = 0
    for batch in iter(lambda: list(itertools.islice(events, BATCH)), []):
        with transaction.atomic():
            hold(clinic.id, {event.news.hwi_device_id.bytes for event in batch})
            stored += store_events(clinic=clinic, events=batch).count(STORED)
    return stored


@transaction.atomic
def load_orders(clinic: Clinic, arrivals: Iterable[Arrival]) -> int:
    """Store the messages about special orders that are not known yet; how many are new."""
    known = set(SpecialOrder.objects.for_clinic(clinic).values_list("request_id", flat=True))
    told = [
        (read_special_order_update(JsonObject(list(each.items())), received_at=at), at)
        for each, at in arrivals
    ]
    new = [(news, at) for news, at in told if news.request_id not in known]
    hold(clinic.id, (order_name(news) for news, _ in new))
    whose = Whose(clinic, [news for news, _ in new])
    events = [SpecialOrderMessage(news, whose.patient_of(news, at), at) for news, at in new]
    return store_special_orders_told(clinic=clinic, events=events).count(STORED)
