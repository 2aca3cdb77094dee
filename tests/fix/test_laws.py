"""What holds for every text and every edit."""

from __future__ import annotations

import difflib
import json
from itertools import combinations
from typing import Any

import yaml
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from kgate.edit import APPEND, Edit, Impossible, Operation, made
from kgate.fix.document import edited, in_order, same
from kgate.fix.plan import _contrary
from kgate.load import spots
from kgate.manifest import Path

WORDS = ("name", "spec", "a", "b-c", "x/y", "on", "1", "with space", "ä")
KEYS = st.sampled_from(WORDS)
SCALARS = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-5, 5000),
    st.sampled_from(("x", "yes", "1.0", "nginx:1.27", "a b", "# no", "- x", "{}", "ü", "two\nlines\n")),
)
VALUES = st.recursive(SCALARS, lambda v: st.lists(v, max_size=3) | st.dictionaries(KEYS, v, max_size=3), max_leaves=6)
BODIES = st.dictionaries(KEYS, st.dictionaries(KEYS, VALUES, max_size=3) | st.lists(VALUES, max_size=3) | VALUES, min_size=1, max_size=4)


class _Dumper(yaml.SafeDumper):
    def ignore_aliases(self, data: Any) -> bool:
        return True


class _Indented(_Dumper):
    def increase_indent(self, flow: bool = False, indentless: bool = False) -> None:
        return super().increase_indent(flow, False)


@st.composite
def texts(draw: st.DrawFn) -> str:
    """A body as people write it: block, flow or JSON, with comments, either line end, with or without an end."""
    body = draw(BODIES)
    form = draw(st.sampled_from(("block", "block", "indented", "flow", "json", "pretty", "tabs")))
    if form in ("json", "pretty", "tabs"):
        text = json.dumps(body, indent={"json": None, "pretty": 2, "tabs": "\t"}[form], ensure_ascii=draw(st.booleans()))
    else:
        dumper = _Indented if form == "indented" else _Dumper
        text = yaml.dump(
            body,
            Dumper=dumper,
            default_flow_style=form == "flow",
            allow_unicode=True,
            sort_keys=False,
            indent=draw(st.sampled_from((2, 4))),
        )
        lines = text.splitlines(keepends=True)
        if draw(st.booleans()) and "two" not in text:
            lines = [("# here\n" if i % 3 == 0 else "") + line for i, line in enumerate(lines)]
        text = "".join(lines)
    text = text if draw(st.booleans()) else text.rstrip("\n")
    text = draw(st.sampled_from(("", "\ufeff", "# head\n\n"))) + text if form not in ("json",) else text
    return text.replace("\n", "\r\n") if draw(st.integers(0, 3)) == 0 else text


def paths(body: Any, path: Path = ()) -> list[Path]:
    inside = body.items() if isinstance(body, dict) else enumerate(body) if isinstance(body, list) else ()
    return [path, *(p for step, value in inside for p in paths(value, (*path, step)))]


@st.composite
def edits(draw: st.DrawFn, body: Any) -> Edit:
    path = draw(st.sampled_from(paths(body)))
    operation = draw(st.sampled_from((Operation.SET, Operation.SET, Operation.REMOVE, Operation.RENAME, Operation.INSERT)))
    if operation is Operation.SET and draw(st.booleans()):
        path = (*path, *draw(st.lists(KEYS, min_size=1, max_size=2)))
    if operation is Operation.INSERT and draw(st.booleans()):
        path = (*path, APPEND)
    value = draw(KEYS) if operation is Operation.RENAME else None if operation is Operation.REMOVE else draw(VALUES)
    return Edit(path=path, operation=operation, value=value, prune=draw(st.integers(0, 2)) if operation is Operation.REMOVE else 0)


@st.composite
def cases(draw: st.DrawFn) -> tuple[str, Any, list[Edit]]:
    text = draw(texts())
    found = [p for p in spots.pages(text) if isinstance(p.body, dict) and not p.faults]
    assume(len(found) == 1)
    return text, found[0], [draw(edits(found[0].body)) for _ in range(draw(st.integers(1, 3)))]


@settings(max_examples=400, deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much])
@given(cases())
def test_the_new_text_means_the_old_one_with_the_edits_made(case: tuple[str, Any, list[Edit]]) -> None:
    text, page, wanted = case
    assume(not any(_contrary(a, b) for a, b in combinations(wanted, 2)))  # a plan serves one of such edits and refuses the others
    try:
        new, body = edited(page, wanted, spots)
    except Impossible:
        return
    meant = page.body
    for edit in in_order(wanted):
        meant = made(meant, edit)
    (read,) = [p for p in spots.pages(text[: page.begin] + new + text[page.begin + len(page.text) :]) if p.body is not None]
    assert same(read.body, meant) and same(body, meant)
    assert read.faults <= page.faults


@settings(max_examples=400, deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much])
@given(cases())
def test_edits_of_one_place_are_made_or_refused_and_never_break(case: tuple[str, Any, list[Edit]]) -> None:
    text, page, wanted = case
    try:
        new, body = edited(page, wanted, spots)
    except Impossible:
        return
    (read,) = [p for p in spots.pages(text[: page.begin] + new + text[page.begin + len(page.text) :]) if p.body is not None]
    assert same(read.body, body)


@settings(max_examples=300, deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much])
@given(cases())
def test_lines_that_do_not_change_stay_byte_for_byte_and_in_order(case: tuple[str, Any, list[Edit]]) -> None:
    """One edit touches one stretch of lines: what stands before and behind it is as it was."""
    text, page, wanted = case
    try:
        new, _ = edited(page, wanted[:1], spots)
    except Impossible:
        return
    before, after = page.text.splitlines(keepends=True), new.splitlines(keepends=True)
    changed = [op for op in difflib.SequenceMatcher(None, before, after, autojunk=False).get_opcodes() if op[0] != "equal"]
    comments = [line for line in page.text.splitlines() if line == "# here" or line.startswith("# head")]
    if wanted[0].operation in (Operation.INSERT, Operation.RENAME):
        assert len(changed) <= 2
        assert [line for line in new.splitlines() if line == "# here" or line.startswith("# head")] == comments
    assert ("\r\n" in text) == ("\r\n" in new) or "\n" not in new
    assert "\r\n" not in new or "\n" not in new.replace("\r\n", "") or "\n" in text.replace("\r\n", "")


@settings(max_examples=200, deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much])
@given(cases())
def test_setting_what_is_set_already_changes_nothing_more(case: tuple[str, Any, list[Edit]]) -> None:
    _, page, wanted = case
    mine = [e for e in wanted if e.operation is Operation.SET][:1]
    try:
        once, _ = edited(page, mine, spots)
        (again,) = [p for p in spots.pages(once) if p.body is not None]
        twice, body = edited(again, mine, spots)
    except (Impossible, ValueError):
        return
    assert same(spots.page(once).body, body)
    assert len(twice.splitlines()) <= len(once.splitlines())
