"""Cut the 30-day periods of one patient in one program, and find the anchors still to be written.

Pure functions. Anchors are ordered by date; each anchor's periods follow each other without a gap until the
day before the next anchor, where the last one is cut short. So periods never overlap, also when a program
ends and begins again.

A payer pays one supply code per 30 days, and moving the dates to fit the readings is an audit risk (see
docs/billing.md). Therefore readings never move an anchor, a program that begins again within the running
period goes on with its anchor, and a later one begins after the periods that are over.
"""

from __future__ import annotations

import datetime
import itertools
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import NamedTuple

LENGTH = 30
DAY = datetime.timedelta(days=1)


class Span(NamedTuple):
    """Local dates from `first` to `last`, both included."""

    first: datetime.date
    last: datetime.date


class Episode(NamedTuple):
    """An enrolment: its id and its dates. `ends_on` is None while it runs."""

    id: int
    starts_on: datetime.date
    ends_on: datetime.date | None


class Anchor(NamedTuple):
    """A stored anchor, or one to be stored. `enrollment` is the id of its enrolment, None for none."""

    enrollment: int | None
    anchor_on: datetime.date
    source: str


@dataclass(frozen=True)
class Adopted:
    """The anchor of this date now belongs to this enrolment, and keeps its date."""

    anchor_on: datetime.date
    enrollment: int


Change = Anchor | Adopted


def period_on(anchor_on: datetime.date, date: datetime.date) -> Span:
    """Return the period counted from `anchor_on` that holds `date`; the first one for earlier dates."""
    number = max((date - anchor_on).days // LENGTH, 0)
    first = anchor_on + number * LENGTH * DAY
    return Span(first, first + (LENGTH - 1) * DAY)


def periods_ending_in(span: Span, anchors: Sequence[datetime.date]) -> Iterator[Span]:
    """Yield the periods counted from these anchors whose last date lies in `span`, in order."""
    ordered = sorted(anchors)
    for anchor_on, following in itertools.zip_longest(ordered, ordered[1:]):
        if anchor_on > span.last:
            break
        period = period_on(anchor_on, span.first)
        while following is None or period.first < following:
            cut = period if following is None else Span(period.first, min(period.last, following - DAY))
            if cut.last > span.last:
                break
            if cut.last >= span.first:
                yield cut
            period = period_on(anchor_on, period.last + DAY)


def due(
    anchors: Sequence[Anchor],
    episodes: Sequence[Episode],
    counted: Sequence[datetime.date],
    today: datetime.date,
) -> list[Change]:
    """Return what is to be written for one patient and program, in order; nothing when all is there.

    `counted` are the dates that count, sorted, none after `today`, which is the patient's. The first anchor
    is the first counted day, of an enrolled patient the first one of the program. The first enrolment
    adopts the anchor of a patient who had none. For the next enrolment see `_following`.
    """
    changes: list[Change] = []
    known = sorted(anchors, key=lambda anchor: anchor.anchor_on)
    ordered = sorted(episodes, key=lambda episode: (episode.starts_on, episode.id))
    while change := _next(known, ordered, counted, today):
        changes.append(change)
        if isinstance(change, Anchor):
            known.append(change)
        else:
            known[-1] = known[-1]._replace(enrollment=change.enrollment)
    return changes


def at_entry(anchors: Sequence[Anchor], episodes: Sequence[Episode], today: datetime.date) -> list[Change]:
    """Return what a new enrolment, the last of `episodes`, changes at once, before any reading is looked at.

    One that is entered late begins where the periods that are over end: they may have been billed.
    """
    changes = due(anchors, episodes, (), today)
    newest = max(episodes, key=lambda episode: (episode.starts_on, episode.id))
    if not anchors or any(change.enrollment == newest.id for change in changes):
        return changes
    last = max(anchors, key=lambda anchor: anchor.anchor_on)
    running = period_on(last.anchor_on, today)
    if max(newest.starts_on, last.anchor_on) < running.first:
        changes.append(Anchor(newest.id, running.first, "set_up"))
    return changes


def _next(
    known: Sequence[Anchor],
    episodes: Sequence[Episode],
    counted: Sequence[datetime.date],
    today: datetime.date,
) -> Change | None:
    if not known:
        return _first(episodes, counted)
    last = known[-1]
    if last.enrollment is None:
        adopting = (one for one in episodes if one.ends_on is None or one.ends_on >= last.anchor_on)
        adopted = next(adopting, None)
        return Adopted(last.anchor_on, adopted.id) if adopted else None
    places = [place for place, one in enumerate(episodes) if one.id == last.enrollment]
    if not places or places[0] + 1 == len(episodes):
        return None
    before, episode = episodes[places[0]], episodes[places[0] + 1]
    return _following(last, before, episode, counted, today)


def _first(episodes: Sequence[Episode], counted: Sequence[datetime.date]) -> Anchor | None:
    start = episodes[0].starts_on if episodes else datetime.date.min
    first = next((date for date in counted if date >= start), None)
    if first is None:
        return None
    begun = [episode for episode in episodes if episode.starts_on <= first]
    return Anchor(begun[-1].id if begun else None, first, "first_reading")


def _following(
    last: Anchor,
    before: Episode,
    episode: Episode,
    counted: Sequence[datetime.date],
    today: datetime.date,
) -> Change | None:
    """Return what the next enrolment of the same program changes.

    Within the period in which the program ended, the same anchor goes on. Later, the first counted day of
    the new enrolment is its anchor; a period that is over and has earned days by then stays whole.
    """
    resumes_until = last.anchor_on - DAY
    if before.ends_on is None or before.ends_on >= last.anchor_on:
        resumes_until = period_on(last.anchor_on, before.ends_on or episode.starts_on).last
    if episode.starts_on <= resumes_until:
        return Adopted(last.anchor_on, episode.id)
    first = next((date for date in counted if date >= episode.starts_on and date > last.anchor_on), None)
    if first is None:
        return None
    period = period_on(last.anchor_on, first)
    if period.last < today and any(period.first <= date < first for date in counted):
        return Anchor(episode.id, period.last + DAY, "set_up")
    return Anchor(episode.id, first, "first_reading")
