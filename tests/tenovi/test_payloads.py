"""The captured payloads stay what their README says: complete, cited, and readable."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest

from tenovi import catalogue

PAYLOADS = Path(__file__).parent.parent / "payloads"
README = (PAYLOADS / "README.md").read_text(encoding="utf-8")
FILES = sorted(str(path.relative_to(PAYLOADS)) for path in PAYLOADS.rglob("*.json"))


def load(name: str) -> Any:
    return json.loads((PAYLOADS / name).read_text(encoding="utf-8"))


def test_every_payload_is_listed_once_with_a_page_whose_address_is_given() -> None:
    pages = set(re.findall(r"^\| ([^|]+?) \| https://", README, re.MULTILINE))
    listed = re.findall(r"^\| (\S+\.json) \| ([^|]+?) \| (printed|described|seen) \|", README, re.MULTILINE)
    assert sorted(name for name, _, _ in listed) == FILES
    assert {page for _, page, _ in listed} <= pages


@pytest.mark.parametrize("kind", catalogue.kinds(), ids=lambda kind: kind.slug)
def test_each_kind_of_device_has_a_payload_with_each_of_its_metrics(kind: catalogue.DeviceKind) -> None:
    order = catalogue.kinds().index(kind) + 1
    rows = load(f"measurements/kinds/{order:02}-{kind.slug}.json")
    assert {row["metric"] for row in rows} == {metric.name for metric in kind.metrics.values()}
    assert {row["sensor_code"] for row in rows} == {kind.sensor_code or ""}
    for row in rows:
        found = catalogue.kind_for(row["device_name"], row["sensor_code"])
        assert found is not None
        assert found.slug == kind.slug or kind.slug == "third-party-bpm-no-ihb"
        assert set(row["filter_params"] or {}) <= set(kind.filter_params)


def test_the_printed_sample_keeps_its_quirks() -> None:
    text = (PAYLOADS / "measurements/published-object.json").read_text(encoding="utf-8")
    assert '"value_1": 120.00' in text
    assert "Tenovi BPM – L" in text
    assert "status " in load("fulfillment/published-shipped.json")
