"""Promise 11: slow or huge senders cannot starve real ones."""

from __future__ import annotations

import itertools
import socket
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, suppress

import pytest

from clinics.models import Clinic
from tests.factories import credentials
from tests.faults.house import House
from tests.faults.ledger import Sender, check_ledger, check_readings, slowest, statuses, within

SLOW, SECONDS, POSTS_A_SECOND, PEACEFUL = 200, 30, 20, 100
MIB = 1024 * 1024

pytestmark = pytest.mark.timeout(180)


class Nuisance(threading.Thread):
    """Does the same thing over and over until told to stop; `answers` counts the statuses it met."""

    def __init__(self, once: Callable[[Nuisance], None]) -> None:
        super().__init__()
        self.enough, self.answers, self._once = threading.Event(), Counter[int](), once

    def run(self) -> None:
        while not self.enough.is_set():
            self._once(self)


def knock(house: House, clinic: Clinic, length: int) -> socket.socket:
    """A connection with the head of a post on it that declares a body of this length."""
    link = socket.create_connection(("127.0.0.1", house.port), timeout=30)
    lines = (
        f"POST /webhooks/{clinic.slug}/measurements/ HTTP/1.1",
        "Host: 127.0.0.1",
        f"Authorization: {credentials(clinic)}",
        f"Content-Length: {length}",
    )
    link.sendall("\r\n".join([*lines, "", ""]).encode())
    return link


def status_of(link: socket.socket) -> int:
    answer = link.recv(65536)
    if not answer:
        raise ConnectionError("hung up on without an answer")
    return int(answer.split(b" ", 2)[1])


@contextmanager
def one_byte_a_second(house: House, clinic: Clinic) -> Iterator[None]:
    links = [knock(house, clinic, MIB) for _ in range(SLOW)]

    def another_byte(nuisance: Nuisance) -> None:
        nuisance.enough.wait(1)
        for number, link in enumerate(links):
            try:
                link.sendall(b" ")
            except OSError:  # given up by the server: the next one, please
                link.close()
                links[number] = knock(house, clinic, MIB)

    with going_on(Nuisance(another_byte)):
        yield
    for link in links:
        link.close()


@contextmanager
def bodies_over_the_limit(house: House, clinic: Clinic) -> Iterator[None]:
    """One byte too much, and a whole gigabyte that is never sent; both are told 413."""

    def one_byte_too_much(nuisance: Nuisance) -> None:
        with knock(house, clinic, MIB + 1) as link:
            with suppress(OSError):  # refused and hung up on before all of it was sent
                link.sendall(b" " * (MIB + 1))
                nuisance.answers[status_of(link)] += 1
            nuisance.enough.wait(0.1)

    def a_gigabyte(nuisance: Nuisance) -> None:
        with knock(house, clinic, 1024 * MIB) as link:
            nuisance.answers[status_of(link)] += 1
            nuisance.enough.wait(0.1)

    small, large = Nuisance(one_byte_too_much), Nuisance(a_gigabyte)
    with going_on(small), going_on(large):
        yield
    assert large.answers.keys() == {413}
    assert small.answers.keys() <= {413}


@contextmanager
def going_on(nuisance: Nuisance) -> Iterator[None]:
    nuisance.start()
    try:
        yield
    finally:
        nuisance.enough.set()
        nuisance.join()


@pytest.mark.parametrize("nuisance", [one_byte_a_second, bodies_over_the_limit])
def test_who_sends_slowly_or_too_much_does_not_hold_up_who_sends_readings(
    house: House,
    clinic: Clinic,
    bodies: Iterator[bytes],
    nuisance: Callable[[House, Clinic], AbstractContextManager[None]],
) -> None:
    with Sender(house, clinic) as peaceful, Sender(house, clinic) as sender:
        peaceful.send_at(itertools.islice(bodies, PEACEFUL), POSTS_A_SECOND, threads=64)
        with nuisance(house, clinic), sender.steadily(bodies, a_second=POSTS_A_SECOND):
            time.sleep(SECONDS)
        peaceful.send_at(itertools.islice(bodies, PEACEFUL), POSTS_A_SECOND, threads=64)
    assert statuses(sender.posts).keys() == {200}
    assert len(sender.posts) > SECONDS * POSTS_A_SECOND / 2
    assert slowest(sender.posts) < within(1, slowest(peaceful.posts))
    check_ledger(clinic, sender.posts)
    check_readings(clinic, sender.posts)
