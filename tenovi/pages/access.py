"""Obtain a delivery or a request for a view. The only way a view of this room does."""

from __future__ import annotations

import uuid

from django.shortcuts import get_object_or_404

from clinics.access import ClinicAccess
from tenovi.models import Delivery, Request


def delivery_for(access: ClinicAccess, delivery_id: uuid.UUID) -> Delivery:
    """Return this clinic's delivery. Raises 404."""
    return get_object_or_404(Delivery.objects.for_clinic(access.clinic), id=delivery_id)


def parked_request_for(access: ClinicAccess, request_id: uuid.UUID) -> Request:
    """Return this clinic's parked request. Raises 404."""
    return get_object_or_404(Request.objects.for_clinic(access.clinic).parked(), id=request_id)
