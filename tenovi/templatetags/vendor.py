"""Show alarms about the vendor on pages of other rooms."""

from __future__ import annotations

from django import template

from clinics.access import ClinicAccess
from tenovi.pages.operations import Alarm, alarms, lasting

register = template.Library()
register.filter("lasting", lasting)


@register.simple_tag
def vendor_alarms(access: ClinicAccess | None) -> list[Alarm]:
    """Return the clinic's alarms for members who can act on them, none for others."""
    return alarms(access.clinic) if access and access.may_view_deliveries else []
