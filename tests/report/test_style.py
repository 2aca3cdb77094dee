from __future__ import annotations

import pytest

from kgate.report import clock, colour_wanted, counted
from kgate.report.placement import _names
from kgate.report.style import columns, width


@pytest.mark.parametrize(
    ("option", "environ", "tty", "wanted"),
    [
        ("auto", {}, True, True),
        ("auto", {}, False, False),
        ("auto", {"TERM": "dumb"}, True, False),
        ("auto", {"FORCE_COLOR": "1", "TERM": "dumb"}, False, True),
        ("auto", {"CLICOLOR_FORCE": "1"}, False, True),
        ("auto", {"FORCE_COLOR": "0"}, False, False),
        ("auto", {"NO_COLOR": "1", "FORCE_COLOR": "1"}, True, False),
        ("auto", {"NO_COLOR": ""}, True, True),
        ("always", {"NO_COLOR": "1"}, False, True),
        ("never", {"FORCE_COLOR": "1"}, True, False),
    ],
)
def test_the_nearest_wish_about_colour_wins(option: str, environ: dict[str, str], tty: bool, wanted: bool) -> None:
    assert colour_wanted(option, environ, tty=tty) is wanted


@pytest.mark.parametrize(("ms", "told"), [(0, "0:00"), (999, "0:00"), (40_300, "0:40"), (600_000, "10:00"), (3_723_000, "1:02:03")])
def test_virtual_time_reads_as_a_clock(ms: int, told: str) -> None:
    assert clock(ms) == told


def test_numbers_agree_with_their_nouns() -> None:
    assert [counted(n, "error") for n in (0, 1, 2)] == ["0 errors", "1 error", "2 errors"]
    assert counted(2, "policy", "policies") == "2 policies"


def test_columns_are_aligned_by_cells_and_not_by_characters() -> None:
    lines = columns([("\u7db2", "1"), ("ab", "10"), ("e\u0301", "2")], right=frozenset({1}))
    assert lines == ["\u7db2   1", "ab  10", "e\u0301    2"]
    assert {width(line) for line in lines} == {6}


@pytest.mark.parametrize(
    ("names", "told"),
    [
        (["n1"], "n1"),
        (["node-b1", "node-b2", "node-b3"], "node-b1..b3"),
        (["a", "b"], "a..b"),
        (["ip-10-0-1-2", "ip-10-0-1-9"], "ip-10-0-1-2..9"),
        (["x-1", "y-2"], "x-1..y-2"),
    ],
)
def test_equal_nodes_are_named_by_their_ends(names: list[str], told: str) -> None:
    assert _names(names) == told
