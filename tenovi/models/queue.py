"""What we want of the vendor, what was said on the wire, and the scheduler's pulse."""

from __future__ import annotations

import uuid
from typing import ClassVar

from django.db import models
from django.db.models import Q, Value
from django.db.models.functions import Now

from clinics.tenancy import TenantModel
from tenovi.querysets import CallQuerySet, RequestQuerySet


class RequestKind(models.TextChoices):
    DEVICES = "devices.list", "List of devices"
    DEVICE = "devices.read", "One device"
    PATIENTS = "patients.list", "List of patients"
    PATIENT = "patients.read", "One patient"
    MEASUREMENTS = "measurements.list", "Readings of a device"
    MEASUREMENTS_OF_PATIENT = "measurements.of_patient", "Readings of a patient"
    DEVICES_OF_PATIENT = "devices.of_patient", "Devices of a patient"
    DEVICES_ON_HARDWARE = "devices.on_hardware", "Devices on a gateway or IMEI"
    DEVICES_WITH_PROPERTY = "devices.with_property", "Devices with a property"
    DEVICE_TYPES = "device_types.list", "Device types"
    GATEWAYS = "gateways.list", "List of gateways"
    GATEWAY = "gateways.read", "One gateway"
    HARDWARE_LOG = "hardware_log.list", "Changes of hardware ids"
    HARDWARE_SEARCH = "hardware_log.search", "Changes of one hardware id"
    PROPERTIES = "properties.list", "Properties of a device"
    WEBHOOKS = "webhooks.list", "Registered webhooks"
    REPLACEMENTS = "replacements.list", "List of replacements"
    BULK_ORDERS = "bulk_orders.list", "Bulk orders"
    SUPPLY_TYPES = "supply_types.list", "Supplies that can be ordered"
    SUPPLY_REQUESTS = "supply_requests.list", "List of supply requests"
    DEVICE_CREATE = "devices.create", "Order or activate a device"
    DEVICE_UPDATE = "devices.update", "Change a device"
    DEVICE_UNLINK = "devices.unlink", "Unlink a device"
    DEVICE_DELETE = "devices.delete", "Delete a device"
    PATIENT_PUSH = "patients.push", "Save a patient at Tenovi"
    PATIENT_DELETE = "patients.delete", "Delete a patient at Tenovi"
    PROPERTY_SET = "properties.set", "Set a property of a device"
    WEBHOOK_CREATE = "webhooks.create", "Register a webhook"
    WEBHOOK_DELETE = "webhooks.delete", "Remove a webhook"
    REPLACEMENT_CREATE = "replacements.create", "Request a replacement"
    REPLACEMENT_DELETE = "replacements.delete", "Withdraw a replacement"
    SUPPLY_CREATE = "supply_requests.create", "Order supplies"
    SUPPLY_DELETE = "supply_requests.delete", "Withdraw a supply order"


class Priority(models.IntegerChoices):
    """Smaller goes first."""

    PERSON = 10, "A person waits"
    READING = 20, "A reading waits"
    ROUTINE = 50, "Routine"
    BACKGROUND = 80, "Background"


class RequestState(models.TextChoices):
    """`sending` is committed before a byte leaves; `parked` has failed too often or for good.

    `unknown` may have created something at the vendor: kept, shown, and never sent again by software.
    """

    WAITING = "waiting", "Waiting"
    SENDING = "sending", "Being sent"
    PARKED = "parked", "Parked"
    UNKNOWN = "unknown", "May have happened"


class Request(TenantModel):
    """One thing to ask of the vendor; deleted once its answer is stored.

    `target` is an id at the vendor, "" for lists, an id of ours for what is to be created there.
    `params` holds ids, times and names of fields, nothing else about a patient: what a write sends is
    put together when it is sent. `renewed`: it was asked for again while it was being sent, so the
    answer is not the last word. A list keeps its place in `cursor` (the `next` of the page before), so that it
    continues where a crash left it, and what tells whether its end is proven (`tenovi.outbound.list_pages`): `rows` so far, the
    `digests` of its pages, and how often it was begun again because it was not (`restarts`). `claim` names the attempt under way: an answer that comes
    back to a row with another claim is thrown away. `sent_with` is the budget of the key of that attempt, whose lock
    its process holds; `begun_at` is when the reading of the thing, or of the list's first page, began, and
    `asked_at` when this page of it was asked for: what changed later may be missing from the answer.
    """

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    kind = models.CharField(max_length=40, choices=RequestKind.choices)
    target = models.CharField(max_length=200, blank=True)
    params = models.JSONField(default=dict, blank=True)
    priority = models.PositiveSmallIntegerField(choices=Priority.choices, default=Priority.ROUTINE)
    state = models.CharField(max_length=10, choices=RequestState.choices, default=RequestState.WAITING)
    attempts = models.PositiveSmallIntegerField(default=0)
    not_before = models.DateTimeField(db_default=Now())
    reason = models.CharField(max_length=300, blank=True)
    cursor = models.CharField(max_length=2000, blank=True)
    pages = models.PositiveIntegerField(default=0)
    rows = models.PositiveIntegerField(default=0, db_default=0)
    digests = models.JSONField(default=list, db_default=Value([], models.JSONField()), blank=True)
    restarts = models.PositiveSmallIntegerField(default=0, db_default=0)
    total = models.PositiveIntegerField(null=True)
    claim = models.UUIDField(null=True)
    renewed = models.BooleanField(default=False, db_default=False)
    sent_with = models.CharField(max_length=64, blank=True, db_default="", default="")
    begun_at = models.DateTimeField(null=True)
    asked_at = models.DateTimeField(null=True)
    created_at = models.DateTimeField(db_default=Now())

    objects: ClassVar[RequestQuerySet] = RequestQuerySet.as_manager()  # type: ignore[assignment]

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["clinic", "kind", "target"], name="request_asked_once"),
            models.CheckConstraint(condition=Q(state__in=RequestState.values), name="request_state_known"),
            models.CheckConstraint(
                condition=Q(state="sending") ^ Q(claim__isnull=True), name="request_claimed_while_sending"
            ),
        ]
        indexes = [
            models.Index(
                fields=["clinic", "priority", "created_at"],
                condition=Q(state="waiting"),
                name="request_most_urgent",
            ),
        ]


class Call(TenantModel):
    """One HTTP exchange: that it happened and how it ended. No bodies, no ids in the path.

    `items` and `failed` count what the answer brought and what of it could not be used;
    `outcome` is "answered" or the effect of the error (`tenovi.client.errors.Effect`).
    """

    class Outcome(models.TextChoices):
        ANSWERED = "answered", "Answered"
        RETRYABLE = "retryable", "Refused for now"
        PERMANENT = "permanent", "Refused"
        DOUBTFUL = "doubtful", "No usable answer"

    id = models.BigAutoField(primary_key=True)
    request_id = models.UUIDField()
    kind = models.CharField(max_length=40)
    method = models.CharField(max_length=6)
    path = models.CharField(max_length=120)
    status = models.PositiveSmallIntegerField(null=True)
    milliseconds = models.PositiveIntegerField()
    outcome = models.CharField(max_length=10, choices=Outcome.choices)
    reason = models.CharField(max_length=300, blank=True)
    items = models.PositiveIntegerField(default=0)
    failed = models.PositiveIntegerField(default=0)
    at = models.DateTimeField(db_default=Now())

    objects: ClassVar[CallQuerySet] = CallQuerySet.as_manager()  # type: ignore[assignment]

    class Meta:
        indexes = [models.Index(fields=["clinic", "-id"], name="call_newest")]


class ParkedKey(models.Model):
    """A key, or one client domain of it, that is left alone until `until`, and why in words.

    The row stays after that, so that the next failure pauses longer; the first success deletes
    it. `scope` is a digest (`tenovi.outbound.api_keys`): a new key or a corrected domain has another one and
    is used at once.
    """

    class Cause(models.TextChoices):
        SLOW_DOWN = "slow_down", "Asked to slow down"
        KEY_REFUSED = "key_refused", "Key refused"
        DOMAIN_UNKNOWN = "domain_unknown", "Client domain unknown"
        UNREACHABLE = "unreachable", "Vendor not reachable"
        OUTAGE = "outage", "Vendor has an outage"

    scope = models.CharField(max_length=64, primary_key=True)
    cause = models.CharField(max_length=20, choices=Cause.choices)
    reason = models.CharField(max_length=300)
    pause = models.FloatField()  # seconds, the last one
    until = models.DateTimeField()
    since = models.DateTimeField(db_default=Now())


class KeyTurn(models.Model):
    """How many calls a key has made since one of them was for what had waited longest."""

    budget = models.CharField(max_length=64, primary_key=True)
    calls = models.PositiveSmallIntegerField(default=0)


class Heartbeat(models.Model):
    """The scheduler and a worker were alive in this minute. A gap is an outage of ours.

    `disk_percent`: how full the database's disk was, where that can be known.
    """

    minute = models.DateTimeField(primary_key=True)
    disk_percent = models.PositiveSmallIntegerField(null=True)
