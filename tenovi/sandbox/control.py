"""Answer `/_sandbox/`: calls about the sandbox itself, for tests and demos. No key, no rate, JSON only.

| Call | Does |
| --- | --- |
| `GET requests` | every request to the API so far: monotonic seconds, method, path, query, key, status |
| `DELETE requests` | forgets them |
| `POST faults` | orders a fault, see `faults.py`: `{"kind": "status", "status": 500, "path": "hwi-devices"}` |
| `DELETE faults` | takes all back |
| `POST settings` | changes `state.Settings`; answers all of them |
| `POST live` | `{"count": 3}` or `{"device": "<id>"}`: readings now; answers rows and the receiver's statuses |
| `POST devices` | `{"patient": 0, "name": "Tenovi Scale"}`: activates one more device; answers it |
| `POST orders` | `{"device": "<id>", "status": "…"}`: moves an order on, one step without status; posts the news |
| `POST parcels` | moves replacements and supply requests on, one step each; posts the news |
| `POST keys` | `{"keys": ["…"]}`: the only valid keys from now on |
| `POST webhook` | `{"url": "…", "header": "Authorization", "value": "…"}`: the only webhooks from now on |
| `POST reset` | as after the start |

The `path` of a fault is matched with its query: `"hwi-devices/?page=2&"` and `"times": null` spoil the second
page of that list until faults are taken back.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict
from typing import Any

from tenovi.sandbox.faults import Faults
from tenovi.sandbox.live_readings import Live
from tenovi.sandbox.order_progress import advance
from tenovi.sandbox.special_order_progress import advance_parcels
from tenovi.sandbox.state import State
from tenovi.sandbox.webhooks import for_every_event


class Control:
    """Answer with (status, JSON body): 400 with the reason for an order that is wrong."""

    def __init__(self, state: State, faults: Faults, live: Live) -> None:
        self.state, self.faults, self.live = state, faults, live
        self._keys = set(state.keys)

    def answer(self, method: str, call: str, order: Any) -> tuple[int, Any]:
        calls: dict[str, Callable[[Any], Any]] = {
            "GET requests": lambda _: {"requests": [asdict(exchange) for exchange in self.state.exchanges]},
            "DELETE requests": lambda _: self.state.exchanges.clear(),
            "POST faults": self.faults.add,
            "DELETE faults": lambda _: self.faults.clear(),
            "POST settings": self._settings,
            "POST live": self._live,
            "POST devices": lambda order: self.state.spelled(
                self.state.add_device(order["patient"], order["name"])
            ),
            "POST orders": self._orders,
            "POST parcels": lambda _: self._parcels(),
            "POST keys": lambda order: self._set_keys(order["keys"]),
            "POST webhook": self._webhook,
            "POST reset": lambda _: self._reset(),
        }
        chosen = calls.get(f"{method} {call.strip('/')}")
        if chosen is None:
            return 404, {"detail": "No such call; see tenovi/sandbox/control.py."}
        try:
            # These post to a receiver that may call back, so they hold no lock.
            if call.strip("/") in ("live", "orders", "parcels"):
                return 200, chosen(order or {})
            with self.state.lock:
                return 200, chosen(order or {}) or {}
        except (KeyError, IndexError, TypeError, ValueError) as error:
            return 400, {"detail": f"{type(error).__name__}: {error}"}

    def _settings(self, order: Any) -> Any:
        self.state.settings.change(order)
        return asdict(self.state.settings)

    def _live(self, order: Any) -> Any:
        rows: list[Any] = []
        statuses: list[int | None] = []
        for _ in range(order.get("count", 1)):
            made, answered = self.live.read(order.get("device"))
            rows += made
            statuses += answered
        return {"rows": self.state.spelled(rows), "statuses": statuses}

    def _orders(self, order: Any) -> Any:
        with self.state.lock:
            record = advance(self.state, order["device"], order.get("status", ""))
        return {"record": self.state.spelled(record), "statuses": self.live.post_news()}

    def _parcels(self) -> Any:
        with self.state.lock:
            advance_parcels(self.state)
        return {"statuses": self.live.post_news()}

    def _set_keys(self, keys: list[str]) -> None:
        self.state.keys = set(keys)

    def _webhook(self, order: Any) -> None:
        self.state.webhooks.replace(for_every_event(**order))

    def _reset(self) -> None:
        self.faults.clear()
        self.state.reset()
        self.state.keys = set(self._keys)
