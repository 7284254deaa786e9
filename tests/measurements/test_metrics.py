"""Every metric of the catalogue has one entry that says how it is shown."""

from __future__ import annotations

import re
from collections import Counter
from string import Formatter

from django.conf import settings

from measurements.shown import metrics
from measurements.shown.display import LAST
from measurements.shown.metrics import METRICS, charts_in_order
from tenovi import catalogue

NAMES = [metric.name for kind in catalogue.kinds() for metric in kind.metrics.values()]
ENTRIES = METRICS.values()


def test_every_metric_of_the_catalogue_has_one_entry_and_nothing_else_has() -> None:
    entries = Counter(entry.name for entry in metrics._ENTRIES)
    assert entries == Counter(set(NAMES))


def test_an_entry_names_only_metrics_that_have_one() -> None:
    named = {name for entry in ENTRIES for name in (entry.row_of, entry.look.on) if name}
    assert named <= METRICS.keys()


def test_no_two_metrics_have_the_same_place_in_lists() -> None:
    ranks = Counter(entry.rank for entry in ENTRIES)
    assert [rank for rank, often in ranks.items() if often > 1] == [LAST]


def test_a_chart_stands_where_the_first_of_its_metrics_does() -> None:
    drawn = [entry.name for entry in ENTRIES if entry.chart]
    assert [name for names in charts_in_order() for name in names] == drawn


def test_every_colour_of_a_chart_is_a_token() -> None:
    tokens = (settings.BASE_DIR / "static/css/tokens.css").read_text()
    assert {entry.look.colour for entry in ENTRIES} <= set(re.findall(r"--([\w-]+):", tokens))


def test_every_shape_of_a_chart_has_a_painter() -> None:
    scripts = "".join(path.read_text() for path in (settings.BASE_DIR / "static/js").glob("chart-*.js"))
    painters = set(re.findall(r"^function (\w+)\(pen, points\)", scripts, re.MULTILINE))
    assert {entry.look.shape for entry in ENTRIES} <= painters


def test_a_sentence_has_only_places_that_are_filled() -> None:
    places = {place for entry in ENTRIES for _, place, _, _ in Formatter().parse(entry.sentence) if place}
    assert places == {"count", "days", "ones", "total", "range", "latest", "when", "strays"}


def test_what_may_have_limits_is_a_measurement() -> None:
    shapes = {catalogue.meaning(entry.name, "").shape for entry in ENTRIES if entry.limits}
    assert shapes == {"measurement"}
