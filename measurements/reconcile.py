"""Finding what webhooks missed: the vendor is asked, device by device, what it received.

By the vendor's receipt time (`created`), because late uploads have old device times; with an
overlap of 48 h below, because rows may appear late; page by page up to a bound that is fixed when
the run begins. Fetched rows go through the same code as webhooks, so nothing is stored twice.

A device is verified only by an answer that came to its end. What the vendor deleted before we
looked, or never received, no fetch can find.
"""

from __future__ import annotations

import datetime
from collections.abc import Iterable, Sequence
from functools import partial
from typing import Any

from django.db import transaction
from django.db.models import Exists, F, OuterRef, QuerySet
from django.db.models.functions import Greatest, Least, Now

from clinics import audit
from clinics.models import Clinic, User
from devices.models import Assignment, Device
from measurements.elements import settle
from measurements.models import Cause, DeviceCheck, Reconciliation, Verification
from patients.models import Patient
from tenovi.client.errors import VendorError
from tenovi.client.records import Page
from tenovi.clock import database_now
from tenovi.inbound import deliveries
from tenovi.inbound.one_by_one import one_by_one
from tenovi.models import Delivery, DeliveryItem, Priority, Request, RequestKind
from tenovi.models.ledger import DeliveryState, ItemState
from tenovi.outbound.calls import FETCHES
from tenovi.outbound.enqueue import enqueue, enqueue_each
from tenovi.querysets import RequestQuerySet
from tenovi.registry import ElementResult
from tenovi.strict_json import pieces_of

OVERLAP = datetime.timedelta(hours=48)
SETTLING = datetime.timedelta(minutes=5)  # the vendor may take two minutes to show what it received
GIVEN_UP = "Its request to Tenovi was given up: compare again."
BACK = {Cause.NIGHTLY: datetime.timedelta(days=3), Cause.WEEKLY: datetime.timedelta(days=35)}


@transaction.atomic
def start(
    *,
    clinic: Clinic,
    cause: str,
    since: datetime.datetime,
    by: User | None,
    patient: Patient | None = None,
    slot: str | None = None,
) -> Reconciliation | None:
    """Begin a run; None when this slot's run exists already. A nightly one first reads the device
    list, to know which devices have anything new."""
    run, is_new = (
        Reconciliation.objects.for_clinic(clinic).get_or_create(
            clinic=clinic, cause=cause, slot=slot, defaults={"since": since, "until": database_now()}
        )
        if slot
        else (
            Reconciliation.objects.create(
                clinic=clinic,
                cause=cause,
                since=since,
                until=database_now(),
                patient=patient,
                asked_by=by.email if by else "command line",
            ),
            True,
        )
    )
    if not is_new:
        return None
    if cause == Cause.NIGHTLY:
        enqueue(clinic, RequestKind.DEVICES)
    else:
        plan(run)
    if cause == Cause.PERSON:
        detail = {"since": since.isoformat(), "patient": str(patient.id) if patient else ""}
        audit.record("reconciliation_started", by=by, clinic=clinic, target=run, detail=detail)
    return run


def plan_what_can_be() -> int:
    """Plan nightly runs whose device list has come; how many."""
    planned = 0
    for run in Reconciliation.objects.across_clinics().unplanned().select_related("clinic"):
        listing = Request.objects.for_clinic(run.clinic).filter(kind=RequestKind.DEVICES).unanswered()
        if not listing.exists():
            plan(run)
            planned += 1
    return planned


@transaction.atomic
def plan(run: Reconciliation) -> None:
    """Write down which devices are to be compared, and queue a request for each."""
    locked = Reconciliation.objects.for_clinic(run.clinic).select_for_update().get(id=run.id)
    if locked.planned_at:
        return
    verified = {one.device_id: one for one in Verification.objects.for_clinic(run.clinic)}
    checks = [_check(run, device, verified.get(device.id)) for device in _devices(run)]
    DeviceCheck.objects.bulk_create(checks, batch_size=1000)
    # Behind every click: a run is hundreds of requests, and whoever asked for it follows its progress.
    priority = Priority.READING if run.cause == Cause.PERSON else Priority.BACKGROUND
    for check in checks:
        if check.state == DeviceCheck.State.WAITING:
            enqueue_each(
                run.clinic,
                RequestKind.MEASUREMENTS,
                [check.target],
                priority=priority,
                params={"created_gte": _iso(check.since), "created_lt": _iso(run.until)},
                insist=run.cause == Cause.PERSON,
            )
    if run.patient:
        _plan_lists_of(run, run.patient, priority)
    locked.planned_at = Now()
    locked.save(update_fields=["planned_at"])
    finish_runs(run.clinic)


def _plan_lists_of(run: Reconciliation, patient: Patient, priority: Priority) -> None:
    """Have everything read that the vendor holds under the patient's id, in each spelling it has used, so
    that readings of devices which nobody here knows are found too."""
    known = Device.objects.for_clinic(run.clinic).filter(vendor_patient_id__iexact=patient.external_id)
    spellings = {patient.external_id, *known.values_list("vendor_patient_id", flat=True)}
    for number, spelling in enumerate(sorted(spellings)):
        target = f"{patient.id}-{number}@{run.since:%Y%m%dT%H%M}-{run.until:%Y%m%dT%H%M%S}"
        DeviceCheck.objects.create(clinic=run.clinic, reconciliation=run, target=target, since=run.since)
        enqueue(
            run.clinic,
            RequestKind.MEASUREMENTS_OF_PATIENT,
            target,
            priority=priority,
            params={
                "external_id": spelling,
                "created_gte": _iso(run.since),
                "created_lt": _iso(run.until),
            },
            insist=run.cause == Cause.PERSON,
        )


def _devices(run: Reconciliation) -> QuerySet[Device]:
    devices = Device.objects.for_clinic(run.clinic).at_the_vendor().order_by("hwi_device_id")
    if run.patient:
        held = Assignment.objects.for_clinic(run.clinic).filter(patient=run.patient)
        devices = devices.filter(id__in=held.values("device"))
    return devices


def _check(run: Reconciliation, device: Device, known: Verification | None) -> DeviceCheck:
    since = run.since
    if known and known.verified_to < run.since + OVERLAP:
        since = min(since, known.verified_to - OVERLAP)  # no gap between what is verified and this run
    has_news = (
        device.last_measurement_at is None or not known or device.last_measurement_at > known.verified_to
    )
    listed = device.synced_at is not None and device.synced_at >= run.started_at
    skipped = run.cause == Cause.NIGHTLY and listed and not has_news
    return DeviceCheck(
        clinic=run.clinic,
        reconciliation=run,
        device=device,
        target=f"{device.hwi_device_id}@{since:%Y%m%dT%H%M}-{run.until:%Y%m%dT%H%M%S}",
        since=since,
        state=DeviceCheck.State.SKIPPED if skipped else DeviceCheck.State.WAITING,
    )


def store_fetched(request: Request, answer: Page[Any]) -> int:
    """A page of one device's readings at the vendor. Runs in the answer's transaction."""
    results = _settled(request.clinic, answer.results)
    waiting = [index for index, result in enumerate(results) if result.state in deliveries.WAITING]
    pieces = pieces_of(answer.body, member="results") if waiting else []
    news = [index for index in waiting if _is_news(request.clinic, results[index], pieces[index])]
    for body in (_as_body(pieces[index]) for index in news):
        if not _was_rejected(request.clinic, body):
            deliveries.receive(
                request.clinic,
                "measurements",
                body,
                content_type="application/json",
                address=None,
                fetched=True,
            )
    _count(request, results, waiting=len(news))
    if answer.ended:
        _verified(request)
    return 0


def not_fetched(request: Request, error: VendorError | None) -> None:
    """The vendor does not tell: the device is not verified, and its comparison ends here, where people
    look for it. A later run asks again, under another target."""
    waiting = DeviceCheck.objects.for_clinic(request.clinic).waiting().filter(target=request.target)
    waiting.update(state=DeviceCheck.State.UNVERIFIED, reason=request.reason)
    Request.objects.for_clinic(request.clinic).filter(id=request.id).delete()
    finish_runs(request.clinic)


def _count(request: Request, results: Iterable[ElementResult], *, waiting: int) -> None:
    states = [result.state for result in results]
    stored = states.count("stored")
    before = F("fetched") if request.pages else 0  # a list that is read anew begins with its first page
    DeviceCheck.objects.for_clinic(request.clinic).waiting().filter(target=request.target).update(
        requests=F("requests") + 1,
        fetched=before + len(states),
        missing=F("missing") + stored + waiting,
        stored=F("stored") + stored,
    )


def _verified(request: Request) -> None:
    """The list came to its end: everything the vendor received in the span is here or listed."""
    checks = DeviceCheck.objects.for_clinic(request.clinic).waiting().filter(target=request.target)
    for check in checks.select_related("reconciliation").select_for_update(of=("self",)):
        if check.device:
            _extend(check, until=check.reconciliation.until - SETTLING)
        check.state = DeviceCheck.State.VERIFIED
        check.save(update_fields=["state"])
    finish_runs(request.clinic)


def _extend(check: DeviceCheck, *, until: datetime.datetime) -> None:
    known, is_new = Verification.objects.for_clinic(check.clinic).get_or_create(
        clinic=check.clinic,
        device=check.device,
        defaults={
            "verified_from": check.since,
            "verified_to": until,
            "checked_at": database_now(),
            "missing_found": check.missing,
        },
    )
    if is_new:
        return
    rows = Verification.objects.for_clinic(check.clinic).filter(id=known.id)
    rows.update(checked_at=Now(), missing_found=F("missing_found") + check.missing)
    if check.since <= known.verified_to and until >= known.verified_from:
        rows.update(
            verified_from=Least("verified_from", check.since), verified_to=Greatest("verified_to", until)
        )


def is_busy(run: Reconciliation) -> bool:
    """Whether it has devices yet that nobody has tried to compare: the others of it hold up nothing."""
    if run.finished_at or not run.planned_at:
        return not run.finished_at
    waiting = DeviceCheck.objects.for_clinic(run.clinic).waiting().filter(reconciliation=run)
    untried = _fetches(run.clinic).unanswered().filter(attempts=0, restarts=0, reason="")
    return untried.filter(target__in=waiting.values("target")).exists()


def _fetches(clinic: Clinic) -> RequestQuerySet:
    return Request.objects.for_clinic(clinic).filter(kind__in=FETCHES)


def finish_runs(clinic: Clinic) -> None:
    """Close what waits for a request that is no more, or that has stopped, and runs that wait for nothing."""
    waiting = DeviceCheck.objects.for_clinic(clinic).waiting()
    for target, reason in _fetches(clinic).parked().values_list("target", "reason"):
        waiting.filter(target=target).update(state=DeviceCheck.State.UNVERIFIED, reason=reason)
    gone = ~Exists(_fetches(clinic).filter(target=OuterRef("target")))
    waiting.filter(gone).update(state=DeviceCheck.State.UNVERIFIED, reason=GIVEN_UP)
    done = Reconciliation.objects.for_clinic(clinic).under_way().filter(planned_at__isnull=False)
    for run in done:
        if not DeviceCheck.objects.for_clinic(clinic).waiting().filter(reconciliation=run).exists():
            Reconciliation.objects.for_clinic(clinic).filter(id=run.id).update(finished_at=Now())


def _settled(clinic: Clinic, rows: Sequence[Any]) -> list[ElementResult]:
    """One result per row; a row that cannot be stored costs no other, as with webhooks."""
    handle = partial(settle, clinic, received_at=database_now(), source="fetch")
    try:
        with transaction.atomic():
            return handle(rows)
    except Exception as error:
        return [ending.result for ending in one_by_one(handle, rows, error)]


def _is_news(clinic: Clinic, result: ElementResult, piece: bytes) -> bool:
    """Not waiting already, from the webhook or an earlier fetch, and not discarded by a person."""
    items = DeliveryItem.objects.for_clinic(clinic).filter(
        state__in=[ItemState.QUARANTINED, ItemState.PENDING, ItemState.DISCARDED]
    )
    if result.content:
        return not items.filter(content=result.content).exists()
    return not items.filter(hwi_device_id=result.hwi_device_id, raw=piece).exists()


def _was_rejected(clinic: Clinic, body: bytes) -> bool:
    """A row that is no object is kept as a whole, and nothing of it waits."""
    if body.startswith(b"{"):
        return False
    rejected = Delivery.objects.for_clinic(clinic).filter(state=DeliveryState.REJECTED, fetched=True)
    return rejected.filter(raw=body).exists()


def _as_body(piece: bytes) -> bytes:
    """An object stands for itself; anything else is an element only in a list."""
    return piece if piece.startswith(b"{") else b"[" + piece + b"]"


def _iso(moment: datetime.datetime) -> str:
    return moment.astimezone(datetime.UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")
