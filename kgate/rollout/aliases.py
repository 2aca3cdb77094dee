"""Names that do not depend on hashes: ReplicaSets are `web/rs1`, `web/rs2`, their pods `web/rs1/p1`, in order of first appearance."""

from __future__ import annotations

import re
from typing import Any

from kgate.engine.api.meta import Resource

_NAME = re.compile(r"(?:([a-z0-9][a-z0-9-]*)/)?([a-z0-9](?:[a-z0-9.-]*[a-z0-9])?)")


class Aliases:
    """Grows as objects appear. An object that is made anew under its old name keeps its alias, as a ReplicaSet of a known template does."""

    def __init__(self) -> None:
        self._by_name: dict[str, str] = {}
        self._children: dict[str, int] = {}
        self._namespaces: set[str] = set()
        self.replica_sets: dict[str, dict[str, Any]] = {}
        """What `recording.aliases` holds, by alias."""

    def of(self, obj: Resource) -> str:
        """The alias of the object; its own name for all but ReplicaSets of Deployments and pods of ReplicaSets."""
        name = obj.metadata.name
        if obj.metadata.controller is None or obj.kind not in ("ReplicaSet", "Pod"):
            self._namespaces.add(obj.metadata.namespace)
            return name
        return self._by_name[name] if name in self._by_name else self._given(obj)

    def owner(self, obj: Resource) -> str:
        """The alias of its controller; empty when it has none."""
        ref = obj.metadata.controller
        return "" if ref is None else self._by_name.get(ref.name, ref.name)

    def _given(self, obj: Resource) -> str:
        parent = self.owner(obj)
        self._children[parent] = self._children.get(parent, 0) + 1
        alias = f"{parent}/{'p' if obj.kind == 'Pod' else 'rs'}{self._children[parent]}"
        self._by_name[obj.metadata.name] = alias
        if obj.kind == "ReplicaSet":
            self.replica_sets[alias] = _described(obj)
        return alias

    def aliased(self, text: str) -> str:
        """`text` with every known name replaced; the namespace of a scenario reads `NS`."""
        return _NAME.sub(self._replace, text)

    def _replace(self, match: re.Match[str]) -> str:
        namespace, name = match.groups()
        alias = self._alias_of_name(name)
        if namespace is None:
            return alias
        if namespace in self._namespaces:
            return f"NS/{alias}"
        return f"{self._alias_of_name(namespace)}/{alias}"

    def _alias_of_name(self, name: str) -> str:
        """Of a pod that was refused only the name is known: `web-5d9dc68fdf-l9x79` is `web/rs1-l9x79`."""
        if name in self._by_name:
            return self._by_name[name]
        stem, dash, rest = name.rpartition("-")
        return f"{self._by_name[stem]}-{rest}" if dash and stem in self._by_name else name


def _described(rs: Any) -> dict[str, Any]:
    images = [c.image for c in rs.spec.template.spec.containers]
    return {"name": rs.metadata.name, "hash": rs.metadata.labels.get("pod-template-hash", ""), "images": images}
