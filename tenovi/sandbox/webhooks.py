"""Keep the webhooks registered with the sandbox, and choose those that get a reading or news.

As the vendor's pages say, a measurement goes to every webhook for measurements, or only to the one that
its device names in a property. `enabled_by_default` is not on these pages: without it, a webhook gets only
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

PATH_PARTS = {"MEASUREMENT": "measurements", "FULFILLMENT": "fulfillment", "SPECIAL_ORDER": "special-orders"}
"""The part of a clinic's address that each event is posted to."""
PIN = "measurement_webhook_id"


class Webhooks:
    """Registered webhooks by id. With a `path` they outlive a restart, as they would at the vendor."""

    def __init__(self, first: Iterable[Json] = (), path: Path | None = None) -> None:
        self._first = list(first)
        self._path = path
        self.by_id: dict[str, Json] = {}
        self.start_again()

    def start_again(self) -> None:
        """Go back to the webhooks of the start, in memory only."""
        self.by_id = {webhook["id"]: dict(webhook) for webhook in self._first}

    def put(self, webhook: Json) -> None:
        self.by_id[webhook["id"]] = webhook
        self._keep()

    def remove(self, webhook: Json) -> None:
        del self.by_id[webhook["id"]]
        self._keep()

    def replace(self, webhooks: Iterable[Json]) -> None:
        self.by_id = {webhook["id"]: webhook for webhook in webhooks}
        self._keep()

    def for_readings(self, pin: str) -> list[Json]:
        """Copy the webhooks that get the readings of a device with this pin, "" for none."""
        return self._of("MEASUREMENT", pin.lower())

    def for_news(self, news: Json) -> list[Json]:
        """Copy the webhooks that get this news of a parcel."""
        return self._of("SPECIAL_ORDER" if "request_id" in news else "FULFILLMENT", "")

    def _of(self, event: str, pin: str) -> list[Json]:
        webhooks = [dict(webhook) for webhook in self.by_id.values() if webhook["event"] == event]
        if pin:
            return [webhook for webhook in webhooks if webhook["id"] == pin]
        return [webhook for webhook in webhooks if webhook["enabled_by_default"]]

    def _keep(self) -> None:
        if self._path is None:
            return
        draft = self._path.with_name(f"{self._path.name}.{os.getpid()}")
        draft.unlink(missing_ok=True)
        with open(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
            json.dump(list(self.by_id.values()), file)
        draft.replace(self._path)


def read_kept(path: Path, site: str) -> list[Json] | None:
    """Read the webhooks that an earlier run kept, None for no file.

    Those to this machine are moved to `site`: the product may listen at another port by now.
    """
    try:
        webhooks: list[Json] = json.loads(path.read_text())
    except (FileNotFoundError, json.JSONDecodeError):
        return None
    for webhook in webhooks:
        endpoint, ours = urlsplit(webhook["endpoint"]), urlsplit(site)
        if endpoint.hostname in ("127.0.0.1", "localhost"):
            webhook["endpoint"] = endpoint._replace(scheme=ours.scheme, netloc=ours.netloc).geturl()
    return webhooks


def for_every_event(url: str, header: str, value: str) -> list[Json]:
    """Make a webhook for each event, as entered by hand. `url` is the address for readings."""
    return [
        new_webhook(
            {
                "endpoint": url.replace("/measurements/", f"/{part}/"),
                "auth_header": header,
                "auth_key": value,
                "event": event,
                "post_as_array": True,
            }
        )
        for event, part in PATH_PARTS.items()
    ]


def new_webhook(body: Json) -> Json:
    """Make the record of a webhook from the body of a call."""
    now = wire_time(datetime.now(UTC))
    return {
        "id": str(uuid.uuid4()),
        "created": now,
        "modified": now,
        **{key: body.get(key) for key in ("endpoint", "auth_header", "auth_key", "event")},
        "post_as_array": bool(body.get("post_as_array")),
        "enabled_by_default": body.get("enabled_by_default", True),
    }
