"""`replacements`: a value of one object copied into fields of others (api/filters/replacement)."""

from __future__ import annotations

import re

from kgate.load.render.kustomize import fields, regexes
from kgate.load.render.kustomize.folder import Folder
from kgate.load.render.kustomize.identity import Gvk, Id
from kgate.load.render.kustomize.resources import Resource, Resources
from kgate.load.render.kustomize.selectors import Selector
from kgate.load.render.kustomize.settings import REPLACEMENT, checked
from kgate.load.render.nodes import Node, mapping, scalar
from kgate.load.render.rendering import NotRendered


def apply(resources: Resources, replacement: Node) -> None:
    """Raises NotRendered where there is nothing to copy, or no place for it."""
    targets = replacement.get("targets")
    if targets is None or not targets.is_list:
        raise NotRendered("a replacement has no targets", place=replacement.place)
    value = _source_value(resources, replacement)
    for target in targets.items:
        _apply_to(resources, target, value)


def loaded(folder: Folder, entries: list[Node]) -> list[Node]:
    """The replacements themselves, those of files included."""
    out: list[Node] = []
    for entry in entries:
        path = entry.string("path")
        if not path:
            out.append(entry)
            continue
        if entry.get("source") is not None or entry.get("targets") is not None:
            raise NotRendered("a replacement has either a path or a source", place=entry.place)
        read = folder.shelf.settings(folder.read(path, entry.place))
        if read is None or read.is_scalar:
            raise NotRendered("a file of replacements is empty", place=entry.place)
        out += [checked(n, REPLACEMENT) for n in (read.items if read.is_list else [read])]
    return out


def _source_value(resources: Resources, replacement: Node) -> Node:
    source, constant = replacement.get("source"), replacement.get("sourceValue")
    if (source is None) == (constant is None):
        raise NotRendered("a replacement needs either source or sourceValue", place=replacement.place)
    if constant is not None:
        return scalar(constant.text, constant.place, tag="")
    assert source is not None
    found = [r for r in resources.listed if any(_selected(i, source) for i in r.ids)]
    if len(found) != 1:
        raise NotRendered(f"replacement: {'several objects match' if found else 'nothing matches'} the source", place=source.place)
    path = fields.smart_split(source.string("fieldPath") or "metadata.name")
    value = _lookup(found[0].node, path)
    if value is None or value.is_null or (not value.is_scalar and not value.children):
        raise NotRendered("replacement: the source has no such field", place=source.place)
    return _part(value.copy(), source)


def _selected(one: Id, source: Node) -> bool:
    gvk = Gvk(source.string("group"), source.string("version"), source.string("kind"))
    name, namespace = source.string("name"), source.string("namespace")
    wanted = Id(gvk, name, namespace)
    return (not name or name == one.name) and (not namespace or wanted.effective == one.effective) and one.gvk.selected_by(gvk)


def _options(node: Node) -> tuple[str, int, bool]:
    """Delimiter, index and whether to create."""
    options = node.get("options")
    if options is None:
        return "", 0, False
    if options.string("encoding"):
        raise NotRendered("replacement: options.encoding", place=options.place)
    return options.string("delimiter"), int(options.string("index") or 0), options.string("create") == "true"


def _part(value: Node, source: Node) -> Node:
    delimiter, index, _ = _options(source)
    if not delimiter:
        return value
    if not value.is_scalar:
        raise NotRendered("replacement: only a text can be split", place=source.place)
    parts = value.text.split(delimiter)
    if not 0 <= index < len(parts):
        raise NotRendered(f"replacement: the source has no part {index}", place=source.place)
    value.text = parts[index]
    return value


def _apply_to(resources: Resources, target: Node, value: Node) -> None:
    select = target.get("select")
    if select is None:
        raise NotRendered("replacement: a target needs select", place=target.place)
    wanted, listed = Selector(select), target.get("reject")
    rejected = [Selector(n) for n in (listed.items if listed is not None else [])]
    for r in resources.listed:
        ids = r.ids
        if not wanted.fits_labels(r) or any(s.has_labels and s.fits_labels(r) for s in rejected):
            continue
        if any(not s.names_nothing and any(map(s.fits, ids)) for s in rejected):
            continue
        if any(map(wanted.fits, ids)):
            _copy(r, value, target)


def _copy(r: Resource, value: Node, target: Node) -> None:
    _, _, create = _options(target)
    listed = target.get("fieldPaths")
    paths = [n.text for n in listed.items] if listed is not None and listed.items else ["metadata.name"]
    for path in paths:
        steps = fields.smart_split(path)
        found = _matching(r.node, steps, value if create else None, target)
        if not found:
            raise NotRendered(f"replacement: there is no field {path} in {r.current}", place=target.place)
        for node in found:
            _write(node, value, target)


def _write(node: Node, value: Node, target: Node) -> None:
    delimiter, index, _ = _options(target)
    text = value.text
    if delimiter:
        if not node.is_scalar:
            raise NotRendered("replacement: only a text can be split", place=target.place)
        parts = node.text.split(delimiter)
        if index < 0:
            parts = [text, *parts]
        elif index >= len(parts):
            parts.append(text)
        else:
            parts[index] = text
        text = delimiter.join(parts)
    if node.is_scalar:
        node.text, node.place = text, value.place
    else:
        node.become(value.copy())


def _lookup(node: Node, path: list[str]) -> Node | None:
    """kyaml/yaml/fns.go, PathGetter."""
    here: Node | None = node
    for step in (s.strip() for s in path if s.strip()):
        if here is None or here.is_null:
            return None
        if step.isdigit():
            here = here.items[int(step)] if int(step) < len(here.items) else None
        elif step == "-":
            here = here.items[-1] if here.items else None
        elif step == "*":
            raise NotRendered("replacement: a source with a wildcard", place=node.place)
        elif step.startswith("[") and step.endswith("]"):
            here = _named_item(here, step)
        elif here.is_map:
            here = here.fields.get(step)
        else:
            raise NotRendered(f"replacement: {step} is asked of something that is no mapping", place=here.place)
    return here


def _named_item(node: Node, step: str) -> Node | None:
    name, equals, value = step[1:-1].partition("=")
    if not equals:
        raise NotRendered(f"replacement: {step} is not [NAME=VALUE]", place=node.place)
    if not name:
        return next((i for i in node.items if i.text == value), None)
    return next((i for i in node.items if i.is_map and (f := i.get(name)) is not None and f.text == value), None)


def _matching(node: Node, path: list[str], create: Node | None, target: Node) -> list[Node]:
    """Every field at `path`; what is missing is made, with `create` (kyaml/yaml/match.go)."""
    if not path:
        return [node]
    step, rest = path[0], path[1:]
    if step.isdigit():
        return _at_index(node, int(step), rest, create, target)
    if step.startswith("[") and step.endswith("]"):
        return _by_value(node, step, rest, create, target)
    if step == "*":
        return [f for item in _items(node, target) for f in _matching(item, rest, create, target)]
    return _at_field(node, step, rest, create, target)


def _items(node: Node, target: Node) -> list[Node]:
    if not node.is_list:
        raise NotRendered("replacement: a list is asked for where none stands", place=target.place)
    return node.items


def _made(path: list[str], create: Node) -> Node:
    """An empty field for what the next step needs."""
    place = create.place
    if not path:
        return Node(place=place, key=place, children=None if create.is_scalar else [] if create.is_list else {})
    listed = path[0].isdigit() or (path[0].startswith("[") and path[0].endswith("]"))
    return Node(place=place, key=place, children=[]) if listed else mapping(place, key=place)


def _at_field(node: Node, step: str, rest: list[str], create: Node | None, target: Node) -> list[Node]:
    if not node.is_map:
        if node.is_null:
            return []
        raise NotRendered(f"replacement: {step} is asked of something that is no mapping", place=target.place)
    found = node.get(step)
    if found is None:
        if create is None:
            return []
        found = node.children[step] = _made(rest, create)
    if found.is_scalar and rest and not found.is_null:
        raise NotRendered("replacement: a path that leads into a text", place=target.place)
    return _matching(found, rest, create, target)


def _at_index(node: Node, at: int, rest: list[str], create: Node | None, target: Node) -> list[Node]:
    items = _items(node, target)
    if at == len(items) and create is not None:
        items.append(_made(rest, create))
    if at >= len(items):
        raise NotRendered(f"replacement: a list has no item {at}", place=target.place)
    return _matching(items[at], rest, create, target)


def _by_value(node: Node, step: str, rest: list[str], create: Node | None, target: Node) -> list[Node]:
    name, equals, pattern = step[1:-1].partition("=")
    if not equals:
        raise NotRendered(f"replacement: {step} is not [NAME=VALUE]", place=target.place)
    try:
        wanted = regexes.compiled(pattern)
    except re.error as e:
        raise NotRendered(f"replacement: {step} holds no regular expression", place=target.place) from e
    found: list[Node] = []
    for item in _items(node, target):
        field = item.get(name) if name else item
        if field is None or not field.is_scalar or not wanted.search(field.text):
            continue
        found += _matching(item, rest, create, target) if name else [item]
    if found or create is None:
        return found
    made = scalar(pattern, create.place, tag="")
    items = _items(node, target)
    items.append(Node(place=create.place, children={name: made}) if name else made)
    return _matching(items[-1], rest, create, target) if name else [items[-1]]
