"""Orders of devices, and what became of each."""

from __future__ import annotations

import uuid
from typing import Any, ClassVar

from django.db import models
from django.db.models import Q
from django.utils import timezone

from clinics.models import User
from devices.models import Device
from fulfillment.models.at_most_once import AtMostOnce
from fulfillment.order_states import ENDED, ORDER, OrderState
from fulfillment.querysets import OrderQuerySet
from patients.models import Patient
from tenovi.models import RequestKind


class ShipBy(models.TextChoices):
    TENOVI = "tenovi", "Tenovi ships it"
    CLINIC = "clinic", "The clinic ships it"
    ON_SITE = "on_site", "Handed over at the clinic"


INTO_STOCK = "Into stock"


class Order(AtMostOnce):
    """One device for one patient, or for stock.

    Orders placed together share `basket` and `idempotency_key`, and differ in `line`. `is_open`: the
    need it stands for is not met yet, so that a second order for it would be a second parcel; with
    `is_again` somebody has said that a second one is meant. What was wanted and the address are as
    they were when it was placed. `hardware_uuid` is the
    Gateway ID or IMEI that the order carries. `vendor_status` is the furthest status heard of.

    Without a `patient` it activates a device that the clinic has in hand, and that nobody gets yet.
    """

    WORD = "order"
    HISTORY = "order"
    CREATE = RequestKind.DEVICE_CREATE
    LIFECYCLE = ORDER

    basket = models.UUIDField(default=uuid.uuid4)
    line = models.PositiveSmallIntegerField(default=0)
    idempotency_key = models.CharField(max_length=200)
    digest = models.CharField(max_length=64)
    patient = models.ForeignKey(Patient, null=True, on_delete=models.PROTECT, related_name="+")
    device_name = models.CharField(max_length=200)
    sensor_code = models.CharField(max_length=20, blank=True)
    ship_by = models.CharField(max_length=10, choices=ShipBy.choices)
    hardware_uuid = models.CharField(max_length=15, blank=True)
    hardware_typed = models.CharField(max_length=40, blank=True)
    gateway_only = models.BooleanField(default=False)
    sensor_id = models.CharField(max_length=60, blank=True)
    bluetooth_passkey = models.CharField(max_length=6, blank=True)
    require_signature = models.BooleanField(default=False)
    notify_emails = models.CharField(max_length=500, blank=True)
    shipping_notes = models.CharField(max_length=500, blank=True)
    shipping_name = models.CharField(max_length=200, blank=True)
    shipping_address = models.CharField(max_length=300, blank=True)
    shipping_city = models.CharField(max_length=100, blank=True)
    shipping_state = models.CharField(max_length=50, blank=True)
    shipping_zip_code = models.CharField(max_length=20, blank=True)
    state = models.CharField(max_length=12, choices=ORDER.choices, default=OrderState.QUEUED)
    is_open = models.BooleanField(default=True)
    is_again = models.BooleanField(default=False)
    vendor_status = models.CharField(max_length=60, blank=True)
    device = models.OneToOneField(Device, null=True, on_delete=models.PROTECT, related_name="+")
    placed_by = models.ForeignKey(User, on_delete=models.PROTECT, related_name="+")
    created_at = models.DateTimeField(default=timezone.now)

    objects: ClassVar[OrderQuerySet] = OrderQuerySet.as_manager()  # type: ignore[assignment]

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["clinic", "idempotency_key", "line"], name="order_placed_once_per_key"
            ),
            models.UniqueConstraint(
                fields=["clinic", "patient", "device_name"],
                condition=Q(is_open=True, is_again=False),
                name="order_one_open_per_need",
            ),
            models.UniqueConstraint(
                fields=["clinic", "hardware_uuid", "sensor_code"],
                condition=Q(is_open=True, sensor_id="") & ~Q(hardware_uuid=""),
                name="order_one_open_per_sensor_of_a_gateway",
            ),
            models.CheckConstraint(condition=Q(state__in=ORDER.states), name="order_state_known"),
            models.CheckConstraint(condition=Q(ship_by__in=ShipBy.values), name="order_ship_by_known"),
            models.CheckConstraint(
                # What travels goes to somebody, and without a patient only the hardware tells whose it is.
                condition=Q(patient__isnull=False) | (Q(ship_by="on_site") & ~Q(hardware_uuid="")),
                name="order_without_patient_is_in_hand",
            ),
            models.CheckConstraint(condition=~Q(idempotency_key=""), name="order_has_a_key"),
            models.CheckConstraint(
                condition=Q(state="confirmed") ^ Q(device__isnull=True), name="order_confirmed_has_a_device"
            ),
            models.CheckConstraint(
                condition=~Q(state__in=["refused", "cancelled"], is_open=True), name="order_ended_is_closed"
            ),
            models.CheckConstraint(
                condition=Q(sends=0) ^ Q(first_sent_at__isnull=False), name="order_sent_at_some_time"
            ),
        ]
        indexes = [
            models.Index(fields=["clinic", "-created_at", "-id"], name="order_newest"),
            models.Index(fields=["patient", "-created_at"], name="order_patient"),
            models.Index(
                fields=["state"],
                condition=Q(state__in=["queued", "sending", "unknown", "needs_person"]),
                name="order_unsettled",
            ),
        ]

    def __str__(self) -> str:
        return self.device_name

    def stamps(self, to: OrderState) -> dict[str, Any]:
        """Close the need of one that is refused or cancelled."""
        return {"is_open": False} if to in ENDED else {}

    @property
    def is_for_stock(self) -> bool:
        """Tell whether it is for no patient yet."""
        return self.patient_id is None

    @property
    def way(self) -> str:
        """Say how its device gets to where it belongs."""
        return INTO_STOCK if self.is_for_stock else str(ShipBy(self.ship_by).label)
