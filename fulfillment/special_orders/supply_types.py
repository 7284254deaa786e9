"""What supplies the account may order, and whether it may at all."""

from __future__ import annotations

from collections.abc import Iterable
from decimal import Decimal

from django.db import transaction
from django.utils import timezone

from clinics.models import Clinic
from fulfillment.models import SupplyModule, SupplyType
from tenovi.client import order_records


def note_module(clinic: Clinic, *, is_enabled: bool, said: str = "") -> None:
    """Whether the vendor has enabled supplies, as its last answer showed."""
    SupplyModule.objects.for_clinic(clinic).update_or_create(
        clinic=clinic,
        defaults={"is_enabled": is_enabled, "said": said[:300], "checked_at": timezone.now()},
    )


@transaction.atomic
def store_supply_types(
    *, clinic: Clinic, records: Iterable[order_records.SupplyType], is_whole: bool
) -> None:
    """Of a whole list, what it no longer has is not offered any more."""
    rows = {record.name: _row(clinic, record) for record in records}
    if is_whole:
        SupplyType.objects.for_clinic(clinic).exclude(name__in=rows).update(is_offered=False)
    SupplyType.objects.bulk_create(
        rows.values(),
        update_conflicts=True,
        unique_fields=["clinic", "name"],
        update_fields=["description", "up_front_cost", "shipping_cost", "needs_hardware", "is_offered"],
    )


def _row(clinic: Clinic, record: order_records.SupplyType) -> SupplyType:
    return SupplyType(
        clinic=clinic,
        name=record.name,
        description=record.description,
        up_front_cost=_storable(record.up_front_cost),
        shipping_cost=_storable(record.shipping_cost),
        needs_hardware=record.hardware_uuid_required,
        is_offered=not record.deprecated,
    )


def _storable(cost: Decimal | None) -> Decimal | None:
    return round(cost, 2) if cost is not None and cost < 10**9 else None
