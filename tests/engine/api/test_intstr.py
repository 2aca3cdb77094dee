"""Int-or-percent, as maxSurge and minAvailable have it."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kgate.engine.api.intstr import is_percent, percent, scaled


@pytest.mark.parametrize(
    ("written", "total", "up", "down"),
    [
        (3, 10, 3, 3),
        (0, 10, 0, 0),
        ("25%", 10, 3, 2),
        ("25%", 3, 1, 0),
        ("25%", 4, 1, 1),
        ("33%", 3, 1, 0),
        ("0%", 7, 0, 0),
        ("100%", 7, 7, 7),
        ("150%", 3, 5, 4),
        ("1%", 1, 1, 0),
        ("-50%", 3, -1, -2),
        ("+25%", 8, 2, 2),
        ("25%", 0, 0, 0),
    ],
)
def test_a_percentage_is_of_the_total_and_rounded_as_asked(written: int | str, total: int, up: int, down: int) -> None:
    assert scaled(written, total, round_up=True) == up
    assert scaled(written, total, round_up=False) == down


@pytest.mark.parametrize(
    ("written", "said"),
    [
        ("5", "invalid value for IntOrString: invalid type: string is not a percentage"),
        ("", "invalid value for IntOrString: invalid type: string is not a percentage"),
        ("x%", 'invalid value for IntOrString: invalid value "x%": strconv.Atoi: parsing "x": invalid syntax'),
        ("%", 'invalid value for IntOrString: invalid value "%": strconv.Atoi: parsing "": invalid syntax'),
        ("1.5%", 'invalid value for IntOrString: invalid value "1.5%": strconv.Atoi: parsing "1.5": invalid syntax'),
        (" 5%", 'invalid value for IntOrString: invalid value " 5%": strconv.Atoi: parsing " 5": invalid syntax'),
        (
            f"{2**63}%",
            f'invalid value for IntOrString: invalid value "{2**63}%": strconv.Atoi: parsing "{2**63}": value out of range',
        ),
    ],
)
def test_a_string_that_is_no_percentage_is_refused_in_upstreams_words(written: str, said: str) -> None:
    with pytest.raises(ValueError) as refused:
        scaled(written, 10, round_up=True)
    assert str(refused.value) == said


def test_only_a_string_with_a_percent_sign_is_a_percentage() -> None:
    assert is_percent("5%") and not is_percent("5") and not is_percent(5)
    assert percent("40%") == 40


@given(st.integers(min_value=0, max_value=1000), st.integers(min_value=0, max_value=100_000))
def test_rounding_up_and_down_differ_by_at_most_one(p: int, total: int) -> None:
    up, down = (scaled(f"{p}%", total, round_up=r) for r in (True, False))
    assert down <= p * total / 100 <= up <= down + 1
