"""Writing what the vendor tells about parcels. Order of arrival decides nothing that is shown.

Callers hold the locks of the devices or orders concerned (`common.locks.hold`), so that repeats
that arrive at once see each other.
"""

from __future__ import annotations

import bisect
import datetime
import uuid
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import partial

from django.db import IntegrityError, transaction

from clinics.models import Clinic
from devices.from_vendor import note_spellings
from devices.models import Device
from devices.news import (
    follow_replacements,
    lock_rows_for_news,
    note_hardware,
    note_statuses,
    note_unlinked,
)
from fulfillment.models import (
    FulfillmentEvent,
    Order,
    Shipment,
)
from fulfillment.shipments.payload import ShipmentUpdate
from fulfillment.vendor_statuses import Act, Shown, is_under_way, shown_status
from tenovi.models import Priority, RequestKind
from tenovi.outbound.enqueue import enqueue_each
from tenovi.registry import STORED, ElementResult

REPEATED = ElementResult("duplicate", "repeated_event")
BATCH = 1000
ASKED_WHY = (Act.ADDRESS, Act.ASK_VENDOR)
NEVER = datetime.datetime.min.replace(tzinfo=datetime.UTC)


@dataclass(frozen=True, slots=True)
class ShipmentEvent:
    """News about a device whose row and patient are decided."""

    news: ShipmentUpdate
    device_id: uuid.UUID
    patient_id: uuid.UUID | None
    received_at: datetime.datetime
    delivery_id: uuid.UUID | None = None


def store_events(*, clinic: Clinic, events: Sequence[ShipmentEvent]) -> list[ElementResult]:
    """Keep what is new of these events, and show where each device is now.

    An event is a duplicate only of its neighbour in time: the same status may come back later.
    """
    histories = _histories(clinic, {event.device_id for event in events})
    on_record = _on_record(clinic, [event.device_id for event in events if event.news.hardware_uuid])
    results: list[ElementResult] = []
    new: list[FulfillmentEvent] = []
    for event in events:
        row, history = (
            _row(clinic, event, on_record.get(event.device_id, _OnRecord())),
            histories[event.device_id],
        )
        place = bisect.bisect_right(history, row.received_at, key=lambda other: other.received_at)
        if any(_says_the_same(row, other) for other in history[max(0, place - 1) : place + 1]):
            results.append(REPEATED)
            continue
        history.insert(place, row)
        new.append(row)
        results.append(STORED)
    FulfillmentEvent.objects.bulk_create(new, batch_size=BATCH)
    concerned = {row.device_id: histories[row.device_id] for row in new}
    shown = {device_id: shown_status(history) for device_id, history in sorted(concerned.items())}
    hardware = _hardware_named(new, histories, shown)
    locked = lock_rows_for_news(clinic, shown, hardware.moved) if shown else []
    _show(clinic, shown)
    _follow_hardware(clinic, hardware, locked)
    _ask_why(clinic, [row.device_id for row in new if shown[row.device_id].status.act in ASKED_WHY])
    if spelled := [event.news.spelling for event in events if event.news.spelling]:
        note_spellings(clinic, spelled, is_news=True)
    if ended := {device_id: now.since for device_id, now in shown.items() if now.status.name == "Unlinked"}:
        note_unlinked(clinic, ended)
    return results


def _ask_why(clinic: Clinic, devices: Iterable[uuid.UUID]) -> None:
    """Have the vendor's record of these devices read: news of a parcel that stands still gives no reason.

    After the commit: an answer locks its request before its device, which is locked here already.
    """
    held = Device.objects.for_clinic(clinic).filter(id__in=set(devices))
    targets = [str(name) for name in held.values_list("hwi_device_id", flat=True)] if devices else []
    if targets:
        asking = partial(enqueue_each, priority=Priority.READING, wake=False)
        transaction.on_commit(partial(asking, clinic, RequestKind.DEVICE, targets), robust=True)


def _histories(clinic: Clinic, devices: Iterable[uuid.UUID]) -> dict[uuid.UUID, list[FulfillmentEvent]]:
    found: defaultdict[uuid.UUID, list[FulfillmentEvent]] = defaultdict(list)
    rows = FulfillmentEvent.objects.for_clinic(clinic).filter(device__in=list(devices))
    for row in rows.order_by("received_at", "id"):
        found[row.device_id].append(row)
    return found


@dataclass(frozen=True, slots=True)
class _OnRecord:
    """The hardware that our record of a device has, and when the vendor's own record was read last."""

    hardware_uuid: str = ""
    synced_at: datetime.datetime | None = None

    def before(self, event: ShipmentEvent) -> str:
        """The other hardware that the device had when this event came; "" where that is not known."""
        named = event.news.hardware_uuid
        is_older = self.synced_at is None or self.synced_at < event.received_at
        return self.hardware_uuid if named and is_older and named != self.hardware_uuid else ""


def _on_record(clinic: Clinic, devices: Iterable[uuid.UUID]) -> dict[uuid.UUID, _OnRecord]:
    rows = Device.objects.for_clinic(clinic).filter(id__in=list(devices))
    return {row[0]: _OnRecord(*row[1:]) for row in rows.values_list("id", "hardware_uuid", "synced_at")}


def _row(clinic: Clinic, event: ShipmentEvent, on_record: _OnRecord) -> FulfillmentEvent:
    news = event.news
    return FulfillmentEvent(
        clinic=clinic,
        device_id=event.device_id,
        patient_id=event.patient_id,
        status=news.status,
        tracking_link=news.tracking_link,
        hardware_uuid=news.hardware_uuid,
        replaced_hardware_uuid=news.replaced_hardware_uuid,
        former_hardware_uuid=on_record.before(event),
        device_name=news.device_name,
        named_patient=news.patient_id,
        received_at=event.received_at,
        delivery_id=event.delivery_id,
    )


def _says_the_same(one: FulfillmentEvent, other: FulfillmentEvent) -> bool:
    members = ("status", "hardware_uuid", "replaced_hardware_uuid", "tracking_link")
    return all(getattr(one, name) == getattr(other, name) for name in members)


@dataclass(frozen=True, slots=True)
class _Hardware:
    """The hardware that events name for their devices, and what took the place of which; each with since when
    we know it."""

    named: dict[uuid.UUID, tuple[str, datetime.datetime]]
    moved: dict[str, tuple[str, datetime.datetime]]


def _hardware_named(
    new: Iterable[FulfillmentEvent],
    histories: dict[uuid.UUID, list[FulfillmentEvent]],
    shown: dict[uuid.UUID, Shown],
) -> _Hardware:
    """Tell on which hardware each device is by its events, and with a replacement every device that had
    the old hardware: however late it is told, in whatever order, and whether or not the old one is named.

    *Replaced* includes the new `hardware_uuid` ("Typical Dataflow", https://docs.tenovi.com/); only the page
    about replacing devices adds the old one.
    """
    named: dict[uuid.UUID, tuple[str, datetime.datetime]] = {}
    moved: dict[str, tuple[str, datetime.datetime]] = {}
    for row in new:
        now = shown[row.device_id]
        if not now.hardware_uuid or now.status.name == "Unlinked":
            continue
        of_now = [one for one in histories[row.device_id] if one.hardware_uuid == now.hardware_uuid]
        said = now.hardware_uuid, min(one.received_at for one in of_now)
        named[row.device_id] = said
        if row.replaced_hardware_uuid:
            links = [one for one in histories[row.device_id] if one.replaced_hardware_uuid]
            ids = {name for one in links for name in (one.hardware_uuid, one.replaced_hardware_uuid)}
            moved |= dict.fromkeys(ids - {"", now.hardware_uuid}, said)
        elif row.status == "Replaced" and row.hardware_uuid == now.hardware_uuid:
            former = {one.former_hardware_uuid for one in of_now}
            moved |= dict.fromkeys(former - {"", now.hardware_uuid}, said)
    return _Hardware(named, moved)


def _follow_hardware(clinic: Clinic, hardware: _Hardware, locked: list[uuid.UUID]) -> None:
    """Write the hardware of the devices that are locked, and of the orders that wait for it."""
    if hardware.named:
        note_hardware(clinic, [(device_id, *said) for device_id, said in hardware.named.items()])
    if hardware.moved:
        follow_replacements(clinic, hardware.moved, locked)
        _redirect_orders(clinic, {old: new for old, (new, _) in hardware.moved.items()})


def _redirect_orders(clinic: Clinic, replaced: dict[str, str]) -> None:
    """Have open orders for a gateway name the one that stands in its place: a device would be sent without
    a gateway and bound to one that is gone."""
    waiting = Order.objects.for_clinic(clinic).filter(is_open=True, hardware_uuid__in=replaced)
    for order in waiting.order_by("id"):
        order.hardware_uuid = replaced[order.hardware_uuid]
        try:
            with transaction.atomic():
                order.save(update_fields=["hardware_uuid"])
        except IntegrityError:  # another open order has this place on the new gateway: a person must see both
            continue


def _show(clinic: Clinic, shown: dict[uuid.UUID, Shown]) -> None:
    shipments = [
        Shipment(
            clinic=clinic,
            device_id=device_id,
            status=one.status.name,
            hardware_uuid=one.hardware_uuid,
            tracking_link=one.tracking_link,
            since=one.since,
        )
        for device_id, one in shown.items()
    ]
    Shipment.objects.bulk_create(
        shipments,
        batch_size=BATCH,
        update_conflicts=True,
        unique_fields=["device"],
        update_fields=["status", "hardware_uuid", "tracking_link", "since"],
    )
    note_statuses(clinic, [(one.device_id, one.status, one.since) for one in shipments])
    _follow(clinic, {shipment.device_id: shipment.status for shipment in shipments})


def _follow(clinic: Clinic, statuses: dict[uuid.UUID, str]) -> None:
    """Orders show where their device is. One that has arrived is closed, and is never opened again: the
    need it stood for was met."""
    orders = Order.objects.for_clinic(clinic).filter(device__in=list(statuses)).order_by("id")
    for order in orders:
        status = statuses[order.device_id] if order.device_id else ""
        if status != order.vendor_status:
            order.vendor_status = status
            order.is_open = order.is_open and is_under_way(status)
            order.save(update_fields=["vendor_status", "is_open"])
