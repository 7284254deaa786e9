"""Whatever the vendor answers, the worker goes on, the work is kept, and people can read what happened."""

from __future__ import annotations

import logging

import pytest
from django.test import Client

from clinics.models import Clinic, Role
from patients.models import Patient
from tenovi.client.endpoints import SIZE_CAP
from tenovi.models import Call, ParkedKey, Request, RequestKind
from tenovi.outbound.enqueue import enqueue
from tenovi.outbound.sender import drain
from tests.factories import make_user
from tests.vendor import DEVICES, PATIENTS, vendor_clinic, wire_device, wire_page
from tests.vendor_stub import KEY, Reply, VendorStub

pytestmark = pytest.mark.django_db(transaction=True)

HTML = {"Content-Type": "text/html"}
BAD_ANSWERS = {
    "Tenovi answered with a web page instead of data.": Reply(200, f"<html>{KEY}</html>".encode(), HTML),
    "Tenovi answered with something unreadable instead of data.": Reply(200, b'{"results": [{"id"'),
    "Tenovi answered with nothing instead of data.": Reply(200, b""),
    "Tenovi’s answer has another shape than documented": Reply(200, {"results": KEY}),
    "Tenovi’s answer was larger than 8 MB.": Reply(200, b"[" + b"0," * (SIZE_CAP // 2) + b"0]"),
    "Tenovi’s answer came compressed, unasked.": Reply(200, b"[]", {"Content-Encoding": "gzip"}),
    "which is never followed": Reply(302, b"", {"Location": f"http://127.0.0.1:9/{KEY}/"}),
    "The connection broke before Tenovi’s answer was complete.": Reply(200, b"[]", {"Content-Length": "900"}),
    "Tenovi had an error of its own (502).": Reply(502, f"<h1>Bad Gateway</h1>{KEY}".encode(), HTML),
    "Tenovi refused the request (418).": Reply(418, {"detail": KEY}),
    "Tenovi asks us to slow down.": Reply(429, KEY.encode(), {"Retry-After": KEY}),
}
"""By what the operations page says about each. The vendor throws our key back where it can."""


@pytest.fixture
def clinic(stub: VendorStub) -> Clinic:
    return vendor_clinic()


def operations_page(clinic: Clinic, client: Client) -> str:
    client.force_login(make_user("admin@alpha.test", clinic, Role.CLINIC_ADMIN))
    page = client.get("/c/alpha/operations/").content.decode()
    return " ".join(page.replace("&#x27;", "’").split())


@pytest.mark.parametrize("sentence", BAD_ANSWERS)
def test_a_bad_answer_is_a_line_in_words_and_never_shows_the_key(
    stub: VendorStub, clinic: Clinic, client: Client, caplog: pytest.LogCaptureFixture, sentence: str
) -> None:
    stub.reply(DEVICES, BAD_ANSWERS[sentence])
    enqueue(clinic, RequestKind.DEVICES)
    with caplog.at_level(logging.DEBUG):
        assert drain().sent == 1
    assert Request.objects.for_clinic(clinic).get().reason  # kept
    page = operations_page(clinic, client)
    assert sentence in page
    kept = [*Request.objects.for_clinic(clinic).values(), *Call.objects.for_clinic(clinic).values()]
    assert KEY not in page + caplog.text + str(kept) + str(list(ParkedKey.objects.values()))


@pytest.mark.parametrize("sentence", sorted(BAD_ANSWERS.keys() - {"Tenovi asks us to slow down."}))
def test_a_bad_answer_holds_up_nothing_else(stub: VendorStub, clinic: Clinic, sentence: str) -> None:
    stub.reply(DEVICES, BAD_ANSWERS[sentence])
    stub.reply(PATIENTS, wire_page({"external_id": "mrn-1"}))
    for kind in (RequestKind.DEVICES, RequestKind.PATIENTS):
        enqueue(clinic, kind)
    drain()
    assert Patient.objects.for_clinic(clinic).count() == 1


def test_rows_of_wrong_types_are_counted_and_cost_no_other_row(
    stub: VendorStub, clinic: Clinic, client: Client
) -> None:
    wrong = ["text", 7, None, [], {"id": 5}, {"id": {}}, wire_device(2, name=["a", "list"])]
    stub.reply(DEVICES, wire_page(wire_device(1), *wrong, wire_device(3)))
    enqueue(clinic, RequestKind.DEVICES)
    drain()
    assert not Request.objects.for_clinic(clinic).exists()
    (call,) = Call.objects.for_clinic(clinic)
    assert (call.outcome, call.items) == ("answered", 9)
    assert call.failed >= 6
    assert f"{call.failed} unusable" in operations_page(clinic, client)
