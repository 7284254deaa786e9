"""What pages of other rooms show of the vendor's."""

from __future__ import annotations

from django import template

from clinics.access import ClinicAccess
from tenovi.pages.operations import Alarm, alarms, lasting

register = template.Library()
register.filter("lasting", lasting)


@register.simple_tag
def vendor_alarms(access: ClinicAccess | None) -> list[Alarm]:
    """For who can do something about them, on every page; none for everybody else."""
    return alarms(access.clinic) if access and access.may_view_deliveries else []
