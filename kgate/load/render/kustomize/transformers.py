"""namespace, prefixes, labels, annotations, images and replicas (api/internal/builtins, api/filters)."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from functools import cache

from kgate.load.render.kustomize import fields, regexes
from kgate.load.render.kustomize.identity import Gvk, Id
from kgate.load.render.kustomize.resources import Resource, Resources
from kgate.load.render.kustomize.specs import FieldSpec, FieldSpecs
from kgate.load.render.nodes import INT, Node, Place, scalar, walk
from kgate.load.render.rendering import NotRendered

_METADATA_NAMESPACE = (FieldSpec("metadata/namespace", create=True),)
_BINDINGS = ("RoleBinding", "ClusterRoleBinding")
_NOT_PREFIXED = (Gvk("", "", "CustomResourceDefinition"), Gvk("apiregistration.k8s.io", "", "APIService"), Gvk("", "", "Namespace"))


SUBJECTS = ("defaultOnly", "allServiceAccounts", "none")


def namespace(
    resources: Resources, text: str, place: Place, specs: FieldSpecs, *, subjects: str = "defaultOnly", unset_only: bool = False
) -> None:
    """Puts everything that is not surely cluster-scoped into a namespace, and with it the subjects named `default`.

    `subjects` is one of SUBJECTS; with `unset_only` what has a namespace keeps it.
    """
    write = fields.entry("", text, place)

    def put(node: Node) -> None:
        if not (unset_only and node.is_scalar and node.text):
            write(node)

    for r in resources.listed:
        if r.empty:
            continue
        r.remember()
        if not r.gvk.cluster_scoped:
            fields.apply(r.node, _METADATA_NAMESPACE, put, create="scalar", place=place)
        if r.kind in _BINDINGS:
            for subject in _subjects(r.node, subjects):
                if not (unset_only and subject.string("namespace")):
                    subject.put("namespace", scalar(text, place, key=place))
        fields.apply(r.node, _namespace_specs(r, specs), put, create="scalar", place=place)
    resources.check_unique()


def _subjects(node: Node, mode: str) -> Iterable[Node]:
    subjects = node.get("subjects")
    for subject in subjects.items if subjects is not None and mode != "none" else ():
        if subject.string("kind") == "ServiceAccount" if mode == "allServiceAccounts" else subject.string("name") == "default":
            yield subject


def _namespace_specs(r: Resource, specs: FieldSpecs) -> Iterable[FieldSpec]:
    core = r.node.string("apiVersion") == "v1"
    for spec in specs:
        if spec.path == "metadata/namespace" or (spec.path == "metadata/name" and not core):
            continue
        if r.kind in _BINDINGS and spec.gvk.kind in _BINDINGS and spec.path == "subjects/namespace":
            continue
        yield spec


def affix(resources: Resources, specs: FieldSpecs, *, prefix: str = "", suffix: str = "") -> None:
    """Puts a prefix before or a suffix behind the names."""
    for r in resources.listed:
        original = r.original
        if any(original.gvk.selected_by(skipped) for skipped in _NOT_PREFIXED):
            continue
        for spec in specs:
            if not original.gvk.selected_by(spec.gvk):
                continue
            if spec.path == "metadata/name":
                r.prefixes += [prefix] if prefix else []
                r.suffixes += [suffix] if suffix else []
                r.remember()
            fields.apply(r.node, (spec,), lambda node: _affixed(node, prefix, suffix), create="scalar", place=r.node.place)


def _affixed(node: Node, prefix: str, suffix: str) -> None:
    if not node.is_scalar:
        raise NotRendered("a name is no text", place=node.place)
    node.write(f"{prefix}{node.text}{suffix}")


def texts(resources: Resources, pairs: Mapping[str, Node], specs: FieldSpecs) -> None:
    """Labels or annotations, by the fields of `specs`."""
    for name in sorted(pairs):
        value = pairs[name]
        for r in resources.listed:
            put = fields.entry(name, "" if value.is_null else value.text, value.place)
            fields.apply(r.node, specs, put, create="map", place=value.key or value.place)


def replicas(resources: Resources, name: str, count: Node, specs: FieldSpecs) -> None:
    """Raises NotRendered when no object of a kind that has replicas is called so."""
    found = False

    def put(node: Node) -> None:
        if not node.is_scalar:
            raise NotRendered("replicas is no number", place=node.place)
        node.write(count.text, count.place, tag=INT)

    for spec in specs:

        def matches(one: Id, spec: FieldSpec = spec) -> bool:
            return one.name == name and one.gvk.selected_by(spec.gvk)

        for r in resources.matching(matches):
            found = True
            fields.apply(r.node, (spec,), put, create="scalar", place=count.place)
    if not found:
        raise NotRendered(f"replicas: no object with replicas is called {name}", place=count.place)


class Image:
    """One entry of `images`."""

    def __init__(self, entry: Node) -> None:
        self.name = entry.string("name")
        self._name, self._tag, self._digest = entry.string("newName"), entry.string("newTag"), entry.string("digest")
        self._suffix = entry.string("tagSuffix")
        written = [entry.get(f) for f in ("newTag", "digest", "tagSuffix", "newName")]
        self._place = next((n.place for n in written if n is not None and n.text), entry.place)
        self._pattern = _image_pattern(self.name)

    def put(self, node: Node) -> None:
        if not node.is_scalar:
            raise NotRendered("an image is no text", place=node.place)
        if self._pattern is None or not self._pattern.match(node.text):
            return
        name, tag, digest = _parts(node.text)
        name = self._name or name
        if self._tag or self._digest:
            tag, digest = self._tag, self._digest
        elif self._suffix:
            tag, digest = tag + self._suffix, ""
        text = name + (f":{tag}" if tag else "") + (f"@{digest}" if digest else "")
        if text != node.text:
            node.write(text, self._place)


@cache
def _image_pattern(name: str) -> re.Pattern[str] | None:
    """The name is a regular expression, if it is one. Raises NotRendered for one that could take for ever."""
    try:
        return regexes.compiled(f"^{name}(:[a-zA-Z0-9_.{{}}-]*)?(@[a-zA-Z0-9]+([.+_-][a-zA-Z0-9]+)*:[a-zA-Z0-9_.{{}}-]*)?$", own=name)
    except re.error:
        return None


def _parts(image: str) -> tuple[str, str, str]:
    """Name, tag and digest (api/internal/image/image.go)."""
    slash = max(image.find("/"), 0)
    at, colon = image.find("@", slash), image.find(":", slash)
    if at >= 0 and (colon < 0 or at < colon):
        return image[:at], "", image[at + 1 :]
    if at >= 0:
        return image[:colon], image[colon + 1 : at], image[at + 1 :]
    return (image[:colon], image[colon + 1 :], "") if colon >= 0 else (image, "", "")


def image(resources: Resources, entry: Node, specs: FieldSpecs) -> None:
    """In every `containers` and `initContainers` wherever they stand, and in the fields of `specs`; never in a CustomResourceDefinition."""
    wanted = Image(entry)
    for r in resources.listed:
        if r.kind == "CustomResourceDefinition":
            continue
        for node in walk(r.node):
            for name in ("containers", "initContainers"):
                for container in _listed(node, name):
                    if (found := container.fields.get("image")) is not None:
                        wanted.put(found)
        fields.apply(r.node, specs, wanted.put)


def _listed(node: Node, name: str) -> Iterable[Node]:
    found = node.fields.get(name)
    for item in found.items if found is not None else ():
        if not item.is_map and not item.is_null:
            raise NotRendered(f"an item of {name} is no mapping", place=item.place)
        yield item
