"""The vendor's HWI API, one method per call. Facts: https://tenovi.com/api-docs/ and
https://docs.tenovi.com/hwi-api/.

One method call is one request at the vendor, and a list is read page by page, so that the caller
takes a second of the budget for each. Nothing is retried and no redirect is followed (the vendor
redirects paths without a final slash, and the key is lost on the way). Every failure is a
`VendorError`; the key stands in none of them.
"""

from __future__ import annotations

import datetime
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from email.utils import parsedate_to_datetime
from typing import Any, TypeVar
from urllib.parse import parse_qsl, quote, urlencode, urlsplit
from uuid import UUID

import requests
import urllib3

from tenovi import errors, wire
from tenovi.limiter import Gate
from tenovi.shapes import Device, DeviceType, Page, Patient, WrongShape, page_of
from tenovi.transport import Exchange, send

DEADLINE = 30.0  # seconds from the first packet to the last, the wait for our second included
READ_TIMEOUT = 20.0  # seconds of silence
SIZE_CAP = 8 * 1024 * 1024  # bytes; a page of 1,000 measurements has half a megabyte
PAGE_SIZE = 500  # the vendor allows 1,000
LONGEST_CURSOR = 2000  # characters of a `next` link's query

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class CallRecord:
    """What one exchange looked like from outside: enough for a log, nothing of its content."""

    method: str
    path: str
    """The path's pattern: `/hwi/hwi-devices/{id}/`."""
    status: int | None
    milliseconds: int
    error: errors.VendorError | None


class Open:
    """A gate that lets everything through, for a vendor without a limit (a test's stub)."""

    def ready(self) -> None: ...

    def sent(self) -> None: ...


class TenoviClient:
    """Speaks for one API key and one client domain.

    `gate` is asked before each request; `log` is told of each exchange, failed ones included.
    """

    def __init__(
        self,
        base_url: str,
        domain: str,
        api_key: str,
        *,
        gate: Gate,
        log: Callable[[CallRecord], None] = lambda record: None,
        deadline: float = DEADLINE,
        page_size: int = PAGE_SIZE,
    ) -> None:
        self._root = f"{base_url.rstrip('/')}/clients/{quote(domain, safe='')}"
        self._domain = domain
        self._headers = {"Authorization": f"Api-Key {api_key}", "Accept": "application/json"}
        self._gate = gate
        self._log = log
        self._deadline = deadline
        self._page_size = page_size

    def __repr__(self) -> str:
        return f"TenoviClient(domain={self._domain!r})"

    def devices(self, cursor: str = "") -> Page[Device]:
        """One page of the activated devices. `cursor` is the `next` of the page before."""
        return self._page("/hwi/hwi-devices/", Device.from_wire, cursor)

    def device(self, hwi_device_id: UUID | str) -> Device:
        """Raises `NotFound`."""
        return self._one("/hwi/hwi-devices/{id}/", Device.from_wire, str(hwi_device_id), "device")

    def device_types(self, cursor: str = "") -> Page[DeviceType]:
        """The devices this account may order."""
        return self._page("/hwi/hwi-device-types/", DeviceType.from_wire, cursor)

    def patients(self, cursor: str = "") -> Page[Patient]:
        return self._page("/hwi/hwi-patients/", Patient.from_wire, cursor)

    def patient(self, external_id: str) -> Patient:
        """The vendor ignores case here. Raises `NotFound`."""
        return self._one("/hwi/hwi-patients/{external_id}/", Patient.from_wire, external_id, "patient")

    def _page(self, path: str, read: Callable[[Any], T], cursor: str) -> Page[T]:
        query = cursor or urlencode({"page": 1, "page_size": self._page_size})

        def read_page(value: Any) -> Page[T]:
            page = page_of(value, read)
            return replace(page, next=_query_of(page.next, other_than=query))

        if not cursor:
            # Every client has this list: what is unknown is the client.
            unknown = errors.DomainUnknown(
                f"Tenovi does not know the client domain “{self._domain}”.", status=404
            )
            return self._call("GET", path, read_page, query=query, unknown=unknown)
        try:
            return self._call("GET", path, read_page, query=query)
        except errors.NotFound:  # the list has become shorter meanwhile
            return Page((), next="", total=None, unusable=0)

    def _one(self, path: str, read: Callable[[Any], T], name: str, noun: str) -> T:
        unknown = errors.NotFound(f"Tenovi does not know this {noun}.", status=404)
        return self._call("GET", path, read, name=name, unknown=unknown)

    def _call(
        self,
        method: str,
        path: str,
        read: Callable[[Any], T],
        *,
        name: str = "",
        query: str = "",
        unknown: errors.VendorError | None = None,
    ) -> T:
        """`name` fills the braces of `path`; `unknown` is what a 404 means here."""
        prefix, _, rest = path.partition("{")
        real = f"{prefix}{quote(name, safe='')}{rest.partition('}')[2]}" if rest else path
        url = f"{self._root}{real}" + (f"?{query}" if query else "")
        exchange = Exchange(self._gate, self._deadline)
        failure: errors.VendorError | None = None
        status: int | None = None
        try:
            status, value = self._exchange(exchange, method, url)
            return read(value)
        except WrongShape as problem:
            failure = errors.UnreadableAnswer(
                f"Tenovi's answer has another shape than documented: {problem}.", status=status
            )
        except errors.NotFound as problem:
            failure = unknown or problem
        except errors.VendorError as problem:
            failure = problem
        finally:
            status = failure.status if failure else status
            self._log(CallRecord(method, path, status, exchange.milliseconds(), failure))
        raise failure

    def _exchange(self, exchange: Exchange, method: str, url: str) -> tuple[int, Any]:
        with exchange:
            try:
                response, body = send(
                    exchange,
                    method,
                    url,
                    headers=self._headers,
                    read_timeout=min(READ_TIMEOUT, self._deadline),
                    size_cap=SIZE_CAP,
                )
            except (requests.RequestException, urllib3.exceptions.HTTPError, OSError, ValueError) as problem:
                raise self._without_answer(exchange, problem) from None
        if exchange.expired:  # what was cut off may look complete
            raise self._without_answer(exchange)
        status = response.status_code
        _check_status(response)
        if body is None:
            raise errors.TooLarge(f"Tenovi's answer was larger than {SIZE_CAP >> 20} MB.", status=status)
        if response.headers.get("Content-Encoding", "identity") != "identity":
            raise errors.UnreadableAnswer("Tenovi's answer came compressed, unasked.", status=status)
        try:
            return status, wire.value_of(body)
        except wire.Unreadable:
            raise errors.UnreadableAnswer(
                f"Tenovi answered with {_described(response, body)} instead of data.", status=status
            ) from None

    def _without_answer(self, exchange: Exchange, problem: Exception | None = None) -> errors.VendorError:
        if not exchange.began_sending:
            return errors.Unreachable("Tenovi cannot be reached.")
        if exchange.expired:
            return errors.NoAnswer(f"Tenovi did not finish its answer within {self._deadline:g} seconds.")
        if isinstance(problem, requests.Timeout):
            return errors.NoAnswer("Tenovi did not answer in time.")
        return errors.NoAnswer("The connection broke before Tenovi's answer was complete.")


def _query_of(link: str, *, other_than: str) -> str:
    """The query of a `next` link, "" without one. Only that: the vendor's links name another host
    than the one that may have the key."""
    try:
        query = urlencode(parse_qsl(urlsplit(link).query))
    except ValueError:
        raise WrongShape("next") from None
    if link and (query in ("", other_than) or len(query) > LONGEST_CURSOR):
        raise WrongShape("next")
    return query


def _check_status(response: requests.Response) -> None:
    status = response.status_code
    if status == 429:
        raise errors.TooManyRequests(
            "Tenovi asks us to slow down.", status=status, retry_after=_retry_after(response.headers)
        )
    if status in (401, 403):
        raise errors.KeyRefused("Tenovi refuses the API key.", status=status)
    if status == 404:
        raise errors.NotFound("Tenovi does not know this.", status=status)
    if 300 <= status < 400:
        raise errors.Redirected(
            f"Tenovi answered with a redirect ({status}), which is never followed.", status=status
        )
    if 400 <= status < 500:
        raise errors.Invalid(f"Tenovi refused the request ({status}).", status=status)
    if not 200 <= status < 300:
        raise errors.ServerFailed(f"Tenovi had an error of its own ({status}).", status=status)


def _described(response: requests.Response, body: bytes) -> str:
    if not body:
        return "nothing"
    media_type = response.headers.get("Content-Type", "").partition(";")[0].strip().lower()
    return "a web page" if media_type == "text/html" else "something unreadable"


def _retry_after(headers: Mapping[str, str]) -> float | None:
    """Seconds, from a number or an HTTP date; None when absent or unusable."""
    text = headers.get("Retry-After", "").strip()
    if text.isascii() and text.isdigit():
        return float(text)
    try:
        moment = parsedate_to_datetime(text)
    except ValueError:
        return None
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=datetime.UTC)
    return max(0.0, (moment - datetime.datetime.now(datetime.UTC)).total_seconds())
