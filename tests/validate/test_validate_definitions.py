"""CustomResourceDefinitions."""

from __future__ import annotations

from typing import Any

import pytest

from kgate.validate import causes
from tests.validate.validated import DELETED, assert_said, changed, said, thing

VERSION = {"name": "v1", "served": True, "storage": True, "schema": {"openAPIV3Schema": {"type": "object"}}}
SPEC = {"group": "example.com", "scope": "Namespaced", "names": {"plural": "things", "kind": "Thing"}, "versions": [VERSION]}


def definition(**spec: Any) -> dict[str, Any]:
    body = thing("apiextensions.k8s.io/v1", "CustomResourceDefinition", spec={**SPEC, **spec})
    return {**body, "metadata": {"name": "things.example.com"}}


def version(**fields: Any) -> dict[str, Any]:
    return definition(versions=[{**VERSION, **fields}])


def schema(**fields: Any) -> dict[str, Any]:
    return version(schema={"openAPIV3Schema": {"type": "object", **fields}})


def spec_of(**fields: Any) -> dict[str, Any]:
    """A definition whose resources have this spec."""
    return schema(properties={"spec": fields})


NAMES = "spec.names"
SPECS: list[tuple[dict[str, Any], list[str]]] = [
    (definition(), []),
    (
        changed(definition(), "metadata.name", "thing.example.com"),
        ['metadata.name: Invalid value: "thing.example.com": must be spec.names.'],
    ),
    (changed(definition(group="example"), "metadata.name", "things.example"), ['spec.group: Invalid value: "example": should be a domain']),
    (definition(scope="Namespace"), ['spec.scope: Unsupported value: "Namespace": supported values: "Cluster", "Namespaced"']),
    (
        definition(names={"plural": "things", "kind": "my thing"}),
        [f"{NAMES}.singular: I", f"{NAMES}.kind: I", f"{NAMES}.listKind: Invalid"],
    ),
    (definition(names={**SPEC["names"], "listKind": "Thing"}), [f'{NAMES}.listKind: Invalid value: "Thing": kind and listKind may not']),
    (definition(names={**SPEC["names"], "shortNames": ["T"]}), [f'{NAMES}.shortNames[0]: Invalid value: "T"']),
    (version(name="1"), ['spec.versions[0].name: Invalid value: "1"']),
    (version(storage=False), ["spec.versions: Invalid value: null: must have exactly one version", "status.storedVersions: Invalid value"]),
    (definition(versions=[VERSION, {**VERSION, "storage": False}]), ['spec.versions: Invalid value: ["v1","v1"]: must contain unique']),
    (version(schema=None), ["spec.versions[0].schema.openAPIV3Schema: Required value"]),
    (version(deprecationWarning="x"), ['spec.versions[0].deprecationWarning: Invalid value: "x": can only be set for deprecated versions']),
    (version(deprecated=True, deprecationWarning=""), ['spec.versions[0].deprecationWarning: Invalid value: "": must not be an empty']),
    (definition(preserveUnknownFields=True), ["spec.preserveUnknownFields: Invalid value: true: cannot set to true"]),
    (
        definition(conversion={"strategy": "Webhook"}),
        ["spec.conversion.webhookClientConfig: Req", "spec.conversion.conversionReviewVersions: Req"],
    ),
    (
        definition(conversion={"strategy": "None", "webhook": {"conversionReviewVersions": ["v1"]}}),
        ["spec.conversion.conversionReviewVersions: Forbidden: should not be set when strategy is not set to Webhook"],
    ),
    (
        version(subresources={"scale": {"specReplicasPath": ".status.x", "statusReplicasPath": "y"}}),
        ['spec.subresources.scale.specReplicasPath: Invalid value: ".status.x": should', "spec.subresources.scale.statusReplicasPath: In"],
    ),
    (
        version(additionalPrinterColumns=[{"name": "A", "type": "int", "jsonPath": "a"}]),
        [
            "spec.additionalPrinterColumns[0].type: Invalid value",
            'spec.additionalPrinterColumns[0].JSONPath: Invalid value: "a": must be a',
        ],
    ),
]


@pytest.mark.parametrize(("body", "expected"), SPECS)
def test_definitions(body: dict[str, Any], expected: list[str]) -> None:
    assert_said(body, *expected)


def test_protected_groups_need_an_approval() -> None:
    body = changed(definition(group="x.k8s.io"), "metadata.name", "things.x.k8s.io")
    assert_said(body, "metadata.annotations[api-approved.kubernetes.io]: Required value: protected groups must have approval annotation")
    for value, wrong in (("unapproved, experimental", 0), ("https://example.com/pull/1", 0), ("yes", 1)):
        assert len(said(changed(body, "metadata.annotations", {"api-approved.kubernetes.io": value}))) == wrong


S = "spec.validation.openAPIV3Schema"
P = f"{S}.properties[spec]"
ITEM = {"type": "object", "properties": {"name": {"type": "string"}}, "required": ["name"]}
MAP = {"type": "array", "x-kubernetes-list-type": "map", "x-kubernetes-list-map-keys": ["name"], "items": ITEM}
SCHEMAS: list[tuple[dict[str, Any], list[str]]] = [
    (spec_of(type="object", properties={"a": {"type": "string", "default": "x"}, "b": {"x-kubernetes-int-or-string": True}}), []),
    (spec_of(**{"x-kubernetes-preserve-unknown-fields": True}), []),
    (spec_of(**MAP), []),
    (spec_of(), [f"{P}.type: Required value: must not be empty for specified object fields"]),
    (changed(schema(), "spec.versions.0.schema.openAPIV3Schema.type", DELETED), []),
    (spec_of(type="object", properties={"a": {}}), [f"{P}.properties[a].type: Required value: must not be empty for specified object"]),
    (schema(additionalProperties={"type": "string"}), [f"{S}.additionalProperties: Forbidden: must not be used at the root"]),
    (spec_of(type="text"), [f'{P}.type: Unsupported value: "text": supported values: "array", "boolean"']),
    (spec_of(type="array"), [f"{P}.items: Required value: must be specified"]),
    (spec_of(type="array", items={}), [f"{P}.items.type: Required value: must not be empty for specified array items"]),
    (spec_of(type="array", items={"type": "string"}, uniqueItems=True), [f"{P}.uniqueItems: Forbidden: uniqueItems cannot be set to true"]),
    (spec_of(**{"$ref": "#/x", "type": "object"}), [f"{P}.$ref: Forbidden: $ref is not supported"]),
    (spec_of(type="object", properties={"a": {"type": "string"}}, additionalProperties=False), [f"{P}.additionalProperties: Forbidden"]),
    (spec_of(type="object", anyOf=[{"properties": {"a": {"type": "string"}}}]), [f"{P}.anyOf[0].properties[a].type: Forbidden: must be"]),
    (spec_of(type="string", oneOf=[{"description": "x"}]), [f"{P}.oneOf[0].description: Forbidden: must be empty to be structural"]),
    (spec_of(**{"x-kubernetes-int-or-string": True, "anyOf": [{"type": "integer"}, {"type": "string"}]}), []),
    (schema(required=["spec"], anyOf=[{"required": ["spec"]}, {"properties": {"a": {}}}]), [f"{S}.properties[a]: Required value: because"]),
    (spec_of(type="string", pattern="^(?!a)"), [f'{P}.pattern: Invalid value: "^(?!a)": must be a valid regular expression']),
    (spec_of(type="string", pattern="(a"), [f'{P}.pattern: Invalid value: "(a": must be a valid regular expression']),
    (spec_of(type="integer", default="1"), [f'{P}.default: Invalid value: "string": must be of type integer']),
    (spec_of(type="string", enum=["a"], default="b"), [f'{P}.default: Unsupported value: "b"']),
    (spec_of(type="string", nullable=True, default=None), []),
    (spec_of(**{**MAP, "x-kubernetes-list-map-keys": []}), [f"{P}.x-kubernetes-list-map-keys: Required value: must not be empty"]),
    (spec_of(**{**MAP, "x-kubernetes-list-map-keys": ["id"]}), [f'{P}.x-kubernetes-list-map-keys: Invalid value: ["id"]: entries must']),
    (spec_of(**{**MAP, "items": {**ITEM, "required": []}}), [f"{P}.items.properties[name].default: Required value: this property is in"]),
    (spec_of(**{**MAP, "items": {"type": "string"}}), [f'{P}.items.type: Invalid value: "string": must be object if parent array']),
    (spec_of(**{**MAP, "x-kubernetes-list-type": "hash"}), [f"{P}.x-kubernetes-list-type: Unsupported", f"{P}.x-kubernetes-list-type: In"]),
    (spec_of(type="array", items=ITEM, **{"x-kubernetes-list-type": "set"}), [f"{P}.items.x-kubernetes-map-type: Invalid value"]),
    (
        spec_of(type="string", **{"x-kubernetes-map-type": "atomic"}),
        [f'{P}.type: Invalid value: "string": must be object if x-kubernetes-map'],
    ),
    (spec_of(type="object", **{"x-kubernetes-embedded-resource": True}), [f"{P}.properties: Required value: must not be empty if"]),
    (schema(properties={"metadata": {"type": "object", "properties": {"name": {"type": "string", "maxLength": 5}}}}), []),
    (
        schema(properties={"metadata": {"type": "object", "description": "x"}}),
        [f"{S}.properties[metadata]: Forbidden: must not specify anyth"],
    ),
    (schema(properties={"kind": {"type": "integer"}}), [f'{S}.properties[kind].type: Invalid value: "integer": must be string']),
    (spec_of(type="object", **{"x-kubernetes-validations": [{"rule": "self.a\n"}]}), []),
    (spec_of(type="object", **{"x-kubernetes-validations": [{"rule": "a\nb"}]}), [f"{P}.x-kubernetes-validations[0].message: Required"]),
    (
        spec_of(type="object", **{"x-kubernetes-validations": [{"rule": ""}]}),
        [f"{P}.x-kubernetes-validations[0].rule: Required value: rule is"],
    ),
    (
        spec_of(type="object", **{"x-kubernetes-validations": [{"rule": "a", "reason": "No"}]}),
        [f"{P}.x-kubernetes-validations[0].reason: U"],
    ),
]
SCHEMAS[4] = (SCHEMAS[4][0], [f"{S}.type: Required value: must not be empty at the root"])


@pytest.mark.parametrize(("body", "expected"), SCHEMAS)
def test_schemas(body: dict[str, Any], expected: list[str]) -> None:
    assert_said(body, *expected)


def test_the_node_is_in_the_version_where_the_server_names_the_top_of_the_spec() -> None:
    (cause,) = causes(spec_of())
    assert cause.path == ("spec", "versions", 0, "schema", "openAPIV3Schema", "properties", "spec", "type")


def test_versions_that_differ_are_named_one_by_one() -> None:
    other = {**VERSION, "name": "v2", "storage": False, "schema": {"openAPIV3Schema": {"type": "array"}}}
    found = said(definition(versions=[VERSION, other]))
    assert [f.partition(": ")[0] for f in found] == [f"spec.versions[1].schema.openAPIV3Schema.{name}" for name in ("items", "type")]


def test_with_a_status_the_root_has_few_fields() -> None:
    body = version(subresources={"status": {}}, schema={"openAPIV3Schema": {"type": "object", "anyOf": [{"required": ["a"]}]}})
    assert_said(body, f"{S}: Invalid value")
    assert_said(version(schema={"openAPIV3Schema": {"type": "object", "nullable": True}}), f"{S}.nullable: Forbidden: nullable cannot be")


def test_odd_shapes_below_what_the_decoder_vouches_for_are_survived() -> None:
    for odd in (1, [], "x", {"items": 5, "properties": [1]}, {"x-kubernetes-list-map-keys": {"a": 1}, "type": 3, "anyOf": [None, 5]}):
        said(spec_of(type="array", items=odd if isinstance(odd, dict) else {"additionalProperties": odd, "allOf": odd, "enum": odd}))
