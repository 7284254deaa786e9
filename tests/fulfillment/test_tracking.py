"""A tracking link is whatever the vendor sent; only a known carrier's becomes a link."""

from __future__ import annotations

import pytest

from fulfillment.shipments.tracking import tracking_of

pytestmark = pytest.mark.clock


@pytest.mark.parametrize(
    ("text", "carrier", "url"),
    [
        ("ups.com/tracking-number", "UPS", "https://ups.com/tracking-number"),
        (
            "https://www.ups.com/track?tracknum=1Z999&x=%20y#a",
            "UPS",
            "https://www.ups.com/track?tracknum=1Z999&x=%20y#a",
        ),
        ("HTTPS://WWW.FedEx.com/fedextrack/?trknbr=1", "FedEx", "https://www.fedex.com/fedextrack/?trknbr=1"),
        ("http://tools.usps.com/go/1", "USPS", "http://tools.usps.com/go/1"),
        ("www.dhl.com?id=1", "DHL", "https://www.dhl.com?id=1"),
        ("ontrac.com", "OnTrac", "https://ontrac.com"),
    ],
)
def test_a_known_carriers_address_is_a_link(text: str, carrier: str, url: str) -> None:
    found = tracking_of(text)
    assert (found.text, found.carrier, found.url) == (text, carrier, url)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "1Z999AA10123456784",
        "https://carrier.example/t/1Z999",
        "javascript:alert(1)//ups.com/",
        "JaVaScRiPt:alert(1)",
        "data:text/html,ups.com",
        "ftp://ups.com/1",
        "//ups.com/1",
        "https:/ups.com/1",
        "https://ups.com@evil.example/",
        "https://evil.example/https://ups.com/",
        "https://evil.example?ups.com",
        "https://evil.example#.ups.com",
        "https://evil.example\\.ups.com/",
        "https://ups.com.evil.example/",
        "https://notups.com/1",
        "https://ups.com:8443/1",
        "https://user:password@ups.com/1",
        "https://ups.com\\@evil.example/",
        "https://uрs.com/1",  # a Cyrillic letter
        "https://ups.com/1 2",
        "https://ups.com/\n1",
        'https://ups.com/"onmouseover=alert(1)',
        "https://ups.com/'><script>",
        "ups.com/`1`",
        "https://ups.com./1",
        "https://ups。com/1",
        " https://ups.com/1",
    ],
)
def test_everything_else_is_text(text: str) -> None:
    found = tracking_of(text)
    assert (found.text, found.carrier, found.url) == (text, "", "")
