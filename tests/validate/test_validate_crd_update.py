"""Custom resources that replace something: what did not change is taken as it is, and rules about changes are asked."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings

from kgate.manifest import Manifest
from kgate.validate import Judged, judge
from kgate.validate.crd import cel
from tests.validate.test_validate_crd import INTEGER, STRING, definition, properties, widget
from tests.validate.test_validate_openapi import json_values
from tests.validate.validated import Nowhere

needs_engine = pytest.mark.skipif(not cel.available(), reason="the extra cel is not installed")

SMALL = {**INTEGER, "maximum": 10}
ENTRY = {"type": "object", "required": ["name"], "properties": {"name": STRING, "port": SMALL}}
KEYED = {"type": "array", "items": ENTRY, "x-kubernetes-list-type": "map", "x-kubernetes-list-map-keys": ["name"]}
ATOMIC = {"type": "array", "items": ENTRY}
LOOSE = properties(n=INTEGER, m=INTEGER, list={**KEYED, "items": {**ENTRY, "properties": {"name": STRING, "port": INTEGER}}})
STRICT = properties(n=SMALL, m=INTEGER, list=KEYED)


def changed(before: list[dict[str, Any]], after: list[dict[str, Any]], version: str = "1.36") -> Judged:
    head, base = ([Manifest(source=Nowhere(), document=i, body=body) for i, body in enumerate(side)] for side in (after, before))
    return judge(head, version, base=base)


def fields(before: list[dict[str, Any]], after: list[dict[str, Any]], version: str = "1.36") -> list[str]:
    return [f.path for f in changed(before, after, version).findings]


def test_what_did_not_change_may_be_wrong_by_a_definition_that_became_stricter() -> None:
    before = [definition(LOOSE), widget({"n": 20, "m": 1})]
    assert not fields(before, [definition(STRICT), widget({"n": 20, "m": 2})])
    assert fields(before, [definition(STRICT), widget({"n": 21, "m": 1})]) == ["/spec/n"]
    assert fields(before, [definition(STRICT), widget({"n": 20, "m": 2})], "1.29") == ["/spec/n"]


def test_items_of_a_list_by_key_belong_together_wherever_they_stand() -> None:
    old = [{"name": "a", "port": 80}, {"name": "b", "port": 1}]
    new = [{"name": "c", "port": 1}, {"name": "a", "port": 80}]
    before = [definition(LOOSE), widget({"list": old})]
    assert not fields(before, [definition(STRICT), widget({"list": new})])
    assert fields(before, [definition(STRICT), widget({"list": [{"name": "c", "port": 80}]})]) == ["/spec/list/0/port"]


def test_items_of_other_lists_do_not() -> None:
    loose = properties(list={"type": "array", "items": {"type": "object", "properties": {"port": INTEGER}}}, m=INTEGER)
    strict = properties(list={"type": "array", "items": {"type": "object", "properties": {"port": SMALL}}}, m=INTEGER)
    before = [definition(loose), widget({"list": [{"port": 80}], "m": 1})]
    assert fields(before, [definition(strict), widget({"list": [{"port": 80}, {"port": 1}]})]) == ["/spec/list/0/port"]
    assert not fields(before, [definition(strict), widget({"list": [{"port": 80}], "m": 2})])


def test_what_the_server_never_took_is_new() -> None:
    before = [definition(STRICT), widget({"n": 20, "m": 1})]
    assert fields(before, [definition(STRICT), widget({"n": 20, "m": 2})]) == ["/spec/n"]


def test_without_a_base_every_part_is_new() -> None:
    assert fields([], [definition(STRICT), widget({"n": 20})]) == ["/spec/n"]


FIXED = properties(
    n={**INTEGER, "x-kubernetes-validations": [{"rule": "self == oldSelf", "message": "n is for life"}]},
    m={**INTEGER, "x-kubernetes-validations": [{"rule": "self >= oldSelf"}]},
)


@needs_engine
def test_a_rule_about_changes_is_asked_when_there_is_an_old_value() -> None:
    before = [definition(FIXED), widget({"n": 1, "m": 5})]
    (finding,) = changed(before, [definition(FIXED), widget({"n": 2, "m": 6})]).findings
    assert (finding.path, finding.message.rpartition(": ")[2]) == ("/spec/n", "n is for life")
    assert fields(before, [definition(FIXED), widget({"n": 1, "m": 4})]) == ["/spec/m"]
    assert not fields(before, [definition(FIXED), widget({"m": 5})])
    assert not fields([definition(FIXED), widget({"m": 5})], [definition(FIXED), widget({"n": 3, "m": 5})])


@needs_engine
def test_a_rule_that_takes_the_absence_of_an_old_value_gets_it_when_it_is_there() -> None:
    rule = {"rule": "!oldSelf.hasValue() || oldSelf.value() == self", "optionalOldSelf": True}
    schema = properties(n={**INTEGER, "x-kubernetes-validations": [rule]})
    assert not fields([], [definition(schema), widget({"n": 1})])
    assert fields([definition(schema), widget({"n": 1})], [definition(schema), widget({"n": 2})]) == ["/spec/n"]
    assert not fields([definition(schema), widget({"n": 1})], [definition(schema), widget({"n": 1})])


@needs_engine
def test_a_rule_about_the_value_alone_is_not_asked_of_what_did_not_change() -> None:
    strict = properties(n={**INTEGER, "x-kubernetes-validations": [{"rule": "self < 10"}]}, m=INTEGER)
    before = [definition(properties(n=INTEGER, m=INTEGER)), widget({"n": 20, "m": 1})]
    assert not fields(before, [definition(strict), widget({"n": 20, "m": 2})])
    assert fields(before, [definition(strict), widget({"n": 30, "m": 2})]) == ["/spec/n"]


def test_without_the_engine_rules_about_changes_are_told_as_not_evaluated(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cel, "available", lambda: False)
    before, after = ([definition(FIXED), widget({"n": n})] for n in (1, 2))
    result = changed(before, after)
    assert not result.findings and [s.reason for s in result.skipped] == [
        "CEL rules of CRD widgets.example.com not evaluated: install kgate[cel]"
    ]
    assert not changed([], after).skipped


@settings(max_examples=100, deadline=None)
@given(json_values, json_values)
def test_no_value_before_or_after_breaks_it(before: Any, after: Any) -> None:
    for schema in (STRICT, FIXED):
        changed([definition(schema), widget({"n": before, "list": before})], [definition(schema), widget({"n": after, "list": after})])
