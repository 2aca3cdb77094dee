"""PodDisruptionBudgets under which a drain never ends (pkg/controller/disruption, pkg/registry/core/pod/storage/eviction.go)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from msgspec import Struct

from kgate.engine import ApiError, Cluster
from kgate.engine.api import intstr, selector
from kgate.engine.api.apps import Deployment
from kgate.engine.api.core import Pod
from kgate.engine.api.meta import Key
from kgate.engine.api.policy import PodDisruptionBudget
from kgate.engine.drain import DrainOptions
from kgate.finding import Rule, Severity, Stage
from kgate.manifest import Manifest
from kgate.rollout.gathered import pod_labels
from kgate.rollout.questions.evidence import Answer, Edit, Evidence, Level, edited
from kgate.rollout.stage import key_of
from kgate.rollout.written import mapping

DISRUPTIONS = "https://kubernetes.io/docs/tasks/run-application/configure-pdb/"

BLOCKED = Rule(
    id="KG5140",
    name="drain-blocked",
    stage=Stage.ROLLOUT,
    severity=Severity.ERROR,
    summary="a PodDisruptionBudget lets no node drain",
    why="kubectl drain asks for an eviction every five seconds, for ever; upgrades and cluster autoscalers stop at that node.",
    remediation="allow at least one disruption: maxUnavailable 1",
    references=(DISRUPTIONS,),
)

TWO = Rule(
    id="KG5141",
    name="two-budgets",
    stage=Stage.ROLLOUT,
    severity=Severity.ERROR,
    summary="two PodDisruptionBudgets select the same pods",
    why="The eviction API answers 500 for a pod with more than one budget, whatever these allow: no node with such a pod drains.",
    remediation="select each pod by one budget only",
    references=(DISRUPTIONS,),
)

MOST_NODES = 12
"""Nodes of a described cluster that are drained one after another."""

ALL = DrainOptions(force=True, ignore_daemonsets=True, delete_emptydir_data=True)
_REST_MS = 3_600_000


class Stuck(Struct, frozen=True, kw_only=True):
    """A drain that does not end."""

    node: str
    budget: str
    said: tuple[str, ...]


def blocked(evidence: Evidence) -> Iterator[Answer]:
    """By arithmetic, which holds on any cluster; else by draining the nodes of one that somebody described."""
    budgets = covering(evidence)
    if len(budgets) != 1 or not _first(evidence, budgets[0]):
        return
    manifest, budget = budgets[0], stored(evidence, budgets[0])
    pods = expected(evidence, budget)
    if pods == 0:
        return
    if _elsewhere(evidence, budget) and _counts(budget):
        yield _unknown(budget, "it also covers pods that are not rehearsed together with these")
    elif needed(budget, pods) >= pods:
        yield _never(evidence, manifest, budget)
    elif (stuck := _drained(evidence).get(Key("PodDisruptionBudget", evidence.key.namespace, manifest.name))) is not None:
        yield _on_these_nodes(manifest, stuck)


def _never(evidence: Evidence, manifest: Manifest, budget: PodDisruptionBudget) -> Answer:
    """Healthy pods are never more than expected once a rollout is over, so nothing is ever allowed."""
    pods, field = expected(evidence, budget), field_of(manifest)
    lone = ", or run 2 replicas or more" if pods == 1 else ""
    return Answer(
        rule=BLOCKED,
        level=Level.FAILS,
        statement=f"no node with one of these pods can be drained: PodDisruptionBudget {manifest.name} needs "
        f"{needed(budget, pods)} healthy pods and there are never more than {pods}",
        bounds="any cluster, once the rollout is over",
        evidence=_said(evidence),
        path=("spec", field),
        where=manifest,
        fix=f"set spec.maxUnavailable to 1{' instead of minAvailable' if field == 'minAvailable' else ''}{lone}",
        verified=drains_with(evidence, one_away(manifest)),
        edits=one_away(manifest),
    )


def one_away(manifest: Manifest) -> list[Edit]:
    """The budget that always lets one pod go."""
    return [Edit(where=manifest, path=("spec", "minAvailable"), value=None), Edit(where=manifest, path=("spec", "maxUnavailable"), value=1)]


def expected(evidence: Evidence, budget: PodDisruptionBudget) -> int:
    """The pods there are under the budget once all Deployments of the stage are as large as they want to be."""
    store, namespace = evidence.rolled.played.cluster.store, evidence.key.namespace
    there = (d for d in store.list(Deployment, namespace) if selector.matches(budget.spec.selector, d.spec.template.metadata.labels))
    return sum(d.spec.replicas for d in there)


def needed(budget: PodDisruptionBudget, pods: int) -> int:
    """Healthy pods of so many, without which nothing is allowed. Percentages round up (getExpectedPodCount)."""
    most, least = budget.spec.max_unavailable, budget.spec.min_available
    if most is not None:
        return max(0, pods - intstr.scaled(most, pods, round_up=True))
    return 0 if least is None else intstr.scaled(least, pods, round_up=True)


def _on_these_nodes(manifest: Manifest, stuck: Stuck) -> Answer:
    return Answer(
        rule=BLOCKED,
        level=Level.CAN_FAIL,
        statement=f"draining node {stuck.node} never ends: what takes the place of an evicted pod fits on no other node, "
        f"and PodDisruptionBudget {manifest.name} then lets no further pod go",
        evidence=stuck.said,
        path=("spec", field_of(manifest)),
        where=manifest,
        fix="make room for one more pod on other nodes, or let more pods be unavailable",
    )


def _unknown(budget: PodDisruptionBudget, why: str) -> Answer:
    return Answer(
        rule=BLOCKED,
        level=Level.UNKNOWN,
        statement=f"whether PodDisruptionBudget {budget.metadata.name} lets nodes drain is not known: {why}",
    )


def covering(evidence: Evidence) -> list[Manifest]:
    """The budgets of head that select the Deployment's pods, in the order of the files."""
    found = []
    for manifest in evidence.of_kind("PodDisruptionBudget"):
        budget = evidence.rolled.played.cluster.store.get(PodDisruptionBudget, evidence.key.namespace, manifest.name)
        if budget is not None and selector.matches(budget.spec.selector, labels_of(evidence.manifest)):
            found.append(manifest)
    return found


def labels_of(manifest: Manifest) -> Mapping[str, str]:
    return {k: v for k, v in (pod_labels(manifest) or {}).items() if isinstance(v, str)}


def stored(evidence: Evidence, manifest: Manifest) -> PodDisruptionBudget:
    budget = evidence.rolled.played.cluster.store.get(PodDisruptionBudget, evidence.key.namespace, manifest.name)
    assert budget is not None
    return budget


def _first(evidence: Evidence, manifest: Manifest) -> bool:
    """A budget over several Deployments is told of once: with the first of them that changes."""
    asked: dict[tuple[str, int, str], Key] = evidence.shared.setdefault(BLOCKED.name, {})
    return asked.setdefault((manifest.file, manifest.document, manifest.name), evidence.key) == evidence.key


def _elsewhere(evidence: Evidence, budget: PodDisruptionBudget) -> bool:
    """Whether it selects pods of the set that are not on this stage."""
    here = {m.name for m in evidence.head if m.kind == "Deployment"}
    others = (m for m in evidence.neighbours if m.kind != "Deployment" or m.name not in here)
    return any(selector.matches(budget.spec.selector, labels_of(m)) for m in others if pod_labels(m))


def _counts(budget: PodDisruptionBudget) -> bool:
    """Whether it asks for a number of pods: then it matters how many there are."""
    spec = budget.spec
    return isinstance(spec.min_available, int) or spec.max_unavailable not in (None, 0, "0%") or spec.min_available not in (None, "100%")


def field_of(manifest: Manifest) -> str:
    spec = mapping(manifest.body.get("spec"))
    return "minAvailable" if spec.get("minAvailable") is not None else "maxUnavailable"


def _said(evidence: Evidence) -> tuple[str, ...]:
    return refusal_of(evidence.rolled.played.cluster, evidence)


def refusal_of(cluster: Cluster, evidence: Evidence) -> tuple[str, ...]:
    """What a drain is told, word for word; nothing is evicted by asking."""
    pod = a_running_pod(cluster, evidence)
    if pod is None:
        return ()
    try:
        cluster.evict(pod.metadata.name, pod.metadata.namespace, dry_run=True)
    except ApiError as refused:
        return (refused.message, *(c.message for c in refused.causes))
    return ()


def a_running_pod(cluster: Cluster, evidence: Evidence) -> Pod | None:
    wanted = labels_of(evidence.manifest)
    pods = cluster.store.list(Pod, evidence.key.namespace)
    return next((p for p in pods if p.ready and p.active and selector.matches_labels(wanted, p.metadata.labels)), None)


def drains_with(evidence: Evidence, edits: Sequence[Edit]) -> bool:
    """Whether the pods leave a node that is drained after the edits, which are of budgets."""
    cluster = evidence.rolled.played.cluster.fork()
    return amended(cluster, edits) and drains(cluster, evidence)


def amended(cluster: Cluster, edits: Sequence[Edit]) -> bool:
    """The objects that the edits are of, applied with them; without their root, deleted. False when they are refused."""
    wanted = {id(e.where): e.where for e in edits if e.where is not None}
    try:
        for manifest in wanted.values():
            mine = [e for e in edits if e.where is manifest]
            if any(not e.path for e in mine):
                cluster.delete(manifest.kind, manifest.name, key_of(manifest).namespace)
            else:
                cluster.apply(edited(manifest.body, mine))
    except ApiError:
        return False
    return True


def drains(cluster: Cluster, evidence: Evidence) -> bool:
    """Whether the pods leave a node that is drained, whatever keeps others there. Time passes on the cluster."""
    pod = a_running_pod(cluster, evidence)
    if pod is None:
        return False
    cluster.drain(pod.spec.node_name, ALL)
    return not _pods_on(cluster, pod.spec.node_name, evidence)


def _pods_on(cluster: Cluster, node: str, evidence: Evidence) -> list[Pod]:
    wanted = labels_of(evidence.manifest)
    return [p for p in cluster.store.pods_on(node) if p.active and selector.matches_labels(wanted, p.metadata.labels)]


def _drained(evidence: Evidence) -> Mapping[Key, Stuck]:
    """Each node of the described cluster that has pods with a budget, drained in turn, once for all Deployments together."""
    if evidence.assumed_cluster:
        return {}
    name = f"{BLOCKED.name}: nodes"
    if name not in evidence.shared:
        evidence.shared[name] = _drain_all(evidence.rolled.played.cluster.fork())
    found: Mapping[Key, Stuck] = evidence.shared[name]
    return found


def _drain_all(cluster: Cluster) -> dict[Key, Stuck]:
    stuck: dict[Key, Stuck] = {}
    for node in _nodes_with_budgets(cluster)[:MOST_NODES]:
        if not cluster.run_to_rest(_REST_MS):
            return stuck
        drained = cluster.drain(node, ALL)
        refused = {(a.namespace, a.refused): a for a in drained.attempts if a.refused is not None} if drained.blocked else {}
        for attempt in list(refused.values())[-1:]:
            said: Any = attempt.refused
            words = (said.message, *(c.message for c in said.causes))
            for budget in cluster.store.list(PodDisruptionBudget, attempt.namespace):
                if any(f" budget {budget.metadata.name} " in w for w in words):
                    key = Key("PodDisruptionBudget", attempt.namespace, budget.metadata.name)
                    stuck.setdefault(key, Stuck(node=node, budget=budget.metadata.name, said=words))
        cluster.uncordon(node)
    return stuck


def _nodes_with_budgets(cluster: Cluster) -> list[str]:
    budgets = cluster.store.list(PodDisruptionBudget)
    covered = (
        p.spec.node_name
        for p in cluster.store.list(Pod)
        if p.spec.node_name
        and any(b.metadata.namespace == p.metadata.namespace and selector.matches(b.spec.selector, p.metadata.labels) for b in budgets)
    )
    return sorted(set(covered))


def several(evidence: Evidence) -> Iterator[Answer]:
    """Whatever they allow: the eviction is an error of the server."""
    budgets = covering(evidence)
    if len(budgets) < 2:
        return
    first, second = budgets[:2]
    yield Answer(
        rule=TWO,
        level=Level.FAILS,
        statement=f"no pod of {evidence.manifest.subject} can be evicted: PodDisruptionBudgets "
        f"{' and '.join(m.name for m in budgets)} both select them",
        bounds="any cluster",
        evidence=_said(evidence),
        path=("spec", "selector"),
        where=second,
        key=True,
        fix=f"delete one of the budgets, or let {first.name} and {second.name} select different pods",
        verified=_evicts_without(evidence, budgets[1:]),
    )


def _evicts_without(evidence: Evidence, budgets: Sequence[Manifest]) -> bool:
    """Whether the eviction API has a plain answer once they are gone."""
    cluster = evidence.rolled.played.cluster.fork()
    gone = amended(cluster, [Edit(where=m, path=(), value=None) for m in budgets])
    return gone and not any("more than one" in said for said in refusal_of(cluster, evidence))
