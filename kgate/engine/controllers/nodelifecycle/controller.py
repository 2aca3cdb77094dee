"""Finds nodes that have gone silent and keeps their taints (pkg/controller/nodelifecycle/node_lifecycle_controller.go).

Upstream looks at every node once a period. Here a look is taken at the same moments, but only when it would find something:
after a node has changed in a way that matters, or when the lease of a stopped kubelet has run out.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, ClassVar

from msgspec.structs import replace

from kgate.engine.api.core import Node, Pod
from kgate.engine.api.meta import Condition, Key, Millis, condition
from kgate.engine.controllers.nodelifecycle import taints
from kgate.engine.controllers.nodelifecycle.health import Timing, ready_status, silent
from kgate.engine.controllers.nodelifecycle.zones import EXCLUDED, Rates, Tainter, ZoneState, zone_of
from kgate.engine.flags import Flags
from kgate.engine.leases import Leases
from kgate.engine.manager import Manager, Watch
from kgate.engine.store import Store
from kgate.engine.trace import WatchEvent

SOURCE = "node-controller"
MONITOR = Key("NodeMonitor", "", "nodes")
"""Stands for all nodes together."""
TAINTING_MS = 100
"""Between two attempts to taint the next node of a zone (NodeEvictionPeriod)."""
LABELS = {"kubernetes.io/os": "beta.kubernetes.io/os", "kubernetes.io/arch": "beta.kubernetes.io/arch"}
"""Labels whose old names follow them."""


class NodeLifecycleController:
    """Ready=Unknown after the grace period; NoSchedule taints at once, NoExecute taints as fast as the node's zone allows."""

    name: ClassVar[str] = "nodelifecycle"

    def __init__(self, store: Store, manager: Manager, leases: Leases, *, flags: Flags, kubernetes_version: str) -> None:
        """Raises FlagError."""
        self._store = store
        self._manager = manager
        self._leases = leases
        self._timing = Timing.of(flags, kubernetes_version)
        self._rates = Rates.of(flags)
        self._known: dict[str, Node] = {}
        self._states: dict[str, ZoneState] = {}
        self._tainters: dict[str, Tainter] = {}
        self._asked_ms: Millis | None = None
        """When to look because something has changed."""
        self._trusted_ms: Millis = 0
        """No lease counts as older than this: when the last total disruption ended."""
        self._troubled = False
        self.watches = (Watch(Node, self._news),)
        leases.subscribe(lambda _: manager.enqueue(self.name, MONITOR))

    def reconcile(self, key: Key) -> Millis | None:
        """Of a node its NoSchedule taints and labels; of MONITOR all nodes' health; of a zone its next NoExecute taint."""
        if key == MONITOR:
            return self._monitor()
        if key.kind == "Zone":
            return self._taint_zone(key.name)
        node = self._store.get(Node, "", key.name)
        if node is not None:
            self._label(self._match_conditions(node))
        return None

    # What a single node shows at once

    def _match_conditions(self, node: Node) -> Node:
        """doNoScheduleTaintingPass."""
        wanted, there = taints.no_schedule(node), taints.own_no_schedule(node)
        node = self._store.update(taints.with_taints(node, wanted, "NoSchedule", self._store.now_ms))
        return self._store.update(taints.without_taints(node, set(there) - set(wanted), "NoSchedule"))

    def _label(self, node: Node) -> None:
        """reconcileNodeLabels."""
        labels = node.metadata.labels
        late = {old: labels[new] for new, old in LABELS.items() if new in labels and labels.get(old) != labels[new]}
        if late:
            meta = node.metadata
            for key, value in late.items():
                meta = meta.labelled(key, value)
            self._store.update(replace(node, metadata=meta))

    # When to look

    def _news(self, event: WatchEvent) -> Iterable[Key]:
        keys = [] if event.after is None else [event.key]
        if self._matters(event.key.name, event.before, event.after):
            self._asked_ms = self._timing.look_after(self._store.now_ms)
            keys.append(MONITOR)
        return keys

    def _matters(self, name: str, before: Any, after: Any) -> bool:
        """Whether a look would find anything to do. Nodes that are there from the beginning and well need none."""
        if self._troubled or after is None:
            return True
        if before is None:
            return self._store.now_ms > 0 or not _well(after) or not self._leases.alive(name)
        return not (_well(before) and _well(after))

    def _monitor(self) -> Millis | None:
        due = self._due()
        if due is not None and due <= self._store.now_ms:
            self._asked_ms = None
            self._look()
            due = self._due()
        return None if due is None else due - self._store.now_ms

    def _due(self) -> Millis | None:
        """When the next look will find something; upstream's clock is a little late, so one that falls on the end of a grace counts."""
        nodes = (self._store.get(Node, "", name) for name in self._leases.silent())
        ends = [self._end_of_grace(n) for n in nodes if n is not None and ready_status(n) != "Unknown"]
        looks = [self._timing.look_at(max(ms, self._store.now_ms)) for ms in ends]
        return min([*looks, *([] if self._asked_ms is None else [self._asked_ms])], default=None)

    def _end_of_grace(self, node: Node) -> Millis:
        """Counted from the look that saw the last renewal; a node of which nothing was ever heard is given more time."""
        renewed = self._leases.renewed_ms(node.metadata.name)
        created = node.metadata.creation_timestamp_ms or 0
        if not ready_status(node):
            return max(created, self._trusted_ms) + self._timing.startup_grace_ms
        return max(self._timing.look_at(created if renewed is None else renewed), self._trusted_ms) + self._timing.grace_ms

    # A look at all nodes (monitorNodeHealth)

    def _look(self) -> None:
        nodes = self._store.list(Node)
        self._greet(nodes)
        zones: dict[str, list[bool]] = {}
        for node in nodes:
            now = self._checked(node)
            ready, was = ready_status(now), ready_status(node)
            if EXCLUDED not in now.metadata.labels:
                zones.setdefault(zone_of(now), []).append(ready == "True")
            if ready:
                self._queue(now, ready)
            if was == "True" and ready != "True":
                self._manager.record(now, "Normal", "NodeNotReady", f"Node {node.metadata.name} status is now: NodeNotReady", source=SOURCE)
                self._mark_pods_not_ready(now)
        self._disruption(zones)
        self._troubled = any(s != "Normal" for s in self._states.values()) or not all(map(_well, self._store.list(Node)))

    def _greet(self, nodes: Sequence[Node]) -> None:
        """Unlike upstream: nodes that were there from the beginning had been registered before it."""
        here = {node.metadata.name: node for node in nodes}
        for name, node in here.items():
            if zone_of(node) not in self._states:
                self._states[zone_of(node)] = "Initial"
                self._tainters[zone_of(node)] = Tainter(self._rates.eviction)
            if name not in self._known:
                if node.metadata.creation_timestamp_ms:
                    self._say(node, "RegisteredNode", f"Registered Node {name} in Controller")
                self._reachable(name)
        for name in [name for name in self._known if name not in here]:
            self._say(self._known[name], "RemovingNode", f"Removing Node {name} from Controller")
        self._known = here

    def _say(self, node: Node, reason: str, said: str) -> None:
        self._manager.record(node, "Normal", reason, f"Node {node.metadata.name} event: {said}", source=SOURCE)

    def _checked(self, node: Node) -> Node:
        """tryUpdateNodeHealth."""
        name = node.metadata.name
        node = self._store.get(Node, "", name) or node
        if self._leases.alive(name) or self._end_of_grace(node) > self._store.now_ms or ready_status(node) == "Unknown":
            return node
        return self._store.update_status(silent(node, self._store.now_ms))

    def _queue(self, node: Node, ready: str) -> None:
        """processTaintBaseEviction: the kind of trouble may change at once, a node that falls ill waits for its turn."""
        name, zone = node.metadata.name, zone_of(node)
        if ready not in taints.NO_EXECUTE:
            self._reachable(name)
            return
        key, other = taints.NO_EXECUTE[ready], _other(ready)
        if taints.has(node, other):
            self._swap(node, key, other)
            return
        if not taints.has(node, key):
            self._tainters[zone].remove(name)
        if self._tainters[zone].add(name):
            self._plan(zone)

    def _reachable(self, name: str) -> None:
        """markNodeAsReachable."""
        node = self._store.get(Node, "", name)
        if node is None:
            return
        for key in (taints.UNREACHABLE, taints.NOT_READY):
            node = self._store.update(taints.without_taints(node, (key,), "NoExecute"))
        self._tainters[zone_of(node)].remove(name)

    def _mark_pods_not_ready(self, node: Node) -> None:
        """MarkPodsNotReady (pkg/controller/util/node/controller_utils.go): the reason stays as the kubelet last gave it."""
        for pod in self._store.pods_on(node.metadata.name):
            ready = condition(pod.status.conditions, "Ready")
            if ready is not None and ready.status != "False":
                self._store.update_status(_not_ready(pod, ready, self._store.now_ms))
                self._manager.record(pod, "Warning", "NodeNotReady", "Node is not ready", source=SOURCE)

    # Zones (handleDisruption)

    def _disruption(self, zones: Mapping[str, Sequence[bool]]) -> None:
        """`zones` says of every node of a zone whether it is ready. When no zone has any that is, nobody is evicted anywhere."""
        now = {zone: self._rates.state(ready) for zone, ready in zones.items()}
        self._states = {zone: state for zone, state in self._states.items() if zone in zones}
        all_lost = all(state == "FullDisruption" for state in now.values())
        all_were_lost = all(state == "FullDisruption" for state in self._states.values())
        if all_lost and all_were_lost:
            return
        if all_lost:
            for node in self._store.list(Node):
                self._reachable(node.metadata.name)
        elif all_were_lost:
            self._trusted_ms = self._store.now_ms
        for zone, was in self._states.items():
            if all_lost or all_were_lost or was != now[zone]:
                self._set_rate(zone, 0.0 if all_lost else self._rates.within(now[zone], len(zones[zone])))
                self._states[zone] = now[zone]

    def _set_rate(self, zone: str, rate: float) -> None:
        self._tainters[zone].swap_rate(rate, self._store.now_ms)
        self._plan(zone)

    # NoExecute taints (doNoExecuteTaintingPass)

    def _plan(self, zone: str) -> None:
        left = self._until_next(zone)
        if left is not None:
            self._manager.enqueue_after(self.name, Key("Zone", "", zone), left)

    def _until_next(self, zone: str) -> Millis | None:
        """Until the first attempt, later than now, that can get a token."""
        now = self._store.now_ms
        free = self._tainters[zone].next_ms(now)
        if free is None:
            return None
        return max(-(-free // TAINTING_MS) * TAINTING_MS, now // TAINTING_MS * TAINTING_MS + TAINTING_MS) - now

    def _taint_zone(self, zone: str) -> Millis | None:
        tainter = self._tainters[zone]
        while (name := tainter.take(self._store.now_ms)) is not None:
            node = self._store.get(Node, "", name)
            if node is not None and (ready := ready_status(node)) in taints.NO_EXECUTE:
                self._swap(node, taints.NO_EXECUTE[ready], _other(ready))
        return self._until_next(zone)

    def _swap(self, node: Node, key: str, other: str) -> None:
        """SwapNodeControllerTaint: adds one, then removes the other."""
        node = self._store.update(taints.with_taints(node, (key,), "NoExecute", self._store.now_ms))
        self._store.update(taints.without_taints(node, (other,), "NoExecute"))


def _other(ready: str) -> str:
    return taints.NO_EXECUTE["False" if ready == "Unknown" else "Unknown"]


def _well(node: Node) -> bool:
    """Nothing is known against it, and it has no taint that would have to go."""
    keys = taints.NO_EXECUTE.values()
    return ready_status(node) in ("True", "") and not any(t.effect == "NoExecute" and t.key in keys for t in node.spec.taints)


def _not_ready(pod: Pod, ready: Condition, now_ms: Millis) -> Pod:
    changed = replace(ready, status="False", last_transition_time_ms=now_ms // 1000 * 1000)
    conditions = tuple(changed if c.type == "Ready" else c for c in pod.status.conditions)
    return replace(pod, status=replace(pod.status, conditions=conditions))
