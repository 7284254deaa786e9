"""Find the devices at the vendor that could be an order whose answer was lost."""

from __future__ import annotations

from django.db.models import Exists, OuterRef, Q

from devices.models import Assignment, Device
from devices.querysets import DeviceQuerySet
from fulfillment.at_most_once.policy import created_between
from fulfillment.models import Order
from fulfillment.order_states import OrderState


def candidates_for(order: Order) -> DeviceQuerySet:
    """Find devices of that patient and name that the vendor created about when this order was sent.

    They were not known here before, and no other order claims them. For stock: on that hardware, and nobody's.
    """
    devices = Device.objects.for_clinic(order.clinic)
    window = created_between(order)
    if window is None:
        return devices.none()
    claimed = Order.objects.for_clinic(order.clinic).filter(device=OuterRef("pk"))
    created = Q(vendor_created_at__isnull=True) | Q(vendor_created_at__range=window)
    fitting = devices.filter(
        created, ~Exists(claimed), name=order.device_name, created_at__gte=order.first_sent_at
    )
    if order.patient:
        return fitting.filter(vendor_patient_id__iexact=order.patient.external_id)
    assignments = Assignment.objects.for_clinic(order.clinic).filter(device=OuterRef("pk"))
    return fitting.filter(
        ~Exists(assignments),
        vendor_patient_id="",
        hardware_uuid=order.hardware_uuid,
        sensor_id__in=["", order.sensor_id],  # the vendor's record may leave it out
    )


def rivals_of(order: Order) -> bool:
    """Tell whether another order of the same thing is being sent or searched for.

    Then the evidence does not tell to which of them a device belongs.
    """
    rival = [OrderState.SENDING, OrderState.UNCONFIRMED, OrderState.NEEDS_PERSON]
    others = Order.objects.for_clinic(order.clinic).filter(state__in=rival, device_name=order.device_name)
    if order.is_for_stock:  # a patient's too: the vendor's record may leave the patient out
        same = others.filter(hardware_uuid=order.hardware_uuid)
    else:
        same = others.filter(patient=order.patient_id)
    return same.exclude(id=order.id).exists()
