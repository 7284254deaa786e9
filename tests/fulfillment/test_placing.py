"""What may be ordered, what is said about what may not, and that one need is one order."""

from __future__ import annotations

import threading
import uuid
from collections.abc import Callable
from typing import Any

import pytest
from django.db import IntegrityError, connection, transaction

from clinics.models import AuditEvent, Clinic
from devices.models import DeviceType
from fulfillment.models import Order
from fulfillment.orders.actions import AlreadyOpen, KeyUsed, Placed, place_orders
from fulfillment.orders.validation import CannotOrder, Line, Wanted, warnings
from patients.models import Patient
from tenovi.models import Priority, Request, RequestKind
from tests.factories import assign, make_clinic, make_device, make_order
from tests.fulfillment.ordering import (
    BPM,
    CELLULAR,
    GATEWAY,
    HAILIE,
    IMEI,
    SCALE,
    TRIVIDIA,
    admin_of,
    handed_over,
    offer,
    place,
    place_one,
    shipped,
    somebody,
    steps_of,
)

pytestmark = pytest.mark.django_db


@pytest.fixture
def clinic() -> Clinic:
    clinic = make_clinic("alpha")
    offer(clinic)
    return clinic


@pytest.fixture
def patient(clinic: Clinic) -> Patient:
    return somebody(clinic)


def problems(clinic: Clinic, patient: Patient, *wanted: Wanted) -> dict[str, list[str]]:
    with pytest.raises(CannotOrder) as refused, transaction.atomic():
        place(clinic, patient, *wanted)
    assert not Order.objects.for_clinic(clinic).exists()
    return refused.value.of_line(len(wanted) - 1)


def test_an_order_is_a_row_a_request_a_step_and_a_line_in_the_record(
    clinic: Clinic, patient: Patient
) -> None:
    order = place_one(clinic, patient)
    assert (order.state, order.is_open, order.device_name, order.sensor_code) == ("queued", True, SCALE, "13")
    request = Request.objects.for_clinic(clinic).get()
    assert (request.kind, request.target, request.priority) == (
        RequestKind.DEVICE_CREATE,
        str(order.id),
        Priority.PERSON,
    )
    assert steps_of(order) == ["placed"]
    event = AuditEvent.objects.get(action="order_placed")
    assert (event.actor_label, event.target_id) == ("admin@alpha.test", str(order.id))
    assert event.detail["patient"] == str(patient.id)


def test_the_address_is_the_one_on_the_record_when_it_was_ordered(clinic: Clinic, patient: Patient) -> None:
    order = place_one(clinic, patient)
    Patient.objects.for_clinic(clinic).update(city="Tustin")
    order.refresh_from_db()
    assert (order.shipping_name, order.shipping_city, order.shipping_zip_code) == (
        "Test Person",
        "Irvine",
        "92614",
    )


def test_what_is_handed_over_needs_no_address(clinic: Clinic) -> None:
    order = place_one(clinic, somebody(clinic, address="", city=""), handed_over())
    assert (order.shipping_name, order.hardware_uuid) == ("", GATEWAY)


@pytest.mark.parametrize("written", ["0123-4567-89ab", " 0123456789ab", "01:23:45:67:89:AB"])
def test_a_gateway_id_is_kept_in_one_spelling(clinic: Clinic, patient: Patient, written: str) -> None:
    assert place_one(clinic, patient, handed_over(hardware_uuid=written)).hardware_uuid == GATEWAY


def test_a_cellular_device_is_handed_over_by_its_imei(clinic: Clinic, patient: Patient) -> None:
    order = place_one(clinic, patient, handed_over(CELLULAR, "49-015420-323751-8"))
    assert order.hardware_uuid == IMEI


WRONG: list[tuple[Wanted, str, str]] = [
    (shipped("Tenovi scale"), "device_name", "Choose one of the devices"),
    (shipped(ship_by="pigeon"), "ship_by", "Say who ships it"),
    (handed_over(hardware_uuid=""), "hardware_uuid", "Enter the Gateway ID"),
    (handed_over(hardware_uuid="0123456789A"), "hardware_uuid", "no Gateway ID"),
    (handed_over(hardware_uuid="0123456789AG"), "hardware_uuid", "no Gateway ID"),
    (handed_over(hardware_uuid=IMEI), "hardware_uuid", "no Gateway ID"),
    (handed_over(CELLULAR, ""), "hardware_uuid", "Enter the IMEI"),
    (handed_over(CELLULAR, "490154203237517"), "hardware_uuid", "no IMEI"),
    (handed_over(CELLULAR, GATEWAY), "hardware_uuid", "no IMEI"),
    (handed_over(CELLULAR, "٤٩٠١٥٤٢٠٣٢٣٧٥١٨"), "hardware_uuid", "no IMEI"),
    (shipped(CELLULAR, hardware_uuid=IMEI), "hardware_uuid", "works without a gateway"),
    (shipped(CELLULAR, gateway_only=True), "gateway_only", "works without a gateway"),
    (shipped(ship_by="clinic", gateway_only=True), "gateway_only", "Only Tenovi"),
    (shipped(gateway_only=True, hardware_uuid=GATEWAY), "gateway_only", "leave the Gateway ID empty"),
    (shipped(HAILIE), "sensor_id", "serial number"),
    (shipped(sensor_id="H1234567"), "sensor_id", "no sensor id"),
    (shipped(bluetooth_passkey="123456"), "bluetooth_passkey", "no passkey"),
    (shipped(TRIVIDIA, bluetooth_passkey="12345a"), "bluetooth_passkey", "last 6 digits"),
    (shipped(notify_emails="ops@example.com, nobody"), "notify_emails", "separated by commas"),
    (shipped(shipping_notes="x" * 501), "shipping_notes", "below 500"),
    (handed_over(notify_emails="ops@example.com"), "notify_emails", "Nothing is shipped"),
    (handed_over(require_signature=True), "require_signature", "Nothing is shipped"),
]  # fmt: skip


@pytest.mark.parametrize(("wanted", "field", "said"), WRONG, ids=lambda value: str(value)[:60])
def test_what_cannot_be_ordered_is_said_beside_its_field(
    clinic: Clinic, patient: Patient, wanted: Wanted, field: str, said: str
) -> None:
    found = problems(clinic, patient, wanted)
    assert list(found) == [field]
    assert said in found[field][0]


def test_what_a_parcel_lacks_is_named(clinic: Clinic) -> None:
    found = problems(clinic, somebody(clinic, city="", zip_code=" "), shipped())
    assert found == {"patient": ["The patient’s record lacks what a parcel needs: city, ZIP code."]}


def test_a_device_that_is_no_longer_offered_cannot_be_ordered(clinic: Clinic, patient: Patient) -> None:
    DeviceType.objects.for_clinic(clinic).filter(name=SCALE).update(is_offered=False)
    assert list(problems(clinic, patient, shipped())) == ["device_name"]


# One device per sensor code and gateway.


def at_home(clinic: Clinic, patient: Patient, sensor_code: str = "10", **fields: Any) -> None:
    device = make_device(clinic, hardware_uuid=GATEWAY, sensor_code=sensor_code, name=BPM, **fields)
    assign(device, patient)


def test_a_second_device_for_a_patient_joins_the_gateway_at_home(clinic: Clinic, patient: Patient) -> None:
    at_home(clinic, patient)
    assert place_one(clinic, patient, shipped(SCALE)).hardware_uuid == GATEWAY


@pytest.mark.parametrize(
    "wanted",
    [shipped(BPM), shipped(SCALE, new_gateway=True), shipped(SCALE, gateway_only=True), shipped(CELLULAR)],
    ids=["its place is taken", "a new gateway is wanted", "a gateway is ordered", "needs no gateway"],
)
def test_an_order_that_cannot_join_the_gateway_at_home_leaves_it_out(
    clinic: Clinic, patient: Patient, wanted: Wanted
) -> None:
    at_home(clinic, patient)
    assert place_one(clinic, patient, wanted).hardware_uuid == ""


def test_a_gateway_that_was_unlinked_is_not_at_home(clinic: Clinic, patient: Patient) -> None:
    at_home(clinic, patient, status="Unlinked")
    assert place_one(clinic, patient, shipped(SCALE)).hardware_uuid == ""


def test_a_gateway_takes_one_device_of_a_kind_and_the_other_is_named(
    clinic: Clinic, patient: Patient
) -> None:
    at_home(clinic, patient, sensor_code="13")
    (said,) = problems(clinic, patient, handed_over(SCALE))["hardware_uuid"]
    assert said == (
        f"Gateway {GATEWAY} has a device of this kind already ({BPM}); it can have only one. "
        "Unlink or replace that one first."
    )


def test_sensors_with_an_id_of_their_own_share_a_gateway(clinic: Clinic, patient: Patient) -> None:
    make_device(clinic, hardware_uuid=GATEWAY, sensor_code="25", sensor_id="H1")
    assert place_one(clinic, patient, handed_over(HAILIE, sensor_id="H2")).sensor_id == "H2"


def test_the_same_sensor_twice_on_a_gateway_is_refused(clinic: Clinic, patient: Patient) -> None:
    make_device(clinic, hardware_uuid=GATEWAY, sensor_code="25", sensor_id="H1")
    assert "hardware_uuid" in problems(clinic, patient, handed_over(HAILIE, sensor_id="H1"))


def test_an_order_under_way_holds_its_place_on_the_gateway(clinic: Clinic, patient: Patient) -> None:
    place(clinic, patient, handed_over(SCALE))
    with pytest.raises(CannotOrder):
        place(clinic, somebody(clinic, "mrn-2"), handed_over(SCALE))
    assert place_one(clinic, somebody(clinic, "mrn-3"), handed_over(BPM)).hardware_uuid == GATEWAY


def test_a_second_one_that_is_meant_comes_with_a_gateway_of_its_own(clinic: Clinic, patient: Patient) -> None:
    at_home(clinic, patient)
    assert place_one(clinic, patient, shipped(SCALE)).hardware_uuid == GATEWAY
    assert place_one(clinic, patient, shipped(SCALE), again=True).hardware_uuid == ""


def test_a_confirmed_order_holds_its_place_until_its_device_is_there(
    clinic: Clinic, patient: Patient
) -> None:
    """Its device may have been unlinked a moment ago, and the order not have heard of it yet."""
    device = make_device(clinic, hardware_uuid="", sensor_code="13", status="Unlinked")
    make_order(patient, state="confirmed", device=device, hardware_uuid=GATEWAY)
    with pytest.raises(CannotOrder):
        place(clinic, somebody(clinic, "mrn-2"), handed_over(SCALE))


def test_a_cellular_device_in_use_is_not_given_to_somebody_else(clinic: Clinic, patient: Patient) -> None:
    make_device(clinic, hardware_uuid=IMEI)
    assert "IMEI is in use" in problems(clinic, patient, handed_over(CELLULAR, IMEI))["hardware_uuid"][0]


# Several at once.


def test_several_devices_are_placed_together_or_not_at_all(clinic: Clinic, patient: Patient) -> None:
    found = problems(clinic, patient, shipped(SCALE), shipped(HAILIE))
    assert list(found) == ["sensor_id"]
    orders = place(clinic, patient, shipped(SCALE), shipped(BPM))
    assert [order.line for order in orders] == [0, 1]
    assert len({order.basket for order in orders}) == 1
    assert Request.objects.for_clinic(clinic).count() == 2


def test_a_device_twice_in_one_order_is_refused(clinic: Clinic, patient: Patient) -> None:
    assert "twice" in problems(clinic, patient, shipped(SCALE), shipped(SCALE))["device_name"][0]


# One need, one order.


def test_the_same_key_is_the_same_order_however_often(clinic: Clinic, patient: Patient) -> None:
    first = place(clinic, patient, shipped(SCALE), shipped(BPM), key="form-1")
    assert place(clinic, patient, shipped(SCALE), shipped(BPM), key="form-1") == first
    assert Order.objects.for_clinic(clinic).count() == 2


def test_the_same_key_for_something_else_is_refused(clinic: Clinic, patient: Patient) -> None:
    first = place_one(clinic, patient, shipped(SCALE), key="form-1")
    with pytest.raises(KeyUsed) as refused:
        place(clinic, patient, shipped(BPM), key="form-1")
    assert refused.value.order == first


def test_another_order_for_an_open_need_is_refused_and_the_open_one_named(
    clinic: Clinic, patient: Patient
) -> None:
    first = place_one(clinic, patient)
    with pytest.raises(AlreadyOpen) as refused:
        place(clinic, patient)
    assert refused.value.order == first
    assert place_one(clinic, somebody(clinic, "mrn-2")).state == "queued"


def test_a_second_one_may_be_meant(clinic: Clinic, patient: Patient) -> None:
    place(clinic, patient)
    assert place_one(clinic, patient, again=True).is_again
    with pytest.raises(AlreadyOpen):
        place(clinic, patient)


def test_the_database_refuses_a_second_open_order_by_itself(clinic: Clinic, patient: Patient) -> None:
    order = place_one(clinic, patient)
    order.id, order.idempotency_key = uuid.uuid4(), "another"
    with pytest.raises(IntegrityError, match="order_one_open_per_need"):
        order.save(force_insert=True)


def test_what_somebody_should_know_is_said_and_forbids_nothing(clinic: Clinic) -> None:
    patient = somebody(clinic, address_status="Invalid")
    at_home(clinic, somebody(clinic, "mrn-2"))
    DeviceType.objects.for_clinic(clinic).filter(name=SCALE).update(in_stock=False)
    place(clinic, patient)
    said = warnings(
        clinic,
        patient,
        [Line(0, shipped(hardware_uuid=GATEWAY), DeviceType.objects.for_clinic(clinic).get(name=SCALE))],
    )
    assert [sentence.split(" ")[:3] for sentence in said] == [
        ["Tenovi", "Scale", "was"],
        ["Tenovi", "has", "not"],
        ["No", "consent", "of"],
        ["Tenovi", "has", "no"],
        ["Another", "patient’s", "device"],
    ]


# All at once.


def at_once(calls: list[Callable[[], Placed]]) -> list[object]:
    """What each of these calls brings, or raises, when all begin in the same moment."""
    barrier = threading.Barrier(len(calls))
    results: list[object] = [None] * len(calls)

    def run(number: int) -> None:
        try:
            barrier.wait(timeout=120)
            results[number] = calls[number]()
        except Exception as error:
            results[number] = error
        finally:
            connection.close()

    threads = [threading.Thread(target=run, args=(number,)) for number in range(len(calls))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(timeout=300)
    return results


@pytest.mark.django_db(transaction=True)
def test_a_double_click_and_two_tabs_and_two_admins_are_one_order(clinic: Clinic, patient: Patient) -> None:
    """Twenty submits of one form, and five forms for the same need."""
    by = admin_of(clinic)

    def submit(key: str) -> Callable[[], Placed]:
        return lambda: place_orders(
            clinic=clinic, patient=patient, by=by, wanted=[shipped()], idempotency_key=key
        )

    results = at_once([submit("form")] * 20 + [submit(f"tab-{number}") for number in range(5)])
    order = Order.objects.for_clinic(clinic).get()
    assert Request.objects.for_clinic(clinic).count() == 1
    placed = [one for one in results if isinstance(one, Placed)]
    refused = [one for one in results if isinstance(one, AlreadyOpen)]
    assert len(placed) + len(refused) == 25
    assert {one.id for each in placed for one in each.orders} | {each.order.id for each in refused} == {
        order.id
    }
    assert sum(each.is_new for each in placed) == 1
