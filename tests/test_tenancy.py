"""No query on a clinic's rows may forget whose they are, in whatever way it is run."""

from __future__ import annotations

import uuid
from collections.abc import Callable
from typing import Any

import pytest
from django.apps import apps
from django.db import connection, transaction
from django.db.models import Count, Exists, F, OuterRef, Prefetch, Subquery
from django.db.utils import ProgrammingError

from clinics import audit
from clinics.models import AuditEvent, Clinic
from clinics.tenancy import TenantModel, TenantQuerySet, UnscopedQuery
from devices.models import Assignment, Device
from patients.models import Patient
from tenovi.models import Delivery
from tests.database import NEVER_EMPTIED
from tests.factories import deliver, element, held_device, make_clinic, make_patient

TENANT_MODELS = [model for model in apps.get_models() if issubclass(model, TenantModel)]

pytestmark = pytest.mark.django_db


NOBODY = uuid.UUID(int=0)


def unscoped() -> Any:
    return Patient.objects.filter(name="")


WAYS_TO_RUN: dict[str, Callable[[Any], Any]] = {
    "iteration": list,
    "len": len,
    "truth": bool,
    "membership": lambda found: found.contains(Patient(id=NOBODY)),
    "index": lambda found: found[0],
    "slice": lambda found: list(found[:2]),
    "repr": lambda found: repr(found),
    "count": lambda found: found.count(),
    "exists": lambda found: found.exists(),
    "aggregate": lambda found: found.aggregate(n=Count("id")),
    "annotated count": lambda found: found.annotate(n=Count("id")).count(),
    "distinct aggregate": lambda found: found.distinct().aggregate(n=Count("id")),
    "get": lambda found: found.get(),
    "first": lambda found: found.first(),
    "last": lambda found: found.last(),
    "latest": lambda found: found.latest("created_at"),
    "earliest": lambda found: found.earliest("created_at"),
    "in_bulk": lambda found: found.in_bulk([NOBODY]),
    "values": lambda found: list(found.values("id")),
    "values_list": lambda found: list(found.values_list("id", flat=True)),
    "dates": lambda found: list(found.dates("created_at", "day")),
    "iterator": lambda found: list(found.iterator()),
    "explain": lambda found: found.explain(),
    "lock": lambda found: list(found.select_for_update()),
    "update": lambda found: found.update(name="x"),
    "bulk_update": lambda found: found.bulk_update([Patient(id=NOBODY)], ["name"]),
    "delete": lambda found: found.delete(),
    "get_or_create": lambda found: found.get_or_create(external_id="mrn-7781"),
    "update_or_create": lambda found: found.update_or_create(external_id="mrn-7781"),
    "raw SQL": lambda found: list(found.raw("SELECT * FROM patients_patient")),
    "member of a list": lambda found: Device.objects.across_clinics().filter(id__in=found.values("id")).count(),
    "subquery": lambda found: list(Device.objects.across_clinics().annotate(p=Subquery(found.values("id")[:1]))),
    "exists clause": lambda found: Device.objects.across_clinics().filter(Exists(found)).count(),
    "outer reference": lambda found: list(
        Device.objects.across_clinics().annotate(p=Subquery(found.filter(id=OuterRef("id")).values("id")))
    ),
    "union": lambda found: list(Patient.objects.across_clinics().union(found)),
    "or": lambda found: list(Patient.objects.across_clinics() | found),
    "or, the other way round": lambda found: list(found | Patient.objects.across_clinics()),
    "and": lambda found: list(Patient.objects.across_clinics() & found),
    "either": lambda found: list(Patient.objects.across_clinics() ^ found),
    "or, cut": lambda found: list(Patient.objects.across_clinics()[:5] | found),
    "prefetch": lambda found: list(
        Assignment.objects.across_clinics().prefetch_related(Prefetch("patient", queryset=found))
    ),
}  # fmt: skip


@pytest.fixture
def clinic() -> Clinic:
    clinic = make_clinic("alpha")
    held_device(clinic)
    return clinic


@pytest.mark.parametrize("way", WAYS_TO_RUN)
def test_a_query_that_names_no_clinic_never_runs(clinic: Clinic, way: str) -> None:
    with transaction.atomic(), pytest.raises(UnscopedQuery):
        WAYS_TO_RUN[way](unscoped())


@pytest.mark.parametrize("way", sorted(WAYS_TO_RUN.keys() - {"raw SQL"}))
def test_the_same_query_runs_once_it_names_one(clinic: Clinic, way: str) -> None:
    """The refusals above must be about the clinic, not about a query that never worked."""
    WAYS_TO_RUN[way](Patient.objects.for_clinic(clinic))


def test_a_scope_is_kept_by_whatever_is_built_on_it(clinic: Clinic) -> None:
    make_patient(make_clinic("beta"), "other")
    patients = Patient.objects.for_clinic(clinic)
    assert {each.clinic for each in patients.exclude(name="x").order_by("name").all()} == {clinic}
    assert {each.clinic for each in patients.filter(name="x") | patients.filter(name="")} == {clinic}
    assert patients.filter(id__in=patients.values("id")).annotate(n=Count("id")).count() == 1
    assert patients.update(name=F("external_id")) == 1
    assert Patient.objects.across_clinics().count() == 2


def test_an_empty_query_needs_no_clinic() -> None:
    assert list(Patient.objects.none()) == []


def test_excluding_over_a_relation_keeps_the_scope(clinic: Clinic) -> None:
    deliver(clinic, element(Device.objects.for_clinic(clinic).get(), value_1="bad"))
    deliveries = Delivery.objects.for_clinic(clinic)
    assert not deliveries.exclude(items__state="quarantined").exists()
    assert deliveries.exclude(items__state="stored").count() == 1


def test_a_related_manager_is_no_way_around(clinic: Clinic) -> None:
    deliver(clinic, [element(Device.objects.for_clinic(clinic).get(), value_1="bad")])
    delivery = Delivery.objects.for_clinic(clinic).get()
    with pytest.raises(UnscopedQuery):
        list(delivery.items.all())
    assert [item.reason for item in delivery.items.for_clinic(clinic)] == ["value_unusable"]


@pytest.mark.parametrize("model", TENANT_MODELS, ids=lambda model: model._meta.label)
def test_every_tenant_model_has_a_clinic_and_only_scoped_managers(model: type[TenantModel]) -> None:
    clinic = model._meta.get_field("clinic")
    assert clinic.remote_field is not None
    assert clinic.remote_field.model is Clinic
    assert not clinic.null
    for manager in model._meta.managers:
        assert isinstance(manager.get_queryset(), TenantQuerySet), manager.name
    assert isinstance(model._default_manager.get_queryset(), TenantQuerySet)


def test_only_known_models_belong_to_no_clinic() -> None:
    """A new model must decide: rows about patients have a clinic."""
    ours = {"billing", "measurements", "fulfillment", "devices", "patients", "tenovi", "clinics", "dashboard"}
    shared = {
        model._meta.label
        for model in apps.get_models()
        if model._meta.app_label in ours and not issubclass(model, TenantModel)
    }
    assert shared == {
        "clinics.Clinic",
        "clinics.User",
        "clinics.ApiToken",
        "clinics.Invitation",
        "clinics.Membership",
        "clinics.WebhookSecret",
        "clinics.AuditEvent",
        "clinics.RecoveryCode",
        "clinics.SecondFactor",
        "clinics.Session",
        "tenovi.RefusalCount",
        "tenovi.Heartbeat",
        "tenovi.KeyTurn",
        "tenovi.ParkedKey",
    }


# The audit record.


@pytest.fixture
def event(clinic: Clinic) -> AuditEvent:
    return audit.record("access_denied", by=None, clinic=clinic)


@pytest.mark.parametrize(
    "change",
    [
        lambda event: AuditEvent.objects.filter(id=event.id).update(action="nothing"),
        lambda event: AuditEvent.objects.filter(id=event.id).delete(),
        lambda event: event.save(),
        lambda event: event.delete(),
        lambda event: connection.cursor().execute("UPDATE clinics_auditevent SET actor_label = 'nobody'"),
        lambda event: connection.cursor().execute("DELETE FROM clinics_auditevent"),
    ],
    ids=["update", "delete", "save", "delete one", "SQL update", "SQL delete"],
)
def test_the_audit_record_cannot_be_changed(event: AuditEvent, change: Callable[[AuditEvent], Any]) -> None:
    with pytest.raises(ProgrammingError, match="append-only"), transaction.atomic():
        change(event)
    assert AuditEvent.objects.get(id=event.id).action == "access_denied"


def test_the_audit_record_cannot_be_emptied(event: AuditEvent) -> None:
    with connection.cursor() as cursor:
        cursor.execute(f"ALTER TABLE clinics_auditevent ENABLE TRIGGER {NEVER_EMPTIED}")
        with pytest.raises(ProgrammingError, match="append-only"), transaction.atomic():
            cursor.execute("TRUNCATE clinics_auditevent CASCADE")
    assert AuditEvent.objects.filter(id=event.id).exists()
