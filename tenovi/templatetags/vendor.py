"""What pages of other rooms show of the vendor's."""

from __future__ import annotations

from django import template

from clinics.access import Visit
from tenovi.operations import lasting, problem

register = template.Library()
register.filter("lasting", lasting)


@register.simple_tag
def vendor_problem(visit: Visit | None) -> str:
    """Why nothing is sent to Tenovi, for who can mend it; "" for everybody else and while all is well."""
    return problem(visit.clinic) if visit and visit.may_view_deliveries else ""
