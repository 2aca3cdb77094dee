"""The objects on their way through a kustomization: each with its earlier names, so that references to those still find it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping

from kgate.load.render.kustomize.identity import Gvk, Id
from kgate.load.render.nodes import STR, Node, Place, bare_key, mapping, scalar
from kgate.load.render.rendering import NotRendered


class Resource:
    """One object. Upstream keeps these facts in annotations of the object itself (api/resource/resource.go)."""

    __slots__ = ("behavior", "former", "hashed", "kind_change", "name_change", "node", "prefixes", "suffixes", "vars")

    def __init__(self, node: Node, *, behavior: str = "", hashed: bool = False) -> None:
        self.node: Node = node
        self.behavior = behavior
        self.hashed = hashed
        """A generated object whose name is to end in the hash of its content."""
        self.former: list[tuple[str, str, str]] = []
        """Effective namespace, name and kind, oldest first."""
        self.prefixes: list[str] = []
        self.suffixes: list[str] = []
        self.name_change = False
        self.kind_change = False
        self.vars: list[str] = []

    @property
    def gvk(self) -> Gvk:
        return Gvk.of(self.node.string("apiVersion"), self.node.string("kind"))

    @property
    def kind(self) -> str:
        return self.node.string("kind")

    @property
    def name(self) -> str:
        return self.node.string("metadata", "name")

    @property
    def namespace(self) -> str:
        return self.node.string("metadata", "namespace")

    @property
    def current(self) -> Id:
        return Id(self.gvk, self.name, self.namespace)

    @property
    def earlier(self) -> list[Id]:
        if not self.former:
            return []
        gvk = self.gvk
        return [Id(Gvk(gvk.group, gvk.version, kind), name, namespace, former=True) for namespace, name, kind in self.former]

    @property
    def original(self) -> Id:
        return self.earlier[0] if self.former else self.current

    @property
    def ids(self) -> list[Id]:
        return [*self.earlier, self.current]

    @property
    def empty(self) -> bool:
        return not self.node.fields

    def remember(self) -> None:
        """Keeps the present name for those who refer to it."""
        now = self.current
        self.former.append((now.effective, now.name, now.gvk.kind))

    def rename(self, name: str) -> None:
        self.metadata("name", name)

    def metadata(self, field: str, text: str) -> None:
        """Sets a text of the metadata; where it stood (or the object begins) remains its place."""
        metadata = self.node.fields.get("metadata")
        if metadata is None or metadata.is_null:
            metadata = self.node.children["metadata"] = mapping(self.node.place)
        old = metadata.fields.get(field)
        if old is None:
            metadata.children[field] = scalar(text, metadata.place)
        else:
            old.write(text)

    def labels(self, field: str = "labels") -> Mapping[str, str]:
        found = self.node.get("metadata", field)
        return {k: v.text for k, v in found.fields.items()} if found is not None else {}

    def note_annotations(self) -> None:
        """Upstream's notes about an object are annotations, so where there are notes a patch finds annotations to add to."""
        metadata = self.node.get("metadata")
        noted = self.former or self.prefixes or self.suffixes or self.hashed or self.behavior
        if noted and metadata is not None and metadata.is_map:
            found = metadata.get("annotations")
            if found is None or found.is_null:
                metadata.children["annotations"] = mapping(metadata.place)

    def finish(self) -> None:
        """Upstream takes its notes out of the annotations again: what is left is text, and an empty mapping goes."""
        metadata = self.node.get("metadata")
        found = metadata.get("annotations") if metadata is not None else None
        if metadata is None or found is None:
            return
        if not found.children:
            del metadata.children["annotations"]
        for name, value in found.fields.items():
            bare_key(name, value.place)
            value.children, value.tag = None, STR

    def copy(self) -> Resource:
        made = Resource(self.node.copy(), behavior=self.behavior, hashed=self.hashed)
        made.take_history(self)
        made.name_change, made.kind_change = self.name_change, self.kind_change
        return made

    def take_history(self, other: Resource) -> None:
        self.former, self.prefixes, self.suffixes = [*other.former], [*other.prefixes], [*other.suffixes]
        self.vars = [*other.vars]


class Resources:
    """Objects in order, no two of one name (api/resmap/reswrangler.go)."""

    def __init__(self, listed: Iterable[Resource] = ()) -> None:
        self.listed: list[Resource] = list(listed)
        self._known: set[tuple[Gvk, str, str]] | None = None
        """The names of all, while nothing but `extend` changes anything."""

    def extend(self, resources: Iterable[Resource]) -> None:
        """Raises NotRendered when one of the objects is there already."""
        if self._known is None:
            self._known = {_key(r.current) for r in self.listed}
        for r in resources:
            key = _key(r.current)
            if key in self._known:
                raise NotRendered(f"{r.current} is there already", place=r.node.place)
            self._known.add(key)
            self.listed.append(r)

    def matching(self, matches: Callable[[Id], bool]) -> list[Resource]:
        """Those of which the present or an earlier name matches."""
        return [r for r in self.listed if not r.empty and any(map(matches, r.ids))]

    def one(self, wanted: Id, place: Place | None) -> Resource:
        """The object that has or had that name. Raises NotRendered for none and for several."""
        found = self.matching(wanted.same)
        if len(found) != 1:
            raise NotRendered(f"{'several objects match' if found else 'no object is'} {wanted}", place=place)
        return found[0]

    def absorb(self, resource: Resource) -> None:
        """Adds a generated object, or lets it replace or merge into the one of its name, as its behavior says."""
        self._known = None
        now = resource.current
        found = self.matching(now.same)
        if len(found) > 1:
            raise NotRendered(f"several objects match {now}", place=resource.node.place)
        changes = resource.behavior in ("merge", "replace")
        if bool(found) != changes:
            problem = f"{now} exists: its behavior must be merge or replace" if found else f"there is no {now} to {resource.behavior}"
            raise NotRendered(problem, place=resource.node.place)
        if not found:
            self.extend([resource])
            return
        old = found[0]
        _take_metadata(resource, old)
        if resource.behavior == "merge":
            for field in ("data", "binaryData"):
                _merge_texts(resource.node, old.node, field)
        resource.behavior = old.behavior
        self.listed[self.listed.index(old)] = resource

    def drop_empty(self) -> None:
        """After each change of the objects."""
        self._known = None
        self.listed = [r for r in self.listed if not r.empty]

    def check_unique(self) -> None:
        seen: set[tuple[Gvk, str, str]] = set()
        for r in self.listed:
            key = _key(r.current)
            if key in seen:
                raise NotRendered(f"{r.current} is there twice after the change", place=r.node.place)
            seen.add(key)


def _key(name: Id) -> tuple[Gvk, str, str]:
    return name.gvk, name.name, name.effective


def _take_metadata(resource: Resource, old: Resource) -> None:
    """resource.go, CopyMergeMetaDataFieldsFrom: the old name, and labels and annotations of both."""
    metadata = resource.node.children["metadata"]
    for field in ("labels", "annotations"):
        _merge_texts(metadata, old.node.children["metadata"], field)
    for field in ("name", "namespace"):
        found = old.node.get("metadata", field)
        metadata.children.pop(field, None)
        if found is not None:
            metadata.children[field] = found
    resource.hashed = resource.hashed and old.hashed
    resource.take_history(old)


def _merge_texts(node: Node, old: Node, field: str) -> None:
    ours, theirs = node.get(field), old.get(field)
    fields = {**(theirs.fields if theirs else {}), **(ours.fields if ours else {})}
    if fields:
        place = (ours or theirs or node).place
        node.children[field] = Node(place=place, key=(ours or theirs or node).key, children=fields)
    else:
        node.children.pop(field, None)
