"""Read what other rooms need to know about patients."""

from __future__ import annotations

import uuid
from collections.abc import Iterable
from typing import TYPE_CHECKING

from django.db import connection

from clinics.models import Clinic

if TYPE_CHECKING:
    from patients.models import Alert, Enrollment, Patient  # noqa: F401


PATIENTS_NAMED = """
SELECT named.external_id, p.id
FROM unnest(%s::text[]) AS named (external_id)
JOIN patients_patient p ON p.clinic_id = %s AND lower(p.external_id) = lower(named.external_id)
"""


def patients_named(clinic: Clinic, external_ids: Iterable[str]) -> dict[str, uuid.UUID]:
    """Return the patients with these external ids, ignoring case, under the ids as given."""
    with connection.cursor() as cursor:
        cursor.execute(PATIENTS_NAMED, [sorted(set(external_ids)), clinic.id])
        return dict(cursor.fetchall())
