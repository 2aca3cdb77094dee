"""The CustomResourceDefinitions at hand: those among the manifests, and those that the user names."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import TYPE_CHECKING, Any

from msgspec import Struct

if TYPE_CHECKING:
    from kgate.validate.crd.structural import Structural

_APIS = ("apiextensions.k8s.io/v1", "apiextensions.k8s.io/v1beta1")
"""The beta is refused by every server that kgate knows: a definition of it says which versions are not to be missed, and no more."""


class Version(Struct, frozen=True, kw_only=True):
    name: str
    served: bool
    raw: Any
    """The schema as written."""
    keeps_unknown: bool = False
    """spec.preserveUnknownFields, which only definitions of old have."""
    status: bool = False
    """Has the status subresource: a create drops the status."""
    replicas: str = ""
    """Where the scale subresource finds the replicas: `.spec.replicas`."""


class Definition(Struct, frozen=True, kw_only=True):
    name: str
    """Of the CustomResourceDefinition: `widgets.example.com`."""
    group: str
    kind: str
    versions: tuple[Version, ...]
    body: Mapping[str, Any]
    named: bool = False
    """The user has named it: it is the one of the cluster. One that lies among the manifests may be of another time."""

    def version(self, name: str) -> Version | None:
        return next((v for v in self.versions if v.name == name), None)

    @property
    def served(self) -> tuple[str, ...]:
        return tuple(v.name for v in self.versions if v.served)


class Definitions(Struct, frozen=True, kw_only=True):
    """By group and kind. Two of one name that differ are both there: an object is right if it is right by one."""

    found: Mapping[tuple[str, str], tuple[Definition, ...]]
    refused: Callable[[Mapping[str, Any]], bool]
    """Whether the server would refuse a definition; asked when the first resource needs it."""
    compiled: dict[tuple[int, str], Structural | str] = {}
    """By identity of a definition and version: its schema, or why there is none. A cache."""
    asked: dict[int, bool] = {}
    """By identity of a definition: what `refused` said. A cache."""

    @classmethod
    def of(
        cls, bodies: Iterable[Mapping[str, Any]], named: Iterable[Mapping[str, Any]], refused: Callable[[Mapping[str, Any]], bool]
    ) -> Definitions:
        """What the user has named takes the place of all others of its group and kind."""
        found: dict[tuple[str, str], list[Definition]] = {}
        for body, by_user in (*((b, True) for b in named), *((b, False) for b in bodies)):
            if body.get("kind") == "CustomResourceDefinition" and body.get("apiVersion") in _APIS and (one := _definition(body, by_user)):
                same = found.setdefault((one.group, one.kind), [])
                if all(one.body.get("spec") != other.body.get("spec") and other.named is by_user for other in same):
                    same.append(one)
        return cls(found={key: tuple(ones) for key, ones in found.items()}, refused=refused)

    def describing(self, api_version: object, kind: object) -> tuple[Definition, ...]:
        if not isinstance(api_version, str) or not isinstance(kind, str):
            return ()
        return self.found.get((api_version.rpartition("/")[0], kind), ())

    def usable(self, definition: Definition) -> bool:
        """Whether the server would take the definition. Asked of those whose schema is bounded."""
        if id(definition) not in self.asked:
            self.asked[id(definition)] = self.refused(definition.body)
        return not self.asked[id(definition)]

    def schema(self, definition: Definition, version: Version) -> Structural | str:
        key = (id(definition), version.name)
        if key not in self.compiled:
            self.compiled[key] = _compiled(version)
        return self.compiled[key]


def _compiled(version: Version) -> Structural | str:
    from kgate.validate.crd.structural import UnreadableError, structural

    try:
        return structural(version.raw)
    except UnreadableError as e:
        return str(e)


def _definition(body: Mapping[str, Any], named: bool) -> Definition | None:
    """None where it lacks what makes it one: validation says so at its own place."""
    spec = _mapping(body.get("spec"))
    group, kind = spec.get("group"), _mapping(spec.get("names")).get("kind")
    versions = spec.get("versions") or [{"name": spec.get("version"), "served": True}]
    if not isinstance(group, str) or not isinstance(kind, str) or not isinstance(versions, list):
        return None
    keeps = spec.get("preserveUnknownFields") is True
    readable = [v for v in versions if isinstance(v, Mapping) and isinstance(v.get("name"), str)]
    name = _mapping(body.get("metadata")).get("name")
    return Definition(
        name=name if isinstance(name, str) else f"{kind}.{group}",
        group=group,
        kind=kind,
        versions=tuple(_version(v, keeps) for v in readable),
        body=body,
        named=named,
    )


def _version(version: Mapping[str, Any], keeps: bool) -> Version:
    subresources = _mapping(version.get("subresources"))
    replicas = _mapping(subresources.get("scale")).get("specReplicasPath")
    return Version(
        name=version["name"],
        served=version.get("served") is True,
        raw=_mapping(version.get("schema")).get("openAPIV3Schema"),
        keeps_unknown=keeps,
        status=subresources.get("status") is not None,
        replicas=replicas if isinstance(replicas, str) else "",
    )


def _mapping(value: Any) -> Mapping[str, Any]:
    return value if isinstance(value, Mapping) else {}
