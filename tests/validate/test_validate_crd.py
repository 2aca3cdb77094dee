"""Custom resources, judged by their definitions: the server's verdicts and its words."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from kgate.manifest import Manifest
from kgate.validate import judge
from tests.validate.validated import Nowhere, judged


def definition(spec: Any, *, status: Any = None, **version: Any) -> dict[str, Any]:
    """A definition of Widget whose spec has this schema."""
    properties = {"spec": spec} if status is None else {"spec": spec, "status": status}
    served = {"name": "v1", "served": True, "storage": True, "schema": {"openAPIV3Schema": {"type": "object", "properties": properties}}}
    return {
        "apiVersion": "apiextensions.k8s.io/v1",
        "kind": "CustomResourceDefinition",
        "metadata": {"name": "widgets.example.com"},
        "spec": {
            "group": "example.com",
            "scope": "Namespaced",
            "names": {"plural": "widgets", "singular": "widget", "kind": "Widget", "listKind": "WidgetList"},
            "versions": [{**served, **version}],
        },
    }


def widget(spec: Any, **fields: Any) -> dict[str, Any]:
    return {"apiVersion": "example.com/v1", "kind": "Widget", "metadata": {"name": "one"}, "spec": spec, **fields}


def found(schema: Any, spec: Any, version: str = "1.36") -> list[str]:
    """The messages about a widget."""
    result = judged(definition(schema), widget(spec), version=version)
    return [f.message for f in result.findings if f.document == 1]


def unchecked(schema: Any, spec: Any) -> list[str]:
    return [s.reason for s in judged(definition(schema), widget(spec)).skipped]


def properties(**named: Any) -> dict[str, Any]:
    return {"type": "object", "properties": named}


INTEGER, STRING, PORT = {"type": "integer"}, {"type": "string"}, {"x-kubernetes-int-or-string": True}
OBJECTS = {"type": "array", "items": {**properties(name=STRING, port=INTEGER), "required": ["name"]}}


@pytest.mark.parametrize(
    ("schema", "value"),
    [
        (INTEGER, 3),
        (INTEGER, 3.0),
        ({"type": "number"}, 3),
        ({"type": "number"}, 0.5),
        (STRING, ""),
        ({"type": "boolean"}, False),
        (PORT, 80),
        (PORT, "http"),
        ({**STRING, "enum": ["a", "b"]}, "b"),
        ({**INTEGER, "enum": [1, 2]}, 2),
        ({**STRING, "pattern": "^a+$"}, "aa"),
        ({**STRING, "pattern": "b"}, "abc"),
        ({**STRING, "maxLength": 2}, "äö"),
        ({**INTEGER, "minimum": 1, "maximum": 2}, 2),
        ({**INTEGER, "multipleOf": 5}, 10),
        ({"type": "array", "items": STRING, "maxItems": 1}, ["a"]),
        ({"type": "object", "additionalProperties": INTEGER}, {"any": 1}),
        ({"type": "object", "x-kubernetes-preserve-unknown-fields": True}, {"any": {"thing": [1]}}),
        ({**STRING, "nullable": True}, None),
        (STRING, None),
        ({**STRING, "format": "date-time"}, "2024-02-29T12:00:00Z"),
        ({**STRING, "format": "unheard-of"}, "?"),
        ({**INTEGER, "format": "int32"}, 5),
        ({"type": "array", "items": STRING, "x-kubernetes-list-type": "set"}, ["a", "b"]),
        ({"anyOf": [INTEGER, STRING], **PORT}, 1),
        ({**properties(a=STRING, b=STRING), "oneOf": [{"required": ["a"]}, {"required": ["b"]}]}, {"a": "x"}),
        ({**STRING, "not": {"enum": ["bad"]}}, "good"),
        ({"type": "object", "x-kubernetes-embedded-resource": True, "x-kubernetes-preserve-unknown-fields": True},
         {"apiVersion": "v1", "kind": "Pod", "spec": {}}),
    ],
)  # fmt: skip
def test_a_right_value_is_taken(schema: Any, value: Any) -> None:
    assert found(properties(x=schema), {"x": value}) == []


@pytest.mark.parametrize(
    ("schema", "value", "message"),
    [
        (INTEGER, "3", 'spec.x: Invalid value: "string": spec.x in body must be of type integer: "string"'),
        (INTEGER, 3.5, 'spec.x: Invalid value: "number": spec.x in body must be of type integer: "number"'),
        (STRING, 3, 'spec.x: Invalid value: "integer": spec.x in body must be of type string: "integer"'),
        (STRING, True, 'spec.x: Invalid value: "boolean": spec.x in body must be of type string: "boolean"'),
        (STRING, ["a"], 'spec.x: Invalid value: "array": spec.x in body must be of type string: "array"'),
        ({"type": "object"}, "a", 'spec.x: Invalid value: "string": spec.x in body must be of type object: "string"'),
        (PORT, True, 'spec.x: Invalid value: "boolean": spec.x in body must be of type integer,string: "boolean"'),
        ({**STRING, "enum": ["a", "b"]}, "c", 'spec.x: Unsupported value: "c": supported values: "a", "b"'),
        ({**INTEGER, "enum": [1, 2]}, 3, 'spec.x: Unsupported value: 3: supported values: "1", "2"'),
        ({**STRING, "pattern": "^a+$"}, "b", "spec.x: Invalid value: \"b\": spec.x in body should match '^a+$'"),
        ({**STRING, "maxLength": 2}, "abc", "spec.x: Too long: may not be more than 2 bytes"),
        ({**STRING, "minLength": 2}, "a", 'spec.x: Invalid value: "a": spec.x in body should be at least 2 chars long'),
        ({**INTEGER, "minimum": 1}, 0, "spec.x: Invalid value: 0: spec.x in body should be greater than or equal to 1"),
        ({**INTEGER, "maximum": 1, "exclusiveMaximum": True}, 1, "spec.x: Invalid value: 1: spec.x in body should be less than 1"),
        ({**INTEGER, "multipleOf": 5}, 7, "spec.x: Invalid value: 7: spec.x in body should be a multiple of 5"),
        ({"type": "array", "items": STRING, "maxItems": 1}, ["a", "b"], "spec.x: Too many: 2: must have at most 1 item"),
        ({"type": "array", "items": STRING, "minItems": 1}, [], "spec.x: Invalid value: 0: spec.x in body should have at least 1 items"),
        ({"type": "object", "additionalProperties": INTEGER, "minProperties": 1}, {},
         "spec.x: Invalid value: 0: spec.x in body should have at least 1 properties"),
        ({"type": "object", "additionalProperties": INTEGER}, {"k": "v"},
         'spec.x.k: Invalid value: "string": spec.x.k in body must be of type integer: "string"'),
        ({**STRING, "format": "date-time"}, "soon", 'spec.x: Invalid value: "soon": spec.x in body must be of type date-time: "soon"'),
        ({**INTEGER, "format": "int32"}, 2**31,
         '<nil>: Invalid value: "": Checked value must be of type integer with format int32 in spec.x'),
        ({"type": "array", "items": STRING, "x-kubernetes-list-type": "set"}, ["a", "b", "a"], 'spec.x[2]: Duplicate value: "a"'),
        ({**OBJECTS, "x-kubernetes-list-type": "map", "x-kubernetes-list-map-keys": ["name"]}, [{"name": "a"}, {"name": "a", "port": 1}],
         'spec.x[1]: Duplicate value: {"name":"a"}'),
        ({**STRING, "not": {"enum": ["bad"]}}, "bad", '<nil>: Invalid value: "": "spec.x" must not validate the schema (not)'),
        ({**properties(a=STRING), "required": ["a"]}, {}, "spec.x.a: Required value"),
        ({"type": "object", "x-kubernetes-embedded-resource": True, "x-kubernetes-preserve-unknown-fields": True},
         {"apiVersion": "v1"}, "spec.x.kind: Required value"),
        ({"type": "object", "x-kubernetes-embedded-resource": True, "x-kubernetes-preserve-unknown-fields": True},
         {"apiVersion": "v1", "kind": "Pod", "metadata": {"labels": {"a b": "c"}}},
         'spec.x.metadata.labels: Invalid value: "a b": name part'),
    ],
)  # fmt: skip
def test_a_wrong_value_is_refused_in_the_servers_words(schema: Any, value: Any, message: str) -> None:
    (said,) = found(properties(x=schema), {"x": value})
    assert said.startswith(message)


def test_of_alternatives_the_faults_of_the_nearest_are_told() -> None:
    schema = {**properties(a=STRING, b=INTEGER), "anyOf": [{"required": ["a"]}, {"required": ["b"], "properties": {"b": {"minimum": 1}}}]}
    assert found(properties(x=schema), {"x": {"b": 0}}) == [
        '<nil>: Invalid value: "": "spec.x" must validate at least one schema (anyOf)',
        "spec.x.b: Invalid value: 0: spec.x.b in body should be greater than or equal to 1",
    ]


def test_two_of_one_are_too_many() -> None:
    schema = {**properties(a=STRING, b=STRING), "oneOf": [{"required": ["a"]}, {"required": ["b"]}]}
    words = '<nil>: Invalid value: "": "spec.x" must validate one and only one schema (oneOf). Found 2 valid alternatives'
    assert found(properties(x=schema), {"x": {"a": "", "b": ""}}) == [words]


def test_an_unknown_field_is_an_error_at_its_key_with_what_was_meant() -> None:
    result = judged(definition(properties(replicas=INTEGER, x=OBJECTS)), widget({"replica": "3", "x": [{"nam": "a"}]}))
    assert [(f.rule, f.path, f.message, f.remediation) for f in result.findings] == [
        ("KG1004", "/spec/replica", 'unknown field "spec.replica"', 'did you mean "replicas"?'),
        ("KG1004", "/spec/x/0/nam", 'unknown field "spec.x[0].nam"', 'did you mean "name"?'),
    ]


@pytest.mark.parametrize(
    ("schema", "value", "unknown"),
    [
        ({"type": "object"}, {"a": 1}, ["spec.x.a"]),
        ({"type": "object", "additionalProperties": True}, {"a": 1, "b": {"c": 1}}, ["spec.x.b.c"]),
        ({**properties(a=properties(b=STRING)), "x-kubernetes-preserve-unknown-fields": True}, {"z": {}, "a": {"c": 1}}, ["spec.x.a.c"]),
        ({"type": "array", "x-kubernetes-preserve-unknown-fields": True, "items": properties(a=STRING)}, [{"z": 1}], []),
        (properties(metadata=STRING), {"kind": "a", "metadata": "b"}, ["spec.x.kind"]),
    ],
)
def test_what_is_unknown_is_what_a_server_would_prune(schema: Any, value: Any, unknown: list[str]) -> None:
    assert found(properties(x=schema), {"x": value}) == [f'unknown field "{path}"' for path in unknown]


def test_defaults_come_before_validation_and_nulls_give_way_to_them() -> None:
    schema = {
        **properties(a={**STRING, "default": "x"}, b={**properties(c={**INTEGER, "default": 1}), "default": {}}),
        "required": ["a", "b"],
    }
    assert found(schema, {}) == found(schema, {"a": None}) == []
    assert found({**properties(a=STRING), "required": ["a"]}, {"a": None}) == ["spec.a: Required value"]
    doubled = {**OBJECTS, "x-kubernetes-list-type": "map", "x-kubernetes-list-map-keys": ["port"]}
    doubled = {**doubled, "items": properties(port={**INTEGER, "default": 80})}
    assert found(properties(x=doubled), {"x": [{}, {"port": 80}]}) == ['spec.x[1]: Duplicate value: {"port":80}']


def test_the_status_of_a_new_object_is_decoded_and_dropped() -> None:
    crd = definition(properties(), status=properties(count=INTEGER), subresources={"status": {}})
    assert not judged(crd, widget({}, status={"count": "many"})).findings
    assert [f.message for f in judged(crd, widget({}, status={"counts": 1})).findings] == ['unknown field "status.counts"']


def test_the_replicas_of_the_scale_subresource_are_no_less_than_none() -> None:
    scale = {"scale": {"specReplicasPath": ".spec.replicas", "statusReplicasPath": ".status.replicas"}}
    result = judged(definition(properties(replicas=INTEGER), subresources=scale), widget({"replicas": -1}))
    assert [f.message for f in result.findings] == [".spec.replicas: Invalid value: -1: should be a non-negative integer"]


@pytest.mark.parametrize(
    ("metadata", "message"),
    [
        ({"name": "One"}, 'metadata.name: Invalid value: "One": a lowercase RFC 1123 subdomain'),
        ({}, "metadata.name: Required value: name or generateName is required"),
        ({"name": "one", "label": {}}, 'unknown field "metadata.label"'),
        ({"name": 1}, "metadata.name must be a string, got the number 1"),
        ({"name": "one", "labels": {"a": "b c"}}, 'metadata.labels: Invalid value: "b c": a valid label must be'),
    ],
)
def test_metadata_is_that_of_any_object(metadata: Any, message: str) -> None:
    (finding,) = judged(definition(properties()), {**widget({}), "metadata": metadata}).findings
    assert finding.message.startswith(message)


def outside(crd: Mapping[str, Any]) -> Manifest:
    return Manifest(source=Nowhere(file="crds.yaml"), document=0, body=crd)


def test_a_version_that_the_definition_does_not_serve_is_an_error_that_names_those_it_does() -> None:
    crd = definition(properties())
    crd["spec"]["versions"].append({"name": "v2", "served": False, "storage": False, "schema": {"openAPIV3Schema": {"type": "object"}}})
    (finding,) = judged(crd, {**widget({}), "apiVersion": "example.com/v2"}).findings
    assert (finding.rule, finding.path, finding.remediation) == ("KG1002", "/apiVersion", "use apiVersion: example.com/v1")
    assert finding.message == 'no matches for kind "Widget" in version "example.com/v2": CRD widgets.example.com serves example.com/v1'


def test_a_version_that_is_not_in_the_definition_is_an_error_where_the_user_has_named_it() -> None:
    """Elsewhere the definition may be an old one that lies about."""
    crd, two = definition(properties()), {**widget({}), "apiVersion": "example.com/v2"}
    result = judged(crd, two)
    assert not result.findings
    assert [s.reason for s in result.skipped] == ["CRD widgets.example.com does not describe example.com/v2"]
    inside = Manifest(source=Nowhere(), document=0, body=two)
    assert [f.rule for f in judge([inside], "1.36", crds=[outside(crd)]).findings] == ["KG1002"]


def test_what_the_user_has_named_goes_before_what_lies_among_the_manifests() -> None:
    old, new = definition(properties(x=INTEGER)), definition(properties(y=INTEGER))
    manifests = [Manifest(source=Nowhere(), document=i, body=body) for i, body in enumerate((old, widget({"x": 1})))]
    assert not judge(manifests, "1.36").findings
    assert [f.message for f in judge(manifests, "1.36", crds=[outside(new)]).findings] == ['unknown field "spec.x"']


def test_without_a_definition_nothing_is_said_but_that() -> None:
    result = judged(widget({"any": "thing"}))
    assert not result.findings and [s.reason for s in result.skipped] == ["no schema for example.com/v1 Widget"]


def test_a_definition_outside_of_the_check_judges_and_is_not_judged() -> None:
    inside = Manifest(source=Nowhere(), document=0, body=widget({"y": 1}))
    assert [f.message for f in judge([inside], "1.36", crds=[outside(definition(properties(x=INTEGER)))]).findings] == [
        'unknown field "spec.y"'
    ]


def test_of_two_definitions_that_differ_one_is_enough() -> None:
    old, new = definition(properties(x=INTEGER)), definition(properties(y=INTEGER))
    assert not judged(old, new, widget({"y": 1})).findings
    assert len(judged(old, new, widget({"z": 1})).findings) == 1


@pytest.mark.parametrize(
    ("crd", "reason"),
    [
        (definition({"type": "object", "$ref": "#/x"}), "its schema uses $ref, which the API server refuses"),
        (definition({"type": "array", "items": [STRING]}), "its schema uses a list of items, which the API server refuses"),
        (definition(properties(x={"type": "string", "replicas": 3})), "the API server would refuse it"),
        (definition(properties(), schema=None), "it has no schema"),
        ({**definition(properties()), "apiVersion": "apiextensions.k8s.io/v1beta1"}, "the API server would refuse it"),
    ],
)
def test_a_definition_that_is_no_good_judges_nothing_and_that_is_said(crd: Mapping[str, Any], reason: str) -> None:
    result = judged(crd, widget({"any": "thing"}))
    assert not [f for f in result.findings if f.document == 1]
    assert [s.reason for s in result.skipped] == [f"CRD widgets.example.com not used: {reason}"]


@pytest.mark.parametrize("pattern", ["[[:^alpha:]]", r"\p{Lao}", "x" * 5000])
def test_a_pattern_that_cannot_be_read_is_not_checked_and_that_is_said(pattern: str) -> None:
    schema = properties(x={**STRING, "pattern": pattern})
    assert unchecked(schema, {"x": "b"}) == ["CRD widgets.example.com: pattern of spec.x not checked"]
    negated = properties(x={**STRING, "not": {"pattern": pattern}})
    assert found(negated, {"x": "b"}) == [], "what is not checked refuses nothing"


def test_a_pattern_takes_no_longer_for_a_text_made_for_it() -> None:
    schema = properties(x={**STRING, "pattern": "^(a+)+$"})
    assert len(found(schema, {"x": "a" * 100_000 + "b"})) == 1


def test_a_schema_and_an_object_made_to_take_for_ever_do_not() -> None:
    schema: Any = INTEGER
    for _ in range(12):
        schema = {"type": "integer", "allOf": [{"anyOf": [schema, schema, schema]}, {"anyOf": [schema, schema, schema]}]}
    inside = Manifest(source=Nowhere(), document=0, body=widget({"x": "a"}))
    (skipped,) = judge([inside], "1.36", crds=[outside(definition(properties(x=schema)))]).skipped
    assert skipped.reason == "CRD widgets.example.com not used: its schema has more than 300000 nodes"
    wide = properties(x={"type": "array", "items": {**INTEGER, "anyOf": [{"minimum": i} for i in range(500)]}})
    assert "more of it than kgate looks at" in unchecked(wide, {"x": [-1] * 5000})[0]


def test_defaults_that_fill_the_memory_do_not() -> None:
    large = {"type": "array", "items": INTEGER, "default": [1] * 10_000}
    schema = properties(x={"type": "array", "items": properties(y=large)})
    assert unchecked(schema, {"x": [{}] * 1000}) == ["CRD widgets.example.com: with its defaults, object of more than 1000000 nodes"]


def test_a_tower_of_schemas_and_a_tower_of_lists_are_not_climbed() -> None:
    tower: Any = STRING
    value: Any = "a"
    for _ in range(200):
        tower, value = {"type": "array", "items": tower}, [value]
    assert "nested deeper than 150 levels" in unchecked(properties(x=tower), {"x": value})[0]
    kept = properties(x={"type": "object", "x-kubernetes-preserve-unknown-fields": True})
    assert unchecked(kept, {"x": {"y": value}}) == ["CRD widgets.example.com: object nested deeper than 150 levels"]


KEYWORDS = re.findall(
    r"\S+",
    """type format pattern properties additionalProperties items required enum default nullable minimum maximum exclusiveMinimum
multipleOf minLength maxLength minItems maxItems minProperties allOf anyOf oneOf not x-kubernetes-int-or-string x-kubernetes-list-type
x-kubernetes-preserve-unknown-fields x-kubernetes-embedded-resource x-kubernetes-list-map-keys x-kubernetes-validations""",
)
NAMES = st.sampled_from(["a", "b", "kind", "apiVersion", "metadata", "name", "labels"])
SCALARS = (
    st.none()
    | st.booleans()
    | st.integers(-(2**70), 2**70)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(max_size=8)
    | st.sampled_from(["object", "array", "string", "integer", "number", "set", "map", "date", "int32", "^a$", "["])
)
JSON = st.recursive(SCALARS, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(NAMES, inner, max_size=4), max_leaves=12)
SCHEMAS = st.recursive(
    st.dictionaries(st.sampled_from(KEYWORDS), JSON, max_size=3),
    lambda inner: st.fixed_dictionaries(
        {"type": st.sampled_from(["object", "array", "string", "integer"])},
        optional={
            "properties": st.dictionaries(NAMES, inner, max_size=4),
            "items": inner,
            "additionalProperties": inner | st.booleans(),
            **{name: st.lists(inner, max_size=3) for name in ("allOf", "anyOf", "oneOf")},
            "not": inner,
            "required": st.lists(NAMES, max_size=2),
            "default": JSON,
            "enum": st.lists(JSON, max_size=3),
            "nullable": st.booleans(),
            "x-kubernetes-embedded-resource": st.booleans(),
            "x-kubernetes-preserve-unknown-fields": st.just(True),
            "x-kubernetes-list-type": st.sampled_from(["set", "map", "atomic"]),
            "x-kubernetes-list-map-keys": st.lists(NAMES, max_size=2),
            "pattern": st.text(max_size=6),
            "format": st.sampled_from(["date", "duration", "hostname", "uri", "email", "int32", "byte", "mac", "ipv6", "cidr", "isbn"]),
            "minimum": st.floats(allow_nan=False) | st.integers(),
            "multipleOf": st.floats(allow_nan=False) | st.integers(),
        },
    ),
    max_leaves=8,
)


@pytest.mark.slow
@settings(max_examples=400, deadline=None, suppress_health_check=list(HealthCheck))
@given(schema=SCHEMAS, value=JSON, status=JSON)
def test_no_schema_and_no_object_crashes_the_judge(schema: Any, value: Any, status: Any) -> None:
    bodies = definition(schema), widget(value, status=status)
    first = judged(*bodies)
    assert first == judged(*bodies)
    assert all(f.rule.startswith("KG1") and f.remediation for f in first.findings)


@pytest.mark.slow
@settings(max_examples=100, deadline=None)
@given(body=JSON)
def test_no_definition_crashes_the_judge(body: Any) -> None:
    for path in ("spec", "metadata"):
        judged({**definition(properties()), path: body}, widget({"a": 1}))
    judged({**definition(properties()), "spec": {**definition(properties())["spec"], "versions": body}}, widget({"a": 1}))
