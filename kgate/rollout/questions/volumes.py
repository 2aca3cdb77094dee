"""Claims that only one node, or one pod, can have, in a rollout that starts new pods beside old ones.

Sources: pkg/scheduler/framework/plugins/volumerestrictions for ReadWriteOncePod; for ReadWriteOnce the attach-detach controller
(pkg/controller/volume/attachdetach/reconciler/reconciler.go), which attaches such a volume to one node at a time.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from msgspec import Struct

from kgate.engine import ApiError, Cluster
from kgate.engine.api.apps import Deployment
from kgate.engine.api.codec import DecodeError, encode
from kgate.engine.api.core import PersistentVolumeClaim, Pod
from kgate.engine.api.meta import Key
from kgate.engine.api.storage import PersistentVolume
from kgate.engine.api.volumes import reaches
from kgate.engine.behaviour import Behaviour
from kgate.engine.kubelet import attachments
from kgate.finding import Rule, Severity, Stage
from kgate.manifest import Manifest, Path
from kgate.rollout.facts import described
from kgate.rollout.follow import complete
from kgate.rollout.gathered import Gathered
from kgate.rollout.limits import claim_of
from kgate.rollout.questions.evidence import Answer, Edit, Evidence, Level, edited
from kgate.rollout.questions.places import open_nodes, pod_of
from kgate.rollout.settings import RolloutSettings
from kgate.rollout.stage import key_of, template_of
from kgate.rollout.volumes import known_claims
from kgate.rollout.written import items, mapping, node

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
_ONE_POD = "ReadWriteOncePod"
_START_MS, _LIMIT_MS = 1_000, 3_600_000
_STRATEGY: Path = ("spec", "strategy")
_VOLUMES: Path = ("spec", "template", "spec", "volumes")


class _Held(Struct, frozen=True, kw_only=True):
    """A claim that not all pods of the Deployment can have at once."""

    claim: PersistentVolumeClaim
    volume: PersistentVolume

    @property
    def one_pod(self) -> bool:
        return _ONE_POD in self.claim.spec.access_modes


class _Outcome(Struct, frozen=True, kw_only=True):
    """Of one rollout on two nodes."""

    completed: bool
    said: tuple[str, ...] = ()


def unknown(head: Gathered, base: Gathered, settings: RolloutSettings) -> Iterator[Answer]:
    """Of Deployments that start new pods beside old ones, and whose claim nobody describes."""
    known: frozenset[tuple[str, str]] | None = None
    for manifest in (m for home in head.deployments.values() for m in home):
        names = [n for v in items(mapping(template_of(manifest).get("spec")).get("volumes")) if (n := claim_of(mapping(v)))]
        if not names or described(manifest, None).surge == 0:
            continue
        if known is None:
            told = settings.spec.objects if settings.spec is not None else ()
            known = known_claims(told, (*head.claims, *base.claims))
        yield from (_unknown(manifest, name) for name in dict.fromkeys(names) if (key_of(manifest).namespace, name) not in known)


def _unknown(manifest: Manifest, name: str) -> Answer:
    return Answer(
        rule=BLOCKS,
        level=Level.UNKNOWN,
        statement=f"the rollout starts new pods beside old ones, and whether these can share claim {name} is not known: "
        "nobody describes the claim",
        where=manifest,
    )


def blocks(evidence: Evidence) -> Iterator[Answer]:
    """Every claim that all pods name, and that one node or one pod can have."""
    if evidence.followed.last is None or not evidence.followed.last.spec.template.spec.volumes:
        return
    for held in _held(evidence):
        played = _play(evidence.manifest.body, held)
        if played is not None and not played.completed:
            yield _answer(evidence, held, played)


def _held(evidence: Evidence) -> Iterator[_Held]:
    """Where the pods can be on one node only, they share a volume of one node."""
    pod, store = pod_of(evidence), evidence.rolled.played.cluster.store
    one_node = attachments.exclusive(store, pod)
    for name in dict.fromkeys(attachments.claims(pod)):
        claim = store.get(PersistentVolumeClaim, pod.metadata.namespace, name)
        volume = store.get(PersistentVolume, "", claim.spec.volume_name) if claim is not None and claim.spec.volume_name else None
        if claim is None or volume is None:
            continue
        if _ONE_POD in claim.spec.access_modes or (name in one_node and not _pinned(evidence, volume)):
            yield _Held(claim=claim, volume=volume)


def _pinned(evidence: Evidence, volume: PersistentVolume) -> bool:
    """All pods go to one node: a named one, or the only one there is for them."""
    pod = mapping(template_of(evidence.manifest).get("spec"))
    if pod.get("nodeName") or "kubernetes.io/hostname" in mapping(pod.get("nodeSelector")):
        return True
    return not evidence.assumed_cluster and sum(reaches(volume, n.metadata.labels) for n in open_nodes(evidence)) < 2


def _answer(evidence: Evidence, held: _Held, played: _Outcome) -> Answer:
    manifest, name = evidence.manifest, held.claim.metadata.name
    recreate = _play(edited(manifest.body, [Edit(path=_STRATEGY, value={"type": "Recreate"})]), held)
    cured = recreate is not None and recreate.completed
    if held.one_pod:
        said = f"claim {name} is {_ONE_POD}: no second pod is scheduled while an old one has it, and the old ones wait for the new"
    else:
        modes = ", ".join(held.volume.spec.access_modes)
        said = (
            f"claim {name} is {modes}: a new pod on another node waits for the volume while the old pod, not yet replaced, has it attached"
        )
    if not cured:
        said = f"claim {name} is {', '.join(held.claim.spec.access_modes)}: not all {evidence.rehearsal.replicas} pods can have it at once"
    return Answer(
        rule=BLOCKS,
        level=Level.FAILS if held.one_pod else Level.CAN_FAIL,
        statement=said,
        bounds="any cluster" if held.one_pod else "any cluster with two nodes that take the pods",
        evidence=played.said,
        path=_STRATEGY if cured and node(manifest.body, _STRATEGY) else _volume_path(manifest, name),
        key=True,
        fix="set spec.strategy.type to Recreate" if cured else "run one replica, or give each its own claim with a StatefulSet",
        verified=cured,
    )


def _volume_path(manifest: Manifest, claim: str) -> Path:
    volumes = items(node(manifest.body, _VOLUMES))
    return next(((*_VOLUMES, i) for i, v in enumerate(volumes) if claim_of(mapping(v)) == claim), _VOLUMES)


def _play(body: Mapping[str, Any], held: _Held) -> _Outcome | None:
    """The Deployment as it is, then its pods replaced, on two empty nodes; None when the engine does not take it."""
    cluster = Cluster(behaviour=Behaviour(startup_ms=_START_MS))
    for name in ("n1", "n2"):
        cluster.add_node({"metadata": {"name": name}, "status": {"capacity": {"cpu": "1000", "memory": "10Ti", "pods": "500"}}})
    deployment = _small(body, held.claim.metadata.name)
    key = Key("Deployment", held.claim.metadata.namespace, str(mapping(body.get("metadata")).get("name")))
    try:
        for written in (_volume(held), _claim(held), deployment):
            cluster.apply(written)
        cluster.run_until(lambda: _complete(cluster, key), _LIMIT_MS)
        _prefer_others(cluster, key)
        cluster.apply(edited(deployment, [Edit(path=("spec", "template", "metadata", "annotations", "restarted"), value="once")]))
    except (ApiError, DecodeError):
        return None
    done = cluster.run_until(lambda: _complete(cluster, key), cluster.now_ms + _LIMIT_MS)
    said = dict.fromkeys(e.message for e in cluster.events if _ONE_POD in e.message or e.reason == attachments.FAILED)
    return _Outcome(completed=done, said=tuple(said)[:1])


def _volume(held: _Held) -> Mapping[str, Any]:
    """The volume as it is, reached from both nodes and not yet bound."""
    written = encode(held.volume)
    ref = {"kind": "PersistentVolumeClaim", "namespace": held.claim.metadata.namespace, "name": held.claim.metadata.name}
    spec = {k: v for k, v in written["spec"].items() if k != "nodeAffinity"} | {"claimRef": ref}
    return {"apiVersion": "v1", "kind": "PersistentVolume", "metadata": {"name": held.volume.metadata.name}, "spec": spec}


def _claim(held: _Held) -> Mapping[str, Any]:
    metadata = {"name": held.claim.metadata.name, "namespace": held.claim.metadata.namespace}
    return {"apiVersion": "v1", "kind": "PersistentVolumeClaim", "metadata": metadata, "spec": encode(held.claim)["spec"]}


def _prefer_others(cluster: Cluster, key: Key) -> None:
    """The schedule that matters: the next pod goes to another node if it may."""
    for name in sorted({p.spec.node_name for p in cluster.store.list(Pod, key.namespace)} - {""}):
        cluster.taint(name, "held", effect="PreferNoSchedule")


def _small(body: Mapping[str, Any], claim: str) -> Mapping[str, Any]:
    """With few replicas, with nothing that would need particular nodes or classes, and with that claim alone."""
    pod = mapping(mapping(mapping(body.get("spec")).get("template")).get("spec"))
    written = mapping(body.get("spec")).get("replicas", 1)
    kept = {k: v for k, v in pod.items() if k not in _PLACING}
    kept["volumes"] = [v for v in items(pod.get("volumes")) if not mapping(v).get("ephemeral") and claim_of(mapping(v)) in ("", claim)]
    kept["affinity"] = {k: v for k, v in mapping(pod.get("affinity")).items() if k != "nodeAffinity"}
    return edited(
        body,
        [
            Edit(path=("spec", "replicas"), value=min(written, MOST_PODS) if isinstance(written, int) else 1),
            Edit(path=("spec", "template", "spec"), value=kept),
        ],
    )


_PLACING = ("nodeSelector", "priorityClassName", "runtimeClassName", "topologySpreadConstraints", "schedulerName", "nodeName")


def _complete(cluster: Cluster, key: Key) -> bool:
    d = cluster.store.get(Deployment, key.namespace, key.name)
    return d is not None and complete(d)
