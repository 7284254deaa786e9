"""Tell what is known of a hardware id that no device here has or once had.

That is an entry of Tenovi's log, how far the search of that log is, or a button that begins one.
"""

from __future__ import annotations

import datetime
from dataclasses import dataclass

from django.db.models import F
from django.urls import reverse

from clinics.models import Clinic
from devices.hardware import hardware_id_in
from devices.hardware_log import LogProgress, progress_of_search
from devices.models import Gateway, HardwareChange

MOST_SHOWN = 20


@dataclass(frozen=True)
class HardwareSearch:
    """`read_at` is when Tenovi answered, None where it was not asked. `entries` of Tenovi's log, newest first,
    are of devices that are not known here. `button` asks, "" while Tenovi is being asked or needs no asking.
    `gateway_url` is the page of the gateway of this id, "" without one."""

    hardware_id: str
    title: str
    words: str
    icon: str
    button: str
    is_under_way: bool
    read_at: datetime.datetime | None
    entries: list[HardwareChange]
    gateway_url: str


def hardware_search(clinic: Clinic, text: str) -> HardwareSearch | None:
    """Return what is known of the hardware id that a search without a result was for; None for other texts."""
    hardware_id = hardware_id_in(text)
    if not hardware_id:
        return None
    log = HardwareChange.objects.for_clinic(clinic).of_hardware(hardware_id)
    entries = list(log.order_by(F("changed_at").desc(nulls_last=True), "-id")[:MOST_SHOWN])
    progress = progress_of_search(clinic, hardware_id)
    title, words, icon, button = _words(hardware_id, entries, progress)
    gateway = Gateway.objects.for_clinic(clinic).filter(gateway_id=hardware_id).first()
    return HardwareSearch(
        hardware_id=hardware_id,
        title=title,
        words=words,
        icon=icon,
        button=button,
        is_under_way=progress.is_under_way,
        read_at=progress.read_at,
        entries=entries,
        gateway_url=reverse("gateway", args=[clinic.slug, gateway.id]) if gateway else "",
    )


def _words(
    hardware_id: str, entries: list[HardwareChange], progress: LogProgress
) -> tuple[str, str, str, str]:
    """Return title, sentence, icon, and the words of the button, "" for none."""
    if progress.is_under_way:
        how_long = progress.reason or "That takes a few seconds; you may leave this page."
        words = f"Tenovi’s log of hardware is searched for {hardware_id}. {how_long}"
        return "Searching at Tenovi", words, "hourglass", ""
    if progress.has_failed:
        words = f"Whether Tenovi knows {hardware_id} could not be found out. {progress.reason}"
        return "Tenovi’s log could not be searched", words, "alert-triangle", "Search again"
    if entries:
        several = len({entry.hwi_device_id for entry in entries}) > 1
        which = "devices that are" if several else "a device that is"
        words = (
            f"Tenovi’s log names {hardware_id} for {which} not known here. What Tenovi still has comes with the next "
            "synchronisation, each night."
        )
        return "Known at Tenovi, not here", words, "search", ""
    if progress.read_at:
        words = f"Neither a device here nor Tenovi’s log ever had {hardware_id}. Compare it with the label, digit by digit."
        return "Tenovi knows no such id", words, "search", "Search again"
    words = f"No device here has or once had {hardware_id}. Tenovi keeps a log of every hardware id a device ever had."
    return "No device found", words, "search", "Search at Tenovi"
