"""Every row of a tenant model belongs to one clinic, and no query may forget which.

`Model.objects.for_clinic(clinic)` is the way in. Running a query that never named its clinic
raises `UnscopedQuery`; code that must read across clinics (sweepers, the operator's pages)
says so with `across_clinics()`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar, Self, TypeVar

from django.db import models

if TYPE_CHECKING:
    from clinics.models import Clinic

M = TypeVar("M", bound=models.Model, covariant=True)


class UnscopedQuery(RuntimeError):
    """A query on a tenant model was about to run without naming a clinic."""


class TenantQuerySet(models.QuerySet[M]):
    """A queryset that refuses to touch the database until it knows its clinic."""

    _scoped = False

    def for_clinic(self, clinic: Clinic) -> Self:
        return self.filter(clinic=clinic)._mark_scoped()

    def across_clinics(self) -> Self:
        """All clinics, on purpose."""
        return self.all()._mark_scoped()

    def _mark_scoped(self) -> Self:
        self._scoped = True
        return self

    def _clone(self) -> Self:
        clone: Self = super()._clone()  # type: ignore[misc]
        clone._scoped = self._scoped
        return clone

    def _require_scope(self) -> None:
        if not self._scoped:
            raise UnscopedQuery(
                f"{self.model.__name__}: say for_clinic(clinic), or across_clinics() if you mean all of them."
            )

    # Everything that reaches the database, or puts this query inside another one, asks first.

    def _fetch_all(self) -> None:
        if self._result_cache is None:
            self._require_scope()
        super()._fetch_all()

    def resolve_expression(self, *args: Any, **kwargs: Any) -> Any:
        self._require_scope()
        return super().resolve_expression(*args, **kwargs)

    def iterator(self, *args: Any, **kwargs: Any) -> Any:
        self._require_scope()
        return super().iterator(*args, **kwargs)

    def count(self) -> int:
        self._require_scope()
        return super().count()

    def exists(self) -> bool:
        self._require_scope()
        return super().exists()

    def aggregate(self, *args: Any, **kwargs: Any) -> dict[str, Any]:
        self._require_scope()
        return super().aggregate(*args, **kwargs)

    def update(self, **kwargs: Any) -> int:
        self._require_scope()
        return super().update(**kwargs)

    def delete(self) -> tuple[int, dict[str, int]]:
        self._require_scope()
        return super().delete()


class TenantModel(models.Model):
    """A row that belongs to one clinic. Reverse accessors are off: they would bypass the scope."""

    clinic = models.ForeignKey("clinics.Clinic", on_delete=models.PROTECT, related_name="+")

    objects: ClassVar[TenantQuerySet[Self]] = TenantQuerySet.as_manager()  # type: ignore[assignment]

    class Meta:
        abstract = True
