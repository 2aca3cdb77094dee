"""Text to objects, as kustomize reads resources and patches (kyaml/kio/byteio_reader.go, api/resource/factory.go)."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator

from kgate.load.render.nodes import Node, Place, Reader
from kgate.load.render.rendering import NotRendered
from kgate.manifest import Source

_SEPARATOR = re.compile(r"\n---(.*)\n")
_CONTENT = re.compile(r"^[ \t]*[^#\s]", re.M)

Shift = Callable[[int, int, int], Place]
"""Document, 0-based line and column of a text to its place in a file."""


def documents(text: str, shift: Shift, *, settings: bool = False) -> Iterator[Node]:
    """The documents of a text that are not empty. Raises NotRendered."""
    text = text.replace("\r\n", "\n").removeprefix("\ufeff")
    begin, line = 0, 0
    # A `---` in the first line separates nothing from something, and the document behind it is number 1 for kubectl.
    index = 1 if text.startswith("---") else 0
    for found in (*_SEPARATOR.finditer(text), None):
        piece = text[begin : found.start() + 1 if found else len(text)]
        node = _document(piece, line, index, shift, settings)
        if node is not None and not node.is_null:
            yield node
        if found:
            behind = found.group(1).strip()
            if behind and not behind.startswith("#"):
                raise NotRendered("`---` is followed by text", place=shift(index, line + piece.count("\n"), 0))
            line += text.count("\n", begin, found.end())
            begin, index = found.end(), index + 1


def _document(piece: str, line: int, index: int, shift: Shift, settings: bool) -> Node | None:
    if not _CONTENT.search(piece):
        return None
    return Reader(lambda at, column: shift(index, at + line, column), settings=settings).read(piece)


def objects(text: str, shift: Shift) -> list[Node]:
    """The objects of a text, items of Lists one by one. Raises NotRendered for anything that is no object."""
    found = list(documents(text, shift))
    if len(found) == 1 and found[0].string("kind") in ("List", "ResourceList") and found[0].get("items") is not None:
        items = found[0].children["items"]
        found = [*items.items]
    queue, listed = [n for n in found if _is_object(n)], []
    while queue:
        node = queue.pop(0)
        items = node.fields.get("items") if node.string("kind").endswith("List") else None
        if items is None:
            listed.append(node)
        elif items.is_list:
            queue += [n for n in items.items if _is_object(n)]
        elif not items.is_null:
            raise NotRendered("items of a List is no list", place=items.place)
    return listed


def _is_object(node: Node) -> bool:
    """False for an empty one, which is passed over. Raises NotRendered for one without a kind or a name."""
    if node.is_null or (node.is_map and not node.children):
        return False
    if not node.is_map:
        raise NotRendered("a document is no object", place=node.place)
    version = node.get("apiVersion")
    if not node.string("kind") or (version is not None and version.is_null):
        raise NotRendered("an object has no kind or no apiVersion", place=node.place)
    if not node.string("kind").endswith("List") and not node.string("metadata", "name"):
        raise NotRendered("an object has no metadata.name", place=node.place)
    _no_empty_items(node)
    return True


def _no_empty_items(node: Node) -> None:
    pending = [node]
    while pending:
        here = pending.pop()
        if here.is_list and any(v.is_null for v in here.items):
            raise NotRendered("a list has an empty item", place=here.place)
        pending += here.items or here.fields.values()


def in_file(source: Source) -> Shift:
    """Places of a text that is a whole file."""
    known: dict[tuple[int, int], Place] = {}

    def shift(document: int, line: int, column: int) -> Place:
        # Nodes that begin at one place (a mapping and its first key) share it.
        name = (line, column)
        if name not in known:
            known[name] = Place(source=source, document=document, line=line + 1, column=column + 1)
        return known[name]

    return shift


def inside(node: Node) -> Shift:
    """Places of a text that is a scalar of a file: exact in a literal block (`|`), else where the scalar begins."""
    place = node.place
    lines = place.source.lines()
    first = place.line  # 0-based: the line behind the one with the `|`
    head = lines[place.line - 1][place.column - 1 :] if place.line <= len(lines) else ""
    if not head.startswith("|") or not node.quoted:
        return lambda document, line, column: place
    written = next((w for w in lines[first:] if w.strip()), "")
    meant = next((m for m in node.text.split("\n") if m.strip()), "")
    indent = (len(written) - len(written.lstrip(" "))) - (len(meant) - len(meant.lstrip(" ")))
    return lambda document, line, column: Place(
        source=place.source, document=place.document, line=first + line + 1, column=max(indent, 0) + column + 1
    )
