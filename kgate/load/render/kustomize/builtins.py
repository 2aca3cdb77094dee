"""`transformers`: files that configure kustomize's own (`apiVersion: builtin`). Any other transformer is a program, which is not run."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

from kgate.load.render.kustomize import configurations, patches, reading, replacements, transformers
from kgate.load.render.kustomize.folder import Folder
from kgate.load.render.kustomize.resources import Resources
from kgate.load.render.kustomize.settings import FIELD_SPEC, IMAGE, PAIRS, PATCH, REPLACEMENT, SELECTOR, checked
from kgate.load.render.kustomize.specs import FieldSpecs
from kgate.load.render.nodes import BOOL, INT, STR, Node
from kgate.load.render.rendering import NotRendered

Step = Callable[[Resources], None]

_COMMON: Mapping[str, Any] = {"apiVersion": STR, "kind": STR, "metadata": None, "fieldSpecs": [FIELD_SPEC]}
_SHAPES: Mapping[str, Mapping[str, Any]] = {
    "LabelTransformer": {"labels": PAIRS},
    "AnnotationsTransformer": {"annotations": PAIRS},
    "NamespaceTransformer": {"unsetOnly": BOOL, "setRoleBindingSubjects": STR},
    "PrefixTransformer": {"prefix": STR},
    "SuffixTransformer": {"suffix": STR},
    "ImageTagTransformer": {"imageTag": IMAGE},
    "ReplicaCountTransformer": {"replica": {"name": STR, "count": INT}},
    "PatchTransformer": PATCH,
    "PatchStrategicMergeTransformer": {"paths": [STR]},
    "PatchJson6902Transformer": {"path": STR, "jsonOp": STR, "target": SELECTOR},
    "ReplacementTransformer": {"replacements": [{**REPLACEMENT, "path": STR}]},
}


def steps(folder: Folder, entries: list[Node]) -> list[Step]:
    """Raises NotRendered for anything but kustomize's own transformers."""
    return [_step(folder, node) for entry in entries for node in _loaded(folder, entry)]


def _loaded(folder: Folder, entry: Node) -> list[Node]:
    """The entry itself, or the file that it names."""
    if "\n" in entry.text or "{" in entry.text:
        return reading.objects(entry.text, reading.inside(entry))
    if folder.find(entry.text, entry.place) is None:
        raise NotRendered(f"transformers: {entry.text[:100]} is no file", place=entry.place)
    return [n.copy() for n in folder.shelf.objects(folder.read(entry.text, entry.place))]


def _step(folder: Folder, node: Node) -> Step:
    kind = node.string("kind")
    if node.string("apiVersion") != "builtin":
        raise NotRendered("transformers: a plugin is a program, and none is run", place=node.place)
    if kind not in _SHAPES:
        raise NotRendered(f"transformers: {kind[:60]} is not done", place=node.place)
    checked(node, {**_COMMON, **_SHAPES[kind]})
    listed = node.get("fieldSpecs")
    specs = tuple(configurations.field_spec(n) for n in (listed.items if listed is not None else ()))
    return _of_fields(kind, node, specs) or _of_patches(kind, folder, node)


def _of_fields(kind: str, node: Node, specs: FieldSpecs) -> Step | None:
    if kind in ("LabelTransformer", "AnnotationsTransformer"):
        pairs = node.get("labels" if kind == "LabelTransformer" else "annotations")
        return partial(transformers.texts, pairs=pairs.fields if pairs is not None else {}, specs=specs)
    if kind == "NamespaceTransformer":
        return _namespace(node, specs)
    if kind in ("PrefixTransformer", "SuffixTransformer"):
        if node.get("fieldSpecs") is None:
            raise NotRendered(f"transformers: a {kind} needs fieldSpecs", place=node.place)
        return partial(transformers.affix, specs=specs, prefix=node.string("prefix"), suffix=node.string("suffix"))
    if kind == "ImageTagTransformer":
        return partial(transformers.image, entry=_needed(node, "imageTag"), specs=specs)
    if kind == "ReplicaCountTransformer":
        replica = _needed(node, "replica")
        return partial(transformers.replicas, name=replica.string("name"), count=_needed(replica, "count"), specs=specs)
    return None


def _namespace(node: Node, specs: FieldSpecs) -> Step:
    text = node.string("metadata", "namespace")
    if not text:
        return lambda _: None
    subjects = node.string("setRoleBindingSubjects") or "defaultOnly"
    if subjects not in transformers.SUBJECTS:
        raise NotRendered(f"transformers: setRoleBindingSubjects {subjects[:40]!r} is not known", place=node.place)
    place = node.children["metadata"].children["namespace"].place
    unset = node.string("unsetOnly") == "true"
    return partial(transformers.namespace, text=text, place=place, specs=specs, subjects=subjects, unset_only=unset)


def _of_patches(kind: str, folder: Folder, node: Node) -> Step:
    if kind == "PatchTransformer":
        return partial(patches.patch, folder=folder, entry=node)
    if kind == "PatchStrategicMergeTransformer":
        return partial(patches.strategic_merge, folder=folder, entries=_needed(node, "paths").items)
    if kind == "PatchJson6902Transformer":
        if (operations := node.get("jsonOp")) is not None:
            node.children["patch"] = operations
        return partial(patches.json6902, folder=folder, entry=node)
    found = replacements.loaded(folder, _needed(node, "replacements").items)

    def replace(resources: Resources) -> None:
        for replacement in found:
            replacements.apply(resources, replacement)

    return replace


def _needed(node: Node, field: str) -> Node:
    found = node.get(field)
    if found is None:
        raise NotRendered(f"transformers: {field} is missing", place=node.place)
    return found
