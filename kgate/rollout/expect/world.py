"""What several judges ask of the cluster while a trace goes by: whose a pod is, where pods and nodes are."""

from __future__ import annotations

from collections.abc import Iterable

from kgate.engine.api.apps import Deployment
from kgate.engine.api.core import Node, Pod
from kgate.engine.api.meta import Key, condition
from kgate.engine.trace import WatchEvent


class World:
    """Follows the trace event by event."""

    def __init__(self) -> None:
        self.deployments: dict[str, Deployment] = {}
        """By name: a scenario has one namespace."""
        self._owners: dict[str, str] = {}
        self._pods: dict[Key, Pod] = {}
        self._nodes: dict[str, Node] = {}

    def see(self, event: WatchEvent) -> None:
        match event.key.kind:
            case "Deployment":
                _keep(self.deployments, event.key.name, event.after)
            case "ReplicaSet":
                owner = event.object.metadata.controller
                self._owners[event.object.metadata.uid] = owner.name if owner is not None else ""
            case "Pod":
                _keep(self._pods, event.key, event.after)
            case "Node":
                _keep(self._nodes, event.key.name, event.after)

    def deployment_of(self, pod: Pod) -> str:
        """Empty for pods of nobody, or of something else."""
        owner = pod.metadata.controller
        return self._owners.get(owner.uid, "") if owner is not None else ""

    def by_domain(self, deployment: str, label: str) -> dict[str, int]:
        """Live pods in each domain of Ready nodes that take pods; those elsewhere are in none."""
        counts = {value: 0 for node in self._nodes.values() if takes_pods(node) and (value := node.metadata.labels.get(label))}
        for pod in self._of(deployment):
            node = self._nodes.get(pod.spec.node_name)
            value = node.metadata.labels.get(label, "") if node is not None else ""
            if value in counts:
                counts[value] += 1
        return dict(sorted(counts.items()))

    def _of(self, deployment: str) -> Iterable[Pod]:
        return (p for p in self._pods.values() if p.active and self.deployment_of(p) == deployment)


def takes_pods(node: Node) -> bool:
    ready = condition(node.status.conditions, "Ready")
    return ready is not None and ready.status == "True" and not node.spec.unschedulable


def unschedulable(pod: Pod) -> bool:
    scheduled = condition(pod.status.conditions, "PodScheduled")
    return pod.active and not pod.spec.node_name and scheduled is not None and scheduled.reason == "Unschedulable"


def _keep(known: dict, key: object, obj: object) -> None:  # type: ignore[type-arg]  # one line for three kinds
    if obj is None:
        known.pop(key, None)
    else:
        known[key] = obj
