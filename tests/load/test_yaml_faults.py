"""What Kubernetes refuses, with the place; and texts that are made to exhaust their reader."""

from __future__ import annotations

import time

import pytest

from kgate.load.yaml import MAX_FAULTS, parse

FAULTS: list[tuple[str, str, int, int, str]] = [
    ("a: 1\na: 2\n", "KG0004", 2, 1, 'key "a" is set twice'),
    ("a: 1\n'a': 2\n", "KG0004", 2, 1, 'key "a" is set twice'),
    ("a: {b: 1, b: 2}\n", "KG0004", 1, 11, 'key "b" is set twice'),
    ("y: 1\non: 2\n", "KG0004", 2, 1, 'key "true" is set twice'),
    ("x: &x {a: 1}\n<<: *x\na: 2\n", "KG0004", 3, 1, 'key "a" is set twice'),
    ("x: &x {a: 1}\na: 2\n<<: *x\n", "KG0004", 3, 1, "by a merge"),
    ("~: 1\n", "KG0008", 1, 1, "null is no key"),
    ("? [a]\n: 1\n", "KG0008", 1, 3, "a list is no key"),
    ("{a: b}: c\n", "KG0008", 1, 1, "a mapping is no key"),
    ("a: {{ .Values.x }}\n", "KG0008", 1, 5, "a mapping is no key"),
    ("18446744073709551615: 1\n", "KG0008", 1, 1, "is no key"),
    ("a: .inf\n", "KG0009", 1, 4, "no place in JSON"),
    ("a: [1, .nan]\n", "KG0009", 1, 8, "no place in JSON"),
    ("a: !!int x\n", "KG0009", 1, 4, "cannot be read as int"),
    ("a: !!binary '*'\n", "KG0009", 1, 4, "cannot be read as binary"),
    ("!!int x: 1\n", "KG0009", 1, 1, "cannot be read as int"),
    ("!!python/name:x k: 1\n", "KG0009", 1, 1, "!!python/name:x"),
    ("a: !!python/name:os.system\n", "KG0009", 1, 4, "!!python/name:os.system"),
    ("a: !!python/object:x {}\n", "KG0009", 1, 4, "!!python/object:x"),
    ("a: &a [*a]\n", "KG0006", 1, 4, "contains itself"),
    ("&a\nb: *a\n", "KG0006", 1, 1, "contains itself"),
    ("a: *x\n", "KG0003", 1, 4, "anchor that is not set"),
    ("<<: 1\n", "KG0003", 1, 1, "merges a mapping"),
    ("<<: [1]\n", "KG0003", 1, 1, "merges a mapping"),
    ("a: 1\n...\nb: 2\n", "KG0003", 3, 1, "text after the end"),
    ("a: [1, 2\nb: 3\n", "KG0003", 1, 4, "`[` is not closed"),
    ("a: {b: 1\nc: 2\n", "KG0003", 1, 4, "`{` is not closed"),
    ("a: [\n\n\n", "KG0003", 1, 4, "breaks off"),
    ("a: 'x\nb: 1\n", "KG0003", 1, 4, "never closed"),
    ("a: b: c\n", "KG0003", 1, 5, "a mapping begins inside a value"),
    ("k" * 2000 + ": 1\n", "KG0003", 1, 2001, "more than 1024 characters"),
    ("a:\n\t- b\n", "KG0003", 2, 1, "tab used for indentation"),
    ("a: @x\n", "KG0003", 1, 4, "cannot begin with `@`"),
    ("a:\n  b: 1\n c: 2\n", "KG0003", 3, 2, "neither a key of the mapping"),
    ("a: 1\nfoo\nb: 2\n", "KG0003", 2, 1, "without a colon"),
    ("- a\nb: 1\n", "KG0003", 2, 1, "neither an item of the list"),
    ("a: - b\n", "KG0003", 1, 4, "a list begins on the line of its key"),
    ('a: "\\q"\n', "KG0003", 1, 5, "unknown escape"),
    ('a: ["\\/"]\n', "KG0003", 1, 6, "no escape"),
    ("a: [http://x?y=1]\n", "KG0003", 1, 5, "unquoted value inside"),
    ("{a?: 1}\n", "KG0003", 1, 2, "unquoted value inside"),
    ("a: ]\n", "KG0003", 1, 4, "a value is expected here"),
    ("a: 1\n<<<<<<< HEAD\nb: 2\n=======\n", "KG0003", 2, 1, "git conflict marker"),
    ("%YAML 3.0\n---\na\n", "KG0003", 1, 1, "incompatible YAML document"),
    ("a: 1\nb: \x9b2J\n", "KG0002", 2, 4, "U+009B"),
    ("a: \x00\n", "KG0002", 1, 4, "U+0000"),
    ("é: \x1b[31m\n", "KG0002", 1, 4, "U+001B"),
    ("é: 1\né: 2\n", "KG0004", 2, 1, "é"),
    ("a: 1\r\nb: 1\r\na: 2\r\n", "KG0004", 3, 1, 'key "a"'),
    ("\u00fc: [é, .inf]\n", "KG0009", 1, 8, "no place in JSON"),
]


@pytest.mark.parametrize(("text", "rule", "line", "column", "words"), FAULTS)
def test_a_fault_stands_where_it_can_be_mended(text: str, rule: str, line: int, column: int, words: str) -> None:
    fault = parse(text).faults[0]
    assert (fault.rule.id, fault.place.line, fault.place.column) == (rule, line, column)
    assert words in fault.message


def test_all_faults_of_a_readable_document_are_told_and_its_data_is_kept() -> None:
    parsed = parse("a: 1\na: 2\nb: .inf\n~: 3\n")
    assert [f.rule.id for f in parsed.faults] == ["KG0004", "KG0009", "KG0008"]
    assert parsed.data == {"a": 2, "b": None}
    assert not parsed.broken


def test_a_thousand_faults_are_not_told_one_by_one() -> None:
    assert len(parse("a: 1\n" * 1000).faults) == MAX_FAULTS


def laughs(levels: int, width: int) -> str:
    lines = ["a0: &a0 [" + ", ".join(["x"] * width) + "]"]
    lines += [f"a{n}: &a{n} [" + ", ".join([f"*a{n - 1}"] * width) + "]" for n in range(1, levels)]
    return "\n".join(lines) + "\n"


def merges(levels: int) -> str:
    return "a0: &a0 {k: 1}\n" + "".join(f"a{n}: &a{n}\n  <<: [*a{n - 1}, *a{n - 1}]\n" for n in range(1, levels))


BOMBS: list[tuple[str, str, str]] = [
    ("a tower of brackets", "[" * 30_000 + "]" * 30_000, "KG0005"),
    ("a tower that is never closed", "[" * 100_000, "KG0005"),
    ("a tower of mappings", "{a: " * 10_000, "KG0005"),
    ("a tower of block lists", "- " * 100_000 + "x\n", "KG0005"),
    ("a tower of block mappings", "".join(" " * n + "a:\n" for n in range(1000)), "KG0005"),
    ("a tower of keys", "? " * 5000 + "x\n", "KG0005"),
    ("a billion laughs", laughs(20, 10), "KG0006"),
    ("a chain of merges that doubles", merges(60), "KG0006"),
    ("a megabyte named a thousand times", f"a: &a {'x' * 1_000_000}\nb: [" + "*a, " * 1000 + "]\n", "KG0006"),
    ("half a megabyte in a list named a thousand times", f"a: &a [{'x' * 500_000}]\nb: [" + "*a, " * 1000 + "]\n", "KG0006"),
]


@pytest.mark.parametrize(("text", "rule"), [b[1:] for b in BOMBS], ids=[b[0] for b in BOMBS])
def test_a_bomb_is_refused_before_it_goes_off(text: str, rule: str) -> None:
    begin = time.process_time()
    parsed = parse(text)
    assert parsed.faults[0].rule.id in (rule, "KG0004")
    assert rule in {f.rule.id for f in parsed.faults}
    assert time.process_time() - begin < 2


def test_many_aliases_of_something_small_are_no_bomb() -> None:
    parsed = parse("a: &a x\nb: [" + "*a, " * 50_000 + "]\n")
    assert parsed.faults == ()
    assert isinstance(parsed.data, dict)
    assert len(parsed.data["b"]) == 50_000


def test_three_hundred_levels_are_read_and_one_more_is_not() -> None:
    assert not parse("[" * 300 + "]" * 300).faults
    assert parse("[" * 302 + "]" * 302).faults
