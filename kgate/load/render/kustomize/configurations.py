"""`configurations`: more fields for the built-in transformers."""

from __future__ import annotations

from kgate.load.render.kustomize import specs
from kgate.load.render.kustomize.folder import Folder
from kgate.load.render.kustomize.identity import Gvk
from kgate.load.render.kustomize.settings import checked
from kgate.load.render.kustomize.specs import Config, FieldSpec, NameReference
from kgate.load.render.nodes import BOOL, STR, Node
from kgate.load.render.rendering import NotRendered

_SPEC = {"group": STR, "version": STR, "kind": STR, "path": STR, "create": BOOL, "skip": BOOL}
_TABLES = {
    "namePrefix": "name_prefix", "nameSuffix": "name_suffix", "namespace": "namespace", "commonLabels": "common_labels", "labels": "labels",
    "templateLabels": "template_labels",
    "commonAnnotations": "common_annotations", "varReference": "var_reference", "images": "images", "replicas": "replicas",
}  # fmt: skip
_REFERENCE = {"group": STR, "version": STR, "kind": STR, "fieldSpecs": [_SPEC]}


def read(folder: Folder, entries: list[Node]) -> Config:
    """The built-in tables with those of the named files. Raises NotRendered."""
    added = Config()
    for entry in entries:
        node = folder.shelf.settings(folder.read(entry.text, entry.place))
        if node is None or not node.is_map:
            raise NotRendered(f"configurations: {entry.text[:100]} is empty", place=entry.place)
        added = added.merged(_config(node))
    return specs.default().merged(added)


def _config(node: Node) -> Config:
    tables: dict[str, specs.FieldSpecs] = {}
    references: list[NameReference] = []
    for field, value in node.fields.items():
        if field == "nameReference":
            references = [_reference(n) for n in checked(value, [_REFERENCE]).items]
        elif field in _TABLES:
            tables[_TABLES[field]] = tuple(field_spec(n) for n in checked(value, [_SPEC]).items)
    return Config(**tables, name_reference=tuple(references))


def field_spec(node: Node) -> FieldSpec:
    return FieldSpec(node.string("path"), _gvk(node), node.string("create") == "true")


def _reference(node: Node) -> NameReference:
    listed = node.get("fieldSpecs")
    return NameReference(_gvk(node), tuple(field_spec(n) for n in (listed.items if listed is not None else ())))


def _gvk(node: Node) -> Gvk:
    return Gvk(node.string("group"), node.string("version"), node.string("kind"))
