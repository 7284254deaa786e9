"""The webhooks registered with the sandbox: where it posts, what it shows there, and who gets what.

As the vendor's pages say, a measurement goes to every webhook for measurements, or to the one alone that
its device names in a property. Only `enabled_by_default` is not on these pages: without it, a webhook gets
what is pinned to it.
"""

from __future__ import annotations

import json
import os
import uuid
from collections.abc import Iterable
from datetime import UTC, datetime
from pathlib import Path
from urllib.parse import urlsplit

from tenovi.sandbox.records import Json
from tenovi.sandbox.simulation import wire_time

DOORS = {"MEASUREMENT": "measurements", "FULFILLMENT": "fulfillment", "SPECIAL_ORDER": "special-orders"}
"""The events, and the door of a clinic that each is for."""
PIN = "measurement_webhook_id"


class Webhooks:
    """All that are registered, by id. With a `path` they outlive a restart, as they would at the vendor."""

    def __init__(self, first: Iterable[Json] = (), path: Path | None = None) -> None:
        self._first = list(first)
        self._path = path
        self.by_id: dict[str, Json] = {}
        self.start_again()

    def start_again(self) -> None:
        """As at the start, in memory alone."""
        self.by_id = {one["id"]: dict(one) for one in self._first}

    def put(self, webhook: Json) -> None:
        self.by_id[webhook["id"]] = webhook
        self._keep()

    def remove(self, webhook: Json) -> None:
        del self.by_id[webhook["id"]]
        self._keep()

    def replace(self, webhooks: Iterable[Json]) -> None:
        self.by_id = {one["id"]: one for one in webhooks}
        self._keep()

    def for_readings(self, pin: str) -> list[Json]:
        """Copies of those that get the readings of a device with this pin, "" for none."""
        return self._of("MEASUREMENT", pin.lower())

    def for_news(self, news: Json) -> list[Json]:
        """Copies of those that get this news of a parcel."""
        return self._of("SPECIAL_ORDER" if "request_id" in news else "FULFILLMENT", "")

    def _of(self, event: str, pin: str) -> list[Json]:
        found = [dict(one) for one in self.by_id.values() if one["event"] == event]
        return [one for one in found if (one["id"] == pin if pin else one["enabled_by_default"])]

    def _keep(self) -> None:
        if self._path is None:
            return
        draft = self._path.with_name(f"{self._path.name}.{os.getpid()}")
        draft.unlink(missing_ok=True)
        with open(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
            json.dump(list(self.by_id.values()), file)
        draft.replace(self._path)


def read_kept(path: Path, site: str) -> list[Json] | None:
    """Read what an earlier run kept; None for nothing. The product may listen at another port by now."""
    try:
        webhooks: list[Json] = json.loads(path.read_text())
    except (FileNotFoundError, json.JSONDecodeError):
        return None
    for one in webhooks:
        endpoint, ours = urlsplit(one["endpoint"]), urlsplit(site)
        if endpoint.hostname in ("127.0.0.1", "localhost"):
            one["endpoint"] = endpoint._replace(scheme=ours.scheme, netloc=ours.netloc).geturl()
    return webhooks


def for_every_event(url: str, header: str, value: str) -> list[Json]:
    """Make a webhook for each event, as somebody would enter them by hand; `url` is the door for readings."""
    return [
        new_webhook(
            {
                "endpoint": url.replace("/measurements/", f"/{door}/"),
                "auth_header": header,
                "auth_key": value,
                "event": event,
                "post_as_array": True,
            }
        )
        for event, door in DOORS.items()
    ]


def new_webhook(body: Json) -> Json:
    """Make the record of a webhook from what a call says."""
    now = wire_time(datetime.now(UTC))
    return {
        "id": str(uuid.uuid4()),
        "created": now,
        "modified": now,
        **{key: body.get(key) for key in ("endpoint", "auth_header", "auth_key", "event")},
        "post_as_array": bool(body.get("post_as_array")),
        "enabled_by_default": body.get("enabled_by_default", True),
    }
