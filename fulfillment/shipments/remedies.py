"""What the clinic can do about where a parcel is: for each status its sentence, what was sent, and the ways on."""

from __future__ import annotations

import datetime
from collections.abc import Callable
from dataclasses import dataclass, replace

from django.urls import reverse

from clinics.models import Clinic
from common.formats import exact
from devices.models import Assignment, Device
from devices.pending_requests import pending_requests_of
from fulfillment.models import Order, RequestEvent, Shipment
from fulfillment.order_states import OrderState
from fulfillment.shipments.rows import silent_since_delivery
from fulfillment.vendor_statuses import Act, Status, status_named
from patients.models import Patient
from patients.presentation import address_words, standing

What = RequestEvent.What


@dataclass(frozen=True, slots=True)
class Way:
    """A page that leads on, under the words of its button. `manages`: for who may manage devices."""

    words: str
    url: str
    manages: bool = True


@dataclass(frozen=True, slots=True)
class Work:
    """What the clinic has to do about a parcel. `facts` are what the vendor said and what was sent; `ways`
    where it is done, together under `label`. `may_tell`: that somebody has asked or told the vendor can be written down."""

    sentence: str
    next_step: str
    ways: tuple[Way, ...]
    facts: tuple[str, ...] = ()
    may_tell: bool = False
    label: str = ""


def work_of(order: Order, now: datetime.datetime) -> Work | None:
    """What the clinic has to do about the parcel; None when it waits for somebody else."""
    if order.state != OrderState.CONFIRMED or order.device is None:
        return None
    status = status_named(order.vendor_status)
    told = Shipment.objects.for_clinic(order.clinic).filter(device=order.device).select_related("device")
    shipment = told.first()
    if order.vendor_status and status.act:
        since = shipment.since if shipment else order.created_at
        work = WORK[status.act](order, order.device, status, since, now)
        return replace(work, label=status.act.value.capitalize()) if work else None
    return _silent(order, shipment, now) if shipment else None


def _silent(order: Order, shipment: Shipment, now: datetime.datetime) -> Work | None:
    held = Assignment.objects.for_clinic(order.clinic).filter(device=shipment.device_id)
    last = held.select_related("patient").order_by("-starts_at").first()
    days = silent_since_delivery(shipment, last, now)
    if last is None or not days:
        return None
    phone = f" ({last.holder.phone_number})" if last.holder.phone_number else ""
    arrived = "It was handed out" if order.is_for_stock else "It arrived"
    return Work(
        f"{arrived} {days} days ago, and no reading has come.",
        f"Call the patient{phone}: is it set up, is the gateway plugged in?",
        (Way("Open the patient’s page", _patient_page(order.clinic, last.holder), manages=False),),
    )


def way_of(
    clinic: Clinic, status: Status, device: Device, order: Order | None, patient: Patient | None
) -> Way | None:
    """Where somebody acts on this status of a device that `patient` has: on the page of its order, if it has
    one. None where the vendor is to be asked, and there is no order to write the answer to."""
    if status.act and order:
        return Way("Open the order", reverse("order", args=[clinic.slug, order.id]), manages=False)
    if status.act in (Act.CORRECT_ID, Act.SHIP):
        return Way("Correct the id", reverse("device-hardware", args=[clinic.slug, device.id]))
    if status.act == Act.ADDRESS and patient:
        page = reverse("patient-confirm-address", args=[clinic.slug, patient.id])
        return Way("Correct or confirm the address", page, manages=False)
    if status.act == Act.ORDER_AGAIN and patient:
        return Way("Order again", reverse("order-new", args=[clinic.slug, patient.id]))
    return None


def _correct_id(
    order: Order, device: Device, status: Status, since: datetime.datetime, now: datetime.datetime
) -> Work:
    way = Way("Correct the id", reverse("device-hardware", args=[order.clinic.slug, device.id]))
    sent = f"Sent to Tenovi: {device.hardware_uuid or 'no id'}."
    under_way = [
        one.sentence
        for one in pending_requests_of(order.clinic, [device.hwi_device_id])[device.hwi_device_id]
    ]
    if device.unsent or under_way:
        return Work(
            f"The id was corrected to {device.hardware_uuid}.",
            "Nothing now: Tenovi’s answer appears here by itself.",
            (way,),
            tuple(under_way) or ("Tenovi has not said the same yet.",),
            may_tell=True,
        )
    return Work(status.meaning, status.turn, (way,), (sent,), may_tell=True)


def _address(
    order: Order, device: Device, status: Status, since: datetime.datetime, now: datetime.datetime
) -> Work:
    patient, clinic = order.patient, order.clinic
    if patient is None:  # nothing of it travels, so there is no address
        return _ask_vendor(order, device, status, since, now)
    facts = [
        f"Tenovi says: {device.held_for}" if device.held_for else "Tenovi gives no reason.",
        _label(order, patient),
    ]
    stands = standing(patient)
    facts += [
        address_words(patient),
        f"{stands.sentence} {exact(stands.at, clinic.zone, now) if stands.at else ''}",
    ]
    done = patient.sent_at is not None and patient.sent_at > since and not patient.unsent
    change = Way("Change the address", reverse("patient-edit", args=[clinic.slug, patient.id]), manages=False)
    confirm = Way(
        "Confirm this address",
        reverse("patient-confirm-address", args=[clinic.slug, patient.id]),
        manages=False,
    )
    ways = (change,) if patient.confirm_address else (confirm, change)
    if done:
        return Work(
            f"The record that Tenovi ships by was sent {exact(patient.sent_at or now, clinic.zone, now)}.",
            "Nothing now: Tenovi goes on with the parcel. If it has not in a day or two, ask Tenovi.",
            ways,
            tuple(filter(None, facts)),
            may_tell=True,
        )
    return Work(
        "Tenovi holds the parcel back: most often the address could not be verified.",
        f"{status.turn} What you do is sent to Tenovi at once.",
        ways,
        tuple(filter(None, facts)),
        may_tell=True,
    )


def _label(order: Order, patient: Patient) -> str:
    """Where the order was to go, when the record says something else by now."""
    names = ("name", "address", "city", "state", "zip_code")
    ordered = [getattr(order, f"shipping_{name}") for name in names]
    if not any(ordered) or ordered == [getattr(patient, name) for name in names]:
        return ""
    return f"The parcel was ordered to another address than the record has now: {', '.join(filter(None, ordered))}."


def _ask_vendor(
    order: Order, device: Device, status: Status, since: datetime.datetime, now: datetime.datetime
) -> Work:
    way = Way("Open the device’s page", reverse("device", args=[order.clinic.slug, device.id]), manages=False)
    said = f"Tenovi says: {device.held_for}" if device.held_for else "Tenovi gives no reason."
    return Work(status.meaning, status.turn, (way,), (said,), may_tell=True)


def _order_again(
    order: Order, device: Device, status: Status, since: datetime.datetime, now: datetime.datetime
) -> Work:
    ways = (
        Way("Order again", order_anew(order)),
        Way("Stop using it", reverse("device-end", args=[order.clinic.slug, device.id])),
    )
    return Work(status.meaning, f"{status.turn} Charges go on until it is unlinked.", ways, may_tell=True)


def _ship(
    order: Order, device: Device, status: Status, since: datetime.datetime, now: datetime.datetime
) -> Work | None:
    steps = RequestEvent.objects.for_clinic(order.clinic).filter(order=order, what=What.SHIPPED)
    way = Way("Record that it was packed", reverse("to-ship", args=[order.clinic.slug]))
    if steps.exists():
        again = Way("Correct the id", reverse("device-hardware", args=[order.clinic.slug, device.id]))
        said = f"Sent to Tenovi: {device.hardware_uuid}."
        return Work(
            "It was packed here.", "Nothing now: Tenovi’s answer appears here by itself.", (again,), (said,)
        )
    return Work(status.meaning, status.turn, (way,))


def order_anew(order: Order) -> str:
    """Return the page on which the same is ordered again."""
    slug = order.clinic.slug
    if order.is_for_stock:
        return reverse("order-into-stock", args=[slug])
    return reverse("order-new", args=[slug, order.patient_id])


def _patient_page(clinic: Clinic, patient: Patient) -> str:
    return reverse("patient", args=[clinic.slug, patient.id])


WORK: dict[Act, Callable[..., Work | None]] = {
    Act.SHIP: _ship,
    Act.CORRECT_ID: _correct_id,
    Act.ADDRESS: _address,
    Act.ASK_VENDOR: _ask_vendor,
    Act.ORDER_AGAIN: _order_again,
}
