"""Tell what waiting elements say: what was measured, when, and which patient they name."""

from __future__ import annotations

import datetime
import re
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from typing import Any

from django.db.models import F, Value, Window
from django.db.models.functions import Length, Lower, RowNumber
from django.urls import reverse

from clinics.access import ClinicAccess
from measurements.shown.presentation import metric_of, unit_text
from patients.models import Patient
from tenovi.inbound.element import Untrusted, moment_of, patient_id_of
from tenovi.models import DeliveryItem
from tenovi.querysets import DeliveryItemQuerySet
from tenovi.strict_json import JsonObject, storable_text, value_of

SHOWN = 3  # elements of a group
LARGEST = 20_000  # bytes of an element that is read for this
LONGEST = 60
YEARS = (1970, 2200)
FRACTION = re.compile(r"-?\d+\.\d+")


@dataclass(frozen=True)
class Named:
    """A patient whom an element names: the vendor's id, and our page ("" where there is none here)."""

    external_id: str
    name: str
    url: str


@dataclass(frozen=True)
class Contents:
    """The content of an element, as it was sent. `value` and `patient` are left out for people who see no
    patients.

    `what`: the metric, or the status of a shipping event. `taken`: the time as it was sent, where it is
    none.
    """

    what: str
    value: str
    device_name: str
    taken_at: datetime.datetime | None
    taken: str
    patient: Named | None


def contents_by_group(
    access: ClinicAccess, items: DeliveryItemQuerySet, by: tuple[str, ...]
) -> dict[tuple[Any, ...], tuple[Contents, ...]]:
    """Read the newest few elements of each group, by the values of the fields that make the group."""
    newest = Window(RowNumber(), partition_by=[F(name) for name in by], order_by=F("id").desc())
    ids = list(items.annotate(place=newest).filter(place__lte=SHOWN).values_list("id", flat=True))
    chosen = DeliveryItem.objects.for_clinic(access.clinic).filter(id__in=ids)
    small = chosen.annotate(size=Length("raw")).filter(size__lte=LARGEST).order_by("-id")
    read = [(tuple(row[name] for name in by), _element(row["raw"])) for row in small.values(*by, "raw")]
    people = _people(access, [_patient_id(element) for _, element in read])
    contents: dict[tuple[Any, ...], tuple[Contents, ...]] = {}
    for key, element in read:
        if element:
            contents[key] = (*contents.get(key, ()), _contents(access, element, people))
    return contents


def _element(piece: bytes) -> JsonObject | None:
    element = value_of(bytes(piece))
    return element if isinstance(element, JsonObject) else None


def _contents(access: ClinicAccess, element: JsonObject, people: dict[str, Named]) -> Contents:
    may_see = access.may_view_patients
    metric = storable_text(element.get("metric"), LONGEST)
    taken_at = _taken_at(element)
    return Contents(
        what=metric_of(metric, "").label if metric else storable_text(element.get("status"), LONGEST),
        value=_value(element, metric) if may_see and metric else "",
        device_name=storable_text(element.get("device_name"), LONGEST),
        taken_at=taken_at,
        taken="" if taken_at else storable_text(element.get("timestamp"), LONGEST),
        patient=people.get(_patient_id(element).casefold()) if may_see else None,
    )


def _value(element: JsonObject, metric: str) -> str:
    """Return the numbers as they were sent: an impossible one is why many an element waits."""
    given = [_number(element.get(name)) for name in ("value_1", "value_2")]
    if not any(given):
        return "no value"
    numbers = "/".join(given) if all(given) else given[0] or f"–/{given[1]}"
    return f"{numbers} {unit_text(metric_of(metric, ''))}".strip()


def _taken_at(element: JsonObject) -> datetime.datetime | None:
    """Return the time; None also for one that no zone could show."""
    moment = moment_of(element.get("timestamp"))
    return moment if moment and YEARS[0] <= moment.year <= YEARS[1] else None


def _number(value: Any) -> str:
    text = storable_text(value, 20)
    return text.rstrip("0").rstrip(".") if FRACTION.fullmatch(text) else text


def _patient_id(element: JsonObject | None) -> str:
    try:
        return patient_id_of(element.get("patient_id")) if element else ""
    except Untrusted:
        return ""


def _people(access: ClinicAccess, external_ids: Iterable[str]) -> dict[str, Named]:
    """Return the patients with these ids, ignoring case, for people who may see patients."""
    ids = set(external_ids) - {""}
    if not access.may_view_patients or not ids:
        return {}
    people = {external_id.casefold(): Named(external_id, "nobody here", "") for external_id in ids}
    for patient in _patients(access, ids):
        url = reverse("patient", args=[access.clinic.slug, patient.id])
        people[patient.external_id.casefold()] = Named(patient.external_id, str(patient), url)
    return people


def _patients(access: ClinicAccess, external_ids: Collection[str]) -> Iterable[Patient]:
    # Lower on both sides, by the database: the unique index is on it.
    folded = Patient.objects.for_clinic(access.clinic).annotate(folded=Lower("external_id"))
    return folded.filter(folded__in=[Lower(Value(external_id)) for external_id in external_ids])
