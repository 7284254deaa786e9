"""Whose reading it is, for any history of a device: the same as a plain reading of the rules."""

from __future__ import annotations

import datetime
import itertools
import uuid
from dataclasses import dataclass

from hypothesis import given, settings
from hypothesis import strategies as st

from devices.queries import AssignmentPeriod, RegisteredDevice
from measurements.interpretation import owner_of
from tenovi.inbound.element import Untrusted

START = datetime.datetime(2026, 1, 1, tzinfo=datetime.UTC)
PEOPLE = ("ada", "bo", "cy")
WRONG, NOBODY = "wrong patient", "nobody"


@dataclass(frozen=True)
class Period:
    """Hours from `START`; `told`: when the vendor learned of it, None while it has not."""

    patient: str | None
    starts: int
    ends: int | None
    agreed: bool
    formerly: str
    told: int | None


def at(hour: int | None) -> datetime.datetime | None:
    return None if hour is None else START + datetime.timedelta(hours=hour)


@st.composite
def histories(draw: st.DrawFn) -> list[Period]:
    """Who had a device, one after another, with gaps, and with times in which nobody did."""
    cuts = sorted(draw(st.sets(st.integers(0, 30), min_size=2, max_size=7)))
    periods: list[Period] = []
    for start, end in itertools.pairwise(cuts):
        if draw(st.booleans()) or not periods:
            patient = draw(st.sampled_from((*PEOPLE, None)))
            before = periods[-1].patient if periods else None
            formerly = draw(st.sampled_from(("", before or ""))) if before != patient and patient else ""
            told = draw(st.none() | st.integers(start, 34)) if formerly else None
            periods.append(Period(patient, start, end, draw(st.booleans()), formerly, told))
    last = periods[-1]
    if draw(st.booleans()):
        periods[-1] = Period(last.patient, last.starts, None, last.agreed, last.formerly, last.told)
    return periods


def twin(history: list[Period], taken: int, named: str, uploaded: int, received: int) -> str:
    """Whose reading it is, in plain words of the rules."""
    mine = [one for one in history if one.starts <= taken and (one.ends is None or taken < one.ends)]
    if not mine or mine[0].patient is None:
        return NOBODY
    (holder,) = mine
    assert holder.patient
    if named in ("", holder.patient):
        return holder.patient
    if named == holder.formerly and (holder.told is None or taken < holder.told):
        return holder.patient
    for hour in range(uploaded, received + 1):  # some moment at which the vendor may have written the name
        for place, later in enumerate(history):
            if later.patient != named or later.starts <= taken or not later.agreed or later.starts > hour:
                continue
            until = later.ends
            after = history[place + 1] if place + 1 < len(history) else None
            if until is not None and after and after.formerly == named:
                until = after.told
            if until is None or hour < until:
                return holder.patient
    return WRONG


@settings(max_examples=400, deadline=None)
@given(
    histories(),
    st.integers(0, 34),
    st.sampled_from((*PEOPLE, "", "ADA", "dee")),
    st.integers(0, 6),
    st.integers(0, 6),
)
def test_the_owner_of_a_reading_follows_from_the_rules(
    history: list[Period], taken: int, named: str, upload: int, delivery: int
) -> None:
    ids = {name: uuid.uuid5(uuid.NAMESPACE_URL, name) for name in PEOPLE}
    holdings = tuple(
        AssignmentPeriod(
            patient_id=ids[one.patient] if one.patient else None,
            external_id=one.patient or "",
            timezone="",
            starts_at=at(one.starts) or START,
            ends_at=at(one.ends),
            reaches_back=False,
            misnamed_as=one.formerly,
            misnamed_until=at(one.told),
            agreed_at=START if one.agreed else None,
        )
        for one in history
    )
    device = RegisteredDevice(uuid.UUID(int=1), "", "", "America/New_York", holdings)
    uploaded, received = taken + upload, taken + upload + delivery
    try:
        found = owner_of(
            device,
            named,
            taken_at=at(taken) or START,
            uploaded_at=at(uploaded),
            received_at=at(received) or START,
        )
        owner = found.external_id if found else NOBODY
    except Untrusted as doubt:
        assert doubt.reason == "wrong_patient"
        owner = WRONG
    assert owner == twin(history, taken, named.lower(), uploaded, received)
