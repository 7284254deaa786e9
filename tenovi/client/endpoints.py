"""Call the vendor's HWI API, one method per call.

Sources: https://tenovi.com/api-docs/ and https://docs.tenovi.com/hwi-api/. `cursor` is the `next` of the
page before. Methods that read or change one record raise `NotFound` when the vendor does not know it.
Methods that create are not safe to repeat, except `create_patient`, whose repetition is refused; all
others are. See `tenovi.client.errors` for all errors.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from uuid import UUID

from tenovi.client import errors
from tenovi.client.caller import DEADLINE as DEADLINE
from tenovi.client.caller import SIZE_CAP as SIZE_CAP
from tenovi.client.caller import Body, Caller
from tenovi.client.caller import CallRecord as CallRecord
from tenovi.client.gateway_records import Gateway, HardwareChange, Property
from tenovi.client.order_records import BulkOrder, Replacement, SupplyRequest, SupplyType, Webhook
from tenovi.client.records import Device, DeviceType, Page, Patient

DEVICES = "/hwi/hwi-devices/"
DEVICE = "/hwi/hwi-devices/{id}/"
PROPERTIES = "/hwi/hwi-devices/{id}/properties/"
PATIENTS = "/hwi/hwi-patients/"
PATIENT = "/hwi/hwi-patients/{external_id}/"
DEVICE_TYPES = "/hwi/hwi-device-types/"
REPLACEMENTS = "/hwi/hwi-replacements/"
WEBHOOKS = "/hwi/webhooks/"
WEBHOOK = "/hwi/webhooks/{id}/"
HARDWARE_LOG = "/hwi/hardware-uuid-logs/"
SUPPLY_TYPES = "/asr/supply-types/"
SUPPLY_REQUESTS = "/devices/supply-requests/"


class TenoviClient(Caller):
    """The calls a clinic makes."""

    def check_it_answers(self, path: str) -> None:
        """Read one row of a list that every account has, and ignore the content."""
        query = "page=1&page_size=1"
        self._call("GET", path, lambda value: None, query=query, unknown=self._domain_unknown())

    def devices(
        self, cursor: str = "", *, external_id: str = "", hardware_uuid: str = "", property_key: str = ""
    ) -> Page[Device]:
        """Read one page of the activated devices.

        Filters: a patient (case-sensitive here), a Gateway ID or IMEI, a property that devices have.
        """
        filters = {
            "patient__external_id": external_id,
            "device__hardware_uuid__iexact": hardware_uuid,
            "properties__key": property_key,
        }
        return self._page(DEVICES, Device.from_wire, cursor, first=self._first(filters))

    def device(self, hwi_device_id: UUID | str) -> Device:
        return self._one(DEVICE, Device.from_wire, str(hwi_device_id), "device")

    def create_device(self, body: Body) -> Device:
        """Activate or order: a second call is a second device."""
        return self._create(DEVICES, Device.from_wire, body)

    def update_device(self, hwi_device_id: UUID | str, body: Body, *, method: str = "PUT") -> Device:
        """Attach a patient, as the page about patients says. `body` is the whole device.

        Raises `NotOffered` where an account takes the PATCH of public integrations instead.
        """
        return self._call(
            method, DEVICE, Device.from_wire, name=str(hwi_device_id), body=body, unknown=_unknown_device()
        )

    def delete_device(self, hwi_device_id: UUID | str) -> None:
        """Delete a device. Raises `Invalid` once its order was fulfilled; unlinking still works then."""
        self._delete(DEVICE, str(hwi_device_id), "device")

    def unlink_gateway(self, hwi_device_id: UUID | str) -> Device:
        """End the device's data and its monthly charge. A GET at the vendor, and still a write."""
        return self._one("/hwi/unlink-gateway/{id}/", Device.from_wire, str(hwi_device_id), "device")

    def device_types(self, cursor: str = "") -> Page[DeviceType]:
        """Read one page of the devices that this account may order."""
        return self._page(DEVICE_TYPES, DeviceType.from_wire, cursor)

    def measurements_of_device(
        self, hwi_device_id: UUID | str, *, created_gte: str, created_lt: str, cursor: str = ""
    ) -> Page[Any]:
        """Read one page of what the vendor received from a device in that span (ISO 8601, UTC).

        Rows stay as they came: they are validated where webhooks are.
        """
        first = {"created__gte": created_gte, "created__lt": created_lt, "page": 1, "page_size": 1000}
        return self._page(
            "/hwi/hwi-devices/{id}/measurements/",
            _as_it_is,
            cursor,
            first=first,
            name=str(hwi_device_id),
            unknown=_unknown_device(),
        )

    def measurements_of_patient(
        self,
        external_id: str,
        *,
        created_gte: str = "",
        created_lt: str = "",
        timestamp_gte: str = "",
        timestamp_lt: str = "",
        metric: str = "",
        cursor: str = "",
    ) -> Page[Any]:
        """Read one page of what the vendor received under a patient's id, from any device.

        Filters: when it came (`created`), when it was taken (`timestamp`), one metric. Rows as above.
        """
        spans = {
            "created__gte": created_gte,
            "created__lt": created_lt,
            "timestamp__gte": timestamp_gte,
            "timestamp__lt": timestamp_lt,
            "metric__name": metric,
        }
        return self._page(
            "/hwi/patients/{external_id}/measurements/",
            _as_it_is,
            cursor,
            first={**{name: value for name, value in spans.items() if value}, "page": 1, "page_size": 1000},
            name=external_id,
            unknown=errors.NotFound("Tenovi does not know this patient.", status=404),
        )

    def properties(self, hwi_device_id: UUID | str, cursor: str = "") -> Page[Property]:
        return self._page(PROPERTIES, Property.from_wire, cursor, name=str(hwi_device_id))

    def set_property(self, hwi_device_id: UUID | str, key: str, value: str) -> Property:
        """Create a property, or change the one of that key. The vendor documents no call that removes one."""
        body = {"key": key, "value": value}
        return self._call(
            "POST",
            PROPERTIES,
            Property.from_wire,
            name=str(hwi_device_id),
            body=body,
            unknown=_unknown_device(),
        )

    def gateways(self, cursor: str = "", *, first: Mapping[str, Any] | None = None) -> Page[Gateway]:
        """Read one page of all gateways, each with fewer members than `gateway` has."""
        query = self._first(first or {})
        return self._page(
            "/hwi/hwi-gateways/", Gateway.from_wire, cursor, first=query, unknown=_no("gateways")
        )

    def gateway(self, gateway_id: str) -> Gateway:
        """Read a gateway. `gateway_id` as the vendor spells it: case may matter. Hyphens are left out."""
        name = gateway_id.replace("-", "")
        return self._one("/hwi/gateway-info/{id}/", Gateway.from_wire, name, "gateway")

    def hardware_log(
        self,
        cursor: str = "",
        *,
        hwi_device_id: str = "",
        hardware_uuid: str = "",
        path: str = HARDWARE_LOG,
    ) -> Page[HardwareChange]:
        """Read one page of the changes of hardware ids.

        Filters: one device, or a hardware id in the vendor's spelling. The vendor's pages do not agree on
        `path`: raises `PathUnknown` where it is another.
        """
        first = self._first({"object_id": hwi_device_id, "search": hardware_uuid})
        return self._page(path, HardwareChange.from_wire, cursor, first=first, unknown=_no("hardware log"))

    def patients(self, cursor: str = "") -> Page[Patient]:
        return self._page(PATIENTS, Patient.from_wire, cursor)

    def patient(self, external_id: str) -> Patient:
        """Read a patient. The vendor ignores case here."""
        return self._one(PATIENT, Patient.from_wire, external_id, "patient")

    def create_patient(self, body: Body) -> Patient:
        """Create a patient. Raises `Invalid` when the id exists in any case, see `already_exists`."""
        return self._create(PATIENTS, Patient.from_wire, body)

    def update_patient(self, external_id: str, body: Body) -> Patient:
        """Change the record for every device of that patient."""
        return self._change(PATIENT, Patient.from_wire, external_id, body, "patient")

    def delete_patient(self, external_id: str) -> None:
        """Delete a patient. Its devices stay active, without a patient."""
        self._delete(PATIENT, external_id, "patient")

    def replacements(self, cursor: str = "") -> Page[Replacement]:
        return self._page(REPLACEMENTS, Replacement.from_wire, cursor, unknown=_no("replacements"))

    def create_replacement(self, body: Body) -> Replacement:
        return self._create(REPLACEMENTS, Replacement.from_wire, body, unknown=_no("replacements"))

    def delete_replacement(self, number: str) -> None:
        """Withdraw a replacement. Raises `Invalid` once it was fulfilled."""
        self._delete("/hwi/hwi-replacements/{id}/", number, "replacement")

    def bulk_orders(self, cursor: str = "") -> Page[BulkOrder]:
        return self._page("/hwi/hwi-bulk-orders/", BulkOrder.from_wire, cursor, unknown=_no("bulk orders"))

    def supply_types(self, cursor: str = "") -> Page[SupplyType]:
        """Read one page. Raises `NotAllowed` while supplies are not enabled for the account."""
        return self._page(
            SUPPLY_TYPES, SupplyType.from_wire, cursor, unknown=_no("supplies"), forbidden=_no_supplies()
        )

    def supply_requests(self, cursor: str = "", *, path: str = SUPPLY_REQUESTS) -> Page[SupplyRequest]:
        """Read one page. Raises `PathUnknown` where the account has another `path` than is documented."""
        return self._page(
            path,
            SupplyRequest.from_wire,
            cursor,
            unknown=_no("supply requests"),
            forbidden=_no_supplies(),
        )

    def create_supply_request(self, body: Body, *, path: str = SUPPLY_REQUESTS) -> SupplyRequest:
        return self._create(
            path, SupplyRequest.from_wire, body, unknown=_no("supply requests"), forbidden=_no_supplies()
        )

    def delete_supply_request(self, number: str, *, path: str = SUPPLY_REQUESTS) -> None:
        self._delete(f"{path}{{id}}/", number, "supply request")

    def webhooks(self, cursor: str = "") -> Page[Webhook]:
        return self._page(WEBHOOKS, Webhook.from_wire, cursor, unknown=_no("webhooks"))

    def create_webhook(self, body: Body) -> Webhook:
        """Register a webhook. The vendor documents no call that changes it afterwards."""
        return self._create(WEBHOOKS, Webhook.from_wire, body, unknown=_no("webhooks"))

    def delete_webhook(self, number: UUID | str) -> None:
        self._delete(WEBHOOK, str(number), "webhook")

    def _first(self, filters: Mapping[str, Any]) -> dict[str, Any]:
        """Return the query of a list's first page."""
        return {
            **{name: value for name, value in filters.items() if value},
            "page": 1,
            "page_size": self._page_size,
        }


def already_exists(error: errors.Invalid) -> bool:
    """Whether creating a patient was refused because the vendor has that external id."""
    return error.status == 409 or any(name.endswith("external_id") for name, _ in error.complaints)


def _unknown_device() -> errors.NotFound:
    return errors.NotFound("Tenovi does not know this device.", status=404)


def _no(what: str) -> errors.PathUnknown:
    """Return what a 404 means on a path that not every account or page of the vendor has.

    It says nothing about the client domain.
    """
    return errors.PathUnknown(f"Tenovi has no {what} under this path.", status=404)


def _no_supplies() -> errors.NotAllowed:
    return errors.NotAllowed("Tenovi has not enabled supplies for this account.", status=403)


def _as_it_is(value: Any) -> Any:
    return value
