"""How many nodes or zones the pods need, when each takes a place to itself: anti-affinity, host ports, a spread over a least number.

The arithmetic holds on any cluster. A rolling update without unavailable pods needs one place more than there are replicas, for the
first new pod; the rest of the surge may wait, and does.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from msgspec import Struct
from msgspec.structs import replace

from kgate.engine.api.core import Node, Pod
from kgate.engine.api.selector import matches
from kgate.engine.controllers.deployment.revisions import HASH
from kgate.engine.scheduler.nodeinfo import PodInfo
from kgate.finding import Rule, Severity, Stage
from kgate.manifest import Path
from kgate.rollout.cluster import ClusterSpec
from kgate.rollout.nodes import HOSTNAME, ZONE, NodeSpec
from kgate.rollout.questions.evidence import Answer, Edit, Evidence, Level, verified
from kgate.rollout.questions.places import domains, open_nodes, pod_of, word
from kgate.rollout.written import items, mapping, node

TOO_FEW = Rule(
    id="KG5111",
    name="too-few-domains",
    stage=Stage.ROLLOUT,
    severity=Severity.ERROR,
    summary="there are fewer nodes or zones than the rollout needs, with a place of its own for each pod",
    why="Required anti-affinity, host ports and minDomains keep pods apart whatever room there is; new pods then wait for old ones to go.",
    remediation="set maxSurge to 0 and maxUnavailable to 1, so that an old pod goes first, or add nodes",
    references=("https://kubernetes.io/docs/concepts/scheduling-eviction/assign-pod-node/#inter-pod-affinity-and-anti-affinity",),
)

_POD: Path = ("spec", "template", "spec")
_STRATEGY: Path = ("spec", "strategy")
_MOST_ADDED = 50


class Limit(Struct, frozen=True, kw_only=True):
    """Something that lets only so many pods into one domain."""

    path: Path
    why: str
    key: str
    """The label whose values are the domains."""
    each: int = 1
    most: int | None = None
    """With so many domains it does not limit any more; None: it always does."""
    together: bool
    """Whether old and new pods count together."""

    def needed(self, pods: int) -> int:
        domains_ = -(-pods // self.each)
        return domains_ if self.most is None else min(self.most, domains_)


class Need(Struct, frozen=True, kw_only=True):
    """Domains for a limit."""

    limit: Limit
    least: int
    """For the rollout to complete."""
    at_once: int
    """For the whole surge to start at once."""
    surges: bool
    """Whether the least includes one for a new pod that comes before an old one goes."""

    def text(self, replicas: int) -> str:
        n, key = self.least, self.limit.key
        more = ", and one more for a new pod before an old one goes" if self.surges else ""
        return f"needs at least {n} {word(key, n)}: {self.limit.why}, {replicas} of them{more}"


def too_few(evidence: Evidence) -> Iterator[Answer]:
    """One answer, of the limit that needs most beyond what is there."""
    if evidence.followed.last is None:
        return
    needs = [need for limit in limits(evidence) if (need := _need(evidence, limit)).least > 1]
    if not needs:
        return
    nodes = open_nodes(evidence)
    worst = max(needs, key=lambda n: n.least - len(domains(nodes, n.limit.key)))
    replicas = evidence.rehearsal.replicas
    if evidence.assumed_cluster:
        yield Answer(rule=TOO_FEW, level=Level.UNKNOWN, statement=worst.text(replicas), bounds="any cluster", path=worst.limit.path)
        return
    there = len(domains(nodes, worst.limit.key))
    if there < worst.least:
        yield _fails(evidence, worst, there)
    elif evidence.rehearsal.completed_ms is not None:
        waits = there < worst.at_once
        slow = f"; with {worst.at_once} the whole surge would start at once" if waits else ""
        yield Answer(rule=TOO_FEW, level=Level.PASSES, statement=f"{worst.text(replicas)}; {there} are open to the pods{slow}")


def limits(evidence: Evidence) -> list[Limit]:
    """In the order of the template."""
    new, old = pod_of(evidence), pod_of(evidence, new=False)
    return [*_anti_affinity(evidence, new, old), *_ports(evidence, new), *_spread(new)]


def _anti_affinity(evidence: Evidence, new: Pod, old: Pod) -> Iterator[Limit]:
    where: Path = (*_POD, "affinity", "podAntiAffinity", "requiredDuringSchedulingIgnoredDuringExecution")
    for i, term in enumerate(PodInfo.of(new).anti_affinity):
        if term.matches(new, {}):
            why = f"each pod has a {word(term.topology_key)} to itself (required anti-affinity)"
            yield Limit(path=(*where, i), why=why, key=term.topology_key, together=term.matches(old, {}))


def _ports(evidence: Evidence, new: Pod) -> Iterator[Limit]:
    ports = PodInfo.of(new).host_ports
    if ports:
        why = f"each pod has a node to itself (host port {ports[0][2]})"
        yield Limit(path=_port_path(evidence), why=why, key=HOSTNAME, together=True)


def _port_path(evidence: Evidence) -> Path:
    for i, container in enumerate(items(node(evidence.manifest.body, (*_POD, "containers")))):
        for j, port in enumerate(items(mapping(container).get("ports"))):
            if mapping(port).get("hostPort"):
                return (*_POD, "containers", i, "ports", j, "hostPort")
    return (*_POD, "hostNetwork")


def _spread(new: Pod) -> Iterator[Limit]:
    """With fewer domains than minDomains, each takes no more than maxSkew (podtopologyspread/filtering.go:minMatchNum)."""
    for i, c in enumerate(new.spec.topology_spread_constraints):
        if c.when_unsatisfiable == "DoNotSchedule" and (c.min_domains or 1) > 1 and matches(c.label_selector, new.metadata.labels):
            why = f"with fewer than {c.min_domains} each takes {c.max_skew} pod{'' if c.max_skew == 1 else 's'} (minDomains)"
            yield Limit(
                path=(*_POD, "topologySpreadConstraints", i, "minDomains"),
                why=why,
                key=c.topology_key,
                each=max(1, c.max_skew),
                most=c.min_domains,
                together=HASH not in c.match_label_keys,
            )


def _need(evidence: Evidence, limit: Limit) -> Need:
    r = evidence.rehearsal
    beside = limit.together and evidence.followed.start.old_ready > 0 and r.strategy != "Recreate"
    first = 1 if beside and not r.unavailable else 0
    least = limit.needed(r.replicas + first)
    return Need(
        limit=limit,
        least=least,
        at_once=limit.needed(r.replicas + (r.surge if beside else 0)),
        surges=least > limit.needed(r.replicas),
    )


def _fails(evidence: Evidence, need: Need, there: int) -> Answer:
    text, done = _way_out(evidence, need, there)
    failed = evidence.rehearsal.completed_ms is None
    missing = need.least - there
    return Answer(
        rule=TOO_FEW,
        level=Level.FAILS if failed else Level.UNKNOWN,
        statement=f"{need.text(evidence.rehearsal.replicas)}; {there} {'is' if there == 1 else 'are'} open to the pods: {missing} more",
        path=need.limit.path,
        fix=text,
        verified=done,
    )


def _way_out(evidence: Evidence, need: Need, there: int) -> tuple[str, bool]:
    """Without more nodes where that can be; else the fewest that were played and suffice."""
    if need.surges and need.least - there == 1:
        edits = [Edit(path=_STRATEGY, value={"type": "RollingUpdate", "rollingUpdate": {"maxSurge": 0, "maxUnavailable": 1}})]
        if verified(evidence, edits, _completes):
            return f"set maxSurge to 0 and maxUnavailable to 1, so that an old pod goes first, or {_adding(need, there)}", True
    larger = _larger(evidence, need, need.least - there)
    played = evidence.elsewhere(larger) if larger is not None else None
    return _adding(need, there), played is not None and _completes(played)


def _adding(need: Need, there: int) -> str:
    missing, key = need.least - there, need.limit.key
    if key in (HOSTNAME, ZONE):
        return f"add {missing} {word(key, missing)} that {'is' if missing == 1 else 'are'} open to the pods"
    return f"add nodes with {missing} more {word(key, missing)}"


def _completes(evidence: Evidence) -> bool:
    return evidence.rehearsal.completed_ms is not None


def _larger(evidence: Evidence, need: Need, missing: int) -> ClusterSpec | None:
    """With so many more domains: each a node like the first that is open, under a label of its own."""
    cluster, nodes = evidence.rolled.cluster, open_nodes(evidence)
    like = next((n for n in cluster.nodes if _is(n, nodes)), None)
    if like is None or missing > _MOST_ADDED:
        return None
    return replace(cluster, nodes=(*cluster.nodes, *(_added(like, need.limit.key, i) for i in range(1, missing + 1))))


def _is(spec: NodeSpec, nodes: Sequence[Node]) -> bool:
    return any(n.metadata.name == spec.name for n in nodes)


def _added(like: NodeSpec, key: str, i: int) -> NodeSpec:
    name = f"{like.name}-more-{i}"
    labels = {k: v for k, v in like.labels.items() if k != HOSTNAME}
    if key == ZONE:
        return replace(like, name=name, zone=f"more-{i}", labels=labels)
    return replace(like, name=name, labels=labels if key == HOSTNAME else labels | {key: f"more-{i}"})
