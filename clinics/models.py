"""The tenant (a clinic), its people and their roles, and the record of what they did."""

from __future__ import annotations

import datetime
import functools
import re
import uuid
import zoneinfo
from typing import Any, ClassVar

from django.contrib.auth.models import AbstractBaseUser, BaseUserManager
from django.contrib.sessions.base_session import AbstractBaseSession, BaseSessionManager
from django.core.exceptions import ValidationError
from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models
from django.db.models.functions import Lower
from django.utils import timezone
from knox.models import AbstractAuthToken

from clinics.querysets import WebhookSecretQuerySet
from common.encryption import decrypt, encrypt
from common.local_day import today_in

NO_PLACE = {"localtime", "posixrules", "Factory"}
"""Names that the zone files of a machine may have and that are no place: what they mean depends on it."""


@functools.cache
def time_zone_names() -> tuple[str, ...]:
    """Return the zones that a clinic or patient may have, by name."""
    names = zoneinfo.available_timezones() - NO_PLACE
    return tuple(sorted(name for name in names if not name.startswith(("posix/", "right/"))))


def validate_time_zone(name: str) -> None:
    if name not in time_zone_names():
        raise ValidationError(f"“{name}” is not a time zone: use a name such as America/New_York.")


def validate_tenovi_domain(domain: str) -> None:
    if not re.fullmatch(r"[A-Za-z0-9._-]+", domain) or not domain.strip("."):
        raise ValidationError("Letters, digits, dots and hyphens, as Tenovi wrote it to you.")


class BillingWindow(models.TextChoices):
    """What a clinic bills by: dates are counted within one of these."""

    MONTH = "month", "Calendar months"
    THIRTY_DAYS = "30-day", "Blocks of 30 days"


class Locale(models.TextChoices):
    """How a clinic reads dates and times (`common.formats`). One of Django's language codes."""

    AMERICAN = "en-us", "American: Nov 3, 2026, 9:22 PM, weeks from Sunday"
    BRITISH = "en-gb", "British: 3 Nov 2026, 21:22, weeks from Monday"


class Clinic(models.Model):
    """One clinic: the tenant that every patient, device and reading belongs to."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    slug = models.SlugField(unique=True, max_length=60)
    name = models.CharField(max_length=200)
    timezone = models.CharField(max_length=64, validators=[validate_time_zone])
    judged_timezone = models.CharField(max_length=64, blank=True)
    """The zone by which stored readings got their dates; another one than `timezone` is work to do."""
    judging_timezone = models.CharField(max_length=64, blank=True)
    """The zone by which dates are being worked out anew, up to the patient `judged_until` by id."""
    judged_until = models.UUIDField(null=True, blank=True)
    tenovi_domain = models.CharField(max_length=100, blank=True, validators=[validate_tenovi_domain])
    tenovi_api_key_encrypted = models.BinaryField(default=bytes)
    idle_minutes = models.PositiveSmallIntegerField(
        default=15, validators=[MinValueValidator(1), MaxValueValidator(60)]
    )
    """After so long without a click its people are signed out; the server's own limit may be shorter."""
    second_factor_required = models.BooleanField(default=False)
    """For everybody here; admins need a second factor in any case."""
    billing_window = models.CharField(
        max_length=10, choices=BillingWindow.choices, default=BillingWindow.MONTH
    )
    """What exports count by unless another window is asked for."""
    locale = models.CharField(max_length=10, choices=Locale.choices, default=Locale.AMERICAN)
    """How its pages, letters and alerts write dates and times. Files and the API keep to ISO 8601."""
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=models.Q(billing_window__in=BillingWindow.values),
                name="clinic_billing_window_known",
            ),
            models.CheckConstraint(condition=models.Q(locale__in=Locale.values), name="clinic_locale_known"),
        ]

    JUDGING: ClassVar = ("judged_timezone", "judging_timezone", "judged_until")

    def __str__(self) -> str:
        return self.name

    def forget_judging(self) -> None:
        """Have all dates worked out anew, as any change of the time zone must: also one that is taken back,
        since readings came in by the other zone meanwhile."""
        self.judged_timezone, self.judging_timezone, self.judged_until = "", "", None

    @property
    def zone(self) -> zoneinfo.ZoneInfo:
        return zoneinfo.ZoneInfo(self.timezone)

    def today(self, now: datetime.datetime | None = None) -> datetime.date:
        """Return the date it is at the clinic. What is counted of a patient goes by the patient's."""
        return today_in(self.zone, now)

    @property
    def tenovi_api_key(self) -> str:
        """The vendor's key in clear, or "" when none is set. Never log it, never show it."""
        return decrypt(bytes(self.tenovi_api_key_encrypted))

    @tenovi_api_key.setter
    def tenovi_api_key(self, key: str) -> None:
        self.tenovi_api_key_encrypted = encrypt(key)


class WebhookSecret(models.Model):
    """What the vendor presents with its webhooks. Two may be valid while one replaces the other.

    Only a salted digest is kept; see `clinics.webhook_secrets` for how it is made and compared.
    `last_used_at`: when it last opened a door, by the database's clock, to within ten minutes.
    """

    clinic = models.ForeignKey(Clinic, on_delete=models.CASCADE, related_name="webhook_secrets")
    name = models.CharField(max_length=60)
    header = models.CharField(max_length=100, default="Authorization")
    salt = models.BinaryField()
    digest = models.BinaryField()
    created_at = models.DateTimeField(auto_now_add=True)
    last_used_at = models.DateTimeField(null=True)
    retired_at = models.DateTimeField(null=True)

    objects: ClassVar[WebhookSecretQuerySet] = WebhookSecretQuerySet.as_manager()  # type: ignore[assignment]

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["clinic", "name"], name="webhook_secret_name_once"),
        ]

    def __str__(self) -> str:
        return self.name


class UserManager(BaseUserManager["User"]):
    def create_user(self, email: str, password: str, **fields: Any) -> User:
        user = self.model(email=email.strip().lower(), **fields)
        user.set_password(password)
        user.save()
        return user

    def get_by_natural_key(self, username: str | None) -> User:
        return self.get(email=(username or "").strip().lower())


class User(AbstractBaseUser):  # type: ignore[django-manager-missing]  # knox is untyped
    """A person. Signs in with an e-mail address; what they may do is in their memberships."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    email = models.EmailField(unique=True)  # kept in lower case, so that unique ignores case
    name = models.CharField(max_length=200, blank=True)
    is_operator = models.BooleanField(default=False)
    is_active = models.BooleanField(default=True)
    created_at = models.DateTimeField(auto_now_add=True)

    objects: ClassVar[UserManager] = UserManager()

    USERNAME_FIELD = "email"
    EMAIL_FIELD = "email"
    REQUIRED_FIELDS: ClassVar[list[str]] = []

    class Meta:
        constraints = [
            models.CheckConstraint(condition=models.Q(email=Lower("email")), name="user_email_in_lower_case"),
        ]

    def __str__(self) -> str:
        return self.name or self.email


class SecondFactor(models.Model):
    """The authenticator app of a person: a shared secret, encrypted like the vendor's keys.

    It counts once a first code proved that the app has it. `last_step` is the time step of the
    newest code accepted: a code is good once.
    """

    user = models.OneToOneField(User, on_delete=models.CASCADE, related_name="second_factor")
    secret_encrypted = models.BinaryField()
    confirmed_at = models.DateTimeField(null=True)
    last_step = models.BigIntegerField(default=0)
    created_at = models.DateTimeField(auto_now_add=True)

    @property
    def secret(self) -> str:
        return decrypt(bytes(self.secret_encrypted))


class RecoveryCode(models.Model):
    """A way in without the authenticator app. Only its digest is kept; using it deletes it."""

    user = models.ForeignKey(User, on_delete=models.CASCADE, related_name="recovery_codes")
    digest = models.BinaryField()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["user", "digest"], name="recovery_code_once")]


class ApiToken(AbstractAuthToken):  # type: ignore[misc]
    """Let a script sign in without a password: knox's token, with a name and its last use.

    Only a digest of it is kept. It ends by its expiry, with a new password, and in a clinic where
    its person was given another role after it was made.
    """

    name = models.CharField(max_length=100, blank=True)
    last_used_at = models.DateTimeField(null=True, blank=True)

    @property
    def has_expired(self) -> bool:
        return self.expiry is not None and self.expiry <= timezone.now()


class Session(AbstractBaseSession):
    """A browser that is signed in (or about to be), and whose it is: ending one is deleting its row."""

    user_id = models.UUIDField(null=True, db_index=True)
    signed_in_at = models.DateTimeField(null=True)
    seen_at = models.DateTimeField(null=True)
    address = models.GenericIPAddressField(null=True)
    browser = models.CharField(max_length=60, blank=True)

    objects: ClassVar[BaseSessionManager[Session]] = BaseSessionManager()  # type: ignore[assignment]


class Role(models.TextChoices):
    CARE_MANAGER = "care_manager", "Care manager"
    CLINIC_ADMIN = "clinic_admin", "Clinic admin"
    BILLING = "billing", "Billing"


OPERATOR_IS_NO_MEMBER = "operator_is_no_member"
"""The constraint, held by two triggers, that an operator of the server sees no clinic's patients."""


class Membership(models.Model):
    """One person's role in one clinic."""

    clinic = models.ForeignKey(Clinic, on_delete=models.CASCADE, related_name="memberships")
    user = models.ForeignKey(User, on_delete=models.CASCADE, related_name="memberships")
    role = models.CharField(max_length=20, choices=Role.choices)
    role_since = models.DateTimeField(null=True)
    """When this role was given: older API tokens of the person do not open the clinic. None before
    this was kept."""
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        # Besides: triggers refuse a membership of an operator, see `OPERATOR_IS_NO_MEMBER`.
        constraints = [
            models.UniqueConstraint(fields=["clinic", "user"], name="one_membership_per_user_and_clinic"),
            models.CheckConstraint(condition=models.Q(role__in=Role.values), name="membership_role_known"),
        ]

    def __str__(self) -> str:
        return f"{self.user} · {self.get_role_display()}"


class InvitationState(models.TextChoices):
    WAITING = "waiting", "Waiting"
    ACCEPTED = "accepted", "Accepted"
    DECLINED = "declined", "Declined"
    WITHDRAWN = "withdrawn", "Withdrawn"


class Invitation(models.Model):
    """The offer of a role in a clinic to whoever reads the mail of an address.

    It gives no right before that person accepts it, and none once it has expired. Of the token in
    its letter only a digest is kept.
    """

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    clinic = models.ForeignKey(Clinic, on_delete=models.CASCADE, related_name="invitations")
    email = models.EmailField()
    role = models.CharField(max_length=20, choices=Role.choices)
    invited_by = models.ForeignKey(User, null=True, blank=True, on_delete=models.SET_NULL, related_name="+")
    state = models.CharField(max_length=10, choices=InvitationState.choices, default=InvitationState.WAITING)
    token_digest = models.BinaryField()
    created_at = models.DateTimeField(auto_now_add=True)
    sent_at = models.DateTimeField()
    expires_at = models.DateTimeField()
    answered_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["clinic", "email"],
                condition=models.Q(state=InvitationState.WAITING),
                name="one_waiting_invitation_per_address_and_clinic",
            ),
            models.CheckConstraint(
                condition=models.Q(email=Lower("email")), name="invitation_email_in_lower_case"
            ),
            models.CheckConstraint(condition=models.Q(role__in=Role.values), name="invitation_role_known"),
            models.CheckConstraint(
                condition=models.Q(state=InvitationState.WAITING, answered_at__isnull=True)
                | models.Q(
                    state__in=[InvitationState.ACCEPTED, InvitationState.DECLINED, InvitationState.WITHDRAWN],
                    answered_at__isnull=False,
                ),
                name="invitation_answered_or_waiting",
            ),
        ]

    @property
    def has_expired(self) -> bool:
        return self.expires_at <= timezone.now()


class AuditEvent(models.Model):
    """Who did or looked at what, and when. A database trigger refuses UPDATE and DELETE.

    No foreign keys: the record must neither block a deletion nor vanish with one.
    """

    id = models.BigAutoField(primary_key=True)
    at = models.DateTimeField(auto_now_add=True)
    clinic_id = models.UUIDField(null=True)
    actor_id = models.UUIDField(null=True)
    actor_label = models.CharField(max_length=254)
    action = models.CharField(max_length=60)
    target_kind = models.CharField(max_length=60, blank=True)
    target_id = models.CharField(max_length=64, blank=True)
    detail = models.JSONField(default=dict)
    address = models.GenericIPAddressField(null=True)

    class Meta:
        indexes = [models.Index(fields=["clinic_id", "-at"], name="audit_clinic_at")]
