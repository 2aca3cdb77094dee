"""The stage of a rehearsal: a cluster with its nodes and other tenants, on which a set of objects is changed from base to head."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any

from msgspec import Struct
from msgspec.structs import replace

from kgate.engine import Behaviour, Cluster, ImageBehaviour
from kgate.engine.api import quantity as quantities
from kgate.engine.api.apps import Deployment
from kgate.engine.api.autoscaling import HorizontalPodAutoscaler
from kgate.engine.api.codec import CLUSTER_SCOPED, KINDS
from kgate.engine.api.core import PriorityClass
from kgate.engine.api.meta import FrozenMap, Key, condition
from kgate.engine.controllers.podautoscaler.settings import Settings
from kgate.engine.errors import ApiError
from kgate.engine.trace import WatchEvent
from kgate.errors import ConfigError
from kgate.manifest import Manifest
from kgate.rollout import Validate
from kgate.rollout.cluster import ClusterSpec, Used
from kgate.rollout.follow import EXCEEDED, complete
from kgate.rollout.growth import autoscale
from kgate.rollout.kubelet import image_behaviour
from kgate.rollout.scheduling import profile
from kgate.rollout.settings import Behaviour as Said
from kgate.rollout.startup import containers, startups
from kgate.rollout.storage import KINDS as STORAGE

MOST_WRITES = 200_000
MOST_INSTANTS = 100_000
"""A rehearsal that writes more often, or in which more moments matter, is given up: the verdict is unknown."""
TERMINATION_MS = 1000
"""From deletion until a pod is gone, when nobody says."""

_LIMIT_MS = 7 * 24 * 3600 * 1000
_LATE_MS = 3600 * 1000
"""How long a rollout that exceeded its deadline is given to complete after all."""

_AUTOSCALER_MS = Settings().sync_period_ms
"""How long it takes at most until every autoscaler has looked at its target."""

_NOT_SUPPORT = {"Deployment", "Event", "Node", "Pod", "ReplicaSet", "VerticalPodAutoscaler"}
SUPPORT = frozenset(kind for _, kind in KINDS) - _NOT_SUPPORT
"""Kinds of the set that are put on the stage besides Deployments, because they bear on placement or on size.

Not VerticalPodAutoscalers: without any usage they would recommend the least there is.
"""

_TENANT = "other-tenants"


class Played(Struct, frozen=True, kw_only=True):
    """One world after the change."""

    events: tuple[WatchEvent, ...]
    begin: int
    """Index of the first write of the change."""
    begin_ms: int
    refused: Mapping[Key, str]
    """What the API server said of Deployments it refused."""
    refused_before: Mapping[Key, str]
    """The same of their versions in base."""
    unsettled: frozenset[Key]
    """Deployments whose base version was not complete when the change came."""
    stand_ins: tuple[str, ...]
    """Priority classes that nobody defines, taken to have value 0."""
    given_up: bool
    """It did not come to rest in time."""
    cluster: Cluster
    start: Cluster
    """As it was right before the change. Whoever wants anything to happen on one of the two takes a fork."""
    behaviour: Behaviour


def key_of(manifest: Manifest) -> Key:
    namespace = "" if manifest.kind in CLUSTER_SCOPED else manifest.namespace or "default"
    return Key(manifest.kind, namespace, manifest.name)


def play(
    head: Sequence[Manifest],
    base: Sequence[Manifest],
    spec: ClusterSpec,
    behaviour: Said,
    validate: Validate | None,
    *,
    between: Callable[[Cluster], None] | None = None,
) -> Played:
    """The base version settles, then `between` is done; then everything of head is applied in the order of the files.

    Supporting objects come before Deployments. What is in base and no longer in head stays, as it does with `kubectl apply`.
    Raises LivelockError.
    """
    manners = behaviour_of([*head, *base], behaviour)
    cluster, stand_ins = furnished(spec, [*head, *base], manners, validate)
    patience = _Patience(cluster=cluster)
    refused_before = _apply(cluster, base)
    unsettled = _settle(cluster, [key_of(m) for m in base if m.kind == "Deployment"], patience)
    if between is not None:
        between(cluster)
    start = cluster.fork()
    begin, begin_ms = len(cluster.trace), cluster.now_ms
    refused = _apply(cluster, head)
    _settle(cluster, [key_of(m) for m in head if m.kind == "Deployment"], patience, late_ms=_LATE_MS)
    return Played(
        events=tuple(cluster.trace),
        begin=begin,
        begin_ms=begin_ms,
        refused=refused,
        refused_before=refused_before,
        unsettled=frozenset(unsettled),
        stand_ins=stand_ins,
        given_up=patience.given_up,
        cluster=cluster,
        start=start,
        behaviour=manners,
    )


def furnished(
    spec: ClusterSpec, manifests: Sequence[Manifest], behaviour: Behaviour, validate: Validate | None
) -> tuple[Cluster, tuple[str, ...]]:
    """A cluster with its nodes, what others have on it, and all else that its file says; and the priority classes nobody defines."""
    cluster = Cluster(behaviour=behaviour, validate=_but_not_nodes(validate), profile=profile(spec.scheduler))
    for node in spec.nodes:
        cluster.add_node(node.body())
        _occupy(cluster, node.name, spec.used.get(node.name))
    autoscale(cluster, spec.growth, {prefix: list(tenants(prefix, used)) for prefix, used in spec.used_in.items()})
    _furnish(cluster, spec, manifests)
    return cluster, _stand_in(cluster, manifests)


_READ = ("Node", "StorageClass", "PersistentVolume")


def _but_not_nodes(validate: Validate | None) -> Validate | None:
    """Nodes and other tenants come from the cluster file, which has been read already, and so does much of the storage."""
    if validate is None:
        return None

    def causes(new: Mapping[str, Any], old: Mapping[str, Any] | None) -> Sequence[Any]:
        metadata = new.get("metadata") or {}
        return () if new.get("kind") in _READ or metadata.get("namespace") == _TENANT else validate(new, old)

    return causes


def behaviour_of(manifests: Iterable[Manifest], said: Said) -> Behaviour:
    """By image: what the settings say, else what the slowest template with that image implies."""
    images: dict[str, ImageBehaviour] = {}
    for manifest in manifests:
        template = template_of(manifest)
        for container, startup in zip(containers(template), startups(template, said), strict=True):
            image = str(container.get("image") or "")
            manners = image_behaviour(said.of(image))
            known = images.get(image)
            slowest = max(startup.ms, known.startup_ms or 0) if known else startup.ms
            images[image] = replace(manners, startup_ms=slowest, startup_least_ms=_least(manners, slowest))
    default = said.default.termination_ms
    return Behaviour(startup_ms=0, termination_ms=TERMINATION_MS if default is None else default, images=FrozenMap(images))


def _least(manners: ImageBehaviour, most_ms: int) -> int | None:
    return None if manners.startup_least_ms is None else min(manners.startup_least_ms, most_ms)


def template_of(manifest: Manifest) -> Mapping[str, Any]:
    """The pod template of a Deployment; empty for other kinds."""
    spec = manifest.body.get("spec")
    template = spec.get("template") if manifest.kind == "Deployment" and isinstance(spec, Mapping) else None
    return template if isinstance(template, Mapping) else {}


def _occupy(cluster: Cluster, node: str, used: Used | None) -> None:
    for pod in tenants(node, used):
        cluster.create(pod)


def tenants(node: str, used: Used | None) -> Iterator[dict[str, Any]]:
    """Other tenants' pods, bound, never preempted; what they take is shared out evenly."""
    if used is None:
        return
    count = max(1, used.pods)
    cpu, memory = quantities.milli(quantities.parse(used.cpu)), quantities.value(quantities.parse(used.memory))
    for i in range(count):
        requests = {"cpu": f"{_share(cpu, count, i)}m", "memory": str(_share(memory, count, i))}
        yield {
            "apiVersion": "v1",
            "kind": "Pod",
            "metadata": {"name": f"{node}-{i + 1}", "namespace": _TENANT},
            "spec": {
                "nodeName": node,
                "priorityClassName": "system-node-critical",
                "tolerations": [{"operator": "Exists"}],
                "containers": [{"name": "other", "image": "other", "resources": {"requests": requests}}],
            },
        }


def _furnish(cluster: Cluster, spec: ClusterSpec, manifests: Iterable[Manifest]) -> None:
    """Classes first, because pods name them; quotas after the pods, because what runs has been let in."""
    classes = [o for o in spec.objects if o["kind"] == "PriorityClass"]
    others = [o for o in spec.objects if o["kind"] != "PriorityClass"]
    for body in (*classes, *residents(spec, manifests), *others):
        try:
            # As another client's: what the repository does not say of a claim, such as its volume, stays as the cluster has it.
            cluster.apply(body, manager="cluster" if body["kind"] in STORAGE else "kgate")
        except ApiError as fault:
            raise ConfigError(f"{spec.file}: the API server refuses {body['kind']} {body['metadata']['name']!r}: {fault.message}") from None


def residents(spec: ClusterSpec, manifests: Iterable[Manifest]) -> list[Mapping[str, Any]]:
    """The pods of the cluster file, without those of Deployments that are rehearsed themselves."""
    played = {(key.namespace, key.name) for m in manifests if m.kind == "Deployment" for key in (key_of(m),)}
    return [t.body for t in spec.pods if not t.deployment or (t.namespace, t.deployment) not in played]


def _share(total: int, count: int, i: int) -> int:
    return total // count + (1 if i < total % count else 0)


def _stand_in(cluster: Cluster, manifests: Sequence[Manifest]) -> tuple[str, ...]:
    """The cluster has priority classes that the repository does not define; their value is anybody's guess."""
    defined = {m.name for m in manifests if m.kind == "PriorityClass"} | {c.metadata.name for c in cluster.store.list(PriorityClass)}
    pods = [template_of(m).get("spec") for m in manifests]
    wanted = {str(p.get("priorityClassName") or "") for p in pods if isinstance(p, Mapping)}
    missing = sorted(name for name in wanted - defined if name)
    for name in missing:
        body = {"apiVersion": "scheduling.k8s.io/v1", "kind": "PriorityClass", "metadata": {"name": name}, "value": 0}
        cluster.create(body)
    return tuple(name for name in missing if cluster.store.get(PriorityClass, "", name))


def _apply(cluster: Cluster, manifests: Sequence[Manifest]) -> dict[Key, str]:
    """What was refused, by key of a Deployment. A refused supporting object is its own file's problem."""
    refused: dict[Key, str] = {}
    ordered = sorted((m for m in manifests if m.kind in SUPPORT or m.kind == "Deployment"), key=lambda m: m.kind == "Deployment")
    for manifest in ordered:
        try:
            cluster.apply(manifest.body)
        except ApiError as fault:
            if manifest.kind == "Deployment":
                refused[key_of(manifest)] = fault.message
    return refused


class _Patience(Struct):
    """How much of a rehearsal is left before it is given up."""

    cluster: Cluster
    instants: int = 0

    def lost(self) -> bool:
        """Asked once an instant."""
        self.instants += 1
        return self.given_up

    @property
    def given_up(self) -> bool:
        return self.instants > MOST_INSTANTS or len(self.cluster.trace) > MOST_WRITES


def _settle(cluster: Cluster, deployments: Sequence[Key], patience: _Patience, *, late_ms: int = 0) -> list[Key]:
    """Runs until every Deployment is complete or has exceeded its deadline; returns those that are not complete."""
    pending = list(deployments)
    autoscaled, looked_ms = _autoscaled(cluster, deployments), cluster.now_ms + _AUTOSCALER_MS

    def ended(given_up: bool) -> bool:
        waits = autoscaled if cluster.now_ms < looked_ms else ()
        pending[:] = [key for key in pending if key in waits or not _over(cluster, key, given_up=given_up)]
        return not pending or patience.lost() or (bool(autoscaled) and cluster.at_rest())

    cluster.run_until(lambda: ended(True), cluster.now_ms + _LIMIT_MS)
    pending[:] = [key for key in deployments if not _over(cluster, key, given_up=False)]
    if pending and late_ms:
        cluster.run_until(lambda: ended(False), cluster.now_ms + late_ms)
    return pending


def _autoscaled(cluster: Cluster, deployments: Sequence[Key]) -> frozenset[Key]:
    """Deployments whose size is not theirs to say until their autoscaler has looked."""
    targets = {
        Key(hpa.spec.scale_target_ref.kind, hpa.metadata.namespace, hpa.spec.scale_target_ref.name)
        for hpa in cluster.store.list(HorizontalPodAutoscaler)
    }
    return frozenset(targets.intersection(deployments))


def _over(cluster: Cluster, key: Key, *, given_up: bool) -> bool:
    """Complete, refused, paused, or (with `given_up`) beyond its deadline."""
    d = cluster.store.get(Deployment, key.namespace, key.name)
    if d is None or d.spec.paused or complete(d):
        return True
    progressing = condition(d.status.conditions, "Progressing")
    return given_up and progressing is not None and progressing.reason == EXCEEDED
