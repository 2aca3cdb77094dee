"""The caret stands under the node, whatever the line is made of."""

from __future__ import annotations

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kgate.report import Style
from kgate.report.excerpt import excerpt
from kgate.report.style import width


def under(line: str, column: int) -> str:
    """What the carets mark when `line` is shown, cell by cell."""
    *_, shown, carets = excerpt([line], 1, column, Style())
    start, end = carets.index("^"), carets.rindex("^") + 1
    marked, at = "", 0
    for c in shown:
        at += width(c)
        if start < at <= end:
            marked += c
    return marked


@pytest.mark.parametrize(
    ("line", "column", "token"),
    [
        ("image: nginx", 8, "nginx"),
        ("image: nginx:1.27@sha256:0 # why", 8, "nginx:1.27@sha256:0"),
        ("image: nginx", 1, "image"),
        ("  - name: app", 5, "name"),
        ('command: ["a b", c]', 11, '"a b"'),
        ('command: ["a b", c]', 18, "c"),
        ("args: [a, b]", 7, "[a"),
        ("say: 'it''s' # no", 6, "'it''s'"),
        ('say: "a\\"b" # no', 6, '"a\\"b"'),
        ("url: http://a:80/b", 6, "http://a:80/b"),
        ("note: two words", 7, "two words"),
        ("labels: {a: b}", 10, "a"),
        ("labels: {a: b}", 13, "b"),
        ("\tname: x", 2, "name"),
        ("\u540d\u524d: \u5024\u6bb5 # x", 5, "\u5024\u6bb5"),
        ("e\u0301: x", 5, "x"),
        ("- |", 3, "|"),
    ],
)
def test_the_carets_mark_the_token_at_the_column(line: str, column: int, token: str) -> None:
    assert under(line, column) == token


@given(st.text(alphabet=st.characters(codec="utf-8", categories=["L", "N", "P", "S", "Mn"]), min_size=1, max_size=300), st.data())
def test_the_first_caret_is_under_the_column_also_in_a_long_line(line: str, data: st.DataObject) -> None:
    column = data.draw(st.integers(1, len(line)))
    if unicodedata.combining(line[column - 1]) or width(line[column - 1]) == 0:
        return
    *_, shown, carets = excerpt([line], 1, column, Style())
    at = 0
    for c in shown:
        if at >= carets.index("^") and width(c):
            break
        at += width(c)
    assert c == line[column - 1]


def test_a_column_behind_the_end_gets_one_caret_there() -> None:
    assert excerpt(["ab"], 1, 9, Style())[-1] == "  |   ^"


def test_a_line_that_does_not_exist_is_not_guessed() -> None:
    assert excerpt(["a"], 2, 1, Style()) == []
    assert excerpt([], 1, 1, Style()) == []


def test_a_long_line_is_shown_around_the_column() -> None:
    shown = excerpt(["a" * 5000 + " needle " + "b" * 5000], 1, 5002, Style())
    assert "needle" in shown[-2]
    assert all(len(row) < 140 for row in shown)
