"""References by name follow the objects that were renamed (api/filters/nameref, api/internal/accumulator)."""

from __future__ import annotations

from collections.abc import Callable

from kgate.load.render.kustomize import fields
from kgate.load.render.kustomize.identity import NO_NAMESPACE, Gvk
from kgate.load.render.kustomize.resources import Resource, Resources
from kgate.load.render.kustomize.specs import FieldSpec, NameReference
from kgate.load.render.nodes import Node, scalar
from kgate.load.render.rendering import NotRendered


def follow(resources: Resources, references: tuple[NameReference, ...]) -> None:
    """Rewrites every field that names an object by a name it had. Raises NotRendered where two objects had it."""
    index: dict[str, list[Resource]] = {}
    for r in resources.listed:
        for name in dict.fromkeys(name for _, name, _ in r.former):
            index.setdefault(name, []).append(r)
    if not index:
        return
    by_kind: dict[str, list[tuple[Gvk, FieldSpec]]] = {}
    for reference in references:
        for spec in reference.referrers:
            by_kind.setdefault(spec.gvk.kind, []).append((reference.to, spec))
    for r in resources.listed:
        gvk = r.original.gvk
        referrer: _Referrer | None = None
        for to, spec in (*by_kind.get(gvk.kind, ()), *by_kind.get("", ())):
            if gvk.selected_by(spec.gvk):
                referrer = referrer or _Referrer(r, index)
                referrer.update(to, spec)


class _Referrer:
    """One object whose references are followed."""

    def __init__(self, resource: Resource, index: dict[str, list[Resource]]) -> None:
        self.resource = resource
        self._index = index
        self._id = resource.current
        self._namespaces = _subject_namespaces(resource)

    def update(self, to: Gvk, spec: FieldSpec) -> None:
        path = spec.path
        role = path.endswith("roleRef/name")
        fields.at(self.resource.node, path, lambda node: self._put(node, to, role))

    def _put(self, node: Node, to: Gvk, role: bool) -> None:
        if node.is_null:
            return
        if node.is_list:
            for item in node.items:
                self._put(item, to, role)
        elif node.is_map:
            self._put_mapping(node, to, role)
        else:
            found = self._referral(node.text, to, role, None, _same_name)
            if found is not None and found.name != node.text:
                node.write(found.name)

    def _put_mapping(self, node: Node, to: Gvk, role: bool) -> None:
        name = node.get("name")
        if name is None:
            raise NotRendered("a reference has no name", place=node.place)
        namespace = node.string("namespace") if node.get("namespace") is not None else None
        found = self._referral(name.text, to, role, namespace, _same_name_and_namespace)
        if found is None or (found.name == name.text and not found.namespace):
            return
        name.write(found.name)
        if found.namespace:
            old = node.get("namespace")
            if old is None:
                node.children["namespace"] = scalar(found.namespace, name.place, key=name.key)
            else:
                old.write(found.namespace)

    def _referral(self, name: str, to: Gvk, role: bool, namespace: str | None, same: Callable[[list[Resource]], bool]) -> Resource | None:
        """The one object that had the name (nameref.go, selectReferral)."""
        candidates = [r for r in self._index.get(name, ()) if self._may_be_named(r)]
        if namespace is not None:
            candidates = self._in_namespace(candidates, namespace)
        candidates = [r for r in candidates if any(i.gvk.selected_by(to) for i in r.earlier)]
        if role and (wanted := self._role()) is not None:
            candidates = [r for r in candidates if any(i.gvk.selected_by(wanted) for i in r.earlier)]
        candidates = [r for r in candidates if self._may_be_meant(r)]
        if len(candidates) == 1:
            return candidates[0]
        candidates = [r for r in candidates if _affixes_fit(r, self.resource, lenient=True)]
        if len(candidates) > 1:
            candidates = [r for r in candidates if _affixes_fit(r, self.resource, lenient=False)]
        if len(candidates) < 2 or same(candidates):
            return candidates[0] if candidates else None
        raise NotRendered(f"{self._id} refers to {name}, which {len(candidates)} objects were called", place=self.resource.node.place)

    def _may_be_named(self, r: Resource) -> bool:
        """reswrangler.go, SubsetThatCouldBeReferencedByResource."""
        if self._id.gvk.cluster_scoped:
            return True
        other = r.current
        return other.gvk.cluster_scoped or other.effective == self._id.effective or r.namespace in self._namespaces

    def _in_namespace(self, candidates: list[Resource], namespace: str) -> list[Resource]:
        """Those that were in that namespace at first; when no object at all was, those that are in it now."""
        everything = [r for r in self._every() if self._may_be_named(r)]
        if namespace != NO_NAMESPACE and any(r.original.effective == namespace for r in everything):
            return [r for r in candidates if r.original.effective == namespace]
        return [r for r in candidates if r.current.effective == namespace != NO_NAMESPACE]

    def _every(self) -> list[Resource]:
        return [r for listed in self._index.values() for r in listed]

    def _role(self) -> Gvk | None:
        group, kind = self.resource.node.get("roleRef", "apiGroup"), self.resource.node.get("roleRef", "kind")
        return None if group is None or kind is None else Gvk(group.text, "", kind.text)

    def _may_be_meant(self, r: Resource) -> bool:
        if self._id.gvk.cluster_scoped or r.current.gvk.cluster_scoped or r.kind == "ServiceAccount":
            return True
        return r.current.effective == self._id.effective


def _subject_namespaces(r: Resource) -> frozenset[str]:
    """A RoleBinding may name ServiceAccounts of other namespaces. Raises NotRendered for one that is no text."""
    if r.kind != "RoleBinding":
        return frozenset()
    found: set[str] = set()
    subjects = r.node.get("subjects")
    for subject in subjects.items if subjects is not None else ():
        namespace = subject.get("namespace")
        if namespace is None or subject.string("kind") != "ServiceAccount":
            continue
        if not isinstance(namespace.plain(), str):
            raise NotRendered("the namespace of a subject is no text", place=namespace.place)
        found.add(namespace.text)
    return frozenset(found)


def _affixes_fit(r: Resource, other: Resource, *, lenient: bool) -> bool:
    pairs = ((r.prefixes, other.prefixes), (r.suffixes, other.suffixes))
    return all((lenient and not (a and b)) or _same_ending(a, b) for a, b in pairs)


def _same_ending(a: list[str], b: list[str]) -> bool:
    short, long = (a, b) if len(a) <= len(b) else (b, a)
    return not long if not short else long[-len(short) :] == short


def _same_name(found: list[Resource]) -> bool:
    return len({r.name for r in found}) == 1


def _same_name_and_namespace(found: list[Resource]) -> bool:
    return len({(r.name, r.namespace) for r in found}) == 1
