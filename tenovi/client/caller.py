"""Make one call to the vendor and classify its failures, for `tenovi.client.endpoints`.

One method call is one request: a list is read page by page, each page in its own slot. Nothing is
retried and no redirect is followed (the vendor redirects paths without a final slash, and the key is
lost on the way). Every failure is a `VendorError`, and none contains the key.
"""

from __future__ import annotations

import datetime
import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from email.utils import parsedate_to_datetime
from typing import Any, TypeVar
from urllib.parse import parse_qsl, quote, urlencode, urlsplit

import requests
import urllib3

from tenovi import strict_json
from tenovi.client import errors
from tenovi.client.gate import Gate
from tenovi.client.members import WrongShape
from tenovi.client.records import Page, PageEnd, page_of
from tenovi.client.transport import Exchange, send

DEADLINE = 30.0  # seconds from the first packet to the last, including the wait for our slot
READ_TIMEOUT = 20.0  # seconds of silence
SIZE_CAP = 8 * 1024 * 1024  # bytes; a page of 1,000 measurements has half a megabyte
PAGE_SIZE = 500  # the vendor allows 1,000
LONGEST_CURSOR = 2000  # characters of a `next` link's query
MOST_COMPLAINTS = 20
BRACES = re.compile(r"\{[^}]*\}")

T = TypeVar("T")
Body = Mapping[str, Any]
"""The JSON body of a write."""


@dataclass(frozen=True, slots=True)
class CallRecord:
    """One exchange for the log, without its content."""

    method: str
    path: str
    """The pattern of the path: `/hwi/hwi-devices/{id}/`."""
    status: int | None
    milliseconds: int
    error: errors.VendorError | None


class Caller:
    """Calls the vendor with one API key and one client domain.

    `gate` is asked before each request. `log` gets each exchange, failed ones included.
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
        self._base_url = base_url.rstrip("/")
        self._domain = domain
        self._headers = {"Authorization": f"Api-Key {api_key}", "Accept": "application/json"}
        self._gate = gate
        self._log = log
        self._deadline = deadline
        self._page_size = page_size
        self._under_way: Exchange | None = None

    def __repr__(self) -> str:
        return f"{type(self).__name__}(domain={self._domain!r})"

    def has_arrived(self) -> bool:
        """Whether the vendor's network has acknowledged the request under way. For any thread."""
        return self._under_way is not None and self._under_way.has_arrived()

    def _page(
        self,
        path: str,
        read: Callable[[Any], T],
        cursor: str,
        *,
        first: Mapping[str, Any] | None = None,
        name: str = "",
        unknown: errors.VendorError | None = None,
        forbidden: errors.VendorError | None = None,
    ) -> Page[T]:
        """Read one page. `first` is the query of the first page, `name` the record that has the list."""
        query = cursor or urlencode(first or {"page": 1, "page_size": self._page_size})

        def read_page(value: Any) -> Page[T]:
            page = page_of(value, read)
            return replace(page, next=_query_of(page.next, other_than=query))

        if not unknown and not name:
            unknown = self._domain_unknown()
        if not cursor:
            return self._call(
                "GET", path, read_page, name=name, query=query, unknown=unknown, forbidden=forbidden
            )
        try:
            return self._call("GET", path, read_page, name=name, query=query, forbidden=forbidden)
        except errors.NotFound:  # the list has become shorter, or the vendor lost its place
            return Page((), next="", total=None, unusable=0, end=PageEnd.GONE)

    def _one(self, path: str, read: Callable[[Any], T], name: str, noun: str) -> T:
        return self._call("GET", path, read, name=name, unknown=_unknown(noun))

    def _create(
        self,
        path: str,
        read: Callable[[Any], T],
        body: Body,
        *,
        unknown: errors.VendorError | None = None,
        forbidden: errors.VendorError | None = None,
    ) -> T:
        unknown = unknown or self._domain_unknown()
        return self._call("POST", path, read, body=body, unknown=unknown, forbidden=forbidden)

    def _change(self, path: str, read: Callable[[Any], T], name: str, body: Body, noun: str) -> T:
        """Change only the members named in `body`. A nested object is replaced whole."""
        return self._call("PATCH", path, read, name=name, body=body, unknown=_unknown(noun))

    def _delete(self, path: str, name: str | tuple[str, ...], noun: str) -> None:
        self._call("DELETE", path, lambda value: None, name=name, unknown=_unknown(noun), may_be_empty=True)

    def _domain_unknown(self) -> errors.DomainUnknown:
        """Return what a 404 means on a path that every client has: the client itself is unknown."""
        return errors.DomainUnknown(f"Tenovi does not know the client domain “{self._domain}”.", status=404)

    def _call(
        self,
        method: str,
        path: str,
        read: Callable[[Any], T],
        *,
        name: str | tuple[str, ...] = "",
        query: str = "",
        body: Body | None = None,
        unknown: errors.VendorError | None = None,
        forbidden: errors.VendorError | None = None,
        may_be_empty: bool = False,
    ) -> T:
        """Make one call and read its answer. `name` fills the braces of `path`.

        Raises `unknown` for a 404 and `forbidden` for a 401 or 403, where they are given.
        """
        names = () if name == "" and "{" not in path else (name,) if isinstance(name, str) else name
        exchange = self._under_way = Exchange(self._gate, self._deadline)
        failure: errors.VendorError | None = None
        status: int | None = None
        try:
            url = self._base_url + _filled(f"/clients/{{domain}}{path}", (self._domain, *names))
            status, value, answer = self._exchange(
                exchange, method, f"{url}?{query}" if query else url, body, may_be_empty
            )
            result = read(value)
            return replace(result, body=answer) if isinstance(result, Page) else result
        except WrongShape as problem:
            failure = errors.UnreadableAnswer(
                f"Tenovi's answer has another shape than documented: {problem}.", status=status
            )
        except errors.NotFound as problem:
            failure = unknown or problem
        except errors.KeyRefused as problem:
            failure = forbidden or problem
        except errors.VendorError as problem:
            failure = problem
        finally:
            status = failure.status if failure else status
            self._log(CallRecord(method, path, status, exchange.milliseconds(), failure))
        raise failure

    def _exchange(
        self, exchange: Exchange, method: str, url: str, body: Body | None, may_be_empty: bool
    ) -> tuple[int, Any, bytes]:
        """Send the request. Returns the status, the value, and the bytes it was read from."""
        with exchange:
            try:
                response, answer = send(
                    exchange,
                    method,
                    url,
                    headers=self._headers,
                    body=None if body is None else json.dumps(body).encode(),
                    read_timeout=min(READ_TIMEOUT, self._deadline),
                    size_cap=SIZE_CAP,
                )
            except (requests.RequestException, urllib3.exceptions.HTTPError, OSError, ValueError) as problem:
                raise self._without_answer(exchange, problem) from None
        if exchange.expired:  # an answer that was cut off may look complete
            raise self._without_answer(exchange)
        status = response.status_code
        _check_status(response, answer or b"")
        if answer is None:
            raise errors.TooLarge(f"Tenovi's answer was larger than {SIZE_CAP >> 20} MB.", status=status)
        if response.headers.get("Content-Encoding", "identity") != "identity":
            raise errors.UnreadableAnswer("Tenovi's answer came compressed, unasked.", status=status)
        if may_be_empty and not answer:
            return status, None, b""
        try:
            return status, strict_json.value_of(answer), answer
        except strict_json.Unreadable:
            raise errors.UnreadableAnswer(
                f"Tenovi answered with {_described(response, answer)} instead of data.", status=status
            ) from None

    def _without_answer(self, exchange: Exchange, problem: Exception | None = None) -> errors.VendorError:
        if not exchange.began_sending:
            return errors.Unreachable("Tenovi cannot be reached.")
        if exchange.expired:
            return errors.NoAnswer(f"Tenovi did not finish its answer within {self._deadline:g} seconds.")
        if isinstance(problem, requests.Timeout):
            return errors.NoAnswer("Tenovi did not answer in time.")
        return errors.NoAnswer("The connection broke before Tenovi's answer was complete.")


def _unknown(noun: str) -> errors.NotFound:
    return errors.NotFound(f"Tenovi does not know this {noun}.", status=404)


def _filled(path: str, names: tuple[str, ...]) -> str:
    """Fill the braces of the path in order. Raises Unaddressable for a name that would change the path.

    Percent-encoding keeps a slash or a question mark inside its name. It does not keep dots, which clients
    and proxies read as a way up, nor an empty name.
    """
    if not all(name.strip(".") for name in names):
        raise errors.Unaddressable("This id or client domain cannot stand in an address at Tenovi.")
    waiting = iter(names)
    return BRACES.sub(lambda _: quote(next(waiting), safe=""), path)


def _query_of(link: str, *, other_than: str) -> str:
    """Return the query of a `next` link, "" without one.

    Only the query, because the vendor's links name another host than the one that may have the key.
    """
    try:
        query = urlencode(parse_qsl(urlsplit(link).query))
    except ValueError:
        raise WrongShape("next") from None
    if link and (query in ("", other_than) or len(query) > LONGEST_CURSOR):
        raise WrongShape("next")
    return query


def _check_status(response: requests.Response, body: bytes) -> None:
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
    if status == 405:
        raise errors.NotOffered("Tenovi does not offer this for this account.", status=status)
    if 400 <= status < 500:
        raise errors.Invalid(
            f"Tenovi refused the request ({status}).", status=status, complaints=_complaints(body)
        )
    if not 200 <= status < 300:
        raise errors.ServerFailed(f"Tenovi had an error of its own ({status}).", status=status)


def _complaints(body: bytes) -> tuple[tuple[str, str], ...]:
    """Return the vendor's complaints as (member, text). Its answer is nested like the request."""
    try:
        waiting: list[tuple[str, Any]] = [("", strict_json.value_of(body))]
    except strict_json.Unreadable:
        return ()
    complaints: list[tuple[str, str]] = []
    while waiting and len(complaints) < MOST_COMPLAINTS:
        name, value = waiting.pop(0)
        if isinstance(value, dict):
            waiting.extend((f"{name}.{key}".strip(".")[:120], inner) for key, inner in value.items())
        elif isinstance(value, list):
            waiting.extend((name, inner) for inner in value)
        elif text := strict_json.storable_text(value, 300):
            complaints.append((strict_json.storable_text(name, 120), text))
    return tuple(complaints)


def _described(response: requests.Response, body: bytes) -> str:
    if not body:
        return "nothing"
    media_type = response.headers.get("Content-Type", "").partition(";")[0].strip().lower()
    return "a web page" if media_type == "text/html" else "something unreadable"


def _retry_after(headers: Mapping[str, str]) -> float | None:
    """Return the seconds of `Retry-After`, a number or an HTTP date; None when absent or unreadable."""
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
