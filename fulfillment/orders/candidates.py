"""Which devices at the vendor could be what came of an order whose answer was lost."""

from __future__ import annotations

import datetime

from django.db.models import Exists, OuterRef, Q

from devices.models import Assignment, Device
from devices.querysets import DeviceQuerySet
from fulfillment.models import Order
from fulfillment.order_states import OrderState

CLOCKS_DIFFER = datetime.timedelta(minutes=10)
STILL_WORKING = datetime.timedelta(hours=1)  # for a create that the vendor finished late


def candidates_for(order: Order) -> DeviceQuerySet:
    """Devices of that patient and name, created at the vendor about when this order was sent, unheard of
    here before, and not claimed by another order. For stock: on that hardware, and nobody's."""
    first, doubted = order.first_sent_at, order.doubted_at
    devices = Device.objects.for_clinic(order.clinic)
    if first is None or doubted is None:
        return devices.none()
    claimed = Order.objects.for_clinic(order.clinic).filter(device=OuterRef("pk"))
    created = Q(vendor_created_at__isnull=True) | Q(
        vendor_created_at__gte=first - CLOCKS_DIFFER, vendor_created_at__lte=doubted + STILL_WORKING
    )
    fitting = devices.filter(created, ~Exists(claimed), name=order.device_name, created_at__gte=first)
    if order.patient:
        return fitting.filter(vendor_patient_id__iexact=order.patient.external_id)
    held = Assignment.objects.for_clinic(order.clinic).filter(device=OuterRef("pk"))
    return fitting.filter(
        ~Exists(held),
        vendor_patient_id="",
        hardware_uuid=order.hardware_uuid,
        sensor_id__in=["", order.sensor_id],  # the vendor's record may leave it out
    )


def rivals_of(order: Order) -> bool:
    """Whether another order of the same thing is being sent or looked for: then nobody can say whose a device is."""
    rival = [OrderState.SENDING, OrderState.UNKNOWN, OrderState.NEEDS_PERSON]
    others = Order.objects.for_clinic(order.clinic).filter(state__in=rival, device_name=order.device_name)
    if order.is_for_stock:  # a patient's too: the vendor's record may leave the patient out
        same = others.filter(hardware_uuid=order.hardware_uuid)
    else:
        same = others.filter(patient=order.patient_id)
    return same.exclude(id=order.id).exists()
