"""Derive vital days from the readings again, or prove that they need no change."""

from __future__ import annotations

from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from clinics.commands import add_json_option, answer, clinic_of
from measurements.reclassify import misclassified, reclassify_patient
from measurements.recount import drifted_patients, recount_all
from patients.models import Patient


class Command(BaseCommand):
    help = "Recompute vital days from the readings. --check changes nothing and fails on any difference."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--clinic", required=True, metavar="SLUG")
        parser.add_argument("--check", action="store_true")
        add_json_option(parser)

    def handle(self, *args: Any, **options: Any) -> None:
        clinic = clinic_of(options["clinic"])
        found = {"patients_with_other_dates": 0, "patients_with_other_counts": 0}
        wrong_dates = {patient_id for patient_id in misclassified(clinic) if patient_id}
        found["patients_with_other_dates"] = len(wrong_dates)
        if not options["check"]:
            for patient in Patient.objects.for_clinic(clinic).filter(id__in=wrong_dates):
                reclassify_patient(clinic, patient)
        drifted = drifted_patients(clinic)
        found["patients_with_other_counts"] = len(drifted)
        if not options["check"]:
            recount_all(clinic, drifted)
        differs = any(found.values())
        words = (
            f"{found['patients_with_other_dates']} patients with readings on another date, "
            f"{found['patients_with_other_counts']} with other counts"
        )
        fails = options["check"] and differs
        if options["json"] or not fails:
            said = f"{'Corrected: ' + words if differs else 'Nothing to correct'}."
            answer(self, options, said, clinic=clinic.slug, differs=differs, **found)
        if fails:
            raise CommandError(f"Readings and vital days differ: {words}.", returncode=1)
