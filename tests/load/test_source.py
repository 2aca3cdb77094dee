"""Documents of a file, and the way back from data to the place in the text."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kgate.load.source import MAX_TREES, Text, read
from kgate.manifest import Location, Path


def text(content: str) -> Text:
    return Text(file="x.yaml", text=content, documents={d.index: d for d, _ in read(content)})


def numbered(content: str) -> dict[int, Any]:
    return {d.index: p.data for d, p in read(content) if p.data is not None}


def place(line: int, column: int) -> Location:
    return Location(line=line, column=column)


DOCUMENTS: list[tuple[str, dict[int, Any]]] = [
    ("a: 1\n", {0: {"a": 1}}),
    ("a: 1\n---\nb: 2\n", {0: {"a": 1}, 1: {"b": 2}}),
    ("---\na: 1\n", {1: {"a": 1}}),
    ("---\n---\na: 1\n---\n", {2: {"a": 1}}),
    ("a: 1\n--- # comment\nb: 2\n", {0: {"a": 1}, 1: {"b": 2}}),
    ("# comment\n---\na: 1\n", {1: {"a": 1}}),
    ("a: 1\r\n---\r\nb: 2\r\n", {0: {"a": 1}, 1: {"b": 2}}),
    ("a: |\n  ---\n  x\n", {0: {"a": "---\nx\n"}}),
    ("\ufeffa: 1\n---\n\ufeffb: 2\n", {0: {"a": 1}, 1: {"b": 2}}),
    ("%YAML 1.2\n---\na: 1\n", {1: {"a": 1}}),
    ('{"a": 1}\n{"b": 2}\n', {0: {"a": 1}, 1: {"b": 2}}),
    ('{"a": 1}{"b": 2}', {0: {"a": 1}, 1: {"b": 2}}),
    ('{"a": 1}\n---\n{"b": 2}\n', {0: {"a": 1}, 1: {"b": 2}}),
    ('{"a": 1}\n{"b": 2}\n---\n{"c": 3}\n', {0: {"a": 1}, 1: {"b": 2}, 2: {"c": 3}}),
    ('{"a": 1} # done\n', {0: {"a": 1}}),
    ('{"a": "\\ud83d\\ude00", "b": "\\ud83d", "c": 1.0, "d": 1e3}', {0: {"a": "\U0001f600", "b": "\ufffd", "c": 1, "d": 1000}}),
    ("{a: 1}\n", {0: {"a": 1}}),
    ('{"a": 1,}\n', {0: {"a": 1}}),
    ('\t{"a":\t1}\n', {0: {"a": 1}}),
]


@pytest.mark.parametrize(("content", "documents"), DOCUMENTS)
def test_a_file_comes_apart_as_kubectl_takes_it_apart(content: str, documents: dict[int, Any]) -> None:
    assert numbered(content) == documents


def test_a_broken_document_does_not_hide_its_neighbours() -> None:
    parsed = list(read("a: 1\n---\nb: [\n---\nc: 3\n"))
    assert [p.data for _, p in parsed] == [{"a": 1}, None, {"c": 3}]
    document, broken = parsed[1]
    assert document.here(broken.faults[0].place) == place(3, 4)


POD = """# pods
apiVersion: v1
spec:
  containers:
  - name: é
    ports: [{x: 1}, {z: 2}]
  empty:
labels: &l
  "a/b": c
  yes: no
other:
  <<: *l
  own: 1
"""

PLACES: list[tuple[Path, bool, int, int]] = [
    ((), False, 2, 1),
    (("apiVersion",), False, 2, 13),
    (("apiVersion",), True, 2, 1),
    (("spec", "containers"), False, 5, 3),
    (("spec", "containers"), True, 4, 3),
    (("spec", "containers", 0), False, 5, 5),
    (("spec", "containers", 0, "name"), False, 5, 11),
    (("spec", "containers", 0, "ports", 1), True, 6, 21),
    (("spec", "containers", 0, "ports", 1, "z"), False, 6, 25),
    (("spec", "empty"), True, 7, 3),
    (("labels", "a/b"), False, 9, 10),
    (("labels", "true"), True, 10, 3),
    (("other", "own"), False, 13, 8),
    (("other", "a/b"), False, 9, 10),  # where the merged node stands
    (("other", "a/b"), True, 9, 3),
    # What does not exist is answered with its nearest ancestor.
    (("nope",), False, 2, 1),
    (("spec", "containers", 0, "resources"), False, 5, 5),
    (("spec", "containers", 7), False, 5, 3),
    (("spec", "containers", 0, "resources", "limits"), True, 5, 5),
    (("spec", "nope"), True, 3, 1),
    (("apiVersion", "deeper"), False, 2, 13),
]


@pytest.mark.parametrize(("path", "key", "line", "column"), PLACES)
def test_every_path_has_a_place(path: Path, key: bool, line: int, column: int) -> None:
    assert text(POD).locate(0, path, key=key) == place(line, column)


def test_places_count_from_the_top_of_the_file() -> None:
    source = text("\ufeffa: 1\r\n---\r\n# x\r\nb: {c: 2}\r\n")
    assert source.locate(1, ("b", "c"), key=True) == place(4, 5)
    assert source.lines() == ("a: 1", "---", "# x", "b: {c: 2}")


def test_a_byte_order_mark_is_no_column() -> None:
    assert text("\ufeffa: 1\n").locate(0, ("a",), key=False) == place(1, 4)


def test_a_self_merging_mapping_is_located_without_end() -> None:
    assert text("a: &a\n  b: 1\n  <<: *a\n").locate(0, ("a", "zz"), key=False) == place(1, 4)


JSON_PLACES: list[tuple[Path, bool, int, int]] = [
    ((), False, 1, 1),
    (("a",), True, 1, 2),
    (("a",), False, 1, 7),
    (("a", "b", 1), False, 2, 2),
    (("a", "b", 1, 'q"'), True, 2, 3),
    (("a", "b", 1, 'q"'), False, 2, 11),
    (("a", "zz"), False, 1, 7),
]


@pytest.mark.parametrize(("path", "key", "line", "column"), JSON_PLACES)
def test_json_has_exact_places_too(path: Path, key: bool, line: int, column: int) -> None:
    assert text('{"a": {"b": [1,\n {"q\\"" : "}\\""}]}}').locate(0, path, key=key) == place(line, column)


def test_each_document_of_a_json_stream_has_its_place() -> None:
    source = text('{"a": 1} {"b": 2}\n  {"c": 3}\n')
    assert source.locate(1, ("b",), key=False) == place(1, 16)
    assert source.locate(2, ("c",), key=True) == place(2, 4)


words = st.text(alphabet="abcyéß \U0001f600", min_size=1, max_size=5)
values = st.recursive(
    st.none() | st.booleans() | st.integers(-1000, 1000) | words,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(words, inner, max_size=4),
    max_leaves=20,
)


def paths(value: Any, path: Path = ()) -> list[tuple[Path, Any]]:
    below = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    return [(path, value), *(found for step, v in below for found in paths(v, (*path, step)))]


@settings(max_examples=60, deadline=None)
@given(st.dictionaries(words, values, max_size=5), st.sampled_from([None, 2]), st.booleans())
def test_what_stands_at_a_place_is_what_was_asked_for(data: dict[str, Any], indent: int | None, flow: bool) -> None:
    """The text from the place on begins with the value's own JSON, whether it was read as JSON or as YAML."""
    dumped = json.dumps(data, ensure_ascii=False, indent=indent)
    content = dumped if flow else f"{dumped}  # so that it is YAML\n"
    source = text(content)
    assert numbered(content) == {0: data}
    lines = source.lines()
    for path, value in paths(data):
        found = source.locate(0, path, key=False)
        rest = "\n".join((lines[found.line - 1][found.column - 1 :], *lines[found.line :]))
        assert json.JSONDecoder().raw_decode(rest)[0] == value


@settings(max_examples=300, deadline=None)
@given(st.text() | st.text(alphabet="ab:-[]{}&*<>!|'\"#%,?@ \n\t~01.=", max_size=40))
def test_any_text_is_read_without_an_exception(content: str) -> None:
    for document, parsed in read(content):
        assert parsed.data is None or not parsed.broken
        for fault in parsed.faults:
            assert document.here(fault.place).line >= 1
            assert document.here(fault.place).column >= 1
    text(content).locate(0, ("a", 0, "b"), key=True)


JSON_VALUES: list[tuple[str, object]] = [
    ("18446744073709551615", 2**64 - 1),
    ("123456789012345678901234567890", 1.2345678901234568e29),
    ("-9223372036854775809", -9.223372036854775809e18),
    ("3.0", 3),
    ("NaN", "NaN"),  # no JSON, so the YAML reader takes it: text
    ("1e999", "1e999"),
    ('"\\/"', "/"),
    ('"a?"', "a?"),
    ('[{"b": "\\ud83d"}]', [{"b": "\ufffd"}]),
]


@pytest.mark.parametrize(("literal", "value"), JSON_VALUES)
def test_json_values_are_read_as_go_reads_them(literal: str, value: object) -> None:
    assert numbered(f'{{"a": {literal}}}') == {0: {"a": value}}


JSON_FAULTS: list[tuple[str, str, int, int]] = [
    ('{"a": 1,\n "a": 2}', "KG0004", 2, 2),
    ('{"a": ' + "[" * 400 + "]" * 400 + "}", "KG0005", 1, 305),
    ('{"a":' * 50_000, "KG0005", 1, 1496),
    ('{"a": [1\n}', "KG0003", 1, 7),
    ('{"a": 1}\n{"b": [\n', "KG0003", 2, 7),
]


@pytest.mark.parametrize(("content", "rule", "line", "column"), JSON_FAULTS)
def test_a_fault_of_json_has_its_place(content: str, rule: str, line: int, column: int) -> None:
    document, parsed = list(read(content))[-1]
    found = document.here(parsed.faults[0].place)
    assert (parsed.faults[0].rule.id, found.line, found.column) == (rule, line, column)


def test_only_the_trees_asked_about_last_are_kept() -> None:
    source = text("---\n".join(f"a{n}: {{b: {n}}}\n" for n in range(40)))
    places = [source.locate(n, (f"a{n}", "b"), key=False) for n in range(40)]
    assert places == [place(2 * n + 1, 6 + len(str(n)) + 2) for n in range(40)]
    assert len(source.trees._kept) == MAX_TREES


def test_a_place_in_a_document_that_cannot_be_read_is_its_beginning() -> None:
    source = text("a: 1\n---\nb: [\n")
    assert source.locate(1, ("b", 0), key=False) == place(3, 1)
    assert source.locate(7, (), key=False) == place(1, 1)
