"""What Kubernetes takes a text to mean: one line a fact about sigs.k8s.io/yaml (go-yaml v2, then JSON)."""

from __future__ import annotations

import math

import pytest

from kgate.load import scalars
from kgate.load.yaml import parse

PLAIN: list[tuple[str, object]] = [
    # Booleans are YAML 1.1's, in three casings each.
    *[(word, True) for word in ("y", "Y", "yes", "Yes", "YES", "on", "On", "ON", "true", "True", "TRUE")],
    *[(word, False) for word in ("n", "N", "no", "No", "NO", "off", "Off", "OFF", "false", "False", "FALSE")],
    *[(word, word) for word in ("yEs", "oN", "tRUE", "t", "f", "yess", "nope", "offf")],
    *[(word, None) for word in ("~", "null", "Null", "NULL")],
    ("nULL", "nULL"),
    ("nil", "nil"),
    # Integers: C's prefixes, old octals, underscores, 64 bits.
    ("0", 0),
    ("00", 0),
    ("7", 7),
    ("-7", -7),
    ("+5", 5),
    ("-0", 0),
    ("0777", 511),
    ("0o777", 511),
    ("0O17", 15),
    ("-010", -8),
    ("0x1F", 31),
    ("0X1f", 31),
    ("-0x10", -16),
    ("0b101", 5),
    ("0B11", 3),
    ("-0b101", -5),
    ("1_000", 1000),
    ("0x_ff", 255),
    ("9223372036854775807", 2**63 - 1),
    ("9223372036854775808", 2**63),
    ("18446744073709551615", 2**64 - 1),
    ("18446744073709551616", 18446744073709552000),
    ("-9223372036854775808", -(2**63)),
    # What looks like an integer and is none.
    ("0b12", "0b12"),
    ("0xg", "0xg"),
    ("0x", "0x"),
    ("0o8", "0o8"),
    ("1__", 1),
    ("_1", "_1"),
    ("0899", 899),
    ("09", 9),
    ("--1", "--1"),
    ("+-1", "+-1"),
    ("1 000", "1 000"),
    ("1,000", "1,000"),
    # No sexagesimals, no dates.
    ("22:22", "22:22"),
    ("1:30", "1:30"),
    ("190:20:30", "190:20:30"),
    ("2024-01-01", "2024-01-01"),
    ("2001-12-14t21:59:43.10-05:00", "2001-12-14t21:59:43.10-05:00"),
    ("12:30:45", "12:30:45"),
    # Floats; JSON writes an integral one as an integer.
    ("3.0", 3),
    ("1.10", 1.1),
    ("1.", 1),
    (".5", 0.5),
    ("-.5", -0.5),
    ("+1.5", 1.5),
    ("1e3", 1000),
    ("12e03", 12000),
    ("1E-2", 0.01),
    ("1.5e+3", 1500),
    (".5e1", 5),
    ("1_0.5", 10.5),
    ("1e20", 10**20),
    ("1e21", 1e21),
    ("-0.0", 0),
    ("1234e5678", "1234e5678"),
    ("1e", "1e"),
    ("e3", "e3"),
    (".", "."),
    ("..", ".."),
    ("1.2.3", "1.2.3"),
    (".1_0", 0.1),
    (".1__0", ".1__0"),
    (".1_", ".1_"),
    ("1_e3", 1000),
    ("0x1p-2", "0x1p-2"),
    ("infinity", "infinity"),
    ("nan", "nan"),
    ("NaN", "NaN"),
    # Strings that other readers take for something else.
    ("=", "="),
    ("+", "+"),
    ("v1", "v1"),
    ("1.27.0", "1.27.0"),
    ("10Mi", "10Mi"),
    ("100m", "100m"),
    ("25%", "25%"),
    ("nginx:1.27", "nginx:1.27"),
    ("<<x", "<<x"),
    ("a#b", "a#b"),
    ("a #b", "a"),
    ("http://x/y", "http://x/y"),
    ("'0777'", "0777"),
    ('"yes"', "yes"),
    ("''", ""),
    ('"a\\tb"', "a\tb"),
    ('"\\u00e9"', "é"),
    ("'it''s'", "it's"),
]


@pytest.mark.parametrize(("text", "value"), PLAIN)
def test_a_scalar_means_what_kubernetes_takes_it_for(text: str, value: object) -> None:
    parsed = parse(f"a: {text}\n")
    assert parsed.faults == ()
    assert parsed.data == {"a": value}
    assert type(parsed.data["a"]) is type(value)  # True is not 1, and 3 is not 3.0


KEYS: list[tuple[str, str]] = [
    ("y", "true"),
    ("on", "true"),
    ("No", "false"),
    ("1", "1"),
    ("0777", "511"),
    ("1.5", "1.5"),
    ("1.10", "1.1"),
    ("3.0", "3"),
    ("1e3", "1000"),
    ("1e6", "1e+06"),
    ("1234567.0", "1.234567e+06"),
    ("0.00001", "1e-05"),
    ("-2.5", "-2.5"),
    ("1e39", ".inf"),
    ("-3.5e38", "-.inf"),
    ("1e-50", "0"),
    (".inf", ".inf"),
    ("-.inf", "-.inf"),
    (".nan", ".nan"),
    ("2024-01-01", "2024-01-01"),
    ("=", "="),
    ("'y'", "y"),
    ("'<<'", "<<"),
    ("a b", "a b"),
    ("!!str 1", "1"),
    ("? a\n", "a"),
]


@pytest.mark.parametrize(("text", "key"), KEYS)
def test_a_key_is_written_as_json_writes_it(text: str, key: str) -> None:
    assert parse(f"{text}: v\n").data == {key: "v"}


STRUCTURES: list[tuple[str, object]] = [
    ("", None),
    ("# only a comment\n", None),
    ("---\n", None),
    ("null\n", None),
    ("~", None),
    ("\n\n  \n", None),
    ("a:\n", {"a": None}),
    ("a: {}\nb: []\n", {"a": {}, "b": []}),
    ("a:\n- 1\n- 2\n", {"a": [1, 2]}),
    ("a:\t1\n", {"a": 1}),
    ("a: [1, 2,]\n", {"a": [1, 2]}),
    ("{a: 1, b}\n", {"a": 1, "b": None}),
    ("[a: 1]\n", [{"a": 1}]),
    ('{"a":1}\n', {"a": 1}),
    ("a: |\n  x\n  y\n", {"a": "x\ny\n"}),
    ("a: >-\n  x\n  y\n", {"a": "x y"}),
    ("a: |2-\n   x\n", {"a": " x"}),
    ("a: x\n  y\n", {"a": "x y"}),
    ("a: 1\r\nb: 2\r\n", {"a": 1, "b": 2}),
    ("a: 1\rb: 2\r", {"a": 1, "b": 2}),
    ("a: x\x85b: 2\n", {"a": "x", "b": 2}),
    ("a: x\u2028b: 2\n", {"a": "x", "b": 2}),
    ("\ufeffa: 1\n", {"a": 1}),
    ("%YAML 1.1\n---\na: 1\n", {"a": 1}),
    ("--- # comment\na: 1\n...\n", {"a": 1}),
    # Anchors, aliases, merges.
    ("a: &x 1\nb: *x\n", {"a": 1, "b": 1}),
    ("a: &x 1\nb: &x 2\nc: *x\n", {"a": 1, "b": 2, "c": 2}),
    ("a: &x {k: 1}\nb:\n  <<: *x\n  l: 2\n", {"a": {"k": 1}, "b": {"k": 1, "l": 2}}),
    ("a: &x {k: 1}\nb: &y {l: 2}\nc: {<<: [*x, *y]}\n", {"a": {"k": 1}, "b": {"l": 2}, "c": {"k": 1, "l": 2}}),
    ("a: {<<: {k: 1}}\n", {"a": {"k": 1}}),
    ("a: {'<<': {k: 1}}\n", {"a": {"<<": {"k": 1}}}),
    ("a: {!!merge <<: {k: 1}}\n", {"a": {"k": 1}}),
    # Tags: written ones decide, unknown ones are ignored.
    ("a: !!str 5\n", {"a": "5"}),
    ("a: !!int '5'\n", {"a": 5}),
    ("a: !!float 3\n", {"a": 3}),
    ("a: !!bool 'yes'\n", {"a": True}),
    ("a: !!null ''\n", {"a": None}),
    ("a: !!binary aGVsbG8=\n", {"a": "hello"}),
    ("a: !!timestamp 2001-01-01\n", {"a": "2001-01-01"}),
    ("a: !foo 5\n", {"a": "5"}),
    ("a: ! 5\nb: &x ! yes\nc: [! 1e3]\n", {"a": "5", "b": "yes", "c": ["1e3"]}),
    ('a: what?\nb: "x?"\nc: [\'x?\']\nd: {e: "\\\\/"}\n', {"a": "what?", "b": "x?", "c": ["x?"], "d": {"e": "\\/"}}),
    ("a: &x b?\nc: [*x]\n", {"a": "b?", "c": ["b?"]}),
    ("a: !foo {b: 1}\n", {"a": {"b": 1}}),
    ("a: !!set {b, c}\n", {"a": {"b": None, "c": None}}),
    ("a: !!omap [b: 1]\n", {"a": [{"b": 1}]}),
]


@pytest.mark.parametrize(("text", "value"), STRUCTURES)
def test_a_structure_means_what_kubernetes_takes_it_for(text: str, value: object) -> None:
    parsed = parse(text)
    assert parsed.faults == ()
    assert parsed.data == value


def test_an_integer_of_thousands_of_digits_is_text_and_costs_nothing() -> None:
    digits = "1" * 5000
    assert parse(f"a: {digits}\n").data == {"a": digits}


def test_a_hexadecimal_of_thousands_of_digits_is_text() -> None:
    assert scalars.plain("0x" + "f" * 5000) == "0x" + "f" * 5000


def test_the_table_of_words_knows_not_a_number() -> None:
    value = scalars.plain(".nan")
    assert isinstance(value, float)
    assert math.isnan(value)
