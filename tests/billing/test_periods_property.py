"""Periods never overlap and never move, whatever readings come and whatever programs begin and end."""

from __future__ import annotations

import datetime
import itertools
from collections import defaultdict
from collections.abc import Sequence
from importlib import import_module

import pytest
from django.db import connection, transaction
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from billing.anchors import write_due_anchors
from clinics.models import Clinic
from measurements.models import VitalDay
from patients.models import Enrollment, Patient, PeriodAnchor
from patients.periods import (
    LENGTH,
    Adopted,
    Anchor,
    Change,
    Episode,
    Span,
    at_entry,
    due,
    periods_ending_in,
)
from tests.factories import make_clinic, make_patient

START = datetime.date(2026, 1, 1)
DAY = datetime.timedelta(days=1)
HORIZON = 200
dates = st.integers(0, HORIZON).map(lambda number: START + number * DAY)


def twin(anchors: Sequence[datetime.date], first: datetime.date, last: datetime.date) -> dict[Span, int]:
    """The periods that end in a span, found by walking from day to day; with their lengths."""
    periods: dict[datetime.date, list[datetime.date]] = defaultdict(list)
    starts: dict[datetime.date, datetime.date] = {}
    start, date = None, min(anchors, default=last)
    while date <= last + LENGTH * DAY:
        if date in anchors or (start and (date - start).days == LENGTH):
            start = date
        if start:
            starts[date] = start
            periods[start].append(date)
        date += DAY
    whole = {Span(days[0], days[-1]): len(days) for days in periods.values()}
    return {span: length for span, length in whole.items() if first <= span.last <= last}


@settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(anchors=st.sets(dates, max_size=4), first=dates, length=st.integers(0, 62))
def test_the_periods_of_a_span_are_those_of_a_walk_from_day_to_day(
    anchors: set[datetime.date], first: datetime.date, length: int
) -> None:
    last = first + length * DAY
    periods = list(periods_ending_in(Span(first, last), sorted(anchors)))
    assert periods == sorted(twin(sorted(anchors), first, last))
    for earlier, later in itertools.pairwise(periods):
        assert earlier.last < later.first


class History:
    """One patient and program, from day to day, by the rules alone. Everything is written at once."""

    def __init__(self) -> None:
        self.today = START
        self.anchors: list[Anchor] = []
        self.episodes: list[Episode] = []
        self.counted: set[datetime.date] = set()

    def apply(self, changes: list[Change]) -> None:
        for change in changes:
            if isinstance(change, Adopted):
                (place,) = (n for n, one in enumerate(self.anchors) if one.anchor_on == change.anchor_on)
                self.anchors[place] = self.anchors[place]._replace(enrollment=change.enrollment)
            else:
                self.anchors.append(change)
        self.anchors.sort(key=lambda anchor: anchor.anchor_on)

    def write(self) -> None:
        counted = [date for date in sorted(self.counted) if date <= self.today]
        self.apply(due(self.anchors, self.episodes, counted, self.today))
        assert due(self.anchors, self.episodes, counted, self.today) == []

    def enroll(self, ago: int) -> None:
        starts_on = self.today - ago * DAY
        if all(one.ends_on and one.ends_on < starts_on for one in self.episodes):
            self.episodes.append(Episode(len(self.episodes), starts_on, None))
            self.apply(at_entry(self.anchors, self.episodes, self.today))

    def end(self, ago: int) -> None:
        if self.episodes and self.episodes[-1].ends_on is None:
            ends_on = max(self.today - ago * DAY, self.episodes[-1].starts_on)
            self.episodes[-1] = self.episodes[-1]._replace(ends_on=ends_on)

    def measure(self, ago: int) -> None:
        self.counted.add(self.today - ago * DAY)

    def exclude(self, ago: int) -> None:
        self.counted.discard(self.today - ago * DAY)

    def periods(self) -> list[Span]:
        reach = Span(datetime.date(2020, 1, 1), self.today + LENGTH * DAY)
        return list(periods_ending_in(reach, [anchor.anchor_on for anchor in self.anchors]))

    def billable(self) -> set[Span]:
        """Return the periods that are over and hold a counted day: they may have been billed."""
        return {
            period
            for period in self.periods()
            if period.last < self.today and any(period.first <= date <= period.last for date in self.counted)
        }


steps = st.lists(
    st.tuples(
        st.sampled_from(["measure", "measure", "measure", "exclude", "enroll", "end"]),
        st.integers(0, 45),
        st.integers(0, 25),
    ),
    max_size=25,
)


@settings(max_examples=400, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(steps=steps)
def test_no_period_overlaps_another_or_moves_once_it_may_be_billed(steps: list[tuple[str, int, int]]) -> None:
    history = History()
    seen: set[Span] = set()
    anchored: set[datetime.date] = set()
    for what, ago, later in steps:
        history.today += later * DAY
        getattr(history, what)(ago)
        history.write()
        now = {anchor.anchor_on for anchor in history.anchors}
        assert anchored <= now
        anchored = now
        periods = history.periods()
        for earlier, following in itertools.pairwise(periods):
            assert earlier.last + DAY == following.first
        for period in periods:
            assert (period.last - period.first).days < LENGTH
        assert seen <= set(periods)
        seen |= history.billable()
        for date in history.counted:
            if anchored and min(anchored) <= date <= history.today:
                assert sum(period.first <= date <= period.last for period in periods) == 1


pytestmark = pytest.mark.django_db
Facts = tuple[list[datetime.date], list[tuple[datetime.date, int | None]], list[datetime.date], bool]
"""Counted days, enrolments with their lengths, an anchor there already, and whether it is nobody's."""
facts = st.lists(
    st.tuples(
        st.lists(dates, max_size=6),
        st.lists(st.tuples(dates, st.one_of(st.none(), st.integers(0, 60))), max_size=3),
        st.lists(dates, max_size=2),
        st.booleans(),
    ),
    max_size=4,
)


@pytest.fixture
def clinic() -> Clinic:
    return make_clinic()


def stored(clinic: Clinic, each: list[Patient]) -> list[list[Anchor]]:
    rows = PeriodAnchor.objects.for_clinic(clinic).order_by("anchor_on")
    periods: dict[object, list[Anchor]] = defaultdict(list)
    for row in rows:
        periods[row.patient_id].append(Anchor(row.enrollment_id, row.anchor_on, row.source))
    return [periods[patient.id] for patient in each]


def fill(
    clinic: Clinic, people: list[tuple[list[datetime.date], list[tuple[datetime.date, int | None]]]]
) -> list[Patient]:
    made = []
    for number, (counted, times) in enumerate(people):
        patient = make_patient(clinic, f"p{number}")
        VitalDay.objects.bulk_create(
            VitalDay(
                clinic=clinic,
                patient=patient,
                program="RPM",
                local_date=date,
                readings=date.day % 5,
                estimated_readings=0,
                vendor_readings=4,
            )
            for date in set(counted)
        )
        Enrollment.objects.bulk_create(
            Enrollment(
                clinic=clinic,
                patient=patient,
                program="RPM",
                starts_on=starts_on,
                ends_on=None if length is None else starts_on + length * DAY,
            )
            for starts_on, length in times
        )
        made.append(patient)
    return made


def days_and_times(patient: Patient) -> tuple[list[datetime.date], list[Episode]]:
    rows = VitalDay.objects.of_patient(patient).filter(readings__gt=0)
    times = Enrollment.objects.for_clinic(patient.clinic).filter(patient=patient)
    return (
        sorted(rows.values_list("local_date", flat=True)),
        [Episode(*each) for each in times.values_list("id", "starts_on", "ends_on")],
    )


@settings(
    max_examples=40,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(people=facts)
@example(people=[([], [(START, None), (START, None)], [START], False)])
def test_the_database_finds_everybody_whose_anchor_is_due(clinic: Clinic, people: list[Facts]) -> None:
    now = datetime.datetime.combine(START + 120 * DAY, datetime.time(18), datetime.UTC)
    with transaction.atomic():
        made = fill(clinic, [(each[0], each[1]) for each in people])
        for patient, (_, _, others, is_free) in zip(made, people, strict=True):
            newest = (
                Enrollment.objects.for_clinic(clinic).filter(patient=patient).order_by("starts_on").first()
            )
            PeriodAnchor.objects.bulk_create(
                PeriodAnchor(
                    clinic=clinic,
                    patient=patient,
                    program="RPM",
                    source="migrated",
                    anchor_on=date,
                    enrollment=None if is_free else newest,
                )
                for date in others[:1]
            )
        before = stored(clinic, made)
        expected = []
        for patient, known in zip(made, before, strict=True):
            counted, times = days_and_times(patient)
            history = History()
            history.anchors, history.today = list(known), patient.today(now)
            history.apply(
                due(known, times, [date for date in counted if date <= history.today], history.today)
            )
            expected.append(history.anchors)
        write_due_anchors(clinic, now)
        assert stored(clinic, made) == expected
        assert write_due_anchors(clinic, now) == 0
        transaction.set_rollback(True)


def as_cut_so_far(counted: list[datetime.date], times: list[Episode]) -> datetime.date | None:
    """The rule of the exports before anchors were stored."""
    start = min((episode.starts_on for episode in times), default=datetime.date.min)
    return min((date for date in counted if date >= start), default=None)


@settings(
    max_examples=40,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(people=facts)
def test_the_migration_keeps_the_dates_of_earlier_exports(clinic: Clinic, people: list[Facts]) -> None:
    write = import_module("billing.migrations.0001_anchors_of_earlier_exports").WRITE
    with transaction.atomic():
        made = fill(clinic, [(each[0], each[1]) for each in people])
        with connection.cursor() as cursor:
            cursor.execute(write)
        periods = stored(clinic, made)
        for patient, anchors in zip(made, periods, strict=True):
            counted, times = days_and_times(patient)
            anchor_on = as_cut_so_far(counted, times)
            newest = max(times, key=lambda one: (one.starts_on, one.id), default=None)
            own = [Anchor(newest and newest.id, anchor_on, "migrated")] if anchor_on else []
            assert anchors == own
        if all(periods):
            assert write_due_anchors(clinic, datetime.datetime(2026, 9, 1, tzinfo=datetime.UTC)) == 0
        transaction.set_rollback(True)
