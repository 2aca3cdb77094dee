"""A kustomization file: which fields there are and of which type (api/types/kustomization.go). What kgate does not do is refused here."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from kgate.load.render.nodes import BOOL, INT, NULL, STR, Node
from kgate.load.render.rendering import NotRendered

KIND, COMPONENT = "Kustomization", "Component"
VERSIONS = {KIND: "kustomize.config.k8s.io/v1beta1", COMPONENT: "kustomize.config.k8s.io/v1alpha1"}

PAIRS = {"*": STR}
SELECTOR = dict.fromkeys(("group", "version", "kind", "name", "namespace", "labelSelector", "annotationSelector"), STR)
PATCH = {"path": STR, "patch": STR, "target": SELECTOR, "options": {"allowNameChange": BOOL, "allowKindChange": BOOL}}
_GENERATOR_OPTIONS = {"labels": PAIRS, "annotations": PAIRS, "disableNameSuffixHash": BOOL, "immutable": BOOL}
_CONFIG_MAP = {
    "name": STR, "namespace": STR, "behavior": STR, "literals": [STR], "files": [STR], "envs": [STR], "env": STR,
    "options": _GENERATOR_OPTIONS,
}  # fmt: skip
IMAGE = dict.fromkeys(("name", "newName", "newTag", "digest", "tagSuffix"), STR)
FIELD_SPEC = {"group": STR, "version": STR, "kind": STR, "path": STR, "create": BOOL}
_FIELD_OPTIONS = {"delimiter": STR, "index": INT, "encoding": STR, "create": BOOL}
_GVK_NAME = dict.fromkeys(("group", "version", "kind", "name", "namespace"), STR)
REPLACEMENT = {
    "source": {**_GVK_NAME, "fieldPath": STR, "options": _FIELD_OPTIONS},
    "sourceValue": STR,
    "targets": [{"select": SELECTOR, "reject": [SELECTOR], "fieldPaths": [STR], "options": _FIELD_OPTIONS}],
}
_FIELDS: Mapping[str, Any] = {
    "apiVersion": STR, "kind": STR,
    "metadata": {"name": STR, "namespace": STR, "labels": PAIRS, "annotations": PAIRS},
    "openapi": PAIRS, "namePrefix": STR, "nameSuffix": STR, "namespace": STR, "commonLabels": PAIRS,
    "labels": [{
        "pairs": PAIRS, "includeSelectors": BOOL, "includeTemplates": BOOL, "fields": [FIELD_SPEC],
    }],
    "commonAnnotations": PAIRS, "patchesStrategicMerge": [STR], "patchesJson6902": [PATCH], "patches": [PATCH],
    "images": [IMAGE], "imageTags": [IMAGE], "replacements": [{**REPLACEMENT, "path": STR}],
    "replicas": [{"name": STR, "count": INT}],
    "vars": [{
        "name": STR, "objref": {"apiVersion": STR, **_GVK_NAME}, "fieldref": {"fieldPath": STR},
    }],
    "sortOptions": {"order": STR, "legacySortOptions": {"orderFirst": [STR], "orderLast": [STR]}},
    "resources": [STR], "components": [STR], "crds": [STR], "bases": [STR],
    "configMapGenerator": [_CONFIG_MAP], "secretGenerator": [{**_CONFIG_MAP, "type": STR}],
    "helmGlobals": None, "helmCharts": None, "helmChartInflationGenerator": None,
    "generatorOptions": _GENERATOR_OPTIONS, "configurations": [STR], "generators": [STR], "transformers": [STR], "validators": [STR],
    "buildMetadata": [STR],
}  # fmt: skip

NOT_DONE: Mapping[str, str] = {
    "helmCharts": "charts are not inflated", "helmChartInflationGenerator": "charts are not inflated",
    "helmGlobals": "charts are not inflated",
    "generators": "generator plugins are not run",
    "validators": "validator plugins are not run", "crds": "OpenAPI documents of custom resources are not read",
    "openapi": "another OpenAPI document is not read", "buildMetadata": "it writes what depends on the version of kustomize",
}  # fmt: skip


class Settings:
    """A checked kustomization."""

    def __init__(self, file: Node | None) -> None:
        """Raises NotRendered for what kustomize would refuse, and for what kgate does not do."""
        if file is None or not file.is_map:
            raise NotRendered("the kustomization is empty or no mapping", place=None if file is None else file.place)
        self.node = checked(file, _FIELDS)
        self.kind = self.node.string("kind") or KIND
        if self.kind not in VERSIONS:
            raise NotRendered("kind of a kustomization must be Kustomization or Component", place=self.node.children["kind"].place)
        version = self.node.string("apiVersion")
        if version and version != VERSIONS[self.kind]:
            place = self.node.children["apiVersion"].place
            raise NotRendered(f"apiVersion of a {self.kind} must be {VERSIONS[self.kind]}", place=place)
        if not any(f not in ("apiVersion", "kind") and _is_set(v) for f, v in self.node.fields.items()):
            raise NotRendered("the kustomization is empty", place=self.node.place)
        for field, why in NOT_DONE.items():
            if (found := self.node.get(field)) is not None and _is_set(found):
                raise NotRendered(f"{field}: {why}", place=found.key or found.place)

    def listed(self, *fields: str) -> list[Node]:
        return [item for f in fields if (found := self.node.get(f)) is not None for item in found.items]

    def pairs(self, field: str) -> dict[str, Node]:
        found = self.node.get(field)
        return found.fields if found is not None else {}


def _is_set(node: Node) -> bool:
    return bool(node.children) if not node.is_scalar else not node.is_null and bool(node.text)


def checked(node: Node, shape: Any) -> Node:
    """`node` with the field names that `shape` has (Go ignores their case). Raises NotRendered where it has another shape."""
    if node.is_null or shape is None:
        return node
    if isinstance(shape, str):
        if not node.is_scalar or node.tag != shape:
            raise NotRendered(f"a {_WORDS[shape]} is expected here", place=node.place)
    elif isinstance(shape, list):
        if not node.is_list:
            raise NotRendered("a list is expected here", place=node.place)
        for item in node.items:
            checked(item, shape[0])
    else:
        _mapping(node, shape)
    return node


_WORDS = {STR: "text", INT: "whole number", BOOL: "boolean", NULL: "null"}


def _mapping(node: Node, shape: Mapping[str, Any]) -> None:
    if not node.is_map:
        raise NotRendered("a mapping is expected here", place=node.place)
    if "*" in shape:
        for value in node.fields.values():
            checked(value, shape["*"])
        return
    known = {name.lower(): name for name in shape}
    renamed = {}
    for field, value in node.fields.items():
        name = field if field in shape else known.get(field.lower())
        if name is None:
            raise NotRendered(f"kustomize knows no field {field[:60]!r} here", place=value.key or value.place)
        renamed[name] = checked(value, shape[name])
    node.children = renamed
