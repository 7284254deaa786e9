"""Where a parcel for a patient goes: the address of the record, and what is to be said about it."""

from __future__ import annotations

from dataclasses import dataclass

from patients.models import Patient

PARTS = (
    ("name", "name"),
    ("address", "street"),
    ("city", "city"),
    ("state", "state"),
    ("zip_code", "ZIP code"),
)
UNVERIFIED = "Tenovi could not verify this address: it may hold the parcel until somebody confirms it."
UNCHECKED = "Tenovi has not checked this address yet."


@dataclass(frozen=True, slots=True)
class Destination:
    """`lines` as on a label; `missing` names what the record lacks; `warning` is "" for a verified address."""

    lines: tuple[str, ...]
    missing: tuple[str, ...]
    verified: bool
    warning: str


def destination(patient: Patient) -> Destination:
    place = " ".join(filter(None, [patient.state, patient.zip_code]))
    town = ", ".join(filter(None, [patient.city, place]))
    confirmed = patient.confirm_address or patient.address_status == "Verified"
    unverified = UNVERIFIED if patient.address_status else UNCHECKED
    return Destination(
        lines=tuple(filter(None, [patient.name, patient.address, town])),
        missing=tuple(word for field, word in PARTS if not getattr(patient, field)),
        verified=confirmed,
        warning="" if confirmed else unverified,
    )


def shipping_of(patient: Patient) -> dict[str, str]:
    """The shipping fields of a request to the vendor."""
    return {f"shipping_{field}": getattr(patient, field) for field, _ in PARTS}
