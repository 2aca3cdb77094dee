"""Which objects a patch or a replacement is for: regular expressions on the name, and selectors of labels and annotations."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping

from kgate.load.render.kustomize import regexes
from kgate.load.render.kustomize.identity import Gvk, Id
from kgate.load.render.kustomize.resources import Resource, Resources
from kgate.load.render.nodes import Node
from kgate.load.render.rendering import NotRendered

_TERM = re.compile(r"\s*(!?)\s*([^\s,=!()]+)\s*(?:(==|=|!=)\s*([^\s,()]*)|(in|notin)\s*\(([^()]*)\))?\s*(?:,|$)")
_PARTS = ("group", "version", "kind", "name", "namespace")

Test = Callable[[Mapping[str, str]], bool]


class Selector:
    """`target` of a patch, `select` and `reject` of a replacement."""

    def __init__(self, node: Node) -> None:
        self.node = node
        self._patterns = {part: regexes.anchored(node.string(part)) for part in _PARTS}
        self._labels = labels(node, "labelSelector")
        self._annotations = labels(node, "annotationSelector")

    @property
    def names_nothing(self) -> bool:
        return not any(self._patterns.values())

    @property
    def has_labels(self) -> bool:
        return bool(self.node.string("labelSelector") or self.node.string("annotationSelector"))

    def _fits(self, part: str, text: str) -> bool:
        pattern = self._patterns[part]
        if pattern is not None and len(text) > 1000:
            raise NotRendered("a name of more than 1000 characters", place=self.node.place)
        return pattern is None or pattern.match(text) is not None

    def fits_gvk(self, gvk: Gvk) -> bool:
        return self._fits("group", gvk.group) and self._fits("version", gvk.version) and self._fits("kind", gvk.kind)

    def fits(self, one: Id) -> bool:
        return self.fits_gvk(one.gvk) and self._fits("name", one.name) and self._fits("namespace", one.namespace)

    def fits_labels(self, r: Resource) -> bool:
        return self._labels(r.labels()) and self._annotations(r.labels("annotations"))

    def select(self, resources: Resources) -> list[Resource]:
        """By the present or the first name (api/resmap/reswrangler.go, Select)."""
        found = []
        for r in resources.listed:
            now, first = r.current, r.original
            if (
                (self._fits("namespace", first.effective) or self._fits("namespace", now.effective))
                and (self._fits("name", first.name) or self._fits("name", now.name))
                and self.fits_gvk(r.gvk)
                and self.fits_labels(r)
            ):
                found.append(r)
        return found


def labels(node: Node, field: str) -> Test:
    """A selector as kubectl takes it: `a=b, c!=d, e in (x,y), f, !g`. Raises NotRendered for anything else."""
    text = node.string(field)
    tests: list[Test] = []
    position = 0
    while position < len(text) and text[position:].strip():
        found = _TERM.match(text, position)
        if found is None or (found.group(1) and (found.group(3) or found.group(5))):
            raise NotRendered(f"{field} {text[:60]!r} is no selector", place=node.place)
        position = found.end()
        tests.append(_test(*found.groups()))
    return lambda given: all(test(given) for test in tests)


def _test(negated: str, key: str, operator: str | None, value: str | None, word: str | None, values: str | None) -> Test:
    if negated:
        return lambda given: key not in given
    if operator in ("=", "=="):
        return lambda given: given.get(key) == value
    if operator == "!=":
        return lambda given: given.get(key) != value
    if word:
        among = {v.strip() for v in (values or "").split(",")}
        if word == "in":
            return lambda given: given.get(key) in among
        return lambda given: key not in given or given[key] not in among
    return lambda given: key in given
