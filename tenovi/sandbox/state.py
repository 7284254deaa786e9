"""Hold the state of the played vendor: records as it answers with them, and every measurement row."""

from __future__ import annotations

import re
import threading
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, fields
from datetime import UTC, datetime
from functools import lru_cache
from typing import Any

from tenovi.sandbox import records, shipment_history
from tenovi.sandbox.adoption import adopt
from tenovi.sandbox.records import Json
from tenovi.sandbox.simulation import Clinic, Device, Row, wire_time
from tenovi.sandbox.webhooks import PIN, Webhooks

GATEWAY_ID = re.compile(r"[0-9A-F]{12}")
SPELLED = {
    *("hardware_uuid", "gateway_uuid", "old_hardware_uuid", "new_hardware_uuid", "device_id", "gateway_id"),
    "gateway_ids",
}
"""Members that hold Gateway IDs on the wire; inside they are in upper case."""


@dataclass(slots=True)
class Settings:
    """Behaviour that the vendor's pages leave open, or that goes wrong for long. Changed while running.

    * `rate_seconds`: least time between two accepted requests of one key.
    * `push`, `values`: the form of webhooks. `withhold`, `duplicate`, `disorder`: shares from 0 to 1.
    * `bare_limit`, `bare_days`: where a list without `page` is cut.
    * `supplies`: the module is enabled for the account.
    * `names_replaced`: *Replaced* names the old hardware as `device_id`. The vendor's page about replacing
      devices has it, its pages about the flow of data and about webhooks do not.
    * `hardware_case`: how the vendor spells Gateway IDs. Its pages print "lower" case, recorded answers had
      "upper".
    * `minds_case`: a known gateway in another spelling is not recognised. Recordings had any recognised.
    * `puts_devices`, `patches_devices`: a device is changed as the page about patients does, or as public
      integrations do.
    * `blank_in_key`: the key of a status is spelled as in the printed sample, `"status "`.
    """

    rate_seconds: float = 1.0
    retry_after: bool = True
    push: str = "array"
    values: str = "numbers"
    withhold: float = 0.0
    duplicate: float = 0.0
    disorder: float = 0.0
    created_equals_timestamp: bool = False
    newest_first: bool = True
    bare_limit: int = 1000
    bare_days: int = 30
    supplies: bool = True
    hardware_case: str = "lower"
    minds_case: bool = True
    puts_devices: bool = True
    patches_devices: bool = False
    names_replaced: bool = False
    blank_in_key: bool = False

    def change(self, values: Json) -> None:
        """Raises ValueError for a setting that does not exist or a value of another type."""
        types = {field.name: type(getattr(self, field.name)) for field in fields(self)}
        for name, value in values.items():
            if name not in types or not isinstance(value, types[name] | int):
                raise ValueError(f"{name} cannot be {value!r}.")
            setattr(self, name, types[name](value))


@dataclass(slots=True)
class Exchange:
    """One request as the vendor saw it.

    `monotonic` is in seconds, at the first byte of header. `done`: its work is over, whatever was answered.
    """

    monotonic: float
    method: str
    path: str
    query: dict[str, str]
    key: str
    host: str
    status: int | None = None
    done: bool = False


class State:
    """The whole state. Callers hold `lock` while they read or change it."""

    def __init__(
        self, clinic: Clinic, domain: str, keys: Iterable[str], webhooks: Webhooks | None = None
    ) -> None:
        self.lock = threading.RLock()
        self.clinic = clinic
        self.domain = domain
        self.keys = set(keys)
        self.webhooks = webhooks or Webhooks()
        self.settings = Settings()
        self.exchanges: list[Exchange] = []
        self.patients = {p.external_id.casefold(): records.patient_record(p) for p in clinic.patients}
        self.simulated = {device.id: device for device in clinic.devices}
        self._live: dict[str, list[Json]] = {}
        self._forget_orders()
        self._history = lru_cache(maxsize=256)(self._make_history)
        self._accepted: dict[str, float] = {}

    def _forget_orders(self) -> None:
        self._records: dict[str, Json] = {}  # devices activated or changed by calls, whole
        self._deleted: set[str] = set()
        self.properties: dict[str, dict[str, Json]] = {}
        self.hardware_log: list[Json] = []
        self.replacements: dict[str, Json] = {}
        self.supply_requests: dict[str, Json] = {}
        self.turns: dict[str, int] = {}  # how far replacements and supply requests have travelled
        self.exchanged: dict[str, str] = {}  # hardware, old to new
        self.spellings: dict[str, str] = {}  # of hardware that came by a call
        self.bulk_orders = list(shipment_history.bulk_orders(self.clinic))
        self.unposted: list[Json] = []  # queued news about parcels

    def spelled(self, answer: Any, name: str = "") -> Any:
        """Return an answer with Gateway IDs as the vendor spells them."""
        if isinstance(answer, dict):
            return {key: self.spelled(value, key) for key, value in answer.items()}
        if isinstance(answer, list):
            return [self.spelled(item, name) for item in answer]
        if name in SPELLED and isinstance(answer, str) and GATEWAY_ID.fullmatch(answer):
            return self.spell(answer)
        return answer

    def spell(self, hardware: str) -> str:
        """Spell a Gateway ID as the vendor does, or as the call did that alone has named it."""
        own = hardware.lower() if self.settings.hardware_case == "lower" else hardware
        return self.spellings.get(hardware, own)

    def read_hardware(self, given: Any) -> str | None:
        """Read a Gateway ID or IMEI of a call. In another spelling than the vendor's it is not recognised."""
        if not given:
            return None
        text = str(given).replace("-", "")
        folded = text.upper()
        if not self.settings.minds_case:
            return folded
        if not self.knows_hardware(folded):
            self.spellings[folded] = text
            return folded
        return folded if given == self.spell(folded) else f"{given} (not recognised)"

    def device_records(self) -> Iterator[Json]:
        ids = dict.fromkeys([*self.simulated, *self._records])
        return (self.device_record(device_id) for device_id in ids if device_id not in self._deleted)

    def record_of(self, device_id: str) -> Json | None:
        """Return the device of an id in any case, None for one that was never activated or is deleted."""
        device_id = device_id.lower()
        exists = device_id in self._records or device_id in self.simulated
        return self.device_record(device_id) if exists and device_id not in self._deleted else None

    def changeable(self, device_id: str) -> Json | None:
        """Return the device to be changed in place. From now on it is kept as calls have made it."""
        record = self.record_of(device_id)
        return self._records.setdefault(record["id"], record) if record else None

    def activate(self, record: Json) -> None:
        """Add a device that a call has activated or ordered."""
        self._records[record["id"]] = record
        self.log_hardware(record, record["device"]["hardware_uuid"], old=None)
        if record["status"] == "Delivered":
            self.can_be_used(record)
        self.queue_news(record)

    def can_be_used(self, record: Json) -> None:
        """Let live readings of a device that a call has activated appear from now on."""
        if record["id"] not in self.simulated:
            self.simulated[record["id"]] = adopt(self.clinic, record, datetime.now(UTC))

    def is_in_service(self, device_id: str) -> bool:
        """Whether it is neither unlinked nor deleted, and has hardware."""
        record = self.record_of(device_id)
        return bool(record and record["device"]["hardware_uuid"] and record["status"] != "Unlinked")

    def devices_in_use(self) -> list[Device]:
        """Return the devices of which a reading may appear at any moment."""
        devices = self.simulated.values()
        return [device for device in devices if device.readable_live and self.is_in_service(device.id)]

    def pin_of(self, device_id: str) -> str:
        """Return the id of the one webhook that gets this device's readings, "" for all."""
        pinned = self.properties.get(device_id.lower(), {}).get(PIN, {})
        return str(pinned.get("value", ""))

    def forget(self, device_id: str) -> None:
        self._deleted.add(device_id.lower())

    def log_hardware(self, record: Json, new: str | None, *, old: str | None = "") -> None:
        """Log a change of a device's hardware id. The old one is the record's unless given."""
        before = record["device"]["hardware_uuid"] if old == "" else old
        if before == new:
            return
        now = wire_time(datetime.now(UTC))
        self.hardware_log.append(
            {
                "id": len(self.hardware_log) + 1,
                "created": now,
                "modified": now,
                "object_id": record["id"],
                "device_name": record["device"]["name"],
                "old_hardware_uuid": before,
                "new_hardware_uuid": new,
                "changer": "API",
            }
        )

    def queue_news(
        self, record: Json, *, tracking_link: str | None = None, replaced: str | None = None
    ) -> None:
        """Queue the fulfillment webhook about the record as it is now."""
        named = replaced and self.settings.names_replaced
        status_key = "status " if self.settings.blank_in_key else "status"
        self.unposted.append(
            {
                "hwi_device_id": record["id"],
                "patient_id": record["patient_id"],
                "hardware_uuid": record["device"]["hardware_uuid"],
                "sensor_code": record["device"]["sensor_code"],
                "device_name": record["device"]["name"],
                **({"device_id": replaced} if named else {}),
                status_key: record["status"],
                "tracking_link": tracking_link,
            }
        )

    def device_record(self, device_id: str) -> Json:
        """Raises KeyError for an id that was never activated."""
        if changed := self._records.get(device_id):
            changed["last_measurement"] = self.last_measurement(device_id)
            return changed
        device = self.simulated[device_id]
        patient = self.patients[device.patient.external_id.casefold()]
        return records.device_record(device, patient, self.last_measurement(device_id))

    def rows_of(self, device_id: str) -> list[Json]:
        """Return every row of a device, in the order received."""
        return [*self._history(device_id), *self._live.get(device_id, ())]

    def add_live(self, rows: Iterable[Row]) -> list[Json]:
        """Receive rows, under the patient and the hardware of the device's record now.

        Returns them as the lists show them.
        """
        received = [row.wire() for row in rows]
        for row in received:
            record = self.device_record(row["hwi_device_id"])
            row["hardware_uuid"] = record["device"]["hardware_uuid"]
            row["patient_id"] = record["patient_id"]
            self._live.setdefault(row["hwi_device_id"], []).append(row)
        return received

    def add_device(self, patient_number: int, name: str) -> Json:
        """Activate one more device for a patient, which the product does not know yet."""
        device = self.clinic.activate(patient_number, name, datetime.now(UTC))
        self.simulated[device.id] = device
        return self.device_record(device.id)

    def gateways(self) -> Iterator[Json]:
        """Yield every gateway that has or had a device, those of simulated patients first."""
        now = datetime.now(UTC)
        behind: dict[str, list[Json]] = {}
        for record in self.device_records():
            behind.setdefault(record["device"]["hardware_uuid"] or "", []).append(record)
        seen = set()
        for patient in self.clinic.patients:
            if any(device.hardware_uuid == patient.gateway_id for device in patient.devices):
                info = records.gateway_info(patient, now)
                gateway = self._now(patient.gateway_id)
                heard = [
                    rows[-1]["created"] for device in patient.devices if (rows := self._live.get(device.id))
                ]
                if heard:  # a reading is a sign of life
                    info["last_checkin_time"] = max(*heard, info["last_checkin_time"] or "")
                seen.add(gateway)
                yield info | {"gateway_uuid": gateway}
        logged = (
            row[name] for row in self.hardware_log for name in ("old_hardware_uuid", "new_hardware_uuid")
        )
        for gateway in dict.fromkeys(filter(None, (*behind, *logged))):
            if GATEWAY_ID.fullmatch(gateway) and gateway not in seen:
                heard = [
                    rows[-1]["created"]
                    for record in behind.get(gateway, ())
                    if (rows := self._live.get(record["id"]))
                ]
                yield records.further_gateway(gateway, behind.get(gateway, []), max(heard, default=None), now)

    def knows_hardware(self, hardware: str) -> bool:
        return any(record["device"]["hardware_uuid"] == hardware for record in self.device_records()) or any(
            info["gateway_uuid"] == hardware for info in self.gateways()
        )

    def _now(self, hardware: str) -> str:
        """Return the present hardware in the place of this one, which may have been replaced repeatedly."""
        while hardware in self.exchanged:
            hardware = self.exchanged[hardware]
        return hardware

    def last_measurement(self, device_id: str) -> str | None:
        """Return when the vendor last received a row of that device."""
        live = self._live.get(device_id)
        if live:
            return str(live[-1]["created"])
        device = self.simulated.get(device_id)
        received = self.clinic.last_received(device) if device else None
        return wire_time(received) if received else None

    def last_measurement_through(self, gateway_uuid: str) -> str | None:
        behind = (
            record["id"]
            for record in self.device_records()
            if record["device"]["hardware_uuid"] == gateway_uuid
        )
        return max((last for device_id in behind if (last := self.last_measurement(device_id))), default=None)

    def reset(self) -> None:
        """Go back to the start, keeping only the valid keys."""
        self.settings = Settings()
        self.exchanges.clear()
        self.simulated = {device.id: device for device in self.clinic.devices}
        self.patients = {p.external_id.casefold(): records.patient_record(p) for p in self.clinic.patients}
        for patient in self.clinic.patients:
            patient.devices = [device for device in patient.devices if device.id in self.simulated]
        self._live.clear()
        self._accepted.clear()
        self.webhooks.start_again()
        self._forget_orders()

    def within_rate(self, key: str, at: float) -> bool:
        """Whether a request of that key at that monotonic time is allowed. Counts it if so."""
        if at - self._accepted.get(key, -1e9) < self.settings.rate_seconds:
            return False
        self._accepted[key] = at
        return True

    def _make_history(self, device_id: str) -> list[Json]:
        device = self.simulated.get(device_id)
        return [row.wire() for row in self.clinic.rows_of(device)] if device else []
