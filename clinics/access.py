"""What each role may do, and the only way a view obtains a clinic.

The table is deny by default: a permission that a role does not list is refused. An operator has
no membership; the permissions below marked for operators open for them in any clinic.
"""

from __future__ import annotations

import datetime
import enum
import functools
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Concatenate, ParamSpec

from django.conf import settings
from django.contrib.auth.decorators import login_required
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.utils import translation

from clinics import audit
from clinics.models import Clinic, Membership, Role, User
from clinics.signing_in.second_factor import has_second_factor

P = ParamSpec("P")


class Permission(enum.Enum):
    VIEW_PATIENTS = "see patients, charts and readings"
    EDIT_PATIENTS = "add patients and change their records"
    EXCLUDE_READINGS = "set thresholds, exclude and restore readings"
    MANAGE_DEVICES = "order, replace, unlink, discharge"
    MANAGE_CLINIC = "users, keys, webhook secrets, clinic settings"
    VIEW_VITAL_DAYS = "see vital days and periods"
    CLOSE_PERIODS = "export and close periods"
    VIEW_DELIVERIES = "deliveries, raw payloads, quarantine, queue, reconcile"


ROLE_PERMISSIONS: dict[str, frozenset[Permission]] = {
    Role.CARE_MANAGER: frozenset(
        {
            Permission.VIEW_PATIENTS,
            Permission.EDIT_PATIENTS,
            Permission.EXCLUDE_READINGS,
            Permission.VIEW_VITAL_DAYS,
        }
    ),
    Role.CLINIC_ADMIN: frozenset(Permission) - {Permission.CLOSE_PERIODS},
    Role.BILLING: frozenset({Permission.VIEW_VITAL_DAYS, Permission.CLOSE_PERIODS}),
}
OPERATOR_PERMISSIONS = frozenset({Permission.MANAGE_CLINIC, Permission.VIEW_DELIVERIES})


@dataclass(frozen=True)
class ClinicAccess:
    """One person in one clinic: what every view below `/c/<clinic>/` works with."""

    clinic: Clinic
    user: User
    role: str  # a Role, or "operator"
    role_since: datetime.datetime | None = None

    def may(self, permission: Permission) -> bool:
        if self.role == "operator":
            return permission in OPERATOR_PERMISSIONS
        return permission in ROLE_PERMISSIONS[self.role]

    # For templates, which cannot pass arguments.
    @property
    def may_view_patients(self) -> bool:
        return self.may(Permission.VIEW_PATIENTS)

    @property
    def may_edit_patients(self) -> bool:
        return self.may(Permission.EDIT_PATIENTS)

    @property
    def may_exclude_readings(self) -> bool:
        return self.may(Permission.EXCLUDE_READINGS)

    @property
    def may_manage_devices(self) -> bool:
        return self.may(Permission.MANAGE_DEVICES)

    @property
    def may_view_vital_days(self) -> bool:
        return self.may(Permission.VIEW_VITAL_DAYS)

    @property
    def may_export(self) -> bool:
        return self.may(Permission.CLOSE_PERIODS)

    @property
    def may_manage_clinic(self) -> bool:
        return self.may(Permission.MANAGE_CLINIC)

    @property
    def may_view_deliveries(self) -> bool:
        return self.may(Permission.VIEW_DELIVERIES)


def lacks_second_factor(access: ClinicAccess) -> bool:
    """Whether this person must set up a second factor before anything of the clinic opens: operators
    and clinic admins, and everybody where the clinic asks for it."""
    asked = access.role in ("operator", Role.CLINIC_ADMIN) or access.clinic.second_factor_required
    return asked and not settings.DEMO and not has_second_factor(access.user)


def access_for(user: User, slug: str) -> ClinicAccess:
    """Return this person's access to the clinic of this slug; raise 404 when it is not theirs to see."""
    membership = Membership.objects.select_related("clinic").filter(user=user, clinic__slug=slug).first()
    if membership:
        return ClinicAccess(membership.clinic, user, membership.role, membership.role_since)
    if user.is_operator:
        clinic = Clinic.objects.filter(slug=slug).first()
        if clinic:
            return ClinicAccess(clinic, user, "operator")
    audit.record("access_denied", by=user, detail={"clinic": slug[:60]})
    raise Http404


def _record_look(request: HttpRequest, access: ClinicAccess, ids: dict[str, Any]) -> None:
    """Record that somebody saw this page: of one thing, named by the first id in its address, or a
    list. A list says what was asked of it, because that decides whom it showed."""
    detail = {"page": route_of(request)}
    named = next((name for name in ids if name.endswith("_id")), "")
    kind, key = named.removesuffix("_id"), str(ids.get(named, ""))
    if not key and (query := request.GET.urlencode()):
        detail["query"] = query[:200]
    action = f"{kind or 'list'}_viewed"
    audit.record_view(action, by=access.user, clinic=access.clinic, kind=kind, key=key, detail=detail)


View = Callable[Concatenate[HttpRequest, ClinicAccess, P], HttpResponse]


def route_of(request: HttpRequest) -> str:
    """The name of the route, as the record tells it."""
    return (request.resolver_match and request.resolver_match.url_name) or ""


def clinic_page(
    permission: Permission, *, shows_patients: bool = True
) -> Callable[[View[P]], Callable[..., HttpResponse]]:
    """Sign-in, clinic and right, checked before the view runs; the view gets a `ClinicAccess`.

    The answer is never stored by a browser or proxy: it shows patients. Who looked at it is recorded
    after the view, unless the view did so itself; `shows_patients=False` for pages that name none.
    The view runs in the clinic's locale, and is done with words when it returns: answers that stream are files.
    """

    def decorate(view: View[P]) -> Callable[..., HttpResponse]:
        @login_required
        @functools.wraps(view)
        def checked(request: HttpRequest, clinic: str, *args: Any, **kwargs: Any) -> HttpResponse:
            assert isinstance(request.user, User)
            access = access_for(request.user, clinic)
            if not access.may(permission):
                detail = {"route": route_of(request)}
                audit.record("access_denied", by=access.user, clinic=access.clinic, detail=detail)
                raise PermissionDenied
            if lacks_second_factor(access):
                return redirect("second-factor")
            request.access = access  # type: ignore[attr-defined]  # base.html shows what this person may open
            with translation.override(access.clinic.locale):
                response = view(request, access, *args, **kwargs)
            response["Cache-Control"] = "no-store"
            if shows_patients and response.status_code == 200 and not audit.has_looked():
                _record_look(request, access, kwargs)
            return response

        checked.required_permission = permission  # type: ignore[attr-defined]  # read by the route test
        return checked

    return decorate
