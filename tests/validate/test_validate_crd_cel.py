"""Rules in CEL: what the server refuses by them, in its words, and what is told as not evaluated. Never a silent pass."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from kgate.cel import engine
from kgate.validate.crd import cel, celvalue, rules
from kgate.validate.crd.structural import structural
from tests.validate.test_validate_crd import INTEGER, PORT, STRING, definition, found, properties, unchecked, widget
from tests.validate.validated import judged

needs_engine = pytest.mark.skipif(not cel.available(), reason="the extra cel is not installed")

LIST = {"type": "array", "items": INTEGER}
SET = {"type": "array", "x-kubernetes-list-type": "set", "items": STRING}
FIELDS: dict[str, Any] = {
    "a": STRING,
    "b-c": STRING,
    "d.e/f": STRING,
    "namespace": STRING,
    "x__y": STRING,
    "n": INTEGER,
    "f": {"type": "number"},
    "l": LIST,
    "set": SET,
    "map": {"type": "object", "additionalProperties": STRING},
    "port": PORT,
    "time": {**STRING, "format": "date-time"},
    "nothing": {**STRING, "nullable": True},
    "free": {"type": "object", "x-kubernetes-preserve-unknown-fields": True},
    "any": {"x-kubernetes-preserve-unknown-fields": True},
}
VALUE: dict[str, Any] = {
    "a": "x",
    "b-c": "dash",
    "d.e/f": "both",
    "namespace": "word",
    "x__y": "under",
    "n": 3,
    "f": 2,
    "l": [3, 1, 2],
    "set": ["p", "q"],
    "map": {"k": "v", "b-c": "w"},
    "port": "http",
    "time": "2026-01-01T00:00:00Z",
    "nothing": None,
    "free": {"anything": 1},
    "any": [1],
}


def ruled(rule: str, **said: Any) -> dict[str, Any]:
    return {**properties(**FIELDS), "x-kubernetes-validations": [{"rule": rule, **said}]}


RIGHT = [
    "self.a == 'x'",
    "self.b__dash__c == 'dash' && self.d__dot__e__slash__f == 'both'",
    "self.__namespace__ == 'word' && self.x__underscores__y == 'under'",
    "!has(self.nothing)",
    "self.map['b-c'] == 'w' && self.map.k == 'v' && !('z' in self.map) && !has(self.map.z)",
    "self.map.all(k, self.map[k].size() == 1)",
    "type(self.f) == double && self.f == 2.0 && self.f < 2.5",
    "self.l.all(i, i > 0) && self.l.exists_one(i, i == 1) && self.l.filter(i, i > 1).size() == 2",
    "self.l.sum() == 6 && self.l.max() == 3 && self.l.min() == 1 && !self.l.isSorted() && self.l.map(i, 2 * i).sum() == 12",
    "self.l.all(a, self.l.exists_one(b, a == b))",
    "self.l.all(i, v, v > i || i > 0)",
    "sets.contains(self.l, [1, 2]) && sets.equivalent([1, 2, 3], self.l) && !sets.intersects(self.l, [9])",
    "self.?a.orValue('y') == 'x' && self.?nothing.orValue('z') == 'z' && self.map[?'z'].orValue('no') == 'no'",
    "type(self.port) == string ? self.port.matches('^[a-z]+$') : self.port > 0",
    "self.a.upperAscii() == 'X' && 'a,b'.split(',').size() == 2 && self.a.startsWith('x')",
    "'self.zz' != '' // self.zz",
    "self.set.exists(s, s == 'q') && self.set.size() == 2",
    "self.n == 4 || true",
    "(self.l.size() > 0 ? self.l[0] : 0) + self.set.size() == 5 && self.l.size() + self.set.size() == 5 && self.a + 'y' == 'xy'",
]


@needs_engine
@pytest.mark.parametrize("rule", RIGHT)
def test_a_rule_that_holds_is_evaluated_and_says_nothing(rule: str) -> None:
    assert found(properties(x=ruled(rule)), {"x": VALUE}) == []
    assert unchecked(properties(x=ruled(rule)), {"x": VALUE}) == []


@needs_engine
@pytest.mark.parametrize("rule", RIGHT)
def test_its_contrary_is_refused_in_the_servers_words(rule: str) -> None:
    contrary = f"!({rule.partition(' //')[0]})"
    assert found(properties(x=ruled(contrary)), {"x": VALUE}) == [f"spec.x: Invalid value: failed rule: {contrary}"]


@needs_engine
@pytest.mark.parametrize(
    ("said", "version", "message"),
    [
        ({}, "1.36", "spec.x: Invalid value: failed rule: self.n > 9"),
        ({"message": " too few "}, "1.36", "spec.x: Invalid value: too few"),
        ({"message": "too few"}, "1.34", 'spec.x: Invalid value: "object": too few'),
        ({"message": "m", "messageExpression": "self.a + ' has ' + string(self.n)"}, "1.36", "spec.x: Invalid value: x has 3"),
        ({"message": "m", "messageExpression": "self.a + ' has few'"}, "1.36", "spec.x: Invalid value: x has few"),
        ({"message": "m", "messageExpression": "self.nothing"}, "1.36", "spec.x: Invalid value: m"),
        ({"message": "m", "messageExpression": "' '"}, "1.36", "spec.x: Invalid value: m"),
        ({"message": "m", "messageExpression": "'a\\nb'"}, "1.36", "spec.x: Invalid value: m"),
        ({"message": "m", "messageExpression": "no such thing"}, "1.36", "spec.x: Invalid value: m"),
        ({"message": "m", "reason": "FieldValueRequired"}, "1.36", "spec.x: Required value: m"),
        ({"message": "m", "reason": "FieldValueForbidden", "fieldPath": ".n"}, "1.36", "spec.x.n: Forbidden: m"),
        ({"message": "m", "reason": "FieldValueDuplicate", "fieldPath": ".map['k']"}, "1.36", "spec.x.map[k]: Duplicate value"),
        ({"message": "m", "reason": "FieldValueDuplicate"}, "1.34", 'spec.x: Duplicate value: "object"'),
    ],
)
def test_message_reason_and_place_are_those_of_the_rule(said: dict[str, Any], version: str, message: str) -> None:
    assert found(properties(x=ruled("self.n > 9", **said)), {"x": VALUE}, version) == [message]


@needs_engine
def test_rules_stand_at_every_node_that_the_object_has() -> None:
    few = {**INTEGER, "x-kubernetes-validations": [{"rule": "self < 3", "message": "too many"}]}
    schema = properties(list={"type": "array", "items": few}, map={"type": "object", "additionalProperties": few}, absent=few)
    assert found(schema, {"list": [1, 3, 4], "map": {"a": 5, "b": 1}}) == [
        "spec.list[1]: Invalid value: 3: too many",
        "spec.list[2]: Invalid value: 4: too many",
        "spec.map[a]: Invalid value: 5: too many",
    ]
    assert found(schema, {"list": [7]}, "1.34") == ['spec.list[0]: Invalid value: "integer": too many']


@needs_engine
def test_the_root_of_a_resource_has_a_kind_and_of_its_metadata_the_name() -> None:
    crd = definition(properties(n=INTEGER))
    schema = crd["spec"]["versions"][0]["schema"]["openAPIV3Schema"]
    rule = "self.metadata.name == 'two' && self.kind == 'Widget' && self.apiVersion == 'example.com/v1' && self.spec.n == 1"
    schema["x-kubernetes-validations"] = [{"rule": rule, "message": "no"}]
    assert [f.message for f in judged(crd, widget({"n": 1})).findings] == ["<nil>: Invalid value: no"]
    schema["x-kubernetes-validations"] = [{"rule": rule.replace("two", "one")}]
    assert not judged(crd, widget({"n": 1})).findings
    schema["x-kubernetes-validations"] = [{"rule": "has(self.metadata.labels)"}]
    result = judged(crd, widget({"n": 1}))
    assert not result.findings
    assert "the schema has no field labels" in result.skipped[0].reason


@needs_engine
@pytest.mark.parametrize(
    ("rule", "optional", "refused"),
    [
        ("self == oldSelf", False, False),
        ("!oldSelf.hasValue()", True, False),
        ("oldSelf.hasValue()", True, True),
        ("oldSelf.optMap(o, o.a == 'y').orValue(true)", True, False),
        ("oldSelf.?a.orValue('oldSelf') == 'y'", True, True),
    ],
)
def test_rules_about_the_old_value_wait_for_one(rule: str, optional: bool, refused: bool) -> None:
    schema = properties(x=ruled(rule, optionalOldSelf=optional))
    assert bool(found(schema, {"x": VALUE})) is refused
    assert unchecked(schema, {"x": VALUE}) == []


@needs_engine
def test_the_server_comes_to_the_rules_unless_the_form_is_wrong() -> None:
    schema = {**properties(a={**STRING, "pattern": "^a"}, n=INTEGER), "x-kubernetes-validations": [{"rule": "false", "message": "no"}]}
    assert len(found(properties(x=schema), {"x": {"a": "b"}})) == 2
    assert "no" not in found(properties(x=schema), {"x": {"n": "b"}})[0]
    assert len(found(properties(x=schema), {"x": {"n": "b"}})) == 1


UNSURE: list[tuple[str, str | None]] = [
    ("self.zz == 1", "the schema has no field zz, so the API server would refuse the rule"),
    ("has(self.free.anything)", "the schema has no field anything, so the API server would refuse the rule"),
    ("self.any == 1", "the schema has no field any, so the API server would refuse the rule"),
    ("self.nothing == 'x'", "no such key: nothing"),
    ("self.l[7] == 1", "index out of bounds: 7"),
    ("quantity(self.a).isInteger()", "quantities must match the regular expression"),
    ("math.greatest(self.n, 1) == 3", "undeclared reference to 'math'"),
    ("self.time < timestamp('2027-01-01T00:00:00Z')", "it reads a value that CEL holds as time, duration or bytes"),
    ("self.set == ['q', 'p']", "it may compare or join lists whose order does not count"),
    ("self.set[0] == 'q' || self.set[0] == 'p'", None),
    ("self.set[0] == 'q' ? true : self.set[1] == 'q'", None),
    ("(self.set + ['p']).size() == 2", "it may compare or join lists whose order does not count"),
    ("(self.set + self.set).size() == 2", "it may compare or join lists whose order does not count"),
    ("(self.set + 'p'.split('')).size() == 2", "it may compare or join lists whose order does not count"),
    ("isIP(self.n)", "no such overload"),
    ("self.port > 3", "no such overload"),
    ("self.n / 0 == 1", "division by zero"),
    ("self.n", "its value is neither true nor false"),
    ("1 + 1", "its value is of type INT"),
    ("!!!", "Syntax error"),
    ("true " + " " * 5000, "it has more than 5000 characters"),
]


@needs_engine
@pytest.mark.parametrize(("rule", "why"), UNSURE)
def test_what_is_not_evaluated_is_told_and_refuses_nothing(rule: str, why: str | None) -> None:
    assert found(properties(x=ruled(rule)), {"x": VALUE}) == []
    told = unchecked(properties(x=ruled(rule)), {"x": VALUE})
    if why is None:
        assert told == []
    else:
        assert len(told) == 1
        assert told[0].startswith("CEL rule of CRD widgets.example.com at spec.x not evaluated: ")
        assert why in told[0]


@needs_engine
@pytest.mark.parametrize(
    "rule",
    [
        "[1].map(a, [1,2,3,4,5,6,7,8,9])" + ".map(a, a + a)" * 22 + ".size() == 1",
        "[[1,2,3,4,5,6,7,8,9]]" + ".map(m, m.map(x, m))" * 9 + " == [[]]",
        "self.l.all(a, " * 15 + "true" + ")" * 15,
        "self.a" + ".replace('', self.a + 'aaaaaaaaaaaaaaa')" * 9 + " == ''",
    ],
)
def test_a_rule_made_to_take_for_ever_is_stopped(rule: str) -> None:
    schema = {**properties(a=STRING, l=LIST), "x-kubernetes-validations": [{"rule": rule}]}
    told = unchecked(properties(x=schema), {"x": {"a": "x", "l": [1, 2, 3]}})
    assert told == ["CEL rule of CRD widgets.example.com at spec.x not evaluated: it may take too long"]


@needs_engine
@pytest.mark.parametrize(
    ("text", "address", "network"),
    [
        ("10.0.0.1", True, False),
        ("10.0.0.256", False, False),
        ("010.0.0.1", False, False),
        ("1.2.3", False, False),
        ("::1", True, False),
        ("fe80::1%eth0", False, False),
        ("::ffff:1.2.3.4", False, False),
        ("64:ff9b::1.2.3.4", True, False),
        ("1:2:3:4::5:6:7:8", False, False),
        ("10.0.0.1/8", False, True),
        ("10.0.0.1/08", False, False),
        ("10.0.0.1/33", False, False),
        ("::/128", False, True),
        ("::/129", False, False),
        ("::ffff:1.2.3.4/96", False, False),
        ("example.com", False, False),
    ],
)
def test_addresses_are_read_strictly(text: str, address: bool, network: bool) -> None:
    for rule, expected in (("isIP(self)", address), ("isCIDR(self)", network)):
        schema = properties(a={**STRING, "x-kubernetes-validations": [{"rule": rule}]})
        assert (not evaluated(schema, {"a": text}).causes) is expected
        assert not evaluated(schema, {"a": text}).skipped


def evaluated(schema: Any, value: Any) -> rules.Evaluation:
    evaluation = rules.Evaluation(minor=(1, 36), most=50)
    evaluation.object(value, structural(schema))
    return evaluation


@needs_engine
def test_rules_of_an_all_of_see_the_types_around_it_and_those_of_other_alternatives_are_not_evaluated() -> None:
    rule = [{"rule": "self > 3"}]
    (cause,) = evaluated({**properties(n=INTEGER), "allOf": [{"properties": {"n": {"x-kubernetes-validations": rule}}}]}, {"n": 1}).causes
    assert (cause.field, cause.message) == ("n", "Invalid value: 1: failed rule: self > 3")
    schema = properties(n={**INTEGER, "anyOf": [{"x-kubernetes-validations": rule}]})
    assert [*evaluated(schema, {"n": 1}).skipped] == ["n not evaluated: it stands in an alternative"]


@needs_engine
def test_many_values_and_many_rules_come_to_an_end_and_that_is_told() -> None:
    rule = {**INTEGER, "x-kubernetes-validations": [{"rule": "self > 0"}]}
    schema = {"type": "array", "items": rule}
    (told,) = unchecked(properties(x=schema), {"x": [1] * 6000})
    assert told == "CEL rule of CRD widgets.example.com at spec.x[5000] not evaluated: there are more rules and values than kgate looks at"
    heavy = {**properties(l=LIST), "x-kubernetes-validations": [{"rule": f"self.l.all(i, i > {n})"} for n in range(-400, 0)]}
    told_of = unchecked(properties(x=heavy), {"x": {"l": [1] * 1000}})
    assert told_of == ["CEL rule of CRD widgets.example.com at spec.x not evaluated: there are more rules and values than kgate looks at"]
    several = {**properties(a=STRING), "x-kubernetes-validations": [{"rule": f"nothing{n}"} for n in range(20)]}
    assert len(unchecked(properties(x=several), {"x": {}})) == rules.MAX_TOLD + 1
    wide = {**LIST, "x-kubernetes-validations": [{"rule": "self.all(a, self.exists_one(b, a == b))"}]}
    assert "it may take too long" in unchecked(properties(x=wide), {"x": [*range(2000)]})[0]


@needs_engine
def test_a_long_text_is_not_matched() -> None:
    schema = {**STRING, "x-kubernetes-validations": [{"rule": "self.matches('^(a+)+$')"}]}
    assert "it may take too long" in unchecked(properties(x=schema), {"x": "a" * 3_000_000})[0]
    counting = {**STRING, "x-kubernetes-validations": [{"rule": "self.matches('^(a+)+(.{1,90})b$') || true"}]}
    assert "more rules and values" in unchecked(properties(x={"type": "array", "items": counting}), {"x": ["a" * 19_000] * 40})[0]


@pytest.fixture
def without_engine(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    for name in [n for n in sys.modules if n.partition(".")[0] == "cel_expr_python"]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, "cel_expr_python", None)
    caches = (engine._module, engine.environment, cel.program)
    for cache in caches:
        cache.cache_clear()
    yield
    for cache in caches:
        cache.cache_clear()


@pytest.mark.usefixtures("without_engine")
@pytest.mark.parametrize(
    ("said", "skipped"),
    [
        ([{"rule": "self.a == 'b'"}], True),
        ([{"rule": "self == oldSelf"}], False),
        ([{"rule": "self == oldSelf", "optionalOldSelf": True}], True),
        ([{"rule": "self.a != 'oldSelf'"}], True),
        ([], False),
    ],
)
def test_without_the_engine_what_to_install_is_told(said: Any, skipped: bool) -> None:
    schema = {**properties(a=STRING), "x-kubernetes-validations": said}
    expected = ["CEL rules of CRD widgets.example.com not evaluated: install kgate[cel]"] if skipped else []
    assert unchecked(properties(x=schema), {"x": {"a": "c"}}) == expected
    assert unchecked(properties(x=schema), {}) == [], "a rule about what is not there is not asked"
    assert found(properties(x=schema), {"x": {"a": "c"}}) == []


@pytest.mark.parametrize(
    ("name", "written"),
    [
        ("plain", "plain"),
        ("in", "__in__"),
        ("namespace", "__namespace__"),
        ("a-b.c/d__e", "a__dash__b__dot__c__slash__d__underscores__e"),
        ("___", "__underscores___"),
        ("1a", None),
        ("", None),
        ("a b", None),
        ("é", None),
        ("a\n", None),
    ],
)
def test_names_are_written_as_cel_can_read_them(name: str, written: str | None) -> None:
    assert celvalue.escaped(name) == written


SCALARS = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5)
VALUES = st.recursive(
    SCALARS, lambda v: st.lists(v, max_size=3) | st.dictionaries(st.sampled_from([*FIELDS, "\0", "zz"]), v, max_size=4), max_leaves=8
)
TOKENS = st.sampled_from(
    [
        *"()[]{}.,?:!+-*/%<>=&|'\"\\",
        "self",
        "oldSelf",
        "self.a",
        "self.l",
        ".all(x, ",
        "x",
        "has(",
        "1",
        "'a'",
        "in",
        "null",
        "r'",
        "//",
        "\n",
        "é",
        "\0",
    ]
)
EXPRESSIONS = st.lists(TOKENS, max_size=15).map("".join) | st.text(max_size=20)


@needs_engine
@settings(max_examples=400, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(rule=EXPRESSIONS, message=EXPRESSIONS, place=EXPRESSIONS, optional=st.booleans(), value=VALUES)
def test_no_rule_and_no_value_crashes_the_judge(rule: str, message: str, place: str, optional: bool, value: Any) -> None:
    said = {"rule": rule, "messageExpression": message, "fieldPath": place, "optionalOldSelf": optional}
    schema = {**properties(**FIELDS), "x-kubernetes-validations": [said]}
    causes = evaluated(schema, value if isinstance(value, dict) else {"a": value}).causes
    assert all(isinstance(c.message, str) and isinstance(c.path, tuple) for c in causes)
