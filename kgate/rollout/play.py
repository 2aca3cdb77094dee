"""Plays a scenario on a cluster of the engine, step by step, and notes what every step was answered."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from msgspec.structs import replace

from kgate.engine import Cluster
from kgate.engine.api.apps import ReplicaSet
from kgate.engine.api.codec import CLUSTER_SCOPED
from kgate.engine.api.core import Pod
from kgate.engine.api.meta import Condition, FrozenMap, Key
from kgate.engine.api.quantity import milli, parse
from kgate.engine.choices import At, Choices
from kgate.engine.errors import ApiError
from kgate.rollout import Validate
from kgate.rollout.expect.judging import Run
from kgate.rollout.growth import autoscale
from kgate.rollout.holds import Watchman
from kgate.rollout.kubelet import behaviour
from kgate.rollout.pods import Kubelet, PodManners, merged, read_kubelet
from kgate.rollout.recording import Begun, record
from kgate.rollout.scheduling import profile
from kgate.rollout.steps import (
    Apply,
    Create,
    Delete,
    Drain,
    Evict,
    KubeletStep,
    Metrics,
    NodeStep,
    Patch,
    Quiet,
    Scale,
    Scenario,
    Schedule,
    Sleep,
    Step,
    Unready,
    Wait,
    doing,
)

NAMESPACE = "default"
"""Where objects of a scenario go that name none."""

_AFTER_OBJECTS_MS = 300
_AFTER_CHANGE_MS = 250
_AT_THE_END_MS = 150

_SLOW = (Evict, Delete, Drain, NodeStep, Unready, KubeletStep, Metrics)
"""Steps after which a little time passes."""


class Player:
    """One scenario on its own cluster."""

    def __init__(self, scenario: Scenario, validate: Validate | None) -> None:
        self._scenario = scenario
        self._kubelet = _as_body(scenario.kubelet)
        version = scenario.kubernetes or "1.36"
        self._cluster = Cluster(
            kubernetes_version=version,
            profile=profile(scenario.scheduler, version),
            behaviour=behaviour(scenario.kubelet),
            settings=scenario.settings,
            validate=validate,
        )
        self._watchman = Watchman(self._cluster)
        self._results: list[dict[str, Any]] = []
        self._begun: list[Begun] = []
        self._marks: list[int] = []

    @property
    def run(self) -> Run:
        """What was played so far, for those who judge it."""
        return Run(events=list(self._cluster.trace), results=self._results, marks=self._marks, end_ms=self._cluster.now_ms)

    def play(self) -> dict[str, Any]:
        """The recording. Raises ApiError when an object that has to be there before step 0 is refused."""
        self.perform().run_for(_AT_THE_END_MS)
        return record(list(self._cluster.trace), self._results, self._begun)

    def perform(self) -> Cluster:
        """All steps, on the cluster as they leave it. Raises ApiError."""
        for node in self._scenario.nodes:
            self._cluster.add_node(node.body())
        autoscale(self._cluster, self._scenario.groups)
        for body in self._scenario.objects:
            self._cluster.apply(body)
        self._cluster.run_for(_AFTER_OBJECTS_MS if self._scenario.objects else 0)
        for index, step in enumerate(self._scenario.steps):
            self._step(index, step)
        return self._cluster

    def _step(self, index: int, step: Step) -> None:
        cluster = self._cluster
        result: dict[str, Any] = {"i": index, "op": step.op, "t": cluster.now_ms / 1000, "did": doing(step.action)}
        seen = cluster.store.resource_version
        self._marks.append(seen)
        version: int | None = None
        match step.action:
            case Wait():
                result["ok"] = self._wait(step.action)
            case Sleep():
                cluster.run_for(step.action.ms)
            case _:
                result["phase"] = True
                version = self._change(step.action, result)
                self._begun.append(Begun(step=index, op=step.op, version=version, seen=seen))
        if version is not None:
            result["rv"] = version
        if isinstance(step.action, _SLOW):
            cluster.run_for(_AFTER_CHANGE_MS)
        self._results.append(result | {"tEnd": cluster.now_ms / 1000})

    def _wait(self, wait: Wait) -> bool:
        cluster, deadline = self._cluster, self._cluster.now_ms + wait.timeout_ms
        if isinstance(wait.until, Quiet):
            return self._quiet(wait.until.ms, deadline)
        done = bool(cluster.run_until(self._watchman.holds(wait.until), deadline))
        cluster.run_for(wait.settle_ms)
        return done

    def _quiet(self, ms: int, deadline: int) -> bool:
        """Silence holds only because time passes: no write tells that it is over."""
        cluster, begun = self._cluster, self._cluster.now_ms
        while cluster.now_ms < (due := max(begun, self._watchman.changed_ms) + ms):
            if cluster.now_ms >= deadline:
                return False
            cluster.run_for(min(due, deadline) - cluster.now_ms)
        return True

    def _change(self, action: Any, result: dict[str, Any]) -> int | None:
        """The resourceVersion of what was written through the API; None when nothing was."""
        match action:
            case Apply():
                return self._apply(action, result)
            case Create():
                return self._write(result, action.object, 201, lambda: self._cluster.create(action.object))
            case Patch() | Scale():
                return self._patch(action, result)
            case Delete():
                return self._delete(action, result)
            case Evict():
                pods = self._pods(action)[: action.count]
                result["evictions"] = [self._evict(pod) for pod in pods]
            case Drain():
                self._drain(action, result)
            case NodeStep():
                self._node(action)
            case Unready():
                self._unready(action)
            case Metrics():
                self._metrics(action)
            case Schedule():
                self._cluster.choose_with(Choices({At(kind, n): taken for (kind, n), taken in action.told.items()}))
            case KubeletStep():
                self._kubelet = merged(self._kubelet, action.changes)
                self._cluster.set_behaviour(behaviour(read_kubelet(self._kubelet, action.path)))
        return None

    def _apply(self, action: Apply, result: dict[str, Any]) -> int | None:
        """Of a list the first object's version counts, and the last answer."""
        first: int | None = None
        for body in action.objects:
            known = self._cluster.store.find(_key(body)) is not None
            version = self._write(result, body, 200 if known else 201, lambda b=body: self._cluster.apply(b))
            first = version if first is None else first
            if "error" in result:
                break
        return first

    def _write(self, result: dict[str, Any], body: Mapping[str, Any], code: int, write: Any) -> int | None:
        result |= {"kind": body.get("kind"), "name": _name(body)}
        try:
            written = write()
        except ApiError as refused:
            result |= {"http": refused.code, "error": _error(refused, body)}
            return None
        result["http"] = code
        return int(written["metadata"]["resourceVersion"])

    def _patch(self, action: Patch | Scale, result: dict[str, Any]) -> int | None:
        if isinstance(action, Scale):
            about = {"kind": "Deployment", "metadata": {"name": action.name}}
            return self._write(result, about, 200, lambda: self._cluster.scale(action.name, action.replicas))
        about = {"kind": action.kind, "metadata": {"name": action.name}}
        return self._write(
            result,
            about,
            200,
            lambda: self._cluster.patch(action.kind, action.name, action.patch, type=action.type, subresource=action.subresource or None),
        )

    def _delete(self, action: Delete, result: dict[str, Any]) -> int | None:
        """A deletion that leaves the object there for a while has written it; one that is done at once has not."""
        name = action.name or self._picked(action)
        result |= {"kind": action.kind, "name": name}
        before = len(self._cluster.trace)
        try:
            self._cluster.delete(action.kind, name, propagation=action.propagation or None, grace_s=action.grace_s)
        except ApiError as refused:
            result |= {"http": refused.code, "error": _error(refused, {"kind": action.kind, "metadata": {"name": name}})}
            return None
        result["http"] = 200
        written = [e for e in list(self._cluster.trace)[before:] if e.key.kind == action.kind and e.key.name == name]
        return written[0].resource_version if written and written[0].after is not None else None

    def _picked(self, action: Delete) -> str:
        """The newest ReplicaSet, or the oldest live pod that fits; empty when there is none (the API answers 404)."""
        if action.newest_replica_set:
            sets = self._cluster.store.list(ReplicaSet)
            return sets[-1].metadata.name if sets else ""
        fits = (
            p
            for p in self._cluster.store.list(Pod)
            if p.active and p.metadata.name.startswith(action.prefix) and action.ready in (None, p.ready)
        )
        return next((p.metadata.name for p in fits), "")

    def _pods(self, action: Evict) -> list[Pod]:
        """The one that has not changed for longest is first."""
        pods = [
            p
            for p in self._cluster.store.list(Pod)
            if p.active
            and p.metadata.name.startswith(action.prefix)
            and action.node in ("", p.spec.node_name)
            and (action.unready is None or p.ready is not action.unready)
        ]
        return sorted(pods, key=lambda p: p.metadata.resource_version)

    def _evict(self, pod: Pod) -> dict[str, Any]:
        said: dict[str, Any] = {"pod": pod.metadata.name}
        try:
            self._cluster.evict(pod.metadata.name, pod.metadata.namespace)
        except ApiError as refused:
            causes = [{"reason": c.reason, "message": c.message} for c in refused.causes]
            error = {"message": refused.message, "reason": refused.reason, "details": {"causes": causes}, "code": refused.code}
            return said | {"http": refused.code, "error": error}
        return said | {"http": 201}

    def _drain(self, action: Drain, result: dict[str, Any]) -> None:
        """Refused evictions are tried again until the node is empty or the time is up."""
        deadline = self._cluster.now_ms + action.timeout_ms
        self._cluster.cordon(action.node)
        evictions: list[dict[str, Any]] = []
        asked: set[str] = set()
        while True:
            there = [p for p in self._cluster.store.pods_on(action.node) if not p.terminal]
            for pod in there:
                if pod.active and pod.metadata.uid not in asked:
                    said = self._evict(pod)
                    evictions.append({"t": self._cluster.now_ms / 1000} | _in_short(said))
                    if said["http"] == 201:
                        asked.add(pod.metadata.uid)
            if not there or self._cluster.now_ms >= deadline:
                break
            self._cluster.run_for(min(action.retry_ms, deadline - self._cluster.now_ms))
        result["evictions"] = evictions
        result["left"] = len([p for p in self._cluster.store.pods_on(action.node) if not p.terminal])

    def _node(self, action: NodeStep) -> None:
        match action.verb:
            case "stop":
                self._cluster.stop_node(action.name)
            case "start":
                self._cluster.start_node(action.name)
            case "cordon":
                self._cluster.cordon(action.name)
            case "uncordon":
                self._cluster.uncordon(action.name)
            case "delete":
                self._cluster.delete("Node", action.name)
            case "add":
                for node in action.added:
                    self._cluster.add_node(node.body())
            case "label":
                self._cluster.patch("Node", action.name, {"metadata": {"labels": dict(action.labels or {})}})
            case "taint":
                self._cluster.taint(action.name, **(action.taint or {}))
            case "untaint":
                self._cluster.untaint(action.name, str((action.taint or {})["key"]), (action.taint or {}).get("effect", ""))

    def _metrics(self, action: Metrics) -> None:
        """For the pods there are now; those that come later are not measured until the next such step."""
        cpu, memory = milli(parse(action.cpu)), milli(parse(action.memory))
        usage = FrozenMap(cpu=cpu, memory=memory)
        for pod in self._cluster.store.list(Pod):
            if pod.metadata.name.startswith(action.prefix):
                self._cluster.metrics.of_pod(pod, {c.name: usage for c in pod.spec.containers})

    def _unready(self, action: Unready) -> None:
        """As a kubelet writes it whose readiness probe begins to fail."""
        store = self._cluster.store
        ready = [p for p in store.list(Pod) if p.active and p.ready and p.metadata.name.startswith(action.prefix)]
        for pod in sorted(ready, key=lambda p: p.metadata.name)[: action.count]:
            conditions = tuple(_failing(c, store.now_ms) for c in pod.status.conditions)
            statuses = tuple(replace(s, ready=False) for s in pod.status.container_statuses)
            store.update_status(replace(pod, status=replace(pod.status, conditions=conditions, container_statuses=statuses)))


def _failing(condition: Condition, now_ms: int) -> Condition:
    if condition.type not in ("Ready", "ContainersReady"):
        return condition
    return replace(condition, status="False", reason="ContainersNotReady", last_transition_time_ms=now_ms // 1000 * 1000)


def _in_short(said: Mapping[str, Any]) -> dict[str, Any]:
    """A drain notes of a refusal only what was said."""
    short = {k: v for k, v in said.items() if k != "error"}
    if "error" in said:
        short |= {"message": said["error"]["message"], "causes": said["error"]["details"]["causes"]}
    return short


def _name(body: Mapping[str, Any]) -> str:
    metadata = body.get("metadata")
    return str(metadata.get("name") or "") if isinstance(metadata, Mapping) else ""


def _key(body: Mapping[str, Any]) -> Key:
    kind = str(body.get("kind"))
    metadata = body.get("metadata")
    namespace = str(metadata.get("namespace") or NAMESPACE) if isinstance(metadata, Mapping) else NAMESPACE
    return Key(kind, "" if kind in CLUSTER_SCOPED else namespace, _name(body))


def _error(refused: ApiError, body: Mapping[str, Any]) -> dict[str, Any]:
    """The Status object, as the API server sends it."""
    group = str(body.get("apiVersion") or "").rpartition("/")[0]
    causes = [{"reason": c.reason, "message": c.message, "field": c.field} for c in refused.causes]
    about = {"name": _name(body), "group": group, "kind": body.get("kind"), "causes": causes}
    details = {k: v for k, v in about.items() if v}
    return {"message": refused.message, "reason": refused.reason, "details": details, "code": refused.code}


def _as_body(kubelet: Kubelet) -> dict[str, Any]:
    """The mapping that reads as this kubelet; later steps are laid over it."""
    images = {name: _manners(m) for name, m in kubelet.images.items()}
    spans = {"startup": kubelet.startup_ms, "termination": kubelet.termination_ms, "serial": kubelet.serial_ms}
    return {name: ms / 1000 for name, ms in spans.items()} | {"images": images}


def _manners(m: PodManners) -> dict[str, Any]:
    others = {"pull_error": m.pull_error, "exit_code": m.exit_code}
    told: dict[str, Any] = {name: ms / 1000 for name, ms in m.spans().items()} | {k: v for k, v in others.items() if v}
    if m.startup_least_ms is not None:
        told["startup"] = [m.startup_least_ms / 1000, told["startup"]]
    return told if m.played else {"mode": m.mode} | told
