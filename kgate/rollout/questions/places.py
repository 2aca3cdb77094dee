"""Where pods of a Deployment may run, and where they are at the end: what the questions about nodes and zones share."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence

from kgate.engine.api.core import Node, Pod
from kgate.engine.api.meta import FrozenMap, LabelSelector, ObjectMeta
from kgate.engine.api.selector import matches
from kgate.engine.api.tolerations import untolerated
from kgate.engine.controllers.deployment.revisions import HASH
from kgate.engine.scheduler.plugins.node_affinity import required_matches
from kgate.rollout.nodes import HOSTNAME, ZONE
from kgate.rollout.questions.evidence import Evidence

_NAMES = {HOSTNAME: "node", ZONE: "zone", "topology.kubernetes.io/region": "region"}


def pod_of(evidence: Evidence, *, new: bool = True) -> Pod:
    """A pod of the new template; with `new` off one of the old ReplicaSet that differs in nothing else."""
    last = evidence.followed.last
    assert last is not None
    labels = FrozenMap({**last.spec.template.metadata.labels, HASH: "new" if new else "old"})
    return Pod(metadata=ObjectMeta(name="pod", namespace=evidence.key.namespace, labels=labels), spec=last.spec.template.spec)


def open_nodes(evidence: Evidence) -> list[Node]:
    """Nodes whose labels and taints let the pods in, room or not, by name."""
    pod = pod_of(evidence)
    nodes = (n for n in evidence.rolled.played.cluster.store.list(Node) if not n.spec.unschedulable)
    open_ = [n for n in nodes if required_matches(pod, n) and untolerated(pod.spec.tolerations, n.spec.taints) is None]
    return sorted(open_, key=lambda n: n.metadata.name)


def domains(nodes: Iterable[Node], key: str) -> list[str]:
    """The values of the label, sorted; a node without it is in none."""
    return sorted({n.metadata.labels[key] for n in nodes if key in n.metadata.labels})


def selected(evidence: Evidence, selector: LabelSelector | None, nodes: Sequence[Node], key: str) -> dict[str, int]:
    """Selected pods of the namespace at the end, by domain, empty ones included, sorted."""
    domain = {n.metadata.name: n.metadata.labels[key] for n in nodes if key in n.metadata.labels}
    pods = evidence.rolled.played.cluster.store.list(Pod, evidence.key.namespace)
    counts = Counter(domain.get(p.spec.node_name, "") for p in pods if p.active and matches(selector, p.metadata.labels))
    return {name: counts[name] for name in domains(nodes, key)}


def word(key: str, n: int = 1) -> str:
    """`node`, `zones`, `values of rack`."""
    named = _NAMES.get(key)
    if named is None:
        return f"value{'' if n == 1 else 's'} of {key}"
    return named + ("" if n == 1 else "s")
