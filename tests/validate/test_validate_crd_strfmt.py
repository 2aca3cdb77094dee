"""Formats of strings, as the server's parsers take them."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kgate.validate.crd.strfmt import FORMATS, answer, known


@pytest.mark.parametrize(
    ("form", "good", "bad", "unsure"),
    [
        ("date", ("2024-02-29", "0000-02-29"), ("2023-02-29", "2024-1-1", "2024-13-01", ""), ()),
        (
            "date-time",
            ("2024-05-01T12:00:00Z", "2024-05-01t12:00:00.5+02:00", "2024-05-01T12:00:00zTrest"),
            ("2024-05-01", "2024-05-01T24:00:00Z", "T"),
            (),
        ),
        ("duration", ("5s", "1h30m", ".5s", "1.h", "0", "-1us", "5 minutes", "2 d", "x1s"), ("", "5", "1y", "s", "9" * 30 + "s"), ()),
        ("ipv4", ("10.0.0.1", "010.0.0.1", "::ffff:1.2.3.4"), ("10.0.0", "::1", "256.0.0.1"), ()),
        ("ipv6", ("::1", "fe80::1"), ("10.0.0.1", "fe80::1%eth0", ""), ()),
        ("cidr", ("10.0.0.0/8", "::/0"), ("10.0.0.0", "10.0.0.0/33", "10.0.0.0/-1", "::/129"), ()),
        ("mac", ("00:11:22:33:44:55", "00-11-22-33-44-55", "0011.2233.4455"), ("00:11:22:33:44", "00:11-22:33:44:55"), ()),
        ("uuid", ("123e4567-e89b-12d3-a456-426614174000", "123E4567E89B12D3A456426614174000"), ("123e4567", ""), ()),
        ("uuid4", ("123e4567-e89b-42d3-a456-426614174000",), ("123e4567-e89b-12d3-a456-426614174000",), ()),
        ("byte", ("YWI=", "YWJj"), ("", "YWI", "a b="), ()),
        ("hostname", ("example.com", "a", "a-", "☃.net", "1.example"), ("-a", "a..b", "a.c0m", "a_b", "x" * 64), ()),
        ("uri", ("https://example.com/a?b=c", "/a/b", "*"), ("", "a/b"), ("mailto:a", "http://[::1]/")),
        ("email", ("a.b@example.com",), ("example.com",), ("A <a@b.c>", "a@")),
        ("isbn10", ("0321751043",), ("0321751044",), ()),
        ("isbn", ("978-0321751041", "0321751043"), ("978-0321751042",), ()),
        ("ssn", ("123-45-6789",), ("123456789", "123-45-678a"), ()),
        ("hexcolor", ("#FFF", "aabbcc"), ("#FFFF",), ()),
        ("rgbcolor", ("rgb(0, 128,255)",), ("rgb(0,0,256)", "rgb(0,0)"), ()),
        ("bsonobjectid", ("507f1f77bcf86cd799439011",), ("507f1f77",), ()),
        ("k8s-short-name", ("a-b",), ("A", "a.b", "a" * 64), ()),
        ("k8s-long-name", ("a.b-c",), ("a..b", "A"), ()),
        ("password", ("anything",), (), ()),
        ("creditcard", (), (), ("4111111111111111",)),
    ],
)
def test_formats_take_what_the_servers_parsers_take(
    form: str, good: tuple[str, ...], bad: tuple[str, ...], unsure: tuple[str, ...]
) -> None:
    answers = {text: answer(form, text, (1, 36)) for text in (*good, *bad, *unsure)}
    assert answers == {**dict.fromkeys(good, True), **dict.fromkeys(bad, False), **dict.fromkeys(unsure)}


def test_a_format_counts_from_the_minor_that_brought_it() -> None:
    assert known("k8s-short-name", (1, 34)) and not known("k8s-short-name", (1, 33))
    assert not known("quantity", (1, 36)) and known("date-time", (1, 25)) and known("datetime", (1, 25))


@given(st.sampled_from(sorted(FORMATS)), st.text(max_size=40) | st.text(alphabet="0123456789abcf:.-/Tt ", max_size=40))
def test_no_text_crashes_a_format(form: str, text: str) -> None:
    assert answer(form, text, (1, 36)) in (True, False, None)
