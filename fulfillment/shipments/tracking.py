"""Tracking links: what the vendor calls so may be any text. Only a known carrier's becomes a link."""

from __future__ import annotations

import re
from dataclasses import dataclass

CARRIERS = {
    "ups.com": "UPS",
    "fedex.com": "FedEx",
    "usps.com": "USPS",
    "dhl.com": "DHL",
    "ontrac.com": "OnTrac",
}
ADDRESS = re.compile(  # neither user, password nor port, and nothing that browsers read in two ways
    r"(?:(https?)://)?([a-z0-9-]+(?:\.[a-z0-9-]+)+)((?:[/?#][!#-&(-;=?-\[\]^_a-z{|}~]*)?)",
    re.IGNORECASE | re.ASCII,
)


@dataclass(frozen=True, slots=True)
class Tracking:
    """`url` is "" where the text is shown as text only."""

    text: str
    carrier: str = ""
    url: str = ""


def tracking_of(text: str) -> Tracking:
    """A link for http(s) addresses of known carriers and their subdomains; without a scheme, https."""
    if found := ADDRESS.fullmatch(text):
        scheme, host, rest = found.groups()
        for domain, carrier in CARRIERS.items():
            if f".{host.lower()}".endswith(f".{domain}"):
                return Tracking(text, carrier, f"{(scheme or 'https').lower()}://{host.lower()}{rest}")
    return Tracking(text)
