"""Templates, styles and scripts keep the page strict and light; icons exist."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from billing.templatetags import pace
from clinics.templatetags import clinics
from common.templatetags import common
from devices.templatetags import gateways
from measurements.shown.flags import MARKS
from measurements.shown.metrics import METRICS
from measurements.templatetags import readings

ROOT = Path(__file__).resolve().parent.parent
TEMPLATES = sorted((ROOT / "templates").rglob("*.html"))
OURS = sorted(path for path in (ROOT / "static").rglob("*") if path.is_file())
NAMES = [str(path.relative_to(ROOT)) for path in TEMPLATES]


@pytest.mark.parametrize("path", TEMPLATES, ids=NAMES)
def test_a_template_holds_nothing_the_content_policy_refuses(path: Path) -> None:
    text = path.read_text()
    assert not re.search(r"<style|\sstyle=|\son[a-z]+=|javascript:", text)
    assert all("src=" in tag for tag in re.findall(r"<script[^>]*>", text))


@pytest.mark.parametrize("path", TEMPLATES, ids=NAMES)
def test_a_template_names_only_files_that_exist(path: Path) -> None:
    named = re.findall(r"{% static '([^']+)' %}", path.read_text())
    assert [
        name for name in named if not name.startswith("vendor/") and not (ROOT / "static" / name).is_file()
    ] == []


def test_the_list_of_icons_is_exactly_what_pages_use() -> None:
    sources = "".join(path.read_text() for path in TEMPLATES)
    used = set(re.findall(r'{% icon "([\w-]+)"|\bicon="([\w-]+)"', sources))
    tags = "".join(Path(str(module.__file__)).read_text() for module in (common, clinics, pace, readings))
    in_tags = set(re.findall(r'icon\("([\w-]+)"\)|\bicon\("([\w-]+)" if \w+ else "([\w-]+)"\)', tags))
    names = {name for group in used | in_tags for name in group if name}
    maps = (pace.LEVEL_ICONS, readings.DAY_ICONS, common.STATE_ICONS, gateways.SIGNAL_ICONS)
    names |= {name for each in maps for name in each.values()}
    names |= {
        entry_icon for *_, entry_icon in re.findall(r'\(access\.(\w+), "(\w+)", "(\w+)", "([\w-]+)"\)', tags)
    }
    assert sorted(names) == (ROOT / "static" / "icons.txt").read_text().split()


def test_marks_and_chart_keys_have_a_shape() -> None:
    shapes = set(re.findall(r'id="(\w+)"', (ROOT / "static/img/marks.svg").read_text()))
    keys = {shape for entry in METRICS.values() for shape, _ in entry.key}
    assert {*MARKS, *keys} <= shapes


def test_what_we_send_ourselves_stays_light() -> None:
    assert sum(path.stat().st_size for path in OURS) < 200_000
    limits = {".js": 150, ".css": 250}
    long = [
        path.name for path in OURS if len(path.read_text().splitlines()) > limits.get(path.suffix, 10_000)
    ]
    assert long == []


def test_every_colour_is_a_token() -> None:
    colour = re.compile(r"#[0-9a-f]{3,8}\b|rgb\(", re.IGNORECASE)
    styles = [path for path in OURS if path.suffix == ".css" and path.name not in ("tokens.css", "print.css")]
    loose = {path.name: colour.findall(path.read_text()) for path in styles}
    assert {name: found for name, found in loose.items() if found} == {}
