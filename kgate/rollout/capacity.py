"""How many more of a pod fit on a cluster, what is in the way of the next one, and the smallest cluster that would do."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

from msgspec import Struct
from msgspec.structs import replace

from kgate.engine import Cluster
from kgate.engine.api.apps import ReplicaSet
from kgate.engine.api.core import Pod
from kgate.engine.api.meta import condition
from kgate.engine.errors import ApiError
from kgate.engine.scheduler.room import Room
from kgate.finding import clean
from kgate.manifest import Manifest, Subject
from kgate.outcome import Verdict
from kgate.rollout import Validate
from kgate.rollout.cluster import ASSUMED, ClusterSpec
from kgate.rollout.nodes import MOST_NODES, NodeSpec
from kgate.rollout.settings import RolloutSettings
from kgate.rollout.stage import SUPPORT, behaviour_of, furnished
from kgate.rollout.volumes import with_stand_ins
from kgate.rollout.written import mapping

MOST_PODS = 10_000
"""So many are tried; a cluster that takes more is large enough for anybody."""
PLACED = ("Deployment", "ReplicaSet", "StatefulSet", "Job", "Pod")
"""Kinds whose pods are placed. A StatefulSet's and a Job's are placed as pods without an owner."""
_BESIDE = SUPPORT


class Growth(Struct, frozen=True, kw_only=True):
    """Nodes that would have to come. Each is like one that is there."""

    nodes: tuple[tuple[str, int], ...]
    """Name of the node they are like, and how many of them."""
    shapes: tuple[str, ...]
    """What each of these is, in a few words."""

    @property
    def total(self) -> int:
        return sum(n for _, n in self.nodes)


class Placed(Struct, frozen=True, kw_only=True):
    """One object's pods on the cluster."""

    object: Subject
    file: str
    line: int
    wanted: int
    room: Room | None
    """None: there is not even a pod to place."""
    why_not: str = ""
    """Why there is none."""
    growths: tuple[Growth, ...] = ()
    """Ways to make the wanted pods fit, the one with the fewest nodes first; none when they fit, or when nothing was found."""

    @property
    def fit(self) -> int:
        return self.room.fit if self.room is not None else 0

    @property
    def enough(self) -> bool:
        return self.room is not None and self.room.fit >= self.wanted


class Placement(Struct, frozen=True, kw_only=True):
    """All objects, each by itself on the cluster as its file describes it."""

    cluster: ClusterSpec
    placed: tuple[Placed, ...]

    @property
    def verdict(self) -> Verdict:
        """An assumed cluster that is too small proves nothing."""
        if not self.placed or any(p.room is None for p in self.placed):
            return Verdict.INCOMPLETE
        if all(p.enough for p in self.placed):
            return Verdict.PASS
        return Verdict.INCOMPLETE if self.cluster.assumed else Verdict.FAIL

    @property
    def exit_code(self) -> int:
        return {Verdict.PASS: 0, Verdict.FAIL: 1}.get(self.verdict, 3)


def place(
    manifests: Sequence[Manifest], settings: RolloutSettings, *, replicas: int | None = None, validate: Validate | None = None
) -> Placement:
    """Places the pods of each object as kube-scheduler would. `replicas`: so many are wanted, whatever the objects say."""
    spec = settings.spec or ASSUMED
    beside = [m for m in manifests if m.kind in _BESIDE]
    found = tuple(_placed(m, beside, spec, settings, replicas, validate) for m in manifests if m.kind in PLACED)
    return Placement(cluster=spec, placed=found)


def _placed(
    manifest: Manifest, beside: Sequence[Manifest], spec: ClusterSpec, settings: RolloutSettings, replicas: int | None, validate: Any
) -> Placed:
    wanted = _wanted(manifest) if replicas is None else replicas
    spec = with_stand_ins(spec, [manifest, *beside])
    cluster, _ = furnished(spec, [manifest], behaviour_of([manifest], settings.behaviour), validate)
    for support in beside:
        _try(lambda support=support: cluster.apply(support.body))  # type: ignore[misc]
    pod, why_not = _prototype(cluster, manifest)
    place = manifest.locate(())
    told = Placed(
        object=manifest.subject, file=place.file or manifest.file, line=place.line, wanted=wanted, room=None, why_not=clean(why_not)
    )
    if pod is None:
        return told
    name, namespace = pod.metadata.name, pod.metadata.namespace
    room = cluster.room_for(name, max(MOST_PODS, wanted), namespace)
    growths: tuple[Growth, ...] = ()
    if room.fit < wanted:

        def fits(more: Sequence[NodeSpec]) -> int:
            return cluster.room_for(name, wanted, namespace, more=[n.body() for n in more]).fit

        growths = smallest(spec, fits, wanted)
    return replace(told, room=room, growths=growths)


def _wanted(manifest: Manifest) -> int:
    key = "parallelism" if manifest.kind == "Job" else "replicas"
    said = mapping(manifest.body.get("spec")).get(key)
    return said if isinstance(said, int) and not isinstance(said, bool) and said >= 0 else 1


def _prototype(cluster: Cluster, manifest: Manifest) -> tuple[Pod | None, str]:
    """One pod as the API server and the controllers would make it, or why they make none."""
    refused = _try(lambda: cluster.apply(_one_of(manifest)))
    if refused:
        return None, refused
    pods = [p for p in cluster.store.list(Pod) if p.metadata.namespace == (manifest.namespace or "default") and not p.metadata.deleting]
    if pods:
        return pods[-1], ""
    failures = [condition(rs.status.conditions, "ReplicaFailure") for rs in cluster.store.list(ReplicaSet)]
    return None, next((failed.message for failed in failures if failed is not None), "its controller makes no pod")


def _one_of(manifest: Manifest) -> dict[str, Any]:
    """The object, wanting one pod; of what has no controller here, that pod alone."""
    body = dict(manifest.body)
    spec = mapping(body.get("spec"))
    if manifest.kind in ("Deployment", "ReplicaSet"):
        return body | {"spec": {**spec, "replicas": 1} | ({"paused": False} if manifest.kind == "Deployment" else {})}
    if manifest.kind == "Pod":
        return body
    template = mapping(spec.get("template"))
    kept = {k: v for k, v in mapping(template.get("metadata")).items() if k in ("labels", "annotations")}
    meta = {"name": f"{manifest.name}-0", **({"namespace": manifest.namespace} if manifest.namespace else {}), **kept}
    return {"apiVersion": "v1", "kind": "Pod", "metadata": meta, "spec": dict(mapping(template.get("spec")))}


def _try(write: Callable[[], Any]) -> str:
    """What the API server says if it refuses."""
    try:
        write()
    except ApiError as fault:
        return fault.message
    return ""


def smallest(spec: ClusterSpec, fits: Callable[[Sequence[NodeSpec]], int], wanted: int) -> tuple[Growth, ...]:
    """For each shape of node in the cluster the fewest more of it that do; when no single shape does, the fewest of all of them alike.

    `fits` says how many pods fit with these nodes more.
    """
    shapes: dict[str, NodeSpec] = {}
    for node in spec.nodes:
        if not node.unschedulable:
            shapes.setdefault(repr(replace(node, name="")), node)
    each = list(shapes.values())
    found = [g for node in each if (g := _fewest([node], spec, fits, wanted)) is not None]
    if not found and len(each) > 1:
        found = [g for g in [_fewest(each, spec, fits, wanted)] if g is not None]
    return tuple(sorted(found, key=lambda g: g.total))


def _fewest(like: Sequence[NodeSpec], spec: ClusterSpec, fits: Callable[[Sequence[NodeSpec]], int], wanted: int) -> Growth | None:
    """So many of each: twice as many until they do, then halfway between too few and enough. None when more of them do not help."""
    most = max(1, (MOST_NODES - len(spec.nodes)) // len(like))
    enough, too_few, had = 1, 0, -1
    while (has := fits(_grown(like, enough))) < wanted:
        if enough >= most or (has <= had and enough >= FUTILE):
            return None
        too_few, had, enough = enough, has, min(2 * enough, most)
    while enough - too_few > 1:
        middle = (enough + too_few) // 2
        if fits(_grown(like, middle)) < wanted:
            too_few = middle
        else:
            enough = middle
    return Growth(nodes=tuple((n.name, enough) for n in like), shapes=tuple(map(shape, like)))


FUTILE = 4
"""Twice as many as two of them, and not one more pod fits: these are the wrong nodes."""


def _grown(like: Sequence[NodeSpec], each: int) -> list[NodeSpec]:
    return [replace(node, name=f"{node.name}-more-{i + 1}") for i in range(each) for node in like]


def shape(node: NodeSpec) -> str:
    """`4 cpu, 16Gi memory, zone a`."""
    said = [f"{node.cpu} cpu", f"{node.memory} memory"]
    said += [f"zone {node.zone}"] if node.zone else []
    return ", ".join([*said, *(f"{n} {name}" for name, n in node.extended.items())])


def ordered(placed: Iterable[Placed]) -> list[Placed]:
    """By file and line."""
    return sorted(placed, key=lambda p: (p.file, p.line))


def as_json(placement: Placement) -> Mapping[str, Any]:
    """The documented shape, without what the command adds."""
    return {
        "verdict": placement.verdict.value,
        "exit_code": placement.exit_code,
        "cluster": {"file": placement.cluster.file or None, "assumed": placement.cluster.assumed, "nodes": len(placement.cluster.nodes)},
        "placed": [_as_json(p) for p in ordered(placement.placed)],
    }


def _as_json(placed: Placed) -> Mapping[str, Any]:
    subject, room = placed.object, placed.room
    named = {"apiVersion": subject.api_version, "kind": subject.kind, "namespace": subject.namespace or None, "name": subject.name}
    return {
        "object": named,
        "file": placed.file,
        "line": placed.line,
        "wanted": placed.wanted,
        "fit": placed.fit,
        "enough": placed.enough,
        "nodes": dict(room.by_node) if room is not None else {},
        "message": clean(room.message) if room is not None else placed.why_not,
        "reasons": {clean(reason): n for reason, n in room.reasons.items()} if room is not None else {},
        "growths": [{"nodes": [{"like": name, "count": n} for name, n in g.nodes], "total": g.total} for g in placed.growths],
    }
