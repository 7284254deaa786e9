"""Define patients, their enrolments, the anchors of their periods, and alerts."""

from __future__ import annotations

import datetime
import uuid
import zoneinfo
from typing import ClassVar

from django.db import models
from django.db.models.functions import Lower, Now

from clinics.models import Clinic, User, validate_time_zone
from clinics.tenancy import TenantModel
from common.local_day import today_in
from patients.querysets import AlertQuerySet, EnrollmentQuerySet, PatientQuerySet

ADDRESS = ("address", "city", "state", "zip_code")
TOLD = (
    *("name", *ADDRESS, "phone_number", "email", "physician"),
    *("clinic_name", "care_manager", "sms_opt_in", "confirm_address"),
)
"""The fields of the vendor's record that a clinic may write."""
OWN = ("date_of_birth", "timezone", "consented_on")
"""Fields of ours, of which the vendor knows nothing."""
VERDICT = ("address_status", "address_verified_by")
"""What the vendor says of the address."""


class Program(models.TextChoices):
    RPM = "RPM", "Remote physiologic monitoring"
    RTM = "RTM", "Remote therapeutic monitoring"


class Patient(TenantModel):
    """One person under monitoring. `external_id` is the key shared with the vendor, compared ignoring case;
    the other vendor fields follow the vendor's patient record.

    An archived patient is in no list; billing and the audit keep the row, and a device in use brings it
    back into the patients page (`patients.actions.archiving`).

    `version` grows with every change of the record. `unsent` names the fields that were changed here and
    that the vendor has not taken yet, each with the value it had here before; `overruled` has the vendor's
    changes of such fields meanwhile. `refusal` is why the vendor did not take them, in its words.
    `judging_due`: readings are to be classified again, for another time zone or program.
    """

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    external_id = models.CharField(max_length=200)
    name = models.CharField(max_length=200, blank=True)
    date_of_birth = models.DateField(null=True, blank=True)
    address = models.CharField(max_length=300, blank=True)
    city = models.CharField(max_length=100, blank=True)
    state = models.CharField(max_length=50, blank=True)
    zip_code = models.CharField(max_length=20, blank=True)
    phone_number = models.CharField(max_length=50, blank=True)
    email = models.CharField(max_length=254, blank=True)  # the vendor does not validate it
    physician = models.CharField(max_length=200, blank=True)
    clinic_name = models.CharField(max_length=200, blank=True)
    care_manager = models.CharField(max_length=200, blank=True)
    sms_opt_in = models.BooleanField(default=False)
    confirm_address = models.BooleanField(default=False)
    address_status = models.CharField(max_length=30, blank=True)
    address_verified_by = models.CharField(max_length=100, blank=True)
    timezone = models.CharField(max_length=64, blank=True, validators=[validate_time_zone])
    consented_on = models.DateField(null=True, blank=True)
    version = models.PositiveIntegerField(default=1)
    unsent = models.JSONField(default=dict, blank=True)
    overruled = models.JSONField(default=dict, blank=True)
    refusal = models.CharField(max_length=500, blank=True)
    at_vendor = models.BooleanField(default=True)
    sent_at = models.DateTimeField(null=True, blank=True)
    judging_due = models.BooleanField(default=False)
    archived_at = models.DateTimeField(null=True, blank=True)
    archive_reason = models.CharField(max_length=300, blank=True)
    created_at = models.DateTimeField(auto_now_add=True)

    objects: ClassVar[PatientQuerySet] = PatientQuerySet.as_manager()  # type: ignore[assignment]

    class Meta:
        constraints = [
            models.UniqueConstraint(
                "clinic", Lower("external_id"), name="patient_external_id_unique_ignoring_case"
            ),
            models.CheckConstraint(condition=~models.Q(external_id=""), name="patient_external_id_present"),
        ]
        indexes = [
            models.Index("clinic", Lower("name"), name="patient_clinic_name"),
            models.Index(fields=["clinic"], condition=~models.Q(refusal=""), name="patient_not_taken"),
        ]

    def __str__(self) -> str:
        return self.name or self.external_id

    @property
    def zone(self) -> zoneinfo.ZoneInfo:
        """Return the zone the patient's days are cut in when a reading brings no offset of its own."""
        return zoneinfo.ZoneInfo(self.timezone) if self.timezone else self.clinic.zone

    def today(self, now: datetime.datetime | None = None) -> datetime.date:
        """Return the date it is where the patient lives: the only *today* of a count."""
        return today_in(self.zone, now)

    def as_told(self, field: str) -> str | bool:
        """Return a field as it is sent to the vendor. Text messages are on only with consent."""
        if field == "sms_opt_in":
            return self.sms_opt_in and self.consented_on is not None
        value: str | bool = getattr(self, field)
        return value

    @property
    def gets_texts_without_consent(self) -> bool:
        """Whether Tenovi sends text messages without a consent recorded here."""
        return self.sms_opt_in and self.consented_on is None

    @property
    def has_whole_address(self) -> bool:
        """Whether the address is whole: only then does the vendor check it."""
        return all(getattr(self, name) for name in ADDRESS)


class Enrollment(TenantModel):
    """A patient's time in one program. Peak-flow readings follow it (RPM by default)."""

    patient = models.ForeignKey(Patient, on_delete=models.CASCADE, related_name="+")
    program = models.CharField(max_length=3, choices=Program.choices)
    therapeutic_area = models.CharField(max_length=100, blank=True)
    starts_on = models.DateField()
    ends_on = models.DateField(null=True, blank=True)

    objects: ClassVar[EnrollmentQuerySet] = EnrollmentQuerySet.as_manager()  # type: ignore[assignment]

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=models.Q(ends_on__isnull=True) | models.Q(ends_on__gte=models.F("starts_on")),
                name="enrollment_ends_after_it_starts",
            )
        ]


class AnchorSource(models.TextChoices):
    """What fixed the date from which 30-day periods are counted."""

    SET_UP = "set_up", "start of the program"
    FIRST_READING = "first_reading", "first counted day"
    PERSON = "person", "set by a person"
    CALENDAR = "calendar", "calendar months"
    MIGRATED = "migrated", "taken over from earlier exports"


class PeriodAnchor(TenantModel):
    """The date from which a patient's 30-day periods in one program are counted.

    Written once, under the patient's lock, and never moved by readings: a claim rests on it. Periods run
    from `anchor_on` until the day before the next anchor of the same patient and program. `enrollment` is
    None while the patient is not enrolled. `days_before`: the counted days before it that were known when
    it was written; more than these are a question for a person.
    """

    patient = models.ForeignKey(Patient, on_delete=models.CASCADE, related_name="+", db_index=False)
    program = models.CharField(max_length=3, choices=Program.choices)
    enrollment = models.ForeignKey(Enrollment, null=True, on_delete=models.RESTRICT, related_name="+")
    anchor_on = models.DateField()
    source = models.CharField(max_length=13, choices=AnchorSource.choices)
    set_by = models.ForeignKey(User, null=True, on_delete=models.PROTECT, related_name="+", db_index=False)
    set_at = models.DateTimeField(db_default=Now())
    reason = models.CharField(max_length=200, blank=True)
    days_before = models.PositiveIntegerField(default=0)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["patient", "program", "enrollment"],
                nulls_distinct=False,
                name="period_anchor_once_per_enrollment",
            ),
            models.UniqueConstraint(
                fields=["patient", "program", "anchor_on"], name="period_anchor_once_per_date"
            ),
            models.CheckConstraint(
                condition=~models.Q(source=AnchorSource.PERSON)
                | models.Q(set_by__isnull=False, reason__gt=""),
                name="period_anchor_of_a_person_has_who_and_why",
            ),
        ]


class AlertKind(models.TextChoices):
    GATEWAY_SILENT = "gateway_silent", "Gateway silent"
    GATEWAY_WEAK = "gateway_weak", "Weak signal"
    URGENT_READING = "urgent_reading", "Urgent reading"


class Alert(TenantModel):
    """Something about a patient that a person should look at, in `words`.

    About a gateway (`about` is its id): the watch raises it, keeps the words current and resolves it when
    its cause is over. Once a person has acknowledged it, it stands without asking for attention.

    About a reading (`reading_id`, and a copy of its values when the alert was raised): raised once, it
    stands until a person acknowledges it. It ends without a person only when the reading turns out not to
    be the patient's own value; `resolution` says how. The reading is named by number and not by a foreign
    key: readings may be partitioned.
    """

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    patient = models.ForeignKey(Patient, on_delete=models.CASCADE, related_name="+")
    kind = models.CharField(max_length=20, choices=AlertKind.choices)
    about = models.UUIDField(null=True)
    reading_id = models.BigIntegerField(null=True)
    metric = models.CharField(max_length=100, blank=True, default="")
    value_1 = models.DecimalField(max_digits=12, decimal_places=2, null=True)
    value_2 = models.DecimalField(max_digits=12, decimal_places=2, null=True)
    taken_at = models.DateTimeField(null=True)
    words = models.CharField(max_length=200)
    raised_at = models.DateTimeField(db_default=Now())
    acknowledged_at = models.DateTimeField(null=True)
    acknowledged_by = models.ForeignKey(User, null=True, on_delete=models.PROTECT, related_name="+")
    resolved_at = models.DateTimeField(null=True)
    resolution = models.CharField(max_length=200, blank=True, default="")

    objects: ClassVar[AlertQuerySet] = AlertQuerySet.as_manager()  # type: ignore[assignment]

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["patient", "kind", "about"],
                condition=models.Q(resolved_at__isnull=True),
                name="alert_stands_once",
            ),
            models.CheckConstraint(
                condition=models.Q(acknowledged_at__isnull=True, acknowledged_by__isnull=True)
                | models.Q(acknowledged_at__isnull=False, acknowledged_by__isnull=False),
                name="alert_acknowledged_by_somebody",
            ),
            models.UniqueConstraint(fields=["reading_id", "patient"], name="alert_once_for_a_reading"),
            models.CheckConstraint(
                condition=models.Q(
                    kind=AlertKind.URGENT_READING,
                    about__isnull=True,
                    reading_id__isnull=False,
                    value_1__isnull=False,
                    taken_at__isnull=False,
                )
                | (
                    ~models.Q(kind=AlertKind.URGENT_READING)
                    & models.Q(about__isnull=False, reading_id__isnull=True)
                ),
                name="alert_says_what_it_is_about",
            ),
        ]
        indexes = [
            models.Index(
                fields=["clinic", "about"],
                condition=models.Q(resolved_at__isnull=True),
                name="alert_standing",
            ),
        ]


__all__ = [
    "ADDRESS",
    "OWN",
    "TOLD",
    "VERDICT",
    "Alert",
    "AlertKind",
    "AnchorSource",
    "Clinic",
    "Enrollment",
    "Patient",
    "PeriodAnchor",
    "Program",
]
