"""Patterns mean what they mean in Go, or are not checked."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kgate.validate.crd.pattern import MAX_TEXT, matcher


def answer(pattern: str, text: str) -> bool | None:
    matches = matcher(pattern)
    return matches(text) if matches else None


@pytest.mark.parametrize(
    ("pattern", "text", "matches"),
    [
        ("^[a-z]([-a-z0-9]*[a-z0-9])?$", "web-1", True),
        ("b", "abc", True),
        ("^b$", "b\n", False),
        ("(?m)^b$", "a\nb\nc", True),
        (".", "\n", False),
        ("(?s).", "\n", True),
        ("(?s:.)(?-s:.)", "\n\n", False),
        (r"^\d$", "٣", False),
        (r"^\w$", "é", False),
        (r"^\s$", "\v", False),
        (r"^\S$", "\v", True),
        (r"^[^\D-]$", "1", True),
        (r"^[\W]$", "_", False),
        (r"^[^/]$", "\n", True),
        ("^[[:alpha:]_]+$", "ab_", True),
        ("^[]a]$", "]", True),
        ("^[a&&b]$", "&", True),
        ("^[[a]$", "[", True),
        (r"^[a\]-]+$", "-]", True),
        (r"\bx\b", "a x", True),
        (r"\bx", "éx", True),
        (r"\Ax\z", "x", True),
        ("^a{2,3}$", "aaa", True),
        ("a{,3}", "a{,3}", True),
        ("^a{x}$", "a{x}", True),
        (r"\Q.*\E", ".*", True),
        (r"\Q.*", "a*", False),
        (r"^\x41\x{e9}\.\-$", "Aé.-", True),
        (r"^\pL\p{Greek}$", "éα", True),
        (r"^\PL$", "é", False),
        ("(?i)^kelvin$", "\u212aELVIN", True),
        ("^(?:(?i)a)b$", "AB", False),
        ("^(?P<first>a)(?<second>b)(?:c)$", "abc", True),
        ("^$", "", True),
        ("a|b$", "xb", True),
        ("^a+?$", "aa", True),
    ],
)
def test_a_pattern_is_read_as_go_reads_it(pattern: str, text: str, matches: bool) -> None:
    assert answer(pattern, text) is matches


@pytest.mark.parametrize(
    "pattern",
    ["(?=a)", "(?<!a)", r"\1", r"\8", "a**", "a{1001}", "a{2,1}", "(a", "a)", "[a", "[z-a]", r"[a-\d]", "a\\", r"\Z", "[[:nothing:]]",
     r"\p{Klingon}",     "a{1000}{1000}", r"\x{110000}", r"\x{d800}", "*", "x" * 4001],
)  # fmt: skip
def test_what_may_mean_something_else_is_not_checked(pattern: str) -> None:
    assert matcher(pattern) is None


def test_texts_that_are_too_long_or_no_text_are_not_checked() -> None:
    assert answer("a", "b" * (MAX_TEXT + 1)) is None
    assert answer("a", "\ud800") is None


@given(st.text(max_size=20), st.text(max_size=20))
def test_no_pattern_crashes_the_reader(pattern: str, text: str) -> None:
    assert answer(pattern, text) in (True, False, None)


@given(st.text(alphabet="ab1_ -.\n", max_size=8), st.from_regex(r"\A(\^?(\[\^?[ab1]-?\]|a|b|\\d|\\w|\.)[*+?]?){1,4}\$?\Z"))
def test_simple_patterns_mean_what_they_mean_in_python(text: str, pattern: str) -> None:
    python = re.search(re.sub(r"\$$", r"\\Z", pattern), text, re.ASCII)
    assert answer(pattern, text) in (None, python is not None)
