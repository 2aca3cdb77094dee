"""Claims that only one node, or one pod, can have, in a rollout that starts new pods beside old ones.

Sources: pkg/scheduler/framework/plugins/volumerestrictions for ReadWriteOncePod; for ReadWriteOnce the attach-detach controller
(pkg/controller/volume/attachdetach/reconciler/reconciler.go), which attaches such a volume to one node at a time.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from msgspec import Struct

from kgate.engine import ApiError, Cluster
from kgate.engine.api.apps import Deployment
from kgate.engine.api.codec import DecodeError
from kgate.engine.api.core import Pod
from kgate.engine.api.meta import Key
from kgate.engine.behaviour import Behaviour
from kgate.finding import Rule, Severity, Stage
from kgate.manifest import Manifest
from kgate.rollout.facts import described
from kgate.rollout.follow import complete
from kgate.rollout.gathered import Gathered
from kgate.rollout.questions.evidence import Answer, Edit, Level, edited
from kgate.rollout.stage import key_of, template_of
from kgate.rollout.written import items, mapping

BLOCKS = Rule(
    id="KG5151",
    name="volume-blocks-rollout",
    stage=Stage.ROLLOUT,
    severity=Severity.WARNING,
    summary="new pods wait for a volume that the old ones hold",
    why="A ReadWriteOnce volume is attached to one node; a new pod on another node waits for it while the old pod waits to be replaced.",
    remediation="use strategy Recreate, or a volume that several nodes can mount",
    references=("https://kubernetes.io/docs/concepts/storage/persistent-volumes/#access-modes",),
)

MOST_PODS = 10
"""Replicas that are played: more do not add a conflict."""
_ONE_NODE, _ONE_POD = "ReadWriteOnce", "ReadWriteOncePod"
_SHARED = ("ReadWriteMany", "ReadOnlyMany")
_START_MS, _LIMIT_MS = 1_000, 3_600_000


class _Outcome(Struct, frozen=True, kw_only=True):
    """Of one rollout on two nodes."""

    completed: bool
    conflicts: bool
    """A pod became ready on a node while the claim was held on the other one."""
    said: tuple[str, ...] = ()

    @property
    def well(self) -> bool:
        return self.completed and not self.conflicts


def blocks(head: Gathered, base: Gathered) -> Iterator[Answer]:
    """Every Deployment whose pods all mount one and the same claim."""
    del base
    for home in head.deployments.values():
        for manifest in home:
            named = _claims(manifest)
            if named:
                yield from _asked(manifest, named, head)


def _asked(manifest: Manifest, named: Mapping[str, int], head: Gathered) -> Iterator[Answer]:
    known = {m.name: m for m in head.neighbours.get(key_of(manifest).namespace, ()) if m.kind == "PersistentVolumeClaim"}
    surge = described(manifest, None).surge > 0
    for name, index in named.items():
        if name not in known:
            if surge:
                yield _unknown(manifest, name)
            continue
        mode = _mode(known[name])
        if mode == _ONE_POD or (mode == _ONE_NODE and not _pinned(manifest)):
            yield from _judged(manifest, known[name], mode, index)


def _judged(manifest: Manifest, claim: Manifest, mode: str, volume: int) -> Iterator[Answer]:
    played = _play(manifest.body, claim)
    if played is None or played.well:
        return
    recreate = _play(edited(manifest.body, [Edit(path=("spec", "strategy"), value={"type": "Recreate"})]), claim)
    cured = recreate is not None and recreate.well
    about = f"claim {claim.name} is {mode}"
    if mode == _ONE_POD:
        said = f"{about}: no second pod is scheduled while an old one has it, and the old ones wait for the new"
    else:
        said = f"{about}: a new pod on another node waits for the volume while the old pod, not yet replaced, has it attached"
    yield Answer(
        rule=BLOCKS,
        level=Level.FAILS if mode == _ONE_POD else Level.CAN_FAIL,
        statement=said,
        bounds="any cluster" if mode == _ONE_POD else "any cluster with two nodes that take the pods",
        evidence=played.said,
        path=("spec", "strategy") if cured and manifest.body["spec"].get("strategy") else (*_POD_VOLUMES, volume),
        where=manifest,
        key=True,
        fix="set spec.strategy.type to Recreate" if cured else "run one replica, or give each its own claim with a StatefulSet",
        verified=cured,
    )


def _unknown(manifest: Manifest, name: str) -> Answer:
    return Answer(
        rule=BLOCKS,
        level=Level.UNKNOWN,
        statement=f"the rollout starts new pods beside old ones, and whether these can share claim {name} is not known: "
        "the claim is not in the files",
        where=manifest,
    )


_POD_VOLUMES: tuple[str | int, ...] = ("spec", "template", "spec", "volumes")


def _claims(manifest: Manifest) -> dict[str, int]:
    """By name of the claim: the index of the volume."""
    volumes = items(mapping(template_of(manifest).get("spec")).get("volumes"))
    sources = ((mapping(mapping(v).get("persistentVolumeClaim")).get("claimName"), i) for i, v in enumerate(volumes))
    return {name: i for name, i in sources if isinstance(name, str)}


def _mode(claim: Manifest) -> str:
    """The mode that decides how many may have it."""
    modes = items(mapping(claim.body.get("spec")).get("accessModes"))
    if any(m in _SHARED for m in modes):
        return ""
    return _ONE_POD if _ONE_POD in modes else _ONE_NODE if _ONE_NODE in modes else ""


def _play(body: Mapping[str, Any], claim: Manifest) -> _Outcome | None:
    """The Deployment as it is, then its pods replaced, on two empty nodes; None when the engine does not take it."""
    cluster = Cluster(behaviour=Behaviour(startup_ms=_START_MS))
    for name in ("n1", "n2"):
        cluster.add_node({"metadata": {"name": name}, "status": {"capacity": {"cpu": "1000", "memory": "10Ti", "pods": "500"}}})
    deployment = _small(body)
    try:
        cluster.apply(_volume_for(claim))
        cluster.apply(claim.body)
        cluster.apply(deployment)
        key = key_of(Manifest(source=claim.source, document=0, body=deployment))
        cluster.run_until(lambda: _complete(cluster, key), _LIMIT_MS)
        _prefer_others(cluster, key)
        begin = len(cluster.trace)
        cluster.apply(edited(deployment, [Edit(path=("spec", "template", "metadata", "annotations", "restarted"), value="once")]))
    except (ApiError, DecodeError):
        return None
    done = cluster.run_until(lambda: _complete(cluster, key), cluster.now_ms + _LIMIT_MS)
    said = dict.fromkeys(e.message for e in cluster.events if "ReadWriteOncePod" in e.message)
    return _Outcome(completed=done, conflicts=_conflicts(cluster, begin, claim.name), said=tuple(said)[:1])


def _volume_for(claim: Manifest) -> Mapping[str, Any]:
    """A volume that was made for the claim, so that it has one whatever its class and wherever the pods go."""
    spec = mapping(claim.body.get("spec"))
    kept = {k: v for k, v in spec.items() if k in ("accessModes", "storageClassName", "volumeMode")}
    ref = {"kind": "PersistentVolumeClaim", "namespace": key_of(claim).namespace, "name": claim.name}
    size = mapping(mapping(spec.get("resources")).get("requests"))
    return {
        "apiVersion": "v1",
        "kind": "PersistentVolume",
        "metadata": {"name": spec.get("volumeName") or f"for-{claim.name}"},
        "spec": {**kept, "capacity": dict(size), "claimRef": ref},
    }


def _prefer_others(cluster: Cluster, key: Key) -> None:
    """The schedule that matters: the next pod goes to another node if it may."""
    for node in sorted({p.spec.node_name for p in cluster.store.list(Pod, key.namespace)} - {""}):
        cluster.taint(node, "held", effect="PreferNoSchedule")


def _small(body: Mapping[str, Any]) -> Mapping[str, Any]:
    """With few replicas, and with nothing that would need particular nodes or classes."""
    pod = mapping(mapping(mapping(body.get("spec")).get("template")).get("spec"))
    written = mapping(body.get("spec")).get("replicas", 1)
    kept = {k: v for k, v in pod.items() if k not in _PLACING}
    kept["affinity"] = {k: v for k, v in mapping(pod.get("affinity")).items() if k != "nodeAffinity"}
    return edited(
        body,
        [
            Edit(path=("spec", "replicas"), value=min(written, MOST_PODS) if isinstance(written, int) else 1),
            Edit(path=("spec", "template", "spec"), value=kept),
        ],
    )


def _pinned(manifest: Manifest) -> bool:
    """All pods go to one node that is named."""
    pod = mapping(template_of(manifest).get("spec"))
    return bool(pod.get("nodeName")) or "kubernetes.io/hostname" in mapping(pod.get("nodeSelector"))


_PLACING = ("nodeSelector", "priorityClassName", "runtimeClassName", "topologySpreadConstraints", "schedulerName", "nodeName")


def _complete(cluster: Cluster, key: Key) -> bool:
    d = cluster.store.get(Deployment, key.namespace, key.name)
    return d is not None and complete(d)


def _conflicts(cluster: Cluster, begin: int, claim: str) -> bool:
    """Whether in the rollout some pod became ready on one node while another pod, not on its way out, was on the other."""
    alive: dict[Key, Pod] = {}
    for index, event in enumerate(cluster.trace):
        pod = event.after
        if not isinstance(event.object, Pod):
            continue
        if not isinstance(pod, Pod) or pod.metadata.deleting or not _uses(pod, claim):
            alive.pop(event.key, None)
            continue
        was = alive.get(event.key)
        alive[event.key] = pod
        if index >= begin and pod.ready and not (was is not None and was.ready) and _elsewhere(pod, alive.values()):
            return True
    return False


def _uses(pod: Pod, claim: str) -> bool:
    return any(v.persistent_volume_claim is not None and v.persistent_volume_claim.claim_name == claim for v in pod.spec.volumes)


def _elsewhere(pod: Pod, others: Iterable[Pod]) -> bool:
    return any(o.spec.node_name not in ("", pod.spec.node_name) for o in others)
