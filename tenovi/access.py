"""The only way a view of this room obtains a delivery."""

from __future__ import annotations

import uuid

from django.shortcuts import get_object_or_404

from clinics.access import Visit
from tenovi.models import Delivery


def delivery_for(visit: Visit, delivery_id: uuid.UUID) -> Delivery:
    """This clinic's delivery, 404 on a miss."""
    return get_object_or_404(Delivery.objects.for_clinic(visit.clinic), id=delivery_id)
