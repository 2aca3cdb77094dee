"""Setting the fields that a FieldSpec names (api/filters/fieldspec/fieldspec.go)."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from functools import cache

from kgate.load.render.kustomize.identity import Gvk
from kgate.load.render.kustomize.specs import FieldSpec
from kgate.load.render.nodes import NULL, Node, Place, bare_key, mapping, scalar
from kgate.load.render.rendering import NotRendered

Setter = Callable[[Node], None]


@cache
def split(path: str, separator: str = "/") -> tuple[str, ...]:
    """The steps of a path; a backslash keeps a separator within its step (kyaml/utils/pathsplitter.go)."""
    pieces = path.split(separator)
    if len(pieces) > 1 and not pieces[0]:
        pieces = pieces[1:]
    out = pieces[:1]
    for piece in pieces[1:]:
        if out[-1].endswith("\\"):
            out[-1] = out[-1][:-1] + separator + piece
        else:
            out.append(piece)
    return tuple(out)


def smart_split(path: str) -> list[str]:
    """By dots, but `[name=a.b]` is one step."""
    pieces, out = split(path, "."), []
    at = 0
    while at < len(pieces):
        piece = pieces[at]
        at += 1
        if piece.startswith("[") and not piece.endswith("]"):
            parts = [piece]
            while at < len(pieces):
                parts.append(pieces[at])
                at += 1
                if parts[-1].endswith("]"):
                    break
            joined = ".".join(parts)
            piece = joined if "=" in joined else joined.strip("[]")
        out.append(piece)
    return out


def apply(node: Node, specs: Iterable[FieldSpec], put: Setter, *, create: str = "", place: Place | None = None) -> None:
    """Hands every field that the specs name to `put`. `create` is `map` or `scalar`, what a missing field is made as where its spec
    creates it; `place` is then where it stands."""
    gvk = Gvk.of(node.string("apiVersion"), node.string("kind"))
    for spec in specs:
        if gvk.selected_by(spec.gvk):
            _descend(node, split(spec.path), put, create if spec.create else "", place)


def at(node: Node, path: str, put: Setter) -> None:
    """Hands the fields at a path to `put`, whatever the kind of the object."""
    _descend(node, split(path), put, "", None)


def _descend(node: Node, path: tuple[str, ...], put: Setter, create: str, place: Place | None) -> None:
    if not path:
        put(node)
        return
    children = node.children
    if children.__class__ is dict:
        # Most fields of the tables are not there.
        if not create and path[0] not in children and not path[0].endswith("[]"):
            return
        found = _field(node, path, create, place)
        if found is not None:
            _descend(found, path[1:], put, create, place)
    elif children is not None:
        for item in children:
            _descend(item, path, put, create, place)
    elif node.tag != NULL:
        raise NotRendered(f"{'/'.join(path)}: neither a mapping nor a list holds it", place=node.place)


def _field(node: Node, path: tuple[str, ...], create: str, place: Place | None) -> Node | None:
    name = path[0].removesuffix("[]")
    if not name:
        raise NotRendered("a field without a name is to be set", place=node.place)
    found: Node | None = node.children.get(name)
    listed = name != path[0]
    made = "list" if listed else create and (create if len(path) == 1 else "map")
    if found is None and made and not listed:
        found = node.children[name] = mapping(place or node.place, key=place)
        found.children = {} if made == "map" else None
    elif found is not None and found.is_null and made:
        found.tag, found.text = "", ""
        found.children = {"list": [], "map": {}, "scalar": None}[made]
        found.place = place or found.place
    return found


def entry(name: str, text: str, place: Place) -> Setter:
    """For one object: sets a text in its mappings, or with an empty `name` the scalar itself.

    Raises NotRendered for a name that is no text without quotes.
    """
    if name:
        bare_key(name, place)
    # Where the field is missing, one node becomes the field of all of an object's mappings: upstream shares it, so that a later change of
    # one of them is a change of all.
    shared = scalar(text, place, key=place)

    def put(node: Node) -> None:
        if not name:
            if not node.is_scalar:
                raise NotRendered("a text is to be set where a mapping or a list stands", place=node.place)
            node.write(text, place, tag="str")
            return
        if node.is_null:
            return
        if not node.is_map:
            raise NotRendered("a field is to be set where no mapping stands", place=node.place)
        node.put(name, shared)

    return put
