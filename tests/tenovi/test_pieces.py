"""An element's own bytes: cut out of what came exactly as they were sent."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tenovi.strict_json import pieces_of, value_of
from tests.tenovi.any_json import values as json_values

BLANKS = st.text(" \t\r\n", max_size=3)


def spelt(draw: st.DrawFn, value: Any) -> str:
    """The value as JSON, spelt in one of the ways JSON allows."""
    return json.dumps(
        value,
        ensure_ascii=draw(st.booleans()),
        indent=draw(st.sampled_from([None, 0, 2])),
        separators=draw(st.sampled_from([(",", ":"), (" , ", " : ")])),
    )


@st.composite
def lists(draw: st.DrawFn) -> tuple[list[str], str]:
    """Elements as they are spelt, and the list they are in, with blanks around all of them."""
    pieces = [spelt(draw, value) for value in draw(st.lists(json_values, max_size=5))]
    around = [f"{draw(BLANKS)}{piece}{draw(BLANKS)}" for piece in pieces]
    return pieces, f"{draw(BLANKS)}[{','.join(around)}{'' if around else draw(BLANKS)}]{draw(BLANKS)}"


@given(lists(), st.booleans())
def test_each_element_of_a_list_is_what_was_sent_byte_for_byte(
    given: tuple[list[str], str], has_mark: bool
) -> None:
    pieces, text = given
    body = (b"\xef\xbb\xbf" if has_mark else b"") + text.encode("utf-8", "surrogatepass")
    if any("\ud800" <= sign <= "\udfff" for sign in text):
        return  # no bytes of UTF-8: refused before anything is cut
    assert pieces_of(body) == [piece.encode() for piece in pieces]
    assert [value_of(piece) for piece in pieces_of(body)] == value_of(body)


@given(lists(), st.dictionaries(st.sampled_from(["count", "next", "result", "previous"]), json_values))
def test_the_rows_of_a_page_are_cut_out_of_its_envelope(
    given: tuple[list[str], str], others: dict[str, Any]
) -> None:
    pieces, rows = given
    first, last = dict(list(others.items())[:2]), dict(list(others.items())[2:])
    members = [json.dumps({name: value})[1:-1] for name, value in first.items()]
    members.append(f'"results" : {rows}')
    members += [json.dumps({name: value})[1:-1] for name, value in last.items()]
    text = "{ " + " , ".join(members) + " }"
    if any("\ud800" <= sign <= "\udfff" for sign in text):
        return
    assert pieces_of(text.encode(), member="results") == [piece.encode() for piece in pieces]


@pytest.mark.parametrize(
    ("body", "pieces"),
    [
        (b' {"a": 1.50} \n', [b'{"a": 1.50}']),
        (b"[]", []),
        (
            b'[1e400, -0.0, 1E+2, "\\u00e9", "\xc3\xa9"]',
            [b"1e400", b"-0.0", b"1E+2", b'"\\u00e9"', b'"\xc3\xa9"'],
        ),
        (b'[{"a": 1, "a": 2}]', [b'{"a": 1, "a": 2}']),
        (b'{"results": [1]}', [b'{"results": [1]}']),
    ],
)
def test_numbers_stay_as_they_were_written(body: bytes, pieces: list[bytes]) -> None:
    assert pieces_of(body) == pieces
