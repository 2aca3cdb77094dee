from __future__ import annotations

import pytest

from tests.rollout.questions.conftest import NODES, Ask, Asked, deployment

HOSTNAME, ZONE, RACK = "kubernetes.io/hostname", "topology.kubernetes.io/zone", "rack"
APART = "[pod-template-hash]"
NO_SURGE_ROOM = "strategy: {rollingUpdate: {maxSurge: 2, maxUnavailable: 0}}"
ONE_GOES = "strategy: {rollingUpdate: {maxSurge: 2, maxUnavailable: 1}}"
RACKS = "nodes: [{name: n1, labels: {rack: r1}}, {name: n2, labels: {rack: r2}}, {name: n3, labels: {rack: r2}}]"
PORT = "ports: [{containerPort: 80, hostPort: 80}]"


def anti_affinity(key: str, match_label_keys: str = "[]") -> str:
    return (
        "affinity:\n  podAntiAffinity:\n    requiredDuringSchedulingIgnoredDuringExecution:\n"
        f"      - {{topologyKey: {key}, labelSelector: {{matchLabels: {{app: web}}}}, matchLabelKeys: {match_label_keys}}}"
    )


def rolled(ask: Ask, replicas: int, pod: str = "", *, spec: str = NO_SURGE_ROOM, container: str = "", nodes: str | None = NODES) -> Asked:
    head, base = (deployment(image, replicas=replicas, pod=pod, spec=spec, container=container) for image in ("web:2", "web:1"))
    return ask(head, base, nodes=nodes)


@pytest.mark.parametrize(
    ("replicas", "pod", "container", "needs"),
    [
        (4, anti_affinity(HOSTNAME), "", "5 nodes: each pod has a node to itself (required anti-affinity), 4 of them"),
        (2, anti_affinity(ZONE), "", "3 zones: each pod has a zone to itself (required anti-affinity), 2 of them"),
        (4, "", PORT, "5 nodes: each pod has a node to itself (host port 80), 4 of them"),
    ],
)
def test_one_place_too_few_is_told_with_the_strategy_that_needs_none_more(
    ask: Ask, replicas: int, pod: str, container: str, needs: str
) -> None:
    asked = rolled(ask, replicas, pod, container=container)
    proof = asked.proof("too-few-domains")
    assert proof is not None
    assert (proof.level, proof.verified) == ("fails", True)
    there = 2 if "zones" in needs else 4
    assert (
        proof.statement
        == f"needs at least {needs}, and one more for a new pod before an old one goes; {there} are open to the pods: 1 more"
    )
    assert proof.fix.startswith("set maxSurge to 0 and maxUnavailable to 1, so that an old pod goes first, or add 1 ")
    # The rehearsal stands still for it: that is the finding, with the way out that was played; the question stays a proof.
    assert (asked.found("too-few-domains"), asked.found("rollout-does-not-converge")) == (None, ("head.yaml", 6))
    (finding,) = (f for f in asked.findings if f.name == "rollout-does-not-converge")
    assert finding.remediation == f"{proof.fix} (played: it then passes)"


@pytest.mark.parametrize(
    ("replicas", "pod", "container", "line"), [(5, anti_affinity(HOSTNAME), "", 13), (3, anti_affinity(ZONE), "", 13), (5, "", PORT, 13)]
)
def test_pods_that_fit_nowhere_even_alone_are_counted_at_the_line_that_keeps_them_apart(
    ask: Ask, replicas: int, pod: str, container: str, line: int
) -> None:
    asked = ask(deployment(replicas=replicas, pod=pod, container=container))
    assert asked.found("too-few-domains") == ("head.yaml", line)
    assert asked.found("pods-unschedulable") is None  # one cause, one finding
    assert asked.rehearsal.verdict == "fail"


def test_more_places_are_counted_and_played(ask: Ask) -> None:
    proof = rolled(ask, 6, anti_affinity(HOSTNAME)).proof("too-few-domains")
    assert proof is not None
    assert (proof.level, proof.verified, proof.fix) == ("fails", True, "add 3 nodes that are open to the pods")


def test_nodes_of_one_rack_are_one_place(ask: Ask) -> None:
    proof = rolled(ask, 2, anti_affinity(RACK), nodes=RACKS, spec=NO_SURGE_ROOM).proof("too-few-domains")
    assert proof is not None
    assert "needs at least 3 values of rack" in proof.statement
    assert proof.fix.endswith("add nodes with 1 more value of rack")


def test_an_old_pod_that_goes_first_needs_no_place_more(ask: Ask) -> None:
    proof = rolled(ask, 4, anti_affinity(HOSTNAME), spec=ONE_GOES).proof("too-few-domains")
    assert proof is not None
    assert proof.level == "passes"
    assert proof.statement.endswith("4 of them; 4 are open to the pods; with 6 the whole surge would start at once")


def test_revisions_that_are_kept_apart_only_from_themselves_need_no_place_more(ask: Ask) -> None:
    proof = rolled(ask, 4, anti_affinity(HOSTNAME, APART)).proof("too-few-domains")
    assert proof is not None
    assert (proof.level, proof.statement.endswith("4 of them; 4 are open to the pods")) == ("passes", True)


def test_fewer_domains_than_min_domains_take_few_pods_each(ask: Ask) -> None:
    pod = (
        "topologySpreadConstraints:\n  - {maxSkew: 1, minDomains: 3, topologyKey: topology.kubernetes.io/zone, "
        "whenUnsatisfiable: DoNotSchedule, labelSelector: {matchLabels: {app: web}}}"
    )
    proof = rolled(ask, 4, pod).proof("too-few-domains")
    assert proof is not None
    assert (proof.level, proof.verified, proof.fix) == ("fails", True, "add 1 zone that is open to the pods")
    assert "with fewer than 3 each takes 1 pod (minDomains)" in proof.statement


def test_nodes_that_are_closed_to_the_pods_do_not_count(ask: Ask) -> None:
    nodes = NODES[:-1] + ", {name: gpu, zone: c, taints: [{key: gpu, effect: NoSchedule}]}, {name: old, zone: d, unschedulable: true}]"
    proof = rolled(ask, 2, anti_affinity(ZONE), nodes=nodes).proof("too-few-domains")
    assert proof is not None
    assert "2 are open to the pods: 1 more" in proof.statement


def test_on_an_assumed_cluster_only_the_number_is_known(ask: Ask) -> None:
    asked = rolled(ask, 4, anti_affinity(HOSTNAME), nodes=None)
    proof = asked.proof("too-few-domains")
    assert proof is not None
    assert (proof.level, proof.bounds) == ("unknown", "any cluster")
    assert proof.statement.startswith("needs at least 5 nodes")
    assert asked.found("too-few-domains") is None


def test_pods_that_share_places_are_not_counted(ask: Ask) -> None:
    assert rolled(ask, 4).level("too-few-domains") == ""
