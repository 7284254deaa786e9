"""What can be said of showing a metric: the fields of an entry in `measurements.shown.metrics`."""

from __future__ import annotations

from dataclasses import dataclass, field

LAST = 1000
VALUES = "{count:reading}, {range}; latest {latest} on {when}."
NOT_VITAL = "not a vital metric by the vendor’s rule"


@dataclass(frozen=True, eq=False)
class Chart:
    """A chart; metrics with the same one share it, and the first of them that a patient has leads.

    Without a `title` it is the label of the leading metric. `size` is the height ("tall", "low" or "") while
    the first metric of all leads.
    """

    title: str = ""
    size: str = ""


@dataclass(frozen=True)
class Look:
    """How a chart draws the readings of a metric: what scripts get.

    `shape` names a painter of `chart-paint.js`, `colour` a token of `tokens.css`. The value axis starts at 0
    with `zero` and ends at `most`; `rows` name its rows in place of a scale. A line joins readings up to `joins`
    days apart; longer gaps stay open. `covers` is how long a value lasts from its time on: the "hour" that a
    watch sums up, the local "day" of a night's sleep. `on` is the metric whose points it is drawn around.
    """

    shape: str = "dots"
    colour: str = "chart-glucose"
    zero: bool = False
    most: float | None = None
    rows: tuple[str, ...] = ()
    joins: int = 2
    covers: str = ""
    on: str = ""


@dataclass(frozen=True)
class Daily:
    """The one number that stands for a date in a sparkline.

    `takes` is "last", "mean", "sum" or "count" of its readings; `words` say what the number then is. `bars` stand
    on 0; without them it is a line, or bars between both values of a pair.
    """

    takes: str = "last"
    words: str = ""
    bars: bool = False


@dataclass(frozen=True)
class MetricDisplay:
    """How one metric is shown. The defaults are those of a plain number."""

    name: str

    # Values.
    second: str = ""  # how a second value reads beside the first, where the device sends one
    happened: str = "yes"  # what a row says whose value is always 1
    compartment: str = ""  # of a pillbox: the values are weekday and half of the day, and this happened to it
    has_own_day: bool = False  # a compartment belongs to one weekday: another one is remarked

    # Chart.
    chart: Chart | None = None  # None: in the table only
    look: Look = field(default_factory=Look)
    least_span: float = 1  # of the value axis, in the metric's unit: a flat week must not look like a storm
    layer: str | None = None  # name beside others on its chart; None is the label in lower case
    adds_to_title: str = ""  # where another metric leads its chart
    key: tuple[tuple[str, str], ...] = ()  # shapes of `img/marks.svg` and what they mean
    sentence: str = VALUES  # summary of a chart; the places are those of `dashboard.patients.chart_summaries`
    is_silent_beside: bool = False  # no sentence where another metric leads its chart
    compares_week: bool = False  # the sentence names the change over 7 days

    # Lists.
    rank: int = LAST  # place among latest values, choices of the table and limits: smaller comes first
    is_latest: bool = True  # has a place among the latest values
    latest_label: str = ""  # its name there; "" is the label
    daily: Daily | None = Daily()  # None: never the sparkline of a patient
    limits: str = ""  # how its sentence about limits begins; "" may have none
    row_of: str = ""  # the metric of the same use whose row of a table it stands in
    is_beside_device: bool = False  # shown with the device: on no chart and in no table

    # Days.
    not_vital: str = NOT_VITAL  # why it counts for nothing, where the vendor says that it does not
    only: str = ""  # why a date does not count that holds nothing else
