"""What an edit does to a text: the change, and not a character more."""

from __future__ import annotations

import pytest

from kgate.edit import APPEND, Edit, Impossible, Operation
from kgate.fix.document import edited
from kgate.load import spots

REMOVE, INSERT, RENAME = Operation.REMOVE, Operation.INSERT, Operation.RENAME


def to(path: str, value: object = None, operation: Operation = Operation.SET, *, prune: int = 0) -> Edit:
    steps = tuple(int(s) if s.isdigit() else s for s in path.split("."))
    return Edit(path=steps, value=value, operation=operation, prune=prune)


def after(text: str, *edits: Edit) -> str:
    (page,) = [p for p in spots.pages(text) if p.body is not None]
    new, _ = edited(page, edits, spots)
    return text[: page.begin] + new + text[page.begin + len(page.text) :]


CASES = {
    "a value keeps its quotes and its comment": ('a: "x"  # why\nb: 1\n', to("a", "y"), 'a: "y"  # why\nb: 1\n'),
    "single quotes stay": ("a: 'x'\n", to("a", "it's"), "a: 'it''s'\n"),
    "a text that reads as something else is quoted": ("a: x\n", to("a", "yes"), 'a: "yes"\n'),
    "a number as text is quoted": ("a: x\n", to("a", "010"), 'a: "010"\n'),
    "an image is plain": ("a: x\n", to("a", "r.example:5000/a/b:1.2@sha256:0a"), "a: r.example:5000/a/b:1.2@sha256:0a\n"),
    "a true is a true": ("a: False\n", to("a", True), "a: true\n"),
    "a key is added behind the last": ("a:\n  b: 1\nz: 1\n", to("a.c", 2), "a:\n  b: 1\n  c: 2\nz: 1\n"),
    "before comments and blank lines": ("a:\n  b: 1\n\n  # c: 3\nz: 1\n", to("a.c", 2), "a:\n  b: 1\n  c: 2\n\n  # c: 3\nz: 1\n"),
    "behind the comment of the last line": ("a:\n  b: 1  # b\nz: 1\n", to("a.c", 2), "a:\n  b: 1  # b\n  c: 2\nz: 1\n"),
    "parents are made": ("a:\n    b: 1\n", to("a.c.d", [{"e": 1, "f": []}, 2]),
        "a:\n    b: 1\n    c:\n        d:\n            - e: 1\n              f: []\n            - 2\n"),
    "lists are indented as the others": ("a:\n- 1\nb: 1\n", to("c", [1]), "a:\n- 1\nb: 1\nc:\n- 1\n"),
    "null becomes a mapping": ("a:\nb: 1\n", to("a.c", 2), "a:\n  c: 2\nb: 1\n"),
    "null with a comment": ("a: ~ # no\nb: 1\n", to("a.c", 2), "a: # no\n  c: 2\nb: 1\n"),
    "empty braces become lines": ("a: {} # no\nb: 1\n", to("a.c", 2), "a: # no\n  c: 2\nb: 1\n"),
    "a flow mapping stays one": ("a: {b: 1}\n", to("a.c.d", "x"), "a: {b: 1, c: {d: x}}\n"),
    "braces have their spaces": ("z: { y: 1 }\na: { b: 1 }\n", to("a.c.d", "x"), "z: { y: 1 }\na: { b: 1, c: { d: x } }\n"),
    "a colon in braces is quoted": ("a: {b: x}\n", to("a.b", "c:1"), 'a: {b: "c:1"}\n'),
    "no line end at the end": ("a: 1\nb: 2", to("c", 3), "a: 1\nb: 2\nc: 3"),
    "CRLF": ("a:\r\n  b: 1\r\nc: 2\r\n", to("a.d", 3), "a:\r\n  b: 1\r\n  d: 3\r\nc: 2\r\n"),
    "a byte order mark": ("\ufeffa: 1\n", to("a", 2), "\ufeffa: 2\n"),
    "behind a block text": ("a:\n  b: |\n    x\n\nc: 1\n", to("a.d", 2), "a:\n  b: |\n    x\n  d: 2\n\nc: 1\n"),
    "a block text goes": ("a: |\n  x\n  y\nb: 1\n", to("a", "z"), "a: z\nb: 1\n"),
    "a list goes for another": ("a: # why\n  - x\n  - y\nb: 1\n", to("a", ["z"]), "a: # why\n  - z\nb: 1\n"),
    "a key goes with its lines": ("a:\n  b: 1\n  c:\n    d: 1\n  e: 2\n", to("a.c", operation=REMOVE), "a:\n  b: 1\n  e: 2\n"),
    "the last key goes": ("a: 1\nb: 2", to("b", operation=REMOVE), "a: 1"),
    "the only key leaves braces": ("a: # x\n  b: 1\nc: 1\n", to("a.b", operation=REMOVE), "a: {} # x\nc: 1\n"),
    "or nothing at all": ("a:\n  b:\n    c: 1\nd: 1\n", to("a.b.c", operation=REMOVE, prune=2), "d: 1\n"),
    "an item goes": ("a:\n  - b: 1\n    c: 2\n  - b: 2\n", to("a.0", operation=REMOVE), "a:\n  - b: 2\n"),
    "the only item leaves brackets": ("a:\n- 1\n", to("a.0", operation=REMOVE), "a: []\n"),
    "the first key of an item goes": ("a:\n- b: 1\n  c: 2\n", to("a.0.b", operation=REMOVE), "a:\n- c: 2\n"),
    "an entry in braces goes": ("a: {b: 1, c: 2, d: 3}\n", to("a.c", operation=REMOVE), "a: {b: 1, d: 3}\n"),
    "the last in brackets goes": ("a: [1, 2]\n", to("a.1", operation=REMOVE), "a: [1]\n"),
    "an item is put behind the last": ("a:\n- 1\n- 2\nb: 1\n", to(f"a.{APPEND}", "x", INSERT), "a:\n- 1\n- 2\n- x\nb: 1\n"),
    "an item is put in between": ("a:\n- 1\n- 2\n", to("a.1", {"x": 1}, INSERT), "a:\n- 1\n- x: 1\n- 2\n"),
    "into brackets": ("a: [b]\n", to(f"a.{APPEND}", "c", INSERT), "a: [b, c]\n"),
    "into empty brackets": ("a: []\n", to(f"a.{APPEND}", "c", INSERT), "a: [c]\n"),
    "a key gets another name": ('a:\n  "b": 1 # x\n', to("a.b", "c", RENAME), 'a:\n  "c": 1 # x\n'),
    "JSON on one line": ('{"a": {"b": 1}}', to("a.c.d", "x"), '{"a": {"b": 1, "c": {"d": "x"}}}'),
    "JSON on many": ('{\n\t"a": {\n\t\t"b": "\\ud83d\\ude00"\n\t}\n}\n', to("a.c.d", True),
        '{\n\t"a": {\n\t\t"b": "\\ud83d\\ude00",\n\t\t"c": {\n\t\t\t"d": true\n\t\t}\n\t}\n}\n'),
    "braces over many lines": ("a: {\n  b: 1, # b\n  c: 2 # c\n}\n", to("a.d", 3), "a: {\n  b: 1, # b\n  c: 2, # c\n  d: 3\n}\n"),
    "a word of another alphabet": ("a: 1 # ö\nß: {b: ü}\n", to("ß.c", 1), "a: 1 # ö\nß: {b: ü, c: 1}\n"),
    "a quoted key": ("a:\n  'b': 1\n", to("a.b", 2), "a:\n  'b': 2\n"),
    "a key that an alias does not touch": ("a: &x\n  b: 1\nc: *x\nd:\n  e: 1\n", to("d.f", 2),
        "a: &x\n  b: 1\nc: *x\nd:\n  e: 1\n  f: 2\n"),
    "behind an alias": ("a: &x 1\nd:\n  e: *x\nf: 1\n", to("d.g", 2), "a: &x 1\nd:\n  e: *x\n  g: 2\nf: 1\n"),
}  # fmt: skip


@pytest.mark.parametrize("name", CASES)
def test_an_edit_changes_what_it_has_to(name: str) -> None:
    text, edit, wanted = CASES[name]
    assert after(text, edit) == wanted


REFUSED = {
    "through an alias": ("a: &x\n  b: 1\nc: *x\n", to("c.b", 2), "an alias"),
    "where an anchor shares": ("a: &x\n  b: 1\nc: *x\n", to("a.b", 2), "the anchor `&x`"),
    "what is merged in": ("a: &x\n  b: 1\nc:\n  <<: *x\n  d: 1\n", to("c.b", 2), "merge"),
    "beside a merge": ("a: &x\n  b: 1\nc:\n  <<: *x\n  d: 1\n", to("c.e", 2), "merge"),
    "an anchor that is named elsewhere": ("a: 1\nb: &x 1\nc: *x\n", to("b", operation=REMOVE), "the anchor `&x`"),
    "what has an anchor of its own": ("a: &x 1\n", to("a", 2), "an anchor"),
    "what has a tag": ("a: !!str 1\n", to("a", "2"), "a tag"),
    "what is not there": ("a: 1\n", to("b", operation=REMOVE), "not there"),
    "below a single value": ("a: 1\n", to("a.b", 2), "no place for b"),
    "an item that is not there": ("a: [1]\n", to("a.3", 2), "no such item"),
    "the whole": ("a: 1\n", Edit(path=(), value=2), "a whole document"),
    "the last key of all": ("a: 1\n", to("a", operation=REMOVE), "the document would be empty"),
    "a comment between keys": ("a:\n- b: 1\n  # c\n  c: 2\n", to("a.0.b", operation=REMOVE), "a comment"),
    "a text at the end that has no line end": ("a:\n  b: |\n    x", to("a.c", 1), "would not mean"),
    "a text that keeps its blank lines": ("a:\n  b: |+\n    x\n\nc: 1\n", to("a.d", 2), "would not mean"),
    "a key in the long form": ("a:\n  ? b\n  : \n", to("a.b.c", 1), "uncommon"),
    "two names alike": ("a: {b: 1, c: 2}\n", to("a.b", "c", RENAME), "already"),
}  # fmt: skip


@pytest.mark.parametrize("name", REFUSED)
def test_what_cannot_be_changed_without_harm_is_refused(name: str) -> None:
    text, edit, reason = REFUSED[name]
    with pytest.raises(Impossible) as refused:
        after(text, edit)
    assert reason in refused.value.reason


def test_edits_of_one_place_make_one_parent() -> None:
    edits = [to("a.s.t", False), to("a.s.u.v", ["ALL"]), to("a.s.t", False)]
    assert after("a:\n  b: 1\n", *edits) == "a:\n  b: 1\n  s:\n    t: false\n    u:\n      v:\n        - ALL\n"


def test_items_that_go_together_are_counted_from_the_list_as_it_was() -> None:
    edits = [to("a.0", operation=REMOVE), to("a.2", operation=REMOVE), to("a.1.k", 9)]
    assert after("a:\n- k: 0\n- k: 1\n- k: 2\n- k: 3\n", *edits) == "a:\n- k: 9\n- k: 3\n"


def test_all_items_may_go() -> None:
    edits = [to(f"a.b.{i}", operation=REMOVE, prune=1) for i in range(3)]
    assert after("a:\n  b: [1, 2, 3]\n  c: 1\n", *edits) == "a:\n  c: 1\n"
    assert after("a:\n  b:\n  - 1\n  - 2\n  - 3\n  c: 1\n", *edits) == "a:\n  c: 1\n"


def test_a_document_with_directives_is_no_exception() -> None:
    assert after("%YAML 1.1\n---\na: 1\n", to("b", 2)) == "%YAML 1.1\n---\na: 1\nb: 2\n"
