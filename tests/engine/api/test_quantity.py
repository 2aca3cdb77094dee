"""resource.Quantity: exact, canonical, refused in the server's words."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kgate.engine.api.quantity import (
    FORMAT_WRONG,
    MAX_BINARY,
    NANO,
    SUFFIX_WRONG,
    ZERO,
    Notation,
    Quantity,
    canonical,
    milli,
    of,
    of_milli,
    parse,
    rounded_to_milli,
    value,
)


@pytest.mark.parametrize(
    ("text", "shown", "in_milli", "whole"),
    [
        ("0", "0", 0, 0),
        ("250m", "250m", 250, 1),
        ("0.25", "250m", 250, 1),
        ("1500m", "1500m", 1500, 2),
        ("2000m", "2", 2000, 2),
        ("3k", "3k", 3_000_000, 3000),
        ("1.5Gi", "1536Mi", 1536 * 2**20 * 1000, 1536 * 2**20),
        ("1Ki", "1Ki", 1_024_000, 1024),
        ("1023Ki", "1023Ki", 1023 * 1024 * 1000, 1023 * 1024),
        ("1024Ki", "1Mi", 2**20 * 1000, 2**20),
        # Under 1024 a binary suffix says nothing shorter than the number itself.
        ("0.5Ki", "512", 512_000, 512),
        ("0.0001Ki", "102400u", 103, 1),
        ("1e3", "1e3", 1_000_000, 1000),
        ("1E3", "1e3", 1_000_000, 1000),
        ("12e-3", "12e-3", 12, 1),
        ("1E", "1E", 10**21, 10**18),
        ("100n", "100n", 1, 1),
        ("0.1n", "1n", 1, 1),
        ("-1.5", "-1500m", -1500, -2),
        ("-2Gi", "-2Gi", -(2**31) * 1000, -(2**31)),
        ("+5", "5", 5000, 5),
        ("5.", "5", 5000, 5),
        (".5", "500m", 500, 1),
        ("+", "0", 0, 0),
        (".", "0", 0, 0),
        (" 1 ", "1", 1000, 1),
        ("007", "7", 7000, 7),
    ],
)
def test_a_quantity_is_read_exactly_and_shown_in_canonical_form(text: str, shown: str, in_milli: int, whole: int) -> None:
    q = parse(text)
    assert (str(q), milli(q), value(q)) == (shown, in_milli, whole)


@pytest.mark.parametrize(("number", "shown"), [(1, "1"), (0.5, "500m"), (1e22, "10e21"), (None, "0"), (-3, "-3")])
def test_a_number_of_json_is_read_as_its_text_and_null_is_zero(number: int | float | None, shown: str) -> None:
    assert str(parse(number)) == shown


@pytest.mark.parametrize("text", ["", "  ", "1 2", "1x", "1KI", "abc", "0x10", "1,5", "1Gi ?", "\u0661"])
def test_what_is_no_quantity_is_refused_as_the_server_refuses_it(text: str) -> None:
    with pytest.raises(ValueError) as refused:
        parse(text)
    assert str(refused.value) == FORMAT_WRONG


@pytest.mark.parametrize("text", ["1e", "1i", "1kk", "1Gii", "--1", "1E+", "1e999999999", "1e" + "9" * 5000])
def test_an_unknown_suffix_is_refused_as_the_server_refuses_it(text: str) -> None:
    with pytest.raises(ValueError) as refused:
        parse(text)
    assert str(refused.value) == SUFFIX_WRONG


@pytest.mark.parametrize("flag", [True, False])
def test_a_boolean_is_no_quantity(flag: bool) -> None:
    with pytest.raises(ValueError):
        parse(flag)


def test_an_endless_row_of_digits_is_refused_and_not_computed() -> None:
    with pytest.raises(ValueError, match="numeric part"):
        parse("9" * 100_000)


def test_a_binary_quantity_is_capped_at_the_largest_64_bit_integer() -> None:
    assert value(parse("9999Ei")) == MAX_BINARY
    assert value(parse("-9999Ei")) == -MAX_BINARY


def test_equality_ignores_how_the_amount_was_written() -> None:
    assert parse("1") == parse("1000m") == parse("1e0")
    assert hash(parse("1Ki")) == hash(parse("1024"))
    assert parse("1Gi") > parse("1G")


def test_sums_keep_the_notation_of_what_was_there_first() -> None:
    assert str(parse("1Gi") + parse("1Gi")) == "2Gi"
    assert str(ZERO + parse("1Gi")) == "1Gi"
    assert str(parse("1") - parse("250m")) == "750m"
    assert not parse("1Gi") - parse("1Gi")
    assert str(-parse("2")) == "-2"


def test_defaulting_rounds_up_to_thousandths() -> None:
    assert str(rounded_to_milli(parse("100u"))) == "1m"
    assert rounded_to_milli(parse("5")) is not None
    assert str(rounded_to_milli(parse("5"))) == "5"


NANOS = st.integers(min_value=-(10**30), max_value=10**30)


@given(NANOS, st.sampled_from([Notation.DECIMAL_SI, Notation.DECIMAL_EXPONENT]))
def test_canonical_text_reads_back_as_the_same_amount(nano: int, notation: Notation) -> None:
    q = Quantity(nano, notation)
    assert parse(canonical(q)) == q


@given(st.integers(min_value=-MAX_BINARY, max_value=MAX_BINARY))
def test_a_binary_quantity_reads_back_as_the_same_amount(whole: int) -> None:
    assert parse(canonical(of(whole, Notation.BINARY_SI))) == of(whole)


@given(NANOS)
def test_rounding_is_away_from_zero_and_by_less_than_one(nano: int) -> None:
    q = Quantity(nano)
    for rounded, unit in ((milli(q), 10**6), (value(q), NANO)):
        assert 0 <= (abs(rounded) * unit - abs(nano)) < unit
        assert rounded * nano >= 0


@given(st.text(alphabet="0123456789.+-eEinumkKMGTP ", max_size=12))
def test_any_text_is_a_quantity_or_a_value_error(text: str) -> None:
    try:
        q = parse(text)
    except ValueError:
        return
    assert parse(canonical(q)) == q


@given(st.integers(min_value=0, max_value=10**9))
def test_milli_of_milli_is_the_same(n: int) -> None:
    assert milli(of_milli(n)) == n
