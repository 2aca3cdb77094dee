"""The output of `helm template` as nodes that stand where their template wrote them."""

from __future__ import annotations

import posixpath
import re
from collections.abc import Iterator

from kgate.load.fault import Fault
from kgate.load.render import objects as reading
from kgate.load.render.helm.chart import Chart, place_of
from kgate.load.render.helm.lines import Template
from kgate.load.render.kustomize.folder import Shelf
from kgate.load.render.kustomize.reading import Shift
from kgate.load.render.nodes import Node, Place
from kgate.load.render.rendering import NotRendered
from kgate.load.source import Text
from kgate.load.text import decoded

_SEPARATOR = re.compile(r"^---[ \t]*\n", re.MULTILINE)
_SOURCE = re.compile(r"# Source: (.+)\n")


def objects(shelf: Shelf, chart: Chart, output: str) -> list[Node]:
    """The objects in the order of the output. Raises NotRendered for what kubectl would refuse to read."""
    fault = decoded(output.encode())
    if isinstance(fault, Fault):
        raise NotRendered(f"the output of helm: {fault.message}")
    found: list[Node] = []
    templates: dict[str, tuple[Text, Template] | None] = {}
    for path, text in _pieces(output, chart.name):
        if path not in templates:
            templates[path] = _template(shelf, chart, path)
        known = templates[path]
        shift = _nowhere(place_of(shelf, chart.file)) if known is None else _shift(text, *known)
        found += reading.objects(text, shift)
        if len(found) > reading.MAX_OBJECTS:
            raise NotRendered(f"it makes more than {reading.MAX_OBJECTS} objects")
    return found


def _pieces(output: str, name: str) -> Iterator[tuple[str, str]]:
    """Path in the chart and text of each document. What a file of definitions holds behind its first document comes without a path."""
    path = ""
    for piece in _SEPARATOR.split(output.replace("\r\n", "\n")):
        if (source := _SOURCE.match(piece)) is not None:
            path = source[1].removeprefix(f"{name}/")
        if piece.strip():
            yield path, piece


def _template(shelf: Shelf, chart: Chart, path: str) -> tuple[Text, Template] | None:
    """None for what lies in no file: a packed dependency."""
    if path not in chart.files:
        return None
    text = shelf.text(shelf.files.real(posixpath.join(chart.folder, path)))
    return text, Template.of(text.text.removeprefix("\ufeff"))


def _nowhere(place: Place) -> Shift:
    return lambda document, line, column: place


def _shift(text: str, source: Text, template: Template) -> Shift:
    """Places of the output as places of the template; what cannot be traced stands where the nearest line above it in the tree does."""
    output, written = text.split("\n"), source.lines()
    traced = template.trace(output)
    above = _ancestors(output)

    def shift(document: int, line: int, column: int) -> Place:
        here: int | None = line
        while here is not None and here not in traced:
            here, column = above.get(here), -1
        if here is None:
            return Place(source=source, document=0, line=1, column=1)
        row = traced[here]
        there = written[row] if row < len(written) else ""
        first = len(there) - len(there.lstrip(" "))
        action = there.find("{{")
        at = first if column < 0 else min(column, action) if action >= 0 else column
        return Place(source=source, document=0, line=row + 1, column=max(at, 0) + 1)

    return shift


def _ancestors(output: list[str]) -> dict[int, int | None]:
    """For each line the one that it is below, in the tree of indentations."""
    stack: list[tuple[int, int, bool]] = []
    out: dict[int, int | None] = {}
    for number, text in enumerate(output):
        bare = text.lstrip(" ")
        if not bare or bare.startswith("#"):
            out[number] = stack[-1][1] if stack else None
            continue
        indent, item = len(text) - len(bare), bare.startswith("- ")
        while stack and not (stack[-1][0] < indent or (stack[-1][0] == indent and item and not stack[-1][2])):
            stack.pop()
        out[number] = stack[-1][1] if stack else None
        stack.append((indent, number, item))
    return out
