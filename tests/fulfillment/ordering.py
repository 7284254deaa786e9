"""What tests of orders start from."""

from __future__ import annotations

import uuid
from typing import Any

from django.db.models.functions import Now
from django.utils import timezone

from clinics.models import Clinic, Role, User
from devices.models import DeviceType
from fulfillment.at_most_once.search import start_due_searches
from fulfillment.models import Order, RequestEvent
from fulfillment.orders.actions import place_orders
from fulfillment.orders.policy import ORDERS
from fulfillment.orders.validation import Wanted
from patients.models import Patient
from tenovi.models import Request
from tenovi.outbound.sender import drain
from tests.factories import make_patient, make_user
from tests.vendor import DEVICES, wire_device, wire_page
from tests.vendor_stub import Asked, Reply, VendorStub

ADDRESS = {"address": "1 Main St", "city": "Irvine", "state": "CA", "zip_code": "92614"}
SCALE, BPM, CELLULAR = "Tenovi Scale", "Tenovi BPM - L", "Tenovi Cellular BPM - L"
HAILIE, TRIVIDIA = "Hailie Sensor", "Trividia Glucometer"
GATEWAY = "0123456789AB"
IMEI = "490154203237518"
CODES = {
    SCALE: "13",
    BPM: "10",
    CELLULAR: "",
    HAILIE: "25",
    TRIVIDIA: "12",
    "Tenovi Pulse Ox": "11",
    "Tenovi Thermometer": "14",
}


def offer(clinic: Clinic, *names: str, **fields: Any) -> None:
    """The account may order these devices."""
    for name in names or CODES:
        DeviceType.objects.create(
            clinic=clinic,
            name=name,
            sensor_code=CODES[name],
            sensor_id_required=name == HAILIE,
            **fields,
        )


def somebody(clinic: Clinic, external_id: str = "mrn-7781", **fields: Any) -> Patient:
    """A patient to whom a parcel can go."""
    return make_patient(clinic, external_id, **{"name": "Test Person", **ADDRESS, **fields})


def admin_of(clinic: Clinic) -> User:
    email = f"admin@{clinic.slug}.test"
    return User.objects.filter(email=email).first() or make_user(email, clinic, Role.CLINIC_ADMIN)


def shipped(device_name: str = SCALE, **fields: Any) -> Wanted:
    return Wanted(device_name, fields.pop("ship_by", "tenovi"), **fields)


def handed_over(device_name: str = SCALE, hardware_uuid: str = GATEWAY, **fields: Any) -> Wanted:
    return Wanted(device_name, "on_site", hardware_uuid=hardware_uuid, **fields)


def place(
    clinic: Clinic, patient: Patient | None, *wanted: Wanted, key: str = "", again: bool = False
) -> list[Order]:
    """Orders for this patient, or into stock."""
    placed = place_orders(
        clinic=clinic,
        patient=patient,
        by=admin_of(clinic),
        wanted=wanted or [shipped()],
        idempotency_key=key or str(uuid.uuid4()),
        again=again,
    )
    return placed.orders


def place_one(clinic: Clinic, patient: Patient | None, *wanted: Wanted, **fields: Any) -> Order:
    (order,) = place(clinic, patient, *wanted, **fields)
    return order


def fresh(order: Order) -> Order:
    return Order.objects.for_clinic(order.clinic).select_related("patient", "device").get(id=order.id)


def steps_of(order: Order) -> list[str]:
    steps = RequestEvent.objects.about(order)
    return list(steps.values_list("what", flat=True))


def run(clinic: Clinic, times: int = 1) -> None:
    """Send what waits, whatever it waits for."""
    for _ in range(times):
        Request.objects.for_clinic(clinic).filter(state="waiting").update(not_before=Now())
        while drain().sent:
            pass  # a busy machine sends less in one turn


LOST = Reply(500, {})


def created(number: int, name: str = SCALE, patient: str = "mrn-7781", **changes: Any) -> dict[str, Any]:
    """A device that the vendor has created just now."""
    now = timezone.now().strftime("%Y-%m-%dT%H:%M:%S.%fZ")
    device = wire_device(number, patient, name=name, sensor_code="13", hardware_uuid=None, created=now)
    return {**device, "status": "Dropship Requested", **changes}


def activated(
    number: int, hardware_uuid: str | None = GATEWAY, patient: str = "", **inner: Any
) -> dict[str, Any]:
    """A device that the vendor has created just now, on this hardware; `inner` changes its nested object."""
    record = created(number, patient=patient, status="Delivered")
    return {**record, "device": {**record["device"], "hardware_uuid": hardware_uuid, **inner}}


def creates(stub: VendorStub) -> list[Asked]:
    return [asked for asked in stub.asked if asked.method == "POST"]


def searches(stub: VendorStub) -> int:
    return sum(asked.method == "GET" for asked in stub.asked)


def unconfirmed(
    stub: VendorStub, clinic: Clinic, patient: Patient, *then: Reply, reply: Reply = LOST
) -> Order:
    """An order whose create brought no usable answer, after the first search. POST and GET share an
    address: the create comes first, then each search."""
    stub.reply(DEVICES, reply, *then)
    order = place_one(clinic, patient)
    run(clinic, 2)
    return fresh(order)


def later(order: Order) -> None:
    """Ten minutes have passed, and the scheduler starts the searches."""
    Order.objects.for_clinic(order.clinic).filter(search_due_at__isnull=False).update(
        search_due_at=timezone.now()
    )
    start_due_searches(ORDERS)
    run(order.clinic)


def lost(stub: VendorStub, clinic: Clinic, patient: Patient) -> Order:
    """An order without a trace after two searches."""
    order = unconfirmed(stub, clinic, patient, wire_page())
    later(order)
    return fresh(order)
