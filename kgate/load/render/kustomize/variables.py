"""`vars`, the deprecated kind of replacement: $(NAME) in the fields of a table (api/filters/refvar)."""

from __future__ import annotations

import re
from collections.abc import Mapping

from kgate.load.render.kustomize import fields
from kgate.load.render.kustomize.identity import Gvk, Id
from kgate.load.render.kustomize.resources import Resources
from kgate.load.render.kustomize.specs import FieldSpecs
from kgate.load.render.nodes import BOOL, FLOAT, INT, STR, UNSET, Node
from kgate.load.render.rendering import NotRendered

_REFERENCE = re.compile(r"\$(?:(\$)|\(([^)]*)\))")


def register(resources: Resources, variables: list[Node], known: dict[str, Node]) -> None:
    """Notes which object each variable takes its value from. Raises NotRendered."""
    for variable in variables:
        name, reference = variable.string("name"), variable.get("objref")
        if not name or reference is None:
            raise NotRendered("a variable needs a name and an objref", place=variable.place)
        if name in known:
            raise NotRendered(f"variable {name} is given twice", place=variable.place)
        known[name] = variable
        gvk = Gvk.of(reference.string("apiVersion"), reference.string("kind"))
        gvk = Gvk(reference.string("group") or gvk.group, reference.string("version") or gvk.version, gvk.kind)
        wanted = Id(gvk, reference.string("name"), reference.string("namespace"))
        exact = bool(wanted.namespace) or gvk.cluster_scoped
        found = resources.matching(lambda i, w=wanted, e=exact: i.same(w) if e else (i.name == w.name and i.gvk == w.gvk))  # type: ignore[misc]
        if len(found) > 1:
            raise NotRendered(f"variable {name}: several objects match", place=variable.place)
        for r in found:
            r.vars.append(name)


def resolve(resources: Resources, known: Mapping[str, Node], specs: FieldSpecs) -> None:
    values = {name: _value(resources, name, variable) for name, variable in known.items()}
    if not values:
        return
    for r in resources.listed:
        fields.apply(r.node, specs, lambda node: _replace(node, values))


def _value(resources: Resources, name: str, variable: Node) -> Node:
    source = next((r for r in resources.listed if name in r.vars), None)
    path = fields.smart_split(variable.string("fieldref", "fieldPath") or variable.string("fieldref", "fieldpath") or "metadata.name")
    found = None if source is None else _lookup(source.node, path)
    if found is None or not found.is_scalar:
        raise NotRendered(f"variable {name}: there is no such field", place=variable.place)
    return found.copy()


def _lookup(node: Node, path: list[str]) -> Node | None:
    here: Node | None = node
    for step in path:
        if here is None:
            return None
        name, bracket, index = step.partition("[")
        here = here.fields.get(name) if name else here
        if bracket:
            at = index.removesuffix("]")
            if here is None or not at.isdigit() or int(at) >= len(here.items):
                return None
            here = here.items[int(at)]
    return here


def _replace(node: Node, values: Mapping[str, Node]) -> None:
    if node.is_null:
        return
    if node.is_map:
        for value in node.fields.values():
            if _is_text(value):
                _write(value, values)
    elif node.is_list:
        for item in node.items:
            if not _is_text(item):
                raise NotRendered("a variable may stand only in texts, and here is none", place=item.place)
            _write(item, values)
    elif _is_text(node):
        _write(node, values)


def _is_text(node: Node) -> bool:
    return node.is_scalar and node.tag in (STR, UNSET)


def _write(node: Node, values: Mapping[str, Node]) -> None:
    whole = _REFERENCE.fullmatch(node.text)
    if whole and whole.group(2) in values:
        value = values[whole.group(2)]
        node.text, node.tag, node.quoted = value.text, value.tag if value.tag in (INT, FLOAT, BOOL) else STR, False
        return
    node.text = _REFERENCE.sub(lambda m: "$" if m.group(1) else values[m[2]].text if m[2] in values else m[0], node.text)
    node.tag, node.quoted = STR, False
