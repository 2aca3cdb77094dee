"""Claims of which nobody says where their volumes come from: what stands in, and what the report says of it.

A claim that is nowhere is unknown: nobody can tell its access modes. Of one that is told, a class or a volume that is not is assumed: a
volume that every node can reach, and that is attached as its access modes say.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from typing import Any

from msgspec import Struct
from msgspec.structs import replace

from kgate.engine.api.codec import DecodeError, decode
from kgate.engine.api.core import PersistentVolumeClaim
from kgate.engine.api.storage import PersistentVolume
from kgate.engine.api.volumes import class_of, find_matching
from kgate.manifest import Manifest
from kgate.rollout.cluster import ClusterSpec
from kgate.rollout.limits import claim_of, claimed
from kgate.rollout.stage import key_of, template_of
from kgate.rollout.storage import ANY_DRIVER, DEFAULT_CLASS, KINDS
from kgate.rollout.storage import key_of as place_of
from kgate.rollout.written import mapping

Claim = tuple[str, str]
"""Namespace and name."""

_DEFAULT = "assumed-default"


def named_claims(manifest: Manifest) -> Iterator[str]:
    """Of a Deployment: those that its pods name. Ephemeral volumes bring their own."""
    for volume in claimed(mapping(template_of(manifest).get("spec"))):
        if name := claim_of(volume):
            yield name


def nowhere(manifest: Manifest, known: Collection[Claim], spec: ClusterSpec) -> str:
    """Why the volumes of a Deployment are unknown; empty when they are not."""
    namespace = key_of(manifest).namespace
    for name in named_claims(manifest):
        if (namespace, name) not in known:
            where = "not in the files" if spec.assumed else f"neither in the files nor among the claims of {spec.file}"
            return f"claim {name!r} of its pods is {where}, so nobody knows which nodes reach its volume"
    return ""


def known_claims(told: Iterable[Mapping[str, Any]], claims: Iterable[Manifest]) -> frozenset[Claim]:
    """Those of the files, and those among the objects of a cluster file."""
    files = ((key.namespace, key.name) for c in claims for key in (key_of(c),))
    return frozenset([*files, *(place_of(o) for o in told if o["kind"] == "PersistentVolumeClaim")])


def with_stand_ins(spec: ClusterSpec, manifests: Sequence[Manifest]) -> ClusterSpec:
    """The cluster on which each claim of the Deployments among `manifests` can get its volume, unless it is known that it cannot."""
    wanted = list(_wanted(spec, manifests))
    if not wanted:
        return spec
    bodies = [*(o for o in spec.objects if o["kind"] in KINDS), *(m.body for m in manifests if m.kind in KINDS)]
    told = _Told.of(bodies, exhaustive=spec.storage_told)
    made: dict[tuple[str, str], Mapping[str, Any]] = {}
    assumed: dict[Claim, str] = {}
    for place, claim in wanted:
        stand_in = told.stand_in(claim)
        if stand_in is not None:
            made.setdefault((stand_in["kind"], stand_in["metadata"]["name"]), stand_in)
            assumed[place] = told.sentence(claim)
    return replace(spec, objects=(*spec.objects, *made.values()), assumed_volumes=assumed) if made else spec


def _wanted(spec: ClusterSpec, manifests: Sequence[Manifest]) -> Iterator[tuple[Claim, PersistentVolumeClaim]]:
    """In the order in which the Deployments name them; an ephemeral one by the name of its Deployment and volume."""
    bodies = {place_of(o): o for o in spec.objects if o["kind"] == "PersistentVolumeClaim"}
    bodies |= {(k.namespace, k.name): m.body for m in manifests if m.kind == "PersistentVolumeClaim" for k in (key_of(m),)}
    for manifest in manifests:
        if manifest.kind != "Deployment":
            continue
        key = key_of(manifest)
        for volume in claimed(mapping(template_of(manifest).get("spec"))):
            if name := claim_of(volume):
                place, body = (key.namespace, name), bodies.get((key.namespace, name))
            else:
                place, body = (key.namespace, f"{key.name}/{volume.get('name')}"), _of_template(volume, key.namespace)
            claim = _decoded(body)
            if isinstance(claim, PersistentVolumeClaim):
                yield place, claim


def _of_template(volume: Mapping[str, Any], namespace: str) -> Mapping[str, Any]:
    spec = mapping(mapping(mapping(volume.get("ephemeral")).get("volumeClaimTemplate")).get("spec"))
    return {"apiVersion": "v1", "kind": "PersistentVolumeClaim", "metadata": {"name": "", "namespace": namespace}, "spec": spec}


def _decoded(body: Mapping[str, Any] | None) -> Any:
    """None where the API server would not take it."""
    try:
        return None if body is None else decode(body)
    except DecodeError:
        return None


class _Told(Struct, frozen=True, kw_only=True):
    """The storage that somebody describes."""

    classes: Collection[str]
    default: bool
    """One of the classes is the default."""
    volumes: Sequence[PersistentVolume]
    exhaustive: bool
    """There are no other classes."""

    @classmethod
    def of(cls, bodies: Sequence[Mapping[str, Any]], *, exhaustive: bool) -> _Told:
        classes = [b for b in bodies if b["kind"] == "StorageClass"]
        volumes = (_decoded(b) for b in bodies if b["kind"] == "PersistentVolume")
        return cls(
            classes=frozenset(str(b["metadata"]["name"]) for b in classes),
            default=any(mapping(b["metadata"].get("annotations")).get(DEFAULT_CLASS) == "true" for b in classes),
            volumes=[v for v in volumes if isinstance(v, PersistentVolume)],
            exhaustive=exhaustive,
        )

    def stand_in(self, claim: PersistentVolumeClaim) -> Mapping[str, Any] | None:
        """The object without which the claim has no volume; None when it needs none, or none would be right."""
        if claim.spec.volume_name:
            return None if self._has(claim.spec.volume_name) else _volume(claim, claim.spec.volume_name)
        if find_matching(claim, self.volumes) is not None:
            return None
        name = class_of(claim)
        if claim.spec.storage_class_name == "":
            return _volume(claim, f"assumed-{claim.metadata.namespace or 'default'}-{claim.metadata.name}") if claim.metadata.name else None
        if self.exhaustive or name in self.classes or (not name and self.default):
            return None
        return _class(name)

    def _has(self, volume: str) -> bool:
        return any(v.metadata.name == volume for v in self.volumes)

    def sentence(self, claim: PersistentVolumeClaim) -> str:
        if claim.spec.volume_name:
            return f"every node reaches its volume {claim.spec.volume_name}, which nobody describes"
        if claim.spec.storage_class_name == "":
            return "it has a volume that every node reaches: it asks for one without a class, and nobody describes any"
        name = class_of(claim)
        which = f"StorageClass {name}, which nobody describes," if name else "a default StorageClass, which nobody describes,"
        return f"{which} makes volumes at once that every node reaches"


def _class(name: str) -> Mapping[str, Any]:
    """Empty: the default one."""
    metadata = {"name": name} if name else {"name": _DEFAULT, "annotations": {DEFAULT_CLASS: "true"}}
    return {
        "apiVersion": "storage.k8s.io/v1",
        "kind": "StorageClass",
        "metadata": metadata,
        "provisioner": ANY_DRIVER,
        "volumeBindingMode": "Immediate",
    }


def _volume(claim: PersistentVolumeClaim, name: str) -> Mapping[str, Any]:
    namespace = claim.metadata.namespace or "default"
    asked = claim.spec.resources.requests.get("storage")
    spec: dict[str, Any] = {
        "accessModes": list(claim.spec.access_modes),
        "capacity": {"storage": str(asked) if asked is not None else "0"},
        "storageClassName": class_of(claim),
        "claimRef": {"apiVersion": "v1", "kind": "PersistentVolumeClaim", "namespace": namespace, "name": claim.metadata.name},
        "csi": {"driver": ANY_DRIVER, "volumeHandle": name},
    }
    spec |= {"volumeMode": claim.spec.volume_mode} if claim.spec.volume_mode else {}
    return {"apiVersion": "v1", "kind": "PersistentVolume", "metadata": {"name": name}, "spec": spec}
