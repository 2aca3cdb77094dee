"""How long it takes until the pods of a lost node run elsewhere, and whether they fit there: played after the rollout.

The node is missed after the monitor's grace period, its pods are evicted after their tolerationSeconds (300 s unless they say otherwise),
and only then their replacements are created (pkg/controller/{nodelifecycle,tainteviction}).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Container, Hashable, Iterator

from msgspec import Struct
from msgspec.structs import replace

from kgate.engine import Cluster
from kgate.engine.api.apps import Deployment, ReplicaSet
from kgate.engine.api.core import Pod, Taint
from kgate.engine.api.meta import Key, condition
from kgate.engine.api.tolerations import matching
from kgate.engine.errors import LivelockError
from kgate.finding import Rule, Severity, Stage
from kgate.manifest import Path
from kgate.rollout.causes import cause
from kgate.rollout.census import Low
from kgate.rollout.counterexample import loss
from kgate.rollout.nodes import HOSTNAME, NodeSpec
from kgate.rollout.questions.evidence import Answer, Evidence, Level
from kgate.rollout.questions.work import MOST_TOGETHER, copy, may_play, shape
from kgate.rollout.startup import span
from kgate.rollout.written import node

NOT_REPLACED = Rule(
    id="KG5115",
    name="node-loss-replacement",
    stage=Stage.ROLLOUT,
    severity=Severity.WARNING,
    summary="the pods of a lost node are not replaced",
    why="Replacements need room, and places that their constraints allow, on the nodes that are left.",
    remediation="keep room for the pods of one node free, or add a node",
    references=("https://kubernetes.io/docs/concepts/scheduling-eviction/taint-and-toleration/#taint-based-evictions",),
)

MOST_PLAYED = 8
"""Nodes of a world with many changed Deployments that are lost in turn in any case; after that others go by one that is alike."""

_UNREACHABLE = Taint(key="node.kubernetes.io/unreachable", effect="NoExecute")
_PATIENCE_MS = 15 * 60 * 1000
"""Beyond tolerationSeconds and start."""
_MOST_TOLERATED_S = 24 * 3600
_TOLERATIONS: Path = ("spec", "template", "spec", "tolerations")


class Lost(Struct, frozen=True, kw_only=True):
    """What came of one Deployment when a node was lost."""

    node: str
    there: int
    """Its pods on the node."""
    left: int
    """Available ones elsewhere, right after."""
    replaced_ms: int | None
    """From the loss until as many as are wanted are available elsewhere; None: never."""
    message: str
    """What the scheduler says of a pod that no node takes."""


def node_loss(evidence: Evidence) -> Iterator[Answer]:
    """Of the node that holds most of its pods, on a cluster that somebody described."""
    if evidence.assumed_cluster or not evidence.settings.failures.node or evidence.rehearsal.completed_ms is None:
        return
    lost = _lost(evidence)
    if lost is None:
        yield from _by_one_alike(evidence)
        return
    if lost.replaced_ms is None:
        yield _never(evidence, lost)
        return
    yield Answer(
        rule=NOT_REPLACED,
        level=Level.PASSES,
        statement=f"if node {lost.node} is lost after the rollout, its {_pods(lost.there)} run{'s' if lost.there == 1 else ''} elsewhere "
        f"{span(lost.replaced_ms)} later: {_tolerated(evidence)}",
        bounds=f"the node that holds most of the pods; {evidence.rehearsal.bounds}",
    )


def _by_one_alike(evidence: Evidence) -> Iterator[Answer]:
    """Where its own node was not lost."""
    there, worst = max(evidence.followed.end.values(), default=0), _worst(evidence, ())
    found = _alike(evidence)
    if found is not None:
        name, key, ms = found
        yield Answer(
            rule=NOT_REPLACED,
            level=Level.PASSES,
            statement=f"if node {worst} is lost after the rollout, its {_pods(there)} run{'s' if there == 1 else ''} elsewhere "
            f"{span(ms)} later: {_tolerated(evidence)}",
            bounds=f"played with node {name} and Deployment {key.name}, which are alike; {evidence.rehearsal.bounds}",
        )
    elif there:
        lost = f"{len(evidence.shared[NOT_REPLACED.name])} nodes were lost in turn, and it is none of them"
        said = f"whether the pods of node {worst} are replaced was not played: {lost}"
        yield Answer(rule=NOT_REPLACED, level=Level.UNKNOWN, statement=said)


def _alike(evidence: Evidence) -> tuple[str, Key, int] | None:
    """A Deployment of its shape on a node of the same kind, with as many pods there, that came back: the node, whose, after how long."""
    known: dict[str, dict[Key, Lost]] = evidence.shared[NOT_REPLACED.name]
    shapes: dict[Key, Hashable] = evidence.shared.get("shapes", {})
    mine, kinds, there = shape(evidence), _kinds(evidence), max(evidence.followed.end.values(), default=0)
    kind = kinds.get(_worst(evidence, ()))
    for name in known:
        for key, lost in known[name].items():
            if shapes.get(key) == mine and lost.there == there and kinds.get(name) == kind and lost.replaced_ms is not None:
                return name, key, lost.replaced_ms
    return None


def _kinds(evidence: Evidence) -> dict[str, NodeSpec]:
    """By name: the node without what every node has of its own."""
    kinds: dict[str, NodeSpec] = evidence.shared.setdefault("kinds of nodes", {})
    if not kinds:
        for n in evidence.rolled.cluster.nodes:
            labels = {k: v for k, v in n.labels.items() if k != HOSTNAME}
            kinds[n.name] = replace(n, name="", zone="", labels=labels)
    return kinds


def _never(evidence: Evidence, lost: Lost) -> Answer:
    found = cause(lost.message, evidence.manifest.body, placed=1)
    forever = _tolerated_s(evidence) is None
    why = _tolerated(evidence) if forever else found.reason or "nothing takes them"
    fits = not forever and _fits_with_one_more(evidence, lost)
    low = Low(available=lost.left, at_ms=evidence.rehearsal.completed_ms or 0, lost=lost.node, there=lost.there)
    return Answer(
        rule=NOT_REPLACED,
        level=Level.CAN_FAIL,
        statement=f"if node {lost.node} is lost after the rollout, its {_pods(lost.there)} "
        f"{'is' if lost.there == 1 else 'are'} not replaced: {why}; {lost.left} of {evidence.rehearsal.replicas} keep serving",
        evidence=(lost.message,) if lost.message else (),
        path=_TOLERATIONS if forever else found.path if node(evidence.manifest.body, found.path) is not None else ("spec", "replicas"),
        key=True,
        fix="give the toleration of node.kubernetes.io/unreachable tolerationSeconds" if forever else f"add a node, or {found.remediation}",
        verified=fits,
        counter_example=loss(evidence, "node", low, watched_s=_longest_ms(evidence, lost.node) // 1000),
    )


def _pods(n: int) -> str:
    return "pod" if n == 1 else f"{n} pods"


def _tolerated_s(evidence: Evidence) -> int | None:
    """How long the pods stay on a node that is unreachable; None: for ever (tainteviction/taint_eviction.go:getMinTolerationTime)."""
    return min((_stays_s(p) for p in _pods_of(evidence.rolled.played.cluster, evidence.key)), default=0, key=lambda s: (s is None, s or 0))


def _stays_s(pod: Pod) -> int | None:
    used = matching(pod.spec.tolerations, [_UNREACHABLE])
    if used is None:
        return 0
    seconds = used[0].toleration_seconds
    return None if seconds is None else max(0, seconds)


def _tolerated(evidence: Evidence) -> str:
    seconds = _tolerated_s(evidence)
    if seconds is None:
        return "they tolerate an unreachable node for ever"
    return f"they are evicted {seconds}s (tolerationSeconds) after the node is missed"


def _lost(evidence: Evidence) -> Lost | None:
    """One play for all Deployments that have their pods on the same node."""
    known: dict[str, dict[Key, Lost]] = evidence.shared.setdefault(NOT_REPLACED.name, {})
    worst = _worst(evidence, known)
    if not worst:
        return None
    if worst not in known:
        if len(known) >= MOST_PLAYED and evidence.crowd > MOST_TOGETHER and (_alike(evidence) is not None or not may_play(evidence)):
            return None
        shape(evidence)
        known[worst] = played(evidence, worst)
    return known[worst].get(evidence.key)


def _worst(evidence: Evidence, known: Container[str]) -> str:
    """With most pods; of equals one that was played already, then one that most Deployments use, then the first by name."""
    counts = evidence.followed.end
    most = max(counts.values(), default=0)
    equals = [n for n in sorted(counts) if counts[n] == most]
    played_ = next((n for n in equals if n in known), "")
    return played_ or max(equals, key=lambda n: sum(1 for f in evidence.rolled.followed.values() if f.end.get(n)), default="")


def played(evidence: Evidence, lost: str) -> dict[Key, Lost]:
    """The node is lost at the end. By Deployment, of those that had pods there; empty when it does not come to an end."""
    cluster = copy(evidence, evidence.rolled.played.cluster)
    begun_ms, longest_ms = cluster.now_ms, _longest_ms(evidence, lost)
    there = Counter(key for pod in cluster.store.pods_on(lost) if pod.active and (key := _owner(cluster, pod)) is not None)
    left = {key: sum(p.ready and p.spec.node_name != lost for p in _pods_of(cluster, key)) for key in there}
    done: dict[Key, int] = {}

    def replaced() -> bool:
        for key in there:
            if key not in done and _replaced(cluster, key, lost):
                done[key] = cluster.now_ms - begun_ms
        return len(done) == len(there)

    cluster.stop_node(lost)
    try:
        cluster.run_until(replaced, begun_ms + longest_ms)
    except LivelockError:
        return {}
    return {
        key: Lost(node=lost, there=n, left=left[key], replaced_ms=done.get(key), message=_refused(cluster, key)) for key, n in there.items()
    }


def _longest_ms(evidence: Evidence, lost: str) -> int:
    """Long enough for every pod of the node that does not stay for ever."""
    world = evidence.rolled.played
    stays = max((s for p in world.cluster.store.pods_on(lost) if (s := _stays_s(p)) is not None), default=0)
    slowest = max((b.startup_ms or 0 for b in world.behaviour.images.values()), default=0)
    return min(stays, _MOST_TOLERATED_S) * 1000 + slowest + _PATIENCE_MS


def _owner(cluster: Cluster, pod: Pod) -> Key | None:
    """The Deployment of the pod's ReplicaSet."""
    ref = pod.metadata.controller
    rs = cluster.store.get(ReplicaSet, pod.metadata.namespace, ref.name) if ref is not None else None
    of = rs.metadata.controller if rs is not None else None
    return None if of is None else Key("Deployment", pod.metadata.namespace, of.name)


def _pods_of(cluster: Cluster, key: Key) -> list[Pod]:
    """Those that are not being deleted."""
    d = cluster.store.get(Deployment, key.namespace, key.name)
    sets = cluster.store.owned_by(d.metadata.uid, ReplicaSet) if d is not None else ()
    return [p for rs in sets for p in cluster.store.owned_by(rs.metadata.uid, Pod) if p.active]


def _replaced(cluster: Cluster, key: Key, lost: str) -> bool:
    d = cluster.store.get(Deployment, key.namespace, key.name)
    return d is None or sum(p.ready and p.spec.node_name != lost for p in _pods_of(cluster, key)) >= d.spec.replicas


def _refused(cluster: Cluster, key: Key) -> str:
    """What the scheduler says of a pod that waits; empty when none does."""
    waiting = (condition(p.status.conditions, "PodScheduled") for p in _pods_of(cluster, key) if not p.spec.node_name)
    return next((c.message for c in waiting if c is not None and c.status == "False"), "")


def _fits_with_one_more(evidence: Evidence, lost: Lost) -> bool:
    """Played with one more node like the one that was lost, of which then the worst is lost."""
    cluster = evidence.rolled.cluster
    like = next((n for n in cluster.nodes if n.name == lost.node), None)
    if like is None:
        return False
    spare = replace(like, name=f"{like.name}-more")
    larger = evidence.elsewhere(replace(cluster, nodes=(*cluster.nodes, spare)))
    if larger is None or larger.rehearsal.completed_ms is None:
        return False
    again = played(larger, _worst(larger, ())).get(evidence.key)
    return again is not None and again.replaced_ms is not None
