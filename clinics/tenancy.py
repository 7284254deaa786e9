"""Every row of a tenant model belongs to one clinic, and no query may forget which.

`Model.objects.for_clinic(clinic)` is the way in. Running a query that never named its clinic
raises `UnscopedQuery`; code that must read across clinics (sweepers, the operator's pages)
says so with `across_clinics()`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar, NoReturn, Self, TypeVar

from django.db import models
from django.db.models import sql

if TYPE_CHECKING:
    from clinics.models import Clinic

M = TypeVar("M", bound=models.Model, covariant=True)


class UnscopedQuery(RuntimeError):
    """A query on a tenant model was about to run without naming a clinic."""


class TenantQuery(sql.Query):
    """What a `TenantQuerySet` runs. No SQL comes out of it, on its own or inside another query,
    until its queryset has named a clinic; queries that Django makes of it are as good as it."""

    scoped = True

    def require_scope(self) -> None:
        if not (self.scoped or self.is_empty()):
            name = self.model.__name__ if self.model else "?"
            raise UnscopedQuery(
                f"{name}: say for_clinic(clinic), or across_clinics() if you mean all of them."
            )

    def get_compiler(self, *args: Any, **kwargs: Any) -> Any:
        self.require_scope()
        return super().get_compiler(*args, **kwargs)

    def chain(self, klass: Any = None) -> Any:
        if klass is not None:  # an UPDATE is about to leave this class
            self.require_scope()
        return super().chain(klass)


class TenantQuerySet(models.QuerySet[M]):
    """A queryset that refuses to touch the database until it knows its clinic."""

    def __init__(self, model: Any = None, query: Any = None, *args: Any, **kwargs: Any) -> None:
        if query is None and model is not None:
            query = TenantQuery(model)
            query.scoped = False
        super().__init__(model, query, *args, **kwargs)

    def for_clinic(self, clinic: Clinic) -> Self:
        return self.filter(clinic=clinic)._mark_scoped()

    def across_clinics(self) -> Self:
        """All clinics, on purpose."""
        return self.all()._mark_scoped()

    def locked(self) -> Self:
        """To be changed by this transaction alone until it ends. Others may still refer to the rows: else
        who changes many and who refers to many would wait for each other in a circle."""
        return self.select_for_update(of=("self",), no_key=True)

    def _mark_scoped(self) -> Self:
        self.query.scoped = True  # type: ignore[attr-defined]
        return self

    def _require_scope(self, *others: Any) -> None:
        for queryset in (self, *others):
            queryset.query.require_scope()

    # Ways past `TenantQuery`: other kinds of statement, and one query merged into another.

    def delete(self) -> tuple[int, dict[str, int]]:
        self._require_scope()
        return super().delete()

    def raw(self, *args: Any, **kwargs: Any) -> NoReturn:
        raise UnscopedQuery("Raw SQL names its clinic itself: use a cursor.")

    def __and__(self, other: Any) -> Self:
        self._require_scope(other)
        return super().__and__(other)

    def __or__(self, other: Any) -> Self:
        self._require_scope(other)
        return super().__or__(other)

    def __xor__(self, other: Any) -> Self:
        self._require_scope(other)
        return super().__xor__(other)


class TenantModel(models.Model):
    """A row that belongs to one clinic. Reverse accessors are off: they would bypass the scope."""

    clinic = models.ForeignKey("clinics.Clinic", on_delete=models.PROTECT, related_name="+")

    objects: ClassVar[TenantQuerySet[Self]] = TenantQuerySet.as_manager()  # type: ignore[assignment]

    class Meta:
        abstract = True
