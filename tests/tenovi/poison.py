"""Requests that the vendor cannot answer, one of each kind of failure, among many that it can."""

from __future__ import annotations

import threading

from clinics.models import Clinic
from tenovi.models import Request, RequestKind
from tenovi.outbound.enqueue import enqueue_each
from tests.vendor import empty_account
from tests.vendor_stub import Reply, VendorStub

GOOD = [f"good-{number:03}" for number in range(100)]
POISON = ("dropped", "silent", "failing", "html", "half")


class Poisoned:
    """A clinic's 100 good reads with a poison one after every twenty; the silent one hangs until the test ends."""

    def __init__(self, stub: VendorStub, clinic: Clinic) -> None:
        self.stub, self.clinic = stub, clinic
        self.over = threading.Event()
        stub.reply_to_everything(Reply(body={"external_id": "x"}))
        empty_account(stub)
        replies = {
            "dropped": Reply(raw=b"\n"),
            "silent": Reply(raw=b"\n", before=self.hang),
            "failing": Reply(500, b"<html>"),
            "html": Reply(200, b"<html>maintenance</html>", {"Content-Type": "text/html"}),
            "half": Reply(body=b'{"external_id": "x'),
        }
        for name in POISON:
            stub.reply(path_of(name), replies[name])
        for place, name in enumerate(POISON):
            enqueue_each(clinic, RequestKind.PATIENT, [name])
            enqueue_each(clinic, RequestKind.PATIENT, GOOD[place * 20 : place * 20 + 20])

    def hang(self) -> None:
        self.over.wait(60)

    def good_left(self) -> int:
        return Request.objects.for_clinic(self.clinic).filter(target__startswith="good").count()

    def parked(self) -> set[str]:
        rows = Request.objects.for_clinic(self.clinic).parked().filter(target__in=POISON, attempts=5)
        return set(rows.values_list("target", flat=True))

    def tries_of(self, name: str) -> int:
        return sum(path.endswith(path_of(name)) for path in self.stub.paths())


def path_of(name: str) -> str:
    return f"/hwi/hwi-patients/{name}/"
