"""A whole cluster: what `kubectl` and the API server are to a real one.

cluster = Cluster()
cluster.add_node({"metadata": {"name": "n1"}, "status": {"capacity": {"cpu": "4", "memory": "8Gi", "pods": "110"}}})
cluster.apply(deployment)
cluster.run_until(lambda: ..., deadline_ms=60_000)
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Mapping, Sequence
from typing import Any, ClassVar, Self

from msgspec.structs import replace

from kgate.engine import nodestatus, patching, rollouts
from kgate.engine.admission import sanity
from kgate.engine.admission.autoscaling import as_v2
from kgate.engine.admission.chain import Admission
from kgate.engine.admission.defaulting import set_defaults
from kgate.engine.admission.priority import SYSTEM_CLASSES
from kgate.engine.admission.quota.check import Evaluators
from kgate.engine.api import listing, names, scaling
from kgate.engine.api.apps import ReplicaSet
from kgate.engine.api.codec import CLUSTER_SCOPED, KINDS, DecodeError, decode, encode
from kgate.engine.api.core import Event, Namespace, Node, Pod
from kgate.engine.api.meta import Key, Millis, Resource
from kgate.engine.behaviour import Behaviour
from kgate.engine.choices import Choices
from kgate.engine.controllers.deployment.controller import DeploymentController
from kgate.engine.controllers.disruption.controller import DisruptionController
from kgate.engine.controllers.ephemeral import EphemeralVolumeController
from kgate.engine.controllers.garbagecollector import GarbageCollector
from kgate.engine.controllers.namespace import NamespaceController
from kgate.engine.controllers.nodelifecycle.controller import NodeLifecycleController
from kgate.engine.controllers.nodelifecycle.health import Timing
from kgate.engine.controllers.persistentvolume import PersistentVolumeController
from kgate.engine.controllers.podautoscaler.controller import HorizontalPodAutoscalerController
from kgate.engine.controllers.podautoscaler.settings import Settings as AutoscalerSettings
from kgate.engine.controllers.podgc import PodGCController
from kgate.engine.controllers.replicaset import ReplicaSetController
from kgate.engine.controllers.resourcequota import SYNC_PERIOD_MS, ResourceQuotaController
from kgate.engine.controllers.tainteviction import TaintEvictionController
from kgate.engine.drain import NO_OPTIONS, Drain, Drained, DrainOptions
from kgate.engine.errors import ApiError, Cause, already_exists, conflict, forbidden, invalid, not_found
from kgate.engine.eviction import Eviction, evict
from kgate.engine.fieldmanager import FieldManagers
from kgate.engine.flags import Flags, minor
from kgate.engine.fork import fork
from kgate.engine.kubelet import Kubelet
from kgate.engine.leases import Leases
from kgate.engine.manager import Manager
from kgate.engine.metrics import Said
from kgate.engine.scheduler.placement import Choose
from kgate.engine.scheduler.profile import Profile
from kgate.engine.scheduler.room import Room, room_for
from kgate.engine.scheduler.scheduler import Scheduler
from kgate.engine.store import Store
from kgate.engine.trace import Trace, WatchEvent
from kgate.engine.vpa.controller import VerticalPodAutoscalerController

Json = Mapping[str, Any]
Validate = Callable[[Json, Json | None], Sequence[Cause]]

QUIET_MS = 600_000
"""Longer than any window after which a controller changes its mind about the same facts (five minutes, of the autoscaler)."""

IMMORTAL = ("default", "kube-system", "kube-public")
"""Namespaces that cannot be deleted."""

SERVER_FIELDS = ("uid", "resourceVersion", "generation", "creationTimestamp", "deletionTimestamp", "deletionGracePeriodSeconds", "selfLink")
"""Metadata that no client can set."""


class Cluster:
    """The control plane, its nodes and the clock. Every write settles what can be done at once; time passes only in `run_*`."""

    def __init__(
        self,
        *,
        kubernetes_version: str = "1.36",
        behaviour: Behaviour | None = None,
        settings: Mapping[str, object] | None = None,
        validate: Validate | None = None,
        profile: Profile | None = None,
        choose: Choose | None = None,
    ) -> None:
        """`settings` are flags of kube-controller-manager by their names. `validate(new, old)` says why an object is refused.

        `profile` replaces kube-scheduler's default one; `choose` decides between nodes that share the best score. Raises FlagError.
        """
        self.kubernetes_version = kubernetes_version
        self.settings = dict(settings or {})
        self.store = Store()
        self.trace = Trace()
        self.store.subscribe(self.trace.record)
        self._changed_ms: Millis = 0
        self.store.subscribe(self._noticed)
        flags = Flags(self.settings)
        self._leases = Leases(Timing.of(flags, kubernetes_version).grace_ms)
        self.store.subscribe(self._leases.follow)
        self.manager = Manager(self.store)
        self.metrics = Said(self.store)
        """What the metrics APIs answer; nothing until somebody says something."""
        self._validate = validate
        self._choices: Choices | None = None
        self._fields = FieldManagers()
        evaluators = Evaluators()
        self._admission = Admission(self.store, evaluators)
        self.store.admit_with(self._admission.create)
        vertical = VerticalPodAutoscalerController(self.store, self.manager, self.metrics, flags)
        self._admission.webhooks.append(vertical.admit)
        self._scheduler = Scheduler(self.store, self.manager, kubernetes_version=kubernetes_version, profile=profile, choose=choose)
        self._kubelet = Kubelet(self.store, self.manager, behaviour or Behaviour(), self._leases)
        self._replica_sets = ReplicaSetController(self.store, self.manager, counts_terminating=minor(kubernetes_version) >= 35)
        quota_sync_ms = flags.duration_ms("resource-quota-sync-period", SYNC_PERIOD_MS)
        for controller in (
            ResourceQuotaController(self.store, self.manager, evaluators, sync_period_ms=quota_sync_ms),
            GarbageCollector(self.store, self.manager),
            NamespaceController(self.store, self.manager, pods_first=minor(kubernetes_version) >= 33),
            EphemeralVolumeController(self.store, self.manager),
            PersistentVolumeController(self.store, self.manager),
            self._replica_sets,
            DeploymentController(self.store, self.manager, counts_terminating=minor(kubernetes_version) >= 35),
            DisruptionController(self.store, self.manager),
            HorizontalPodAutoscalerController(self.store, self.manager, self.metrics, AutoscalerSettings.of(flags, kubernetes_version)),
            vertical,
            NodeLifecycleController(self.store, self.manager, self._leases, flags=flags, kubernetes_version=kubernetes_version),
            TaintEvictionController(self.store, self.manager),
            PodGCController(self.store, self.manager, flags=flags),
            self._scheduler,
            self._kubelet,
        ):
            self.manager.add(controller)
        self._ensure_namespace("default")
        for system_class in SYSTEM_CLASSES:
            self.store.create(system_class)

    fork_shares: ClassVar[tuple[str, ...]] = ("_validate",)

    def fork(self) -> Self:
        """An independent copy at this instant, which goes on as this one would: the same writes at the same times."""
        return fork(self)

    # Time

    @property
    def now_ms(self) -> Millis:
        """Virtual time since the cluster began."""
        return self.manager.now_ms

    def run_for(self, ms: Millis) -> None:
        """Lets that much time pass. Raises LivelockError."""
        self.manager.run_until(self.now_ms + ms)

    def run_until(self, predicate: Callable[[], bool], deadline_ms: Millis) -> bool:
        """Lets time pass until `predicate` holds (True) or the clock shows `deadline_ms` (False). Raises LivelockError."""
        return self.manager.run_until(deadline_ms, predicate)

    def run_to_rest(self, limit_ms: Millis) -> bool:
        """Lets time pass until nothing is left to do (True), at most `limit_ms` more (False).

        Nothing is left when no timer is set, or only those of controllers that look again for ever, and these have written
        nothing for `QUIET_MS`.
        """
        deadline = self.now_ms + limit_ms
        self.manager.settle()
        while (due := self.manager.next_timer_ms()) is not None and not self.at_rest():
            if due > deadline:
                self.manager.run_until(deadline)
                return False
            self.manager.run_until(due)
        return True

    # Reading

    @property
    def events(self) -> list[Event]:
        """All core/v1 Events, in order of first appearance."""
        return list(self.store.list(Event))

    def get(self, kind: str, name: str, namespace: str = "default") -> dict[str, Any]:
        """The object as the API shows it. Raises ApiError 404."""
        return encode(self._find(kind, name, namespace))

    def list(
        self, kind: str, namespace: str | None = None, *, label_selector: str = "", field_selector: str = ""
    ) -> Sequence[dict[str, Any]]:
        """All objects of the kind that both selectors select, in order of creation. Raises ApiError 400 for a selector that is none."""
        chosen = listing.selected(self.store.list_kind(kind, namespace), kind, label_selector)
        return listing.with_fields(kind, [encode(obj) for obj in chosen], field_selector)

    def get_scale(self, name: str, namespace: str = "default", kind: str = "Deployment") -> dict[str, Any]:
        """The scale subresource. Raises ApiError 404."""
        return scaling.scale_of(self._find(kind, name, namespace))

    def tied_nodes(self, pod: str, namespace: str = "default") -> Sequence[str]:
        """All nodes that share the best score for a pod as the cluster is now. Raises ApiError 404."""
        found = self.store.get(Pod, namespace, pod)
        if found is None:
            raise not_found("pods", pod)
        return self._scheduler.tied_nodes(found)

    def node_alive(self, name: str) -> bool:
        """Whether its kubelet runs; nodes that nobody stopped have one that does."""
        return self._leases.alive(name)

    @property
    def choices(self) -> Choices | None:
        """Who breaks ties, and notes them, on this cluster."""
        return self._choices

    def choose_with(self, choices: Choices | None) -> None:
        """Who decides what Kubernetes leaves open, from now on; None: as the nominal schedule does."""
        self._choices = choices
        self._scheduler.placement.choose_with(choices)
        self._replica_sets.choose_with(None if choices is None else choices.deletion)
        self._kubelet.choose_with(choices)

    def chosen_start_ms(self, pod: Pod) -> Millis | None:
        """How long `choices` let this pod take to become ready; None: as long as its image does."""
        return self._kubelet.chosen_ms(pod)

    def room_for(self, pod: str, most: int, namespace: str = "default", *, more: Sequence[Json] = ()) -> Room:
        """How many pods like this one fit beside all that is there and beside `more` nodes, at most `most`; itself counts if it is bound.

        Nothing is written. Raises ApiError: 404, or 400 for a node that is none.
        """
        found = self.store.get(Pod, namespace, pod)
        if found is None:
            raise not_found("pods", pod)
        nodes = [node for body in more if isinstance(node := self._decoded(body), Node)]
        return room_for(self.store, found, most, profile=self._scheduler.profile, more=nodes)

    # Writing

    def create(self, obj: Json, manager: str = "kubectl") -> dict[str, Any]:
        """POST. Raises ApiError: 409 AlreadyExists, 422 Invalid, 403 Forbidden."""
        body = self._normalized(obj)
        if self.store.find(_key(body)) is not None:
            raise already_exists(names.resource(body["apiVersion"], body["kind"]), body["metadata"]["name"])
        return self._owned_by_update({}, self._stored(body), manager)

    def update(self, obj: Json, manager: str = "kubectl") -> dict[str, Any]:
        """PUT. Raises ApiError: 404, 409 Conflict (not the version or uid that is stored), 422 Invalid."""
        body = self._normalized(obj)
        live = self._find(body["kind"], body["metadata"].get("name") or "", body["metadata"].get("namespace") or "")
        before = encode(live)
        return self._owned_by_update(before, self._replaced(live, body), manager)

    def apply(self, obj: Json, manager: str = "kgate", *, force: bool = True) -> dict[str, Any]:
        """Server-side apply: what `manager` applied before and now omits is removed, unless others own it, then defaults return.

        Raises ApiError. Fields of other managers are taken over by `force`; without it they are a 409 with a cause for each.
        """
        body = self._normalized(obj)
        if not body["metadata"].get("name"):
            raise ApiError(400, "name is required to apply")
        fields, live = self._as_shown(body), self.store.find(_key(body))
        before = {} if live is None else encode(live)
        uid = before.get("metadata", {}).get("uid", "")
        merged, owned = self._fields.applied(uid, before, fields | {"apiVersion": body["apiVersion"]}, manager, force=force)
        result = self._stored(copy.deepcopy(body)) if live is None else self._replaced(live, merged | _preconditions(body, before))
        self._fields.commit(result["metadata"]["uid"], owned, result)
        return result

    def patch(
        self,
        kind: str,
        name: str,
        patch: Any,
        type: str = "merge",  # noqa: A002  # as in the API
        namespace: str = "default",
        subresource: str | None = None,
        manager: str = "kubectl",
    ) -> dict[str, Any]:
        """PATCH. `type` is merge, strategic or json; `subresource` may be status or scale. Raises ApiError."""
        live = self._find(kind, name, namespace)
        change = {"merge": patching.merge_patch, "strategic": patching.strategic_merge_patch, "json": patching.json_patch}[type]
        before = encode(live)
        body = change(before, patch)
        if not isinstance(body, dict) or not isinstance(body.get("metadata"), dict):
            raise ApiError(400, f"{kind} {name!r} cannot be patched: what is left is no object")
        if subresource == "status":
            return self._with_status(live, body)
        return self._owned_by_update(before, self._replaced(live, body), manager)

    def scale(self, name: str, replicas: int, namespace: str = "default") -> dict[str, Any]:
        """Sets a Deployment's spec.replicas, as `kubectl scale` does."""
        return self.patch("Deployment", name, {"spec": {"replicas": replicas}}, namespace=namespace)

    def delete(
        self,
        kind: str,
        name: str,
        namespace: str = "default",
        propagation: str | None = None,
        grace_s: int | None = None,
        *,
        uid: str | None = None,
        resource_version: str | None = None,
    ) -> None:
        """DELETE. `propagation` is Background (default), Foreground or Orphan.

        Raises ApiError: 404, 403 (namespaces that cannot go), 409 Conflict when it is not that uid or version.
        """
        obj = self._find(kind, name, namespace)
        if kind == "Namespace" and name in IMMORTAL:
            raise forbidden("namespaces", name, "this namespace may not be deleted")
        version = None if resource_version is None else int(resource_version)
        self.store.delete(_key_of(obj), grace_seconds=grace_s, propagation=propagation, uid=uid, resource_version=version)
        self.manager.settle()

    # kubectl rollout

    def undo(self, deployment: str, to_revision: int = 0, namespace: str = "default") -> str:
        """`kubectl rollout undo`: back to that revision, 0 for the one before. What kubectl says. Raises ApiError, RolloutError."""
        d = self.get("Deployment", deployment, namespace)
        sets = [encode(rs) for rs in self.store.owned_by(d["metadata"]["uid"], ReplicaSet)]
        patch = rollouts.undo(d, sets, to_revision)
        if patch is None:
            return f"skipped rollback (current template already matches revision {to_revision})"
        self.patch("Deployment", deployment, patch, type="json", namespace=namespace, manager="kubectl-rollout")
        return "rolled back"

    def rollout_status(self, deployment: str, namespace: str = "default", revision: int = 0) -> tuple[str, bool]:
        """What `kubectl rollout status` prints now, and whether it would stop there. Raises ApiError 404, RolloutError."""
        return rollouts.status(self.get("Deployment", deployment, namespace), revision)

    def rollout_history(self, deployment: str, namespace: str = "default") -> str:
        """What `kubectl rollout history` prints. Raises ApiError 404."""
        uid = self._find("Deployment", deployment, namespace).metadata.uid
        return rollouts.history([encode(rs) for rs in self.store.owned_by(uid, ReplicaSet)])

    def events_table(self, namespace: str = "default") -> str:
        """What `kubectl get events --sort-by=.lastTimestamp` prints."""
        return rollouts.events([e for e in self.events if e.metadata.namespace == namespace], self.now_ms, namespace)

    def evict(
        self,
        pod: str,
        namespace: str = "default",
        *,
        grace_s: int | None = None,
        dry_run: bool = False,
        uid: str = "",
        resource_version: str = "",
    ) -> None:
        """The eviction API: a graceful delete of the pod, if its PodDisruptionBudget allows it and it is still that uid and version.

        Raises ApiError: 404, 429 TooManyRequests (a budget would be violated), 500 (several budgets), 409 Conflict (preconditions).
        """
        wanted = Eviction(grace_s=grace_s, dry_run=dry_run, uid=uid, resource_version=resource_version)
        try:
            evict(self.store, namespace, pod, wanted)
        finally:
            self.manager.settle()

    def drain(self, node: str, options: DrainOptions = NO_OPTIONS) -> Drained:
        """`kubectl drain`: time passes until the node is empty, the timeout is reached or nothing can change any more.

        What kubectl would print and answer is in the result. Raises ApiError 404 when there is no such node, LivelockError.
        """
        return Drain(self.store, self.manager, options, self.at_rest).run(node)

    def add_node(self, obj: Json, *, started: bool = True) -> dict[str, Any]:
        """A node joins; it gets the labels that its kubelet would give it, unless it has them. Raises ApiError.

        Without `started` its kubelet says nothing until `start_node`.
        """
        body = {"apiVersion": "v1", "kind": "Node", **copy.deepcopy(dict(obj))}
        body["metadata"]["labels"] = nodestatus.labels(body["metadata"]["name"]) | (body["metadata"].get("labels") or {})
        if not started:
            self._leases.expect_without_kubelet(body["metadata"]["name"])
        return self.create(body)

    def stop_node(self, name: str) -> None:
        """The node's kubelet dies: no lease, no report, nothing starts or stops there any more. Raises ApiError 404."""
        self._find("Node", name, "")
        self._leases.stop(name, self.now_ms)
        self.manager.settle()

    def start_node(self, name: str) -> None:
        """Its kubelet is back; the containers have gone on running. Raises ApiError 404."""
        self._find("Node", name, "")
        self._leases.start(name, self.now_ms)
        self.manager.settle()

    def cordon(self, node: str) -> None:
        """No new pods for the node, as `kubectl cordon` asks. Raises ApiError 404."""
        self.patch("Node", node, {"spec": {"unschedulable": True}})

    def uncordon(self, node: str) -> None:
        """Takes `cordon` back. Raises ApiError 404."""
        self.patch("Node", node, {"spec": {"unschedulable": None}})

    def taint(self, node: str, key: str, value: str = "", effect: str = "NoSchedule") -> None:
        """Adds the taint, or replaces the one with that key and effect. Raises ApiError 404."""
        new = {"key": key, "effect": effect} | ({"value": value} if value else {})
        self._retaint(node, lambda t: (t["key"], t["effect"]) == (key, effect), new)

    def untaint(self, node: str, key: str, effect: str = "") -> None:
        """Removes the taints with that key, of every effect when none is named. Raises ApiError 404."""
        self._retaint(node, lambda t: t["key"] == key and effect in ("", t["effect"]))

    def set_behaviour(self, behaviour: Behaviour) -> None:
        """How pods start, fail and stop from now on."""
        self._kubelet.behave(behaviour)
        self.manager.settle()

    # Inside

    def at_rest(self) -> bool:
        """No timer will change anything any more."""
        due = self.manager.next_timer_ms()
        return due is None or (due > self._changed_ms + QUIET_MS and self.manager.next_work_ms() is None)

    def _noticed(self, event: WatchEvent) -> None:
        if event.key.kind != "Event":
            self._changed_ms = self.store.now_ms
            if event.after is None:
                self._fields.forget(event.object.metadata.uid)

    def _find(self, kind: str, name: str, namespace: str) -> Resource:
        found: Resource | None = self.store.find(Key(kind, "" if kind in CLUSTER_SCOPED else namespace, name))
        if found is None:
            raise not_found(_resource_of(kind), name)
        return found

    def _retaint(self, node: str, gone: Callable[[Json], bool], *new: Json) -> None:
        taints = encode(self._find("Node", node, "")).get("spec", {}).get("taints", [])
        self.patch("Node", node, {"spec": {"taints": [*(t for t in taints if not gone(t)), *new] or None}})

    def _normalized(self, obj: Json) -> dict[str, Any]:
        """A private copy with a namespace where the kind has one."""
        body = copy.deepcopy(dict(obj))
        as_v2(body)
        if not isinstance(body.get("metadata") or {}, Mapping):
            raise ApiError(400, f"{body.get('kind')} cannot be handled: metadata: cannot read it as ObjectMeta")
        meta = body["metadata"] = dict(body.get("metadata") or {})
        if not meta.get("name") and not meta.get("generateName"):
            said = Cause(field="metadata.name", message="Required value: name or generateName is required", reason="FieldValueRequired")
            raise invalid(_kind_of(body), "", [said])
        if body.get("kind") in CLUSTER_SCOPED:
            meta.pop("namespace", None)
        else:
            meta["namespace"] = meta.get("namespace") or "default"
        return body

    def _stored(self, body: dict[str, Any]) -> dict[str, Any]:
        for field in SERVER_FIELDS:
            body["metadata"].pop(field, None)
        if body["kind"] != "Node":
            body.pop("status", None)
        obj = self._checked(body, None)
        self._ensure_namespace(obj.metadata.namespace)
        return self._settled(self.store.create(obj))

    def _owned_by_update(self, before: Json, shown: dict[str, Any], manager: str) -> dict[str, Any]:
        """Notes that `manager` set what differs."""
        uid = shown["metadata"]["uid"]
        self._fields.commit(uid, self._fields.updated(uid, before, shown, manager), shown)
        return shown

    def _replaced(self, live: Any, body: dict[str, Any]) -> dict[str, Any]:
        """Writes all of `body` but its status and what only the server sets. Raises ApiError 409 when it is based on another version."""
        _check_based_on(live, body)
        changed: Any = self._checked({**body, "kind": live.kind, "apiVersion": live.api_version}, live)
        meta = replace(
            changed.metadata,
            name=live.metadata.name,
            namespace=live.metadata.namespace,
            uid=live.metadata.uid,
            resource_version=live.metadata.resource_version,
            generation=live.metadata.generation,
            creation_timestamp_ms=live.metadata.creation_timestamp_ms,
            deletion_timestamp_ms=live.metadata.deletion_timestamp_ms,
            deletion_grace_period_seconds=live.metadata.deletion_grace_period_seconds,
        )
        changed = replace(changed, metadata=meta)
        if hasattr(live, "status"):
            changed = replace(changed, status=live.status)
        return self._settled(self.store.update(self._admission.update(live, changed)))

    def _with_status(self, live: Any, body: dict[str, Any]) -> dict[str, Any]:
        changed: Any = self._decoded({**body, "kind": live.kind, "apiVersion": live.api_version})
        if not hasattr(live, "status"):
            return self._replaced(live, body)
        return self._settled(self.store.update_status(replace(live, status=changed.status)))

    def _checked(self, body: dict[str, Any], live: Resource | None) -> Resource:
        """With defaults, decoded, and approved by the caller's validation, else by what the controllers rely on."""
        set_defaults(body)
        obj = self._decoded(body)
        causes = self._validate(body, None if live is None else encode(live)) if self._validate is not None else ()
        causes = causes or sanity.causes(obj, body)
        if causes:
            raise invalid(_kind_of(body), body["metadata"].get("name", ""), causes)
        return obj

    def _decoded(self, body: Json) -> Resource:
        try:
            return decode(body)
        except DecodeError as e:
            raise ApiError(
                400, f"{body.get('kind')} in version {str(body.get('apiVersion')).rpartition('/')[2]!r} cannot be handled: {e}"
            ) from e

    def _as_shown(self, body: Json) -> Any:
        """The applied fields as the API would show them (quantities in canonical form), so that they can be compared with the object."""
        own = {k: v for k, v in body["metadata"].items() if k not in SERVER_FIELDS}
        return _only(encode(self._decoded({**body, "metadata": own})), body)

    def _settled(self, obj: Resource) -> dict[str, Any]:
        """The object as written, once everybody has reacted to it at this instant."""
        shown = encode(obj)
        self.manager.settle()
        return shown

    def _ensure_namespace(self, name: str) -> None:
        # Unlike upstream: a namespace that does not exist is made on the way, and not an error.
        if name and self.store.get(Namespace, "", name) is None:
            body = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}}
            set_defaults(body)
            self.store.create(decode(body))


def _check_based_on(live: Resource, body: Json) -> None:
    meta = body["metadata"]
    if str(meta.get("uid") or live.metadata.uid) != live.metadata.uid:
        said = f"Precondition failed: UID in precondition: {meta['uid']}, UID in object meta: {live.metadata.uid}"
        raise conflict(names.resource(live.api_version, live.kind), live.metadata.name, said)
    if str(meta.get("resourceVersion") or live.metadata.resource_version) != str(live.metadata.resource_version):
        raise conflict(names.resource(live.api_version, live.kind), live.metadata.name)


def _preconditions(body: Json, live: Json) -> dict[str, Any]:
    """The metadata of `live` with the uid and version that `body` insists on."""
    wanted = {k: v for k, v in body["metadata"].items() if k in ("uid", "resourceVersion")}
    return {"metadata": {**live["metadata"], **wanted}} if wanted else {}


def _key(body: Json) -> Key:
    meta = body["metadata"]
    return Key(body["kind"], meta.get("namespace") or "", meta.get("name") or "")


def _key_of(obj: Resource) -> Key:
    return Key(obj.kind, obj.metadata.namespace, obj.metadata.name)


def _kind_of(body: Json) -> str:
    return names.with_group(str(body.get("kind", "")), str(body.get("apiVersion", "")))


def _resource_of(kind: str) -> str:
    api_version = next((version for version, known in KINDS if known == kind), "v1")
    return names.resource(api_version, kind)


def _only(shown: Any, body: Any) -> Any:
    """Of what is shown, only what was applied."""
    if isinstance(shown, Mapping) and isinstance(body, Mapping):
        return {k: _only(shown[k], v) for k, v in body.items() if k in shown and v is not None}
    if isinstance(shown, list) and isinstance(body, list) and len(shown) == len(body):
        return [_only(s, b) for s, b in zip(shown, body, strict=True)]
    return shown
